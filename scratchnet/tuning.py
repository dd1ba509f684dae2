"""Hyperparameter search: which settings of a recipe do best on the validation split. The test set has no part in it.

A study is a file to which every trial is added as soon as it has ended, so that a search can be interrupted, go on, and be
shared by several processes that work on the same file. What a trial draws depends on the seed, its number and the trials
before it: processes never draw alike, and a search that was interrupted goes on as if it had not been.

    study = Study("study.journal", recipe, default_space(recipe), dataset="mnist")
    for trial in study.run(30, training, validation):
        print(trial)
    study.best().settings

Needs Optuna (``python -m pip install -e ".[tune]"`` in a checkout).

Source    random search: Bergstra, Bengio, JMLR 13, 2012; TPE: Bergstra et al., NIPS 2011; successive halving that waits for
          nobody: Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020; Optuna: Akiba et al., KDD
          2019
"""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scratchnet.fitting import engine_for, steps_for
from scratchnet.machine import how_to_install
from scratchnet.recipes import ConfigError, Recipe
from scratchnet.train import Step, TrainingDiverged, evaluate, train_epochs
from scratchnet.typing import Array

SAMPLERS = ("tpe", "random")
PRUNERS = ("halving", "none")
FIXED = ("model", "epochs", "shards", "val_size", "seed")  # what makes trials comparable is not searched
REDUCTION = 3  # of all trials that come to epochs 1, 3, 9, .., the best third goes on
FEWEST = 8  # trials from which importances can be read

_NAME = "scratchnet"
_TYPES: dict[str, Any] = {field.name: type(field.default) for field in dataclasses.fields(Recipe)}


class StudyError(ValueError):
    """A study file that can't be used for what is asked; the message says why."""


