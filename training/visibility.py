r"""How the bundled weights of visibility.py were made.

    python -m training.visibility --faces DIR --things DIR -o first.safetensors --steps 1600
    python -m training.visibility --faces DIR --things DIR --start first.safetensors --steps 500 --rate 0.0015 \
        --seed 1 -o zoo/pretrained/face-visibility.safetensors

(The first run was made before beards were painted and with fewer heads among the things, the second with them.)

Aligned portraits are covered with things whose outline is known: pieces of other photographs, flat and shaded colors,
skin (hands) and other people's heads, in outlines from blots to bars to fingers. Half of the portraits stay
uncovered. Then everything is degraded as old and bad photographs are, and the network learns to find the thing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from zoo.faces.visibility import CELLS, SIDE, Network
from zoo.io.images import find_pictures, read
from zoo.weights.reading import read_checkpoint, save

LARGE = 128
"""Side at which portraits and things are kept and covered, in pixels."""


def outline(rng: np.random.Generator) -> np.ndarray:
    """LARGE x LARGE bool: the outline of a thing in front of a face."""
    mask = np.zeros((LARGE, LARGE), np.uint8)
    kind = rng.integers(6)
    middle = rng.uniform(0.15, 0.95, 2) * LARGE
    size = rng.uniform(0.12, 0.5) * LARGE
    if kind == 0:  # a blot: a polygon around the middle, smoothed
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 12)))
        radii = size * rng.uniform(0.5, 1.1, len(angles))
        points = middle + np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None]
        cv2.fillPoly(mask, [points.astype(np.int32)], 1)
        if rng.random() < 0.5:
            mask = (cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 8) > 0.5).astype(np.uint8)
    elif kind == 1:  # an oval, such as a cup, a microphone, a head
        axes = (int(size * rng.uniform(0.4, 1)), int(size))
        cv2.ellipse(mask, tuple(int(v) for v in middle), axes, rng.uniform(0, 180), 0, 360, 1, -1)
    elif kind == 2:  # a turned rectangle: a book, a phone, a bar
        box = (tuple(middle), (size * rng.uniform(0.5, 3), size * rng.uniform(0.3, 1.5)), rng.uniform(0, 180))
        cv2.fillPoly(mask, [cv2.boxPoints(box).astype(np.int32)], 1)
    elif kind == 3:  # everything beyond a line: a wall, a neighbor, a scarf
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.35) * LARGE
        y, x = np.mgrid[:LARGE, :LARGE] - LARGE / 2
        bend = rng.uniform(0, 0.08) * LARGE * np.sin(x / LARGE * rng.uniform(2, 12))
        mask = ((np.cos(angle) * x + np.sin(angle) * y + bend) > offset).astype(np.uint8)
    elif kind == 4:  # fingers: thick strokes side by side, from a palm
        angle = rng.uniform(0, 2 * np.pi)
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        thick = rng.uniform(0.05, 0.12) * LARGE
        for finger in range(rng.integers(1, 5)):
            start = middle + across * finger * thick * 1.15
            end = start - along * size * rng.uniform(0.8, 1.6)
            ends = [tuple(int(v) for v in point) for point in (start, end)]
            cv2.line(mask, *ends, 1, int(thick), cv2.LINE_8)
        if rng.random() < 0.6:
            palm = middle + along * size * 0.4 + across * thick * 1.5
            cv2.ellipse(mask, tuple(int(v) for v in palm), (int(size * 0.7), int(thick * 2.6)),
                        np.degrees(angle), 0, 360, 1, -1)  # fmt: skip
    else:  # the lower half of the face: a surgical mask, a scarf, a glass
        top = rng.uniform(0.5, 0.72) * LARGE
        left, right = rng.uniform(0.1, 0.3) * LARGE, rng.uniform(0.7, 0.9) * LARGE
        dip = rng.uniform(-0.05, 0.1) * LARGE
        points = [(left, top + dip), (LARGE / 2, top - dip), (right, top + dip), (right - 8, LARGE), (left + 8, LARGE)]
        cv2.fillPoly(mask, [np.array(points, np.int32)], 1)
    return mask > 0


def filling(rng: np.random.Generator, faces: np.ndarray, things: np.ndarray, face: np.ndarray) -> np.ndarray:
    """LARGE x LARGE x 3 float32: what a thing looks like."""
    kind = rng.random()
    if kind < 0.35:  # a piece of a photograph
        image = things[rng.integers(len(things))]
        cut = rng.integers(LARGE // 4, LARGE + 1)
        y, x = rng.integers(0, LARGE - cut + 1, 2)
        image = cv2.resize(image[y : y + cut, x : x + cut], (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
        return image[:, :: rng.choice([-1, 1])].astype(np.float32)
    if kind < 0.55:  # skin: a piece of a cheek or forehead, sometimes of this very face, shaded
        owner = face if rng.random() < 0.5 else faces[rng.integers(len(faces))]
        y, x = (int(v * LARGE) for v in ((0.55, 0.33) if rng.random() < 0.5 else (0.3, 0.45)))
        image = cv2.resize(owner[y : y + 14, x : x + 14], (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
        return image.astype(np.float32) * _shading(rng)
    if kind < 0.85:  # another head, beside or before this one
        other = faces[rng.integers(len(faces))]
        move = np.array([[1, 0, rng.uniform(-0.7, 0.7) * LARGE], [0, 1, rng.uniform(-0.5, 0.5) * LARGE]])
        return cv2.warpAffine(other, move, (LARGE, LARGE), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    color = (
        rng.uniform(0, 255, 3)
        if rng.random() < 0.6
        else np.full(3, rng.choice([rng.uniform(0, 50), rng.uniform(190, 255)]))
    )
    image = np.ones((LARGE, LARGE, 3), np.float32) * color.astype(np.float32)
    return image * _shading(rng) + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, 12))


def _shading(rng: np.random.Generator) -> np.ndarray:
    """LARGE x LARGE x 1: soft light from a side, with some creases."""
    coarse = rng.uniform(0.65, 1.2, (rng.integers(2, 7),) * 2).astype(np.float32)
    return cv2.resize(coarse, (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)[..., None]


def bearded(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """LARGE x LARGE x 3 float32: the portrait with a full beard, which covers nothing that is to be restored.

    There are too few in the training portraits, and to the network a dark beard looked like a scarf.
    """
    mask = np.zeros((LARGE, LARGE), np.float32)
    cheek, wide = rng.uniform(0.55, 0.68) * LARGE, rng.uniform(0.17, 0.27) * LARGE
    x, lip, chin = LARGE / 2, 0.66 * LARGE, rng.uniform(0.88, 1.05) * LARGE
    points = [(x - wide, cheek), (x - 0.1 * LARGE, lip), (x + 0.1 * LARGE, lip), (x + wide, cheek),
              (x + wide * 0.8, chin - 10), (x, chin), (x - wide * 0.8, chin - 10)]  # fmt: skip
    cv2.fillPoly(mask, [np.array(points, np.int32)], 1)
    lips = (int(rng.uniform(0.05, 0.1) * LARGE), int(rng.uniform(0.01, 0.03) * LARGE))
    cv2.ellipse(mask, (LARGE // 2, int(0.735 * LARGE)), lips, 0, 0, 360, 0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 3))[..., None] * np.float32(rng.uniform(0.7, 1))
    hair = np.float32(rng.choice([20, 40, 70, 130, 190])) * rng.uniform(0.8, 1.2, 3).astype(np.float32)
    strands = cv2.GaussianBlur(rng.standard_normal((LARGE, LARGE), np.float32), (0, 0), 0.6, sigmaY=2.5)[..., None]
    return image * (1 - mask) + (hair * (1 + 0.8 * strands) * 0.8 + 0.2 * image) * mask


def sample(rng: np.random.Generator, faces: np.ndarray, things: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE x SIDE x 3 uint8 picture, CELLS x CELLS float32 covered part of each cell)."""
    face = faces[rng.integers(len(faces))]
    face = face[:, :: rng.choice([-1, 1])]
    image, covered = face.astype(np.float32), np.zeros((LARGE, LARGE), np.float32)
    if rng.random() < 0.12:
        image = bearded(rng, image)
    if rng.random() < 0.6:
        for _ in range(rng.integers(1, 3)):
            mask = outline(rng)
            soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), rng.uniform(0.4, 1.5))[..., None]
            shadow = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 4)[..., None] * rng.uniform(0, 0.3)
            image = image * (1 - shadow) * (1 - soft) + filling(rng, faces, things, face) * soft
            covered = np.maximum(covered, mask)
    # A detector's landmarks are never exact, least of all on a covered face.
    turn = cv2.getRotationMatrix2D((LARGE / 2, LARGE / 2), rng.normal(0, 5), rng.uniform(0.85, 1.15))
    turn[:, 2] += rng.normal(0, 0.03 * LARGE, 2)
    image = cv2.warpAffine(image, turn, (LARGE, LARGE), borderMode=cv2.BORDER_REFLECT)
    covered = cv2.warpAffine(covered, turn, (LARGE, LARGE), borderMode=cv2.BORDER_REFLECT)
    return degraded(rng, image), cv2.resize(covered, (CELLS, CELLS), interpolation=cv2.INTER_AREA)


