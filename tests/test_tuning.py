"""The search for settings: its spaces, its studies, and ``scratchnet tune`` from the outside."""

import csv
import dataclasses
import json
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from scratchnet import cli, viz
from scratchnet.datasets import idx
from scratchnet.recipes import RECIPES, ConfigError, Recipe
from scratchnet.tuning import Choices, Range, Trial, best_so_far, default_space, space_from

RECIPE = Recipe("softmax", epochs=2, batch_size=50, lr=0.05, val_size=100, seed=100)


# --- spaces -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("lr=0.01..0.3", "lr", Range(0.01, 0.3, log=True)),
        ("lr = 0.01 .. 0.05", "lr", Range(0.01, 0.05)),
        ("weight_decay=0..0.1", "weight_decay", Range(0, 0.1)),
        ("batch-size=32,64", "batch_size", Choices((32, 64))),
        ("batch_size=16..256", "batch_size", Range(16, 256, log=True)),
        ("optimizer=adam", "optimizer", Choices(("adam",))),
        ("label_smoothing=0,0.1,0", "label_smoothing", Choices((0.0, 0.1))),
    ],
)
def test_spaces_from_texts(text, name, values):
    assert space_from([text], RECIPE) == {name: values}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "wanted NAME=LOW..HIGH"),
        ("lr=", "wanted NAME=LOW..HIGH"),
        ("speed=1,2", "'speed' is nothing that can be searched, there are batch_size"),
        ("seed=1,2", "'seed' is nothing that can be searched"),
        ("epochs=1..9", "'epochs' is nothing that can be searched"),
        ("lr=fast,slow", "could not convert"),
        ("lr=0.3..0.1", "LOW below HIGH"),
        ("lr=-1..1", "lr must be positive, got -1.0"),
        ("batch_size=1.5..4", "wanted whole numbers"),
        ("optimizer=a..z", "wanted names, not a range"),
        ("optimizer=lion", "optimizer must be one of"),
        ("label_smoothing=0..1", "label_smoothing must be in 0 .. 1"),
    ],
)
def test_spaces_that_can_not_be(text, message):
    with pytest.raises(ConfigError) as error:
        space_from([text], RECIPE)
    assert message in str(error.value)
    assert text in str(error.value)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_lies_in_its_default_space(name):
    recipe = RECIPES[name]
    space = default_space(recipe)
    assert all(values.holds(getattr(recipe, setting)) for setting, values in space.items())
    assert {"lr", "batch_size", "weight_decay", "schedule", "optimizer"} <= set(space)


def test_the_best_so_far_is_of_complete_trials():
    rows = [("pruned", 0.9), ("complete", 0.7), ("complete", 0.6), ("diverged", None), ("complete", 0.8)]
    trials = [Trial(k, {}, state, 1, accuracy, None, 0.0) for k, (state, accuracy) in enumerate(rows)]
    np.testing.assert_array_equal(best_so_far(trials), [np.nan, 0.7, 0.7, 0.7, 0.8])


def test_the_figure_shows_every_trial_and_setting():
    space = {"lr": Range(0.01, 1, log=True), "optimizer": Choices(("sgd", "adam"))}
    states = ["complete", "pruned", "complete", "diverged"]
    accuracies = [0.9, 0.8, 0.95, None]
    trials = [
        Trial(k, {"lr": 0.02 * (k + 1), "optimizer": space["optimizer"].values[k % 2]}, state, 2, accuracy, 0.1, 1.0)
        for k, (state, accuracy) in enumerate(zip(states, accuracies, strict=True))
    ]
    figure = viz.tuning(trials, space, {"lr": 0.75, "optimizer": 0.25}, title="softmax on mnist")
    history, bars, lr, optimizer = figure.axes
    pruned, complete, best = history.lines
    np.testing.assert_allclose(pruned.get_xydata(), [[1, 80]])
    np.testing.assert_allclose(complete.get_xydata(), [[0, 90], [2, 95]])
    np.testing.assert_allclose(best.get_ydata(), [90, 90, 95])
    assert [bar.get_width() for bar in bars.patches] == [25, 75]
    assert lr.get_xscale() == "log"
    np.testing.assert_allclose(lr.lines[1].get_xydata(), [[0.02, 90], [0.06, 95]])
    assert [t.get_text() for t in optimizer.get_xticklabels()] == ["sgd", "adam"]
    assert "too few trials" in viz.tuning(trials, space).axes[1].texts[0].get_text()
    with pytest.raises(ValueError, match="no trial with an accuracy"):
        viz.tuning(trials[-1:], space)


