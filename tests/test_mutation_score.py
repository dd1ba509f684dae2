"""The measure of the tests' own strength: what it changes, what it counts, and that it leaves the checkout alone."""

import ast
import os
from pathlib import Path

import pytest

from benchmarks import mutation_score
from benchmarks.mutation_score import MODULES, Mutant, changes, files_of, mutants, parse, parts

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")

CODE = '''"""A module."""

LIMIT: int | None = 3


class Box:
    """Text stays."""

    size: float | int = 2.5

    def grow(self, by: int | str = 1, *, twice: bool = False) -> int:
        if twice:
            self.size += by % 7
        for i in range(int(self.size)):
            if i not in (1, 2) and by:
                break
        return max(self.size, by, key=abs)
'''


def changed(code: str) -> dict[str, str]:
    """What each mutation makes of the module's code."""
    found = {}
    for i, (function, part) in enumerate(parts(parse(code).body)):
        for j, (what, _) in enumerate(changes(part, code)):
            tree = parse(code)
            changes(list(parts(tree.body))[i][1], code)[j][1]()
            found[f"{function}: {what.split('] ', 1)[1]}"] = ast.unparse(ast.fix_missing_locations(tree))
    return found


def test_every_kind_of_place_is_changed():
    before, mutated = ast.unparse(parse(CODE)), changed(CODE)
    for name, was, wanted in [
        ("module: column 20: 3 -> 4", "LIMIT: 'int | None' = 3", "LIMIT: 'int | None' = 4"),
        ("Box: column 24: 2.5 -> 3.5", "= 2.5", "= 3.5"),
        ("Box.grow: column 35: 1 -> 2", "'int | str'=1", "'int | str'=2"),
        ("Box.grow: column 55: False -> True", "'bool'=False", "'bool'=True"),
        ("Box.grow: column 8: condition 0 turned round", "if twice", "if not twice"),
        ("Box.grow: column 25: Mod -> Mult", "by % 7", "by * 7"),
        ("Box.grow: column 12: statement left out", "self.size += by % 7", "pass"),
        ("Box.grow: column 15: NotIn -> In", "i not in", "i in"),
        ("Box.grow: column 15: without by", "i not in (1, 2) and by", "i not in (1, 2)"),
        ("Box.grow: column 16: break <-> continue", "break", "continue"),
        ("Box.grow: column 15: max -> min", "return max", "return min"),
        ("Box.grow: column 15: max without key=", ", key=abs", ""),
    ]:
        assert mutated[name] == before.replace(was, wanted), name
        assert mutated[name] != before
    assert len(mutated) > 25
    assert all("Text stays" in code and "'int | str'" in code for code in mutated.values()), "texts and annotations are kept"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_mutants_and_tests(module):
    assert files_of(module)
    assert mutation_score.tests_of(module)
    for mutant in mutants(module)[::5000]:
        before, after = mutant.sources()
        assert mutant.can_run() == (before != after)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one module, half of which is tested."""
    root = tmp_path / "checkout"
    files = {
        "scratchnet/small.py": "def add(a, b):\n    return a + b\n\n\ndef untested(a, b):\n    return a + b\n",
        "scratchnet/__init__.py": "",
        "benchmarks/__init__.py": "",
        "tests/conftest.py": 'from hypothesis import settings\n\nsettings.register_profile("no-shrinking")\n',
        "tests/test_small.py": "from scratchnet.small import add\n\n\ndef test_add():\n    assert add(3, 4) == 7\n",
        ".git/config": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(mutation_score, "ROOT", root)
    monkeypatch.setattr(mutation_score, "MODULES", {"small": (["scratchnet/small.py"], ["tests/test_*.py"])})
    return root


@forks
def test_survivors_are_told_from_the_killed_and_nothing_is_changed(project, monkeypatch, capsys):
    files = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    monkeypatch.setattr(
        mutation_score, "EQUIVALENT", {"scratchnet/small.py untested: [return a + b] column 11: + -> *": "so"}
    )
    assert mutation_score.main(["--jobs", "2", "--only", "column 11: + -> "]) == 1
    told = capsys.readouterr().out
    assert "equivalent: scratchnet/small.py untested: [return a + b] column 11: + -> *\nso\n" in told
    assert "SURVIVED: scratchnet/small.py untested: [return a + b] column 11: + -> -\n" in told
    assert " def untested(a, b):\n-    return a + b\n+    return a - b" in told
    assert told.count("SURVIVED") == 1
    assert [line.split() for line in told.splitlines() if line.startswith("small")] == [
        ["small", "4", "2", "0", "1", "1", "66.7%"]
    ]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == files


@forks
def test_the_tests_that_reach_a_function_are_known(project):
    small = project / "scratchnet/small.py"
    small.write_text(small.read_text() + "\n\ndef at_import():\n    return 1\n\n\nTWO = at_import() + 1\n")
    copy = mutation_score.Copy(project.parent / "copy")
    try:
        outcome, _, lines = copy.traced(["tests/test_small.py"], ["scratchnet/small.py"])
    finally:
        copy.close()
    assert outcome == "passed"
    reaching = {m.function: mutation_score.reaching(m, lines[m.path]) for m in mutants("small")}
    assert reaching == {"add": ["tests/test_small.py::test_add"], "untested": [], "at_import": [], "module": []}


@forks
def test_mutants_that_never_end_are_killed_by_the_clock(project, monkeypatch):
    (project / "scratchnet/small.py").write_text("def add(a, b):\n    while False:\n        pass\n    return a + b\n")
    (mutant,) = [m for m in mutants("small") if "False -> True" in m.change]
    copy = mutation_score.Copy(project.parent / "copy")
    try:
        copy.write(mutant.path, mutant.sources()[1])
        assert copy.test(["tests/test_small.py"], 0.2)[0] == "too slow"
        copy.write(mutant.path, mutant.sources()[0])
        assert copy.test(["tests/test_small.py"], None)[0] == "passed"
    finally:
        copy.close()


@forks
def test_tests_that_fail_anyway_are_no_measure(project, capsys):
    (project / "tests/test_small.py").write_text("def test_add():\n    assert False\n")
    assert mutation_score.main(["--count", "1"]) == 1
    assert "the tests of small fail without any change" in capsys.readouterr().err


def test_as_many_of_each_module_as_there_are(monkeypatch):
    everything = {
        name: [Mutant(name, "", "", str(i), 0, i) for i in range(many)] for name, many in (("a", 9), ("b", 2), ("c", 9))
    }
    monkeypatch.setattr(mutation_score, "mutants", everything.__getitem__)
    monkeypatch.setattr(Mutant, "can_run", lambda self: self.number != 4)
    chosen = mutation_score.drawn(["a", "b", "c"], 10, seed=3)
    assert [sum(m.module == name for m in chosen) for name in "abc"] == [4, 2, 4]
    assert len(set(chosen)) == 10
    assert mutation_score.drawn(["a", "b", "c"], 10, seed=3) == chosen
    assert mutation_score.drawn(["a", "b", "c"], 10, seed=4) != chosen
    assert len(mutation_score.drawn(["a", "b", "c"], 100, seed=3)) == 18


def test_every_mutant_that_is_called_equivalent_is_there():
    """A line that was edited has other mutants: what was said of the old ones is no longer true of any."""
    named = {mutant.name for module in mutation_score.MODULES for mutant in mutation_score.mutants(module)}
    assert mutation_score.EQUIVALENT.keys() - named == set()
