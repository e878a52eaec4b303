"""Pictures in and out, in one place to import from."""

from .decode import read
from .encode import check_writable, encode, write
from .files import write_bytes
from .formats import SUFFIXES, find_pictures
from .limits import DEFAULT_MAX_PIXELS, max_bytes, max_pixels
from .picture import Picture, eight_bits, luma, rgb8

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "SUFFIXES",
    "Picture",
    "check_writable",
    "eight_bits",
    "encode",
    "find_pictures",
    "luma",
    "max_bytes",
    "max_pixels",
    "read",
    "rgb8",
    "write",
    "write_bytes",
]
