"""The whole way of a picture, with stand-ins for a trained backend."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.faces.conftest import backend
from zoo.card import SizeRule
from zoo.errors import PictureError, RestorationError, UnknownNameError, ZooError
from zoo.faces import FacePipeline, Options, align, blend
from zoo.faces.face import Face
from zoo.faces.pipeline import choose
from zoo.faces.style import Look
from zoo.io.images import Picture, encode, read


class Known:
    """A detector that finds what it is told."""

    name = "known"

    def __init__(self, *faces: Face):
        self.faces = list(faces)

    def detect(self, image):
        return self.faces


def brighter(image):
    return (image + 0.2).clamp(0, 1)


def pipeline(function=brighter, faces=None, embedding="none", card=None, **more) -> FacePipeline:
    more = more if faces is None else {"detector": Known(*faces), **more}
    return FacePipeline(backend(function, **(card or {})), embedding=embedding, **more)


@pytest.fixture
def person(astronaut_face):
    return astronaut_face


def shifted(face: Face, dx: float, dy: float = 0) -> Face:
    shift = np.array([dx, dy], float)
    return Face(face.box + np.tile(shift, 2), face.landmarks + shift, face.confidence)


def core(result, index=0, size=512, shape=(512, 512)):
    """The pixels that the feathered mask of a result's face replaces wholly."""
    region = blend.Region(align.to_crop(result.faces[index].face.landmarks, size), size)
    distance = region.distance((0, 0, shape[1], shape[0]))
    return distance < blend.FULL, distance >= 1


def test_a_face_is_restored_and_the_rest_is_untouched(astronaut):
    result = pipeline().run(astronaut)
    (face,) = result.faces
    assert (face.action, face.reason, face.number) == ("restored", None, 1)
    inside, outside = core(result)
    assert np.array_equal(result.picture.color[outside], astronaut[outside])
    gain = result.picture.color[inside].astype(int) - astronaut[inside]
    assert abs(np.median(gain) - 51) <= 1
    assert result.changed and result.summary() == "1 face: 1 restored."
    assert face.before.shape == face.after.shape == (512, 512, 3)


@pytest.mark.parametrize("side", [64, 256, 512])
def test_crops_have_the_backend_s_size(astronaut, person, side):
    seen = []

    def look(image):
        seen.append(tuple(image.shape))
        return image

    pipeline(look, [person], card={"size": SizeRule(square=side)}).run(astronaut)
    assert seen == [(1, 3, side, side)]


def test_faces_go_through_together(astronaut, person):
    seen = []

    def look(image):
        seen.append(len(image))
        return image

    faces = [shifted(person, dx) for dx in (-90, 0, 90)]
    pipeline(look, faces, card={"size": SizeRule(square=128)}).run(astronaut, Options(force=True))
    assert seen == [3]


def test_a_backend_that_enlarges(astronaut, person):
    """The result has twice the crop's size, and lands in the right place all the same."""

    def double(image):
        return image.repeat_interleave(2, 2).repeat_interleave(2, 3)

    result = pipeline(double, [person], card={"scale": 2, "size": SizeRule(square=256)}).run(astronaut)
    assert result.faces[0].after.shape == (512, 512, 3)
    assert np.abs(result.picture.color.astype(int) - astronaut).mean(where=result.picture.color != astronaut) < 4


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_strength(astronaut, person, strength):
    result = pipeline(faces=[person]).run(astronaut, Options(Look(strength=strength)))
    inside, _ = core(result)
    gain = result.picture.color[inside].astype(int) - astronaut[inside]
    assert abs(np.median(gain) - 51 * strength) <= 1
    assert result.changed == (strength > 0)
    crops = result.faces[0]
    assert abs(np.median(crops.after.astype(int) - crops.before) - 51 * strength) <= 1


