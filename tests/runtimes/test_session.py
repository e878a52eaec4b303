"""Networks in ONNX Runtime and OpenVINO: the results are PyTorch's, and files are made once and whole."""

from __future__ import annotations

import pytest
import torch

from tests.runtimes.networks import ByMean, BySize, Noisy, apart, made, picture, sessions
from zoo.errors import RuntimeUnavailableError
from zoo.runtimes import Backend, lower, onnx_files
from zoo.runtimes.session import ENGINES

RUNTIMES = sorted(ENGINES)


def files() -> list[str]:
    folder = onnx_files.folder()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_float32_is_pytorch(runtime):
    backend, plain = sessions(runtime, sha256="small"), made()
    assert isinstance(backend, Backend) and backend.parameters == plain.parameters and backend.runtime == runtime
    with torch.inference_mode():
        for size in ((32, 48), (48, 32), (64, 64)):
            assert apart(backend.run(picture(*size), None), plain.run(picture(*size), None)) < 1e-3
        together = torch.cat([picture(32, 48), picture(32, 48).flip(3)])
        assert torch.equal(backend.run(together, None)[:1], backend.run(together[:1], None))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_masks_go_in(runtime):
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 8:20, 8:30] = 1
    backend = sessions(runtime, sha256="small")
    with torch.inference_mode():
        assert apart(backend.run(picture(32, 48), mask), made().run(picture(32, 48), mask)) < 1e-3
        assert apart(backend.run(picture(32, 48), None), made().run(picture(32, 48), None)) < 1e-3


def test_one_file_serves_all_sizes_and_both_runtimes(own_cache):
    with torch.inference_mode():
        for runtime in RUNTIMES:
            for size in ((32, 48), (64, 40)):
                sessions(runtime, sha256="a").run(picture(*size), None)
    assert len(files()) == 1
    with torch.inference_mode():
        sessions("onnx", sha256="b").run(picture(32, 48), None)
    assert len(files()) == 2  # other weights


def test_a_network_that_looks_at_the_size_gets_a_file_for_each(own_cache):
    backend, plain = sessions("onnx", kind=BySize, sha256="a"), made(BySize)
    with torch.inference_mode():
        for size in ((32, 32), (32, 48)):
            assert apart(backend.run(picture(*size), None), plain.run(picture(*size), None)) < 1e-3
    assert len(files()) == 2


def test_parts_of_a_network(own_cache):
    backend = sessions("onnx", sha256="a", facts={"portable": ("network.inner", "network.last")})
    with torch.inference_mode():
        assert apart(backend.run(picture(32, 48), None), made().run(picture(32, 48), None)) < 1e-3
    assert len(files()) == 2


def test_nothing_is_kept_of_weights_without_a_checksum(own_cache):
    with torch.inference_mode():
        sessions("onnx").run(picture(32, 48), None)
    assert files() == []


def test_a_damaged_file_is_made_anew(own_cache):
    with torch.inference_mode():
        expected = sessions("onnx", sha256="a").run(picture(32, 48), None)
        (path,) = onnx_files.folder().iterdir()
        path.write_bytes(path.read_bytes()[:500])
        assert torch.equal(sessions("onnx", sha256="a").run(picture(32, 48), None), expected)


def test_a_file_is_written_whole_or_not_at_all(own_cache, monkeypatch):
    def interrupted(path, facts):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_files, "describe", interrupted)
    with pytest.raises(KeyboardInterrupt), torch.inference_mode():
        sessions("onnx", sha256="a").run(picture(32, 48), None)
    assert files() == []


def test_what_depends_on_values_is_refused_in_words():
    with pytest.raises(RuntimeUnavailableError, match="depends on values of its input"), torch.inference_mode():
        sessions("onnx", kind=ByMean).run(picture(32, 48), None)


def test_another_result_than_pytorch_is_refused():
    with pytest.raises(RuntimeUnavailableError, match="differs from PyTorch's by"), torch.inference_mode():
        sessions("onnx", kind=Noisy).run(picture(32, 48), None)


def test_the_file_tells_what_it_depends_on(own_cache):
    with torch.inference_mode():
        sessions("onnx", sha256="a").run(picture(32, 48), None)
    (path,) = onnx_files.folder().iterdir()
    facts = onnx_files.described(path)
    assert (facts["weights_sha256"], facts["precision"], facts["size"]) == ("a", "fp32", "any")


