"""Loading: the right data set from the right place in every format, and a clear word about everything that is wrong."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.datasets import fetch as fetching
from scratchnet.datasets import folders, idx, mnist
from scratchnet.datasets.mnist import DataError, DataNotFoundError, load

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def digits(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 28, 28), np.uint8), (np.arange(n) * 7 % 10).astype(np.uint8)


def put(folder, names=TRAIN, n=12, seed=0, suffix=".gz"):
    """A pair of IDX files with n random images; returns the images and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = digits(n, seed)
    idx.write(folder / (names[0] + suffix), images)
    idx.write(folder / (names[1] + suffix), labels)
    return images, labels


KAGGLE = "label," + ",".join(f"pixel{i}" for i in range(784))


def write_csv(path, images, labels, header=KAGGLE):
    lines = [",".join(map(str, [label, *image.ravel()])) for image, label in zip(images, labels, strict=True)]
    path.write_text("".join(f"{line}\n" for line in ([header] if header else []) + lines))


@pytest.fixture(autouse=True)
def no_data_elsewhere(tmp_path_factory, monkeypatch, request):
    """Neither this machine's data nor its network: only what a test puts somewhere."""
    if "mnist" in request.keywords:
        return
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)
    monkeypatch.setattr(folders, "__file__", str(tmp_path_factory.mktemp("site") / "scratchnet" / "datasets" / "folders.py"))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda project: tmp_path_factory.getbasetemp() / "no" / project)
    monkeypatch.setattr(mnist, "fetch", lambda *args, **kwargs: pytest.fail("wants to download"))


def assert_same(data, images, labels):
    assert data.images.dtype == np.uint8
    assert data.labels.dtype == np.int64
    assert data.images.flags.c_contiguous
    assert data.images.flags.writeable
    assert data.labels.flags.writeable
    assert np.array_equal(data.images, images)
    assert np.array_equal(data.labels, labels)


def one_line(caught):
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# IDX files


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_both_splits_in_every_spelling(tmp_path, suffix, dotted):
    def spell(names):
        return tuple(name.replace("-idx", ".idx") if dotted else name for name in names)

    train, test = put(tmp_path, spell(TRAIN), 12, suffix=suffix), put(tmp_path, spell(TEST), 7, 1, suffix)
    assert_same(load(tmp_path), *train)
    data = load(str(tmp_path), "test")
    assert_same(data, *test)
    assert (data.name, data.split, data.source) == ("mnist", "test", str(tmp_path / (spell(TEST)[0] + suffix)))


def test_files_by_hand(tmp_path):
    pixels = bytes(range(256)) * 7
    (tmp_path / TRAIN[0]).write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28) + pixels[: 2 * 784])
    (tmp_path / TRAIN[1]).write_bytes(struct.pack(">HBBI", 0, 8, 1, 2) + b"\x03\x09")
    data = load(tmp_path)
    assert data.labels.tolist() == [3, 9]
    assert data.images[1, 0, :3].tolist() == [784 % 256, 785 % 256, 786 % 256]


def test_a_folder_with_the_name_of_a_file_is_not_it(tmp_path):
    (tmp_path / TRAIN[0]).mkdir()
    made = put(tmp_path, tuple(name.replace("-idx", ".idx") for name in TRAIN), suffix="")
    assert_same(load(tmp_path), *made)


def test_counts_must_match_and_both_files_are_named(tmp_path):
    put(tmp_path, n=12)
    idx.write(tmp_path / f"{TRAIN[1]}.gz", np.zeros(11, np.uint8))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz has 12 images, but .*train-labels-\S+ has 11 labels"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 27, 28), np.uint8), np.zeros(3, np.uint8), r"images\S+: found shape \(3, 27, 28\)"),
        (np.zeros(3, np.uint8), np.zeros(3, np.uint8), r"images\S+: found shape \(3,\), wanted images \(N, 28, 28\)"),
        (np.zeros((3, 28, 28), np.uint8), np.zeros((3, 1), np.uint8), r"labels\S+: found shape \(3, 1\)"),
        (np.zeros((3, 28, 28), np.uint8), np.uint8([0, 10, 1]), r"labels\S+: found values 0 to 10, wanted 0 to 9"),
        (np.zeros((3, 28, 28), np.uint8), np.int8([0, -1, 1]), r"labels\S+: found values -1 to 1, wanted 0 to 9"),
        (np.full((3, 28, 28), 256, np.int16), np.zeros(3, np.uint8), "found values 256 to 256, wanted 0 to 255"),
        (np.zeros((3, 28, 28), np.float32), np.zeros(3, np.uint8), r"images\S+: found float32 values, wanted integers"),
        (np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), "found no images"),
    ],
)
def test_what_is_not_digits(tmp_path, images, labels, message):
    idx.write(tmp_path / TRAIN[0], images)
    idx.write(tmp_path / TRAIN[1], labels)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    one_line(caught)


