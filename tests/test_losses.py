import itertools
import math
import re

import numpy as np
import pytest
import reference as ref
import strategies
from hypothesis import given
from hypothesis import strategies as st

from scratchnet.losses import (
    MeanSquaredError,
    MulticlassHinge,
    SoftmaxCrossEntropy,
    mean_squared_error_backward,
    mean_squared_error_forward,
    multiclass_hinge_backward,
    multiclass_hinge_forward,
    require_loss,
    softmax,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)

smoothings = st.sampled_from([0.0, 0.1, 0.5, 0.9])
shares = st.sampled_from([1.0, 0.25, -2.0, 0.0])


def scores(shape, seed, scale=2.0):
    """logits (N, K) and labels (N,)"""
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, shape), rng.integers(0, shape[1], shape[0])


# --- softmax cross-entropy ----------------------------------------------------------------------------------------------


@given(strategies.logit_shapes(), strategies.seeds, st.sampled_from([0.1, 3.0, 100.0]))
def test_softmax_is_the_formula(shape, seed, scale):
    logits, _ = scores(shape, seed, scale)
    probs = softmax(logits)
    ref.assert_close(probs, np.array([ref.softmax_row(row) for row in logits.tolist()]))
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-12)
    ref.assert_close(softmax(logits + 7), probs, 1e-11)


@given(strategies.logit_shapes(), strategies.seeds, smoothings)
def test_cross_entropy_is_the_formula(shape, seed, label_smoothing):
    logits, labels = scores(shape, seed)
    loss, _ = softmax_cross_entropy_forward(logits, labels, label_smoothing)
    assert type(loss) is float
    assert loss == pytest.approx(ref.softmax_cross_entropy(logits, labels, label_smoothing), rel=1e-12)


@given(strategies.logit_shapes(), strategies.seeds, smoothings, shares)
def test_cross_entropy_gradient(shape, seed, label_smoothing, dloss):
    logits, labels = scores(shape, seed)
    dlogits = softmax_cross_entropy_backward(dloss, softmax_cross_entropy_forward(logits, labels, label_smoothing)[1])
    numeric = ref.numeric_gradient(lambda x: softmax_cross_entropy_forward(x, labels, label_smoothing)[0], logits, dloss)
    ref.assert_gradient(dlogits, numeric, "dlogits")
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-14)


def test_cross_entropy_by_hand():
    logits = np.log([[1.0, 2.0, 1.0], [5.0, 1.0, 4.0]])
    loss, cache = softmax_cross_entropy_forward(logits, np.array([1, 2]))
    assert loss == pytest.approx((math.log(2) + math.log(2.5)) / 2)
    np.testing.assert_allclose(
        softmax_cross_entropy_backward(1.0, cache), [[0.125, -0.25, 0.125], [0.25, 0.05, -0.3]], rtol=1e-12
    )
    smoothed, cache = softmax_cross_entropy_forward(logits[:1], np.array([1]), 0.3)
    assert smoothed == pytest.approx(0.8 * math.log(2) + 0.1 * math.log(4) + 0.1 * math.log(4))
    np.testing.assert_allclose(softmax_cross_entropy_backward(1.0, cache), [[0.15, -0.3, 0.15]], rtol=1e-12)


def test_a_network_that_knows_nothing_loses_log_k():
    for k in 2, 10:
        loss, _ = softmax_cross_entropy_forward(np.zeros((5, k)), np.arange(5) % k)
        assert loss == pytest.approx(math.log(k))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_extreme_logits_give_the_exact_loss_and_gradient(dtype, label_smoothing):
    """Log of a softmax that was rounded to 0 would be infinite; exp(1e4) too."""
    logits = np.array([[1e4, -1e4], [1e4, -1e4], [1e4, 1e4], [-1e4, -1e4]], dtype)
    labels = np.array([0, 1, 0, 1])
    with np.errstate(all="raise", under="ignore"):
        loss, cache = softmax_cross_entropy_forward(logits, labels, label_smoothing)
        dlogits = softmax_cross_entropy_backward(1.0, cache)
    s = label_smoothing
    assert loss == pytest.approx((s / 2 * 2e4 + (1 - s / 2) * 2e4 + 2 * math.log(2)) / 4, rel=1e-6)
    wanted = (
        np.array([[s / 2, -s / 2], [1 - s / 2, -1 + s / 2], [-0.5 + s / 2, 0.5 - s / 2], [0.5 - s / 2, -0.5 + s / 2]]) / 4
    )
    np.testing.assert_allclose(dlogits, wanted, rtol=1e-5, atol=1e-8)
    assert dlogits.dtype == dtype


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_extreme_row(right, dtype):
    loss, cache = softmax_cross_entropy_forward(np.array([[1e4, -1e4, 0]], dtype), np.array([0 if right else 1]))
    assert loss == (0 if right else 2e4)
    assert softmax_cross_entropy_backward(1.0, cache).tolist() == [[0, 0, 0] if right else [1, -1, 0]]


