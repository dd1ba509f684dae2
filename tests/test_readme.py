"""The README is true: its code runs, its links lead somewhere, its commands are there."""

import re
from pathlib import Path

import pytest

from scratchnet import cli
from scratchnet.models import MODELS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_the_gradients_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    shown = re.findall(r"^(d[xwb]  \(.*?\) +ok) ", README, re.MULTILINE)
    assert len(shown) == 3
    for line in shown:
        assert any(out.startswith(line) for out in printed), line
    (report,) = re.findall(r"^```\n(dx .*? WRONG .*?)```", README, re.MULTILINE | re.DOTALL)
    assert [line for line in report.splitlines() if line not in printed] == []
    first = next(i for i, line in enumerate(printed) if line.startswith("epoch 1: training "))
    loss, accuracy = printed[first - 1].split()
    assert float(loss) < 0.1
    assert float(accuracy) > 0.95
    assert printed[first + 2].startswith("epoch 3: training ")
    for line in re.findall(r"^(?:PROBLEM| +(?:why|do)) .*", README, re.MULTILINE):
        assert line in printed
    assert len([line for line in printed if line.startswith(("PROBLEM", "WARNING"))]) == 2


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_table_of_commands_is_complete() -> None:
    rows = re.findall(r"^\| `scratchnet (\w+)", README, re.MULTILINE)
    assert sorted(rows) == sorted(module.__name__.rpartition(".")[2] for module in cli.COMMANDS)


def test_every_model_has_a_result() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", README.partition("<!-- results -->")[2], re.MULTILINE)
    assert sorted(rows) == sorted(MODELS)


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    assert re.findall(r"^(.*\S) +# run the tests$", README, re.MULTILINE) == [
        'python -m pip install -e ".[test]" && python -m pytest'
    ]