@pytest.mark.parametrize("shape", ["grey", "color"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_depth_grey_alpha_and_metadata_are_kept(astronaut, person, shape, dtype, alpha):
    color = astronaut[..., 1] if shape == "grey" else astronaut
    color = color.astype(dtype) * (257 if dtype == np.uint16 else 1)
    veil = np.arange(512 * 512, dtype=np.uint32).reshape(512, 512).astype(dtype) if alpha else None
    picture = Picture(color, veil, exif=b"Exif\0\0some", icc=b"profile")
    result = pipeline(faces=[person]).run(picture).picture
    assert result.color.dtype == dtype and result.color.shape == color.shape
    assert (result.exif, result.icc) == (picture.exif, picture.icc)
    assert veil is None or np.array_equal(result.alpha, veil)
    assert not np.array_equal(result.color, color)


def test_no_face():
    image = np.full((120, 90, 3), 90, np.uint8)
    result = pipeline().run(image)
    assert result.faces == () and not result.changed
    assert result.summary() == "no face found; the picture is unchanged."
    assert np.array_equal(result.picture.color, image)
    assert result.data()["faces"] == 0


def test_no_face_but_enlarged():
    result = pipeline().run(np.full((60, 90, 3), 90, np.uint8), Options(upscale=2))
    assert result.picture.color.shape == (120, 180, 3)
    assert result.summary() == "no face found; the picture is only enlarged."


@pytest.mark.parametrize("factor", [2, 4])
def test_upscale(astronaut, person, factor):
    """The face is in its place in the enlarged picture, and everything else is the upscaler's."""
    import zoo

    plain = zoo.load(f"bicubic.x{factor}").restore(astronaut).picture.color
    result = pipeline(lambda image: image, [person]).run(astronaut, Options(upscale=factor))
    color = result.picture.color
    assert color.shape == (512 * factor, 512 * factor, 3)
    region = blend.Region(align.to_crop(person.scaled(factor).landmarks, 512), 512)
    outside = region.distance((0, 0, 512 * factor, 512 * factor)) >= 1
    assert np.array_equal(color[outside], plain[outside])
    inside = ~outside & (color != plain).any(2)
    assert inside.any()
    assert np.abs(color.astype(int) - plain)[inside].mean() < 5  # the same face, a little sharper


def test_a_stronger_upscaler_is_reduced(astronaut, person):
    image = np.ascontiguousarray(astronaut[:256, 100:356])
    here = shifted(person, -100)
    result = pipeline(faces=[here], upscaler="no-op.x4").run(image, Options(upscale=2, only="1,1"))
    assert np.array_equal(result.picture.color, image.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(("upscaler", "said"), [
    ("telea", "does not enlarge"), ("bicubic.x2", "2 times, not 4"), ("bicubi", "bicubic"),
])  # fmt: skip
def test_unfit_upscalers(astronaut, upscaler, said):
    with pytest.raises(ZooError, match=said):
        pipeline(upscaler=upscaler).run(astronaut, Options(upscale=4))


def test_only(person):
    large = Face(np.array([300, 300, 480, 480.0]), person.landmarks, 0.9)
    left, middle = Face(np.array([10, 10, 50, 60.0]), person.landmarks, 0.9), person
    faces = [left, middle, large]
    assert choose(faces, "all", 512, 512) == {0, 1, 2}
    assert choose(faces, "largest", 512, 512) == {2}
    assert choose(faces, "center", 470, 240) == {1}
    assert choose(faces, "30,30", 512, 512) == {0}
    assert choose(faces, "30.5,65", 512, 512) == {0}  # the chin
    assert choose(faces, "150,400", 512, 512) == set()
    assert choose([], "largest", 512, 512) == set()


def test_only_a_pixel_without_a_face(astronaut, person):
    result = pipeline(faces=[person]).run(astronaut, Options(only="10,500"))
    assert not result.changed
    assert result.notes == ("there is no face at 10,500.",)
    assert (result.faces[0].action, result.faces[0].reason) == ("left", "not chosen")


def test_overlapping_people(couple):
    """Two heads side by side: both are found and restored, each keeps its own middle."""
    result = pipeline().run(couple, Options(force=True))
    assert result.count("restored") == 2
    first, second = (face.face.center.astype(int) for face in result.faces)
    assert first[0] < 184 < second[0]
    mirrored = result.picture.color[:, ::-1].astype(int)
    assert np.abs(mirrored - result.picture.color).mean() < 1.5  # neither has more than the other


def test_a_covered_face_is_left_unless_forced(astronaut, person):
    image = astronaut.copy()
    image[120:200, 150:300] = (30, 90, 200)
    (left,) = pipeline(faces=[person]).run(image).faces
    assert left.action == "left" and "covered" in left.reason and left.covered > 0.3
    result = pipeline(faces=[person]).run(image, Options(force=True))
    assert result.faces[0].action == "restored" and result.faces[0].covered > 0.3


def test_a_turned_face_is_left_unless_forced(astronaut, person):
    points = person.landmarks.copy()
    points[2, 0] += 38  # the nose lies beyond the eye
    turned = Face(person.box, points, 0.9)
    result = pipeline(faces=[turned]).run(astronaut)
    assert result.faces[0].action == "left" and "degrees to the side" in result.faces[0].reason
    assert np.array_equal(result.picture.color, astronaut)
    assert pipeline(faces=[turned]).run(astronaut, Options(force=True)).faces[0].action == "restored"


def test_anonymize_others(couple):
    result = pipeline().run(couple, Options(only="60,100", anonymize="others", force=True))
    assert [face.action for face in result.faces] == ["restored", "blurred"]
    right = result.picture.color[60:170, 230:330].astype(int)
    assert (
        np.abs(np.diff(right, axis=1)).mean() < np.abs(np.diff(couple[60:170, 230:330].astype(int), axis=1)).mean() / 4
    )


def test_anonymize_all_needs_no_weights(astronaut):
    result = FacePipeline("gpen.bfr-512", embedding="none").run(astronaut, Options(anonymize="all"))
    assert [face.action for face in result.faces] == ["blurred"]
    assert result.changed and result.faces[0].before is None


class Norm:
    """An embedding by mean brightness."""

    name, same_person = "norm", 0.5

    def embed(self, crop, landmarks=None):
        assert crop.shape == (256, 256, 3) and crop.dtype == np.uint8
        return np.array([crop.mean()])

    def similarity(self, one, other):
        return 1 - float(abs(one - other)[0]) / 100


def with_norm(*args, **more):
    made = pipeline(*args, **more)
    made.__dict__["embedding"] = Norm()
    return made


@pytest.mark.parametrize(("least", "action"), [(0.4, "restored"), (0.6, "left")])
def test_min_similarity(astronaut, person, least, action):
    result = with_norm(faces=[person]).run(astronaut, Options(min_similarity=least))
    (face,) = result.faces
    assert face.action == action
    assert face.similarity == pytest.approx(0.51, abs=0.03)
    if action == "left":
        assert "no longer the same person" in face.reason
        assert np.array_equal(result.picture.color, astronaut)
        assert "no longer the same person" in result.summary()


def test_identity_is_that_of_what_is_pasted(astronaut, person):
    """At half strength the change, and so the loss of similarity, is half."""
    full, half = (
        with_norm(faces=[person]).run(astronaut, Options(Look(strength=s))).faces[0].similarity for s in (1, 0.5)
    )
    assert 1 - half == pytest.approx((1 - full) / 2, abs=0.01)


def test_min_similarity_without_an_embedding(astronaut):
    with pytest.raises(ZooError, match="least similarity"):
        pipeline().run(astronaut, Options(min_similarity=0.4))


def test_real_embedding_tells_a_stranger(astronaut, person, with_weights):
    with_weights("mobilefacenet.onnx")

    def stranger(image):
        return image.flip(2)  # upside down

    kept = pipeline(faces=[person], embedding="mobilefacenet").run(
        astronaut, Options(Look(strength=0.1), min_similarity=0.35)
    )
    lost = pipeline(stranger, [person], embedding="mobilefacenet").run(astronaut, Options(min_similarity=0.35))
    assert kept.faces[0].action == "restored" and kept.faces[0].similarity > 0.9
    assert lost.faces[0].action == "left" and lost.faces[0].similarity < 0.35


@pytest.mark.parametrize("shape", [(512, 512), (200, 200), (300, 180)])
def test_aligned(astronaut, shape):
    image = np.ascontiguousarray(astronaut[: shape[0], 100 : 100 + shape[1]])[:, : shape[1]]
    shape = image.shape[:2]
    result = pipeline(card={"size": SizeRule(square=256)}).run(image, Options(aligned=True, force=True))
    assert result.picture.color.shape == image.shape
    assert result.data()["faces"] == 1 and result.faces[0].face is None
    gain = result.picture.color.astype(int) - image
    assert abs(np.median(gain) - 51) <= 1
    assert np.median(np.abs(gain[:4])) > 20 and np.median(np.abs(gain[:, -4:])) > 20  # up to the edges


def test_aligned_at_the_backend_s_own_size_is_exact(astronaut):
    """Nothing is resampled: the result is the network's, bit for bit."""
    result = pipeline(card={"size": SizeRule(square=512)}).run(astronaut, Options(aligned=True, force=True))
    alone = backend(brighter).restore(astronaut).picture.color
    assert np.array_equal(result.picture.color, alone)


@pytest.mark.parametrize("wrong", [
    {"blend": "glue"}, {"upscale": 3}, {"anonymize": "some"}, {"only": "middle"}, {"only": "1,2,3"},
    {"min_similarity": 2}, {"aligned": True, "anonymize": "all"}, {"aligned": True, "only": "largest"},
])  # fmt: skip
def test_wrong_options(wrong):
    with pytest.raises(ZooError):
        Options(**wrong)


def test_wrong_models():
    with pytest.raises(ZooError, match="does not restore faces"):
        FacePipeline("telea")
    with pytest.raises(UnknownNameError, match="gpen"):
        FacePipeline("gpem")
    with pytest.raises(UnknownNameError, match="dlib"):
        FacePipeline("no-op", embedding="dlb")
    with pytest.raises(ZooError, match="colorize"):
        FacePipeline("gpen.colorization-1024")


def test_failing_backends(astronaut, person):
    with pytest.raises(RestorationError, match="not numbers"):
        pipeline(lambda image: image / 0, [person]).run(astronaut)
    with pytest.raises(PictureError):
        pipeline().run("nowhere.png")


def test_gpen_with_synthetic_weights(astronaut, person, monkeypatch):
    """The wiring of a published card: its size, its task, its ranges. (The weights are random.)"""
    import torch

    import zoo
    from zoo.models.gpen import build
    from zoo.models.gpen.network import FullGenerator

    torch.manual_seed(0)
    state = FullGenerator(256, channel_multiplier=1, narrow=0.5).state_dict()
    card = zoo.get_card("gpen.bfr-256")
    from zoo.restorer import Restorer

    model = Restorer(card, build(card, state), device="cpu")
    result = FacePipeline(model, detector=Known(person), embedding="none").run(astronaut)
    assert result.faces[0].after.shape == (256, 256, 3)
    inside, outside = core(result, size=256)
    assert np.array_equal(result.picture.color[outside], astronaut[outside])
    assert not np.array_equal(result.picture.color[inside], astronaut[inside])


@pytest.mark.slow
def test_solvay(shared):
    """29 faces in, 29 faces out; nothing outside of them changes."""
    path = shared("data/real/solvay_1927.png")
    image = read(path).rgb8()
    result = pipeline().run(path, Options(force=True))
    assert result.count("restored") == 29
    claimed = np.zeros(image.shape[:2], bool)
    for face in result.faces:
        region = blend.Region(align.to_crop(face.face.landmarks, 512), 512)
        claimed |= region.distance((0, 0, image.shape[1], image.shape[0])) < 1
        x, y = face.face.landmarks[2].round().astype(int)
        assert (result.picture.color[y, x].astype(int) - image[y, x]).max() > 20  # each was reached
    assert np.array_equal(result.picture.color[~claimed], image[~claimed])
    assert 0.05 < claimed.mean() < 0.15


SECRET = b"a small copy of the face"


def camera_file(picture: np.ndarray) -> bytes:
    """A JPEG with a preview in every place of its EXIF data, and behind it, that can hold one."""
    thumbnail = Image.new("RGB", (16, 16))
    stream = io.BytesIO()
    thumbnail.save(stream, "JPEG", comment=SECRET)
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "Maker", "2026:01:02 03:04:05"
    exif[0x8649] = b"8BIM" + SECRET  # Photoshop's resources
    exif[0x935C] = SECRET  # Photoshop's layers
    exif[0xC4A5] = SECRET  # PrintIM, for any private tag
    exif[0xC51B] = tuple(SECRET)
    exif[0x8769] = {0x829A: 0.5, 0x9000: b"0232", 0x927C: SECRET + stream.getvalue(), 0x9286: SECRET}
    exif[0x8825] = {2: (1.0, 2.0, 3.5), 27: SECRET}
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95, exif=exif, xmp=b"<x:xmpmeta>" + SECRET, comment=SECRET)
    return file.getvalue() + stream.getvalue()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_where_a_face_is_anonymous_no_preview_is_left(astronaut, suffix):
    data = camera_file(astronaut)
    assert data.count(SECRET) > 6
    result = pipeline().run(data, Options(anonymize="all"))
    assert result.count("blurred") == 1 and result.changed
    written = encode(result.picture, suffix)
    assert SECRET not in written
    for form in (">", "<"):  # as a row of 16-bit numbers
        assert np.array(list(SECRET), f"{form}u2").tobytes() not in written
    exif = Image.Exif()
    exif.load(read(written).exif)
    assert (exif[0x010F], exif.get_ifd(0x8769)[0x829A], exif.get_ifd(0x8825)[2]) == ("Maker", 0.5, (1.0, 2.0, 3.5))
    assert set(exif.get_ifd(0x8769)) <= {0x829A, 0x9000}


def test_an_anonymous_picture_that_was_flat_is_written_anew(astronaut_face):
    flat = np.full((512, 512, 3), 90, np.uint8)
    result = pipeline(faces=[astronaut_face]).run(camera_file(flat), Options(anonymize="all"))
    assert result.count("blurred") == 1
    assert result.changed  # else the file would be copied, previews and all
    assert SECRET not in result.picture.exif


def test_restoring_alone_keeps_the_cameras_data(astronaut):
    assert SECRET in pipeline().run(camera_file(astronaut)).picture.exif