def test_softmax_at_the_extremes():
    np.testing.assert_array_equal(softmax(np.array([[1e4, -1e4], [1e38, 1e38]], np.float32)), [[1, 0], [0.5, 0.5]])


@pytest.mark.parametrize("label_smoothing", [0.0, 0.5])
def test_cross_entropy_adds_up_in_float64(label_smoothing):
    logits = np.random.default_rng(0).normal(0, 3, (20_000, 5)).astype(np.float32)
    loss, _ = softmax_cross_entropy_forward(logits, np.zeros(len(logits), int), label_smoothing)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).tolist()  # in float32
    right = math.fsum(row[0] for row in log_probs) / len(log_probs)
    mean = math.fsum(itertools.chain.from_iterable(log_probs)) / logits.size
    assert loss == pytest.approx(-(1 - label_smoothing) * right - label_smoothing * mean, rel=1e-12)


def test_smoothing_is_for_training_alone():
    logits, labels = scores((4, 3), 0)
    loss = SoftmaxCrossEntropy(label_smoothing=0.2)
    assert loss.forward(logits, labels)[0] == pytest.approx(ref.softmax_cross_entropy(logits, labels, 0.2))
    plain = loss.without_smoothing()
    assert plain.forward(logits, labels)[0] == pytest.approx(ref.softmax_cross_entropy(logits, labels))
    assert loss.forward(logits, labels)[0] == pytest.approx(ref.softmax_cross_entropy(logits, labels, 0.2))


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), MulticlassHinge(2.0), MeanSquaredError()])
def test_a_loss_without_smoothing_stays_what_it_is(loss):
    out, labels = scores((4, 3), 0)
    targets = out[::-1] if isinstance(loss, MeanSquaredError) else labels
    assert loss.without_smoothing().forward(out, targets)[0] == loss.forward(out, targets)[0]


# --- hinge ---------------------------------------------------------------------------------------------------------------


@given(strategies.logit_shapes(), strategies.seeds, st.sampled_from([1.0, 0.5, 3.0]))
def test_hinge_is_the_formula(shape, seed, margin):
    logits, labels = scores(shape, seed)
    loss, _ = multiclass_hinge_forward(logits, labels, margin)
    assert type(loss) is float
    assert loss == pytest.approx(ref.multiclass_hinge(logits, labels, margin), rel=1e-12)


@given(strategies.logit_shapes(), strategies.seeds, st.sampled_from([1.0, 0.5, 3.0]), shares)
def test_hinge_gradient(shape, seed, margin, dloss):
    """Scores on a grid of 1/8 and a margin in the middle of two grid points: no margin is met exactly."""
    _, labels = scores(shape, seed)
    logits = np.random.default_rng(seed).integers(-16, 17, shape) / 8
    margin += 1 / 16
    dlogits = multiclass_hinge_backward(dloss, multiclass_hinge_forward(logits, labels, margin)[1])
    numeric = ref.numeric_gradient(lambda x: multiclass_hinge_forward(x, labels, margin)[0], logits, dloss)
    ref.assert_gradient(dlogits, numeric, "dlogits")
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-14)


def test_hinge_by_hand():
    logits = np.array([[3.0, 2.5, -1.0, 4.0], [9.0, 1.0, 2.0, 3.0]])
    loss, cache = multiclass_hinge_forward(logits, np.array([0, 0]))
    assert loss == (0.5 + 2) / 2
    assert multiclass_hinge_backward(1.0, cache).tolist() == [[-1, 0.5, 0, 0.5], [0, 0, 0, 0]]
    assert multiclass_hinge_backward(0.5, cache).tolist() == [[-0.5, 0.25, 0, 0.25], [0, 0, 0, 0]]


