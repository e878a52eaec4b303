"""The file of use cases: the project's own holds together, and mistakes in it are said clearly."""

from __future__ import annotations

import json

import pytest

from eval.faults import FAULTS
from leaderboard.use_cases import get_use_case, read_use_cases, suggest
from zoo.errors import UnknownNameError, ZooError

CASE = {
    "id": "grain",
    "title": "grain",
    "measured_on": {"kodak24": ["noise"]},
    "metrics": {"psnr_rgb": 1},
    "suggested_for": [["noise"]],
    "measured": "Noise.",
    "not_measured": "Grain.",
}


def written(tmp_path, *cases) -> object:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"use_cases": list(cases)}))
    return path


def test_the_project_has_the_promised_use_cases():
    known = read_use_cases()
    assert {
        "old-portrait", "phone-portrait", "motion-blur", "object-removal", "scratched-photo", "faded-photo",
        "noisy-photo", "enlarge-photo", "low-light", "anonymous-product-shot", "compressed-photo", "gray-photo",
    } <= known.keys()  # fmt: skip
    assert known["object-removal"].needs_mask and not known["noisy-photo"].needs_mask


def test_faces_count_for_likeness_and_holes_for_perception_before_the_rest():
    portrait, hole = get_use_case("old-portrait").metrics, get_use_case("object-removal").metrics
    assert portrait["face_similarity"] > max(w for m, w in portrait.items() if not m.startswith("face_similarity"))
    assert hole["vgg_conv3_1_hole"] > hole["psnr_hole"]
    assert hole["lpips_alex"] > hole["psnr_hole"]


@pytest.mark.parametrize("fault", set(FAULTS) - {"faces"})
def test_every_fault_leads_somewhere(fault):
    assert suggest([fault])


def test_what_explains_more_is_suggested_first():
    assert suggest(["noise", "compression"])[0] == "several-faults"
    assert suggest(["faces", "dark"])[0] == "phone-portrait"
    assert suggest([]) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"psnr": 1}}, "use case 'grain': unknown metric 'psnr': did you mean"),
        ({"metrics": {"psnr_rgb": 0}}, "use case 'grain', metrics, psnr_rgb: input should be greater than 0"),
        ({"metrics": {"psnr_rgb": "much"}}, "metrics, psnr_rgb: input should be a valid number"),
        ({"metrics": {}}, "metrics: dictionary should have at least 1 item"),
        ({"metrics": {"psnr_rgb": 1, "psnr_hole": 1}}, "none of its scenarios measures psnr_hole"),
        ({"measured_on": {"kodak": ["noise"]}}, "unknown data set 'kodak': did you mean kodak24"),
        ({"measured_on": {"kodak24": ["noize"]}}, "unknown scenario 'noize': did you mean noise"),
        ({"measured_on": {"kodak24": ["noise", "noise"]}}, "a scenario is named twice"),
        ({"measured_on": {"kodak24": []}}, "measured_on, kodak24: list should have at least 1 item"),
        (
            {"measured_on": {"kodak24": ["noise", "grey"]}, "metrics": {"ssim_rgb": 1}},
            "none of its metrics is measured by the scenario grey",
        ),
        ({"suggested_for": [["noisy"]]}, "unknown fault 'noisy': did you mean noise"),
        ({"id": "My Case"}, "use case 'My Case', id: an id has lower-case letters"),
        ({"title": ""}, "use case 'grain', title: string should have at least 1 character"),
        ({"weights": {}}, "use case 'grain', weights: extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, change, message):
    path = written(tmp_path, CASE | change)
    with pytest.raises(ZooError) as caught:
        read_use_cases(path)
    assert str(caught.value).startswith(f"{path} is no list of use cases: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_field_a_repeated_id_and_broken_files(tmp_path):
    path = written(tmp_path, {k: v for k, v in CASE.items() if k != "measured"})
    with pytest.raises(ZooError, match="use case 'grain', measured: field required"):
        read_use_cases(path)
    with pytest.raises(ZooError, match="has two use cases 'grain'"):
        read_use_cases(written(tmp_path, CASE, CASE))
    for text, message in [
        ("{", "is no JSON file"),
        ('{"use_cases": [], "use_cases": []}', "'use_cases' stands twice"),
        ("[]", "is no list of use cases"),
        ('{"use_cases": [7]}', "use case number 1"),
        ('{"use_cases": []}', "at least 1 item"),
    ]:
        path.write_text(text)
        with pytest.raises(ZooError, match=message):
            read_use_cases(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ZooError, match="is no JSON file"):
        read_use_cases(path)
    with pytest.raises(ZooError, match="cannot read"):
        read_use_cases(tmp_path / "nowhere.json")


def test_unknown_use_cases_get_a_suggestion():
    with pytest.raises(UnknownNameError, match="unknown use case 'noisy': did you mean noisy-photo"):
        get_use_case("noisy")
