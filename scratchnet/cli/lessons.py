"""``scratchnet lessons``."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchnet.cli.common import Failure, Misuse, number, print_json
from scratchnet.machine import how_to_install
from scratchnet.untrusted import one_line

if TYPE_CHECKING:
    from scratchnet_lessons.tools.library import Lesson

FOLDER = "scratchnet-lessons"


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "lessons",
        help="the lesson notebooks: list them with your progress, open or copy them, check exercises",
        description="From one neuron to a CNN in notebooks, with exercises that are checked on the spot. Without a further "
        "command the lessons are listed.",
    )
    parser.set_defaults(run=list_lessons, dir=None, json=False)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=type(parser))

    part = parts.add_parser("list", help="titles, times and your progress")
    _add_dir(part)
    part.add_argument("--json", action="store_true", help="print JSON")
    part.set_defaults(run=list_lessons)

    part = parts.add_parser("copy", help="copy the notebooks into a folder of your own, to work in")
    part.add_argument("dir", nargs="?", default=FOLDER, metavar="DIR", help=f"the folder (default {FOLDER})")
    part.set_defaults(run=copy)

    part = parts.add_parser("open", help="open a lesson in JupyterLab, in your folder; it is copied there first")
    part.add_argument(
        "lesson", nargs="?", type=number(int, 0), default=0, metavar="N", help="number of the lesson (default 0)"
    )
    _add_dir(part)
    part.set_defaults(run=open_lesson)

    part = parts.add_parser("check", help="run notebooks anew and say which exercises are right; exit status 0 if all are")
    part.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help=".ipynb files")
    part.add_argument("--json", action="store_true", help="print JSON")
    part.add_argument(
        "--time-limit",
        type=number(float, 0, above=True),
        default=120.0,
        metavar="S",
        help="seconds for each notebook (default 120)",
    )
    part.set_defaults(run=check)

    part = parts.add_parser("build", help="for authors: make notebooks from their source, in a checkout")
    part.add_argument("lessons", nargs="*", type=number(int, 0), metavar="N", help="numbers of lessons (default: all)")
    part.add_argument("--check", action="store_true", help="only say whether notebooks and sources agree")
    part.set_defaults(run=build)


def _add_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", metavar="DIR", help=f"your folder (default: this one if it has lessons, else {FOLDER})")


def list_lessons(args: argparse.Namespace) -> int:
    folder = _folder(args.dir)
    _lessons()
    from scratchnet_lessons.tools.folder import overview

    rows = overview(folder)
    if args.json:
        print_json({"folder": str(folder), "lessons": rows})
        return 0
    for row in rows:
        done, all_of_them = len(row["passed"]), len(row["exercises"])
        progress = f"{done} of {all_of_them} exercises" if all_of_them else ""
        tried = f", tried {', '.join(row['tried'])}" if row["tried"] else ""
        print(f"{row['lesson']:2d}  {row['title']:44s} {row['minutes']:3d} min  {progress}{tried}")
    place = (
        f"progress in {one_line(str(folder.resolve()))}"
        if folder.is_dir()
        else "scratchnet lessons open 0 begins with the first one"
    )
    print(f"\n{place}")
    return 0


def copy(args: argparse.Namespace) -> int:
    _lessons()
    from scratchnet_lessons.tools.folder import copy as copy_notebooks

    copied, kept = copy_notebooks(Path(args.dir))
    print(f"{len(copied)} notebooks copied to {one_line(args.dir)}" + (f", {len(kept)} were there and stay" if kept else ""))
    return 0


def open_lesson(args: argparse.Namespace) -> int:
    chosen = _chosen([args.lesson])[0]
    from scratchnet_lessons.tools.folder import copy as copy_notebooks

    jupyter = shutil.which("jupyter-lab", path=str(Path(sys.executable).parent)) or shutil.which("jupyter-lab")
    if jupyter is None:
        raise Failure(f"JupyterLab is not installed: {how_to_install('lessons')}")
    folder = _folder(args.dir)
    if not (folder / chosen.notebook.name).exists():
        copy_notebooks(folder)
    return subprocess.run([jupyter, str(folder / chosen.notebook.name)], check=False).returncode


def check(args: argparse.Namespace) -> int:
    _lessons()
    from scratchnet_lessons.tools.grade import grade

    grades = []
    for name in args.notebooks:
        path = Path(name)
        if not path.is_file():
            raise Failure(f"{name}: no such file")
        grades.append(grade(path, args.time_limit))
        if not args.json:
            _print_grade(grades[-1])
    if args.json:
        print_json({"notebooks": grades})
    return 0 if all(grade["passed"] == grade["of"] and not grade["problem"] for grade in grades) else 1


def _print_grade(grade: dict[str, Any]) -> None:
    passed = f"{grade['passed']} of {grade['of']} exercises"
    print(f"{one_line(grade['file'])}: lesson {grade['lesson']}, {grade['title']}: {passed}")
    for exercise in grade["exercises"]:
        status = "not written" if exercise["status"] == "open" else exercise["status"]
        print(f"  {exercise['id']:6s} {status:12s} {exercise['title']}")
        if exercise["status"] == "wrong":
            print("\n".join(f"         {line}" for line in exercise["says"].splitlines()))
    if grade["problem"]:
        print(f"  problem: {grade['problem']}")


def build(args: argparse.Namespace) -> int:
    chosen = _chosen(args.lessons)
    from scratchnet_lessons.tools.build import build as build_notebook
    from scratchnet_lessons.tools.build import problems

    if args.check:
        found = [problem for lesson in chosen for problem in problems(lesson)]
        print("\n".join(found) or f"{len(chosen)} notebooks agree with their sources")
        return 1 if found else 0
    for lesson in chosen:
        print(f"{lesson.notebook.name}  {build_notebook(lesson) / 1000:.0f} kB")
    return 0


def _lessons() -> "list[Lesson]":
    """All lessons; they are a package of their own, which nothing else imports."""
    try:
        from scratchnet_lessons.tools.library import lessons
    except ModuleNotFoundError as error:
        if error.name != "scratchnet_lessons":
            raise
        raise Failure(f"the lessons are not installed here: {how_to_install('lessons')}") from error
    found: list[Lesson] = lessons()
    return found


def _chosen(numbers: list[int]) -> "list[Lesson]":
    all_of_them = {lesson.number: lesson for lesson in _lessons()}
    for n in numbers:
        if n not in all_of_them:
            raise Misuse(f"there is no lesson {n}, wanted one of {', '.join(map(str, all_of_them))}")
    return [all_of_them[n] for n in numbers or all_of_them]


def _folder(name: str | None) -> Path:
    """The learner's folder."""
    if name is not None:
        return Path(name)
    return Path() if any(Path().glob("[0-9][0-9]_*.ipynb")) else Path(FOLDER)
