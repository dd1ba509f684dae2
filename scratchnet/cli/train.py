"""``scratchnet train``."""

import argparse
import dataclasses
import functools
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchnet import models, runs
from scratchnet.checkpoint import SECONDS, Checkpoint, Checkpoints, Progress, checksum
from scratchnet.cli.common import (
    FEW,
    NOT_IN_RECIPE,
    Failure,
    Misuse,
    add_data_arguments,
    add_workers_argument,
    interrupts_between_steps,
    number,
    open_data,
    require_images_to_train_on,
    say_stand_in,
)
from scratchnet.datasets.door import Source
from scratchnet.datasets.mnist import Dataset
from scratchnet.datasets.split import split
from scratchnet.engine import WorkerDied
from scratchnet.fitting import engine_for, metadata_for, steps_for
from scratchnet.losses import softmax
from scratchnet.metrics import confusion_matrix
from scratchnet.models import MODELS
from scratchnet.optim import OPTIMIZERS
from scratchnet.recipes import LOSSES, RECIPES, SCHEDULES, ConfigError, Recipe, recipe_from
from scratchnet.serialize import save_model
from scratchnet.train import Epoch, Evaluation, Step, TrainingDiverged, epoch_summary, evaluate, steps_per_epoch
from scratchnet.typing import Array
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "train",
        help="train a network and save it with its history, metrics and plots",
        description="Train a network, evaluate it once on the test set, and write model.npz, config.json, history.csv, "
        "metrics.json, curves.png, confusion.png and mistakes.png to a folder. Without any option: the default CNN on "
        "MNIST. Each model has a recipe of its own; a config file changes it, and these options change it last.",
    )
    parser.add_argument("--model", choices=MODELS, help="which network (default cnn)")
    parser.add_argument(
        "--recipe", choices=RECIPES, help="how to train it (default: the model's own); fast99: soon at 99 %%"
    )
    add_data_arguments(parser)
    parser.set_defaults(dataset=None)
    parser.add_argument("--epochs", type=number(int, 1), metavar="N", help="passes over the training data")
    parser.add_argument("--batch-size", type=number(int, 1), metavar="N", help="images a step")
    parser.add_argument("--lr", type=number(float, 0, above=True), metavar="X", help="highest learning rate")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="how gradients change the weights")
    parser.add_argument("--schedule", choices=SCHEDULES, help="how the learning rate changes over the run")
    parser.add_argument("--weight-decay", type=number(float, 0), metavar="X", help="pull of the weights towards zero")
    parser.add_argument("--label-smoothing", type=number(float, 0, 0.999), metavar="X", help="0 .. 1 (default 0)")
    parser.add_argument("--loss", choices=LOSSES, help="what is made small (default cross-entropy; hinge for the svm)")
    parser.add_argument("--warmup", type=number(float, 0, 0.999), metavar="X", help="part of the run in which lr rises")
    parser.add_argument("--ema", type=number(float, 0, 0.999999), metavar="X", help="decay of the weights' average; 0: none")
    changes = parser.add_argument_group("augmentation", "how far training images are changed at random")
    changes.add_argument("--shift", type=number(float, 0), metavar="X", help="pixels")
    changes.add_argument("--rotation", type=number(float, 0), metavar="X", help="degrees")
    changes.add_argument("--scale", type=number(float, 0, 0.999), metavar="X", help="part of the size, 0 .. 1")
    changes.add_argument("--shear", type=number(float, 0), metavar="X", help="part of the height")
    changes.add_argument("--elastic", type=number(float, 0), metavar="X", help="pixels that a point strays")
    changes.add_argument("--elastic-sigma", type=number(float, 0, above=True), metavar="X", help="pixels that move together")
    changes.add_argument("--erase", type=number(float, 0, 1), metavar="X", help="probability of an erased rectangle")
    parser.add_argument("--shards", type=number(int, 1), metavar="N", help="parts of a batch, worked on apart (default 4)")
    add_workers_argument(parser)
    parser.add_argument("--seed", type=number(int, 0, 2**63), metavar="S", help="of weights, order and split (default 0)")
    parser.add_argument("--val-size", type=number(int, 0), metavar="N", help="training images kept for validation (5000)")
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default runs/<time>-<model>)")
    parser.add_argument("--overwrite", action="store_true", help="replace the run that --out holds")
    parser.add_argument("--config", metavar="FILE", help="JSON file of settings, such as a run's config.json")
    parser.add_argument(
        "--resume",
        metavar="DIR",
        help="go on with the run in this folder, which was interrupted: it ends as if it had not been, to the last bit",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=_seconds_or_epoch,
        default=SECONDS,
        metavar="SECONDS|epoch",
        help=f"how often a run is kept on disk to be resumed from (default {SECONDS:g}); less often where that would take "
        "more than 1 %% of the time",
    )
    parser.add_argument(
        "--detect-anomaly",
        action="store_true",
        help="look at every number of every step, and name the layer that makes the first NaN or infinity (slow)",
    )
    parser.set_defaults(run=run)


