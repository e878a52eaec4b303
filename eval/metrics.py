"""Metrics, each with its protocol in its id.

Inputs are HxWx3 uint8 RGB pictures of equal size. Y is BT.601 luma in [16, 235], not rounded, for PSNR and SSIM alike.
What follows from a definition is computed by `eval.fidelity`; what is learned is imported only when it is asked for,
above all pyiqa, because its license does not allow commercial use.
"""

from __future__ import annotations

import functools
import math

from zoo.registry import Registry

from . import features, fidelity, identity, learned, niqe, paper_ssim, perceptual, quality, sets, wavelets
from .clip_metrics import CLIP_METRICS
from .metric import DoesNotCount as DoesNotCount
from .metric import Metric, SetMetric
from .metric import NotComputable as NotComputable
from .plugins import PLUGINS
from .ssimulacra2 import ssimulacra2

TORCH = ("torch",)
VGG_LICENSE = "Apache-2.0 (VGG-19's weights)"
FACE_LICENSE = "Apache-2.0 (MobileFaceNet's weights)"
PYIQA = "PolyForm-Noncommercial-1.0.0 (pyiqa)"
Y = "Y of BT.601 in [16, 235]"
GREY = "gray of BT.709"
HOLE = "the hole"
FACE = "the largest face"
METRICS: Registry[Metric] = Registry("metric", PLUGINS)
"""What is measured picture by picture."""
SET_METRICS: Registry[SetMetric] = Registry("set metric", PLUGINS)
"""What is measured of all pictures of a set together (`python -m eval measure`)."""

