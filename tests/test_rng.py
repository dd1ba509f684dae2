import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.rng import Purpose, stream

words = st.integers(0, 2**64 - 1)


def raw(seed, purpose, step=0, shard=0, n=256):
    return stream(seed, purpose, step=step, shard=shard).bit_generator.random_raw(n)


@given(words, st.sampled_from(Purpose), words, words)
def test_the_same_four_numbers_give_the_same_stream(seed, purpose, step, shard):
    np.testing.assert_array_equal(raw(seed, purpose, step, shard), raw(seed, purpose, step, shard))


def test_step_and_shard_are_0_if_not_given():
    np.testing.assert_array_equal(stream(3, Purpose.INIT).random(8), stream(3, Purpose.INIT, step=0, shard=0).random(8))


def test_streams_never_meet():
    """No 64-bit word occurs in two streams: so no stream is another one, shifted or not, within these draws.

    By chance two of 400 000 words would be equal once in 200 million runs.
    """
    keys = [
        (seed, purpose, step, shard)
        for seed in (0, 1, 2)
        for purpose in Purpose
        for step in (0, 1, 2, 3, 4, 255, 256, 2**32)
        for shard in (0, 1, 2, 3)
    ]
    draws = np.concatenate([raw(*key, n=800) for key in keys])
    assert len(np.unique(draws)) == len(draws)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0, Purpose.STEP, 7, 0), (0, Purpose.STEP, 8, 0)),
        ((0, Purpose.STEP, 7, 0), (0, Purpose.STEP, 7, 1)),
        ((0, Purpose.STEP, 0, 3), (0, Purpose.STEP, 1, 0)),
        ((5, Purpose.INIT, 0, 0), (6, Purpose.INIT, 0, 0)),
        ((1, Purpose.INIT, 0, 0), (0, Purpose.SHUFFLE, 0, 0)),  # as if seed and purpose were added
        ((0, Purpose.SHUFFLE, 0, 0), (0, Purpose.STEP, 0, 0)),
        ((0, Purpose.SPLIT, 1, 0), (0, Purpose.SYNTHETIC, 0, 0)),
    ],
)
def test_neighbouring_streams_do_not_run_into_each_other(one, other):
    """A long stretch of one against a long stretch of the other: with the step in the lowest word this would fail."""
    assert not np.intersect1d(raw(*one, n=200_000), raw(*other, n=200_000)).size


def test_a_step_is_had_without_the_steps_before_it():
    """Drawing from one stream moves no other: there is no state outside the generators."""
    wanted = stream(0, Purpose.STEP, step=1000).random(16)
    for step in range(5):
        stream(0, Purpose.STEP, step=step).random(1000)
    np.random.default_rng(0).random(10)
    np.testing.assert_array_equal(stream(0, Purpose.STEP, step=1000).random(16), wanted)


def test_the_counter_is_as_documented():
    """Saved runs depend on these exact streams."""
    generator = stream(11, Purpose.STEP, step=5, shard=2)
    wanted = np.random.Generator(
        np.random.Philox(key=np.array([11, 2], np.uint64), counter=np.array([0, 0, 2, 5], np.uint64))
    )
    np.testing.assert_array_equal(generator.random(100), wanted.random(100))
    assert [int(purpose) for purpose in Purpose] == [0, 1, 2, 3, 4, 5, 6]
    assert [purpose.name for purpose in Purpose] == [
        "INIT",
        "SHUFFLE",
        "STEP",
        "SPLIT",
        "SYNTHETIC",
        "EVALUATION",
        "GRADCHECK",
    ]


@pytest.mark.parametrize("big", [2**31, 2**32, 2**53 + 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("name", ["seed", "step", "shard"])
def test_big_numbers_are_not_rounded(name, big):
    def draw(value):
        arguments = {"seed": 0, "step": 0, "shard": 0, name: value}
        return tuple(stream(arguments.pop("seed"), Purpose.STEP, **arguments).bit_generator.random_raw(4))

    assert len({draw(big), draw(big - 1), draw(big - 2), draw(0)}) == 4


def test_numpy_integers_will_do():
    np.testing.assert_array_equal(raw(np.int64(3), Purpose.STEP, np.uint8(200), np.int32(1)), raw(3, Purpose.STEP, 200, 1))


def test_draws_are_uniform_and_streams_unrelated():
    draws = np.array([stream(0, Purpose.STEP, step=step).random(2000) for step in range(20)])
    assert abs(draws.mean() - 0.5) < 5 / np.sqrt(12 * draws.size)
    correlations = np.corrcoef(draws)[~np.eye(20, dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize("name", ["seed", "step", "shard"])
@pytest.mark.parametrize("value", [-1, 2**64, -(2**70)])
def test_numbers_that_do_not_fit(name, value):
    arguments = {"seed": 0, "step": 0, "shard": 0, name: value}
    with pytest.raises(ValueError, match=re.escape(f"stream: {name} must be in 0 .. 2**64 - 1, got {value}")):
        stream(arguments.pop("seed"), Purpose.INIT, **arguments)


@pytest.mark.parametrize("name", ["seed", "step", "shard"])
def test_fractions_are_not_cut_off(name):
    """Step 1.5 must not silently be step 1."""
    arguments = {"seed": 0, "step": 0, "shard": 0, name: 1.5}
    with pytest.raises((ValueError, TypeError), match=r"1\.5|integer"):
        stream(arguments.pop("seed"), Purpose.INIT, **arguments)
