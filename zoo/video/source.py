"""Opening a video that is not trusted, and reading its frames one by one.

FFmpeg may open nothing but the one local file: other protocols, and containers that refer to further files (playlists,
image sequences, lists of parts), are refused before they are read.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import PictureError, ZooError, describe_os_error
from .pixels import Color, picture_of

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpeg", "mpegts", "mpegvideo", "m4v", "flv", "asf", "ogg", "nut",
    "mxf", "dv", "rm", "ivf", "yuv4mpegpipe", "h264", "hevc", "av1", "obu", "vc1", "wtv", "gxf", "roq", "mjpeg",
    "nsv", "swf", "live_flv", "h261", "h263", "cavsvideo", "dirac", "film_cpk", "smk", "bink", "idcin", "4xm", "lxf",
)  # fmt: skip
"""FFmpeg's names of what is opened: containers that hold their own frames."""
MAX_PIXELS = 8192 * 4352
"""The largest frame that is decoded or encoded, in pixels."""
MAX_SIDE = 16384
MAX_STREAMS = 64
LEAST_LINES = 400
"""Smaller frames were never interlaced; blocks of strong compression in them only look like it."""
LOOK = 48
"""So many frames are decoded to learn what a video is."""
LOST = 5
"""A gap of more than so many frames, in a video that came evenly until then, means that frames are missing."""
PQ, HLG = 16, 18
"""Transfer characteristics of HDR (ITU-T H.273)."""
_DECODE_LIMITS = {"max_pixels": str(MAX_PIXELS)}


def need_av() -> Any:
    """The package PyAV. Raises ZooError when it is not installed."""
    try:
        import av
    except ImportError:
        raise ZooError('videos need PyAV: pip install "av>=16" (the extra `video`).') from None
    av.logging.set_level(None)  # what FFmpeg finds wrong is counted and said in one sentence
    return av


@dataclass(frozen=True)
class Info:
    """What is known of a video before it is restored."""

    path: Path
    container: str
    codec: str
    width: int
    """Of upright frames, in pixels."""
    height: int
    rotation: int
    """Degrees counterclockwise (a multiple of 90) by which coded frames are turned to stand upright."""
    aspect: Fraction
    """Of a pixel of the upright frame: width over height."""
    rate: Fraction
    """Average frames a second."""
    time_base: Fraction
    """Seconds of a tick of the time stamps."""
    start: Fraction
    """Seconds at which the container begins; its sound may begin before the pictures."""
    duration: float | None
    """Seconds, as the container says."""
    color: Color
    interlaced: str | None = None
    """None, "flagged" (frames say so themselves), "tff" or "bff" (it is seen in the pictures)."""
    sound: tuple[str, ...] = ()
    """The codecs of the sound streams."""
    subtitles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""

    @property
    def frames(self) -> int | None:
        """About how many frames there are."""
        return None if self.duration is None else max(1, round(self.duration * float(self.rate)))


@dataclass
class Frame:
    """A decoded frame on its way."""

    index: int
    """From 0, in the part that is restored."""
    ticks: int
    """Time stamp in units of the video's time base; 0 is the beginning of the part that is restored."""
    image: Any
    """H x W x 3 RGB, upright: uint8, or uint16 where the video has more than 8 bits."""
    damaged: bool = False
    """The decoder had to conceal something."""
    cut: bool = False
    """A new scene begins here."""
    hole: Any = None
    """H x W bool, True where something is to be filled; None where nothing is."""


