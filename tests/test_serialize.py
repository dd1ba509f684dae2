"""Model files: what is written is read back exactly, and nothing else is believed."""

import json
import os
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LeakyReLU,
    MaxPool2d,
    NearestNeighbors,
    RandomFourierFeatures,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from scratchnet.serialize import ModelFileError, load_model, save_model


def every_layer() -> Sequential:
    """A network with each kind of layer, for x (N, 2, 9, 8), its arrays all different from their initial values."""
    rng = np.random.default_rng(0)
    model = Sequential(
        Conv2d(2, 3, (3, 2), stride=(1, 2), pad=(1, 0), rng=rng),
        BatchNorm2d(3, eps=1e-4, momentum=0.2),
        LeakyReLU(0.1),
        Residual(
            Sequential(Conv2d(3, 4, 3, pad=1, rng=rng), Tanh()), shortcut=Sequential(Conv2d(3, 4, 1, rng=rng), Sigmoid())
        ),
        Residual(Sequential(Conv2d(4, 4, 1, rng=rng))),
        MaxPool2d(2, 1),
        AvgPool2d((2, 1)),
        Sequential(Residual(Sequential(ReLU())), GlobalAvgPool(), Flatten()),
        BatchNorm1d(4),
        Dropout(0.3),
        RandomFourierFeatures(4, 6, 0.5, rng=rng),
        Dense(6, 5, rng=rng),
        NearestNeighbors(5, 3, 2, num_examples=4),
    )
    for array in [*model.params.values(), *model.state.values()]:
        array[...] = rng.uniform(0.5, 1.5, array.shape)
    return model