def test_hinge_of_a_margin_that_is_just_met_is_flat():
    loss, cache = multiclass_hinge_forward(np.array([[2.0, 1.0]]), np.array([0]))
    assert loss == 0
    assert multiclass_hinge_backward(1.0, cache).tolist() == [[0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hinge_of_extreme_scores(dtype):
    loss, cache = multiclass_hinge_forward(np.array([[1e4, -1e4], [-1e4, 1e4]], dtype), np.array([0, 0]))
    assert loss == 20001 / 2
    assert multiclass_hinge_backward(1.0, cache).tolist() == [[0, 0], [-0.5, 0.5]]


def test_hinge_adds_up_in_float64():
    """In float32 2**24 + 1 is 2**24."""
    loss, _ = multiclass_hinge_forward(np.array([[2**24 - 1, 0, 0, 0]], np.float32), np.array([3]))
    assert loss == 2**24 + 2


# --- mean squared error --------------------------------------------------------------------------------------------------


@given(strategies.logit_shapes(), strategies.seeds, shares)
def test_mean_squared_error_and_its_gradient(shape, seed, dloss):
    rng = np.random.default_rng(seed)
    out, targets = rng.standard_normal((2, *shape))
    loss, cache = mean_squared_error_forward(out, targets)
    assert type(loss) is float
    assert loss == pytest.approx(ref.mean_squared_error(out, targets), rel=1e-12)
    numeric = ref.numeric_gradient(lambda x: mean_squared_error_forward(x, targets)[0], out, dloss)
    ref.assert_gradient(mean_squared_error_backward(dloss, cache), numeric, "dout")


def test_mean_squared_error_of_a_single_value():
    loss, cache = mean_squared_error_forward(np.array([[3.0]]), np.array([[1.0]]))
    assert loss == 4
    assert mean_squared_error_backward(1.0, cache).tolist() == [[4.0]]


def test_mean_squared_error_by_hand():
    loss, cache = mean_squared_error_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 0], [0, 4]]))
    assert loss == (4 + 9) / 4
    assert mean_squared_error_backward(1.0, cache).tolist() == [[0, 1], [1.5, 0]]


# --- properties of all losses ----------------------------------------------------------------------------------------------


class Doubled:
    """A learner's own loss: twice the plain one, with a cache of its own."""

    def __init__(self, forward, backward):
        self.plain_forward, self.plain_backward, self.calls = forward, backward, []

    def forward(self, out, targets, **options):
        self.calls.append("forward")
        loss, cache = self.plain_forward(out, targets, **options)
        return 2 * loss, {"mine": cache}

    def backward(self, dloss, cache):
        self.calls.append("backward")
        return 2 * self.plain_backward(dloss, cache["mine"])


LOSSES = {
    "cross-entropy": SoftmaxCrossEntropy(),
    "smoothed": SoftmaxCrossEntropy(0.1),
    "hinge": MulticlassHinge(),
    "hinge of margin 3": MulticlassHinge(margin=3.0),
    "squared error": MeanSquaredError(),
}
all_losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def batch_for(loss, n=7, k=4, dtype=np.float64, seed=0):
    """The network's output and its targets."""
    out, labels = scores((n, k), seed)
    targets = np.random.default_rng(seed + 1).standard_normal((n, k)).astype(dtype)
    return out.astype(dtype), targets if isinstance(loss, MeanSquaredError) else labels


@all_losses
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_has_the_outputs_dtype(loss, dtype):
    out, targets = batch_for(loss, dtype=dtype)
    value, cache = loss.forward(out, targets)
    dout = loss.backward(np.float64(1), cache)
    assert type(value) is float
    assert dout.dtype == dtype
    assert dout.shape == out.shape


@all_losses
def test_targets_of_another_dtype(loss):
    out, targets = batch_for(loss, dtype=np.float32)
    if isinstance(loss, MeanSquaredError):
        targets = np.round(targets)
        others = [targets.astype(np.float64), targets.astype(np.int64)]
    else:
        others = [targets.astype(dtype) for dtype in (np.uint8, np.int8, np.int32, np.uint64)]
    value, cache = loss.forward(out, targets)
    for other in others:
        other_value, other_cache = loss.forward(out, other)
        assert other_value == value
        np.testing.assert_array_equal(loss.backward(1.0, other_cache), loss.backward(1.0, cache))
        assert loss.backward(1.0, other_cache).dtype == np.float32


@all_losses
@pytest.mark.parametrize("sizes", [[3, 4], [1, 6], [2, 2, 2, 1]])
def test_shards_add_up_to_the_batch(loss, sizes):
    out, targets = batch_for(loss)
    value, cache = loss.forward(out, targets)
    total, parts, start = 0.0, [], 0
    for size in sizes:
        shard = slice(start, start + size)
        shard_value, shard_cache = loss.forward(out[shard], targets[shard])
        total += shard_value * size / len(out)
        parts.append(loss.backward(size / len(out), shard_cache))
        start += size
    assert total == pytest.approx(value, rel=1e-12)
    ref.assert_close(np.concatenate(parts), loss.backward(1.0, cache))


