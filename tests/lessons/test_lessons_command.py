import json
from pathlib import Path

import pytest

from scratchnet import cli
from scratchnet_lessons.tools import library, progress


def run(capsys, *arguments):
    try:
        status = cli.main(["lessons", *arguments])
    except SystemExit as end:
        status = end.code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_list_shows_titles_times_and_progress(capsys, tmp_path):
    progress.record(tmp_path, "3.1", True)
    progress.record(tmp_path, "3.2", False)
    status, out, _ = run(capsys, "list", "--dir", str(tmp_path))
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith(" 3 ")]
    assert line.split() == ["3", "Numeric", "gradients", "40", "min", "1", "of", "3", "exercises,", "tried", "3.2"]
    assert len(out.splitlines()) == len(library.lessons()) + 2
    rows = json.loads(run(capsys, "list", "--dir", str(tmp_path), "--json")[1])["lessons"]
    assert [row["passed"] for row in rows if row["lesson"] == 3] == [["3.1"]]


def test_without_a_command_the_lessons_of_this_folder_are_listed(capsys):
    status, out, _ = run(capsys)
    assert status == 0
    assert "0 of 3 exercises" in out


def test_copies_stay_the_learners_own(capsys, tmp_path):
    assert run(capsys, "copy", "mine")[0] == 0
    first = library.lessons()[0].notebook.name
    (tmp_path / "mine" / first).write_text("my work")
    status, out, _ = run(capsys, "copy", "mine")
    assert status == 0
    assert f"0 notebooks copied to mine, {len(library.lessons())} were there" in out
    assert (tmp_path / "mine" / first).read_text() == "my work"


def test_check_prints_or_gives_json_and_its_status_says_whether_all_is_right(capsys):
    run(capsys, "copy", "mine")
    path = Path("mine") / library.lesson(3).notebook.name
    name = str(path)
    status, out, err = run(capsys, "check", name)
    assert (status, err) == (1, "")
    assert "0 of 3 exercises" in out
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for tag in cell["metadata"].get("tags", ()):
            cell["source"] = library.exercise(tag.removeprefix("exercise-")).solution
    path.write_text(json.dumps(notebook), encoding="utf-8")
    status, out, err = run(capsys, "check", name, "--json")
    (grade,) = json.loads(out)["notebooks"]
    assert (status, grade["passed"], grade["problem"]) == (0, 3, "")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("open", "99"), 2, "there is no lesson 99, wanted one of"),
        (("build", "--check", "99"), 2, "there is no lesson 99"),
        (("open", "three"), 2, "found 'three'"),
        (("check",), 2, "NOTEBOOK"),
        (("check", "absent.ipynb"), 1, "absent.ipynb: no such file"),
        (("check", "broken.ipynb"), 1, "broken.ipynb is no notebook"),
        (("list", "--dir", "broken"), 1, "does not hold progress"),
        (("copy", "broken.ipynb"), 1, "broken.ipynb"),
    ],
)
def test_misuse_and_failure_are_one_line(capsys, tmp_path, arguments, status, said):
    (tmp_path / "broken.ipynb").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / progress.FILE).write_text("?")
    got, _, err = run(capsys, *arguments)
    assert got == status
    assert said in err
    assert len(err.splitlines()) == 1


def test_open_starts_jupyterlab_on_a_copy(capsys, tmp_path, monkeypatch):
    started = []

    def start(command, check):
        started.append(command)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr("scratchnet.cli.lessons.shutil.which", lambda name, path=None: f"/bin/{name}")
    monkeypatch.setattr("scratchnet.cli.lessons.subprocess.run", start)
    name = library.lesson(3).notebook.name
    assert run(capsys, "open", "3")[0] == 0
    assert [command[0] for command in started] == ["/bin/jupyter-lab"]
    assert started[0][1].endswith(name)
    assert (tmp_path / "scratchnet-lessons" / name).exists()
    monkeypatch.setattr("scratchnet.cli.lessons.shutil.which", lambda name, path=None: None)
    assert 'python -m pip install -e ".[lessons]"' in run(capsys, "open", "3")[2]