METRICS.add(
    (metric.id, metric)
    for metric in (
        Metric("psnr_rgb", "PSNR over R, G and B", True, 0, 80, "dB", fidelity.psnr_rgb),
        Metric("psnr_y", "PSNR of luma in [16, 235], peak 255", True, 0, 80, "dB", fidelity.of_luma(fidelity.psnr),
               color=Y),
        *(
            metric
            for border in (2, 4)
            for metric in (
                Metric(f"psnr_y_border{border}", f"PSNR of luma in [16, 235], peak 255, without {border} pixels at "
                       "each edge", True, 0, 80, "dB", fidelity.of_luma(fidelity.psnr, border), color=Y,
                       crop=f"without {border} px at each edge"),
                Metric(f"ssim_y_border{border}", f"SSIM of luma, Gaussian window 11, sigma 1.5, without {border} "
                       "pixels at each edge", True, -1, 1, "", fidelity.of_luma(fidelity.ssim, border), color=Y,
                       crop=f"without {border} px at each edge"),
            )
        ),
        Metric("ssim_rgb", "SSIM, Gaussian window 11, sigma 1.5, mean of R, G, B", True, -1, 1, "", fidelity.ssim_rgb,
               version=2, crop="where the window fits"),
        Metric("ssim_y", "SSIM, Gaussian window 11, sigma 1.5, luma", True, -1, 1, "", fidelity.of_luma(fidelity.ssim),
               version=2, color=Y, crop="where the window fits"),
        Metric("ms_ssim_y", "MS-SSIM of luma, five scales", True, 0, 1, "", fidelity.of_luma(fidelity.ms_ssim),
               version=2, color=Y, crop="where the window fits"),
        Metric("ssim_rgb_volume", "SSIM of RGB as a volume, as MATLAB's ssim takes it: GoPro's usual protocol", True,
               -1, 1, "", paper_ssim.ssim_rgb_volume, libraries=("scipy",)),
        Metric("psnr_grey", "PSNR of gray values: EdgeConnect's", True, 0, 80, "dB", paper_ssim.psnr_grey, color=GREY),
        Metric("ssim_grey_window51", "SSIM of gray values, even windows of 51 pixels: EdgeConnect's", True, -1, 1, "",
               paper_ssim.ssim_grey_window51, libraries=("scikit-image",), color=GREY, crop="where the window fits"),
        Metric("cw_ssim", "CW-SSIM as DeblurGAN-v2's code has it, which its paper calls SSIM", True, 0, 1, "",
               wavelets.cw_ssim, libraries=("scipy", "Pillow"), color="gray of BT.601, 8 bits"),
        Metric("l1_percent", "mean absolute error, R, G, B, of the full range", False, 0, 100, "%",
               fidelity.l1_percent),
        Metric("psnr_hole", "PSNR over R, G, B inside the hole", True, 0, 80, "dB", fidelity.psnr_hole, crop=HOLE),
        Metric("l1_hole_percent", "mean absolute error inside the hole", False, 0, 100, "%",
               fidelity.l1_hole_percent, crop=HOLE),
        Metric("ssim_hole", "SSIM of luma, mean over the hole", True, -1, 1, "", features.ssim_hole, color=Y,
               crop=HOLE),
        Metric("edge_f1_hole", "F1 score of Canny's edges inside the hole, a pixel of tolerance", True, 0, 1, "",
               features.edge_f1_hole, libraries=("scikit-image",), color=Y, crop=HOLE),
        Metric("ssimulacra2", "SSIMULACRA 2.1", True, -math.inf, 100, "", ssimulacra2, color="XYB",
               license="BSD-3-Clause (its weights)"),
        *(
            Metric(f"lpips_{network}", f"LPIPS 0.1 with {title}, inputs in [-1, 1]", False, 0, 1, "",
                   learned.lpips_distance(network), functools.partial(learned.lpips_missing, network),
                   license=f"BSD-2-Clause (lpips), BSD-3-Clause (torchvision's {title})", libraries=("torch", "lpips"))
            for network, title in (("alex", "AlexNet"), ("vgg", "VGG-16"), ("squeeze", "SqueezeNet"))
        ),
        Metric("dists", "DISTS: structure and texture by VGG-16, at full size", False, 0, 1, "", learned.dists,
               learned.dists_missing, license="MIT (its weights), BSD-3-Clause (torchvision's VGG-16)",
               libraries=("torch", "torchvision")),
        Metric("vgg_conv3_1", "squared difference of VGG-19's features of conv3_1, normalized weights", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized"),
               functools.partial(perceptual.vgg_missing, "normalized"), license=VGG_LICENSE, libraries=TORCH),
        Metric("vgg_conv3_1_torchvision", "squared difference of VGG-19's features of conv3_1, torchvision's weights",
               False, 0, math.inf, "", perceptual.vgg_distance("torchvision"),
               functools.partial(perceptual.vgg_missing, "torchvision"),
               license="BSD-3-Clause (torchvision's VGG-19)", libraries=TORCH),
        Metric("vgg_conv3_1_hole", "vgg_conv3_1 over the cells of 4 x 4 pixels that the hole touches", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized", only_hole=True),
               functools.partial(perceptual.vgg_missing, "normalized"), license=VGG_LICENSE, libraries=TORCH,
               crop=HOLE),
        Metric("colorfulness_error", "difference of colorfulness (Hasler and Susstrunk 2003), relative to the truth's",
               False, 0, math.inf, "%", features.colorfulness_error),
        Metric("colorfulness", "colorfulness (Hasler and Susstrunk 2003), no reference", True, 0, math.inf, "",
               features.colorfulness),
        Metric("sharpness", "root mean square gradient of luma (Tenengrad), no reference; noise counts as sharp", True,
               0, math.inf, "", features.sharpness, color=Y),
        Metric("niqe", "NIQE of luma, no reference", False, 0, math.inf, "", niqe.niqe, niqe.niqe_missing, version=2,
               license="Apache-2.0 (BasicSR's model of pristine pictures)", color=Y, crop="whole blocks of 96 px"),
        *(
            Metric(name, title, higher, low, high, "", quality.quality(name), functools.partial(quality.missing, name),
                   license=f"{PYIQA}{license}", libraries=("torch", "pyiqa", *libraries), color=color)
            for name, title, higher, low, high, license, libraries, color in (
                ("musiq", "MUSIQ trained on KonIQ-10k, no reference", True, -math.inf, math.inf, "", (), "RGB"),
                ("topiq", "TOPIQ trained on KonIQ-10k, no reference", True, -math.inf, math.inf, "", ("timm",), "RGB"),
                ("clipiqa", "CLIP-IQA with ResNet-50, no reference", True, 0, 1, ", MIT (CLIP)", (), "RGB"),
                ("brisque", "BRISQUE, no reference", False, -math.inf, math.inf, "", (), Y),
            )
        ),
        Metric("face_similarity_dlib", "same person: 1 - distance of dlib's face embeddings (0.4 and up: the same)",
               True, -1, 1, "", identity.face_similarity("dlib"),
               functools.partial(identity.embedding_missing, "dlib"),
               license="BSL-1.0 (dlib), CC0-1.0 (its weights)", libraries=("dlib-bin",), crop=FACE),
        Metric("face_similarity", "same person: cosine of MobileFaceNet's embeddings (0.35 and up: the same)",
               True, -1, 1, "", identity.face_similarity("mobilefacenet"),
               functools.partial(identity.embedding_missing, "mobilefacenet"), license=FACE_LICENSE, crop=FACE),
        Metric("face_same_person", "probability of the same person by MobileFaceNet, calibrated; 0 where no face is "
               "found", True, 0, 1, "", identity.same_person,
               functools.partial(identity.embedding_missing, identity.EMBEDDING), license=FACE_LICENSE, crop=FACE),
        Metric("identity_failure", f"share of faces whose probability of the same person is below {identity.FAILED}",
               False, 0, 100, "%", identity.identity_failure,
               functools.partial(identity.embedding_missing, identity.EMBEDDING), license=FACE_LICENSE, crop=FACE),
        Metric("face_not_found", "share of faces that the detector no longer finds", False, 0, 100, "%",
               identity.face_not_found, crop=FACE),
        Metric("landmark_error", "distance of five face landmarks, of the distance between the eyes; 100 where no "
               "face is found", False, 0, 100, "%", identity.landmark_error, crop=FACE),
        *CLIP_METRICS,
    )
)  # fmt: skip