@pytest.mark.parametrize("damage", [b"", b"<!DOCTYPE html>", b"\x1f\x8b\x08\0", b"\0\0\x08\3"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_file_is_never_passed_over(tmp_path, damage, which):
    put(tmp_path, suffix="")  # good, but not first
    put(tmp_path / "MNIST" / "raw")
    put(tmp_path / "mnist")
    (tmp_path / "mnist" / f"{TRAIN[which]}.gz").write_bytes(damage)
    with pytest.raises(idx.IdxError, match=r"mnist\S+gz: "):
        load(tmp_path)


def test_gz_comes_before_raw_whatever_it_is(tmp_path):
    put(tmp_path, suffix="")
    (tmp_path / f"{TRAIN[0]}.gz").write_bytes(b"")
    with pytest.raises(idx.IdxError, match=r"ubyte\.gz: "):
        load(tmp_path)


def test_half_a_pair(tmp_path):
    put(tmp_path)
    (tmp_path / f"{TRAIN[1]}.gz").unlink()
    with pytest.raises(DataNotFoundError, match=rf"but not {TRAIN[1]} \(") as caught:
        load(tmp_path, download=False)
    assert str(tmp_path) in one_line(caught)
    with pytest.raises(DataNotFoundError, match=f"but not {TEST[0]} and {TEST[1]}"):
        load(tmp_path, "test", download=False)


# Which data set is it?


@pytest.mark.parametrize("dataset", ["fashion-mnist", "kmnist", "mnist"])
@pytest.mark.parametrize("style", ["plain", "torchvision"])
def test_data_sets_with_the_same_file_names_lie_side_by_side(tmp_path, dataset, style):
    names = {
        "plain": {"mnist": "mnist", "fashion-mnist": "fashion-mnist", "kmnist": "kmnist"},
        "torchvision": {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw", "kmnist": "KMNIST/raw"},
    }[style]
    made = {name: put(tmp_path / folder, seed=i) for i, (name, folder) in enumerate(names.items())}
    put(tmp_path, seed=9)  # somebody's, and nobody's
    data = load(tmp_path, dataset=dataset)
    assert_same(data, *made[dataset])
    assert data.name == dataset
    inside = tmp_path / names[dataset]
    assert_same(load(inside, dataset=dataset), *made[dataset])
    assert_same(load(inside.parent if style == "torchvision" else inside, dataset=dataset), *made[dataset])


@pytest.mark.parametrize(
    "folder", ["fashion-mnist", "Fashion_MNIST", "fashion", "FashionMNIST/raw", "kmnist", "emnist/gzip"]
)
def test_a_folder_named_after_another_data_set_is_not_mnist(tmp_path, folder, monkeypatch):
    put(tmp_path / folder)
    for root in (tmp_path / folder, tmp_path):
        with pytest.raises(DataNotFoundError):
            load(root, download=False)
    monkeypatch.chdir(tmp_path / folder)
    with pytest.raises(DataNotFoundError):
        load(".", download=False)


@pytest.mark.parametrize("dataset", ["fashion-mnist", "kmnist"])
def test_an_unnamed_folder_is_only_ever_mnist(tmp_path, dataset):
    put(tmp_path)
    put(tmp_path / "mnist")
    with pytest.raises(DataNotFoundError, match=dataset):
        load(tmp_path, dataset=dataset)


@pytest.mark.parametrize(("split", "names", "n"), [("train", TRAIN, 60000), ("test", TEST, 10000)])
def test_full_size_data_in_an_unnamed_folder_must_be_mnist_by_checksum(tmp_path, monkeypatch, split, names, n):
    images, labels = put(tmp_path, names, n, suffix="")
    with pytest.raises(DataError, match=f"{n} images as in MNIST's {split} set, but the images are others") as caught:
        load(tmp_path, split)
    assert str(tmp_path / "fashion-mnist") in one_line(caught)

    def known(array):
        return fetching.Known(0, "", fetching.contents_sha256(array))

    monkeypatch.setitem(fetching.FILES, names[0], known(images))
    with pytest.raises(DataError, match="the labels are others"):
        load(tmp_path, split)
    monkeypatch.setitem(fetching.FILES, names[1], known(labels))
    assert len(load(tmp_path, split).images) == n
    monkeypatch.undo()
    (tmp_path / "mnist").mkdir()
    for name in names:
        (tmp_path / name).rename(tmp_path / "mnist" / name)
    assert len(load(tmp_path, split).images) == n, "its folder says what it is"


def test_full_size_data_in_an_unnamed_file_must_be_mnist_by_checksum(tmp_path):
    images, labels = digits(10000)
    np.savez(tmp_path / "mine.npz", x_test=images, y_test=labels)
    with pytest.raises(DataError, match=r"mine\.npz: 10000 images as in MNIST's test set"):
        load(tmp_path / "mine.npz", "test")
    (tmp_path / "mine.npz").rename(tmp_path / "mnist.npz")
    for root in (tmp_path, tmp_path / "mnist.npz"):
        assert_same(load(root, "test"), images, labels)


def test_checksum_of_contents_is_that_of_the_file(tmp_path):
    import hashlib

    for array in (digits(3)[0], np.arange(5, dtype=np.int32), np.zeros((0, 3), np.float64)):
        idx.write(tmp_path / "a", array)
        assert fetching.contents_sha256(array) == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


EMNIST = ("emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte")


@pytest.mark.parametrize("folder", [".", "emnist-digits", "EMNIST/raw", "gzip", "mnist-like"])
def test_emnist_images_are_turned_upright(tmp_path, folder):
    images, labels = put(tmp_path / folder, EMNIST)
    root = tmp_path / folder if folder == "mnist-like" else tmp_path
    assert_same(load(root, dataset="emnist-digits"), images.swapaxes(1, 2), labels)


@pytest.mark.parametrize("split", ["train", "test"])
def test_qmnist_labels_are_column_0(tmp_path, split):
    images, labels = digits(12)
    table = np.arange(12 * 8, dtype=np.int32).reshape(12, 8) * 1000
    table[:, 0] = labels
    idx.write(tmp_path / f"qmnist-{split}-images-idx3-ubyte.gz", images)
    idx.write(tmp_path / f"qmnist-{split}-labels-idx2-int.gz", table)
    assert_same(load(tmp_path, split, dataset="qmnist"), images, labels)
    idx.write(tmp_path / f"qmnist-{split}-labels-idx2-int.gz", table[:, :7])
    with pytest.raises(DataError, match=r"labels-idx2-int\.gz: .*\(12, 7\), wanted \(N, 8\)"):
        load(tmp_path, split, dataset="qmnist")


def test_unknown_names(tmp_path):
    with pytest.raises(DataError, match="mnist, fashion-mnist, kmnist, emnist-digits, qmnist, got 'cifar'"):
        load(tmp_path, dataset="cifar")
    with pytest.raises(DataError, match="'train' or 'test', got 'val'"):
        load(tmp_path, "val")


# Data folders


def test_a_root_that_does_not_exist(tmp_path, monkeypatch):
    with pytest.raises(DataNotFoundError, match=r"the data folder is \S+typo, which does not exist"):
        load(tmp_path / "typo")
    monkeypatch.setenv("SCRATCHNET_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataNotFoundError, match=r"SCRATCHNET_DATA is \S+typo, which does not exist"):
        load()
    with pytest.raises(FileNotFoundError):
        mnist.data_dirs()


def test_order_of_data_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda project: tmp_path / "cache" / project)
    assert mnist.data_dirs() == [tmp_path / "cache" / "scratchnet"]

    monkeypatch.setattr(folders, "__file__", str(tmp_path / "checkout" / "scratchnet" / "datasets" / "folders.py"))
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "setup.cfg").touch()
    assert mnist.data_dirs() == [tmp_path / "checkout" / "data_cache", tmp_path / "cache" / "scratchnet"]
    assert mnist.download_dir() == tmp_path / "checkout" / "data_cache"

    in_cache = put(tmp_path / "cache" / "scratchnet", seed=1)
    assert_same(load(), *in_cache)
    in_checkout = put(tmp_path / "checkout" / "data_cache", seed=2)
    assert_same(load(), *in_checkout)

    in_env = put(tmp_path / "env", seed=3)
    monkeypatch.setenv("SCRATCHNET_DATA", str(tmp_path / "env"))
    assert mnist.data_dirs() == [tmp_path / "env"]
    assert_same(load(), *in_env)
    monkeypatch.setenv("SCRATCHNET_DATA", "")
    assert_same(load(), *in_checkout)

    in_root = put(tmp_path / "root", seed=4)
    monkeypatch.setenv("SCRATCHNET_DATA", str(tmp_path / "env"))
    assert mnist.data_dirs(tmp_path / "root") == [tmp_path / "root"]
    assert_same(load(tmp_path / "root"), *in_root)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    made = put(tmp_path / "data")
    assert_same(load("~/data"), *made)


def test_download_dir_is_where_mnist_lies_already(tmp_path):
    assert mnist.download_dir(tmp_path) == tmp_path
    put(tmp_path / "MNIST" / "raw")
    assert mnist.download_dir(tmp_path) == tmp_path / "MNIST" / "raw"


def test_download_dir_is_never_another_data_set(tmp_path):
    put(tmp_path / "fashion-mnist")
    assert mnist.download_dir(tmp_path / "fashion-mnist") == tmp_path / "fashion-mnist" / "mnist"


def test_not_found_names_every_folder(tmp_path):
    with pytest.raises(DataNotFoundError) as caught:
        load(tmp_path, download=False)
    for folder in (tmp_path / "mnist", tmp_path / "MNIST" / "raw", tmp_path):
        assert str(folder) in one_line(caught).replace(",", " ").split()


def test_found_nowhere_is_downloaded_and_loaded(tmp_path, monkeypatch):
    asked = []

    def fetch(root, *, progress):
        asked.append((root, progress))
        put(tmp_path, TEST, 7)
        return tmp_path

    monkeypatch.setattr(mnist, "fetch", fetch)
    assert len(load(tmp_path, "test", progress=False).labels) == 7
    assert asked == [(tmp_path, False)]
    assert len(load(tmp_path, "test").labels) == 7
    assert len(asked) == 1
    with pytest.raises(DataNotFoundError):
        load(tmp_path, dataset="qmnist")
    assert len(asked) == 1, "only mnist is downloaded"


# Keras' npz and Kaggle's CSV


def put_npz(path, **changes):
    train, test = digits(12), digits(7, 1)
    arrays = {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return train, test


def test_npz(tmp_path):
    train, test = put_npz(tmp_path / "mnist.npz")
    for root in (tmp_path, tmp_path / "mnist.npz"):
        assert_same(load(root), *train)
        assert_same(load(root, "test"), *test)
    assert load(tmp_path).source == str(tmp_path / "mnist.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": None}, "mnist.npz: found no y_train, wanted x_train and y_train"),
        ({"y_train": np.zeros(11, int)}, r"mnist.npz: x_train has 12 images, but \S+mnist.npz: y_train has 11 labels"),
        ({"x_train": np.zeros((12, 28, 28), np.float32)}, "x_train: found float32 values"),
        ({"x_train": np.full((12, 28, 28), -1)}, "x_train: found values -1 to -1, wanted 0 to 255"),
        ({"x_train": np.zeros((12, 784), np.uint8)}, r"x_train: found shape \(12, 784\)"),
        ({"y_train": np.full(12, None)}, "mnist.npz: found no or a damaged .npz file .*y_train holds Python objects"),
    ],
)
def test_npz_that_is_wrong(tmp_path, changes, message):
    put_npz(tmp_path / "mnist.npz", **changes)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    one_line(caught)