class _Job(NamedTuple):
    """What a run is, as its checkpoints tell it: config.json, what is said of a stand-in, the data's checksums, versions."""

    settings: dict[str, Any]
    notice: str
    data: dict[str, str]
    versions: dict[str, str]


class _Plan(NamedTuple):
    """What is to be done: a run from its start, or from where it was ``begun``."""

    job: _Job
    recipe: Recipe
    source: Source
    folder: Path
    checkpoints: Checkpoints
    begun: Checkpoint | None


def run(args: argparse.Namespace) -> int:
    if args.resume is not None:
        return _resume(args)
    recipe = _settings(args)
    source = open_data(args)
    data = _load(source)
    require_images_to_train_on(args, recipe.val_size, len(data["train"].images))
    with runs.create(args.out, recipe.model, overwrite=args.overwrite) as folder:
        dataset = source.name if args.dataset == "auto" else args.dataset  # what a second run must not choose again
        settings = {**recipe.to_dict(), "dataset": dataset, "data_dir": args.data_dir}
        runs.write_json(folder / runs.CONFIG, settings)
        job = _Job(settings, source.notice, _checksums(data), runs.versions())
        return _train(_Plan(job, recipe, source, folder, Checkpoints(folder), None), data, args)


def _resume(args: argparse.Namespace) -> int:
    """Go on with the run that a folder holds."""
    given = [name for name in (*Recipe().to_dict(), "recipe", "config", "out") if getattr(args, name) is not None]
    given += ["overwrite"] if args.overwrite else []
    if given:
        raise Misuse(f"--{given[0].replace('_', '-')} does not go with --resume: a run goes on as it was begun")
    folder = Path(args.resume)
    with runs.reopen(folder):
        checkpoints = Checkpoints(folder)
        begun = checkpoints.load()
        if begun is None and runs.is_finished(folder):
            _say(f"the run in {one_line(str(folder))} is finished: there is nothing to resume")
            return 0
        if begun is None:
            raise Failure(
                f"{folder} holds no checkpoint, so there is nothing to go on from: start the run again (with --overwrite)"
            )
        for damage in checkpoints.damaged:
            _note(f"{damage}; going on from the other one, after step {begun.step}")
        job = _job_of(begun, folder)
        recipe = recipe_from({name: job.settings[name] for name in Recipe().to_dict()}, str(folder))
        args.dataset, args.data_dir = args.dataset or job.settings["dataset"], args.data_dir or job.settings["data_dir"]
        source = dataclasses.replace(open_data(args), notice=job.notice)
        say_stand_in(source)
        data = _load(source)
        if _checksums(data) != job.data:
            raise Failure(f"{folder}: the run was begun on other data than {source.name} is now, and can't go on with it")
        for name, version in runs.versions().items():
            if version != job.versions.get(name):
                _note(f"begun with {name} {job.versions.get(name)}, and this is {version}: the last bits may differ")
        return _train(_Plan(job, recipe, source, folder, checkpoints, begun), data, args)


def _job_of(begun: Checkpoint, folder: Path) -> _Job:
    """Errors    Failure if the checkpoint is of something else, or config.json is not what it was"""
    try:
        job = _Job(**begun.run)
        texts = [job.notice, *(job.settings[name] or "" for name in NOT_IN_RECIPE)]
        sound = job.settings.keys() == {*Recipe().to_dict(), *NOT_IN_RECIPE} and {type(text) for text in texts} == {str}
    except (TypeError, AttributeError, KeyError):
        sound = False
    if not (sound and isinstance(job.versions, dict)):
        raise Failure(f"{folder}: its checkpoint is not of a run of this version")
    config = folder / runs.CONFIG
    if not config.exists():
        runs.write_json(config, job.settings)
    now = runs.read_config(config)
    for name, then in job.settings.items():
        if now.get(name) != then:
            raise Failure(f"{config} says {name} {now.get(name)}; the run was begun with {then} and goes on as it was begun")
    return job


