"""The import rule: imports go down, files are touched in few places, and NumPy alone is enough.

Read from the source (ast), so that a forbidden import is found wherever it hides; and once for real, in a fresh interpreter.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import scratchnet

ROOT = Path(scratchnet.__file__).parent

# Each part of the package on its floor; it may import what is on its own floor or below, in no circle.
FLOORS = [
    ["typing", "arguments", "memory", "machine", "rng", "init", "files", "untrusted", "npz"],
    ["layers", "losses", "optim", "metrics", "preprocess", "imaging", "picture", "datasets", "gradcheck", "serialize"],
    ["augment", "corruptions", "picture_file", "models", "recipes", "engine"],
    ["anomaly", "train", "fitting", "tuning", "explain", "inspection", "checkpoint", "runs", "results", "trained"],
    ["viz", "web"],
    ["cli"],
    ["__main__"],
]
FLOOR = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}

# "files" and "npz" are their tools; "machine" reads limits
MAY_TOUCH_FILES = {"datasets", "picture_file", "serialize", "checkpoint", "runs", "results", "trained", "cli", "web"}

# Who is about an optional dependency, and may import it at module level. Others import it in the function that needs it.
ABOUT = {"matplotlib": {"viz"}, "mpl_toolkits": {"viz"}, "cycler": {"viz"}, "flask": {"web"}, "werkzeug": {"web"}}

FILE_FUNCTIONS = {"open", "fdopen", "memmap", "fromfile", "tofile", "loadtxt", "savetxt", "genfromtxt", "savez"}
FILE_FUNCTIONS |= {"savez_compressed", "read_text", "write_text", "read_bytes", "write_bytes", "urlopen", "urlretrieve"}
FILE_FUNCTIONS |= {"mkdir", "makedirs", "unlink", "rmdir", "rmtree", "touch", "mkstemp", "mkdtemp", "TemporaryDirectory"}
FILE_FUNCTIONS |= {
    "NamedTemporaryFile",
    "TemporaryFile",
    "iterdir",
    "glob",
    "rglob",
    "listdir",
    "scandir",
    "copyfile",
    "copytree",
}
NUMPY_FILE_FUNCTIONS = {"load", "save"}  # as np.load; a method of that name is somebody else's


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
every_module = pytest.mark.parametrize("name", MODULES)


def part_of(module):
    """scratchnet.layers.conv -> layers; the package itself has no part."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else None


class Imports(ast.NodeVisitor):
    """Collects (module, where) for every import; where is "module", "function" or "typing"."""

    def __init__(self, name, is_package=False):
        self.package, self.where, self.found = name if is_package else name.rpartition(".")[0], "module", []

    def visit_Import(self, node):
        self.found += [(alias.name, self.where) for alias in node.names]

    def visit_ImportFrom(self, node):
        base = node.module or ""
        if node.level:
            start = self.package.split(".")
            base = ".".join([*start[: len(start) - node.level + 1], *([base] if base else [])])
        for alias in node.names:  # "from scratchnet.datasets import idx" imports a module, "... import Layer" a name
            submodule = f"{base}.{alias.name}"
            self.found.append((submodule if submodule in MODULES else base, self.where))

    def inside(self, where, nodes):
        before, self.where = self.where, where if self.where == "module" else self.where
        for node in nodes:
            self.visit(node)
        self.where = before

    def visit_FunctionDef(self, node):
        self.inside("function", ast.iter_child_nodes(node))

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_If(self, node):
        is_typing = "TYPE_CHECKING" in ast.dump(node.test)
        self.inside("typing" if is_typing else "module", node.body)
        self.inside("module", node.orelse)


def imports_in(source, name="scratchnet.example"):
    visitor = Imports(name)
    visitor.visit(ast.parse(source))
    return visitor.found


def imports_of(name):
    path = MODULES[name]
    visitor = Imports(name, is_package=path.name == "__init__.py")
    visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    return visitor.found


def own(found):
    return [(module, where) for module, where in found if module.split(".")[0] == "scratchnet"]


def foreign(found):
    names = [(module.split(".")[0], where) for module, where in found]
    return [(n, w) for n, w in names if n not in ("scratchnet", "numpy") and n not in sys.stdlib_module_names]


# --- the source ----------------------------------------------------------------------------------------------------------


@every_module
def test_every_part_has_a_floor(name):
    assert part_of(name) in {None, *FLOOR}, f"{name}: a new part needs a place in the table"


@every_module
def test_imports_go_down(name):
    for module, where in own(imports_of(name)):
        here, there = part_of(name), part_of(module)
        if where != "typing" and here in FLOOR and there in FLOOR:
            assert FLOOR[there] <= FLOOR[here], f"{name} imports {module}, which stands above it"


def circle(graph):
    """Some circle of a graph {node: set of nodes}, or None."""
    done, path = set(), []

    def walk(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        path.append(node)
        found = next(filter(None, map(walk, sorted(graph.get(node, ())))), None)
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(walk, sorted(graph))), None)


def test_no_circles_between_parts():
    graph = {}
    for name in MODULES:
        if part_of(name) is not None:
            others = {part_of(m) for m, where in own(imports_of(name)) if where != "typing"} - {None, part_of(name)}
            graph.setdefault(part_of(name), set()).update(others)
    assert circle(graph) is None


