"""The Restorer: the one way in which a picture goes through a backend."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F

from . import seeding as samples
from .card import ModelCard
from .errors import MaskError, OutOfMemoryError, RestorationError, ZooError
from .io.images import Picture, eight_bits
from .io.images import read as read_picture
from .io.images import write as write_picture
from .io.masks import read as read_mask
from .tiling import spans

if TYPE_CHECKING:
    from PIL import Image

    from .runtimes import Backend

    Source = str | os.PathLike | bytes | Image.Image | np.ndarray | Picture

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float32}
"""Precision -> the type of the tensors that go in."""
AUTO_TILE = 768
"""Side in pixels of a tile when `tile="auto"` decides to tile."""
AUTO_TILE_PIXELS = 2_100_000
"""`tile="auto"` tiles pictures larger than this (full HD is just below)."""
FEATHER = 32


@dataclass(frozen=True)
class Restoration:
    """A restored picture, and what it took."""

    picture: Picture
    seconds: float
    """Wall time from decoded input to restored picture; for a batch, its time divided by its pictures."""
    notes: tuple[str, ...] = ()
    """What the user should know, a sentence each."""

    @property
    def image(self) -> np.ndarray:
        """HxW, HxWx2, HxWx3 or HxWx4 array with the input's channels and bit depth."""
        return self.picture.array()

    def pil(self) -> Image.Image:
        """The picture as a PIL image (8 bits per channel, grey of 16 bits excepted)."""
        from PIL import Image

        array = self.image
        return Image.fromarray(array if array.ndim == 2 else eight_bits(array))

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture; see `zoo.io.images.write`."""
        write_picture(path, self.picture)


class Restorer:
    """A loaded backend. Made by `zoo.load`."""

    def __init__(
        self,
        card: ModelCard,
        backend: Backend,
        *,
        device: str = "auto",
        precision: str = "fp32",
        tile: int | str | None = "auto",
        weights_sha256: str | None = None,
        note: str | None = None,
    ):
        self.card = card
        self.weights_sha256 = weights_sha256
        self.tile = _checked_tile(tile)
        if precision not in PRECISIONS:
            raise ZooError(f"unknown precision '{precision}': use {', '.join(PRECISIONS)}.")
        backend.place(pick_device(device), PRECISIONS[precision])
        self._backend = backend
        self.precision = precision if backend.parameters else "fp32"
        """What it computes in: "fp32", "fp16", "bf16" or "int8"; classical methods know "fp32" alone."""
        self.note = note
        """What is to be told of the runtime that was chosen, a sentence, or None."""

    @property
    def device(self) -> str:
        """The device that it computes on, such as "cpu" or "cuda:0"."""
        return str(self._backend.device)

    @property
    def runtime(self) -> str:
        """What it computes with: "numpy", "torch", "onnx", "openvino" or "compile"."""
        return self._backend.runtime

    @property
    def network(self) -> torch.nn.Module:
        """The bare network with the published input range and signature. Raises ZooError for classical methods."""
        network = getattr(self._backend, "network", None)
        if network is None:
            raise ZooError(f"{self.card.id} is a classical method without a network.")
        return network

    @property
    def parameters(self) -> int:
        """The number of the network's parameters; 0 for classical methods."""
        return self._backend.parameters

    def restore(
        self,
        image: Source,
        mask: Any = None,
        *,
        mask_threshold: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Restoration:
        """Restore one picture.

        image: a path, encoded bytes, a PIL image, or an array HxW, HxWx2 (grey, alpha), HxWx3 or HxWx4 of uint8 or
        uint16. mask: the same, or a boolean HxW array; white or True = hole (see `zoo.io.masks.read`). Size (times the
        card's scale), alpha, grey and bit depth are kept; outside the mask nothing changes, bit for bit. progress: is
        told the share of the tiles that are done, 0 to 1, before each of them; a ZooError that it raises ends the run.
        Raises PictureError, MaskError, and RestorationError when the backend fails.
        """
        return self.restore_batch([image], [mask], mask_threshold=mask_threshold, progress=progress)[0]

    def restore_batch(
        self,
        images: Sequence[Source],
        masks: Sequence[Any] | None = None,
        *,
        mask_threshold: int | None = None,
        batch_size: int = 8,
        progress: Callable[[float], None] | None = None,
    ) -> list[Restoration]:
        """Restore pictures, those of the same size together; each comes out as `restore` alone gives it.

        Arguments, limits and errors as in `restore`; `masks` has one mask or None per picture. progress: as in
        `restore`, for each of the pictures that are tiled.
        """
        if masks is None:
            masks = [None] * len(images)
        if len(masks) != len(images):
            raise MaskError(f"{len(masks)} masks for {len(images)} pictures; give one each.")
        pictures = [read_picture(image) for image in images]
        holes = [self._hole(p, m, mask_threshold) for p, m in zip(pictures, masks, strict=True)]

        groups: dict[tuple, list[int]] = {}
        for index, (picture, hole) in enumerate(zip(pictures, holes, strict=True)):
            tiled = self._tile_side(picture) is not None
            key = (picture.height, picture.width, hole is None, index if tiled else -1)
            groups.setdefault(key, []).append(index)

        results: dict[int, Restoration] = {}
        for group in groups.values():
            for start in range(0, len(group), batch_size):
                chunk = group[start : start + batch_size]
                done = self._run_chunk(
                    [pictures[i] for i in chunk], [holes[i] for i in chunk], self._backend.run, progress
                )
                results.update(zip(chunk, done, strict=True))
        return [results[index] for index in range(len(pictures))]

    def sample(
        self,
        image: Source,
        mask: Any = None,
        *,
        count: int,
        seed: int = 0,
        mask_threshold: int | None = None,
    ) -> list[Restoration]:
        """`count` (1 to 64) different results for one picture; arguments, limits and errors as in `restore`.

        The same seed gives the same results, and more samples begin with those that fewer give. Raises ZooError, too,
        for a model that is not stochastic.
        """
        samples.check_model(self.card)
        count, seed = samples.checked_count(count), samples.checked_seed(seed)
        picture = read_picture(image)
        hole = self._hole(picture, mask, mask_threshold)
        backend: Any = self._backend  # a stochastic card's has `sample`
        draws = (
            functools.partial(backend.sample, generator=samples.generator_for(seed, index)) for index in range(count)
        )
        return [self._run_chunk([picture], [hole], draw)[0] for draw in draws]

    def check_mask_use(self, given: bool) -> None:
        """Raise MaskError when a mask is given to a model that uses none, or is missing where one is needed."""
        if not given and self.card.needs_mask:
            raise MaskError(f"{self.card.id} fills holes, so it needs a mask (white = hole).")
        if given and "inpaint" not in self.card.tasks:
            raise MaskError(f"{self.card.id} does not use masks; leave the mask out.")

    def _hole(self, picture: Picture, mask: Any, threshold: int | None) -> np.ndarray | None:
        self.check_mask_use(mask is not None)
        return None if mask is None else read_mask(mask, picture.height, picture.width, threshold)

    def _failure(self, error: BaseException, picture: Picture) -> RestorationError:
        if isinstance(error, SystemExit):
            return RestorationError(f"{self.card.id} failed: it wanted to end the program (exit status {error.code})")
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "allocate" in str(error):
            return OutOfMemoryError(
                f"{self.card.id} ran out of memory on a picture of {picture.width} x {picture.height} pixels; try a "
                "smaller --tile or picture."
            )
        return RestorationError(f"{self.card.id} failed: {str(error) or type(error).__name__}")

    def _tile_side(self, picture: Picture) -> int | None:
        """The tile's side for this picture, or None when it goes through in one piece."""
        if self.card.tiling is None or self.tile is None:
            return None
        if isinstance(self.tile, str):
            side = max(AUTO_TILE, 4 * self.card.tiling.margin)
            return side if picture.height * picture.width > AUTO_TILE_PIXELS else None
        return self.tile if max(picture.height, picture.width) > self.tile else None

    def _run_chunk(
        self,
        pictures: list[Picture],
        holes: list[np.ndarray | None],
        compute: Callable[..., torch.Tensor],
        progress: Callable[[float], None] | None = None,
    ) -> list[Restoration]:
        """Restore pictures of one size, all with or all without a mask, by the backend or its way to draw samples."""
        try:
            return self._restored(pictures, holes, compute, progress)
        except (ZooError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a backend may raise anything, SystemExit too: there is no result
            raise self._failure(error, pictures[0]) from error

    def _restored(
        self,
        pictures: list[Picture],
        holes: list[np.ndarray | None],
        compute: Callable[..., torch.Tensor],
        progress: Callable[[float], None] | None,
    ) -> list[Restoration]:
        started = time.perf_counter()
        notes: list[str] = []
        tile = self._tile_side(pictures[0])
        if tile is not None:
            restored = [self._run_tiled(pictures[0], holes[0], tile, progress)]
            if self.card.tiling is not None and not self.card.tiling.exact:
                notes.append(f"restored in tiles of {tile} pixels, which this model does not match exactly.")
        else:
            if isinstance(self.tile, int) and self.card.tiling is None and max(_size(pictures[0])) > self.tile:
                notes.append(f"{self.card.id} needs the whole picture at once, so it was not tiled.")
            image = torch.cat([_to_tensor(p.color) for p in pictures])
            given = [hole for hole in holes if hole is not None]  # all of them, or none
            mask = torch.cat([_mask_to_tensor(hole) for hole in given]) if given else None
            output = self._forward(image, mask, compute)
            restored = [self._to_array(o, p) for o, p in zip(output, pictures, strict=True)]
        square = self.card.size.square
        if square is not None and _size(pictures[0]) != (square, square):
            notes.append(f"the network works at {square} x {square} pixels; the picture was resized for it.")
        finished = [
            self._finish(picture, color, hole) for picture, color, hole in zip(pictures, restored, holes, strict=True)
        ]
        seconds = (time.perf_counter() - started) / len(pictures)
        return [
            Restoration(result, seconds, picture.notes + tuple(notes))
            for result, picture in zip(finished, pictures, strict=True)
        ]

    def _finish(self, picture: Picture, color: np.ndarray, hole: np.ndarray | None) -> Picture:
        """Put back what the backend does not handle: known pixels, alpha, metadata."""
        if hole is not None:
            color = np.where(hole if color.ndim == 2 else hole[..., None], color, picture.color)
        alpha = picture.alpha
        if alpha is not None and self.card.scale != 1:
            import cv2

            size = (picture.width * self.card.scale, picture.height * self.card.scale)
            alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC)
        icc = picture.icc if color.ndim == picture.color.ndim else None  # a grey profile says nothing of colors
        return replace(picture, color=color, alpha=alpha, icc=icc, notes=())

    def _run_tiled(
        self,
        picture: Picture,
        hole: np.ndarray | None,
        tile: int,
        progress: Callable[[float], None] | None,
    ) -> np.ndarray:
        """Only one tile is ever on the device, and only one row of tiles is kept as float numbers."""
        scale, tiling, step = self.card.scale, self.card.tiling, self.card.size.multiple_of
        assert tiling is not None, "only models that tile come here"
        height, width = _size(picture)
        try:
            # What compiles for each size anew gets tiles of one size.
            equal = getattr(self._backend, "compiles", False)
            rows = spans(height, tile, tiling.margin, FEATHER, step, equal=equal)
            columns = spans(width, tile, tiling.margin, FEATHER, step, equal=equal)
        except ValueError as error:
            raise RestorationError(f"{self.card.id}: {error}.") from None
        joined: np.ndarray | None = None
        rest = np.zeros((3, 0, width * scale), np.float32)  # what the rows of tiles above add to the next one
        for index, row in enumerate(rows):
            strip = np.zeros((3, (row.stop - row.start) * scale, width * scale), np.float32)
            strip[:, : rest.shape[1]] = rest
            for place, column in enumerate(columns):
                if progress is not None:
                    progress((index * len(columns) + place) / (len(rows) * len(columns)))
                window = np.s_[row.start : row.stop, column.start : column.stop]
                if hole is not None and not (hole[window] & (np.outer(row.weight, column.weight) > 0)).any():
                    continue  # it has no share in any hole, and known pixels are put back afterwards
                image = _to_tensor(picture.color[window])
                mask = None if hole is None else _mask_to_tensor(hole[window])
                weight = np.outer(row.weight.repeat(scale), column.weight.repeat(scale))
                part = strip[:, :, column.start * scale : column.stop * scale]
                part += self._forward(image, mask, self._backend.run)[0].numpy() * weight
            end = row.stop if index + 1 == len(rows) else rows[index + 1].start
            done, rest = np.split(strip, [(end - row.start) * scale], axis=1)
            finished = self._to_array(torch.from_numpy(done), picture)
            if joined is None:
                joined = np.empty((height * scale, *finished.shape[1:]), finished.dtype)
            joined[row.start * scale : end * scale] = finished
        assert joined is not None, "there is at least one row of tiles"
        return joined

    def _to_array(self, output: torch.Tensor, like: Picture) -> np.ndarray:
        """3xHxW in about [0, 1] -> array of the picture's type, rounded; grey stays grey unless the task is color."""
        grey = like.color.ndim == 2 and self.card.tasks[0] != "colorize"
        values = output.mean(0) if grey else output.permute(1, 2, 0)
        if like.color.dtype == np.float32:
            return np.ascontiguousarray(values.numpy())
        scaled = values.numpy() * np.float32(like.maximum)
        return np.clip(np.rint(scaled, out=scaled), 0, like.maximum, out=scaled).astype(like.color.dtype, order="C")

    def _forward(
        self, image: torch.Tensor, mask: torch.Tensor | None, compute: Callable[..., torch.Tensor]
    ) -> torch.Tensor:
        """Fit NCHW RGB in [0, 1] to the backend's sizes, run it, check and crop the result (float32, on the CPU)."""
        rule, scale = self.card.size, self.card.scale
        height, width = image.shape[-2:]
        if rule.square is not None:
            # Any picture fits a square network: padded to a square, then resized.
            side = max(height, width)
            padded = _resize(_pad(image, side, side), rule.square)
            hole = None if mask is None else (_resize(_pad(mask, side, side), rule.square) > 0).to(mask.dtype)
        else:
            target = rule.padded(height, width)
            padded = _pad(image, *target)
            hole = None if mask is None else _pad(mask, *target)
        expected = (*padded.shape[:2], padded.shape[2] * scale, padded.shape[3] * scale)
        device, dtype = self._backend.device, self._backend.dtype
        with torch.inference_mode():
            output = compute(padded.to(device, dtype), None if hole is None else hole.to(device, dtype))
            output = output.float().cpu()
        if tuple(output.shape) != expected:
            raise RestorationError(f"{self.card.id} returned {tuple(output.shape)} where {expected} was expected.")
        if not torch.isfinite(output).all():
            hint = "" if dtype == torch.float32 else "; use precision fp32"
            raise RestorationError(f"{self.card.id} returned values that are not numbers (NaN or infinite){hint}.")
        if rule.square is not None:
            output = _resize(output, side * scale)
        return output[..., : height * scale, : width * scale].clone()


def pick_device(name: str) -> torch.device:
    """The torch device of that name; "auto" is CUDA, else Apple's MPS, else the CPU. Raises ZooError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # "meta" holds no values
    except (RuntimeError, AssertionError, ValueError, NotImplementedError):
        raise ZooError(f"the device '{name}' is not available here; use auto, cpu, cuda or mps.") from None
    return device


def _checked_tile(tile: int | str | None) -> int | Literal["auto"] | None:
    if tile is None:
        return None
    if tile == "auto":
        return "auto"
    try:
        side = int(tile)
    except (TypeError, ValueError):
        side = 0
    if side < 1 or isinstance(tile, float):
        raise ZooError(f"a tile is 'auto' or a number of pixels, not '{tile}'.")
    return side


def _size(picture: Picture) -> tuple[int, int]:
    return picture.height, picture.width


def _to_tensor(color: np.ndarray) -> torch.Tensor:
    """HxW or HxWx3 of uint8 or uint16 -> 1x3xHxW float32 in [0, 1]; float32 stays what it is."""
    white = 1 if color.dtype == np.float32 else np.iinfo(color.dtype).max
    values = torch.from_numpy(color.astype(np.float32) / white)
    if values.ndim == 2:
        return values.expand(3, -1, -1)[None].contiguous()
    return values.permute(2, 0, 1)[None].contiguous()


def _mask_to_tensor(hole: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(hole.astype(np.float32))[None, None]


def _pad(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Extend NCHW at the bottom and the right by mirroring; by repeating the edge where there is too little."""
    bottom, right = height - x.shape[-2], width - x.shape[-1]
    if not bottom and not right:
        return x
    mode = "reflect" if bottom < x.shape[-2] and right < x.shape[-1] else "replicate"
    return F.pad(x, (0, right, 0, bottom), mode=mode)


def _resize(x: torch.Tensor, side: int) -> torch.Tensor:
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