def degraded(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """LARGE x LARGE x 3 in [0, 255] -> SIDE x SIDE x 3 uint8: faded, grey, blurred, small, noisy, compressed."""
    image = np.clip(image, 0, 255).astype(np.float32)
    if rng.random() < 0.3:
        image = np.repeat(image.mean(2, keepdims=True), 3, axis=2)
    image = 255 * (image / 255) ** np.float32(rng.uniform(0.6, 1.6))
    image = image * rng.uniform(0.6, 1.1) + (rng.uniform(0, 40) + rng.normal(0, 8, 3)).astype(np.float32)
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 4))
    if rng.random() < 0.4:
        small = int(LARGE / rng.uniform(1.5, 6))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (LARGE, LARGE))
    if rng.random() < 0.4:
        image = image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 20))
    image = cv2.resize(np.clip(image, 0, 255), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)
    if rng.random() < 0.3:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])[1], 1)
    return image


def pieces(folder: Path, limit: int | None = None, *, whole: bool) -> np.ndarray:
    """N x LARGE x LARGE x 3 uint8: the pictures of a folder, or four square pieces of each."""
    found = []
    for path in list(find_pictures(folder, recursive=True))[:limit]:
        image = read(path).rgb8()
        side = min(image.shape[:2])
        if whole:
            found.append(cv2.resize(image[:side, :side], (LARGE, LARGE), interpolation=cv2.INTER_AREA))
            continue
        half = side // 2
        for y, x in ((0, 0), (0, half), (half, 0), (half, half)):
            found.append(cv2.resize(image[y : y + half, x : x + half], (LARGE, LARGE), interpolation=cv2.INTER_AREA))
    return np.stack(found)