# --- studies ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    """A folder in MNIST's layout: digit k is a bright bar in column 2k + 4, in noise."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for part, n in (("train", 400), ("t10k", 60)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.random.default_rng(n).integers(0, 200, (n, 28, 28)).astype(np.uint8)
        images[np.arange(n), :12, 2 * labels + 4] = 250
        idx.write(folder / f"{part}-images-idx3-ubyte", images)
        idx.write(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture
def parts(data):
    images, labels = idx.read(data / "train-images-idx3-ubyte"), idx.read(data / "train-labels-idx1-ubyte").astype(int)
    return (images[:300], labels[:300]), (images[300:], labels[300:])


SPACE = {"lr": Range(1e-3, 1.0, log=True), "optimizer": Choices(("nesterov", "adam"))}


@pytest.fixture
def study(tmp_path):
    pytest.importorskip("optuna")
    from scratchnet.tuning import Study

    def make(name="study.journal", recipe=RECIPE, space=SPACE, dataset="digits", **options):
        return Study(tmp_path / name, recipe, space, dataset=dataset, **options)

    return make


def same(trials):
    """What does not depend on the clock."""
    return [trial._replace(seconds=0.0) for trial in trials]


def search(study, count, parts, **options):
    return [trial for trial in study.run(count, *parts, workers=0, **options) if trial.state != "running"]


def test_the_first_trial_is_the_recipe_and_the_best_is_no_worse(study, parts):
    found = study()
    trials = search(found, 6, parts)
    assert same(trials) == same(found.trials())
    assert [trial.number for trial in trials] == list(range(6))
    assert trials[0].settings == {"lr": 0.05, "optimizer": "nesterov"}
    assert trials[0].state == "complete"
    best = found.best()
    assert best.accuracy == max(trial.accuracy for trial in trials if trial.state == "complete")
    assert search(found, 6, parts) == []  # it has as many as were asked for


def test_a_trial_is_what_training_with_its_settings_gives(study, parts):
    from scratchnet.fitting import engine_for, steps_for
    from scratchnet.train import evaluate, train_epochs

    trial = search(study(pruner="none"), 2, parts)[1]
    recipe = RECIPE.replace(**trial.settings)
    with engine_for(recipe, *parts[0], workers=0) as engine:
        *_, last = train_epochs(steps_for(recipe, engine), lambda: evaluate(engine, *parts[1]))
    assert (trial.accuracy, trial.loss, trial.epochs) == (last.val_accuracy, last.val_loss, 2)


def test_of_equal_accuracies_the_lowest_loss_wins(study, monkeypatch):
    found = study()
    rows = [("complete", 0.9, 0.5), ("complete", 0.95, 0.3), ("complete", 0.95, 0.2), ("pruned", 0.99, 0.1)]
    trials = [Trial(k, {}, state, 2, accuracy, loss, 0.0) for k, (state, accuracy, loss) in enumerate(rows)]
    monkeypatch.setattr(found, "trials", lambda: trials)
    assert found.best() is trials[2]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_resumed_is_the_same_as_one_in_one_go(study, parts, sampler):
    whole = search(study("whole", sampler=sampler), 14, parts)
    for count in (5, 14):  # a new process would open the file anew, as this does
        search(study("halves", sampler=sampler), count, parts)
    assert same(study("halves", sampler=sampler).trials()) == same(whole)
    assert len({trial.settings["lr"] for trial in whole}) == 14


def test_two_that_share_a_file_draw_apart_and_make_one_search(study, parts):
    one, other = study(), study()
    first, second = one.run(8, *parts, workers=0), other.run(8, *parts, workers=0)
    running = [next(first), next(second)]  # two trials are under way at once
    assert [trial.number for trial in running] == [0, 1]
    assert running[0].settings != running[1].settings
    for trials in (first, second, first):
        list(trials)
    numbers = [trial.number for trial in one.trials()]
    assert numbers == sorted(set(numbers))
    assert len(numbers) in (8, 9)
    assert same(one.trials()) == same(other.trials())


def test_trials_that_do_badly_end_early(study, parts):
    recipe = RECIPE.replace(epochs=4)
    trials = search(study(recipe=recipe, sampler="random"), 12, parts)
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.epochs < 4 for trial in pruned)
    assert all(trial.epochs == 4 for trial in trials if trial.state == "complete")
    first = {trial.number: trial.accuracy for trial in trials if trial.epochs == 1}
    assert max(first.values()) <= max(trial.accuracy for trial in trials)
    assert all(t.state == "complete" for t in search(study("all", recipe=recipe, pruner="none"), 3, parts))