def edit(path: Path, **changes: Any) -> None:
    """Write a model file anew with some members replaced, or left out where the value is None."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    arrays.update(changes)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.npz"
    save_model(path, Sequential(Dense(4, 3, rng=np.random.default_rng(0))), {"note": "hello"})
    return path


def test_every_layer_comes_back_bitwise(tmp_path: Path) -> None:
    model = every_layer()
    save_model(tmp_path / "m.npz", model, {"note": "schön"})
    saved = load_model(tmp_path / "m.npz")
    assert repr(saved.model) == repr(model)
    assert saved.metadata["note"] == "schön"
    for ours, theirs in ((model.params, saved.model.params), (model.state, saved.model.state)):
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[key], theirs[key]) and theirs[key].dtype == np.float32 for key in ours)
    x = np.random.default_rng(1).standard_normal((3, 2, 9, 8)).astype(np.float32)
    assert np.array_equal(model(x), saved.model(x))


def test_the_file_is_plain_numpy(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as file:
        assert set(file.files) == {"metadata", "0.w", "0.b"}
        assert json.loads(str(file["metadata"]))["architecture"]["layers"] == [
            {"type": "Dense", "in_features": 4, "out_features": 3}
        ]


def test_layers_of_ones_own_can_not_be_saved(saved: Path) -> None:
    class Dense(ReLU):  # by another name, or by the same
        pass

    before = saved.read_bytes()
    with pytest.raises(ValueError, match="can't save Dense: it is not one of scratchnet's layers"):
        save_model(saved, Sequential(Dense()), {})
    assert saved.read_bytes() == before


def test_weights_that_are_not_finite_can_not_be_saved(saved: Path) -> None:
    model = Sequential(Dense(2, 2, rng=np.random.default_rng(0)))
    model.params["0.w"][1, 1] = np.nan
    with pytest.raises(ValueError, match=r"can't save 0\.w: .* not finite"):
        save_model(saved, model, {})


def test_half_precision_weights_are_taken(saved: Path) -> None:
    edit(saved, **{"0.w": np.full((4, 3), 0.5, np.float16)})
    assert (load_model(saved).model.params["0.w"] == 0.5).all()
    assert load_model(saved).model.params["0.w"].dtype == np.float32


ONE_NAN = np.where(np.eye(4, 3) == 0, 1, np.nan).astype(np.float32)
ARCHITECTURE = '{"format": 1, "architecture": %s}'


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"0.w": np.zeros((3, 4), np.float32)}, r"0\.w is \(3, 4\), its architecture wants \(4, 3\)"),
        ({"0.b": np.zeros(4, np.float32)}, r"0\.b is \(4,\), its architecture wants \(3,\)"),
        ({"0.w": np.full((4, 3), np.nan, np.float32)}, r"0\.w has values that are not finite"),
        ({"0.w": ONE_NAN}, r"0\.w has values that are not finite"),
        ({"0.w": np.zeros((4, 3), int)}, r"0\.w is int64, wanted floating-point"),
        ({"0.w": np.zeros((4, 3), bool)}, r"0\.w is bool, wanted floating-point"),
        ({"0.w": np.zeros((4, 3), complex)}, r"0\.w is complex128, wanted floating-point"),
        ({"0.w": None}, r"wants 0\.w, which the file lacks"),
        ({"0.b": None}, r"wants 0\.b, which the file lacks"),
        ({"7.w": np.zeros(3)}, r"the file has 7\.w"),
        ({"metadata": None}, r"it has no 'metadata'; its arrays are 0\.b, 0\.w"),
        ({"metadata": None, "0.w": None, "0.b": None}, "it has no 'metadata'; its arrays are none"),
        ({"metadata": np.array("{")}, "not a usable model file"),
        ({"metadata": np.array("[]")}, "a JSON array, wanted an object"),
        ({"metadata": np.array(3)}, "wanted one text"),
        ({"metadata": np.array(b"{}")}, "wanted one text"),
        ({"metadata": np.array(["{}"])}, "wanted one text"),
        ({"metadata": np.array('{"format": 2}')}, "format 2, this version reads 1"),
        ({"metadata": np.array('{"format": 1}')}, "no architecture"),
        ({"metadata": np.array(ARCHITECTURE % "3")}, "architecture: no layer type in 3"),
        ({"metadata": np.array(ARCHITECTURE % '["type"]')}, r"architecture: no layer type in \['type'\]"),
        ({"metadata": np.array(ARCHITECTURE % "{}")}, r"architecture: no layer type in \{\}"),
        ({"metadata": np.array(ARCHITECTURE % '{"type": "Composite"}')}, "unknown layer 'Composite'"),
        ({"metadata": np.array('{"format": 1, "architecture": {"type": "Evil"}}')}, "unknown layer 'Evil'"),
        ({"metadata": np.array('{"format": 1, "architecture": {"type": "Layer"}}')}, "unknown layer 'Layer'"),
        ({"metadata": np.array('{"format": 1, "architecture": {"type": "ReLU", "x": 1}}')}, "ReLU has no setting x"),
        ({"metadata": np.array('{"format": 1, "architecture": {"type": "Dense"}}')}, "in_features"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(saved: Path, changes: dict[str, Any], message: str) -> None:
    edit(saved, **changes)
    with pytest.raises(ModelFileError, match=message) as error:
        load_model(saved)
    assert str(saved) in str(error.value)
    assert "\n" not in str(error.value)


def description(**changes: Any) -> dict[str, Any]:
    """Metadata whose architecture is one Dense layer for the saved arrays, with other settings."""
    layer = {"type": "Dense", "in_features": 4, "out_features": 3, **changes}
    return {"metadata": np.array(json.dumps({"format": 1, "architecture": {"type": "Sequential", "layers": [layer]}}))}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"in_features": 10**9, "out_features": 10**9},
            r"0\.w is \(4, 3\), its architecture wants 1000000000000000000 numbers",
        ),
        (
            {"type": "RandomFourierFeatures", "in_features": 10**6, "out_features": 10**6, "gamma": 1},
            r"0\.w is \(4, 3\), its architecture wants 1000000000000",
        ),
        ({"in_features": 2}, r"0\.w is \(4, 3\), its architecture wants 6 numbers"),
        ({"in_features": 2**31 - 1}, r"0\.w is \(4, 3\), its architecture wants 6442450941 numbers"),
        ({"in_features": 2**31}, "Dense can't have 'in_features' 2147483648"),
        ({"in_features": 10**30}, "Dense can't have 'in_features'"),
        ({"in_features": -4, "out_features": -3}, "at least 1"),
        ({"in_features": 4.5}, ""),
        ({"in_features": "4"}, "Dense can't have 'in_features' '4'"),
        ({"in_features": True}, "Dense can't have 'in_features' True"),
        ({"in_features": [4, 4, 4]}, "Dense can't have 'in_features'"),
        ({"in_features": [4, "4"]}, "Dense can't have 'in_features'"),
        ({"in_features": [[4]]}, "Dense can't have 'in_features'"),
        ({"in_features": {}}, "Dense can't have 'in_features'"),
        ({"rng": 1}, "Dense has no setting rng"),
        ({"init": "os.abort"}, "Dense can't have 'init'"),
        ({"\x1b[2J": 1}, r"Dense has no setting \\x1b\[2J"),
        ({"type": "__class__"}, "unknown layer '__class__'"),
        ({"type": ["Dense"]}, "no layer type"),
        ({"type": "Residual"}, "Residual wants body and shortcut"),
        ({"type": "Sequential", "layers": {}}, "Sequential wants a list of layers"),
        ({"type": "Sequential", "layers": []}, "Sequential wants a list of layers, no more"),
    ],
)
def test_an_architecture_gets_no_more_than_the_file_has(saved: Path, layer: dict[str, Any], message: str) -> None:
    edit(saved, **description(**layer))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message or None) as error:
            load_model(saved)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"type": "Sequential", "layers": {}}, "architecture: Sequential wants a list of layers, no more"),
        ({"type": "Sequential", "layers": 3}, "architecture: Sequential wants a list of layers, no more"),
        ({"type": "Sequential"}, "architecture: Sequential wants a list of layers, no more"),
        ({"type": "BatchNorm1d", "num_features": 4, "eps": 10**400}, "BatchNorm1d can't have 'eps' 1000"),
    ],
)
def test_an_architecture_that_could_not_be(saved: Path, layer: dict[str, Any], message: str) -> None:
    edit(saved, metadata=np.array(json.dumps({"format": 1, "architecture": layer})))
    with pytest.raises(ModelFileError, match=message):
        load_model(saved)


def test_one_number_may_stand_for_both_sides(tmp_path: Path) -> None:
    path, model = tmp_path / "m.npz", Conv2d(1, 2, 3, rng=np.random.default_rng(0))
    save_model(path, model, {})
    layer = {"type": "Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 3, "stride": 1, "pad": 0}
    edit(path, metadata=np.array(json.dumps({"format": 1, "architecture": layer})))
    assert repr(load_model(path).model) == repr(model)


def test_a_setting_may_be_none(saved: Path) -> None:
    layer = {"type": "MaxPool2d", "kernel_size": 2, "stride": None}
    edit(saved, metadata=np.array(json.dumps({"format": 1, "architecture": layer})), **{"0.w": None, "0.b": None})
    assert repr(load_model(saved).model) == repr(MaxPool2d(2))


def test_too_many_layers_are_refused(saved: Path) -> None:
    def have(count: int) -> None:
        layers = [{"type": "ReLU"}] * (count - 1)
        text = json.dumps({"format": 1, "architecture": {"type": "Sequential", "layers": layers}})
        edit(saved, metadata=np.array(text), **{"0.w": None, "0.b": None})

    have(1000)
    assert len(load_model(saved).model.layers) == 999
    have(1001)
    with pytest.raises(ModelFileError, match="more than 1000 layers"):
        load_model(saved)


@pytest.mark.parametrize("text", ['{"format": 1, "x": NaN}', "[" * 100_000, '{"a": 1, "a": 1}', '{"x": ' + "9" * 5000 + "}"])
def test_metadata_must_be_json_as_it_should_be(saved: Path, text: str) -> None:
    edit(saved, metadata=np.array(text))
    with pytest.raises(ModelFileError, match="not a usable model file"):
        load_model(saved)


def test_metadata_that_could_not_be_read_back_is_not_saved(saved: Path) -> None:
    before = saved.read_bytes()
    for metadata in ({"loss": float("nan")}, {"note": "x" * 2_000_000}):
        with pytest.raises(ValueError, match=r"NaN|at most"):
            save_model(saved, Sequential(ReLU()), metadata)
    assert saved.read_bytes() == before


def test_numbers_that_float32_can_not_hold_are_refused(saved: Path) -> None:
    edit(saved, **{"0.w": np.full((4, 3), 1e300)})
    with pytest.raises(ModelFileError, match=r"0\.w has values that are not finite"):
        load_model(saved)


@pytest.mark.parametrize("norm", [BatchNorm1d, BatchNorm2d])
def test_a_negative_variance_is_refused(tmp_path: Path, norm: type[BatchNorm1d | BatchNorm2d]) -> None:
    path = tmp_path / "m.npz"
    save_model(path, Sequential(norm(2)), {})
    edit(path, **{"0.running_var": np.float32([1, -1])})
    with pytest.raises(ModelFileError, match=r"0\.running_var has negative values"):
        load_model(path)


def test_labels_that_could_not_be_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    save_model(path, Sequential(NearestNeighbors(2, 10, num_examples=3)), {})
    edit(path, **{"0.labels": np.float32([0, 9, 2])})
    load_model(path)
    for labels in ([1, 10, 2], [-1, 1, 2]):
        edit(path, **{"0.labels": np.float32(labels)})
        with pytest.raises(ModelFileError, match=r"0\.labels must be in 0 \.\. 9"):
            load_model(path)


def test_a_memory_without_examples_comes_back(tmp_path: Path) -> None:
    save_model(tmp_path / "m.npz", Sequential(NearestNeighbors(2, 10)), {})
    assert load_model(tmp_path / "m.npz").model.state["0.examples"].shape == (0, 2)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 but no more", b"\x93NUMPY", b"<!DOCTYPE html>"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"m\.npz: not a model file"):
        load_model(tmp_path / "m.npz")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.zeros(3))
    with pytest.raises(ModelFileError, match=r"m\.npy: not a model file"):
        load_model(tmp_path / "m.npy")


def test_a_header_that_numpy_wants_to_be_asked_about_is_refused_in_one_line(saved: Path) -> None:
    """NumPy's error has three lines, and advises to trust the file."""
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("0.x.npy", b"\x93NUMPY\x02\x00" + (20_000).to_bytes(4, "little") + b" " * 20_000)
    with pytest.raises(ModelFileError, match="damaged") as error:
        load_model(saved)
    assert "\n" not in str(error.value)
    assert "allow_pickle" not in str(error.value)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "m.npz", metadata=np.array([Trap()], object))
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "m.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_truncated_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-30])
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(saved)


def test_a_flipped_bit_is_noticed(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        offset = archive.getinfo("0.w.npy").header_offset
    content = bytearray(saved.read_bytes())
    content[offset + 200] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        load_model(saved)


def test_a_failed_save_keeps_the_old_file(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        save_model(saved, Sequential(ReLU()), {"not json": object()})
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["model.npz"]


def test_the_same_network_makes_the_same_bytes_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was set back to where zip archives have no date."""
    model = Sequential(Flatten(), Dense(4, 2, rng=np.random.default_rng(0)))
    save_model(tmp_path / "now.npz", model, {"name": "x"})
    monkeypatch.setattr(time, "time", lambda: 3600.0)
    save_model(tmp_path / "1970.npz", model, {"name": "x"})
    assert (tmp_path / "now.npz").read_bytes() == (tmp_path / "1970.npz").read_bytes()
    with np.load(tmp_path / "now.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["1.w"], model.params["1.w"])
