"""Names: registered once, found exactly, by family, or with a suggestion."""

from __future__ import annotations

import pytest

import zoo
from tests.zoo.networks import card
from tests.zoo.samples import run_zoo
from zoo import registry
from zoo.card import TASKS
from zoo.errors import UnknownNameError, WeightsError, ZooError
from zoo.registry import list_models, register, register_scheme, resolve_id
from zoo.runtimes import FunctionBackend


@pytest.fixture
def registering(monkeypatch):
    """What a test registers is gone after it."""
    registry.PLUGINS.load()
    for each in (registry.MODELS, registry.SCHEMES):
        monkeypatch.setattr(each, "_entries", each._entries)


def build(card, state):
    return FunctionBackend(lambda image, mask: image)


def test_a_registered_backend_is_listed_loaded_and_used(registering):
    assert register(card("new.one"), card("new.two"))(build) is build
    assert [c.id for c in list_models() if c.family == "new"] == ["new.one", "new.two"]
    import numpy as np

    picture = np.full((4, 4), 7, np.uint8)
    assert (zoo.load("new.two").restore(picture).image == 7).all()


def test_taken_ids_are_errors(registering):
    with pytest.raises(ValueError, match="'telea' is registered twice"):
        register(card("telea"))(build)
    with pytest.raises(ValueError, match=r"'new\.one' is registered twice"):
        register(card("new.one"), card("new.one"))(build)
    register_scheme("mine")(lambda argument: None)
    with pytest.raises(ValueError, match="'mine:' is registered twice"):
        register_scheme("mine")(lambda argument: None)


def test_a_failed_addition_changes_nothing(registering):
    register(card("new.one", aliases=("old.one",), family_default=True))(build)
    before = list(registry.MODELS)
    for bad in (card("telea"), card("new.two", family_default=True), card("old.one"), card("x", aliases=("telea",))):
        with pytest.raises(ValueError, match=r"is registered twice|has two defaults"):
            register(card("new.first"), bad)(build)
        assert list(registry.MODELS) == before


def test_an_alias_stands_for_its_card(registering):
    register(card("new.one", aliases=("old.one",)))(build)
    assert resolve_id("old.one") == "new.one" and zoo.load("old.one").card.id == "new.one"
    assert "old.one" not in registry.MODELS
    assert resolve_id("identity") == "no-op" and resolve_id("identity.x4") == "no-op.x4"
    shown = run_zoo("info", "identity")
    assert shown.stdout.startswith("id: no-op\n") and shown.stderr == "identity is now called no-op.\n"


def test_a_builder_returns_a_backend(registering):
    register(card("new.one"))(lambda card, state: lambda image, mask: image)
    with pytest.raises(ZooError, match=r"the builder of new\.one returned a function, which is no backend"):
        zoo.load("new.one")


def test_a_registry_of_anything():
    shapes = registry.Registry("shape")
    shapes.add([("square", 4), ("triangle", 3)])
    assert list(shapes) == ["square", "triangle"] and shapes.values() == [4, 3] and len(shapes) == 2
    assert "square" in shapes and shapes.get("triangle") == 3
    with pytest.raises(ValueError, match="shape 'square' is registered twice"):
        shapes.add([("circle", 0), ("square", 4)])
    assert "circle" not in shapes
    with pytest.raises(UnknownNameError, match="unknown shape 'sqare': did you mean square"):
        shapes.get("sqare")


def test_a_second_default_is_an_error(registering):
    register(card("new.one", family_default=True), card("new.two"))(build)
    with pytest.raises(ValueError, match=r"family 'new' has two defaults: new\.one, new\.three"):
        register(card("new.three", family_default=True))(build)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tele", "telea"), ("TELEA", "telea"), ("wiener", "unsupervised-wiener"), ("unsharp mask", "unsharp-mask"),
        ("nlmeans", "nl-means"), ("bicubic.x3", r"bicubic\.x[24]"), ("navier_stokes", "navier-stokes"),
    ],
)  # fmt: skip
def test_unknown_names_get_a_suggestion(name, meant):
    for look_up in (zoo.load, zoo.get_card, resolve_id):
        with pytest.raises(UnknownNameError, match=f"unknown model '{name}': did you mean .*{meant}"):
            look_up(name)


def test_a_hopeless_name_gets_the_whole_list_without_the_internal_ones():
    with pytest.raises(UnknownNameError, match=r"known: .*bicubic, .*telea") as caught:
        zoo.load("qqqqqq")
    assert "dummy" not in str(caught.value)


def test_unknown_scheme():
    with pytest.raises(ZooError, match="unknown kind of model 'spandrell:': did you mean spandrel:"):
        zoo.load("spandrell:x.pth")


def test_a_family_stands_for_its_default_where_that_can_run(registering, monkeypatch):
    assert resolve_id("bicubic") == "bicubic.x4"
    assert resolve_id("bicubic.x2") == "bicubic.x2"
    assert zoo.load("lanczos").card.id == "lanczos.x4"

    register(card("new.published", family_default=True), card("new.mini"))(build)
    assert resolve_id("new") == "new.published"
    missing = {"new.published"}
    monkeypatch.setattr(registry, "unavailable_reason", lambda c: "no weights" if c.id in missing else None)
    assert resolve_id("new") == "new.mini"
    missing.add("new.mini")
    assert resolve_id("new") == "new.published"  # loading it says what is missing


def test_a_family_without_a_default_names_its_members(registering, monkeypatch):
    register(card("new.one"), card("new.two"))(build)
    monkeypatch.setattr(registry, "unavailable_reason", lambda c: "no weights")
    with pytest.raises(UnknownNameError, match=r"new\.one"):
        resolve_id("new")


def test_the_list():
    ids = [c.id for c in list_models()]
    assert ids == sorted(ids)
    assert {"no-op", "telea", "bicubic.x4", "unsharp-mask", "nl-means"} <= set(ids)
    assert "dummy" not in ids
    assert zoo.load("dummy").card.internal


def test_filters():
    assert {c.id for c in list_models(task="denoise")} >= {"no-op", "nl-means", "bilateral"}
    assert all("denoise" in c.tasks for c in list_models(task="denoise"))
    assert "telea" not in {c.id for c in list_models(task="denoise")}
    assert {c.license for c in list_models(license="apache-2.0")} == {"Apache-2.0"}
    assert list_models(license="no such license") == []
    assert {c.id for c in list_models(available=True)} >= {"telea", "no-op"}
    everything = list_models()
    assert len(list_models(available=True)) + len(list_models(available=False)) == len(everything)
    with pytest.raises(UnknownNameError, match="unknown task 'deblurr': did you mean deblur"):
        list_models(task="deblurr")


@pytest.mark.parametrize("task", sorted(set(TASKS)))
def test_every_task_has_a_floor_to_compare_with(task):
    assert any(c.baseline for c in list_models(task=task))


def test_classical_methods_take_no_weights(tmp_path):
    with pytest.raises(WeightsError, match="telea has no weights"):
        zoo.load("telea", weights=tmp_path / "x.pth")


def test_every_card_says_what_a_user_needs():
    for each in list_models():
        assert each.summary.endswith("."), each.id
        assert each.commercial_use is not None or each.weights is not None, each.id