def test_divergence_is_a_bad_trial_not_the_end(study, parts):
    found = study(recipe=RECIPE.replace(model="mlp"), space={"lr": Range(1e8, 1e9)})
    trials = search(found, 2, parts)
    assert [trial.state for trial in trials] == ["diverged", "diverged"]
    assert trials[0].accuracy is None
    assert found.best() is None
    assert search(found, 2, parts) == []


def test_settings_that_do_not_go_together_are_passed_over(study, parts):
    space = {"loss": Choices(("cross-entropy", "hinge")), "label_smoothing": Choices((0.1,))}
    trials = search(study(space=space, sampler="random"), 6, parts)
    assert {trial.settings["loss"]: trial.state for trial in trials if trial.state != "pruned"} == {
        "hinge": "impossible",
        "cross-entropy": "complete",
    }


def test_an_interrupted_trial_is_the_first_one_next_time(study, parts):
    stop = threading.Event()
    found = study(pruner="none")
    running = found.run(5, *parts, workers=0, stop=stop)
    next(trial for trial in running if trial.number == 2)
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        list(running)
    assert [trial.number for trial in found.trials()] == [0, 1]
    again = search(study(pruner="none"), 3, parts)
    assert [trial.number for trial in again] == [3]
    whole = search(study("whole", pruner="none"), 3, parts)
    assert again[0].settings == whole[2].settings


def test_importances_find_the_setting_that_decides(study, parts):
    space = {"lr": Range(1e-5, 1.0, log=True), "warmup": Range(0.29, 0.31)}
    found = study(recipe=RECIPE.replace(warmup=0.3), space=space, sampler="random", pruner="none")
    search(found, 7, parts)
    assert found.importances() == {}
    search(found, 24, parts)
    importances = found.importances()
    assert list(importances) == ["lr", "warmup"]
    assert sum(importances.values()) == pytest.approx(1)
    assert importances["lr"] > 0.7


