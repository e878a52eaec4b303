"""Codecs and containers of what is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import OutputError, ZooError, describe_os_error
from .pixels import FULL, LIMITED, frame_of
from .source import Info, need_av


@dataclass(frozen=True)
class Codec:
    """One way to compress."""

    library: str
    options: dict[str, str]
    crf: int | None
    """The default quality; None: it is lossless and has none."""
    worst: int = 51
    """The largest CRF."""
    chroma: tuple[tuple[int, int], ...] = ((1, 1), (1, 0), (0, 0))
    """What it can store: 4:2:0, 4:2:2, 4:4:4."""
    odd: bool = False
    """Odd sizes need no full chroma."""


CODECS = {
    "h264": Codec("libx264", {"preset": "medium"}, 18),
    "h265": Codec("libx265", {"preset": "medium", "x265-params": "log-level=none"}, 20),
    "av1": Codec("libsvtav1", {"preset": "7", "svtav1-params": "lp=0"}, 26, 63, ((1, 1),), odd=True),
    "ffv1": Codec("ffv1", {"level": "3", "slicecrc": "1"}, None, odd=True),
}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Suffix of an output -> FFmpeg's name of the container."""

_AVX_512F = 13
"""OpenCV's number of the feature, which its Python module does not name."""


@dataclass(frozen=True)
class Encoding:
    """How the restored frames are stored."""

    codec: str
    crf: int | None
    pixel_format: str
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    aspect: Fraction
    matrix: int
    """swscale's number of the matrix that is computed with."""
    tags: tuple[int, int, int, int]
    """Primaries, transfer, matrix and range as they are written into the file."""
    notes: tuple[str, ...] = ()

    @classmethod
    def choose(cls, output: Path, info: Info, source: Info, codec: str | None, crf: int | None) -> Encoding:
        """What fits the output's name and the video. info: with the size of the result; source: of the input.

        Raises OutputError for a name of no known container or one that cannot hold the codec, ZooError for a quality
        or a size that the codec does not know.
        """
        suffix = output.suffix.lower()
        if suffix not in CONTAINERS:
            raise OutputError(f"cannot write {output}: name it {', '.join(CONTAINERS)}.")
        codec = codec or ("av1" if suffix == ".webm" else "h264")
        if codec not in CODECS:
            raise ZooError(f"unknown codec '{codec}': use {', '.join(CODECS)}.")
        if (suffix == ".webm" and codec != "av1") or (codec == "ffv1" and suffix != ".mkv"):
            raise OutputError(f"{suffix} does not hold {codec}: name the output .mkv.")
        library = CODECS[codec]
        if crf is not None and library.crf is None:
            raise ZooError(f"{codec} is lossless: leave --crf out.")
        if crf is not None and not 0 <= crf <= library.worst:
            raise ZooError(f"the quality of {codec} goes from 0 (best) to {library.worst}, not {crf}.")
        color = source.color
        notes = []
        deep = color.depth > 8
        chroma = (1, 1) if color.rgb and codec != "ffv1" else color.chroma
        if chroma not in library.chroma:
            # The next finer one, or the coarsest that there is.
            chroma = next((each for each in library.chroma if each <= chroma), library.chroma[0])
        if not library.odd and ((chroma[0] and info.width % 2) or (chroma[1] and info.height % 2)):
            chroma = (0, 0)
            notes.append(
                f"{codec} stores odd sizes such as {info.width} x {info.height} only with full chroma (4:4:4), which "
                "some players do not know; av1 stores them plainly."
            )
        if color.rgb and codec == "ffv1":
            pixel_format = "gbrp16le" if deep else "bgr0"
        else:
            name = {(1, 1): "yuv420p", (1, 0): "yuv422p", (0, 0): "yuv444p"}[chroma]
            pixel_format = name + ("10le" if deep else "")
        matrix = color.swscale_matrix(source.width, source.height)
        tagged = color.matrix if color.matrix in (1, 4, 5, 6, 7, 9) else 2
        if (color.rgb or info.width != source.width) and tagged == 2 and pixel_format.startswith("yuv"):
            tagged = {1: 1, 5: 6}[matrix]  # a player would take another size for another matrix
        full = color.range == FULL and not color.rgb
        return cls(
            codec, library.crf if crf is None else crf, pixel_format, info.width, info.height, info.rate,
            info.time_base, info.aspect, matrix,
            (color.primaries, color.transfer, tagged, FULL if full else LIMITED if color.range else 0), tuple(notes),
        )  # fmt: skip

    @property
    def lead(self) -> int:
        """What is added to time stamps inside segments: decoding times begin before 0, which NUT cannot store."""
        return round(3600 / self.time_base)

    @property
    def range(self) -> int:
        """1 for limited, 2 for full."""
        return self.tags[3] or LIMITED

    def add_stream(self, container: Any) -> Any:
        """A stream of this kind in an output container, its encoder set up but not opened."""
        library = CODECS[self.codec]
        options = dict(library.options)
        if self.crf is not None:
            options["crf"] = str(self.crf)
        if self.codec == "h264" and cv2.checkHardwareSupport(_AVX_512F):
            # Its macroblock tree in AVX-512 is not repeatable: equal frames gave different bytes from run to run.
            options["x264-params"] = "asm=AVX2"
        stream = container.add_stream(library.library, rate=self.rate.limit_denominator(1 << 30), options=options)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pixel_format
        context.time_base = stream.time_base = self.time_base
        context.sample_aspect_ratio = self.aspect
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = self.tags
        return stream