def opened(path: Path, **options: str) -> Any:
    """FFmpeg's container of a local file. Raises PictureError for what is missing, no regular file, no video."""
    av = need_av()
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else "that is no possible name"
        raise PictureError(f"cannot read {path}: {reason}.") from None
    if not stat.S_ISREG(status.st_mode):
        what = "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is a device, a pipe or a socket"
        raise PictureError(f"cannot read {path}: {what}.")
    if status.st_size == 0:
        raise PictureError(f"cannot read {path}: the file is empty.")
    limits = {
        "protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS), "max_streams": str(MAX_STREAMS),
        **_DECODE_LIMITS,
    }  # fmt: skip
    try:
        # The prefix: a file may be named like a protocol.
        return av.open(f"file:{path}", options=limits | options, metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise PictureError(f"cannot read {path}: {_reason(path, error)}.") from None
    except (OSError, ValueError, UnicodeError) as error:
        raise PictureError(f"cannot read {path}: {error}.") from None


def _reason(path: Path, error: Exception) -> str:
    """Why FFmpeg does not open a file, as a phrase."""
    with path.open("rb") as file:
        begin = file.read(64)
    if begin.startswith((b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")) or begin[8:12] == b"WEBP":
        return "it is a picture or an animation of pictures, not a video; `python -m zoo restore` takes pictures"
    if begin.lstrip().startswith((b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"<SmoothStreaming", b"v=0")):
        return "it is a playlist or a description of other files, which are not opened"
    if begin[4:8] == b"ftyp":
        return "it is cut off or damaged: its index (moov) is missing or broken"
    if type(error).__name__ == "TooManyStreams" or "streams" in str(error).lower():
        return f"it has more than {MAX_STREAMS} streams"
    return "it is no video that FFmpeg knows, or it is damaged"


def probe(path: Path) -> Info:
    """Look at a video and at its first frames.

    Raises PictureError, a sentence, for what is no readable video: missing, damaged, without a video stream or frames,
    too large, a picture, a playlist; ZooError for HDR, which is not restored here.
    """
    av = need_av()
    path = Path(path)
    with opened(path) as container:
        stream = _video_stream(container, path)
        _check_size(stream.codec_context.width, stream.codec_context.height, path)
        notes: list[str] = []
        first, flagged, seen = None, 0, 0
        patterns: Counter[str] = Counter()
        finder = None
        for frame, _ in _decoded(container, stream):
            if first is None:
                first = frame
                _check_size(frame.width, frame.height, path)
                finder = _graph(av, stream, frame, "idet")
            flagged += frame.interlaced_frame
            patterns.update(_pattern(av, finder, frame, first))
            seen += 1
            if seen >= LOOK:
                break
        if first is None:
            raise PictureError(f"cannot read {path}: there is no frame in it that can be decoded.")
        color = Color.of(first)
        if color.transfer in (PQ, HLG) or "dovi" in str(getattr(first, "side_data", "")).lower():
            kind = "HLG" if color.transfer == HLG else "PQ"
            raise ZooError(
                f"{path} is HDR ({kind}), and restoring it as if it were standard range would change its light: "
                "convert it to SDR first."
            )
        rotation = round(first.rotation / 90) * 90 % 360
        turned = rotation in (90, 270)
        width, height = (first.height, first.width) if turned else (first.width, first.height)
        aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
        if not Fraction(1, 20) < aspect < 20:
            aspect = Fraction(1)
            notes.append("its pixels' aspect makes no sense and is taken as square.")
        rate = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)
        if not Fraction(1, 1000) < rate <= 1000:
            rate = Fraction(25)
        if color.has_alpha:
            notes.append("its transparency is dropped.")
        interlaced = _interlacing(flagged, patterns if height >= LEAST_LINES else Counter(), seen)
        if interlaced:
            notes.append("it is interlaced and is deinterlaced, a frame for each of its frames.")
        others = [s for s in container.streams if s.type in ("data", "attachment")]
        if others:
            notes.append(f"{len(others)} streams of data or attachments are left out.")
        duration = _duration(container, stream)
        return Info(
            path, container.format.name, stream.codec_context.name, width, height, rotation,
            1 / aspect if turned else aspect, rate, Fraction(stream.time_base), _start(container, stream), duration,
            color, interlaced, tuple(codec_name(s) for s in container.streams.audio),
            tuple(codec_name(s) for s in container.streams.subtitles), tuple(notes),
        )  # fmt: skip


def codec_name(stream: Any) -> str:
    """FFmpeg's name of a stream's format; that of SubRip's decoder is another."""
    name = stream.codec_context.name if stream.codec_context is not None else "unknown"
    return "subrip" if name == "srt" else name


def _video_stream(container: Any, path: Path) -> Any:
    """The first video stream that is no cover picture. Raises PictureError."""
    av = need_av()
    real = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    real = [s for s in real if s.codec_context is not None]
    if not real:
        what = "it has sound only" if container.streams.audio else "it has no video stream"
        raise PictureError(f"cannot read {path}: {what}.")
    stream = real[0]
    stream.thread_type = "AUTO"
    return stream


def _check_size(width: int, height: int, path: Path) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"cannot read {path}: its frames have {width} x {height} pixels, more than the limit of {MAX_PIXELS:,}."
        )


def _start(container: Any, stream: Any) -> Fraction:
    """Seconds at which the container begins."""
    if container.start_time is not None:
        return Fraction(container.start_time, 1_000_000)
    return Fraction(stream.start_time or 0) * Fraction(stream.time_base)


def _duration(container: Any, stream: Any) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None if not container.duration else container.duration / 1_000_000


def _interlacing(flagged: int, patterns: Counter[str], seen: int) -> str | None:
    """Whether a video is interlaced: by what most frames say, else by what idet sees in most of them."""
    if flagged * 2 > seen:
        return "flagged"
    for order in ("tff", "bff"):
        if patterns[order] > 2 * patterns["progressive"] and patterns[order] * 3 > seen and patterns[order] >= 8:
            return order
    return None


def _graph(av: Any, stream: Any, frame: Any, name: str, options: str = "") -> Any:
    """A filter graph of one filter for frames like this one."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=stream.time_base
    )
    node, sink = graph.add(name, options or None), graph.add("buffersink")
    source.link_to(node)
    node.link_to(sink)
    graph.configure()
    return graph


def _pattern(av: Any, graph: Any, frame: Any, first: Any) -> Iterator[str]:
    """What idet says of the frames that it has done with: "progressive", "tff", "bff" or "undetermined"."""
    if _shape(frame) != _shape(first):
        return
    try:
        graph.push(frame)
        while True:
            done = graph.pull()
            yield str(done.metadata.get("lavfi.idet.multiple.current_frame", "undetermined"))
    except (av.error.BlockingIOError, av.error.EOFError):
        return


def _shape(frame: Any) -> tuple:
    return frame.width, frame.height, frame.format.name


def _decoded(container: Any, stream: Any, trouble: list[str] | None = None) -> Iterator[tuple[Any, bool]]:
    """(frame, whether it is damaged) for every frame that can be decoded; `trouble` gets a phrase for what cannot."""
    av = need_av()
    trouble = [] if trouble is None else trouble
    packets = container.demux(stream)
    broken = False
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            trouble.append(f"the file cannot be read on ({error.strerror or type(error).__name__})")
            return
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            when = "" if packet.pts is None else f" at {float(packet.pts * stream.time_base):.2f} s"
            trouble.append(f"a packet{when} cannot be decoded")
            broken = True
            continue
        for frame in frames:
            yield frame, bool(frame.is_corrupt) or broken
            broken = False


@dataclass
class Reader:
    """The frames of a video, or of the part from `begin` to `end` seconds."""

    info: Info
    begin: float | None = None
    end: float | None = None
    trouble: list[str] = field(default_factory=list)
    """What could not be decoded, a phrase each; filled while reading."""
    last: float | None = None
    """Seconds of the last frame's end in the whole video; set while reading."""

    @property
    def offset(self) -> Fraction:
        """Seconds of the container's clock that become 0."""
        start = self.info.start
        return start if self.begin is None else start + Fraction(self.begin).limit_denominator(1_000_000)

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """The frames in order, upright. Of the first `skip` no pixels are converted: they are left out.

        Raises PictureError when not one frame is there.
        """
        info = self.info
        base, length = info.time_base, 1 / info.rate
        before: int | None = None
        regular = 0  # so many frames came at even times
        index = 0
        with opened(info.path) as container:
            stream = _video_stream(container, info.path)
            if self.begin:
                self._seek(container, stream)
            for frame, damaged in self._deinterlaced(container, stream):
                if frame.pts is None:
                    ticks = 0 if before is None else before + max(1, round(length / base))
                else:
                    ticks = round((frame.pts * Fraction(frame.time_base) - self.offset) / base)
                seconds = float(ticks * base)
                if seconds < -float(length) / 2 and self.begin is not None:
                    continue
                if self.end is not None and seconds >= self.end - (self.begin or 0) - 1e-6:
                    break
                ticks = max(ticks, 0 if before is None else before + 1)  # players need times that grow
                if before is not None:
                    gap = float((ticks - before) * base / length)
                    if gap > LOST and regular > LOST:
                        start = float(before * base) + (self.begin or 0)
                        self.trouble.append(f"about {gap - 1:.0f} frames after {start:.2f} s are missing")
                    regular = regular + 1 if regular >= 0 and 0.5 < gap < 1.5 else -1 if gap < LOST else regular
                before = ticks
                self.last = float(ticks * base + length) + (self.begin or 0)
                if index >= skip:
                    yield Frame(index, ticks, picture_of(frame, info), damaged)
                index += 1
        if not index:
            part = "" if self.begin is None and self.end is None else " in that part of it"
            raise PictureError(f"cannot read {info.path}: there is no frame{part}.")

    def _seek(self, container: Any, stream: Any) -> None:
        av = need_av()
        try:
            container.seek(int(self.offset / Fraction(stream.time_base)), stream=stream, backward=True)
        except av.error.FFmpegError:  # without an index: frames before the beginning are decoded and left out
            container.seek(0)

    def _deinterlaced(self, container: Any, stream: Any) -> Iterator[tuple[Any, bool]]:
        decoded = _decoded(container, stream, self.trouble)
        if self.info.interlaced is None:
            yield from decoded
            return
        av = need_av()
        order = self.info.interlaced
        options = (
            "mode=send_frame:deint=interlaced" if order == "flagged" else f"mode=send_frame:deint=all:parity={order}"
        )
        graph, first = None, None
        waiting: list[bool] = []  # whether the frames inside the filter are damaged
        for frame, damaged in decoded:
            if first is None or _shape(frame) != _shape(first):
                yield from _drained(av, graph, waiting)
                first, graph = frame, _graph(av, stream, frame, "bwdif", options)
            waiting.append(damaged)
            graph.push(frame)
            yield from _pulled(av, graph, waiting)
        yield from _drained(av, graph, waiting)


def _pulled(av: Any, graph: Any, waiting: list[bool]) -> Iterator[tuple[Any, bool]]:
    while True:
        try:
            done = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield done, waiting.pop(0) if waiting else False


def _drained(av: Any, graph: Any, waiting: list[bool]) -> Iterator[tuple[Any, bool]]:
    if graph is not None:
        graph.push(None)
        yield from _pulled(av, graph, waiting)


def enlarged(info: Info, scale: int) -> Info:
    """The same video with frames `scale` times as large. Raises ZooError when they get too large."""
    width, height = info.width * scale, info.height * scale
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ZooError(
            f"the result would have frames of {width} x {height} pixels, more than the limit of {MAX_PIXELS:,}."
        )
    return replace(info, width=width, height=height)