@all_losses
def test_every_memory_order(loss):
    out, targets = batch_for(loss)
    value, cache = loss.forward(out, targets)
    for name, other in strategies.layouts(out).items():
        other_value, other_cache = loss.forward(other, targets)
        assert other_value == pytest.approx(value, rel=1e-12)
        ref.assert_close(loss.backward(1.0, other_cache), loss.backward(1.0, cache), name=name)
    for other in targets[::-1].copy()[::-1], np.repeat(targets, 2, axis=0)[::2]:
        assert loss.forward(out, other)[0] == value


@all_losses
def test_arguments_are_not_changed_and_caches_not_used_up(loss):
    out, targets = batch_for(loss)
    copies = out.copy(), targets.copy()
    value, cache = loss.forward(out, targets)
    dout = loss.backward(1.0, cache)
    other_value, other_cache = loss.forward(*batch_for(loss, seed=5))  # two forwards alive at once
    loss.backward(1.0, other_cache)
    kept = dout.copy()
    np.testing.assert_array_equal(loss.backward(1.0, cache), kept)
    np.testing.assert_array_equal(dout, kept)
    np.testing.assert_array_equal(out, copies[0])
    np.testing.assert_array_equal(targets, copies[1])
    assert loss.forward(out, targets)[0] == value != other_value


@all_losses
def test_own_functions_are_called(loss):
    mine = Doubled(*loss.functions)
    own = type(loss)(**loss.options, functions=(mine.forward, mine.backward))
    out, targets = batch_for(loss)
    value, cache = own.forward(out, targets)
    plain_value, plain_cache = loss.forward(out, targets)
    assert value == 2 * plain_value
    np.testing.assert_array_equal(own.backward(0.5, cache), 2 * loss.backward(0.5, plain_cache))
    assert mine.calls == ["forward", "backward"]
    assert own.without_smoothing().functions == own.functions
    assert type(loss)(**loss.options).functions == loss.functions  # the class keeps its own


@all_losses
def test_options_make_an_equal_loss(loss):
    other = type(loss)(**loss.options)
    assert repr(other) == repr(loss)
    assert repr(loss).startswith(f"{type(loss).__name__}(")
    out, targets = batch_for(loss)
    assert other.forward(out, targets)[0] == loss.forward(out, targets)[0]


def test_repr():
    assert [repr(loss) for loss in LOSSES.values()] == [
        "SoftmaxCrossEntropy()",
        "SoftmaxCrossEntropy(label_smoothing=0.1)",
        "MulticlassHinge(margin=1.0)",
        "MulticlassHinge(margin=3.0)",
        "MeanSquaredError()",
    ]


# --- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), MulticlassHinge()], ids=repr)
@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ((3, 4), [0, 1, 4], "labels must be in 0 .. 3, got 0 .. 4"),
        ((3, 4), [0, -1, 2], "labels must be in 0 .. 3, got -1 .. 2"),
        ((3, 4), [0, 1], "logits (3, 4) want labels (3,), got (2,)"),
        ((3, 4), [[0], [1], [2]], "logits (3, 4) want labels (3,), got (3, 1)"),
        ((3, 4), [[1, 0, 0, 0]] * 3, "logits (3, 4) want labels (3,), got (3, 4)"),
        ((3, 4), [0.0, 1.0, 2.0], "labels must be integers, got float64"),
        ((3, 4), [True, False, True], "labels must be integers, got bool"),
        ((3,), [0, 1, 2], "logits must be (N, K), got (3,)"),
        ((3, 4, 1), [0, 1, 2], "logits must be (N, K), got (3, 4, 1)"),
    ],
)
def test_wrong_labels(loss, logits, labels, message):
    with pytest.raises(ValueError, match=re.escape(f"{type(loss).__name__}: {message}")):
        loss.forward(np.zeros(logits), np.array(labels))


def test_an_empty_batch_has_no_mean():
    for loss in SoftmaxCrossEntropy(), MulticlassHinge():
        with pytest.raises(ValueError, match=re.escape(f"{type(loss).__name__}: the batch is empty: logits (0, 4)")):
            loss.forward(np.zeros((0, 4)), np.zeros(0, int))
    with pytest.raises(ValueError, match=re.escape("MeanSquaredError: the batch is empty: out (0, 4)")):
        MeanSquaredError().forward(np.zeros((0, 4)), np.zeros((0, 4)))


@pytest.mark.parametrize("targets", [(3,), (3, 1), (1, 4), (4, 3)])
def test_targets_that_numpy_might_broadcast_are_refused(targets):
    message = f"MeanSquaredError: out is (3, 4), targets are {targets}; wanted the same"
    with pytest.raises(ValueError, match=re.escape(message)):
        MeanSquaredError().forward(np.zeros((3, 4)), np.zeros(targets))


