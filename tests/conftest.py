"""What all tests share: how hypothesis searches, and where the real MNIST files are."""

import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: the tests' products are too small to share

import leftovers
import pytest
from hypothesis import HealthCheck, Phase, settings

pytest.register_assert_rewrite("reference")

# No deadline: a loaded machine is not a bug. In CI always the same examples, so that a change is to blame for a failure.
settings.register_profile(
    "scratchnet",
    deadline=None,
    max_examples=30,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(  # for benchmarks.mutation_score, to which one failing example is as good as another
    "no-shrinking", settings.get_profile("scratchnet"), phases=[Phase.explicit, Phase.generate], derandomize=True
)
settings.load_profile("scratchnet")


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind(tmp_path_factory):
    """No process, thread, shared memory or file outlives the tests; the last of them gets the error."""
    tmp_path_factory.getbasetemp()  # made now, where temporary files belong that are to stay for a while
    watch = leftovers.Watch()
    watch.begin()
    yield
    assert watch.end() == []


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run every lesson whole with wrong answers in it")


def pytest_collection_modifyitems(items):
    """Skip what is marked ``mnist`` where there is no MNIST."""
    if not os.environ.get("SCRATCHNET_DATA"):
        for item in items:
            if "mnist" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="set SCRATCHNET_DATA to the folder of the MNIST files"))


@pytest.fixture(scope="session")
def mnist_dir():
    """The folder of the real MNIST files; for tests marked ``mnist``."""
    if not os.environ.get("SCRATCHNET_DATA"):
        pytest.skip("set SCRATCHNET_DATA to the folder of the MNIST files")
    return Path(os.environ["SCRATCHNET_DATA"])
