import json
import math
import re

import numpy as np
import pytest

from scratchnet import models
from scratchnet.inspection import trace
from scratchnet.inspection.text import html_page, memory, number, percent, table
from scratchnet.inspection.tiles import pixels, span, tiled
from scratchnet.inspection.trace import Values
from scratchnet.layers import BatchNorm1d, Conv2d, Dense, Dropout, Flatten, MaxPool2d, ReLU, Residual, Sequential
from scratchnet.losses import MeanSquaredError, SoftmaxCrossEntropy, softmax


def rng(seed=0):
    return np.random.default_rng(seed)


def small():
    return Sequential(
        Conv2d(1, 3, 3, rng=rng(1)), MaxPool2d(), ReLU(), Residual(Sequential(Conv2d(3, 3, 3, pad=1, rng=rng(2)))),
        Flatten(), Dense(3 * 3 * 2, 4, rng=rng(3)),
    )  # fmt: skip


X, LABELS = rng(5).standard_normal((5, 1, 8, 6)).astype(np.float32), np.array([0, 3, 1, 1, 2])


def test_the_figures_are_those_of_the_passes():
    model = small()
    result = trace(model, X, LABELS, lr=0.1)
    assert [layer.name for layer in result.layers] == ["0", "1", "2", "3.body.0", "3", "4", "5"]
    loss, cache = SoftmaxCrossEntropy().forward(model(X), LABELS)
    _, grads = model.backward(SoftmaxCrossEntropy().backward(1.0, cache), model.forward(X)[1])
    assert result.loss == loss
    np.testing.assert_allclose(result.probs, softmax(model(X)), rtol=1e-5)
    found = {f"{layer.name}.{p.key}": p for layer in result.layers for p in layer.params}
    assert found.keys() == model.params.keys()
    for key, param in found.items():
        w, g = model.params[key], grads[key]
        assert param.shape == w.shape
        assert math.isclose(param.norm, math.sqrt((w.astype(float) ** 2).sum()), rel_tol=1e-6)
        assert math.isclose(param.grad_norm, math.sqrt((g.astype(float) ** 2).sum()), rel_tol=1e-5)
        if param.norm:
            assert math.isclose(param.update_ratio, 0.1 * param.grad_norm / param.norm)
        else:
            assert math.isnan(param.update_ratio)
    conv, relu, last = result.layers[0], result.layers[2], result.layers[-1]
    assert conv.x_shape == (5, 1, 8, 6)
    assert conv.out_shape == (5, 3, 6, 4)
    assert conv.dx_norm is None
    np.testing.assert_array_equal(conv.out, model.layers[0](X)[0])
    assert relu.values.zeros == np.mean(model.layers[1](model.layers[0](X)) <= 0)
    assert last.out_bytes == 5 * 4 * 4
    np.testing.assert_array_equal(last.out, model(X)[0])
    np.testing.assert_array_equal(last.dout, SoftmaxCrossEntropy().backward(1.0, cache)[0])
    assert result.flops == sum(layer.flops for layer in result.layers)


def test_nothing_is_changed():
    model = Sequential(Flatten(), Dense(48, 6, rng=rng()), BatchNorm1d(6), Dropout(0.5), Dense(6, 3, rng=rng()))
    x, before = X.copy(), {**{k: v.copy() for k, v in model.params.items()}, **{k: v.copy() for k, v in model.state.items()}}
    evaluated = trace(model, x, LABELS % 3)
    trained = trace(model, x, LABELS % 3, train=True, rng=rng())
    assert evaluated.loss != trained.loss
    assert "training mode" in str(trained)
    assert trained.layers[3].values.zeros > 0.2  # dropped
    np.testing.assert_array_equal(x, X)
    for key, array in {**model.params, **model.state}.items():
        np.testing.assert_array_equal(array, before[key])


def test_an_assumed_learning_rate_is_said():
    result = trace(small(), X, LABELS)
    assert result.heading().endswith("lr 0.01 (assumed)")
    assert result.to_dict()["lr_from"] == "assumed"
    assert trace(small(), X, LABELS, lr=0.01).heading().endswith("lr 0.01")


def test_without_a_label_the_networks_answer_is_taken():
    result = trace(small(), X[:1])
    (label,) = result.labels
    assert label == small()(X[:1]).argmax()
    assert (
        str(result).splitlines()[1].startswith(f"no label was given: the network's own answer, {label}, is taken for right")
    )
    assert "<br>no label was given" in result._repr_html_()
    assert f"its own answer taken for the label, {label}" in str(result)
    other = trace(small(), X[:1], np.array([(label + 1) % 4]))
    assert f"it says {label} with probability" in str(other)
    assert f"and {(label + 1) % 4} with" in str(other)
    assert other.loss > result.loss


def test_the_text_has_every_layer_with_its_formula():
    text = str(trace(small(), X, LABELS, lr=0.1))
    for line in (
        "5 images, x (5, 1, 8, 6), in evaluation mode; lr 0.1",
        "0  Conv2d(1, 3, 3)",
        "    shapes    (5, 1, 8, 6) -> (5, 3, 6, 4)",
        "    forward   out = max(x, 0)",
        "3  Residual sum",
        "    backward  dx = dout w^T   dw = x^T dout   db = sum_n dout[n]",
        "SoftmaxCrossEntropy()",
    ):
        assert line in text.splitlines()
    assert re.search(
        r"^    w         \(18, 4\)  \|w\| [\d.]+, \|dw\| [\d.e-]+, update/weight lr\*\|dw\|/\|w\| = ", text, re.MULTILINE
    )
    assert "dx not needed by anybody" in text
    assert "update/weight all 0" in text  # of a bias that starts there


