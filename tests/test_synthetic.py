"""The synthetic digits: deterministic, varied, normalised as MNIST is, and never half-written or mistaken for MNIST."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from scratchnet.datasets import idx, mnist, synthetic
from scratchnet.datasets.errors import DataError
from scratchnet.datasets.strokes import POINTS, STROKES, parse, spline, ways_to_write
from scratchnet.typing import Array

Pair = tuple[Array, Array]
SMALL = {"n_train": 30, "n_test": 20}


@pytest.fixture(scope="module")
def digits() -> Pair:
    return synthetic.make(2000, seed=3)


# --- the images ---


def test_types_and_shapes(digits: Pair) -> None:
    images, labels = digits
    assert (images.shape, images.dtype) == ((2000, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((2000,), np.int64)


def test_same_seed_same_images() -> None:
    for first, second in zip(synthetic.make(40, seed=7), synthetic.make(40, seed=7), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("other", [{"seed": 8}, {"split": "test"}, {"seed": 2**63}])
def test_other_seeds_and_splits_are_other_images(other: dict) -> None:
    labels = np.arange(10).repeat(4)
    images = synthetic.make(40, seed=7, labels=labels)[0]
    others = synthetic.make(40, **{"seed": 7, "labels": labels, **other})[0]
    assert (images != others).any((1, 2)).all()


def test_fewer_are_the_first_of_more(digits: Pair) -> None:
    """Across the border of a chunk too."""
    images, labels = digits
    for n in (0, 1, 13, synthetic.CHUNK, synthetic.CHUNK + 7):
        fewer, their_labels = synthetic.make(n, seed=3)
        np.testing.assert_array_equal(fewer, images[:n])
        np.testing.assert_array_equal(their_labels, labels[:n])


def test_chunks_differ(digits: Pair) -> None:
    images, labels = digits
    first, second = slice(0, synthetic.CHUNK), slice(synthetic.CHUNK, 2 * synthetic.CHUNK)
    assert (labels[first] != labels[second]).any()
    assert (images[first] != images[second]).any((1, 2)).all()


def test_classes_are_balanced_and_shuffled() -> None:
    for n in (25, 500, 1234):
        labels = synthetic.make(n)[1]
        counts = np.bincount(labels, minlength=10)
        assert counts.max() - counts.min() <= 1
    assert (labels[:10] != labels[10:20]).any()


def test_labels_can_be_chosen() -> None:
    _, labels = synthetic.make(6, labels=[5, 5, 5, 0, 1, 9])
    assert labels.tolist() == [5, 5, 5, 0, 1, 9]
    assert labels.dtype == np.int64
    chosen = synthetic.make(20, seed=3)
    for given, drawn in zip(synthetic.make(20, seed=3, labels=chosen[1]), chosen, strict=True):
        np.testing.assert_array_equal(given, drawn)


def test_no_two_images_are_alike(digits: Pair) -> None:
    """Nor nearly: the closest two images of one digit are still apart."""
    images, labels = digits
    assert len({image.tobytes() for image in images}) == len(images)
    for digit in range(10):
        x = images[labels == digit].reshape(-1, 784).astype(np.float64) / 255
        squares = (x**2).sum(1)
        apart = squares[:, None] + squares - 2 * x @ x.T + 1e9 * np.eye(len(x))
        assert apart.min() > 0.5


def test_normalised_as_mnist_is(digits: Pair) -> None:
    """Ink in a 20 x 20 box that it fills one way, saturated; centre of mass at (14, 14) to half a pixel."""
    ink = digits[0] > 0
    height, width = (_extent(ink.any(axis)) for axis in (2, 1))
    longer = np.maximum(height, width)
    assert longer.max() <= 20
    assert (longer >= 18).mean() > 0.99
    mass = digits[0].astype(np.float64)
    for axis in (1, 2):
        middle = (mass.sum(3 - axis) * np.arange(28)).sum(1) / mass.sum((1, 2))
        assert (abs(middle - 14) < 0.51).mean() > 0.99  # a few would have to leave the image for it
        assert abs(middle.mean() - 14) < 0.05
    assert (digits[0].max((1, 2)) > 200).all()


def _extent(used: Array) -> Array:
    """(N, 28) bool -> from the first True to the last, (N,)."""
    return 28 - used.argmax(1) - used[:, ::-1].argmax(1)


def test_as_much_ink_as_mnist(digits: Pair) -> None:
    x = digits[0] / 255
    assert x.mean() == pytest.approx(0.1307, abs=0.01)
    assert x.std() == pytest.approx(0.3081, abs=0.01)
    ink = x[x > 0]
    assert (ink > 0.95).mean() > 0.35  # mostly saturated
    assert (ink < 0.5).mean() > 0.2  # with soft edges


def test_a_linear_classifier_learns_them_but_not_all() -> None:
    """Varied enough that straight lines don't separate the classes; regular enough to be worth learning."""
    x, labels = synthetic.make(3000)
    xt, labels_t = synthetic.make(1000, split="test")
    x, xt = (np.c_[images.reshape(len(images), -1) / 255, np.ones(len(images))] for images in (x, xt))
    w = np.linalg.solve(x.T @ x + 30 * np.eye(785), x.T @ np.eye(10)[labels])
    accuracy = (np.argmax(xt @ w, 1) == labels_t).mean()
    assert 0.6 < accuracy < 0.97


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be 0 or more, got -1"),
        ({"n": 1, "split": "valid"}, "split must be 'train' or 'test', got 'valid'"),
        ({"n": 1, "seed": -5}, "seed must be in 0"),
        ({"n": 2, "labels": [1]}, "labels must be 2 digits from 0 to 9"),
        ({"n": 2, "labels": [1, 10]}, "labels must be 2 digits from 0 to 9"),
        ({"n": 2, "labels": [1, -1]}, "labels must be 2 digits from 0 to 9"),
        ({"n": 2, "labels": [1.0, 2.5]}, "labels must be 2 digits from 0 to 9"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthetic.make(**arguments)


# --- how they are drawn ---


def test_every_stroke_is_drawn_in_full() -> None:
    """The tables give back each way's control points: curves go through them, and lift the pen between strokes."""
    ways = ways_to_write()
    drawings = [strokes for digit in range(10) for _, strokes in STROKES[digit]]
    assert len(drawings) == len(ways.control)
    for strokes, control, basis, joined in zip(drawings, *ways[1:], strict=True):
        path = basis @ control
        wanted = np.concatenate([parse(stroke)[0] for stroke in strokes])
        distance = np.hypot(*(wanted[:, None] - path).transpose(2, 0, 1)).min(1)
        assert distance.max() < 0.03
        assert (1 - joined).sum() == len(strokes)
        assert path.shape == (POINTS, 2)
        steps = np.hypot(*np.diff(path, axis=0).T)[joined[:-1] > 0]
        assert steps.max() < 2 * np.median(steps)


def test_common_ways_are_picked_more_often() -> None:
    digits = np.full(20_000, 6)
    picked = synthetic.pick(np.random.default_rng(0), digits)
    weights = np.array([weight for weight, _ in STROKES[6]])
    first = sum(len(STROKES[digit]) for digit in range(6))
    counts = np.bincount(picked - first, minlength=len(weights))
    np.testing.assert_allclose(counts / len(digits), weights / weights.sum(), atol=0.02)


def test_spline_goes_through_its_points_and_is_straight_between_corners() -> None:
    points, corners = parse("0,0 50,0! 50,100 20,30")
    assert corners == [1]
    np.testing.assert_allclose(spline(points, corners, np.arange(4.0)), points, atol=1e-12)
    np.testing.assert_allclose(spline(points, corners, np.linspace(0, 1, 9))[:, 1], 0, atol=1e-12)
    at = np.linspace(0, 3, 31)
    np.testing.assert_allclose(spline(np.eye(4), corners, at) @ points, spline(points, corners, at), atol=1e-12)


def test_distance_to_a_straight_stroke() -> None:
    """Against the distance worked out by hand, near the ink and away from the ends of the stroke."""
    path = np.stack([np.full(POINTS, 13.25), np.linspace(2, 26, POINTS)], -1)[None].astype(np.float32)
    radius = np.full((1, POINTS), 1.5, np.float32)
    joined = np.ones((1, POINTS), np.float32)
    joined[0, -1] = 0
    got = synthetic.distance_to_ink(path, radius, joined)
    assert got.dtype == np.float32
    wanted = abs(np.arange(28) - 13.25) - 1.5
    near = abs(wanted) < 1.5
    np.testing.assert_allclose(got[0, 6:22, near], np.broadcast_to(wanted[near][:, None], (near.sum(), 16)), atol=0.02)


# --- files ---


def test_write_and_read_back(tmp_path: Path) -> None:
    paths = synthetic.write(tmp_path / "synthetic", seed=1, **SMALL)
    assert [path.name for path in paths] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    for split, (images_path, labels_path), n in (("train", paths[:2], 30), ("test", paths[2:], 20)):
        images, labels = synthetic.make(n, seed=1, split=split)
        np.testing.assert_array_equal(idx.read(images_path), images)
        np.testing.assert_array_equal(idx.read(labels_path), labels)
        loaded = synthetic.load(tmp_path / "synthetic", split, seed=1, **SMALL)
        assert [array.dtype for array in loaded] == [np.uint8, np.int64]
        np.testing.assert_array_equal(loaded[0], images)
        np.testing.assert_array_equal(loaded[1], labels)
    assert not list((tmp_path / "synthetic").glob(".*"))


def test_load_draws_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = synthetic.load(tmp_path, **SMALL)
    monkeypatch.setattr(synthetic, "draw", _never)
    for again, array in zip(synthetic.load(tmp_path, **SMALL), first, strict=True):
        np.testing.assert_array_equal(again, array)


def _never(*_: object) -> None:
    raise AssertionError("drawn again")


@pytest.mark.parametrize("other", [{"seed": 5}, {"n_train": 31}, {"n_test": 5}])
def test_another_set_takes_the_place_of_the_old(tmp_path: Path, other: dict) -> None:
    synthetic.load(tmp_path, **SMALL)
    wanted = {"seed": 0, **SMALL, **other}
    images, labels = synthetic.load(tmp_path, "test", **wanted)
    drawn = synthetic.make(wanted["n_test"], seed=wanted["seed"], split="test")
    np.testing.assert_array_equal(images, drawn[0])
    np.testing.assert_array_equal(labels, drawn[1])
    assert json.loads((tmp_path / synthetic.MARKER).read_text())["seed"] == wanted["seed"]


def test_a_new_version_of_the_generator_draws_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic.write(tmp_path, **SMALL)
    newer = synthetic.VERSION + 1
    monkeypatch.setattr(synthetic, "_GENERATOR", synthetic._GENERATOR | {"version": newer})
    synthetic.load(tmp_path, **SMALL)
    assert json.loads((tmp_path / synthetic.MARKER).read_text())["version"] == newer


@pytest.mark.parametrize("files", [0, 1, 2, 3, 4])
def test_a_half_written_set_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Writing is killed after some files, in a folder that held another whole set; the next load draws all anew."""
    synthetic.write(tmp_path, seed=1, **SMALL)
    real_write, left = idx.write, iter(range(files))

    def write_some(path: Path, array: Array) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        real_write(path, array)

    with monkeypatch.context() as patch:
        patch.setattr(idx, "write", write_some)
        if files == 4:  # killed between the last file and the marker
            patch.setattr(synthetic, "_checksum", _interrupted_at(4))
        with pytest.raises(KeyboardInterrupt):
            synthetic.write(tmp_path, seed=2, **SMALL)
    for seed in (1, 2):
        for split, n in (("train", 30), ("test", 20)):
            images, labels = synthetic.load(tmp_path, split, seed=seed, **SMALL)
            drawn = synthetic.make(n, seed=seed, split=split)
            np.testing.assert_array_equal(images, drawn[0])
            np.testing.assert_array_equal(labels, drawn[1])


def _interrupted_at(call: int):
    left = iter(range(call - 1))

    def checksum(array: Array) -> int:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return zlib.crc32(array.tobytes())

    return checksum


@pytest.mark.parametrize("damage", [b"", b"not gzip", None, "mixed"])
def test_damaged_files_are_drawn_anew(tmp_path: Path, damage: bytes | str | None) -> None:
    paths = synthetic.write(tmp_path, **SMALL)
    if damage is None:
        paths[0].unlink()
    elif damage == "mixed":  # a whole file, but of another set
        idx.write(paths[0], synthetic.make(30, seed=9)[0])
    else:
        paths[0].write_bytes(damage)
    np.testing.assert_array_equal(synthetic.load(tmp_path, **SMALL)[0], synthetic.make(30)[0])
    np.testing.assert_array_equal(idx.read(paths[0]), synthetic.make(30)[0])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"crc32": 3}', "null", "\xff"])
def test_a_damaged_marker_is_not_believed(tmp_path: Path, text: str) -> None:
    synthetic.write(tmp_path, **SMALL)
    (tmp_path / synthetic.MARKER).write_text(text, encoding="latin-1")
    np.testing.assert_array_equal(synthetic.load(tmp_path, **SMALL)[0], synthetic.make(30)[0])
    assert json.loads((tmp_path / synthetic.MARKER).read_text())["complete"]


def test_read_only_or_no_folder_still_gives_the_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = synthetic.make(20, split="test")
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file", tmp_path / "file" / "below"):
        for got, array in zip(synthetic.load(folder, "test", **SMALL), wanted, strict=True):
            np.testing.assert_array_equal(got, array)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    for got, array in zip(synthetic.load(tmp_path / "read_only", "test", **SMALL), wanted, strict=True):
        np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte"])
def test_files_of_others_are_never_replaced(tmp_path: Path, name: str) -> None:
    """MNIST has the same file names."""
    (tmp_path / name).write_bytes(b"MNIST")
    for act in (synthetic.write, synthetic.load):
        with pytest.raises(DataError, match="synthetic digits need a folder of their own"):
            act(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"MNIST"


@pytest.mark.parametrize("wrong", [{"n_train": -1}, {"n_test": -2}, {"seed": -1}])
def test_bad_sizes_write_nothing(tmp_path: Path, wrong: dict) -> None:
    for act in (synthetic.write, synthetic.load):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be 0 or more"):
            act(tmp_path / "new", **{**SMALL, **wrong})
    with pytest.raises(ValueError, match="split must be"):
        synthetic.load(tmp_path / "new", "valid", **SMALL)
    assert not (tmp_path / "new").exists()


def test_what_is_not_asked_for_is_as_the_files_have_it(tmp_path: Path) -> None:
    synthetic.write(tmp_path, n_train=30, n_test=10, seed=5)
    images, _ = synthetic.load(tmp_path)
    np.testing.assert_array_equal(images, synthetic.make(30, seed=5)[0])
    assert len(synthetic.load(tmp_path, "test", seed=5)[0]) == 10


def test_they_are_never_taken_for_mnist(tmp_path: Path) -> None:
    synthetic.write(tmp_path, n_train=30, n_test=10)
    with pytest.raises(DataError, match=r"holds synthetic digits \(synthetic\.json says so\), which are not mnist"):
        mnist.load(tmp_path, download=False)
