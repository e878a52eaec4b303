"""The training loop: resumable from checkpoints, with a length in steps or in minutes.

A run is a folder: `run.json` (settings and machine), `checkpoint.pt` (weights, optimizers, position), `log.csv` (the
losses of every step), `validation.csv` (PSNR on the validation split at every checkpoint) and TensorBoard's files.
"""

from __future__ import annotations

import copy
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
from torch.optim.swa_utils import AveragedModel

from eval.fidelity import psnr
from zoo.errors import ZooError
from zoo.io.files import written_whole
from zoo.restorer import pick_device
from zoo.seeding import rng_for

from . import cards
from .adversarial import DiscriminatorTrainer
from .data import Pairs, batches, load_pictures, split, to_tensor, validation_pairs
from .recipe import Recipe, get_recipe, seeded_network

LOG_COLUMNS = ("step", "progress", "seconds", "learning_rate", "gradient_norm", "loss")
VALIDATION_COLUMNS = ("step", "progress", "seconds", "psnr", "psnr_input")
VALIDATION_FILE = "validation.csv"
"""In a run's folder: a row of VALIDATION_COLUMNS for every checkpoint."""
CHECKPOINT_FILE = "checkpoint.pt"
NOTHING_BEFORE = {"steps": 0, "minutes": 0.0}
"""Earlier training of the weights that a run starts with: none."""


