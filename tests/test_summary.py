import inspect

import numpy as np
import pytest
import reference as ref

from scratchnet import layers, models
from scratchnet.inspection import summary
from scratchnet.inspection.facts import _FLOPS, flops, formula, kept_bytes, own_params, written
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from scratchnet.losses import MeanSquaredError, MulticlassHinge, SoftmaxCrossEntropy


def rng():
    return np.random.default_rng(0)


def test_lenet5_by_hand():
    """LeNet-5's published sizes: 61 706 weights with these fully connected maps, 416 520 multiply-adds in conv and dense."""
    table = summary(models.build("lenet5"), (1, 28, 28))
    assert [row.out_shape for row in table.rows] == [
        (6, 28, 28), (6, 14, 14), (6, 14, 14), (16, 10, 10), (16, 5, 5), (16, 5, 5),
        (400,), (120,), (120,), (84,), (84,), (10,),
    ]  # fmt: skip
    assert [row.params for row in table.rows] == [156, 0, 0, 2416, 0, 0, 0, 48120, 0, 10164, 0, 850]
    assert table.params == 61706
    multiply_adds = 6 * 28 * 28 * 25 + 16 * 10 * 10 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
    assert sum(row.flops for row in table.rows if row.params) == 2 * multiply_adds == 2 * 416520
    text = str(table).splitlines()
    assert text[0].split() == ["layer", "output", "parameters", "flops"]
    assert text[2].split()[:2] == ["0", "Conv2d(1,"]
    assert "Conv2d(1, 6, 5, pad=2)" in text[2]
    assert text[-1].split() == ["total", "61,706", f"{table.flops:,}"]
    assert "<td" in table._repr_html_()
    assert "61,706" in table._repr_html_()


@pytest.mark.parametrize("name", models.MODELS)
def test_counts_agree_with_the_model(name):
    model = models.build(name)
    table = summary(model, models.INPUT_SHAPE)
    assert table.params == sum(array.size for array in model.params.values())
    assert table.rows[-1].out_shape == (models.NUM_CLASSES,)


def test_a_residual_is_its_layers_and_a_sum():
    model = Sequential(Conv2d(1, 3, 3, pad=1, rng=rng()), Residual(Sequential(Conv2d(3, 3, 3, pad=1, rng=rng()), ReLU())))
    table = summary(model, (1, 4, 5))
    assert [(row.name, row.layer) for row in table.rows] == [
        ("0", "Conv2d(1, 3, 3, pad=1)"), ("1.body.0", "Conv2d(3, 3, 3, pad=1)"),
        ("1.body.1", "ReLU()"), ("1", "Residual sum"),
    ]  # fmt: skip
    assert table.rows[-1].flops == 3 * 4 * 5
    assert table.params == sum(array.size for array in model.params.values())


def test_a_layer_of_ones_own():
    class Mine(Layer):
        functions = (lambda x: (x, None), lambda dout, cache: dout)

    table = summary(Sequential(Mine(), Flatten()), (2, 3))
    assert table.rows[0].flops is None
    assert table.flops is None
    assert "?" in str(table)
    (alone,) = summary(Dense(3, 2, rng=rng()), (3,)).rows
    assert (alone.name, alone.params, alone.flops) == ("", 8, 12)


def test_errors():
    with pytest.raises(ValueError, match="layer 1 of Sequential, Dense"):
        summary(Sequential(Flatten(), Dense(5, 2, rng=rng())), (1, 28, 28))
    for shape in (28, (1, 0), "ab"):
        with pytest.raises(ValueError, match="summary: input_shape must be the shape of one image"):
            summary(ReLU(), shape)


# --- what there is to say of a layer ---------------------------------------------------------------------------------


def test_every_layer_has_flops_and_a_formula():
    kinds = [
        kind
        for name in layers.__all__
        if name not in ("Layer", "Composite", "Sequential")
        for kind in [getattr(layers, name)]
    ]
    assert set(kinds) == set(_FLOPS)
    for kind in kinds:
        source = kind if kind is Residual else kind.functions[0]
        assert "Forward" in inspect.getdoc(source)
        assert "Cost" in inspect.getdoc(source) or kind is Residual