def _load(source: Source) -> dict[str, Dataset]:
    return {part: source.load(part) for part in ("train", "test")}


def _checksums(data: dict[str, Dataset]) -> dict[str, str]:
    return {part: checksum({"images": its.images, "labels": its.labels}) for part, its in data.items()}


def _train(plan: _Plan, data: dict[str, Dataset], args: argparse.Namespace) -> int:
    """Train, then test once, and write the folder's files."""
    job, recipe, source, folder, checkpoints, begun = plan
    train, test = data.pop("train"), data.pop("test")
    indices, held_out = split(train.labels, recipe.val_size, seed=recipe.seed)

    training = train.images[indices], train.labels[indices]
    validation = train.images[held_out], train.labels[held_out]
    del train  # the engine holds the training images from here on, once, for all processes

    quick = args.workers is None and len(indices) * recipe.epochs < 5 * FEW
    engine = engine_for(recipe, *training, workers=0 if quick else args.workers)
    del training
    model, optimizer = engine.task.model, recipe.build_optimizer()
    size = sum(array.size for array in model.params.values())
    name = one_line(source.name)
    _say(f"{recipe.model}: {size:,} parameters; {name}: {len(indices)} training images, {len(held_out)} validation")
    with engine:
        working = f"{engine.workers} processes" if engine.workers > 1 else "one process"
        _say(f"writing to {one_line(str(folder))}; working in {working}")
        validate = functools.partial(evaluate, engine, *validation) if len(held_out) else None
        ended = ""  # why training ended early
        with interrupts_between_steps() as stop:
            every = None if args.checkpoint_every == "epoch" else args.checkpoint_every
            progress = Progress(
                *(checkpoints, engine, optimizer),
                begun=begun,
                run=job._asdict(),
                every=every,
                stop=stop,
                report=lambda why: _note(f"no checkpoint: {why}; training goes on"),
            )
            history, start = progress.history, progress.step
            if begun:
                _say(f"going on after step {start}, with {len(history)} of {recipe.epochs} epochs done")
            steps = steps_for(recipe, engine, optimizer, start=start, detect_anomaly=args.detect_anomaly)
            try:
                for epoch in progress.epochs(_watched(steps, recipe, len(indices), start), validate):
                    _say(_line(epoch, recipe.epochs))
            except KeyboardInterrupt:
                ended = f"interrupted in epoch {len(history) + 1} of {recipe.epochs}"
                _say("interrupted: saving what is trained, then evaluating it (once more, and that is left out)")
            except WorkerDied as error:
                ended = f"{error}, in epoch {len(history) + 1} of {recipe.epochs}"
            except TrainingDiverged:
                checkpoints.remove()
                raise
        seconds = progress.seconds

        metadata = metadata_for(recipe)
        with engine.averaged():
            save_model(folder / runs.MODEL, model, metadata)  # at once: what comes now can fail or be interrupted
        runs.write_history(folder / runs.HISTORY, history)
        goes_on = "goes on from the last checkpoint" if engine.closed else "goes on with it"
        saved = f"{ended}; what was trained so far is saved in {folder}, and --resume {folder} {goes_on}"
        if engine.closed:
            raise Failure(saved)
        learned_by_heart = validate().accuracy if validate and not model.params else None
        result = evaluate(engine, test.images, test.labels)
    metrics = {
        "dataset": source.name,
        "model": recipe.model,
        "seed": recipe.seed,
        "epochs": len(history),
        "test_accuracy": result.accuracy,
        "test_loss": result.loss,
        "val_accuracy": history[-1].val_accuracy if history else learned_by_heart,
        "test_images": len(test.images),
        "training_images": len(indices),
        "parameters": size,
        "seconds": round(seconds, 2),
        "workers": engine.workers,
        "interrupted": bool(ended),
        "synthetic_stand_in": bool(source.notice),
        "versions": runs.versions(),
    }
    metadata["provenance"]["metrics"] = metrics
    with engine.averaged():
        save_model(folder / runs.MODEL, model, metadata)
    runs.write_json(folder / runs.METRICS, metrics)
    _plot(folder, recipe.model, history, test.images, test.labels, result, source)
    if not ended:
        checkpoints.remove()
    stand_in = "SYNTHETIC digits, not MNIST" if source.notice else name
    _say(f"test accuracy {result.accuracy:.2%}, test loss {result.loss:.4f} ({stand_in}), trained in {seconds:.1f} s")
    if result.accuracy < 2 / models.NUM_CLASSES and not ended:
        _say(f"that is hardly better than guessing: {_why_not_better(history)}")
    _say(f"saved {one_line(str(folder / runs.MODEL))} with its history, metrics and plots")
    if ended:
        raise Failure(saved)
    return 0


