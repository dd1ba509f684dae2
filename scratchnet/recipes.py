"""How networks are trained: plain data. Each model has a recipe of its own name, and there are some for a purpose.

The numbers were chosen on a validation split of MNIST's training set (5 000 images, those of cnn-bn on 10 000; seeds 100
and up); the test set had no part in it.
"""

import dataclasses
import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scratchnet import optim
from scratchnet.augment import Augmentation
from scratchnet.layers.base import require
from scratchnet.losses import Loss, MulticlassHinge, SoftmaxCrossEntropy
from scratchnet.models import MODELS
from scratchnet.optim import OPTIMIZERS, Optimizer, Schedule
from scratchnet.untrusted import one_line

SCHEDULES = ("constant", "step", "cosine", "one-cycle", "warmup-cosine")
LOSSES: dict[str, type[Loss]] = {"cross-entropy": SoftmaxCrossEntropy, "hinge": MulticlassHinge}
HIGHEST = {"shards": 1024, "val_size": 2**31, "seed": 2**63}
"""What no setting needs to be above; of the others that is 10**12, which float32 can still multiply."""
AUGMENTATIONS = tuple(field.name for field in dataclasses.fields(Augmentation))
_KINDS: dict[type, tuple[type | tuple[type, ...], str]] = {
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    str: (str, "a text"),
}


