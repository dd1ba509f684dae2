"""The application with small networks, without a browser and without a server."""

import base64
import importlib.util

import numpy as np
import pytest
from pictures import draw
from web_case import METADATA, deep_linear, every_layer, pooled

from scratchnet.datasets.mnist import Dataset
from scratchnet.picture import digit_from_picture
from scratchnet.serialize import save_model
from scratchnet.web.gallery import Gallery
from scratchnet.web.why import Examples

if importlib.util.find_spec("flask") is None:  # the extra "web"; "test" brings it
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of runs: one with every layer, one with global pooling, one without nonlinearities, one that is damaged."""
    folder = tmp_path_factory.mktemp("runs")
    for name, model in (("every", every_layer()), ("pooled", pooled()), ("linear", deep_linear())):
        (folder / name).mkdir()
        save_model(folder / name / "model.npz", model, METADATA)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "model.npz").write_bytes(b"no archive")
    return folder


class FewExamples(Examples):
    """Forty noise images, so that nothing has to be read or drawn."""

    def _read(self):
        images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
        return Dataset(images, np.arange(40) % 10, "noise", "train", "")


def make_app(**settings):
    from flask.testing import FlaskClient

    from scratchnet.web.app import Settings, create_app

    class Client(FlaskClient):
        """Reads each answer at once, so that a file that is sent does not stay open."""

        def open(self, *args, **options):
            return super().open(*args, **{"buffered": True, **options})

    app = create_app(Settings(**settings))
    app.test_client_class = Client
    return app


@pytest.fixture
def make():
    """make(**settings) -> a client of an application with these settings."""
    return lambda **settings: make_app(**settings).test_client()


@pytest.fixture
def app(runs):
    return make_app(gallery=Gallery(runs), examples=FewExamples())


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def digit():
    """A three, as ``digit`` wants it."""
    return base64.b64encode(digit_from_picture(draw(3, "plain")).tobytes()).decode()


@pytest.fixture
def ask(client):
    """ask(path, **values) -> the answer, which must be 200 or ``status``."""

    def asked(path, status=200, **values):
        response = client.post(f"/api/{path}", json=values)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    return asked