def test_fp16_is_near():
    with torch.inference_mode():
        made_by = sessions("onnx", "fp16").run(picture(32, 48), None)
        expected = made().run(picture(32, 48), None)
    assert 0 < apart(made_by, expected) < 0.02


def test_int8_needs_a_calibration():
    with pytest.raises(RuntimeUnavailableError, match="has no calibration for int8"):
        sessions("onnx", "int8")


def calibrated() -> lower.Calibration:
    """Of the small network, over two pictures."""
    plain = sessions("onnx", sha256="small")
    inputs = [(picture(32, 48), None), (picture(64, 64), None)]
    path, _ = plain.file(plain.parts[0], inputs[0])
    return lower.Calibration(lower.measured_ranges(path, [{"image": image.numpy()} for image, _ in inputs]))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_int8_is_near_and_float_layers_make_it_nearer(runtime):
    if reason := ENGINES[runtime].unavailable_reason("int8"):
        pytest.skip(reason)
    every = calibrated()
    assert len(every.ranges) == 4
    some = lower.Calibration(every.ranges, frozenset({0, 3}))
    with torch.inference_mode():
        expected = made().run(picture(32, 48), None)
        errors = [
            float((sessions(runtime, "int8", calibrations={"restore": c}).run(picture(32, 48), None) - expected).std())
            for c in (every, some)
        ]
    assert 0 < errors[1] < errors[0] < 0.1 * float(expected.std())


def test_weights_are_quantized_per_channel_to_seven_bits():
    import onnx

    backend = sessions("onnx", "int8", calibrations={"restore": calibrated()})
    with torch.inference_mode():
        path, _ = backend.file(backend.parts[0], (picture(32, 48), None))
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    weights = [array for array in tensors.values() if array.dtype == "int8" and array.ndim == 4]
    assert len(weights) == 4 and all(abs(array.astype(int)).max() <= 64 for array in weights)
    assert any(array.shape == (8,) and array.dtype == "float32" for array in tensors.values())  # scales


def test_the_calibration_of_another_network_is_refused():
    wrong = lower.Calibration(calibrated().ranges[:3])
    with (
        pytest.raises(RuntimeUnavailableError, match="of 3 convolutions, but the network has 4"),
        torch.inference_mode(),
    ):
        sessions("onnx", "int8", calibrations={"restore": wrong}).run(picture(32, 48), None)


def test_a_classical_method_has_nothing_to_carry_out():
    from tests.zoo.networks import card
    from zoo.runtimes import NumpyBackend
    from zoo.runtimes.session import SessionBackend

    with pytest.raises(RuntimeUnavailableError, match="classical method"):
        SessionBackend(card(), NumpyBackend(lambda image, mask: image), "onnx", "fp32", None)
    with pytest.raises(RuntimeUnavailableError, match="PyTorch alone"):
        sessions("onnx", facts={"portable": ()})


def test_another_device_is_refused_where_the_runtime_has_none():
    with pytest.raises(RuntimeUnavailableError, match="on the CPU here, not on cuda"):
        sessions("openvino").place(torch.device("cuda"), torch.float32)


def test_threads_take_turns():
    from concurrent.futures import ThreadPoolExecutor

    backend = sessions("openvino", sha256="small")
    pictures = [picture(32, 48) * factor for factor in (0.2, 0.4, 0.6, 0.8)]
    with torch.inference_mode():
        alone = [backend.run(each, None) for each in pictures]

    def run(image: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return backend.run(image, None)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, pictures * 4))
    assert all(torch.equal(one, other) for one, other in zip(together, alone * 4, strict=True))


@pytest.mark.slow
def test_torch_compile_is_pytorch():
    from tests.zoo.networks import card
    from zoo.card import SizeRule
    from zoo.runtimes import compiled

    if reason := compiled.unavailable_reason("fp32"):
        pytest.skip(reason)
    backend = compiled.CompiledBackend(card(size=SizeRule(multiple_of=2)), made())
    assert isinstance(backend, Backend) and backend.runtime == "compile"
    with torch.inference_mode():
        assert apart(backend.run(picture(32, 48), None), made().run(picture(32, 48), None)) < 1e-3
        backend.place(torch.device("cpu"), torch.bfloat16)
        half = backend.run(picture(32, 48).bfloat16(), None).float()
        assert apart(half, made().run(picture(32, 48), None)) < 0.2
