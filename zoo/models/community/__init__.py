"""Published checkpoints that people ask for, run by spandrel; their files are fetched from where they are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...card import ModelCard, SizeRule, Source, Tiling, Weights
from ...registry import register

if TYPE_CHECKING:
    import torch

MARGIN = 32
"""Context of a tile in pixels; spandrel says whether a model may be tiled, not how far it looks."""
GITHUB = "https://github.com"


@dataclass(frozen=True)
class Checkpoint:
    """What is particular of one checkpoint."""

    id: str
    title: str
    task: str
    license: str
    architecture: str
    """spandrel's id of it."""
    file: str
    source: str
    """Direct link below GITHUB, or "hf:" and the Hub repository that has the file."""
    summary: str
    paper: str
    sha256: str | None = None
    """Where a source states it: OpenModelDB, or projects that pin the file."""
    size: int | None = None
    scale: int = 1
    commercial: bool | None = True
    tiled: bool = True
    """spandrel says that it may run in tiles."""
    extra: bool = False
    """Its architecture is in spandrel_extra_arches, under a license that is not permissive."""
    page: str | None = None
    """For people, where there is no direct link by its authors."""
    default: bool = False
    notes: tuple[str, ...] = ()


CHECKPOINTS = (
    Checkpoint(
        "lama.big", "Big LaMa", "inpaint", "Apache-2.0", "LaMa", "big-lama.pt",
        "Sanster/models/releases/download/add_big_lama/big-lama.pt",
        "Fills holes of any size by Fourier convolutions, which see the whole picture at once.",
        "Suvorov et al., Resolution-robust Large Mask Inpainting with Fourier Convolutions, WACV 2022, "
        "https://arxiv.org/abs/2109.07161",
        tiled=False, default=True,
    ),
    Checkpoint(
        "gfpgan.v1-4", "GFPGAN 1.4", "face", "Apache-2.0", "GFPGAN", "GFPGANv1.4.pth",
        "TencentARC/GFPGAN/releases/download/v1.3.4/GFPGANv1.4.pth",
        "Restores aligned portraits at 512 x 512 pixels with StyleGAN2's prior.",
        "Wang et al., Towards Real-World Blind Face Restoration with Generative Facial Prior, CVPR 2021, "
        "https://arxiv.org/abs/2101.04061",
        "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad", 348_632_874, default=True,
    ),
    Checkpoint(
        "codeformer.v0-1", "CodeFormer", "face", "S-Lab License 1.0 (non-commercial)", "CodeFormer",
        "codeformer.pth", "sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
        "Restores aligned portraits at 512 x 512 pixels from a codebook of facial parts.",
        "Zhou et al., Towards Robust Blind Face Restoration with Codebook Lookup Transformer, NeurIPS 2022, "
        "https://arxiv.org/abs/2206.11253",
        "1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7", 376_637_898,
        commercial=False, extra=True, default=True,
    ),
    Checkpoint(
        "restoreformer.v1", "RestoreFormer", "face", "Apache-2.0", "RestoreFormer", "RestoreFormer.pth",
        "TencentARC/GFPGAN/releases/download/v1.3.4/RestoreFormer.pth",
        "Restores aligned portraits at 512 x 512 pixels by attention to a dictionary of high-quality faces.",
        "Wang et al., RestoreFormer: High-Quality Blind Face Restoration from Undegraded Key-Value Pairs, CVPR 2022, "
        "https://arxiv.org/abs/2201.06374",
        default=True,
    ),
    *(
        Checkpoint(
            f"nafnet.{variant}", f"NAFNet, width 64, {data}", task, "MIT", "NAFNet", f"NAFNet-{data}-width64.pth",
            "hf:nyanko7/nafnet-models", summary,
            "Chen et al., Simple Baselines for Image Restoration, ECCV 2022, https://arxiv.org/abs/2204.04676",
            sha256, default=variant == "gopro",
            page="https://github.com/megvii-research/NAFNet#results-and-pre-trained-models",
            notes=(note, "Its authors publish it on Google Drive; the file on the Hub is a copy."),
        )
        for variant, data, task, sha256, summary, note in (
            ("gopro", "GoPro", "deblur", "329d3ab4077b8d6b7ff61de376e483714667960bf85be027bf4335cda701196f",
             "Removes motion blur; the strongest of the plain convolutional networks on GoPro.",
             "Trained on GoPro's training part: compare it on GoPro's test part alone."),
            ("sidd", "SIDD", "denoise", "cd685efaae01f7c4e9951f2deab05780079c8eb1e49ed664b72f6db04dabb445",
             "Removes the noise of phone cameras.", "Trained on raw-like noise of five phones (SIDD)."),
        )
    ),
    *(
        Checkpoint(
            f"restormer.{variant}", f"Restormer, {what}", task, "Academic Public License (non-commercial)",
            "Restormer", file, f"swz30/Restormer/releases/download/v1.0/{file}", summary,
            "Zamir et al., Restormer: Efficient Transformer for High-Resolution Image Restoration, CVPR 2022, "
            "https://arxiv.org/abs/2111.09881",
            commercial=False, extra=True, default=variant == "motion",
        )
        for variant, what, task, file, summary in (
            ("motion", "motion blur", "deblur", "motion_deblurring.pth", "Removes motion blur; trained on GoPro."),
            ("defocus", "defocus", "deblur", "single_image_defocus_deblurring.pth", "Removes blur by defocus."),
            ("denoise", "Gaussian noise", "denoise", "gaussian_color_denoising_blind.pth",
             "Removes Gaussian noise of unknown strength from color pictures."),
        )
    ),
    *(
        Checkpoint(
            f"scunet.{variant}", f"SCUNet, {variant.upper()}", "denoise", "Apache-2.0", "SCUNet",
            f"scunet_color_real_{variant}.pth", f"cszn/KAIR/releases/download/v1.0/scunet_color_real_{variant}.pth",
            summary,
            "Zhang et al., Practical Blind Image Denoising via Swin-Conv-UNet and Data Synthesis, Machine Intelligence "
            "Research 2023, https://arxiv.org/abs/2203.13278",
            tiled=False, default=variant == "psnr",
        )
        for variant, summary in (
            ("psnr", "Removes real noise of unknown kind; trained for low error."),
            ("gan", "Removes real noise of unknown kind; trained against a discriminator, so it adds detail."),
        )
    ),
    Checkpoint(
        "fbcnn.color", "FBCNN", "restore", "Apache-2.0", "FBCNN", "fbcnn_color.pth",
        "jiaxi-jiang/FBCNN/releases/download/v1.0/fbcnn_color.pth",
        "Removes JPEG artifacts of unknown quality, also of pictures compressed twice.",
        "Jiang, Zhang, Timofte, Towards Flexible Blind JPEG Artifacts Removal, ICCV 2021, "
        "https://arxiv.org/abs/2109.14573",
        default=True,
    ),
    Checkpoint(
        "dncnn.color-blind", "DnCNN, color, blind", "denoise", "MIT", "DnCNN", "dncnn_color_blind.pth",
        "cszn/KAIR/releases/download/v1.0/dncnn_color_blind.pth",
        "Removes Gaussian noise of up to 55 (of 255) by 20 convolutions.",
        "Zhang et al., Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising, IEEE TIP 2017, "
        "https://arxiv.org/abs/1608.03981",
        default=True,
    ),
    Checkpoint(
        "swinir.real-x4", "SwinIR, real pictures 4x", "super-resolution", "Apache-2.0", "SwinIR",
        "003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth",
        "JingyunLiang/SwinIR/releases/download/v0.0/003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN.pth",
        "Enlarges real, degraded pictures by windowed attention.",
        "Liang et al., SwinIR: Image Restoration Using Swin Transformer, ICCV Workshops 2021, "
        "https://arxiv.org/abs/2108.10257",
        "99adfa91350a84c99e946c1eb3d8fce34bc28f57d807b09dc8fe40a316328c0a", 142_473_939, scale=4, tiled=False,
        default=True,
    ),
    Checkpoint(
        "hat.x4", "HAT 4x", "super-resolution", "Apache-2.0", "HAT", "4x-HAT_SR.pth",
        "OpenModelDB/model-hub/releases/download/hat/4x-HAT_SR.pth",
        "Enlarges clean pictures by attention over channels and windows, with low error.",
        "Chen et al., Activating More Pixels in Image Super-Resolution Transformer, CVPR 2023, "
        "https://arxiv.org/abs/2205.04437",
        scale=4, default=True,
    ),
    Checkpoint(
        "dat.x4", "DAT 4x", "super-resolution", "Apache-2.0", "DAT", "4x-DAT.pth",
        "OpenModelDB/model-hub/releases/download/dat/4x-DAT.pth",
        "Enlarges clean pictures by attention over space and channels in turns, with low error.",
        "Chen et al., Dual Aggregation Transformer for Image Super-Resolution, ICCV 2023, "
        "https://arxiv.org/abs/2308.03364",
        scale=4, default=True,
    ),
    Checkpoint(
        "real-esrgan.x2plus", "Real-ESRGAN 2x", "super-resolution", "BSD-3-Clause", "ESRGAN",
        "RealESRGAN_x2plus.pth", "xinntao/Real-ESRGAN/releases/download/v0.2.1/RealESRGAN_x2plus.pth",
        "Enlarges photographs with noise, blur and JPEG artifacts, and invents plausible detail.",
        "Wang et al., Real-ESRGAN, ICCV Workshops 2021, https://arxiv.org/abs/2107.10833",
        "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb", 67_061_725, scale=2,
    ),
    Checkpoint(
        "real-esrgan.general-x4v3", "Real-ESRGAN, general, small 4x", "super-resolution", "BSD-3-Clause", "Compact",
        "realesr-general-x4v3.pth", "xinntao/Real-ESRGAN/releases/download/v0.2.5.0/realesr-general-x4v3.pth",
        "Enlarges degraded pictures fast: 1.2 million parameters.",
        "Wang et al., Real-ESRGAN, ICCV Workshops 2021, https://arxiv.org/abs/2107.10833",
        "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292", 4_885_111, scale=4,
    ),
    Checkpoint(
        "ddcolor.paper-tiny", "DDColor, tiny", "colorize",
        "Apache-2.0 (its repository; a notice in its code allows academic, non-commercial use alone)", "DDColor",
        "ddcolor_paper_tiny.pth",
        "hf:piddnad/DDColor-models",
        "Gives grey pictures colors by learned color queries.",
        "Kang et al., DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders, ICCV 2023, "
        "https://arxiv.org/abs/2212.11613",
        commercial=None, tiled=False, extra=True, default=True,
    ),
)  # fmt: skip
"""All of them. Addresses are those that spandrel's own tests load from, where they have one."""