def train(
    network: Network, faces: np.ndarray, things: np.ndarray, *, steps: int, batch: int, rate: float, seed: int
) -> Network:
    """The network, trained in place for `steps` batches, in evaluation mode. `rate`: the highest learning rate."""
    torch.set_num_threads(1)  # sums in one order: the same seed gives the same weights
    rng = np.random.default_rng(seed)
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    running = 0.0
    for step in range(1, steps + 1):
        images, covered = zip(*(sample(rng, faces, things) for _ in range(batch)), strict=True)
        x = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 255)
        loss = F.binary_cross_entropy_with_logits(network(x)[:, 0], torch.from_numpy(np.stack(covered)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running += (loss.item() - running) * 0.02
        if step % 200 == 0:
            print(f"step {step} of {steps}: loss {running:.4f}", file=sys.stderr, flush=True)
    return network.eval()


def main() -> None:
    """Train and write the weights (float16)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True, help="aligned portraits (FFHQ alignment)")
    parser.add_argument("--things", type=Path, required=True, nargs="+", help="photographs to cut coverings from")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    faces = pieces(args.faces, whole=True)
    things = np.concatenate([pieces(folder, whole=False) for folder in args.things])
    torch.manual_seed(args.seed)
    network = Network()
    if args.start:
        network.load_state_dict({name: tensor.float() for name, tensor in read_checkpoint(args.start).items()})
    train(network, faces, things, steps=args.steps, batch=args.batch, rate=args.rate, seed=args.seed)
    save({name: tensor.half() for name, tensor in network.state_dict().items() if tensor.ndim}, args.output)


if __name__ == "__main__":
    main()
