"""The lessons under test are this checkout's, whatever is installed."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load():
    folder = ROOT / "lessons"
    where = {"submodule_search_locations": [str(folder)]}
    spec = importlib.util.spec_from_file_location("scratchnet_lessons", folder / "__init__.py", **where)
    sys.modules["scratchnet_lessons"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


_load()


@pytest.fixture(autouse=True)
def fresh_session(tmp_path, monkeypatch):
    """A learner who has just started Python, in a folder of their own and in a hurry."""
    from scratchnet_lessons.tools import session

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCRATCHNET_FAST", "1")
    session.begin()
    yield
    session.begin()
