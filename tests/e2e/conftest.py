"""A served page, and a browser that looks at it. Skipped, with the reason, where there is no browser."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIET = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # a test picture that moves


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def browser_path():
    """A Chromium of the system; $SCRATCHNET_CHROMIUM names another one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("SCRATCHNET_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window."""
    for module, extra in (("flask", "web"), ("playwright", "e2e")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install scratchnet[{extra}]")
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium found: install it, or name it in $SCRATCHNET_CHROMIUM")
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=[*QUIET, *CAMERA, *sandbox])
        yield found
        found.close()


@pytest.fixture(scope="session")
def address(browser, tmp_path_factory):
    """The page's address, as ``scratchnet draw`` prints it."""
    runs = tmp_path_factory.mktemp("runs")
    save_runs(runs)
    command = [sys.executable, "-m", "scratchnet", "draw", "--port", "0", "--no-browser", "--runs", str(runs)]
    command += ["--data-dir", str(tmp_path_factory.mktemp("no-data"))]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            assert line.startswith("draw at http://127.0.0.1:"), line
            yield line.split()[2]
        finally:
            server.terminate()


def save_runs(folder):
    """Two networks that a learner has trained: one with residuals and BatchNorm, one of dense layers alone."""
    import numpy as np

    from scratchnet import layers
    from scratchnet.models import build
    from scratchnet.preprocess import Normalization
    from scratchnet.serialize import save_model

    rng = np.random.default_rng(0)
    residual = layers.Sequential(
        layers.Conv2d(1, 4, 3, pad=1, rng=rng),
        layers.BatchNorm2d(4),
        layers.ReLU(),
        layers.MaxPool2d(),
        layers.Residual(layers.Sequential(layers.Conv2d(4, 4, 3, pad=1, rng=rng), layers.ReLU())),
        layers.Residual(layers.Conv2d(4, 6, 3, pad=1, rng=rng), layers.Conv2d(4, 6, 1, rng=rng)),
        layers.GlobalAvgPool(),
        layers.Dense(6, 10, rng=rng),
    )
    metadata = {"input_shape": [1, 28, 28], "num_classes": 10, "normalization": Normalization().to_dict()}
    for name, model in (("residual", residual), ("mlp", build("mlp"))):
        (folder / name).mkdir()
        save_model(folder / name / "model.npz", model, metadata)


@pytest.fixture
def visit(browser, address):
    """visit() -> a page that is ready. At the end: no message in the console, no request to anybody else."""
    contexts, complaints = [], []

    def visited(view="", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: foreign(request.url))
        page.goto(f"{address}#view-{view}")
        page.locator("#answer", has_text=re.compile(r"\d")).wait_for()
        return page

    def foreign(url):
        if not url.startswith((address, "blob:", "data:")):
            complaints.append(f"a request to {url}")

    yield visited
    for context in contexts:
        context.close()
    assert complaints == []
