"""The ten sick trainings of lesson 12: the doctor finds in each what is wrong with it, and nothing in the healthy one."""

import numpy as np
import pytest

from scratchnet.datasets import synthetic
from scratchnet_lessons.exercises import attempt
from scratchnet_lessons.tools import patients


@pytest.fixture(scope="module")
def data():
    return synthetic.make(1000)


@pytest.mark.parametrize("patient", patients.ward(), ids=lambda patient: patient.bug)
def test_the_doctor_finds_the_bug_first(patient, data):
    assert patient.examine(*data).names[0] == patient.bug


def test_the_healthy_one_is_healthy_and_learns(data):
    healthy = patients.Patient(0, "none")
    assert healthy.examine(*data)
    history = healthy.train(*data, steps=100)
    assert history.losses[0] == pytest.approx(np.log(10), abs=0.15)
    assert np.mean(history.losses[-10:]) < 0.8 * history.losses[0]


def test_each_patient_has_a_number_and_a_bug_of_its_own():
    ward = patients.ward()
    assert [patient.number for patient in ward] == list(range(1, 11))
    assert len({patient.bug for patient in ward}) == 10


def test_only_what_is_wrong_is_wrong():
    """Mended, every patient is the healthy one."""
    right = {
        name: getattr(patients.Patient(0, "none"), name) for name in ("prepare", "shuffled", "split", "init", "relu", "step")
    }
    right |= {"lr": 0.1, "softmax_at_the_end": False, "by_class": False}
    for patient in patients.ward():
        assert sum(getattr(patient, name) != value for name, value in right.items()) == 1


def test_training_visits_every_image_once_an_epoch():
    batches = list(patients.Patient(0, "none")._batches(200, 8))
    for epoch in batches[:4], batches[4:]:
        assert sorted(np.concatenate(epoch)) == list(range(200))
    assert not np.array_equal(batches[0], batches[4])


def test_attempt():
    def double(x):
        x *= 2
        return x

    x = np.ones(2)
    result, failed = attempt(double, x)
    assert failed is None
    assert result.tolist() == [2, 2]
    assert x.tolist() == [1, 1]
    result, failed = attempt(lambda: 1 / 0)
    assert result is None
    assert not failed
    assert "ZeroDivisionError" in str(failed)
