from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.__main__ import main
from training.curve import GIVEN, HEIGHT, RESTORED, WIDTH, draw, read_validation
from training.loop import VALIDATION_FILE
from zoo.errors import ZooError

ROWS = "step,progress,seconds,psnr,psnr_input\n100,0.5,60,21.5,20\n200,1.0,120,24.5,20\n"


def heights(picture: np.ndarray, color: tuple[int, int, int], column: int) -> np.ndarray:
    """Rows of a column that have this color."""
    return np.flatnonzero((picture[:, column] == color).all(1))


def test_a_better_result_is_drawn_higher():
    picture = draw(np.array([[1, 21.5, 20], [2, 24.5, 20]]), "a run")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    middle, end = (52 + round(share * (WIDTH - 64)) for share in (0.55, 0.95))
    assert heights(picture, RESTORED, end).mean() < heights(picture, RESTORED, middle).mean() - 20
    assert heights(picture, GIVEN, end).mean() == heights(picture, GIVEN, middle).mean()
    assert heights(picture, RESTORED, middle).mean() < heights(picture, GIVEN, middle).mean()


def test_one_checkpoint_is_enough():
    assert draw(np.array([[1.0, 21.0, 21.0]]), "").min() < 255


def test_a_run_is_drawn_from_its_folder(tmp_path, capsys):
    (tmp_path / VALIDATION_FILE).write_text(ROWS)
    np.testing.assert_array_equal(read_validation(tmp_path), [[1, 21.5, 20], [2, 24.5, 20]])
    target = tmp_path / "new" / "some.mini.png"
    assert main(["curve", str(tmp_path), str(target)]) == 0
    assert cv2.imread(str(target)).shape == (HEIGHT, WIDTH, 3)
    assert target.stat().st_size < 20_000


def test_a_folder_without_a_run_is_told(tmp_path, capsys):
    with pytest.raises(ZooError, match="no run"):
        read_validation(tmp_path)
    assert main(["curve", str(tmp_path), str(tmp_path / "x.png")]) == 2
    assert "no run" in capsys.readouterr().err
