import pytest

pytest.importorskip("av")