class ConfigError(ValueError):
    """A config file or setting that can't be used; the message names it, what it is and what was wanted."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run but the data.

    lr      the highest learning rate of the schedule; ``warmup`` is the part of the run in which "one-cycle" and
            "warmup-cosine" go up to it
    ema     the decay of the weights' average, 0 for none (see engine/average.py)
    shards  parts in which a batch is worked on (see engine/sharded.py); their number decides the rounding
    shift, rotation, .., erase      augmentation (see augment.py)

    Errors    ConfigError if a value is of the wrong kind or out of range
    """

    model: str = "cnn"
    epochs: int = 5
    batch_size: int = 64
    optimizer: str = "nesterov"
    lr: float = 0.05
    weight_decay: float = 0.0
    schedule: str = "one-cycle"
    warmup: float = 0.3
    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    ema: float = 0.0
    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    elastic_sigma: float = 4.0
    erase: float = 0.0
    shards: int = 4
    val_size: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            kinds, wanted = _KINDS[type(field.default)]
            if not isinstance(value, kinds) or isinstance(value, bool):
                self._refuse(field.name, wanted)
            if isinstance(value, float) and not math.isfinite(value):
                self._refuse(field.name, "finite")
            highest = HIGHEST.get(field.name, 10**12)
            if not isinstance(value, str) and abs(value) > highest:
                self._refuse(field.name, f"at most {highest}" if value > 0 else "at least 0")
        names_of: dict[str, tuple[str, ...]] = {
            "model": tuple(MODELS),
            "optimizer": tuple(OPTIMIZERS),
            "schedule": SCHEDULES,
            "loss": tuple(LOSSES),
        }
        for name, names in names_of.items():
            if getattr(self, name) not in names:
                self._refuse(name, f"one of {', '.join(names)}")
        for name, low in {"epochs": 1, "batch_size": 1, "shards": 1, "val_size": 0, "seed": 0, "weight_decay": 0}.items():
            if getattr(self, name) < low:
                self._refuse(name, f"at least {low}")
        if self.elastic_sigma < 0.01:
            self._refuse("elastic_sigma", "at least 0.01")
        if self.lr <= 0:
            self._refuse("lr", "positive")
        for name in ("label_smoothing", "ema", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                self._refuse(name, "in 0 .. 1 (1 excluded)")
        if self.label_smoothing and self.loss != "cross-entropy":
            self._refuse("label_smoothing", f"0 with the loss {self.loss}, which has no probabilities to smooth")
        try:
            self.build_augment()
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _refuse(self, name: str, wanted: str) -> None:
        raise ConfigError(f"{name} must be {wanted}, got {reprlib.repr(getattr(self, name))}")

    def replace(self, **changes: Any) -> "Recipe":
        """The same recipe with some settings changed.

        Errors    ConfigError for a setting that there is not
        """
        _require_known(changes)
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a config file."""
        return dataclasses.asdict(self)

    def build_loss(self) -> Loss:
        return SoftmaxCrossEntropy(self.label_smoothing) if self.loss == "cross-entropy" else LOSSES[self.loss]()

    def build_augment(self) -> Augmentation | None:
        """None if training images stay as they are."""
        augment = Augmentation(**{name: getattr(self, name) for name in AUGMENTATIONS})
        return augment if augment != Augmentation(elastic_sigma=self.elastic_sigma) else None

    def build_optimizer(self) -> Optimizer:
        return OPTIMIZERS[self.optimizer](self.lr, weight_decay=self.weight_decay)

    def build_schedule(self, steps: int) -> Schedule:
        """The learning rate of each of a run's ``steps``; "step" divides it by 10 after each third of them."""
        if self.schedule == "constant":
            return optim.constant(self.lr)
        if self.schedule == "step":
            return optim.step_decay(self.lr, every=max(1, math.ceil(steps / 3)))
        if self.schedule == "cosine":
            return optim.cosine(self.lr, steps)
        if self.schedule == "warmup-cosine":
            return optim.warmup_cosine(self.lr, steps, warmup=self.warmup)
        return optim.one_cycle(self.lr, steps, warmup=self.warmup)


def _require_known(settings: dict[str, Any], beside: Sequence[str] = ()) -> None:
    known = [*(field.name for field in dataclasses.fields(Recipe)), *beside]
    unknown = sorted(settings.keys() - set(known))
    if unknown:
        raise ConfigError(f"unknown setting {', '.join(map(reprlib.repr, unknown))}, there are {', '.join(known)}")


SMOOTHED = Recipe(batch_size=128, lr=0.1, label_smoothing=0.1, ema=0.998)
AUGMENTED = Recipe(batch_size=128, lr=0.15, ema=0.998, shift=2.5, rotation=12, scale=0.12, shear=0.2)

RECIPES: dict[str, Recipe] = {
    "softmax": Recipe("softmax", epochs=10, batch_size=128, optimizer="adam", lr=0.003),
    "svm": Recipe("svm", epochs=10, batch_size=128, optimizer="adam", lr=0.003, loss="hinge"),
    "knn": Recipe("knn"),  # it learns by heart: only the split's seed and size matter
    "svm-rff": Recipe(
        "svm-rff",
        epochs=25,
        batch_size=128,
        optimizer="adam",
        lr=0.1,
        loss="hinge",
        ema=0.998,
        shift=1,
        rotation=5,
        scale=0.05,
        shear=0.05,
        elastic=0.6,
    ),
    "mlp": SMOOTHED.replace(model="mlp", epochs=10, weight_decay=1e-4),
    "lenet5": SMOOTHED.replace(model="lenet5", epochs=12, weight_decay=5e-4),
    "cnn": Recipe("cnn", label_smoothing=0.05, ema=0.995, shift=1.5, rotation=9, scale=0.09, shear=0.12),
    "cnn-small": Recipe("cnn-small", epochs=8, lr=0.1),
    "tiny": AUGMENTED.replace(model="tiny", epochs=30, lr=0.2),
    "resnet": AUGMENTED.replace(model="resnet", epochs=20, weight_decay=5e-4, label_smoothing=0.05),
    "cnn-bn": AUGMENTED.replace(
        model="cnn-bn",
        epochs=20,
        weight_decay=5e-4,
        label_smoothing=0.05,
        shift=3,
        rotation=15,
        scale=0.15,
        shear=0.25,
    ),
    "fast99": Recipe("cnn-small", epochs=2, batch_size=128, lr=0.2, label_smoothing=0.1),
}
"""The recipe of each model, by its name; and fast99: 99 % in as few seconds as we can."""


def recipe_from(settings: dict[str, Any], where: str, *, name: str | None = None, beside: Sequence[str] = ()) -> Recipe:
    """The named recipe, or the model's own, with these settings in place of its own.

    ``where`` the settings come from, and which there may be ``beside`` a recipe's, is for the error message.

    Errors    ConfigError if the recipe is not there, or for another model; or for a setting that can't be
    """
    try:
        base = RECIPES[name] if name else None
        model = settings.get("model", base.model if base else "cnn")
        found = reprlib.repr(model)
        require(isinstance(model, str) and model in MODELS, f"model must be one of {', '.join(MODELS)}, got {found}")
        require(
            base is None or base.model == model,
            f"model is {model!r}, and the recipe {name} is one for {base and base.model}",
        )
        _require_known(settings, beside)
        return (base or RECIPES[model]).replace(**settings)
    except ValueError as error:
        raise ConfigError(f"{where}: {one_line(error)}") from error
