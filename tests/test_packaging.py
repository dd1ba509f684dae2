"""All packages are installed: setup.cfg lists them by hand, as one of them lies in a folder of another name."""

import configparser
from pathlib import Path

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
