"""``scratchnet tune``."""

import argparse
import csv
import functools
import io
import json
from pathlib import Path
from typing import Any

from scratchnet import runs
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
    write_file,
)
from scratchnet.datasets.door import Source
from scratchnet.datasets.split import split
from scratchnet.models import MODELS, build
from scratchnet.recipes import RECIPES, ConfigError, Recipe, recipe_from
from scratchnet.tuning import PRUNERS, SAMPLERS, Space, Study, StudyError, Trial, default_space, space_from
from scratchnet.untrusted import one_line

STUDY, BEST, TRIALS, FIGURE = "study.journal", "best.json", "trials.csv", "tuning.png"
SEED = 100  # seeds from here on choose settings; those below are for the runs whose test accuracy is told


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "tune",
        help="search for the settings of a recipe that do best on the validation split",
        description="Train a model many times with other settings, and keep what does best on the validation split; the "
        "test set is never looked at. Ctrl-C keeps what is done, and the same command goes on with it; the same command in "
        "a second terminal works on the same search. Writes study.journal, best.json (for train --config), trials.csv and "
        "tuning.png to a folder. Needs Optuna.",
    )
    parser.add_argument("--model", choices=MODELS, help="which network (default cnn)")
    parser.add_argument("--recipe", choices=RECIPES, help="where to start from (default: the model's own)")
    parser.add_argument("--config", metavar="FILE", help="JSON file of settings to start from")
    parser.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="what to search, instead of the default: lr=0.01..0.3 or batch_size=32,64,128; may be given again",
    )
    parser.add_argument("--trials", type=number(int, 1), default=30, metavar="N", help="trials in all (default 30)")
    parser.add_argument("--epochs", type=number(int, 1), metavar="N", help="of each trial (default: the recipe's)")
    parser.add_argument("--sampler", choices=SAMPLERS, default="tpe", help="how settings are drawn (default tpe)")
    parser.add_argument(
        "--pruner", choices=PRUNERS, default="halving", help="how trials that do badly are ended early (default halving)"
    )
    parser.add_argument("--seed", type=number(int, 0, 2**63), default=SEED, metavar="S", help=f"default {SEED}")
    parser.add_argument("--val-size", type=number(int, 1), metavar="N", help="training images kept for validation (5000)")
    add_data_arguments(parser)
    add_workers_argument(parser)
    parser.add_argument("--out", metavar="DIR", help="the search's folder (default runs/tune-<model>)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    recipe = _recipe(args)
    try:
        space = space_from(args.search, recipe) if args.search else default_space(recipe)
    except ConfigError as error:
        raise Misuse(f"--search {error}") from error
    if not build(recipe.model).params:
        raise Misuse(f"{recipe.model} learns by heart: there is nothing to tune")
    source = open_data(args)
    train = source.load("train")
    require_images_to_train_on(args, recipe.val_size, len(train.images))
    folder = Path(args.out or Path("runs") / f"tune-{recipe.model}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        study = Study(folder / STUDY, recipe, space, dataset=source.name, sampler=args.sampler, pruner=args.pruner)
    except StudyError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        why = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise Failure(f"can't write to the folder {folder}: {why}") from error
    indices, held_out = split(train.labels, recipe.val_size, seed=recipe.seed)
    parts = [(train.images[chosen], train.labels[chosen]) for chosen in (indices, held_out)]
    del train

    images = f"{len(indices)} training images, {len(held_out)} validation"
    print(one_line(f"{recipe.model} on {source.name}: {images}; study in {folder}"))
    for name, values in space.items():
        print(f"  {name:16} {values}")
    before = len(study.trials())
    if before:
        print(f"{before} trials are done")
    few = args.workers is None and len(indices) * recipe.epochs < 5 * FEW
    stopped = False
    try:
        with interrupts_between_steps() as stop:
            for trial in _watched(study.run(args.trials, *parts, workers=0 if few else args.workers, stop=stop), recipe):
                print(_line(trial), flush=True)
    except KeyboardInterrupt:
        stopped = True
    best = _write(study, folder, recipe, space, source, args)
    if stopped:
        done = len(study.trials())
        raise Failure(
            f"interrupted; {done} of {args.trials} trials are kept in {folder}, the same command goes on with them"
        )
    if best is None:
        raise Failure(f"no trial was completed: see {folder / TRIALS}; another --search, with lower lr perhaps, may help")
    print(f"\nbest: trial {best.number}, validation accuracy {best.accuracy:.2%} (as the best of many it flatters a little)")
    print(f"scratchnet train --config {one_line(str(folder / BEST))}")
    return 0


def _recipe(args: argparse.Namespace) -> Recipe:
    """Where the search starts from; fills in args.dataset and data_dir from the config file."""
    settings = runs.read_config(args.config) if args.config else {}
    for name in NOT_IN_RECIPE:
        value = settings.pop(name, None)
        if getattr(args, name) in (None, "auto") and value is not None:
            if not isinstance(value, str):
                raise ConfigError(f"{args.config}: {name} must be a text, got {json.dumps(value)}")
            setattr(args, name, value)
    if args.model is not None:
        settings["model"] = args.model
    try:
        where = args.config or f"--recipe {args.recipe} --model {args.model}"
        recipe = recipe_from(settings, where, name=args.recipe, beside=NOT_IN_RECIPE)
    except ConfigError as error:
        raise (error if args.config else Misuse(str(error))) from error
    chosen = {"epochs": args.epochs, "val_size": args.val_size, "seed": args.seed}
    return recipe.replace(**{name: value for name, value in chosen.items() if value is not None})


def _watched(trials: Any, recipe: Recipe) -> Any:
    """The trials that ended; where somebody is watching, the one under way stands below them."""
    from tqdm import tqdm

    with tqdm(total=recipe.epochs, unit="epoch", disable=None, leave=False) as bar:
        for trial in trials:
            if trial.state != "running":
                bar.clear()
                yield trial
                bar.reset()
                continue
            bar.set_description(f"trial {trial.number}", refresh=False)
            bar.set_postfix(validation=f"{trial.accuracy:.2%}", refresh=False)
            bar.update(trial.epochs - bar.n)


def _line(trial: Trial) -> str:
    settings = "  ".join(f"{name} {_short(value)}" for name, value in trial.settings.items())
    accuracy = "       " if trial.accuracy is None else f"{trial.accuracy:7.2%}"
    return (
        f"trial {trial.number:3d}  {accuracy}  {trial.state:9} epoch {trial.epochs:2d}  {trial.seconds:6.1f} s  {settings}"
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _write(
    study: Study, folder: Path, recipe: Recipe, space: Space, source: Source, args: argparse.Namespace
) -> Trial | None:
    """best.json, trials.csv and tuning.png, of all trials so far; the best one."""
    trials, best = study.trials(), study.best()
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "state", "epochs", "accuracy", "loss", "seconds", *space])
    for trial in trials:
        measured = ("" if value is None else f"{value:.6g}" for value in (trial.accuracy, trial.loss, trial.seconds))
        table.writerow([trial.number, trial.state, trial.epochs, *measured, *trial.settings.values()])
    write_file(folder / TRIALS, lambda file: file.write(text.getvalue().encode()))
    if best is not None:
        winner = recipe.replace(**best.settings).to_dict()
        del winner["seed"]  # the seed that chose is not the one to report with
        dataset = source.name if args.dataset == "auto" else args.dataset
        runs.write_json(folder / BEST, {**winner, "dataset": dataset, "data_dir": args.data_dir})
    if any(trial.accuracy is not None for trial in trials):
        from scratchnet import viz

        title = one_line(f"{recipe.model} on {source.name}: {len(trials)} trials")
        figure = viz.tuning(trials, space, study.importances(), title=title)
        write_file(folder / FIGURE, functools.partial(viz.save, figure))
    return best