def test_what_learns_nothing_gets_no_gradient():
    result = trace(Sequential(ReLU(), Flatten(), Dense(48, 4, rng=rng())), X, LABELS)
    assert [layer.dout_norm is None for layer in result.layers] == [True, True, False]
    assert "not computed: nothing is learned here or below" in str(result)
    assert trace(Dense(4, 3, rng=rng()), X.reshape(-1, 4)[:2], LABELS[:1].repeat(2)).layers[0].name == ""


def test_other_losses_and_nan():
    result = trace(Sequential(Flatten(), Dense(48, 2, rng=rng())), X, np.zeros((5, 2)), loss=MeanSquaredError())
    assert result.probs is None
    assert result.labels == ()
    assert "MeanSquaredError()" in str(result)
    broken = small()
    broken.params["0.w"][0] = np.nan
    result = trace(broken, X, LABELS)
    assert not result.layers[0].values.finite
    assert "NOT FINITE" in str(result)
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["layers"][0]["values"]["mean"] is None
    assert values["loss"] is None
    result._repr_html_()


def test_memory_is_counted_once():
    model = Sequential(Flatten(), Dense(48, 20, rng=rng()), ReLU(), Dense(20, 4, rng=rng()))
    flat, dense, relu, last = (layer.kept_bytes for layer in trace(model, X, LABELS).layers)
    assert (flat, dense, relu, last) == (
        0,
        5 * 48 * 4,
        5 * 20 * 4,
        0,
    )  # the ReLU keeps its output, which the next layer keeps too


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 0}, "trace: lr must be a positive number, got 0"),
        ({"x": X[:0]}, r"trace: x must be a batch \(N, ...\) with one image at least"),
        ({"labels": LABELS[:2]}, r"want labels \(5,\), got \(2,\)"),
        ({"x": X[:, :, :3]}, "layer 1 of Sequential, MaxPool2d"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        trace(small(), **{"x": X, "labels": LABELS, **changes})


def test_html_shows_every_layer():
    result = trace(models.build("cnn"), rng().standard_normal((1, 1, 28, 28)).astype(np.float32), np.array([3]))
    html = result._repr_html_()
    assert html.count("<img") == 1 + 2 * len(result.layers)
    assert "Conv2d(16, 32, 5, pad=2)" in html
    assert "(16 of 32 channels)" in html
    assert "sum_c,kh,kw" in html
    page = html_page("a <b>", html)
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>a &lt;b&gt;</title>" in page
    assert "http" not in page  # nothing is loaded from anywhere


# --- pictures and numbers --------------------------------------------------------------------------------------------


def test_tiles():
    values = np.arange(3 * 2 * 4.0).reshape(3, 2, 4)
    picture, remark = tiled(values)
    assert picture.shape == (2, 3 * 4 + 2)
    assert remark == ""
    np.testing.assert_array_equal(picture[:, 5:9], values[1])
    assert np.isnan(picture[:, [4, 9]]).all()
    picture, remark = tiled(np.ones((20, 2, 2)))
    assert picture.shape == (2 * 2 + 1, 8 * 2 + 7)
    assert remark == " (16 of 20 channels)"
    row, _ = tiled(np.arange(10.0))
    assert row.shape == (1, 10)
    many, _ = tiled(np.arange(101.0))
    assert np.array_equal(many.ravel()[:101], np.arange(101))
    assert np.isnan(many.ravel()[101:]).all()


def test_colours():
    assert pixels(np.array([[-1.0, 0, 1]])).tolist() == [[[0, 114, 178, 255], [255, 255, 255, 255], [213, 94, 0, 255]]]
    assert pixels(np.array([[0.0, 4]])).tolist() == [[[0, 0, 0, 255], [255, 255, 255, 255]]]
    assert pixels(np.array([[0.0, 4]]), signed=True)[0, 0].tolist() == [255, 255, 255, 255]
    assert pixels(np.array([[np.nan, 1]]))[0, 0, 3] < 255
    assert pixels(np.array([[np.inf, -np.inf, 0.0]])).shape == (1, 3, 4)
    assert span(np.array([1.0, -3])) == (-3, 3)
    assert span(np.array([np.nan])) == (0, 0)


def test_values():
    values = Values.of(np.array([0, 0, 2, -4], np.float32))
    assert values == (-0.5, math.sqrt((0.25 * 2 + 6.25 + 12.25) / 4), -4, 2, 0.5, True)
    assert str(values) == "mean -0.5, std 2.18, -4 .. 2, 50 % zero"


def test_numbers_as_people_read_them():
    assert [number(v) for v in (1234.5, 0.01234, 1.5e-7, None)] == ["1.23e+03", "0.0123", "1.5e-07", "?"]
    assert [memory(v) for v in (784, 12345, 4560000, 2.5e9)] == ["784 B", "12.3 kB", "4.56 MB", "2.5 GB"]
    assert [percent(v) for v in (0, 0.5, 1, 0.001, 0.9996, 0.12)] == ["0 %", "50 %", "100 %", "0.1 %", "99.96 %", "12 %"]
    assert [percent(v) for v in (1e-9, 1 - 1e-9, np.nan)] == ["under 0.01 %", "over 99.99 %", "nan %"]
    assert table([("a", "b"), ("long", "1")], "<>") == "a     b\nlong  1"