@dataclass(frozen=True)
class Range:
    """All numbers from low to high; ``log``: each factor of ten is as likely as the others."""

    low: float
    high: float
    log: bool = False

    def holds(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{' (log scale)' if self.log else ''}"


@dataclass(frozen=True)
class Choices:
    """One of these."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Space = dict[str, Range | Choices]
"""What is searched: names of settings of a recipe, and their values."""


class Trial(NamedTuple):
    """One training. ``state`` is "running", "complete", "pruned" (ended early, as it did worse than others), "diverged"
    or "impossible" (settings that do not go together);
    ``accuracy`` and ``loss`` are of the validation split after the last of its ``epochs``, None before."""

    number: int
    settings: dict[str, Any]
    state: str
    epochs: int
    accuracy: float | None
    loss: float | None
    seconds: float


def default_space(recipe: Recipe) -> Space:
    """Learning rate, batch size, weight decay, label smoothing, schedule and optimizer, with the recipe's own values among
    them."""
    space: Space = {
        "lr": Range(min(1e-4, recipe.lr), max(0.5, recipe.lr), log=True),
        "batch_size": _with(recipe.batch_size, 32, 64, 128, 256),
        "weight_decay": _with(recipe.weight_decay, 0.0, 1e-5, 1e-4, 5e-4, 1e-3),
        "label_smoothing": _with(recipe.label_smoothing, 0.0, 0.05, 0.1),
        "schedule": _with(recipe.schedule, "one-cycle", "cosine", "step", "constant"),
        "optimizer": _with(recipe.optimizer, "nesterov", "momentum", "adam", "adamw"),
    }
    if recipe.loss != "cross-entropy":
        del space["label_smoothing"]
    return space


def _with(own: Any, *values: Any) -> Choices:
    return Choices(values if own in values else (own, *values))


def space_from(texts: Iterable[str], recipe: Recipe) -> Space:
    """A space from texts such as "lr=0.01..0.3", "batch_size=32,64,128" and "optimizer=adam".

    A range that reaches over a factor of ten or more is searched on a log scale.

    Errors    ConfigError that says what is wrong with which text
    """
    space: Space = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not equals or not values:
            raise ConfigError(f"{text!r}: wanted NAME=LOW..HIGH or NAME=VALUE,VALUE,..")
        if name not in _TYPES or name in FIXED:
            there = ", ".join(known for known in _TYPES if known not in FIXED)
            raise ConfigError(f"{text!r}: {name!r} is nothing that can be searched, there are {there}")
        try:
            space[name] = _dimension(values, _TYPES[name])
        except ValueError as error:
            raise ConfigError(f"{text!r}: {error}") from error
        ends = space[name]
        for value in (ends.low, ends.high) if isinstance(ends, Range) else ends.values:
            try:
                recipe.replace(**{name: _TYPES[name](value)})
            except ConfigError as error:
                raise ConfigError(f"{text!r}: {error}") from error
    return space


def _dimension(text: str, kind: type) -> Range | Choices:
    if ".." in text:
        if kind is str:
            raise ValueError("wanted names, not a range")
        low, high = (float(end) for end in text.split("..", 1))
        if not low < high:
            raise ValueError("wanted LOW..HIGH with LOW below HIGH")
        if kind is int and not (low.is_integer() and high.is_integer()):
            raise ValueError("wanted whole numbers")
        return Range(low, high, log=low > 0 and high / low >= 10)
    return Choices(tuple(dict.fromkeys(kind(value.strip()) for value in text.split(","))))


class Study:
    """The trials in one file, made by this process and others.

    Errors    StudyError if the file is no study, or one of another recipe, space or data set; ConfigError if the recipe
              keeps no images for validation; ImportError without Optuna
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        recipe: Recipe,
        space: Space,
        *,
        dataset: str,
        sampler: str = "tpe",
        pruner: str = "halving",
    ) -> None:
        if recipe.val_size == 0:
            raise ConfigError("val_size must be positive: the search compares settings on the validation split")
        self.recipe, self.space = recipe, space
        self._study = _open(path, _sampler(sampler, recipe.seed), _pruner(pruner))
        self._claim(path, {"recipe": recipe.to_dict(), "space": {k: str(v) for k, v in space.items()}, "dataset": dataset})
        own = {name: getattr(recipe, name) for name in space}
        if not self._study.trials and all(space[name].holds(value) for name, value in own.items()):
            self._study.enqueue_trial(own, skip_if_exists=True)  # so that the winner is the recipe itself or better

    def _claim(self, path: str | os.PathLike[str], question: dict[str, Any]) -> None:
        """Write down what the study is about, or compare: trials that answer different questions must not be mixed."""
        there = self._study.user_attrs.get("question")
        if there is None:
            self._study.set_user_attr("question", question)
            return
        for part in question:
            old, new = there.get(part), question[part]
            if old != new and isinstance(old, dict) and isinstance(new, dict):
                name = next(k for k in {**old, **new} if old.get(k) != new.get(k))
                part, old, new = name, old.get(name), new.get(name)
            if old != new:
                raise StudyError(f"{path}: this study was begun with {part} {old}, not {new}; choose another folder for it")

    def run(
        self,
        count: int,
        training: tuple[Array, Array],
        validation: tuple[Array, Array],
        *,
        workers: int | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Trial]:
        """Make trials until the study has ``count`` that ended. Yields each after every epoch ("running") and at its end.

        training and validation are uint8 images (N, H, W) with their labels (N,). When ``stop`` is set the trial under way
        ends after the step it is in, and is the first one to be done again next time.

        Errors    KeyboardInterrupt if stopped; what training raises, but divergence
        """
        while len(self.trials()) < count:
            yield from self._one(training, validation, workers, stop)

    def _one(
        self, training: tuple[Array, Array], validation: tuple[Array, Array], workers: int | None, stop: Any
    ) -> Iterator[Trial]:
        from optuna.trial import TrialState

        trial = self._study.ask()
        started = time.perf_counter()
        settings = {name: _suggest(trial, name, values) for name, values in self.space.items()}
        found = Trial(trial.number, settings, "running", 0, None, None, 0.0)
        try:
            try:
                recipe = self.recipe.replace(**settings)
                engine = engine_for(recipe, *training, workers=workers)
                with engine:
                    validate = functools.partial(evaluate, engine, *validation)
                    for epoch in train_epochs(_until(steps_for(recipe, engine), stop), validate):
                        assert epoch.val_accuracy is not None
                        trial.report(epoch.val_accuracy, epoch.epoch)
                        found = found._replace(epochs=epoch.epoch, accuracy=epoch.val_accuracy, loss=epoch.val_loss)
                        found = found._replace(seconds=time.perf_counter() - started)
                        yield found
                        if epoch.epoch < recipe.epochs and trial.should_prune():
                            found = found._replace(state="pruned")
                            break
                    else:
                        found = found._replace(state="complete")
            except TrainingDiverged:
                found = found._replace(state="diverged", seconds=time.perf_counter() - started)
            except ConfigError:
                found = found._replace(state="impossible")
            for name, value in (("loss", found.loss), ("seconds", round(found.seconds, 2)), ("state", found.state)):
                trial.set_user_attr(name, value)
            if found.state == "complete":
                self._study.tell(trial, found.accuracy)
            else:
                self._study.tell(trial, state=TrialState.PRUNED)
        except BaseException:  # Ctrl-C above all; also a reader of this generator who has seen enough
            self._study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            self._study.enqueue_trial(settings)
            raise
        yield found

    def trials(self) -> list[Trial]:
        """All trials that ended by themselves, of this process and others, in the order of their numbers."""
        from optuna.trial import TrialState

        ended = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        return [
            Trial(
                trial.number,
                {name: trial.params[name] for name in self.space},
                trial.user_attrs["state"],
                trial.last_step or 0,
                trial.intermediate_values[trial.last_step] if trial.last_step else None,
                trial.user_attrs["loss"],
                trial.user_attrs["seconds"],
            )
            for trial in ended
        ]

    def best(self) -> Trial | None:
        """The complete trial with the highest accuracy; of equals the one with the lowest loss. None if there is none."""
        complete = [trial for trial in self.trials() if trial.state == "complete"]
        return max(complete, key=lambda trial: (trial.accuracy, -(trial.loss or 0.0)), default=None)

    def importances(self) -> dict[str, float]:
        """How much each setting decided whether a trial was among the best quarter, in parts of 1, the largest first; empty
        for fewer than FEWEST trials.

        Pruned trials count with the accuracy they had got to: only the order of accuracies matters.

        Source    Watanabe, Bansal, Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
                  subspaces", IJCAI 2023
        """
        import optuna

        ended = self._study.get_trials(
            deepcopy=False, states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
        )
        if len(ended) < FEWEST:
            return {}
        everything = optuna.create_study(direction="maximize")
        for trial in ended:
            value = trial.intermediate_values[trial.last_step] if trial.last_step else 0.0
            copy = optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=value)
            everything.add_trial(copy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            judge = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
            return dict(optuna.importance.get_param_importances(everything, evaluator=judge))


def _open(path: str | os.PathLike[str], sampler: Any, pruner: Any) -> Any:
    """The Optuna study in a journal file, a new one if need be."""
    optuna = _optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    lock = JournalFileOpenLock(os.fspath(path)) if os.name == "nt" else None  # symbolic links want special rights there
    try:
        storage = JournalStorage(JournalFileBackend(os.fspath(path), lock_obj=lock))
        return optuna.create_study(
            storage=storage, sampler=sampler, pruner=pruner, study_name=_NAME, direction="maximize", load_if_exists=True
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: not a study, or a damaged one ({error})") from error


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError(f"the search needs Optuna, which is not installed: {how_to_install('tune')}") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _sampler(kind: str, seed: int) -> Any:
    """A sampler that starts anew for every trial, from the trial's number."""
    optuna = _optuna()

    def fresh(number: int) -> Any:
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        if kind == "random":
            return optuna.samplers.RandomSampler(seed=own)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=own, multivariate=True, constant_liar=True)

    class PerTrial(optuna.samplers.BaseSampler):  # type: ignore[misc, name-defined]
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            self._own = fresh(trial.number)
            return self._own.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return self._own.sample_relative(study, trial, search_space)

        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
            return self._own.sample_independent(study, trial, name, distribution)

    return PerTrial()


def _pruner(kind: str) -> Any:
    optuna = _optuna()
    if kind == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)


def _suggest(trial: Any, name: str, values: Range | Choices) -> Any:
    if isinstance(values, Choices):
        return trial.suggest_categorical(name, values.values)
    if _TYPES[name] is int:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _until(steps: Iterator[Step], stop: threading.Event | None) -> Iterator[Step]:
    for step in steps:
        yield step
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt


def best_so_far(trials: Sequence[Trial]) -> list[float]:
    """The highest accuracy of a complete trial up to each; NaN before the first."""
    highest, line = float("nan"), []
    for trial in trials:
        if trial.state == "complete" and trial.accuracy is not None:
            highest = trial.accuracy if highest != highest else max(highest, trial.accuracy)
        line.append(highest)
    return line
