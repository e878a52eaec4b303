from __future__ import annotations

import os

import pytest

from eval import watch
from eval.watch import Watch, is_shared


@pytest.fixture
def clocks(monkeypatch):
    """The clocks that a watch reads, to be set by hand: of the machine, and of processes."""
    state = {"time": 100.0, "busy": 50.0, "used": {os.getpid(): 1.0}}
    monkeypatch.setattr(watch.time, "monotonic", lambda: state["time"])
    monkeypatch.setattr(watch, "_busy", lambda: state["busy"])
    monkeypatch.setattr(watch, "_used", lambda pids: {pid: state["used"][pid] for pid in pids if pid in state["used"]})
    return state


def test_what_is_neither_idle_nor_ones_own_is_others(clocks):
    watching = Watch()
    watching.begin({7})
    clocks.update(time=102.0, busy=53.5, used={os.getpid(): 1.5, 7: 2.0})  # 7 is new
    assert watching.lap({7}) == (2.0, 1.0)
    clocks.update(time=103.0, busy=54.5, used={os.getpid(): 1.5, 7: 3.1})
    assert watching.lap({7}) == (1.0, 0.0)  # clocks differ a little; less than nothing is nothing
    clocks.update(time=104.0, busy=56.0, used={os.getpid(): 1.5, 8: 0.5})
    assert watching.lap({8}) is None  # 7 has ended: what it used is not known
    clocks.update(time=105.0, busy=57.0, used={os.getpid(): 1.5, 8: 1.0})
    assert watching.lap({8}) == (1.0, 0.5)


def test_how_much_is_in_the_way(monkeypatch):
    monkeypatch.setattr(watch, "cores", lambda: 4)
    assert not is_shared(10.0, 1.9)
    assert is_shared(10.0, 2.1)
    assert not is_shared(0.01, 0.04)  # five hundredths are the clocks'


def test_the_real_clocks_advance():
    watching = Watch()
    watching.begin(())
    for _ in range(3):
        seconds, others = watching.lap(())
        assert seconds > 0
        assert others >= 0