@dataclass(frozen=True)
class Settings:
    """What a run was started with, besides its recipe."""

    recipe: str
    data: str
    seed: int = 0
    steps: int | None = None
    """Length of the run; None: the recipe's, or as many as fit into `minutes`."""
    minutes: float | None = None
    """Time limit, of training time only; that of a resumed run includes its earlier parts."""
    device: str = "auto"
    precision: str = "auto"
    workers: int = 0
    """Processes that make batches; 0: the training process itself."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    checkpoint_minutes: float | None = None
    """Minutes between checkpoints, in place of steps."""
    start_from: str | None = None
    """Initial weights: folder of a run (its averaged weights) or id of a bundled model; used where names and shapes
    match."""


@dataclass
class Position:
    """Where a run is. Without a time limit, all but `seconds` follows from the step."""

    step: int = 0
    progress: float = 0.0
    """0 at the start, 1 at the end; the learning rate's cosine schedule follows it."""
    pace: float = 0.0
    """Progress per step."""
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the schedule is at its end."""
        return self.progress >= 1 - 1e-9


def learning_rate_at(recipe: Recipe, position: Position) -> float:
    """The learning rate of the next step: linear warm-up, then cosine decay to zero at the end of the run."""
    warmup = min(1.0, (position.step + 1) / recipe.warmup)
    return recipe.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, position.progress)))


def autocast_type(precision: str, device: torch.device) -> torch.dtype:
    """The autocast dtype. "auto" is bf16 on a GPU that supports it, else fp32. Raises ZooError for another name."""
    if precision == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if able else "fp32"
    types = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision not in types:
        raise ZooError(f"unknown precision '{precision}': training knows auto, fp32 and bf16.")
    return types[precision]


def machine(device: torch.device) -> str:
    """Name of the machine for the card: "NVIDIA H200", or the CPU's name with the number of threads."""
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
        self.average = AveragedModel(self.network, avg_fn=self._averaged, use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.recipe.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=self.recipe.weight_decay,
        )
        self.discriminators = [
            DiscriminatorTrainer(part, settings.seed, self.device, self.type) for part in self.recipe.adversarial
        ]
        self.position = Position()
        self._restart_average()
        if settings.minutes is None:
            self.position.pace = 1 / (settings.steps or self.recipe.steps)

    def train(self, report: Callable[[str], None] = print, deadline: float | None = None) -> None:
        """Train to the end of the schedule, or with a checkpoint to `deadline`, a time of `time.monotonic`.

        Raises ZooError when the gradient is not finite.
        """
        from torch.utils.tensorboard import SummaryWriter

        recipe, settings = self.recipe, self.settings
        pictures = load_pictures(Path(settings.data), recipe.data, recipe.crop + 2 * recipe.margin, recipe.shrink)
        training, validation = split(pictures)
        pairs = validation_pairs(recipe, validation, settings.seed)
        size = sum(parameter.numel() for parameter in self.network.parameters())
        report(f"{recipe.id}: {len(training)} pictures, {size:,} parameters, {self.device}, {self.type}")
        stream = batches(Pairs(recipe, training, settings.seed), self.position.step, settings.workers)
        rows: list[tuple] = []
        loading = 0.0
        before, started = self.position.seconds, time.monotonic()
        first, stopped = self.position.step, False
        last = started
        with SummaryWriter(str(self.folder), purge_step=first + 1) as writer:
            while not self.position.finished and not stopped:
                waited = time.monotonic()
                degraded, target = (to_tensor(part, self.device) for part in next(stream))
                loading += time.monotonic() - waited
                rows.append(self.step(degraded, target))
                now = time.monotonic()
                self.position.seconds = before + now - started
                self._advance()
                stopped = deadline is not None and now >= deadline
                if settings.checkpoint_minutes is None:
                    due = self.position.step % settings.checkpoint_every == 0
                else:
                    due = now - last >= settings.checkpoint_minutes * 60
                if due or stopped or self.position.finished:
                    self._checkpoint(rows, pairs, writer, report)
                    rows.clear()
                    last = now
        if self.position.step > first:
            share = loading / (self.position.seconds - before)
            end = "finished" if self.position.finished else "stopped"
            report(f"{recipe.id}: {end}; {share:.0%} of the time was spent waiting for batches")

    def step(self, degraded: Tensor, target: Tensor) -> tuple:
        """One optimizer step of the generator and of each active discriminator; returns its row of the log."""
        recipe, position = self.recipe, self.position
        learning_rate = learning_rate_at(recipe, position)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        active = [d for d in self.discriminators if position.progress >= d.settings.start]
        weights = [term.weight_at(position.step, position.progress) for term in recipe.losses]
        precision = torch.autocast(self.device.type, self.type, enabled=self.type != torch.float32)
        # Random draws inside a network are seeded by the step, so that a resumed run repeats them.
        with torch.random.fork_rng(devices=[]), precision:
            torch.manual_seed(int(rng_for("draws", self.settings.seed, position.step).integers(1 << 32)))
            used = {term.of for term, weight in zip(recipe.losses, weights, strict=True) if weight}
            used |= {discriminator.settings.of for discriminator in active}
            outputs = recipe.outputs(self.network, degraded, target, used)
            target = outputs["target"]
            terms = [
                term.function(outputs[term.of], target).float() if weight else target.new_zeros(())
                for term, weight in zip(recipe.losses, weights, strict=True)
            ]
        loss = torch.stack([weight * term for weight, term in zip(weights, terms, strict=True)]).sum()
        pairs = [discriminator.inputs(outputs, target, degraded) for discriminator in active]
        for discriminator, pair in zip(active, pairs, strict=True):
            loss = loss + discriminator.generator_loss(*pair)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        if not torch.isfinite(norm):
            raise ZooError(
                f"{recipe.id}: the gradient is not finite at step {position.step}; no checkpoint was written."
            )
        self.optimizer.step()
        schedule = learning_rate / recipe.learning_rate
        discriminator_losses = {
            d.settings.name: d.update(*pair, schedule) for d, pair in zip(active, pairs, strict=True)
        }
        self.average.update_parameters(self.network)
        position.step += 1
        adversarial = (discriminator_losses.get(part.name, 0.0) for part in recipe.adversarial)
        values = (float(loss.detach()), *(float(term.detach()) for term in terms), *adversarial)
        return position.step, position.progress, position.seconds, learning_rate, float(norm), *values

    def averaged(self) -> nn.Module:
        """A copy of the network with the averaged weights (EMA), in eval mode."""
        return copy.deepcopy(self.average.module).eval().requires_grad_(False)

    def _averaged(self, average: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
        """The average after another step; the first ones count more, so that the initial weights are soon forgotten."""
        decay = min(self.recipe.ema, int(count) / (int(count) + 9))
        return average.lerp(value, 1 - decay)

    def _restart_average(self, state: dict[str, Tensor] | None = None) -> None:
        """Go on from an average at the present step, or begin with the network's weights."""
        self.average.module.load_state_dict(self.network.state_dict() if state is None else state)
        self.average.n_averaged.fill_(self.position.step + 1)  # at 0 it would take the next weights as they are

    def _advance(self) -> None:
        """Advance the progress by one step; with a time limit, the pace is estimated again every 20 steps."""
        position, minutes = self.position, self.settings.minutes
        if minutes is not None and (position.pace == 0 or position.step % 20 == 0):
            left = minutes * 60 - position.seconds
            steps = left * position.step / position.seconds
            position.pace = (1 - position.progress) / max(1.0, steps)
        position.progress = min(1.0, position.progress + position.pace)

    def _checkpoint(self, rows: list[tuple], pairs: tuple, writer: Any, report: Callable[[str], None]) -> None:
        degraded, target = pairs
        network = self.averaged()
        with torch.inference_mode():
            outputs = [network(to_tensor(one[None], self.device)) for one in degraded]
        restored = (torch.cat(outputs)[:, :3].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        position = self.position
        row = (
            position.step,
            position.progress,
            position.seconds,
            *(
                float(np.mean([psnr(*pair) for pair in zip(made, target, strict=True)]))
                for made in (restored, degraded[..., :3])
            ),
        )
        names = (*LOG_COLUMNS, *self.recipe.columns)
        _append(self.folder / "log.csv", names, rows)
        _append(self.folder / VALIDATION_FILE, VALIDATION_COLUMNS, [row])
        for name, column in list(zip(names, zip(*rows, strict=True), strict=True))[3:]:
            for step, value in zip((r[0] for r in rows), column, strict=True):
                writer.add_scalar(f"train/{name}", value, step)
        writer.add_scalar("validation/psnr", row[3], position.step)
        picture = np.concatenate([np.concatenate(part, axis=1) for part in (degraded[..., :3], restored, target)])
        writer.add_images("input, output, target", picture[None], position.step, dataformats="NHWC")
        with written_whole(self.folder / CHECKPOINT_FILE) as path:
            torch.save(self.state_dict(), path)
        report(
            f"{self.recipe.id}: step {position.step}, {position.progress:.1%}, {position.seconds / 60:.1f} min, "
            f"loss {np.mean([r[5] for r in rows]):.5f}, psnr {row[3]:.2f} dB (input {row[4]:.2f})"
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: only tensors and numbers."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": asdict(self.position),
            "discriminators": [discriminator.state_dict() for discriminator in self.discriminators],
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
    """Load the weights of `source` that match; returns how long they were trained. Raises ZooError when none match."""
    weights, before = _bundled(source) if cards.has_card(source) else _averaged(Path(source))
    own = run.network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ZooError(f"no weights of {source} fit {run.recipe.id}.")
    run.network.load_state_dict({**own, **fitting})
    run._restart_average()
    return before


def _averaged(folder: Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    """(averaged weights, their steps and minutes of training) of the run in a folder."""
    stored, state = read_run(folder)
    position, before = Position(**state["position"]), stored["before"]
    training = {"steps": before["steps"] + position.step, "minutes": before["minutes"] + position.seconds / 60}
    return state["average"], training


def _bundled(model_id: str) -> tuple[dict[str, Tensor], dict[str, float]]:
    """(weights, their steps and minutes of training) of a bundled model."""
    card = cards.read_card(model_id)
    return cards.read_weights(model_id), {"steps": card.steps, "minutes": card.minutes}


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(content of run.json, the last checkpoint) of the run in a folder. Raises ZooError when there is none."""
    try:
        stored = {
            **asdict(Settings("", "")),
            "before": dict(NOTHING_BEFORE),
        }  # defaults for fields that older runs lack
        stored.update(json.loads((folder / "run.json").read_text(encoding="utf-8")))
        return stored, torch.load(folder / CHECKPOINT_FILE, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise ZooError(f"there is no run with a checkpoint in {folder} ({missing} is missing).") from None


def resume(folder: Path, minutes: float | None = None) -> Run:
    """The run in a folder, from its last checkpoint; `minutes` is a new time limit. Raises ZooError."""
    stored, state = read_run(folder)
    if "discriminators" not in state:
        raise ZooError(f"the run in {folder} was started by an older version: it can be exported, but not resumed.")
    settings = Settings(**{field.name: stored[field.name] for field in fields(Settings)})
    run = Run(folder, settings if minutes is None else replace(settings, minutes=minutes))
    run.network.load_state_dict(state["network"])
    run.optimizer.load_state_dict(state["optimizer"])
    for discriminator, stored_state in zip(run.discriminators, state["discriminators"], strict=True):
        discriminator.load_state_dict(stored_state)
    run.position = Position(**state["position"])
    run._restart_average(state["average"])
    for name in ("log.csv", VALIDATION_FILE):
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
