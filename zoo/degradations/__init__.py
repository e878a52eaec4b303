"""Ways in which pictures degrade, each drawn from a seeded generator: blur, noise, low light, JPEG, fading.

Every function takes and returns an HxWx3 float32 RGB picture in [0, 1]; `chains` puts several together. A picture has
to come out the same on every processor. So sums and powers, whose last bit differs from one to another, are computed
in float64 and rounded to float32, which hides that bit; and how many numbers are drawn never depends on the pixels.
"""

from .convolution import blur, defocus, motion_blur
from .exposure import low_light, underexposed
from .kernels import disk_kernel, gaussian_kernel, linear_kernel, motion_kernel
from .light import GAMMA, to_linear, to_stored
from .motion import camera_motion, rotation_blur, scene_motion, soft_shape
from .noise import gaussian_noise, poisson_counts, poisson_noise
from .sampling import downscale, reduced, resized
from .storage import jpeg
from .tone import fade, grey

__all__ = [
    "GAMMA",
    "blur",
    "camera_motion",
    "defocus",
    "disk_kernel",
    "downscale",
    "fade",
    "gaussian_kernel",
    "gaussian_noise",
    "grey",
    "jpeg",
    "linear_kernel",
    "low_light",
    "motion_blur",
    "motion_kernel",
    "poisson_counts",
    "poisson_noise",
    "reduced",
    "resized",
    "rotation_blur",
    "scene_motion",
    "soft_shape",
    "to_linear",
    "to_stored",
    "underexposed",
]