@pytest.mark.parametrize("value", [-0.1, 1, 2, math.nan])
def test_wrong_smoothing(value):
    with pytest.raises(ValueError, match=re.escape(f"label_smoothing must be in 0 .. 1 (1 excluded), got {value}")):
        SoftmaxCrossEntropy(value)


def test_wrong_smoothing_of_the_function():
    with pytest.raises(ValueError, match=re.escape("label_smoothing must be in 0 .. 1 (1 excluded), got 1.5")):
        softmax_cross_entropy_forward(np.zeros((2, 3)), np.zeros(2, int), 1.5)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "1"])
def test_wrong_margin(value):
    with pytest.raises(ValueError, match=re.escape(f"MulticlassHinge: margin must be positive, got {value!r}")):
        MulticlassHinge(value)


@pytest.mark.parametrize("functions", [3, (len,), (len, 1)], ids=repr)
def test_functions_are_a_pair(functions):
    with pytest.raises((ValueError, TypeError), match="MeanSquaredError: functions must be "):
        MeanSquaredError(functions=functions)


@all_losses
def test_whole_numbers_are_refused_or_read_as_numbers(loss):
    """np.array([[1, 2, 3]]) is what people type. Gradients or targets rounded to whole numbers would be silent and wrong."""
    out, targets = np.array([[3, 1, 2], [0, 0, 1]]), np.array([1, 2])
    if isinstance(loss, MeanSquaredError):
        targets = np.array([[0.5, 1.5, 0.25], [1.0, -0.5, 2.75]])
    value, cache = loss.forward(out.astype(float), targets)
    refusal = ""
    try:
        int_value, int_cache = loss.forward(out, targets)
    except ValueError as error:
        int_value, int_cache, refusal = value, cache, str(error)
    assert int_value == pytest.approx(value)
    ref.assert_close(loss.backward(1.0, int_cache), loss.backward(1.0, cache))
    assert not refusal or "int64" in refusal


@all_losses
@pytest.mark.parametrize("dloss", [np.zeros(3), np.ones((1,)), np.array(True), np.array("1"), "1", None, [1.0]], ids=repr)
def test_dloss_is_a_single_number(loss, dloss):
    _, cache = loss.forward(*batch_for(loss))
    with pytest.raises((ValueError, TypeError), match=f"{type(loss).__name__}: dloss must be a single number, got "):
        loss.backward(dloss, cache)


@all_losses
def test_dloss_of_any_kind_of_number(loss):
    _, cache = loss.forward(*batch_for(loss))
    for dloss in (2, np.float32(2), np.array(2.0), np.array(2), np.array(2, np.uint8)):
        np.testing.assert_allclose(loss.backward(dloss, cache), 2 * loss.backward(1.0, cache), rtol=1e-6)


@pytest.mark.parametrize("result", [3.0, (1.0,), (1.0, None, None), [1.0, None]], ids=repr)
def test_a_forward_returns_two_things(result):
    loss = MeanSquaredError(functions=(lambda out, targets: result, mean_squared_error_backward))
    with pytest.raises(ValueError, match=r"MeanSquaredError: forward must return two things, \(loss, cache\), got "):
        loss.forward(*batch_for(loss))


def test_softmax_wants_a_class():
    assert softmax(np.zeros((0, 3))).shape == (0, 3)
    assert softmax(np.zeros((2, 1))).tolist() == [[1.0], [1.0]]
    with pytest.raises(ValueError, match=r"softmax: logits must have a class at least, got \(2, 0\)"):
        softmax(np.zeros((2, 0)))


def test_what_is_no_loss_is_named():
    require_loss("Task: loss", MulticlassHinge())
    for other in (MulticlassHinge, None, "hinge"):
        with pytest.raises(TypeError, match=r"Task: loss must be a loss, such as SoftmaxCrossEntropy\(\), got "):
            require_loss("Task: loss", other)


@pytest.mark.parametrize("targets", [[[1.0, 2.0]], None, np.array([["a", "b"]])], ids=["list", "None", "texts"])
def test_targets_are_an_array_of_numbers(targets):
    with pytest.raises((TypeError, ValueError), match="MeanSquaredError: targets"):
        mean_squared_error_forward(np.ones((1, 2)), targets)


def test_softmax_wants_floats():
    with pytest.raises((TypeError, ValueError), match="softmax: logits"):
        softmax(np.array([[1, 2]]))


def test_a_loss_of_nothing_has_no_sign():
    loss, _ = softmax_cross_entropy_forward(np.array([[1e3, 0.0]]), np.array([0]))
    assert math.copysign(1, loss) == 1
