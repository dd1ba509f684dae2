"""What is fuzzed: the readers of files that may come from strangers, what they may answer, and where to start from."""

import gzip
import io
import json
import re
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzz import mutations
from benchmarks.fuzz.mutations import Mutation
from scratchnet import models, npz, picture, picture_file, recipes, runs, serialize, trained, untrusted
from scratchnet.augment import Augmentation
from scratchnet.datasets import idx, synthetic
from scratchnet.datasets.idx import IdxError
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    NearestNeighbors,
    RandomFourierFeatures,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)
from scratchnet.models.shapes import _of_leaf, output_shape
from scratchnet.picture import UnreadablePicture
from scratchnet.preprocess import Normalization
from scratchnet.recipes import ConfigError, Recipe
from scratchnet.serialize import ModelFileError

TIMES, BESIDES = 64, 16 << 20  # reading a file takes at most so many times its size and so many bytes besides


class Broken(AssertionError):
    """A promise was not kept."""


class Target:
    """A reader. ``read`` gives a word for what came of a file: "accepted", or the declared error's message.

    mutate      makes files out of files
    code        functions, classes and modules whose branches are counted
    allowance   bytes of memory that it may take for a file of so many
    """

    mutate: Mutation
    code: tuple[Any, ...]
    on_disk = False  # does it read ``path`` instead of the bytes?

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"

    def seeds(self) -> list[bytes]:
        raise NotImplementedError

    def read(self, data: bytes) -> str:
        raise NotImplementedError

    def allowance(self, size: int) -> int:
        return TIMES * size + BESIDES


def said(error: Exception) -> str:
    """The kind of an error's message, without its numbers and names; it must be one line that is safe to print."""
    text = str(error)
    if not text or not text.isprintable() or len(text) > untrusted.MOST_MESSAGE + 300:
        raise Broken(f"no clear line: {type(error).__name__} {text[:2000]!r}")
    text = re.sub(r"'[^']*'|\"[^\"]*\"|0x\w+|[\d.]*\d", "_", text)
    return re.sub(r"_( x _|, _)+", "_", text).partition(" got ")[0][:120]


class Idx(Target):
    mutate = staticmethod(mutations.idx)
    on_disk = True
    code = (idx.read, idx._read, idx._parse, idx._looks_like, idx._Counted)

    def seeds(self) -> list[bytes]:
        found = []
        arrays = np.zeros((2, 3), np.uint8), np.arange(5, dtype=np.int32), np.ones((1, 2, 2)), np.zeros((0, 4), np.int8)
        bomb = io.BytesIO()
        idx.write(bomb, np.zeros((1500, 1000), np.uint8))
        for array in arrays:
            plain = io.BytesIO()
            idx.write(plain, array)
            found.append(plain.getvalue())
        return [*found, gzip.compress(found[0], mtime=0), gzip.compress(bomb.getvalue(), mtime=0), b"<!DOCTYPE html>", b""]

    def read(self, data: bytes) -> str:
        try:
            array = idx.read(self.path)
        except IdxError as error:
            return said(error)
        if not (array.flags.writeable and array.flags.c_contiguous and array.dtype.isnative):
            raise Broken(f"an array that is not writable, in C order and native: {array.flags} {array.dtype}")
        again = io.BytesIO()
        idx.write(again, array)
        if data[:2] != b"\x1f\x8b" and again.getvalue() != data:
            raise Broken("an array that is not what the file says")
        return f"accepted {array.dtype} {array.ndim}"


class Weights(Target):
    mutate = staticmethod(mutations.npz)
    on_disk = True
    code = (
        *(npz, untrusted, trained._usable, Normalization, serialize.load_model, serialize._Builder, serialize._setting),
        *(serialize._parse_metadata, serialize._fill, serialize._check_state, output_shape, _of_leaf),
    )

    def seeds(self) -> list[bytes]:
        metadata = {"normalization": Normalization().to_dict(), "input_shape": [1, 28, 28], "num_classes": 10}
        found = []
        for model in networks():
            serialize.save_model(self.path, model, metadata | {"provenance": {"recipe": Recipe().to_dict(), "metrics": {}}})
            found.append(self.path.read_bytes())
        packed = io.BytesIO()
        with np.load(self.path) as arrays:
            np.savez_compressed(packed, **arrays)
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        return [*found, packed.getvalue(), empty.getvalue(), b"not a zip"]

    def read(self, data: bytes) -> str:
        try:
            loaded = trained.load(str(self.path))
        except ModelFileError as error:
            return said(error).replace(str(self.path), "")
        with np.errstate(all="ignore"):
            logits = loaded.model(loaded.prepare(np.zeros((28, 28), np.uint8)))
        if logits.shape != (1, 10):
            raise Broken(f"a network that gives {logits.shape}")
        return f"accepted {len(loaded.model.params)} {bool(loaded.told('recipe'))} {bool(loaded.told('metrics'))}"

    def allowance(self, size: int) -> int:
        return super().allowance(size) + 4 * 4 * models.shapes.MOST_VALUES  # the forward pass


