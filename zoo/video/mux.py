"""Joining segments, and the sound and subtitles of the input, into the output file."""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..io.files import written_whole
from .encode import CONTAINERS, Encoding, packets_of, refused
from .source import Info, Reader, codec_name, need_av, opened

_TEXT = {"subrip": "mov_text", "mov_text": "subrip"}
"""Subtitles of plain text, which are carried from one of these kinds to the other where a container needs it."""


def check_streams(output: Path, info: Info) -> None:
    """Raise OutputError now when the output's container cannot hold the input's sound or subtitles."""
    suffix = output.suffix.lower()
    held = _held(suffix)
    for kind, codecs in (("sound", info.sound), ("subtitles", info.subtitles)):
        for codec in codecs:
            if codec not in held and _TEXT.get(codec) not in held:
                raise OutputError(f"{suffix} cannot hold the input's {kind} ({codec}): name the output .mkv.")


def _held(suffix: str) -> set[str]:
    """Names of the codecs that a container holds."""
    if suffix == ".webm":
        return {"opus", "vorbis", "webvtt"}
    if suffix == ".mkv":  # FFmpeg cannot tell which ones; these it refuses
        return _Everything({"mov_text", "eia_608", "dvb_teletext", "unknown"})
    import io

    av = need_av()
    with av.open(io.BytesIO(), "w", format=CONTAINERS[suffix]) as container:
        return set(container.supported_codecs)


class _Everything(set):
    """All names but those that it is made of."""

    def __contains__(self, name: object) -> bool:
        return not super().__contains__(name)


def join(output: Path, encoding: Encoding, segments: Sequence[Path], reader: Reader) -> None:
    """Write the output, whole or not at all: the segments' frames, and sound and subtitles of their time.

    Raises OutputError.
    """
    av = need_av()
    try:
        with written_whole(output) as temporary:
            _write(av, temporary, output.suffix.lower(), encoding, segments, reader)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise refused(output, error) from None


def _write(av: Any, path: Path, suffix: str, encoding: Encoding, segments: Sequence[Path], reader: Reader) -> None:
    held = _held(suffix)
    options = {"movflags": "+faststart"} if suffix in (".mp4", ".m4v", ".mov") else {}
    with (
        opened(reader.info.path) as source,
        av.open(f"file:{path}", "w", format=CONTAINERS[suffix], container_options=options) as container,
    ):
        video = encoding.add_stream(container)
        whole = reader.begin is None and reader.end is None
        container.metadata.update(
            {k: v for k, v in source.metadata.items() if k in ("title", "comment", "creation_time", "artist", "date")}
        )
        if whole and (chapters := source.chapters()):
            container.set_chapters(chapters)
        kept = [s for s in (*source.streams.audio, *source.streams.subtitles) if s.codec_context is not None]
        copies = {stream.index: _copied(container, stream, held) for stream in kept}
        container.start_encoding()
        feeds = [_video_packets(video, encoding, segments)]
        if copies:
            feeds.append(_copied_packets(source, kept, copies, reader))
        # The muxer sorts by itself; taking turns by time keeps what it has to hold back small.
        for _, _, packet in heapq.merge(
            *(_timed(feed, number) for number, feed in enumerate(feeds)), key=lambda e: e[:2]
        ):
            container.mux_one(packet)


def _copied(container: Any, stream: Any, held: set[str]) -> tuple[Any, str | None]:
    """The output stream for one of the input, and into which kind of text its subtitles change."""
    codec = codec_name(stream)
    if codec in held:
        copy, into = container.add_stream_from_template(stream), None
    else:
        into = _TEXT[codec]
        copy = container.add_mux_stream(into)
        copy.time_base = stream.time_base
    for key in ("language", "title"):
        if key in stream.metadata:
            copy.metadata[key] = stream.metadata[key]
    return copy, into


def _timed(packets: Iterator[Any], number: int) -> Iterator[tuple[float, int, Any]]:
    """Packets with their times, which never fall within one feed."""
    latest = float("-inf")
    for packet in packets:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            latest = max(latest, float(stamp * packet.time_base))
        yield latest, number, packet


def _video_packets(stream: Any, encoding: Encoding, segments: Sequence[Path]) -> Iterator[Any]:
    """The packets of all segments with new decoding times.

    A segment's encoder gave decoding times for itself alone, which overlap its neighbors'. Within a segment frames are
    displayed in the order of their times, so the n-th packet to be decoded may have the time of the (n - delay)-th
    frame to be displayed, where the delay is the largest that any segment's order needs.
    """
    delay = max(_delay([packet.pts for packet in packets_of(path, encoding)]) for path in segments)
    lead: list[int] = []  # display times of the last `delay` frames before this segment
    for path in segments:
        packets = list(packets_of(path, encoding))
        shown = sorted(packet.pts for packet in packets)
        if not lead and delay:
            step = max(1, shown[1] - shown[0]) if len(shown) > 1 else 1
            lead = [shown[0] - step * n for n in range(delay, 0, -1)]
        times = lead + shown
        lengths = {a: b - a for a, b in itertools.pairwise(shown)}
        for number, packet in enumerate(packets):
            packet.dts = times[number]
            packet.duration = lengths.get(packet.pts, round(1 / encoding.rate / encoding.time_base))
            packet.stream = stream
            yield packet
        lead = times[len(times) - delay :] if delay else []


def _delay(order: list[int]) -> int:
    """By how many frames decoding has to run ahead for display times in this order of decoding."""
    shown = sorted(order)
    return max((number - bisect.bisect_right(shown, time) + 1 for number, time in enumerate(order)), default=0)


def _copied_packets(
    source: Any, kept: list[Any], copies: dict[int, tuple[Any, str | None]], reader: Reader
) -> Iterator[Any]:
    """Packets of sound and subtitles in the restored part, on its clock."""
    av = need_av()
    offset = reader.offset
    length = None if reader.end is None else Fraction(reader.end - (reader.begin or 0)).limit_denominator(1_000_000)
    last: dict[int, int] = {}
    ended: set[int] = set()
    if reader.begin:
        try:
            source.seek(int(offset * 1_000_000), backward=True)
        except av.error.FFmpegError:
            source.seek(0)
    packets = source.demux(kept)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        stamp = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or stamp is None:
            continue
        index, base = packet.stream.index, Fraction(packet.time_base)
        at = stamp * base - offset
        if (reader.begin is not None and at < 0) or index in ended:
            continue
        if length is not None and at >= length:
            ended.add(index)
            if len(ended) == len(copies):
                return
            continue
        shift = round(offset / base)
        if packet.pts is not None:
            packet.pts -= shift
        packet.dts = (packet.dts if packet.dts is not None else stamp) - shift
        if index in last and packet.dts <= last[index]:
            packet.dts = last[index] + 1
            if packet.pts is None or packet.pts < packet.dts:
                packet.pts = packet.dts
        last[index] = packet.dts
        copy, into = copies[index]
        if into is not None:
            packet = _text_packet(av, packet, into)
        packet.stream = copy
        yield packet


def _text_packet(av: Any, packet: Any, into: str) -> Any:
    """A subtitle as plain text of the other kind: mov_text begins with the length in two bytes."""
    data = bytes(packet)
    text = data[2 : 2 + int.from_bytes(data[:2], "big")] if into == "subrip" else data[:0xFFFF]
    made = av.Packet(text if into == "subrip" else len(text).to_bytes(2, "big") + text)
    made.pts, made.dts, made.duration, made.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return made
