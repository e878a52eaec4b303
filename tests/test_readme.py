"""The README's promises: front matter for a Space, and a backend in one file."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import skimage.data
import yaml

import zoo

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_front_matter_is_a_spaces():
    matter = yaml.safe_load(README.split("---\n")[1])
    assert matter["sdk"] == "gradio" and matter["license"] == "mit" and matter["tags"] and matter["title"]
    assert (ROOT / matter["app_file"]).is_file()
    assert f"gradio=={matter['sdk_version']}" in (ROOT / "requirements.txt").read_text()
    assert len(matter["short_description"]) <= 60


def test_its_pictures_and_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_commands_exist():
    for package in ("zoo", "eval", "leaderboard"):
        for command in set(re.findall(rf"python -m {package} (\w+)", README)):
            done = subprocess.run(
                [sys.executable, "-m", package, command, "--help"], cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
    targets = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^`?make (\w+)|`make (\w+)`", README, re.MULTILINE)):
        name = "".join(target)
        assert re.search(rf"^{name}:", targets, re.MULTILINE), name


def test_its_backend_works_as_one_file(tmp_path):
    """In a copy of the package: the file is found, listed and restores."""
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "# zoo/models/" in block)
    name = re.search(r"# zoo/models/(\w+\.py)", code).group(1)
    shutil.copytree(ROOT / "zoo", tmp_path / "zoo")
    (tmp_path / "zoo" / "models" / name).write_text(code)
    picture = tmp_path / "noisy.npy"
    noise = np.random.default_rng(0).normal(0, 20, skimage.data.coffee().shape)
    np.save(picture, np.clip(skimage.data.coffee() + noise, 0, 255).astype(np.uint8))
    script = (
        "import numpy as np, zoo\n"
        "assert 'median' in [card.id for card in zoo.list_models(task='denoise', available=True)]\n"
        f"np.save('out.npy', zoo.load('median').restore(np.load({str(picture)!r})).image)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    truth, noisy, restored = skimage.data.coffee(), np.load(picture), np.load(tmp_path / "out.npy")

    def error(image: np.ndarray) -> float:
        return float(np.abs(image.astype(float) - truth).mean())

    assert restored.shape == truth.shape and error(restored) < 0.8 * error(noisy)


def test_its_python_example_runs(tmp_path, monkeypatch, capsys):
    from zoo.io.images import Picture, write

    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "zoo.load" in block)
    hole = np.zeros((300, 451), np.uint8)
    hole[100:110, 50:400] = 255
    monkeypatch.chdir(tmp_path)
    write("photo.png", Picture(skimage.data.chelsea()))
    write("scratches.png", Picture(hole))
    exec(compile(code, "README.md", "exec"), {})
    assert "(300, 451, 3)" in capsys.readouterr().out
    assert zoo.io.images.read("mended.png").color.shape == (300, 451, 3)


def test_its_licenses_of_metrics_are_the_cards():
    from eval.metrics import METRICS, SET_METRICS

    told = {}
    for names, license in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|$", README, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), license)
    for metric in (*METRICS.values(), *SET_METRICS.values()):
        assert told.get(metric.id, "MIT").replace(", which is imported for nothing else", "") == metric.license, (
            metric.id
        )
