"""The table of accuracies: its arithmetic, its file, and README's copy of it."""

import re
from pathlib import Path
from typing import Any

import pytest

from scratchnet import results
from scratchnet.models import MODELS
from scratchnet.recipes import RECIPES
from scratchnet.results import ResultsError, Run

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def one(recipe: str = "cnn", seed: int = 0, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "recipe": recipe,
        "seed": seed,
        "settings": RECIPES["cnn"].replace(seed=seed).to_dict(),
        "dataset": "mnist",
        "parameters": 28938,
        "epochs": 5,
        "seconds": 10.0,
        "val_accuracy": 0.99,
        "test_accuracy": 0.992,
        "machine": "an abacus, 4 processes",
    }
    return Run(**{**values, **changes})


def test_means_and_deviation_over_seeds() -> None:
    runs = [
        one(seed=2, test_accuracy=0.990, val_accuracy=0.98, seconds=10),
        one(seed=0, test_accuracy=0.992, val_accuracy=0.99, seconds=20),
        one(seed=1, test_accuracy=0.994, val_accuracy=None, seconds=90),
        one("softmax"),
    ]
    softmax, cnn = results.summarise(runs)  # in the order of the recipes
    assert (softmax.recipe, softmax.deviation, softmax.seeds) == ("softmax", None, (0,))
    assert cnn.seeds == (0, 1, 2)
    assert cnn.test_accuracy == pytest.approx(0.992)
    assert cnn.deviation == pytest.approx(0.002)  # sample standard deviation: sqrt((0.002**2 + 0.002**2) / 2)
    assert cnn.lowest == 0.990
    assert cnn.val_accuracy == pytest.approx(0.985)
    assert cnn.seconds == pytest.approx(20)


def test_the_table() -> None:
    runs = [one(seed=seed, test_accuracy=accuracy) for seed, accuracy in enumerate((0.9915, 0.9925))]
    lines = results.markdown([*runs, one("knn", epochs=0, parameters=0, val_accuracy=None)], ["mlp", "cnn"]).splitlines()
    assert lines[2] == "| `knn` | 0 |  | 0 | 10 s |  | 99.20 % | 99.20 % |"
    assert lines[3] == "| `mlp` | | | | | | not measured | |"
    assert lines[4] == "| `cnn` | 28 938 | 5 | 0, 1 | 10 s | 99.00 % | 99.20 ± 0.07 % | 99.15 % |"
    assert lines[-1] == "Trained on an abacus, 4 processes."
    assert results.markdown([], ["mlp"]).count("\n") == 3


def test_a_table_file_comes_back(tmp_path: Path) -> None:
    runs = [one(), one(seed=1)]
    results.write(tmp_path / "r.json", runs)
    assert results.read(tmp_path / "r.json") == runs
    assert results.read(tmp_path / "none.json") == []


@pytest.mark.parametrize("text", ["", "[]", '{"runs": 3}', '{"runs": [{"recipe": "cnn"}]}', '{"runs": [3]}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"r\.json: not a table of results"):
        results.read(tmp_path / "r.json")


def test_a_run_knows_its_recipe() -> None:
    run, recipe = one(seed=3), RECIPES["cnn"].replace(seed=3)
    assert run.made_by(recipe)
    assert not run.made_by(recipe.replace(seed=4))
    assert not run.made_by(recipe.replace(lr=0.5))
    assert not one(settings={**run.settings, "of_old": 1}).made_by(recipe)
    del run.settings["ema"]  # written before there was such a setting
    assert run.made_by(recipe)


def test_readmes_table_is_the_files() -> None:
    (shown,) = re.findall(r"<!-- results -->\n(.*?)<!-- /results -->", README, re.DOTALL)
    assert shown == results.markdown(results.shipped(), MODELS)


def test_what_is_shown_was_made_by_the_recipes_of_today() -> None:
    for run in results.shipped():
        assert run.made_by(RECIPES[run.recipe].replace(seed=run.seed)), f"{run.recipe}: run it again"
        assert run.seed < 100  # those were for choosing
        assert run.dataset == "mnist"
