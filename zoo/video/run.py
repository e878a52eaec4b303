"""The whole way of a video: decode, restore and encode at the same time, segment by segment, then join."""

from __future__ import annotations

import hashlib
import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError, RestorationError, ZooError, describe_os_error
from ..io.files import check_folder, written_whole
from .encode import Encoding, SegmentWriter
from .mux import check_streams, join
from .recipe import Recipe
from .restore import Done, FaceOptions, Machine, Restoring
from .source import Frame, Info, Reader, enlarged, need_av, probe
from .work import SEGMENT, Work

Progress = Callable[[int, int | None], None]
"""Told after every batch: frames done so far, and about how many there are."""
_SAMPLES, _SAMPLE = 64, 1 << 20


@dataclass(frozen=True)
class Job:
    """What is wanted of a video."""

    source: Path
    output: Path
    recipe: Recipe
    begin: float | None = None
    """Seconds; None: from the beginning."""
    end: float | None = None
    """Seconds; None: to the end."""
    machine: Machine = field(default_factory=Machine)
    faces: FaceOptions = field(default_factory=FaceOptions)
    mask: Path | None = None
    """A picture for all frames, or a folder of one for each, white = hole."""
    log: Path | None = None
    """Where the lines about frames go; None: the output's name with `.jsonl`."""

    def __post_init__(self) -> None:
        begin = 0.0 if self.begin is None else self.begin
        if not 0 <= begin < float("inf"):
            raise ZooError(f"a part of a video begins at 0 seconds or later, not at {self.begin}.")
        if self.end is not None and not begin < self.end < float("inf"):
            raise ZooError(f"the part ends at {self.end} seconds, which is not after its beginning at {begin}.")

    @property
    def log_path(self) -> Path:
        """Where the lines about frames go."""
        return self.log or self.output.with_name(f"{self.output.name}.jsonl")


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    frames: int
    failed: dict[int, str]
    """Index of each frame on which a model failed, with the reason; it kept its input."""
    damaged: int
    """Frames that the decoder had to conceal."""
    trouble: tuple[str, ...]
    """What could not be decoded, a phrase each."""
    tracks: tuple[dict[str, Any], ...]
    """What became of each face."""
    resumed: int
    """Frames that an earlier run had done."""

    @property
    def whole(self) -> bool:
        """Whether every frame was decoded and restored."""
        return not (self.failed or self.damaged or self.trouble)


def restore_video(
    job: Job, progress: Progress = lambda done, total: None, notes: Callable[[str], None] = print
) -> Outcome:
    """Restore a video, from file to file; a run that was stopped goes on where it was.

    progress: see Progress. notes: gets sentences for the user. Raises ZooError and its kinds, with a sentence: the
    input is no readable video, the output cannot be written, a model is not to be had, or fails on all frames.
    """
    info = probe(job.source)
    for note in info.notes:
        notes(f"{job.source}: {note}")
    holes = _holes(job, info)
    restoring = Restoring(job.recipe, job.machine, job.faces, holes is not None)
    result = enlarged(info, restoring.scale)
    encoding = Encoding.choose(job.output, result, info, job.recipe.codec, job.recipe.crf)
    for note in encoding.notes:
        notes(note)
    check_streams(job.output, info)
    _check_places(job)
    work = Work(job.output, _plan(job, info, restoring, encoding))
    try:
        reader = Reader(info, job.begin, job.end)
        before = work.frames
        if before:
            notes(f"going on after {before} frames that are done.")
            restoring.resume(*work.state())
        _run(reader, restoring, encoding, work, holes, progress)
        join(job.output, encoding, work.segments, reader)
        lines = work.log()
        tracks = tuple(restoring.faces.summaries()) if restoring.faces else ()
        outcome = Outcome(
            len(lines), {line["frame"]: line["error"] for line in lines if line["state"] == "failed"},
            sum(line["state"] == "damaged" for line in lines), tuple(_trouble(reader, info)), tracks, before,
        )  # fmt: skip
        _write_log(job.log_path, lines, outcome)
    except BaseException:
        work.release()
        raise
    work.remove()
    return outcome


def _check_places(job: Job) -> None:
    """Raise OutputError for what would be lost or cannot be written."""
    for path in (job.output, job.log_path):
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder.")
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: a device, a pipe or a socket is in the way.")
        if path.exists() and path.samefile(job.source):
            raise OutputError(f"{path} is the input itself; choose another output, so that nothing is lost.")
        check_folder(path.parent)


