"""The loop that follows a recipe: checkpointed, paced by steps or by the clock.

A run is a folder: `run.json` (what it is and runs on), `checkpoint.pt` (where it is), `log.csv` (loss of every step),
`watch.csv` (the watching pictures at every checkpoint) and TensorBoard's files.
"""

from __future__ import annotations

import csv
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import ZooError
from zoo.io.files import written_whole
from zoo.restorer import pick_device
from zoo.seeding import rng_for

from . import cards
from .adversarial import Opponent
from .data import Pairs, batches, load_pictures, split, to_tensor, watched_pairs
from .recipe import Recipe, get_recipe, seeded_network

LOG = ("step", "progress", "seconds", "rate", "norm", "loss")
NOTHING_BEFORE = {"steps": 0, "minutes": 0.0}
"""What a run took over from others."""
WATCH = ("step", "progress", "seconds", "psnr", "psnr_input")


@dataclass(frozen=True)
class Settings:
    """What a run was started with, besides its recipe."""

    recipe: str
    data: str
    seed: int = 0
    steps: int | None = None
    """Length of the run; None: the recipe's, or what fits into the time box."""
    minutes: float | None = None
    """Time box; training time only, that of earlier parts of a resumed run included."""
    device: str = "auto"
    precision: str = "auto"
    workers: int = 0
    """Processes that make batches; 0: the training process itself."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    start_from: str | None = None
    """Folder of a run whose averaged weights, or id of a bundled model whose weights this one starts with, where names
    and shapes are the same."""


@dataclass
class Position:
    """Where a run is. In a run by steps all but `seconds` follows from the step."""

    step: int = 0
    progress: float = 0.0
    """0 at the start, 1 at the end; the cosine schedule follows it."""
    pace: float = 0.0
    """What a step adds to the progress."""
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the schedule is at its end."""
        return self.progress >= 1 - 1e-9


def rate_at(recipe: Recipe, position: Position) -> float:
    """The learning rate of the next step: a linear rise, times half a cosine over the whole run."""
    rise = min(1.0, (position.step + 1) / recipe.warmup)
    return recipe.rate * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, position.progress)))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over pictures of the PSNR in dB, over all pixels and channels; N x H x W x 3 uint8."""
    errors = np.square(a.astype(np.float64) - b).mean(axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(errors, 1e-10))))


def autocast_type(precision: str, device: torch.device) -> torch.dtype:
    """The type that convolutions compute in. "auto" is bf16 on a GPU that has it, else fp32. Raises ZooError."""
    if precision == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if able else "fp32"
    types = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision not in types:
        raise ZooError(f"unknown precision '{precision}': training knows auto, fp32 and bf16.")
    return types[precision]


def machine(device: torch.device) -> str:
    """What computes, in words: "NVIDIA H200", or the CPU's name with the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"