@given(edits=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=4), cut=st.booleans())
def test_npz_that_is_damaged(tmp_path_factory, edits, cut):
    path = tmp_path_factory.mktemp("npz") / "mnist.npz"
    np.savez_compressed(path, x_train=np.zeros((2, 28, 28), np.uint8), y_train=np.uint8([1, 2]))
    data = bytearray(path.read_bytes())
    for position, value in edits:
        data[position % len(data)] = value
    path.write_bytes(data[: edits[0][0] % len(data)] if cut else data)
    try:
        load(path)
    except DataError as error:
        lines = str(error).splitlines()
        assert len(lines) == 1, lines


def test_npz_with_more_than_a_header_promises(tmp_path):
    put_npz(tmp_path / "mnist.npz", x_train=None)
    array = io.BytesIO()
    np.save(array, digits(12)[0])
    with zipfile.ZipFile(tmp_path / "mnist.npz", "a") as archive:
        archive.writestr("x_train.npy", array.getvalue() + b"more")
    with pytest.raises(DataError, match=r"x_train holds \d+ bytes, its header says \d+"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"\x80\x04N."])
def test_npz_that_is_none(tmp_path, content):
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"found no or a damaged \.npz file"):
        load(tmp_path)


@pytest.mark.parametrize("header", ["label," + ",".join(f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)), ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_pair(tmp_path, header, encoding):
    train, test = digits(12), digits(7, 1)
    for name, data in (("mnist_train.csv", train), ("mnist_test.csv", test)):
        write_csv(tmp_path / name, *data, header=header)
        (tmp_path / name).write_text((tmp_path / name).read_text(), encoding=encoding)
    for root in (tmp_path, tmp_path / "mnist_train.csv", tmp_path / "mnist_test.csv"):
        assert_same(load(root), *train)
        assert_same(load(root, "test"), *test)


@pytest.fixture
def kaggle(tmp_path):
    write_csv(tmp_path / "train.csv", *digits(12))
    (tmp_path / "test.csv").write_text(",".join(f"pixel{i}" for i in range(784)) + "\n" + ",".join(["0"] * 784) + "\n")
    return tmp_path


def test_kaggle_has_no_labelled_test_set(kaggle):
    assert_same(load(kaggle), *digits(12))
    assert_same(load(kaggle / "train.csv"), *digits(12))
    for root in (kaggle, kaggle / "test.csv", kaggle / "train.csv"):
        with pytest.raises(DataError, match=r"test\.csv: found pixels without labels") as caught:
            load(root, "test")
        assert not isinstance(caught.value, DataNotFoundError), "nothing to download: its images are in train.csv"
    (kaggle / "test.csv").unlink()
    with pytest.raises(DataError, match=r"train\.csv has no test set with labels") as caught:
        load(kaggle, "test")
    assert not isinstance(caught.value, DataNotFoundError)


def test_csv_of_another_name_is_a_training_set(tmp_path):
    write_csv(tmp_path / "mine.csv", *digits(12))
    assert_same(load(tmp_path / "mine.csv"), *digits(12))
    with pytest.raises(DataError, match=r"mine\.csv has no test set"):
        load(tmp_path / "mine.csv", "test")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: [*lines[:3], lines[3] + ",1", *lines[4:]], "line 4: found 786 fields, wanted 785"),
        (lambda lines: [*lines[:2], lines[2].rpartition(",")[0]], "line 3: found 784 fields, wanted 785"),
        (
            lambda lines: [*lines[:2], lines[2].rpartition(",")[0] + ",256"],
            "line 3, field 785: found '256', wanted an integer",
        ),
        (lambda lines: [*lines[:2], "0.5" + lines[2][1:]], "line 3, field 1: found '0.5'"),
        (lambda lines: [*lines[:2], "-1" + lines[2][1:]], "line 3, field 1: found '-1'"),
        (lambda lines: [*lines[:2], "#" + lines[2]], "line 3, field 1: found '#"),
        (lambda lines: [*lines[:2], "1" + lines[2]], "labels: found values 0 to 1\\d, wanted 0 to 9"),
        (lambda lines: [lines[0], *(line + ",1" for line in lines[1:])], "found 786 fields a line, wanted 785"),
        (lambda lines: [lines[0]], "found no images"),
        (lambda lines: ["Id,SalePrice", "1,2"], "line 1: found 2 fields starting with 'id', wanted label and 784 pixels"),
        (lambda lines: ["<!DOCTYPE html>"], "line 1: found 1 fields starting with '<!doctype html>'"),
        (lambda lines: [], "line 1: found 1 fields starting with ''"),
        (lambda lines: [*lines[:2], "\xff\xfe\0"], "line 3: found 1 fields"),
    ],
)
def test_csv_that_is_wrong(tmp_path, edit, message):
    path = tmp_path / "train.csv"
    write_csv(path, *digits(5))
    lines = edit(path.read_text().splitlines())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="latin-1")
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert one_line(caught).startswith(str(path))