def test_a_study_is_about_one_question(study):
    from scratchnet.tuning import StudyError

    study()
    for change, message in [
        ({"recipe": RECIPE.replace(epochs=3)}, "was begun with epochs 2, not 3"),
        ({"space": {**SPACE, "lr": Range(0.1, 1.0)}}, r"was begun with lr 0.001..1 \(log scale\), not 0.1..1"),
        ({"space": {"lr": SPACE["lr"]}}, "was begun with optimizer nesterov, adam, not None"),
        ({"dataset": "other"}, "was begun with dataset digits, not other"),
    ]:
        with pytest.raises(StudyError, match=message):
            study(**change)
    study(sampler="random", pruner="none")  # how it is searched may change
    with pytest.raises(ConfigError, match="val_size must be positive"):
        study(recipe=RECIPE.replace(val_size=0))


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}\n', b"\x00\xff\n", b"[]\n"])
def test_a_file_that_is_no_study(study, tmp_path, content):
    from scratchnet.tuning import StudyError

    (tmp_path / "study.journal").write_bytes(content)
    with pytest.raises(StudyError, match=r"study\.journal: not a study, or a damaged one"):
        study()


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)

    def call(*arguments):
        capsys.readouterr()
        try:
            status = cli.main([str(a) for a in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return call


def one_line(err):
    assert len(err.splitlines()) == 1, err
    return err


QUICK = ("tune", "--model", "softmax", "--epochs", 2, "--val-size", 100, "--search", "lr=0.001..1", "--search")
QUICK += ("batch_size=20,50",)


@pytest.fixture
def without_test_set(monkeypatch):
    """A search that reads the test set fails."""
    opened = cli.tune.open_data

    def open_data(args):
        source = opened(args)

        def load(split):
            assert split == "train", "the test set was read"
            return source.load(split)

        return dataclasses.replace(source, load=load)

    monkeypatch.setattr(cli.tune, "open_data", open_data)


def test_tune_writes_what_train_takes(run, data, tmp_path, without_test_set):
    pytest.importorskip("optuna")
    status, out, err = run(*QUICK, "--dataset", data, "--trials", 9)
    assert (status, err) == (0, "")
    folder = tmp_path / "runs" / "tune-softmax"
    assert sorted(path.name for path in folder.iterdir()) == ["best.json", "study.journal", "trials.csv", "tuning.png"]
    with open(folder / "trials.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    best = max((row for row in rows if row["state"] == "complete"), key=lambda row: float(row["accuracy"]))
    settings = json.loads((folder / "best.json").read_text(encoding="utf-8"))
    assert settings["epochs"] == 2
    assert "seed" not in settings
    assert f"validation accuracy {float(best['accuracy']):.2%}" in out
    with Image.open(folder / "tuning.png") as figure:
        assert figure.format == "PNG"
    trained = run("train", "--config", folder / "best.json", "--out", "trained")
    assert trained[0] == 0, trained[2]
    config = json.loads((tmp_path / "trained" / "config.json").read_text(encoding="utf-8"))
    assert config["lr"] == settings["lr"]
    assert config["seed"] == 0


def test_tune_goes_on_with_a_search(run, data, tmp_path):
    pytest.importorskip("optuna")
    assert run(*QUICK, "--dataset", data, "--trials", 2, "--out", "s")[1].count("\ntrial ") == 2
    status, out, _ = run(*QUICK, "--dataset", data, "--trials", 3, "--out", "s")
    assert status == 0
    assert "2 trials are done" in out
    assert out.count("\ntrial ") == 1
    status, _, err = run(*QUICK[:-1], "batch_size=20,100", "--dataset", data, "--out", "s")
    assert status == 1
    assert "was begun with batch_size 20, 50, not 20, 100" in one_line(err)


def test_tune_starts_from_a_config(run, data, tmp_path):
    pytest.importorskip("optuna")
    config = {"model": "softmax", "batch_size": 60, "epochs": 1, "val_size": 80, "dataset": str(data)}
    (tmp_path / "c.json").write_text(json.dumps(config), encoding="utf-8")
    status, out, err = run("tune", "--config", "c.json", "--trials", 1, "--search", "lr=0.001..0.01", "--out", "s")
    assert (status, err) == (0, "")
    assert f"softmax on {data}: 320 training images, 80 validation" in out
    best = json.loads((tmp_path / "s" / "best.json").read_text(encoding="utf-8"))
    assert (best["batch_size"], best["epochs"], best["dataset"]) == (60, 1, str(data))


def test_ctrl_c_keeps_what_is_done(run, data, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    from scratchnet import tuning

    steps, calls = tuning.steps_for, []

    def interrupted(recipe, engine):
        calls.append(recipe)
        for step in steps(recipe, engine):
            if len(calls) == 4:
                signal.raise_signal(signal.SIGINT)
            yield step

    monkeypatch.setattr(tuning, "steps_for", interrupted)
    status, out, err = run(*QUICK, "--dataset", data, "--trials", 6, "--out", "s")
    assert status == 1
    assert "interrupted; 3 of 6 trials are kept in s, the same command goes on with them" in one_line(err)
    assert out.count("\ntrial ") == 3
    assert (tmp_path / "s" / "best.json").exists()
    status, out, _ = run(*QUICK, "--dataset", data, "--trials", 6, "--out", "s")
    assert (status, out.count("\ntrial ")) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--model", "vgg"), 2, "invalid choice: 'vgg'"),
        (("--model", "knn"), 2, "knn learns by heart"),
        (("--search", "speed=1"), 2, "'speed' is nothing that can be searched"),
        (("--sampler", "grid"), 2, "invalid choice: 'grid'"),
        (("--trials", "0"), 2, "found '0'"),
        (("--val-size", "400", "--dataset", "digits"), 2, "leaves nothing of 400"),
        (
            ("--out", "file", "--val-size", "50", "--dataset", "digits"),
            1,
            "can't write to the folder file: a file is in the way",
        ),
        (("--dataset", "cifar"), 2, "unknown data set 'cifar'"),
    ],
)
def test_errors(run, data, tmp_path, arguments, status, message):
    (tmp_path / "file").touch()
    found, out, err = run("tune", *arguments)
    assert (found, out) == (status, "")
    assert message in one_line(err)


def test_without_optuna_it_says_what_to_install(run, data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    status, _, err = run(*QUICK, "--dataset", data)
    assert status == 1
    assert 'python -m pip install -e ".[tune]"' in one_line(err)