class SegmentWriter:
    """Encodes frames into a file of their own, which begins with a key frame and needs no other."""

    def __init__(self, path: Path, encoding: Encoding):
        """Raises OutputError when the file or the encoder cannot be opened."""
        self._av, self._encoding = need_av(), encoding
        try:
            self._container = self._av.open(f"file:{path}", "w", format="nut")
            self._stream = encoding.add_stream(self._container)
            self._stream.codec_context.open()
        except self._av.error.FFmpegError as error:
            raise OutputError(f"{encoding.codec} cannot be written here: {error.strerror}.") from None
        self._path = path

    def write(self, image: np.ndarray, ticks: int) -> None:
        """Encode one frame of H x W x 3 RGB. Raises OutputError when the disk refuses."""
        encoding = self._encoding
        frame = frame_of(image, encoding.pixel_format, encoding.matrix, encoding.range)
        frame.pts, frame.time_base = ticks + encoding.lead, encoding.time_base
        frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = encoding.tags
        self._encode(frame)

    def close(self) -> None:
        """Encode what is waiting, and close the file. Raises OutputError."""
        self._encode(None)
        try:
            self._container.close()
        except (self._av.error.FFmpegError, OSError) as error:
            raise refused(self._path, error) from None

    def abandon(self) -> None:
        """Close the file as it is."""
        try:
            self._container.close()
        except (self._av.error.FFmpegError, OSError):
            return

    def _encode(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (self._av.error.FFmpegError, OSError) as error:
            raise refused(self._path, error) from None


def refused(path: Path, error: Exception) -> OutputError:
    """The error of a file that cannot be written."""
    reason = describe_os_error(error) if isinstance(error, OSError) else str(error)
    return OutputError(f"cannot write {path}: {reason}.")


def packets_of(path: Path, encoding: Encoding) -> Iterator[Any]:
    """The packets of a segment in the order of decoding, with display times in the encoding's time base only."""
    av = need_av()
    with av.open(f"file:{path}", format="nut", options={"protocol_whitelist": "file"}) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size and packet.pts is not None:
                packet.pts = round(packet.pts * packet.time_base / encoding.time_base) - encoding.lead
                packet.dts = None
                packet.time_base = encoding.time_base
                yield packet