def test_csv_digits_that_only_python_takes_for_digits(tmp_path):
    path = tmp_path / "train.csv"
    write_csv(path, *digits(1))
    path.write_text(path.read_text().rpartition(",")[0] + ",\u0663\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.csv: could not convert string"):
        load(tmp_path)


def test_a_file_named_after_another_data_set_is_not_mnist(tmp_path):
    path = tmp_path / "fashion-mnist_train.csv"
    write_csv(path, *digits(12))
    with pytest.raises(DataError, match="its name says fashion-mnist, but dataset is 'mnist'"):
        load(path)
    assert_same(load(path, dataset="fashion-mnist"), *digits(12))
    with pytest.raises(DataNotFoundError):
        load(tmp_path, download=False)


def test_root_is_a_file_of_another_kind(tmp_path):
    put(tmp_path)
    with pytest.raises(DataError, match=r"wanted a folder, an \.npz or a \.csv file"):
        load(tmp_path / f"{TRAIN[0]}.gz")
    with pytest.raises(DataError, match="is a file; wanted the folder"):
        mnist.verify(tmp_path / f"{TRAIN[0]}.gz")


def test_formats_are_not_mixed(tmp_path):
    put(tmp_path)
    write_csv(tmp_path / "mnist_test.csv", *digits(7))
    put_npz(tmp_path / "mnist.npz")
    with pytest.raises(DataNotFoundError, match=TEST[0]):
        load(tmp_path, "test", download=False)