class Run:
    """A training run in a folder. Made by `start` or `resume`."""

    def __init__(self, folder: Path, settings: Settings):
        self.folder, self.settings = folder, settings
        self.recipe = get_recipe(settings.recipe)
        self.device = pick_device(settings.device)
        self.type = autocast_type(settings.precision, self.device)
        self.network = seeded_network(self.recipe, settings.seed).to(self.device, memory_format=torch.channels_last)
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.recipe.rate, betas=(0.9, 0.99))
        self.opponents = [Opponent(a, settings.seed, self.device, self.type) for a in self.recipe.adversarial]
        self.position = Position()
        if settings.minutes is None:
            self.position.pace = 1 / (settings.steps or self.recipe.steps)

    def train(self, report: Callable[[str], None] = print) -> None:
        """Go on to the end of the schedule. Raises ZooError when the loss is no number any more."""
        from torch.utils.tensorboard import SummaryWriter

        recipe, settings = self.recipe, self.settings
        pictures = load_pictures(Path(settings.data), recipe.data, recipe.crop + 2 * recipe.margin, recipe.shrink)
        training, watching = split(pictures)
        watched = watched_pairs(recipe, watching, settings.seed)
        size = sum(parameter.numel() for parameter in self.network.parameters())
        report(f"{recipe.id}: {len(training)} pictures, {size:,} parameters, {self.device}, {self.type}")
        stream = batches(Pairs(recipe, training, settings.seed), self.position.step, settings.workers)
        rows: list[tuple] = []
        loading = 0.0
        before, started = self.position.seconds, time.monotonic()
        first = self.position.step
        with SummaryWriter(str(self.folder), purge_step=first + 1) as writer:
            while not self.position.finished:
                waited = time.monotonic()
                given, clean = (to_tensor(part, self.device) for part in next(stream))
                loading += time.monotonic() - waited
                rows.append(self.step(given, clean))
                self.position.seconds = before + time.monotonic() - started
                self._advance(self.position.step - first)
                if self.position.step % settings.checkpoint_every == 0 or self.position.finished:
                    self._checkpoint(rows, watched, writer, report)
                    rows.clear()
        if self.position.step > first:
            share = loading / (self.position.seconds - before)
            report(f"{recipe.id}: finished; {share:.0%} of the time went into waiting for pictures")

    def step(self, given: Tensor, clean: Tensor) -> tuple:
        """One step of the optimizer; returns its row of the log."""
        recipe, position = self.recipe, self.position
        rate = rate_at(recipe, position)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        playing = [o for o in self.opponents if position.progress >= o.settings.start]
        shares = [term.share(position.step, position.progress) for term in recipe.losses]
        computing = torch.autocast(self.device.type, self.type, enabled=self.type != torch.float32)
        # What a network draws at random follows from the step, so that a resumed run draws it too.
        with torch.random.fork_rng(devices=[]), computing:
            torch.manual_seed(int(rng_for("draws", self.settings.seed, position.step).integers(1 << 32)))
            wanted = {term.of for term, share in zip(recipe.losses, shares, strict=True) if share}
            wanted |= {opponent.settings.of for opponent in playing}
            outputs = recipe.outputs(self.network, given, clean, wanted)
            truth = outputs["truth"]
            terms = [
                term.function(outputs[term.of], truth).float() if share else truth.new_zeros(())
                for term, share in zip(recipe.losses, shares, strict=True)
            ]
        loss = torch.stack([share * term for share, term in zip(shares, terms, strict=True)]).sum()
        views = [opponent.views(outputs, truth, given) for opponent in playing]
        for opponent, view in zip(playing, views, strict=True):
            loss = loss + opponent.loss(*view)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        if not torch.isfinite(norm):
            raise ZooError(f"{recipe.id}: the gradient is no number at step {position.step}; nothing was stored of it.")
        self.optimizer.step()
        learned = {o.settings.name: o.learn(*view, rate / recipe.rate) for o, view in zip(playing, views, strict=True)}
        keep = min(recipe.ema, (1 + position.step) / (10 + position.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        position.step += 1
        judged = (learned.get(adversarial.name, 0.0) for adversarial in recipe.adversarial)
        values = (float(loss.detach()), *(float(term.detach()) for term in terms), *judged)
        return position.step, position.progress, position.seconds, rate, float(norm), *values

    def averaged(self) -> nn.Module:
        """A network of its own with the averaged weights, in eval mode."""
        network = seeded_network(self.recipe, self.settings.seed)
        network.load_state_dict(self.average)
        return network.to(self.device, memory_format=torch.channels_last).eval().requires_grad_(False)

    def _advance(self, done: int) -> None:
        """Move the progress on by one step; by the clock, the pace is set anew now and then."""
        position, minutes = self.position, self.settings.minutes
        if minutes is not None and (position.pace == 0 or position.step % 20 == 0):
            left = minutes * 60 - position.seconds
            steps = left * position.step / position.seconds
            position.pace = (1 - position.progress) / max(1.0, steps)
        position.progress = min(1.0, position.progress + position.pace)

    def _checkpoint(self, rows: list[tuple], watched: tuple, writer: Any, report: Callable[[str], None]) -> None:
        given, clean = watched
        network = self.averaged()
        with torch.inference_mode():
            outputs = [network(to_tensor(one[None], self.device)) for one in given]
        restored = (torch.cat(outputs)[:, :3].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        position = self.position
        row = (position.step, position.progress, position.seconds, psnr(restored, clean), psnr(given[..., :3], clean))
        names = (*LOG, *self.recipe.columns)
        _append(self.folder / "log.csv", names, rows)
        _append(self.folder / "watch.csv", WATCH, [row])
        for name, column in list(zip(names, zip(*rows, strict=True), strict=True))[3:]:
            for step, value in zip((r[0] for r in rows), column, strict=True):
                writer.add_scalar(f"train/{name}", value, step)
        writer.add_scalar("watch/psnr", row[3], position.step)
        picture = np.concatenate([np.concatenate(part, axis=1) for part in (given[..., :3], restored, clean)])
        writer.add_images("input, output, truth", picture[None], position.step, dataformats="NHWC")
        with written_whole(self.folder / "checkpoint.pt") as path:
            torch.save(self.state(), path)
        report(
            f"{self.recipe.id}: step {position.step}, {position.progress:.1%}, {position.seconds / 60:.1f} min, "
            f"loss {np.mean([r[5] for r in rows]):.5f}, psnr {row[3]:.2f} dB (input {row[4]:.2f})"
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: plain tensors and numbers."""
        return {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "position": asdict(self.position),
            "opponents": [opponent.state() for opponent in self.opponents],
        }


def start(folder: Path, settings: Settings) -> Run:
    """A new run in a new (or empty) folder. Raises ZooError."""
    if folder.exists() and any(folder.iterdir()):
        raise ZooError(f"{folder} is not empty: --resume goes on with the run in it, --out names another folder.")
    run = Run(folder, settings)
    stored = {**asdict(settings), "machine": machine(run.device), "computed_in": str(run.type).removeprefix("torch.")}
    stored["before"] = _start_from(run, settings.start_from) if settings.start_from else dict(NOTHING_BEFORE)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    return run


def _start_from(run: Run, source: str) -> dict[str, float]:
    """Take over earlier weights where they fit; returns what they took. Raises ZooError when none of them fits."""
    weights, before = _bundled(source) if cards.has_card(source) else _averaged(Path(source))
    own = run.network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ZooError(f"no weights of {source} fit {run.recipe.id}.")
    run.network.load_state_dict({**own, **fitting})
    for name, value in run.network.state_dict().items():
        run.average[name].copy_(value)
    return before


def _averaged(folder: Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    """(averaged weights, what they took) of the run in a folder."""
    stored, state = read_run(folder)
    position, before = Position(**state["position"]), stored["before"]
    took = {"steps": before["steps"] + position.step, "minutes": before["minutes"] + position.seconds / 60}
    return state["average"], took


def _bundled(model_id: str) -> tuple[dict[str, Tensor], dict[str, float]]:
    """(weights, what they took) of a bundled model."""
    card = cards.read_card(model_id)
    return cards.read_weights(model_id), {"steps": card.steps, "minutes": card.minutes}


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what is in run.json, the last checkpoint) of the run in a folder. Raises ZooError when there is none."""
    try:
        stored = {**asdict(Settings("", "")), "before": dict(NOTHING_BEFORE)}  # older runs say less
        stored.update(json.loads((folder / "run.json").read_text(encoding="utf-8")))
        return stored, torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise ZooError(f"there is no run with a checkpoint in {folder} ({missing} is missing).") from None


def resume(folder: Path, minutes: float | None = None) -> Run:
    """The run in a folder, as its last checkpoint left it; `minutes` is a new time box. Raises ZooError."""
    stored, state = read_run(folder)
    settings = Settings(**{field.name: stored[field.name] for field in fields(Settings)})
    run = Run(folder, settings if minutes is None else replace(settings, minutes=minutes))
    run.network.load_state_dict(state["network"])
    run.optimizer.load_state_dict(state["optimizer"])
    for name, value in state["average"].items():
        run.average[name].copy_(value)
    for opponent, stored_state in zip(run.opponents, state["opponents"], strict=True):
        opponent.load(stored_state)
    run.position = Position(**state["position"])
    for name in ("log.csv", "watch.csv"):
        _cut(folder / name, run.position.step)
    return run


def _append(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(header)
        writer.writerows(rows)


def _cut(path: Path, step: int) -> None:
    """Drop the rows after a step: they were written, but the checkpoint after them was not."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines[1:] if int(line.split(",", 1)[0]) <= step]
    path.write_text("".join(lines[:1] + kept), encoding="utf-8")
