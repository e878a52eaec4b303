"""Opening checkpoints without ever running what is in them, and undoing their wrapping.

Published checkpoints are torch files (zip or the older pickle stream, whatever their name ends in) that hold one
state dict, often inside others: {'model': {'module.x': ...}}, {'G': ...}, {'generator': ..., 'iteration': 5}. They
are read once, with torch's restricted unpickler, and from then on from a safetensors copy in the cache.
"""

from __future__ import annotations

import pickle
import re
import sys
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError, describe_os_error
from ..files import opened, written_whole
from . import download
from .checksum import MAX_BYTES
from .places import cache_folder
from .resolve import Found, FoundFile, trust

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

UNWRAP = 1
"""Version of the rules below; the cache keeps what each version made apart."""

STATE_KEYS = (
    "params_ema", "g_ema", "ema", "generator", "G", "netG", "net_g",
    "model_state_dict", "state_dict", "params", "model", "net",
)  # fmt: skip
"""Under which keys checkpoints keep a network, the best first: averaged weights, a GAN's generator, anything."""
PREFIXES = ("module.", "_orig_mod.")
"""What wrappers (DataParallel, torch.compile) put before every name."""

MOST_SHARING = 4
"""Tensors of a network may share memory (tied weights), but all of them together take at most so many times of it."""

_NOT_WEIGHTS = {
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched (`git lfs pull`)",
    b"\x89HDF\r\n": "a Keras or HDF5 file, which this zoo cannot read",
    b"<!doctype html": "a web page, probably the download page instead of the file",
    b"<html": "a web page, probably the download page instead of the file",
}


def load_tensors(found: Found) -> Tensors:
    """The tensors of a model's verified weights by name, unwrapped, those of several files under their prefixes.

    Files that are used for the first time are trusted from now on. Raises WeightsError for anything that is not a
    readable checkpoint of plain tensors; a new download that is none is removed.
    """
    tensors: Tensors = {}
    for file in found.files:
        try:
            tensors |= {file.prefix + name: tensor for name, tensor in _cached(file).items()}
        except WeightsError as error:
            if file.first_use is None or file.origin not in ("Hub cache", "downloads"):
                raise
            download.remove(file.path)
            raise WeightsError(f"{error} It has been removed.") from None
    trust(found)
    return tensors


def read_checkpoint(path: Path) -> Tensors:
    """The tensors of a safetensors or torch file by name, unwrapped. Raises WeightsError."""
    try:
        with opened(path, MAX_BYTES) as file:
            head = file.read(64)
        if not head:
            raise WeightsError(f"{path} is empty.")
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {describe_os_error(error)}.") from None
    for start, what in _NOT_WEIGHTS.items():
        if head.lower().lstrip().startswith(start.lower()):
            raise WeightsError(f"{path} is not a checkpoint but {what}.")
    return unwrap(_safetensors(path) if _is_safetensors(head) else _torch(path), path)


def unwrap(checkpoint: Any, path: Path) -> Tensors:
    """The one state dict in a checkpoint's nested containers, without the prefixes of wrappers.

    Raises WeightsError when there is none, or when several might be meant.
    """
    import torch

    state = _find_state(checkpoint, path)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name[len(prefix) :]: tensor for name, tensor in state.items()}
    for name, tensor in state.items():
        if tensor.layout is not torch.strided or tensor.is_quantized:
            raise WeightsError(f"{path} holds a sparse or quantized tensor ({name}), which no model here takes.")
        if tensor.device.type != "cpu":
            raise WeightsError(f"{path} holds a tensor without values ({name}, on the device {tensor.device.type}).")
        if tensor.nbytes > tensor.untyped_storage().nbytes():
            raise WeightsError(
                f"{path} holds a tensor ({name}) that repeats few values to {tensor.nbytes / 1e6:,.1f} MB; save it in "
                "full."
            )
    total = sum(tensor.nbytes for tensor in state.values())
    stored = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in state.values()}
    if total > MOST_SHARING * sum(stored.values()):
        raise WeightsError(f"{path} holds the same values under many names, {total / 1e6:,.1f} MB in all.")
    return state


def _find_state(value: Any, path: Path, depth: int = 0) -> Tensors:
    if not isinstance(value, Mapping):
        raise WeightsError(f"{path} holds no weights by name but a {type(value).__name__}.")
    inside = {key: item for key, item in value.items() if _holds_tensors(item)}
    for key in STATE_KEYS:
        if key in inside and depth < 4:
            return _find_state(inside[key], path, depth + 1)
    if state := _tensors(value):
        return state
    if len(inside) == 1 and depth < 4:
        return _find_state(next(iter(inside.values())), path, depth + 1)
    keys = ", ".join(map(str, list(value)[:8])) or "nothing"
    raise WeightsError(f"{path} holds no weights of one network that can be told apart (it has: {keys}).")


def _tensors(value: Mapping) -> Tensors:
    import torch

    return {k: v.detach() for k, v in value.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}


def _holds_tensors(value: Any, depth: int = 0) -> bool:
    if not isinstance(value, Mapping) or depth > 4:
        return False
    return bool(_tensors(value)) or any(_holds_tensors(item, depth + 1) for item in value.values())


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{"  # eight bytes of length, then the header in JSON


def _safetensors(path: Path) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or cut short (safetensors: {error}).") from None


def _torch(path: Path) -> Any:
    import torch

    if zipfile.is_zipfile(path):  # torch stores without compression; what unpacks to more was not made by it
        try:
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
        except (zipfile.BadZipFile, OSError, ValueError):
            unpacked = 0  # torch's reader says what is wrong
        if unpacked > 2 * path.stat().st_size:
            raise WeightsError(f"{path} is refused: it unpacks to {unpacked / 1e6:,.1f} MB, as no checkpoint does.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # its asides on odd files; what matters is raised
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(
                f"{path} is refused: it is not made of plain tensors, and opening it could run code "
                f"(it asks for {named[1]})."
            ) from None
        raise WeightsError(f"{path} is damaged, or no checkpoint of plain tensors.") from None
    except Exception as error:  # damaged files make the reader fail in a dozen ways
        if "TorchScript" in str(error):
            raise WeightsError(f"{path} is a TorchScript program, not a checkpoint of plain tensors.") from None
        raise WeightsError(f"{path} is damaged, cut short, or no checkpoint ({type(error).__name__}).") from None


def _cached(file: FoundFile) -> Tensors:
    """A verified file's tensors, from its safetensors copy in the cache where it is no safetensors file itself."""
    try:
        with opened(file.path, MAX_BYTES) as head:
            plain = _is_safetensors(head.read(9))
    except OSError as error:
        raise WeightsError(f"{file.path} cannot be read: {describe_os_error(error)}.") from None
    if plain:
        return read_checkpoint(file.path)
    copy = cache_folder() / f"converted-{UNWRAP}" / f"{file.sha256}.safetensors"
    if copy.is_file():
        try:
            return _safetensors(copy)
        except WeightsError:
            copy.unlink(missing_ok=True)  # it is only a copy: make it again
    tensors = read_checkpoint(file.path)
    try:
        save(tensors, copy)
    except OSError as error:  # the weights are here all the same
        print(f"warning: no converted copy of {file.path} was kept: {describe_os_error(error)}.", file=sys.stderr)
    return tensors


def save(tensors: Tensors, path: Path) -> None:
    """Write tensors as a safetensors file, whole or not at all. Raises OSError."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with written_whole(path) as temporary:
        try:  # a copy each, because names may share memory and safetensors does not allow that
            save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, temporary)
        except SafetensorError as error:
            raise OSError(str(error)) from None
