"""What is installed: packages are listed by hand in setup.cfg, as one of them lies in a folder of another name."""

import base64
import configparser
import hashlib
import importlib.util
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_every_package_is_listed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    homes = {"scratchnet": ROOT / "scratchnet", "scratchnet_lessons": ROOT / "lessons"}
    found = [
        ".".join([name, *file.parent.relative_to(home).parts])
        for name, home in homes.items()
        for file in home.rglob("__init__.py")
    ]
    assert sorted(listed) == sorted(found)


def test_the_command_is_the_package_s_main():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    name, _, place = config["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, function = place.split(":")
    assert (name, module) == ("scratchnet", "scratchnet.__main__")
    assert callable(getattr(importlib.import_module(module), function))


def test_an_editable_install_puts_the_clones_plain_path_first(tmp_path):
    pytest.importorskip("setuptools")
    spec = importlib.util.spec_from_file_location("backend", ROOT / "lessons" / "packaging" / "backend.py")
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    wheel, finder = tmp_path / "x.whl", b"import finder; finder.install()"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("__editable__.x.pth", finder)
        file.writestr("x.dist-info/RECORD", "__editable__.x.pth,sha256=old,31\nx.dist-info/RECORD,,\n")
    for _ in range(2):  # a second time changes nothing
        backend.add_path(wheel, Path("/clone"))
        with zipfile.ZipFile(wheel) as file:
            assert sorted(file.namelist()) == ["__editable__.x.pth", "x.dist-info/RECORD"]
            pth, record = (file.read(name) for name in ("__editable__.x.pth", "x.dist-info/RECORD"))
        assert pth.splitlines() == [str(Path("/clone")).encode(), finder]
        digest = base64.urlsafe_b64encode(hashlib.sha256(pth).digest()).decode().rstrip("=")
        assert record.decode().splitlines() == [f"__editable__.x.pth,sha256={digest},{len(pth)}", "x.dist-info/RECORD,,"]
