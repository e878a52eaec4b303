"""Faces over time: found now and then, followed in between, with one decision for each track.

A track is one person's face from the frame it appears in to the one it is lost in. Its landmarks are smoothed, so that
the aligned crop does not tremble; whether it is restored, left or blurred is decided once, from its first frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np

from ..errors import ZooError
from ..faces import align, blend, check
from ..faces.face import Face, overlaps
from ..faces.pipeline import CROP, FacePipeline
from ..faces.report import BLURRED, LEFT, RESTORED
from ..faces.style import Look, finish
from ..faces.visibility import Visibility
from .motion import eight

EVERY = 4
"""Faces are looked for in every so many frames and in the last one of a batch; to blur them, in all."""
PATIENCE = 12
"""So many frames a face is followed by motion alone before its track ends."""
SURE = 0.9
"""A face found only once is restored from this confidence on; a fainter one waits to be found again."""
SMALL_CROP, SMALL_FACE = 256, 300
"""Faces whose aligned crop would be smaller than SMALL_FACE pixels a side in the video go through at SMALL_CROP."""
FADE = 6
"""Frames over which a restored face comes in, where it does not begin with a scene."""
COMPARED = 8
"""The similarity of a face before and after is measured in every so many frames."""
SIDEWAYS = 15.0
"""Degrees beyond the most that is restored over which a face that turns fades to its original."""


@dataclass
class Track:
    """One face over time."""

    number: int
    landmarks: list[list[float]]
    """Smoothed, 5 x 2, of the last frame."""
    box: list[float]
    first: int
    last: int
    """Index of the last frame it was followed to."""
    found: int
    """Index of the last frame that the detector found it in."""
    hits: int = 1
    confidence: float = 0.0
    action: str | None = None
    """"restored", "left" or "blurred"; None before the decision."""
    reason: str | None = None
    side: int = 0
    """Of its aligned crops, in pixels."""
    shown: int = 0
    """In so many frames it was restored."""
    similarities: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        values = self.similarities
        return {
            "track": self.number, "first": self.first, "last": self.last, "action": self.action or LEFT,
            "reason": self.reason,
            "similarity_mean": round(float(np.mean(values)), 4) if values else None,
            "similarity_least": round(min(values), 4) if values else None,
        }  # fmt: skip


@dataclass(frozen=True)
class _Sight:
    """One face in one frame."""

    track: Track
    landmarks: np.ndarray


class FaceTracks:
    """Restores the faces of a video, batch by batch."""

    def __init__(self, pipeline: FacePipeline, *, look: Look, force: bool = False, anonymize: str | None = None):
        """anonymize: None, "others" (blur faces that are not restored) or "all". The rest is as in `zoo.faces`."""
        self._pipeline, self._look, self._force, self._anonymize = pipeline, look, force, anonymize
        self._tracks: list[Track] = []
        self._gone: list[Track] = []
        self._ended: list[dict[str, Any]] = []
        self._grey: np.ndarray | None = None
        self._count = 0
        self._visibility = Visibility()
        if anonymize not in (None, "others", "all"):
            raise ZooError(f"unknown choice of faces to blur '{anonymize}': use others or all.")

    def __call__(
        self, images: Sequence[np.ndarray], cuts: Sequence[bool], first: int
    ) -> tuple[list[np.ndarray], list[list[dict[str, Any]]]]:
        """The frames with their faces restored, and for each frame what became of its faces, JSON-ready.

        images: H x W x 3 uint8 or uint16, following each other; cuts: where a scene begins; first: the index of the
        first one. Raises RestorationError when the backend fails.
        """
        sights = self._follow(images, cuts, first)
        self._decide(images, sights)
        done = self._restore(images, sights, first)
        self._ended += [track.summary() for track in self._gone]
        self._gone = []
        return done

    @property
    def hides(self) -> bool:
        """Whether faces are to be blurred."""
        return self._anonymize is not None

    def summaries(self) -> list[dict[str, Any]]:
        """What became of every track so far."""
        return sorted([*self._ended, *(track.summary() for track in self._tracks)], key=lambda each: each["track"])

    def state(self) -> dict[str, Any]:
        """All that the next batch depends on; JSON-ready but for the last frame in grey."""
        return {
            "tracks": [asdict(track) for track in self._tracks], "ended": self._ended, "count": self._count,
            "grey": self._grey,
        }  # fmt: skip

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state()`."""
        self._tracks = [Track(**each) for each in state["tracks"]]
        self._ended, self._count, self._grey = list(state["ended"]), int(state["count"]), state["grey"]

    def _follow(self, images: Sequence[np.ndarray], cuts: Sequence[bool], first: int) -> list[list[_Sight]]:
        """Where the faces are in each frame."""
        greys = [cv2.cvtColor(eight(image), cv2.COLOR_RGB2GRAY) for image in images]
        every = 1 if self._anonymize else EVERY
        looked = {i for i in range(len(images)) if (first + i) % every == 0 or cuts[i] or i + 1 == len(images)}
        frames: list[list[tuple[Track, np.ndarray]]] = []
        before = self._grey
        for i, grey in enumerate(greys):
            if cuts[i] or (before is not None and before.shape != grey.shape):
                self._end(list(self._tracks))
            elif before is not None:
                self._carry(before, grey)
            if i in looked:
                self._match(self._pipeline.detector.detect(eight(images[i])), first + i, cuts[i])
            self._end([t for t in self._tracks if first + i - t.found > PATIENCE])
            for track in self._tracks:
                track.last = first + i
            frames.append([(track, np.array(track.landmarks)) for track in self._tracks])
            before = grey
        self._grey = greys[-1]
        return [[_Sight(track, points) for track, points in frame] for frame in frames]

    def _end(self, tracks: Sequence[Track]) -> None:
        gone = {track.number for track in tracks}
        self._gone += tracks
        self._tracks = [track for track in self._tracks if track.number not in gone]

    def _carry(self, before: np.ndarray, grey: np.ndarray) -> None:
        """Move every track from one frame to the next by the motion around its landmarks (Lucas and Kanade)."""
        for track in self._tracks:
            points = np.array(track.landmarks, np.float32)
            span = float(np.ptp(points, axis=0).max())
            grid = np.stack(np.meshgrid([-0.3, 0, 0.3], [-0.3, 0, 0.3]), -1).reshape(-1, 2) * span
            start = np.concatenate([points, points.mean(0) + grid]).astype(np.float32)
            side = int(np.clip(span / 2, 9, 31)) | 1
            moved, ok, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
                before, grey, start[:, None], None, winSize=(side, side), maxLevel=3
            )
            ok = ok.ravel().astype(bool)
            if ok.sum() < 4:
                continue
            shift, _ = cv2.estimateAffinePartial2D(start[ok], moved[ok, 0], method=cv2.LMEDS)
            if shift is None or not 0.8 < align.scale_of(shift) < 1.25:
                continue
            track.landmarks = align.apply(shift, np.array(track.landmarks)).tolist()
            track.box = align.apply(shift, np.array(track.box).reshape(2, 2)).ravel().tolist()

    def _match(self, faces: Sequence[Face], index: int, cut: bool) -> None:
        """Give found faces to the tracks they overlap most, and begin tracks with the others."""
        left = list(faces)
        for track in sorted(self._tracks, key=lambda t: -t.hits):
            if not left:
                break
            shared = overlaps(np.array(track.box), np.array([face.box for face in left]))
            best = int(shared.argmax())
            if shared[best] > 0.3:
                self._meet(track, left.pop(best), index)
        for face in sorted(left, key=lambda face: face.center[0]):
            self._count += 1
            # A track that begins with a scene needs no fading in.
            self._tracks.append(
                Track(
                    self._count, face.landmarks.tolist(), face.box.tolist(), index, index, index,
                    confidence=face.confidence, shown=FADE if cut else 0,
                )
            )  # fmt: skip

    def _meet(self, track: Track, face: Face, index: int) -> None:
        """Smooth the landmarks: what the motion carried is drawn to what was found, the more the farther it is."""
        carried, found = np.array(track.landmarks), face.landmarks
        span = max(float(np.ptp(found, axis=0).max()), 1.0)
        off = float(np.linalg.norm(found - carried, axis=1).mean()) / span
        share = float(np.clip(off / 0.15, 0.25, 1.0))
        track.landmarks = (carried + share * (found - carried)).tolist()
        track.box = (np.array(track.box) + max(share, 0.5) * (face.box - np.array(track.box))).tolist()
        track.found, track.hits = index, track.hits + 1
        track.confidence = max(track.confidence, face.confidence)

    def _decide(self, images: Sequence[np.ndarray], sights: Sequence[Sequence[_Sight]]) -> None:
        """One decision for each track that has none and is sure enough."""
        first_sights: dict[int, list[tuple[int, _Sight]]] = {}
        for i, frame in enumerate(sights):
            for sight in frame:
                if sight.track.action is None:
                    first_sights.setdefault(sight.track.number, []).append((i, sight))
        for seen in first_sights.values():
            track = seen[0][1].track
            native = CROP / np.median([align.scale_of(align.to_crop(s.landmarks, CROP)) for _, s in seen])
            if self._anonymize == "all":
                track.action, track.reason, track.side = BLURRED, "all faces are anonymous", CROP
                continue
            fixed = self._pipeline.restorer.card.size.square
            track.side = fixed or (SMALL_CROP if native < SMALL_FACE else CROP)
            if track.hits < 2 and track.confidence < SURE:
                continue
            poses = [check.pose(s.landmarks) for _, s in seen]
            middle = poses[int(np.argsort([abs(p.yaw) for p in poses])[len(poses) // 2])]
            some = [seen[0], seen[len(seen) // 2], seen[-1]]
            crops = [self._crop(images[i], s.landmarks, SMALL_CROP) for i, s in some]
            covered = float(np.median(self._visibility.covered([eight(crop) for crop in crops])))
            reason = None if self._force else check.reason_to_skip(middle, covered)
            track.reason = reason
            track.action = RESTORED if reason is None else BLURRED if self._anonymize else LEFT

    def _crop(self, image: np.ndarray, landmarks: np.ndarray, side: int) -> np.ndarray:
        return align.warp(image, align.to_crop(landmarks, side), side, side)

    def _restore(
        self, images: Sequence[np.ndarray], sights: Sequence[Sequence[_Sight]], first: int
    ) -> tuple[list[np.ndarray], list[list[dict[str, Any]]]]:
        wanted = [
            (i, sight, self._crop(images[i], sight.landmarks, sight.track.side))
            for i, frame in enumerate(sights) for sight in frame if sight.track.action == RESTORED
        ]  # fmt: skip
        restored: dict[tuple[int, int], np.ndarray] = {}
        if wanted:
            done = self._pipeline.restorer.restore_batch([crop for _, _, crop in wanted])
            for (i, sight, crop), result in zip(wanted, done, strict=True):
                finished = finish(result.picture.color, self._look)
                restored[i, sight.track.number] = finished
                if (first + i) % COMPARED == 0:
                    self._compare(sight, crop, finished)
        results, logs = [], []
        for i, image in enumerate(images):
            patches, entries = [], []
            for sight in sights[i]:
                track = sight.track
                action = track.action
                if action is None:  # not sure enough yet
                    action = BLURRED if self._anonymize else LEFT
                side = track.side or CROP
                new = restored.get((i, track.number))
                hidden = action == BLURRED
                strength = 1.0
                if new is not None:
                    track.shown += 1
                    strength = self._look.strength * min(1.0, track.shown / FADE) * self._facing(sight.landmarks)
                region = blend.Region(align.to_crop(sight.landmarks, side), side, reach=blend.HIDDEN if hidden else 1.0)
                patches.append(blend.Patch(region, new, strength, hidden))
                entries.append({"track": track.number, "action": action, "reason": track.reason})
            results.append(blend.composite(image, patches) if patches else image)
            logs.append(entries)
        return results, logs

    def _facing(self, landmarks: np.ndarray) -> float:
        """1 for a face toward the camera, falling to 0 where it turns farther than the network knows."""
        if self._force:
            return 1.0
        turned = check.pose(landmarks)
        beyond = max(abs(turned.yaw) - check.MAX_YAW, abs(turned.pitch) - check.MAX_PITCH, 0.0)
        return float(np.clip(1 - beyond / SIDEWAYS, 0, 1))

    def _compare(self, sight: _Sight, crop: np.ndarray, new: np.ndarray) -> None:
        embedding = self._pipeline.embedding
        if embedding is None:
            return
        small = [
            cv2.resize(eight(each), (SMALL_CROP, SMALL_CROP), interpolation=cv2.INTER_AREA) for each in (crop, new)
        ]
        points = align.apply(align.to_crop(sight.landmarks, SMALL_CROP), sight.landmarks)
        before, after = (embedding.embed(each, points) for each in small)
        sight.track.similarities.append(round(float(embedding.similarity(before, after)), 6))