# What there is


def test_info(tmp_path):
    put(tmp_path / "mnist")
    put(tmp_path / "kmnist", TEST, 7)
    (tmp_path / "kmnist" / f"{TEST[1]}.gz").write_bytes(b"")
    found = {(item.dataset, item.split): item for item in mnist.info(tmp_path)}
    assert set(found) == {("mnist", "train"), ("mnist", "test"), ("kmnist", "train"), ("kmnist", "test")}
    train = found["mnist", "train"]
    assert train.source == str(tmp_path / "mnist" / f"{TRAIN[0]}.gz")
    assert train.shape == (12, 28, 28)
    assert train.class_counts == (2, 1, 1, 1, 1, 1, 1, 2, 1, 1)
    assert not train.error
    assert TEST[0] in found["mnist", "test"].error
    assert "empty" in found["kmnist", "test"].error


def test_info_of_nothing_and_of_a_file(tmp_path):
    assert mnist.info(tmp_path) == []
    write_csv(tmp_path / "fashion-mnist_train.csv", *digits(12))
    train, test = mnist.info(tmp_path / "fashion-mnist_train.csv")
    assert (train.dataset, train.shape, train.error) == ("fashion-mnist", (12, 28, 28), "")
    assert "has no test set" in test.error


def test_importing_needs_numpy_alone():
    optional = ("pooch", "platformdirs", "requests", "tqdm")
    code = f"import sys, scratchnet.datasets.mnist as m; print([k for k in {optional} if k in sys.modules])"
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_without_pooch_the_checkout_still_works(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setitem(sys.modules, "platformdirs", None)  # which comes with it
    with pytest.raises(DataNotFoundError, match="install pooch"):
        mnist.download_dir()
    with pytest.raises(DataNotFoundError, match="in any folder"):
        load(download=False)
    monkeypatch.setattr(folders, "__file__", str(tmp_path / "scratchnet" / "datasets" / "folders.py"))
    (tmp_path / "setup.cfg").touch()
    made = put(tmp_path / "data_cache")
    assert_same(load(), *made)


@pytest.mark.mnist
def test_the_real_mnist():
    assert [status for status in mnist.verify() if not status.ok] == []
    train, test = load(download=False), load(split="test", download=False)
    assert train.images.shape == (60000, 28, 28)
    assert test.images.shape == (10000, 28, 28)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert round(float(train.images.mean()) / 255, 4) == 0.1307
    assert round(float(train.images.std()) / 255, 4) == 0.3081
    mnist._check_is_mnist(train.images, train.labels, "train", Path(train.source))
    mnist._check_is_mnist(test.images, test.labels, "test", Path(test.source))


def test_where_no_files_are_it_says_which_were_looked_for(tmp_path, monkeypatch):
    with pytest.raises(DataNotFoundError, match=f"no files of it, such as {TRAIN[0]}.gz, in ") as caught:
        load(tmp_path, download=False)
    assert "SCRATCHNET_DATA" not in str(caught.value)
    monkeypatch.setenv("SCRATCHNET_DATA", str(tmp_path))
    with pytest.raises(DataNotFoundError, match=rf"such as {TEST[0]}\.gz, in .* \(from \$SCRATCHNET_DATA\)$"):
        load(None, "test", download=False)