def _holes(job: Job, info: Info) -> Any:
    if job.mask is None:
        return None
    from .fill import Holes

    return Holes(job.mask, info.height, info.width)


def _plan(job: Job, info: Info, restoring: Restoring, encoding: Encoding) -> dict[str, Any]:
    """All that the result depends on, JSON-ready."""
    av = need_av()
    import cv2
    import torch

    chosen = asdict(encoding) | {"rate": str(encoding.rate), "time_base": str(encoding.time_base)}
    return {
        "source": fingerprint(job.source),
        "part": [job.begin, job.end],
        "steps": [asdict(step) for step in job.recipe.steps],
        "models": restoring.identity,
        "machine": asdict(job.machine) | {"device": [model.device for model in restoring.models]},
        "faces": asdict(job.faces),
        "mask": None if job.mask is None else _mask_digest(job.mask),
        "encoding": {key: str(value) for key, value in chosen.items()},
        "size": [info.width, info.height],
        "code": _code_digest(),
        "libraries": [av.__version__, cv2.__version__, torch.__version__, np.__version__],
    }


def fingerprint(path: Path) -> list[Any]:
    """Size and sha256 of a file; of one beyond 64 MB, of 64 samples of a megabyte spread over it."""
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            at = number * _SAMPLE if size <= _SAMPLES * _SAMPLE else number * (size - _SAMPLE) // (_SAMPLES - 1)
            file.seek(at)
            digest.update(file.read(_SAMPLE))
    return [size, digest.hexdigest()]


def _mask_digest(mask: Path) -> str:
    files = sorted(path for path in mask.iterdir() if path.is_file()) if mask.is_dir() else [mask]
    return hashlib.sha256("".join(f"{path.name} {fingerprint(path)}" for path in files).encode()).hexdigest()


def _code_digest() -> str:
    """Of the program's own code: with other code, the work begins anew."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _trouble(reader: Reader, info: Info) -> Iterator[str]:
    """What could not be decoded, and whether the video ends before its time."""
    yield from reader.trouble
    if reader.end is None and reader.last is not None and info.duration is not None:
        lacking = info.duration - reader.last
        if lacking > max(1.0, 5 / float(info.rate)):
            yield f"its frames end at {reader.last:.1f} s of {info.duration:.1f} s: it is cut off or damaged"


def expected_frames(reader: Reader) -> int | None:
    """About how many frames are in the part that is read."""
    info = reader.info
    if info.duration is None and reader.end is None:
        return None
    end = min(x for x in (info.duration, reader.end) if x is not None)
    return max(1, round((end - (reader.begin or 0)) * float(info.rate)))


def _run(reader: Reader, restoring: Restoring, encoding: Encoding, work: Work, holes: Any, progress: Progress) -> None:
    """Restore what is not done yet; three threads, so that neither disk nor codecs wait for the models."""
    done = work.frames
    size = restoring.batch_size(reader.info.width, reader.info.height)
    decoded = _Decoder(reader, max(0, done - restoring.context), size, holes)
    encoder = _Encoder(encoding, work, size)
    total = expected_frames(reader)
    try:
        frames = (frame for frame in restoring.prepared(decoded.frames()) if frame.index >= done)
        count = done
        base = float(reader.info.time_base)
        # Batches lie on the same grid in every run, and never across the end of a segment.
        for batch in _batches(frames, size):
            results = restoring(batch)
            for result in results:
                result.entry["time"] = round(result.frame.ticks * base + (reader.begin or 0), 6)
            encoder.put(results)
            count += len(results)
            if count == done + len(results) and all(result.entry["state"] == "failed" for result in results):
                raise RestorationError(f"nothing is written, as the first frames fail: {results[0].entry['error']}")
            if count % SEGMENT == 0:
                encoder.put(restoring.state())
            progress(count, total)
        if count % SEGMENT:
            encoder.put(restoring.state())
        encoder.close()
    finally:
        decoded.stop()
        encoder.stop()


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if (frame.index + 1) % size == 0:
            yield batch
            batch = []
    if batch:
        yield batch


class _Decoder:
    """Decodes ahead in a thread of its own."""

    def __init__(self, reader: Reader, skip: int, ahead: int, holes: Any):
        self._queue: queue.Queue[Any] = queue.Queue(2 * ahead)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._decode, args=(reader, skip, holes), daemon=True)
        self._thread.start()

    def _decode(self, reader: Reader, skip: int, holes: Any) -> None:
        try:
            for frame in reader.frames(skip):
                if holes is not None:
                    frame.hole = holes.of(frame.index)
                if not self._put(frame):
                    return
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _put(self, item: Any) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def frames(self) -> Iterator[Frame]:
        """The frames, as they come. Raises what decoding raised."""
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """End the thread, whatever it is at."""
        self._stopped.set()
        self._thread.join()


class _Encoder:
    """Encodes behind in a thread of its own, segment by segment."""

    def __init__(self, encoding: Encoding, work: Work, behind: int):
        self._encoding, self._work = encoding, work
        self._queue: queue.Queue[Any] = queue.Queue(2)
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._encode, daemon=True)
        self._thread.start()

    def put(self, item: list[Done] | tuple[dict[str, Any], dict[str, np.ndarray]] | None) -> None:
        """Restored frames, or at the end of a segment the state. Raises what encoding raised."""
        while True:
            if self._error is not None:
                raise self._error
            try:
                self._queue.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def close(self) -> None:
        """Wait until all is written. Raises what encoding raised."""
        self.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the thread; a segment that is not finished is lost."""
        self._stopped.set()
        self._thread.join()

    def _encode(self) -> None:
        writer: SegmentWriter | None = None
        log: list[dict[str, Any]] = []
        try:
            while not self._stopped.is_set():
                try:
                    item = self._queue.get(timeout=0.2)
                except queue.Empty:
                    continue
                if item is None:
                    return
                if isinstance(item, tuple):
                    assert writer is not None, "a segment has frames"
                    finished, writer = writer, None
                    finished.close()
                    self._work.finish(log, *item)
                    log = []
                    continue
                for result in item:
                    if writer is None:
                        writer = SegmentWriter(self._work.segment(self._work.done), self._encoding)
                    writer.write(result.image, result.frame.ticks)
                    log.append(result.entry)
        except BaseException as error:
            self._error = error
        finally:
            if writer is not None:
                writer.abandon()