def networks() -> list[Layer]:
    """Small ones for 28 x 28 digits, in which every layer of the package stands once."""
    rng = np.random.default_rng(0)
    return [
        Sequential(MaxPool2d(7), Flatten(), Dense(16, 10, rng=rng)),
        Sequential(
            MaxPool2d(4, 3),
            Conv2d(1, 2, (3, 2), stride=2, pad=(1, 0), rng=rng),
            BatchNorm2d(2),
            LeakyReLU(0.1),
            AvgPool2d(2, 1),
            GlobalAvgPool(),
            Dropout(0.3),
            Dense(2, 10, rng=rng),
        ),
        Sequential(
            MaxPool2d((7, 14)),
            Residual(Sequential(Conv2d(1, 2, 1, rng=rng), Tanh()), shortcut=Sequential(Conv2d(1, 2, 3, pad=1, rng=rng))),
            Residual(Sequential(ReLU())),
            Flatten(),
            BatchNorm1d(16),
            Dense(16, 10, rng=rng),
        ),
        Sequential(
            AvgPool2d(14), Flatten(), RandomFourierFeatures(4, 5, 0.5, rng=rng), NearestNeighbors(5, 10, 2, num_examples=4)
        ),
    ]


class Config(Target):
    mutate = staticmethod(mutations.json_text)
    on_disk = True
    code = (untrusted, runs.read_config, recipes.recipe_from, recipes.Recipe, Augmentation.__post_init__)

    def seeds(self) -> list[bytes]:
        chosen = [recipes.RECIPES[name].to_dict() for name in ("cnn", "svm", "fast99", "resnet")]
        schedules = [Recipe(schedule=name, warmup=0.1).to_dict() for name in recipes.SCHEDULES]
        small = [{"model": "mlp", "lr": 0.1}, {"dataset": "mnist", "data_dir": None}, {}, []]
        return [json.dumps(settings, indent=2).encode() for settings in (*chosen, *schedules, *small)]

    def read(self, data: bytes) -> str:
        try:
            settings = runs.read_config(self.path)
            for name in ("dataset", "data_dir"):
                settings.pop(name, None)
            recipe = recipes.recipe_from(settings, str(self.path))
        except ConfigError as error:
            return said(error)
        schedule = recipe.build_schedule(10)
        if not all(np.isfinite(schedule(step)) for step in range(10)):
            raise Broken("a learning rate that is no number")
        recipe.build_loss()
        recipe.build_optimizer()
        augment = recipe.build_augment()
        if augment is not None and self.images is not None:
            augment(self.images, np.random.default_rng(0))
        return f"accepted {recipe.schedule} {recipe.optimizer}"

    @cached_property
    def images(self) -> Any:
        return synthetic.make(1)[0]


class Pictures(Target):
    mutate = staticmethod(mutations.picture)
    code = (picture_file, picture)

    def seeds(self) -> list[bytes]:
        images, _ = synthetic.make(4)
        big = np.pad(255 - images[0], 2, constant_values=255)
        grey = Image.fromarray(big)
        colour = Image.merge("RGB", [grey, grey, Image.fromarray(np.maximum(big, 90))])
        alpha = Image.merge("RGBA", [*[Image.new("L", grey.size, 0)] * 3, Image.fromarray(255 - big)])
        turned = Image.Exif()
        turned[0x0112] = 6
        indexed = colour.quantize(8)
        pictures = (
            *((Image.fromarray(image), "PNG", {}) for image in images[1:]),
            *((image, "PNG", {}) for image in (grey, alpha, grey.convert("1"), indexed, grey.resize((110, 110)))),
            *((image, "PNG", {}) for image in (Image.new("L", (1, 1)), Image.new("L", (30, 30), 7))),
            (Image.fromarray(big.astype(np.uint16) * 257), "PNG", {}),
            (grey, "PNG", {"exif": turned}),
            (colour, "JPEG", {"exif": turned}),
            (colour.convert("CMYK"), "JPEG", {}),
            *((grey, kind, {}) for kind in ("WEBP", "BMP", "PPM")),
            (indexed, "GIF", {"save_all": True, "append_images": [indexed], "transparency": 0}),
            (colour, "TIFF", {}),
            (Image.fromarray(big / np.float32(255)), "TIFF", {}),
        )
        found = [saved(image, kind, **options) for image, kind, options in pictures]
        return [*found, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>", b""]

    def read(self, data: bytes) -> str:
        try:
            digit = picture_file.read_digit(io.BytesIO(data), most_pixels=MOST_PIXELS)
        except UnreadablePicture as error:
            return said(error)
        if digit.shape != (28, 28) or digit.dtype != np.uint8:
            raise Broken(f"a digit of {digit.dtype} {digit.shape}")
        return "accepted"

    def allowance(self, size: int) -> int:
        return super().allowance(size) + 20 * MOST_PIXELS + 80 * picture.SIDE**2


MOST_PIXELS = 1_000_000  # in the fuzzer: larger ones only take longer


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


TARGETS: dict[str, type[Target]] = {"idx": Idx, "weights": Weights, "config": Config, "pictures": Pictures}
