"""How networks are trained: plain data. Each model has a recipe of its own name, and there are some for a purpose.

The numbers were chosen on a validation split of MNIST's training set (5 000 images, seeds 100 and up); the test set had
no part in it.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from scratchnet import optim
from scratchnet.layers.base import require
from scratchnet.losses import Loss, SoftmaxCrossEntropy
from scratchnet.models import MODELS
from scratchnet.optim import OPTIMIZERS, Optimizer, Schedule

SCHEDULES = ("constant", "step", "cosine", "one-cycle")
_KINDS: dict[type, tuple[type | tuple[type, ...], str]] = {
    int: (int, "a whole number"),
    float: ((int, float), "a number"),
    str: (str, "a text"),
}


class ConfigError(ValueError):
    """A config file or setting that can't be used; the message names it, what it is and what was wanted."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run but the data. ``lr`` is the highest learning rate of the schedule; a batch is worked on
    in ``shards`` parts (see engine/sharded.py), whose number decides the rounding.

    Errors    ConfigError if a value is of the wrong kind or out of range
    """

    model: str = "cnn"
    epochs: int = 5
    batch_size: int = 64
    optimizer: str = "nesterov"
    lr: float = 0.05
    weight_decay: float = 0.0
    schedule: str = "one-cycle"
    label_smoothing: float = 0.0
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
        for name, names in {"model": tuple(MODELS), "optimizer": tuple(OPTIMIZERS), "schedule": SCHEDULES}.items():
            if getattr(self, name) not in names:
                self._refuse(name, f"one of {', '.join(names)}")
        for name, low in {"epochs": 1, "batch_size": 1, "shards": 1, "val_size": 0, "seed": 0, "weight_decay": 0}.items():
            if getattr(self, name) < low:
                self._refuse(name, f"at least {low}")
        if self.lr <= 0:
            self._refuse("lr", "positive")
        if not 0 <= self.label_smoothing < 1:
            self._refuse("label_smoothing", "in 0 .. 1 (1 excluded)")

    def _refuse(self, name: str, wanted: str) -> None:
        raise ConfigError(f"{name} must be {wanted}, got {getattr(self, name)!r}")

    def replace(self, **changes: Any) -> "Recipe":
        """The same recipe with some settings changed.

        Errors    ConfigError for a setting that there is not
        """
        known = [field.name for field in dataclasses.fields(self)]
        unknown = sorted(changes.keys() - set(known))
        if unknown:
            raise ConfigError(f"unknown setting {', '.join(map(repr, unknown))}, there are {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a config file."""
        return dataclasses.asdict(self)

    def build_loss(self) -> Loss:
        return SoftmaxCrossEntropy(self.label_smoothing)

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
        return optim.one_cycle(self.lr, steps)


RECIPES: dict[str, Recipe] = {
    "softmax": Recipe("softmax", epochs=10, batch_size=128, optimizer="adam", lr=0.003),
    "mlp": Recipe("mlp", epochs=8),
    "cnn": Recipe("cnn", epochs=5, lr=0.03),
    "cnn-small": Recipe("cnn-small", epochs=8, lr=0.1),
    "lenet5": Recipe("lenet5", epochs=8, lr=0.03),
    "fast99": Recipe("cnn-small", epochs=2, batch_size=128, lr=0.2, label_smoothing=0.1),
}
"""The recipe of each model, by its name; and fast99: 99 % in as few seconds as we can."""


def recipe_from(settings: dict[str, Any], where: str, *, name: str | None = None) -> Recipe:
    """The named recipe, or the model's own, with these settings in place of its own.

    ``where`` the settings come from is for the error message.

    Errors    ConfigError if the recipe is not there, or for another model; or for a setting that can't be
    """
    try:
        base = RECIPES[name] if name else None
        model = settings.get("model", base.model if base else "cnn")
        require(isinstance(model, str) and model in MODELS, f"model must be one of {', '.join(MODELS)}, got {model!r}")
        require(
            base is None or base.model == model,
            f"model is {model!r}, and the recipe {name} is one for {base and base.model}",
        )
        return (base or RECIPES[model]).replace(**settings)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