def test_flops_of_a_convolution_are_its_loops():
    """Every multiplication and addition of the naive loops, counted."""
    x, layer = np.zeros((2, 3, 7, 6)), Conv2d(3, 4, (3, 2), stride=2, pad=1, rng=rng())
    out = layer(x)
    taps = sum(1 for _ in np.ndindex(*out.shape) for _ in np.ndindex(3, 3, 2))
    assert flops(layer, x.shape, out.shape) == 2 * taps
    assert out.shape == ref.conv2d(x, layer.params["w"], layer.params["b"], (2, 2), (1, 1)).shape
    assert flops(MaxPool2d(2), (2, 3, 8, 6), (2, 3, 4, 3)) == 72 * (1 * 2 + 1)
    assert flops(AvgPool2d((3, 2), 1), (1, 1, 5, 5), (1, 1, 3, 4)) == 12 * (2 * 1 + 1)
    assert flops(GlobalAvgPool(), (2, 3, 4, 5), (2, 3)) == 120
    assert flops(BatchNorm2d(3), (2, 3, 4, 5), (2, 3, 4, 5)) == 8 * 120


def test_formulas_are_those_of_the_docstrings():
    assert formula(ReLU()) == "out = max(x, 0)"
    assert formula(Dense(2, 2, rng=rng())) == "out[n,m] = b[m] + sum_d x[n,d] * w[d,m]"
    assert formula(Dense(2, 2, rng=rng()), "Backward") == "dx = dout w^T   dw = x^T dout   db = sum_n dout[n]"
    assert formula(Residual(ReLU())) == "out = body(x) + shortcut(x)"
    assert formula(BatchNorm2d(2)).startswith(
        "xhat = (x - mean) / sqrt(var + eps)      out = gamma * xhat + beta\nmean and var are"
    )
    assert formula(MeanSquaredError()) == "loss = 1/(N*K) sum_n,k (out[n,k] - targets[n,k])**2"
    assert formula(SoftmaxCrossEntropy()).splitlines()[0] == "loss = -1/N sum_n sum_k target[n,k] * log probs[n,k]"
    assert formula(MulticlassHinge(), "Backward").endswith("so every row sums to 0")
    conv = formula(Conv2d(1, 1, 1, rng=rng()), "Backward").splitlines()
    assert len(conv) == 4
    assert conv[3].startswith("              with i*stride + a = r + pad")  # its indentation is kept
    assert all("derived" not in line for line in conv)


def test_formula_of_a_learners_layer():
    def forward(x):
        return x, None

    def documented(x):
        """Mine.

        Forward   out = my own
        """
        return x, None

    back = lambda dout, cache: dout  # noqa: E731
    assert formula(ReLU(functions=(forward, back))) == "out = max(x, 0)"
    assert formula(ReLU(functions=(documented, back))) == "out = my own"

    class Bare(Layer):
        functions = (forward, back)

    assert formula(Bare()) == ""


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv2d(1, 6, 5, pad=2, rng=rng()), "Conv2d(1, 6, 5, pad=2)"),
        (Conv2d(1, 6, (5, 3), stride=(1, 2), rng=rng()), "Conv2d(1, 6, (5, 3), stride=(1, 2))"),
        (MaxPool2d(), "MaxPool2d(2)"),
        (MaxPool2d(3, 2), "MaxPool2d(3, 2)"),
        (Dropout(0.1), "Dropout(0.1)"),
        (LeakyReLU(), "LeakyReLU(0.01)"),
        (BatchNorm2d(4, momentum=0.2), "BatchNorm2d(4, momentum=0.2)"),
        (Residual(ReLU()), "Residual sum"),
    ],
    ids=str,
)
def test_layers_are_written_as_in_source(layer, text):
    assert written(layer) == text
    if "Residual" not in text:
        made = eval(text[:-1] + ", rng=rng())" if "Conv" in text else text, {**vars(layers), "rng": rng})
        assert repr(made) == repr(layer)


def test_own_params():
    assert own_params(Residual(Dense(2, 2, rng=rng()))) == {}
    assert set(own_params(Dense(2, 2, rng=rng()))) == {"w", "b"}


def test_kept_bytes_counts_memory_once():
    x = np.zeros((10, 4), np.float32)
    seen = set()
    assert kept_bytes((x, [x[:3], {"a": x.T}], 3, None), seen) == x.nbytes
    assert kept_bytes(x.reshape(20, 2), seen) == 0
    # The windows of a convolution overlap: KW copies of the padded image, however many rows they are seen as.
    image, layer = np.zeros((5, 2, 8, 6), np.float32), Conv2d(2, 3, (3, 2), pad=1, rng=rng())
    cols = (8 + 2) * 2 * 2 * (6 + 2 - 2 + 1) * 5 * 4
    assert kept_bytes(layer.forward(image)[1], {id(layer.params["w"])}) == cols