SET_METRICS.add(
    (metric.id, metric)
    for name, title, rows, needs, license, libraries, crop in (
        ("vgg19_patches", f"VGG-19's conv3_1, averaged over patches of {sets.PATCH} pixels", sets.vgg_patches,
         functools.partial(perceptual.vgg_missing, "normalized"), VGG_LICENSE, TORCH,
         f"whole patches of {sets.PATCH} px"),
        ("mobilefacenet", "MobileFaceNet's embeddings of the largest face", sets.face_embedding,
         functools.partial(identity.embedding_missing, "mobilefacenet"), FACE_LICENSE, (), FACE),
    )
    for metric in (
        SetMetric(f"fid_{name}", f"Frechet distance of {title}", False, 0, math.inf, "", rows, sets.frechet_distance,
                  sets.full_rank, needs, license=license, libraries=("scipy", *libraries), crop=crop),
        SetMetric(f"kid_{name}", f"kernel distance of {title}", False, -math.inf, math.inf, "", rows,
                  sets.kernel_distance, sets.fewest, needs, license=license, libraries=libraries, crop=crop),
    )
)  # fmt: skip


def get_metric(name: str) -> Metric:
    """The metric of that id. Raises UnknownNameError.

    >>> import numpy as np
    >>> restored, target = np.full((16, 16, 3), 110, np.uint8), np.full((16, 16, 3), 100, np.uint8)
    >>> round(get_metric("psnr_rgb").compute(restored, target, None), 3)
    28.131
    """
    return METRICS.get(name)