def _card(checkpoint: Checkpoint) -> ModelCard:
    if checkpoint.source.startswith("hf:"):
        source = Source(repo=checkpoint.source.removeprefix("hf:"), file=checkpoint.file)
    else:
        source = Source(url=f"{GITHUB}/{checkpoint.source}")
    packages = "spandrel spandrel_extra_arches" if checkpoint.extra else "spandrel"
    face = checkpoint.task == "face"
    return ModelCard(
        id=checkpoint.id,
        title=checkpoint.title,
        tasks=(checkpoint.task,),
        license=checkpoint.license,
        commercial_use=checkpoint.commercial,
        summary=checkpoint.summary,
        paper=checkpoint.paper,
        scale=checkpoint.scale,
        size=SizeRule(square=512) if face else SizeRule(),  # spandrel pads other sizes as the network needs it
        tiling=Tiling(MARGIN, exact=False) if checkpoint.tiled and not face else None,
        weights=Weights(
            checkpoint.file,
            checkpoint.license,
            (source, *((Source(page=checkpoint.page),) if checkpoint.page else ())),
            size=checkpoint.size,
            sha256=checkpoint.sha256,
        ),
        family_default=checkpoint.default,
        notes=(*checkpoint.notes, f"Run by spandrel: pip install {packages}."),
    )


ARCHITECTURES = {checkpoint.id: checkpoint.architecture for checkpoint in CHECKPOINTS}
"""Model id -> spandrel's id of its architecture."""


@register(*map(_card, CHECKPOINTS))
def build(card: ModelCard, state: Mapping[str, torch.Tensor]):
    """The backend. Raises WeightsError when spandrel is missing or the tensors are of another architecture."""
    from ..spandrel_models import backend

    return backend(card, state, ARCHITECTURES[card.id])