def _why_not_better(history: list[Epoch]) -> str:
    """Of a network that tests hardly better than guessing: did it not learn, or learn something else?"""
    if history and history[-1].train_accuracy <= 0.5:
        return "nothing was learned; a smaller --lr usually helps"
    learned = f"{history[-1].train_accuracy:.1%} of the training images were named right; " if history else ""
    return f"{learned}do the images and their labels belong together? See scratchnet doctor"


def _settings(args: argparse.Namespace) -> Recipe:
    """The model's recipe, changed by the config file, changed by the command line; fills in args.dataset and data_dir."""
    settings = runs.read_config(args.config) if args.config else {}
    for name in NOT_IN_RECIPE:
        value = settings.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{args.config}: {name} must be a text, got {json.dumps(value)}")
        if getattr(args, name) is None:
            setattr(args, name, value)
    args.dataset = args.dataset or "auto"
    if args.model is not None:
        settings["model"] = args.model  # what a config file leaves open then comes from this model's recipe
    where = args.config or f"--recipe {args.recipe} --model {args.model}"
    try:
        recipe = recipe_from(settings, where, name=args.recipe, beside=NOT_IN_RECIPE)
    except ConfigError as error:
        raise (error if args.config else Misuse(str(error))) from error
    chosen = {name: getattr(args, name) for name in recipe.to_dict() if getattr(args, name) is not None}
    try:
        return recipe.replace(**chosen)
    except ConfigError as error:
        raise Misuse(str(error)) from error


def _watched(steps: Iterator[Step], recipe: Recipe, images: int, done: int) -> Iterator[Step]:
    """The same steps, with a progress bar where somebody is watching; so many were ``done`` before."""
    from tqdm import tqdm

    epochs, remaining = divmod(done, steps_per_epoch(images, recipe.batch_size))
    before = epochs * images + remaining * recipe.batch_size
    recent: deque[Step] = deque(maxlen=100)
    with tqdm(total=images * recipe.epochs, initial=before, unit="img", unit_scale=True, disable=None, leave=False) as bar:
        for step in steps:
            recent.append(step)
            bar.update(step.size)
            if step.index % 20 == 0:
                mean = epoch_summary(list(recent))
                bar.set_description(f"epoch {step.epoch + 1}/{recipe.epochs}", refresh=False)
                bar.set_postfix(loss=f"{mean.train_loss:.4f}", accuracy=f"{mean.train_accuracy:.2%}", refresh=False)
            if step.last:
                bar.clear()  # the epoch's line is about to be printed
            yield step


def _seconds_or_epoch(text: str) -> float | str:
    """An argparse type."""
    try:
        return text if text == "epoch" else float(number(float, 0)(text))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or the word epoch") from error


def _note(text: str) -> None:
    print(one_line(text), file=sys.stderr, flush=True)


def _say(text: str) -> None:
    """Print a line; a reader of a pipe who has seen enough (head) must not end the training."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - stays open to the end


def _line(epoch: Epoch, epochs: int) -> str:
    text = f"epoch {epoch.epoch}/{epochs}  train loss {epoch.train_loss:.4f}  accuracy {epoch.train_accuracy:.2%}"
    if epoch.val_loss is not None and epoch.val_accuracy is not None:
        text += f"   validation loss {epoch.val_loss:.4f}  accuracy {epoch.val_accuracy:.2%}"
    return text


def _plot(
    folder: Path, model: str, history: list[Epoch], images: Array, labels: Array, result: Evaluation, source: Source
) -> None:
    from scratchnet import viz
    from scratchnet.files import atomic_write

    title = one_line(f"{model} on {'SYNTHETIC digits (not MNIST)' if source.name == 'synthetic' else source.name}")
    predictions = result.logits.argmax(axis=1)
    figures = {
        "confusion.png": viz.confusion(confusion_matrix(labels, predictions, models.NUM_CLASSES), title=title),
        "mistakes.png": viz.mistakes(images, labels, softmax(result.logits.astype(np.float64)), title=title),
    }
    if history:
        figures["curves.png"] = viz.curves(history, title=title)
    for name, figure in figures.items():
        with atomic_write(folder / name) as file:
            viz.save(figure, file)