def _write_log(path: Path, lines: list[dict[str, Any]], outcome: Outcome) -> None:
    summary = {
        "frames": outcome.frames, "failed": len(outcome.failed), "damaged": outcome.damaged,
        "trouble": list(outcome.trouble), "tracks": list(outcome.tracks),
    }  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in [*lines, {"summary": summary}])
    try:
        with written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {describe_os_error(error)}.") from None


def preview(job: Job, count: int) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """(seconds, before, after) of `count` frames spread over a video, each restored by itself; nothing is written.

    Raises ZooError and its kinds as `restore_video` does.
    """
    if count < 1 or count > 64:
        raise ZooError(f"a preview has 1 to 64 frames, not {count}.")
    info = probe(job.source)
    holes = _holes(job, info)
    steps = tuple(step for step in job.recipe.steps if step.kind in ("model", "faces", "fill"))
    restoring = Restoring(
        replace(job.recipe, steps=steps or job.recipe.steps), job.machine, job.faces, holes is not None
    )
    enlarged(info, restoring.scale)
    begin = job.begin or 0.0
    end = job.end if info.duration is None else min(info.duration, job.end or info.duration)
    made = []
    for number in range(count):
        at = begin if end is None else begin + (end - begin) * (number + 0.5) / count
        frame = _frame_at(info, at, begin)
        if holes is not None:
            frame.hole = holes.of(round((at - begin) * float(info.rate)))
        frame.index, frame.cut = 0, True
        result = restoring([frame])[0]
        if result.entry["state"] == "failed":
            raise RestorationError(result.entry["error"])
        made.append((at, frame.image, result.image))
    return made


def _frame_at(info: Info, at: float, fallback: float) -> Frame:
    """The first frame from a time on; where there is none, that of the beginning. Raises PictureError."""
    for begin in (at, fallback):
        for frame in _first(Reader(info, begin)):
            return frame
    return next(Reader(info).frames())


def _first(reader: Reader) -> Iterator[Frame]:
    from ..errors import PictureError

    try:
        yield next(reader.frames())
    except PictureError:
        return