def test_no_circles_between_modules():
    graph = {name: {m for m, where in own(imports_of(name)) if where != "typing" and m != name} for name in MODULES}
    assert circle(graph) is None


@every_module
def test_nobody_imports_the_lessons(name):
    """But for the command that opens them, and that one where it needs them."""
    found = [(m, where) for m, where in imports_of(name) if m.split(".")[0] in ("lessons", "scratchnet_lessons", "tests")]
    if name == "scratchnet.cli.lessons":
        found = [(m, where) for m, where in found if where == "module" or m.split(".")[0] != "scratchnet_lessons"]
    assert not found


@every_module
def test_only_viz_knows_matplotlib(name):
    if part_of(name) != "viz":
        assert not [m for m, _ in imports_of(name) if m.split(".")[0] in ("matplotlib", "mpl_toolkits", "pylab")]


@every_module
def test_nobody_imports_viz_or_web_at_module_level(name):
    if part_of(name) not in ("viz", "web"):
        found = [m for m, where in own(imports_of(name)) if where == "module" and part_of(m) in ("viz", "web")]
        assert not found, f"{name}: import it in the function that needs it"


@every_module
def test_optional_dependencies_are_imported_where_they_are_needed(name):
    found = [m for m, where in foreign(imports_of(name)) if where == "module" and part_of(name) not in ABOUT.get(m, ())]
    assert not found, f"{name}: import it in the function that needs it"


def file_calls(source):
    """Names of the calls in a source that touch files."""
    calls = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in FILE_FUNCTIONS:
            calls.append(called.id)
        elif isinstance(called, ast.Attribute):
            of_numpy = isinstance(called.value, ast.Name) and called.value.id in ("np", "numpy")
            if called.attr in FILE_FUNCTIONS or (of_numpy and called.attr in NUMPY_FILE_FUNCTIONS):
                calls.append(called.attr)
    return calls


@every_module
def test_only_few_touch_files(name):
    if part_of(name) not in MAY_TOUCH_FILES | {"files", "npz", "machine"}:
        found = file_calls(MODULES[name].read_text(encoding="utf-8"))
        assert not found, f"{name} touches files"
        assert "files" not in {part_of(module) for module, _ in own(imports_of(name))}, f"{name} touches files"


# --- the reader itself -----------------------------------------------------------------------------------------------------


def test_the_reader_finds_every_kind_of_import():
    source = """
import numpy as np, os.path
from scratchnet import viz
from scratchnet.layers.base import Layer
if TYPE_CHECKING:
    from PIL import Image
try:
    import tqdm
except ImportError:
    tqdm = None
class A:
    import requests
    def f(self):
        from matplotlib import pyplot
        if x:
            import pooch
"""
    found = imports_in(source)
    assert ("numpy", "module") in found
    assert ("os.path", "module") in found
    assert ("scratchnet.layers.base", "module") in found
    assert foreign(found) == [
        ("PIL", "typing"),
        ("tqdm", "module"),
        ("requests", "module"),
        ("matplotlib", "function"),
        ("pooch", "function"),
    ]
    assert imports_in("from . import base\nfrom ..init import fans", "scratchnet.layers.conv") == [
        ("scratchnet.layers.base", "module"),
        ("scratchnet.init", "module"),
    ]


def test_the_reader_finds_files_and_circles():
    source = "with open(p) as f: pass\nnp.load(p)\npath.write_text('x')\nimage = Image.open(p)"
    assert sorted(file_calls(source)) == ["load", "open", "open", "write_text"]
    assert file_calls("model.load(x)\nx.copy()\nopening(p)") == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


# --- for real --------------------------------------------------------------------------------------------------------------


def in_a_fresh_interpreter(code):
    """What the code prints as JSON."""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


LOADED_BY = """
import json, sys
before = set(sys.modules)
{statements}
tops = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(tops - set(sys.stdlib_module_names))))
"""


def test_importing_the_package_and_its_layers_loads_numpy_alone():
    core = [m for m in MODULES if FLOOR.get(part_of(m)) == 0 or part_of(m) in ("layers", "losses", "optim")]
    numpy_alone = set(
        in_a_fresh_interpreter(LOADED_BY.format(statements="import numpy, numpy.random, numpy.lib.stride_tricks"))
    )
    for statements in "import scratchnet", f"import {', '.join(core)}":
        loaded = set(in_a_fresh_interpreter(LOADED_BY.format(statements=statements)))
        assert loaded - numpy_alone == {"scratchnet"}


def test_every_module_but_viz_can_be_imported_without_optional_dependencies():
    names = [m for m in MODULES if part_of(m) not in ("viz", "web", "__main__")]
    code = f"""
import importlib, json, sys
import numpy

class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in ("scratchnet", "numpy") and top not in sys.stdlib_module_names:
            raise ImportError(f"{{name}} is not installed")

sys.meta_path.insert(0, OnlyNumPy())
failed = []
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(f"{{name}}: {{error}}")
print(json.dumps(failed))
"""
    assert in_a_fresh_interpreter(code) == []
