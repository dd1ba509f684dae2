"""Explanations against what must hold: finite differences, completeness, networks whose answer is known beforehand."""

import itertools

import numpy as np
import pytest
import reference as ref

from scratchnet import explain, models
from scratchnet.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)
from scratchnet.losses import softmax


def rng(seed=0):
    return np.random.default_rng(seed)


def double(model):
    """The model with float64 weights, so that finite differences say something."""
    for _, leaf in model.leaves():
        leaf.params = {key: np.asarray(array, np.float64) for key, array in leaf.params.items()}
        leaf.state = {key: np.asarray(array, np.float64) for key, array in leaf.state.items()}
    return model


def smooth_net():
    """One of everything that an evaluation pass treats in a way of its own, and no kink."""
    model = double(
        Sequential(
            Conv2d(2, 3, 3, pad=1, rng=rng(1)),
            BatchNorm2d(3),
            Tanh(),
            Residual(Sequential(Conv2d(3, 3, 3, pad=1, rng=rng(2)), Tanh())),
            AvgPool2d(2),
            Flatten(),
            Dropout(0.5),
            Dense(3 * 2 * 3, 4, rng=rng(3)),
        )
    )
    model.state["1.running_mean"][...] = [0.3, -0.2, 0.1]
    model.state["1.running_var"][...] = [0.5, 2.0, 1.5]
    return model


def images(n=3):
    return rng(7).standard_normal((n, 2, 5, 6))


LABELS = np.array([2, 0, 3])


def linear_net(seed=0):
    """score[k] = x . w[:, k] + b[k]"""
    model = double(Sequential(Flatten(), Dense(2 * 5 * 6, 4, rng=rng(seed))))
    model.params["1.b"][...] = [0.5, -1.0, 2.0, 0.0]
    return model


def weights_of(model, labels):
    """The linear network's template for each label, shaped as the image."""
    return model.params["1.w"][:, labels].T.reshape(-1, 2, 5, 6)


def score(model, x, labels, of="logit"):
    """The number to explain, written once more."""
    logits = model(x)
    return (logits if of == "logit" else softmax(logits))[np.arange(len(x)), labels]


both_scores = pytest.mark.parametrize("of", ["logit", "probability"])


# --- scores --------------------------------------------------------------------------------------------------------------


@both_scores
def test_scores_are_the_logit_or_the_probability_of_the_label(of):
    model, x = smooth_net(), images()
    np.testing.assert_allclose(explain.scores(model, x, LABELS, of=of), score(model, x, LABELS, of))
    np.testing.assert_allclose(explain.scores(model, x, 1, of=of), score(model, x, [1, 1, 1], of))
    own = model(x).argmax(axis=1)
    np.testing.assert_allclose(explain.scores(model, x, of=of), score(model, x, own, of))


# --- saliency ------------------------------------------------------------------------------------------------------------


@both_scores
def test_saliency_is_the_gradient_of_the_score(of):
    model, x = smooth_net(), images()
    numeric = ref.numeric_gradient(lambda x: score(model, x, LABELS, of), x)
    ref.assert_gradient(explain.saliency(model, x, LABELS, of=of), numeric, "saliency")


def test_saliency_of_a_linear_network_is_its_template():
    model, x = linear_net(), images()
    np.testing.assert_allclose(explain.saliency(model, x, LABELS), weights_of(model, LABELS))


def test_without_labels_the_networks_own_answers_are_explained():
    model, x = smooth_net(), images()
    own = model(x).argmax(axis=1)
    assert len(set(own.tolist())) > 1
    np.testing.assert_array_equal(explain.saliency(model, x), explain.saliency(model, x, own))
    np.testing.assert_array_equal(explain.occlusion(model, x), explain.occlusion(model, x, own))
    np.testing.assert_array_equal(explain.integrated_gradients(model, x), explain.integrated_gradients(model, x, own))
    np.testing.assert_array_equal(explain.grad_cam(model, x).maps, explain.grad_cam(model, x, own).maps)
    a, b = (explain.smooth_grad(model, x, labels, rng=rng(), samples=3) for labels in (None, own))
    np.testing.assert_array_equal(a, b)


def test_many_images_give_what_each_gives_alone():
    model, x = smooth_net(), rng().standard_normal((150, 2, 5, 6))
    labels = np.arange(150) % 3
    together = explain.saliency(model, x, labels)
    for n in (0, 63, 64, 149):
        np.testing.assert_allclose(together[n], explain.saliency(model, x[n : n + 1], labels[n : n + 1])[0], atol=1e-14)
    assert explain.features(model, x).shape == (150, 18)


def test_single_precision_stays_single():
    model, x = models.build("cnn-small"), rng().random((2, 1, 28, 28)).astype(np.float32)
    for result in (
        explain.saliency(model, x),
        explain.smooth_grad(model, x, rng=rng(), samples=2),
        explain.integrated_gradients(model, x, steps=2),
        explain.occlusion(model, x, stride=9),
        *explain.grad_cam(model, x)[1:],
        explain.features(model, x),
    ):
        assert result.dtype == np.float32


def test_neither_model_nor_image_is_changed():
    model, x = smooth_net(), images()
    before = {key: array.copy() for key, array in {**model.params, **model.state, "x": x}.items()}
    explain.saliency(model, x)
    explain.smooth_grad(model, x, rng=rng(), samples=2)
    explain.integrated_gradients(model, x, steps=2)
    explain.occlusion(model, x)
    explain.grad_cam(model, x)
    for key, array in {**model.params, **model.state, "x": x}.items():
        np.testing.assert_array_equal(array, before[key])


def test_magnitude_is_the_largest_of_the_channels_whichever_its_sign():
    maps = np.array([[[[1.0, -2.0]], [[-3.0, 0.5]]]])
    np.testing.assert_array_equal(explain.magnitude(maps), [[[3.0, 2.0]]])
    with pytest.raises(ValueError, match=r"magnitude: attributions must be \(N, C, H, W\), got \(5, 6\)"):
        explain.magnitude(np.zeros((5, 6)))


# --- SmoothGrad ----------------------------------------------------------------------------------------------------------


def test_smooth_grad_without_noise_is_saliency():
    model, x = smooth_net(), images()
    smooth = explain.smooth_grad(model, x, LABELS, sigma=0, samples=3, rng=rng())
    np.testing.assert_allclose(smooth, explain.saliency(model, x, LABELS))


def test_smooth_grad_of_a_linear_network_is_its_template_whatever_the_noise():
    model, x = linear_net(), images()
    np.testing.assert_allclose(explain.smooth_grad(model, x, LABELS, sigma=2, rng=rng()), weights_of(model, LABELS))


def test_smooth_grad_is_the_gradient_of_the_blurred_score():
    """One pixel x through tanh: the mean of 1 - tanh(x + noise)^2 over normal noise, by Gauss-Hermite quadrature."""
    model = double(Sequential(Flatten(), Dense(2, 1, rng=rng()), Tanh()))
    model.params["1.w"][...] = [[1.0], [0.0]]
    x = np.array([[[[0.2, 2.2]]]])  # span 2: the noise's standard deviation is 2 sigma
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    expected = np.sum(weights * (1 - np.tanh(0.2 + 0.5 * nodes) ** 2)) / weights.sum()
    smooth = explain.smooth_grad(model, x, 0, sigma=0.25, samples=20000, rng=rng())
    assert smooth[0, 0, 0, 0] == pytest.approx(expected, abs=0.01)
    assert smooth[0, 0, 0, 1] == 0
    plain = explain.saliency(model, x, 0)[0, 0, 0, 0]
    assert abs(plain - expected) > 0.05  # the noise does matter


def test_smooth_grad_takes_its_randomness_from_the_argument():
    model, x = smooth_net(), images()
    first, again, other = (explain.smooth_grad(model, x, rng=rng(seed), samples=2) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# --- integrated gradients ------------------------------------------------------------------------------------------------


@both_scores
def test_integrated_gradients_add_up_to_the_rise_of_the_score(of):
    model, x = smooth_net(), images()
    shares = explain.integrated_gradients(model, x, LABELS, baseline=0.0, steps=200, of=of)
    rise = score(model, x, LABELS, of) - score(model, np.zeros_like(x), LABELS, of)
    np.testing.assert_allclose(shares.sum(axis=(1, 2, 3)), rise, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(explain.completeness(model, x, shares, LABELS, baseline=0.0, of=of)[1], rise, atol=1e-12)


def test_integrated_gradients_error_falls_with_the_square_of_the_steps():
    model, x = smooth_net(), images()
    gaps = []
    for steps in (32, 64, 128):
        shares = explain.integrated_gradients(model, x, LABELS, baseline=0.0, steps=steps)
        total, rise = explain.completeness(model, x, shares, LABELS, baseline=0.0)
        gaps.append(np.abs(total - rise))
    for coarse, fine in itertools.pairwise(gaps):
        np.testing.assert_allclose(coarse / fine, 4, rtol=0.05)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_integrated_gradients_of_a_linear_network_are_exact_with_any_steps(steps):
    model, x = linear_net(), images()
    base = rng(9).standard_normal((2, 5, 6))
    shares = explain.integrated_gradients(model, x, LABELS, baseline=base, steps=steps)
    np.testing.assert_allclose(shares, (x - base) * weights_of(model, LABELS))


def test_integrated_gradients_begin_at_blank_paper():
    """Without a baseline: each image's own smallest value; pixels of that value have no share."""
    model, x = smooth_net(), images()
    x[1] += 5
    lowest = np.array([image.min() for image in x]).reshape(-1, 1, 1, 1)
    shares = explain.integrated_gradients(model, x)
    np.testing.assert_array_equal(shares, explain.integrated_gradients(model, x, baseline=lowest))
    assert (shares[x == lowest] == 0).all()


# --- occlusion -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (2, 2), (4, 3), (9, 4)])
@both_scores
def test_occlusion_is_the_loop_over_squares(size, stride, of):
    model, x = smooth_net(), images()
    fill = 0.25
    expected = np.zeros((3, -(-5 // stride), -(-6 // stride)))
    for n, i, j in np.ndindex(expected.shape):
        covered = x[n : n + 1].copy()
        for row in range(i * stride - size // 2, i * stride - size // 2 + size):
            for column in range(j * stride - size // 2, j * stride - size // 2 + size):
                if 0 <= row < 5 and 0 <= column < 6:
                    covered[0, :, row, column] = fill
        one = LABELS[n : n + 1]
        expected[n, i, j] = (score(model, x[n : n + 1], one, of) - score(model, covered, one, of))[0]
    got = explain.occlusion(model, x, LABELS, size=size, stride=stride, fill=fill, of=of)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_occlusion_of_a_linear_network_is_what_the_square_held():
    model, x = linear_net(), images()
    share = ((x - x.min(axis=(1, 2, 3), keepdims=True)) * weights_of(model, LABELS)).sum(axis=1)
    np.testing.assert_allclose(explain.occlusion(model, x, LABELS, size=1), share, atol=1e-12)
    wide = explain.occlusion(model, x, LABELS, size=3)
    np.testing.assert_allclose(wide[:, 2, 3], share[:, 1:4, 2:5].sum(axis=(1, 2)), atol=1e-12)


# --- Grad-CAM ------------------------------------------------------------------------------------------------------------


def test_grad_cam_of_a_network_made_by_hand():
    """Two filters: one finds horizontal neighbours, one vertical ones; class 0 wants the first and not the second."""
    model = Sequential(Conv2d(1, 2, 2, rng=rng()), ReLU(), Flatten(), Dense(8, 2, rng=rng()))
    conv, dense = model.layers[0], model.layers[3]
    conv.params["w"][...] = np.array([[[[1, 1], [0, 0]]], [[[1, 0], [1, 0]]]])
    dense.params["w"][...] = np.array([[1, 0]] * 4 + [[-0.5, 1]] * 4)
    x = np.array([[[[1, 1, 0], [0, 0, 0], [0, 0, 1]]]], np.float32)
    # maps after ReLU: horizontal [[2, 1], [0, 0]], vertical [[1, 1], [0, 0]]
    cam = explain.grad_cam(model, x, 0)
    assert cam.stage == "1"
    np.testing.assert_allclose(cam.weights, [[1 * 1, -0.5]])
    np.testing.assert_allclose(cam.maps, [[[2 - 0.5, 1 - 0.5], [0, 0]]])
    np.testing.assert_allclose(explain.grad_cam(model, x, 1).maps, [[[1, 1], [0, 0]]])
    np.testing.assert_allclose(explain.grad_cam(model, x, 0, stage="0").weights[0, 0], 2 / 4)  # two of four ReLUs are open


def test_grad_cam_keeps_what_speaks_for_the_class_alone():
    model = Sequential(Conv2d(1, 1, 1, rng=rng()), GlobalAvgPool(), Dense(1, 2, rng=rng()))
    model.params["0.w"][...] = 1
    model.params["2.w"][...] = [[1, -1]]
    x = np.array([[[[3.0, -2.0]]]], np.float32)
    np.testing.assert_allclose(explain.grad_cam(model, x, 0).maps, [[[1.5, 0]]])
    np.testing.assert_allclose(explain.grad_cam(model, x, 1).maps, [[[0, 1]]])


def test_grad_cam_is_cam_for_global_average_pooling_and_a_dense_layer():
    """The paper's identity (section 3.1): OH*OW * weights = the dense layer's weights of the class."""
    model = double(Sequential(Conv2d(2, 5, 3, rng=rng(1)), Tanh(), GlobalAvgPool(), Dense(5, 4, rng=rng(2))))
    x = images()
    maps = model.layers[1](model.layers[0](x))
    w = model.params["3.w"][:, LABELS].T
    cam = explain.grad_cam(model, x, LABELS)
    np.testing.assert_allclose(cam.weights * 3 * 4, w)
    class_activation = np.array([sum(w[n, f] * maps[n, f] for f in range(5)) for n in range(3)])
    np.testing.assert_allclose(cam.maps * 3 * 4, np.maximum(class_activation, 0))


@pytest.mark.parametrize("stage", ["0", "2", "3.body.0", "3.body.1", "3", "4"])
def test_grad_cam_weights_are_mean_gradients_of_the_stage(stage):
    """d score / d (out + delta), by central differences with delta added to the stage's output."""
    model, x = smooth_net(), images(1)
    names = [s.name for s in model.stages(x)]
    shape = next(s.out.shape for s in model.stages(x) if s.name == stage)

    def run(delta):
        leaf = dict(model.leaves()).get(stage)
        layer = leaf if leaf is not None else model.layers[int(stage)]
        plain = type(layer).forward
        layer.forward = lambda x, **kw: (lambda out, cache: (out + delta[None, :, None, None], cache))(
            *plain(layer, x, **kw)
        )
        try:
            return score(model, x, [1])
        finally:
            del layer.forward

    assert stage in names
    numeric = ref.numeric_gradient(run, np.zeros(shape[1])) / (shape[2] * shape[3])
    ref.assert_gradient(explain.grad_cam(model, x, 1, stage=stage).weights[0], numeric, "weights")


def test_grad_cam_lies_where_the_receptive_fields_are():
    """A filter that finds single bright pixels, unpadded: the heat must peak at the pixel, not where stretching puts it."""
    model = Sequential(Conv2d(1, 1, 5, rng=rng()), ReLU(), Flatten(), Dense(16, 1, rng=rng()))
    model.params["0.w"][...] = 0
    model.params["0.w"][0, 0, 2, 2] = 1
    model.params["3.w"][...] = 1
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[0, 0, 3, 5] = 1
    heat = explain.grad_cam(model, x, 0).heat[0]
    assert heat.shape == (8, 8)
    assert np.unravel_index(heat.argmax(), heat.shape) == (3, 5)
    assert np.count_nonzero(heat[:, 5] == 1) == 1
    assert heat[7, 0] == 0


def test_grad_cam_heat_interpolates_between_units():
    model = Sequential(AvgPool2d((1, 2)), Conv2d(1, 1, 1, rng=rng()), Flatten(), Dense(2, 1, rng=rng()))
    model.params["1.w"][...] = model.params["3.w"][...] = 1
    x = np.array([[[[0, 0, 4, 4]]]], np.float32)  # units at columns 0.5 and 2.5 hold 0 and 4
    np.testing.assert_allclose(explain.grad_cam(model, x, 0).heat, [[[0, 1, 3, 4]]])


def test_grad_cam_without_convolution_says_who_has_one():
    with pytest.raises(ValueError, match=r"no convolution.* of the named models .* have them") as refused:
        explain.grad_cam(models.build("softmax"), np.zeros((1, 1, 28, 28), np.float32))
    named = str(refused.value).partition("named models ")[2].removesuffix(" have them").split(", ")
    assert {"cnn", "cnn-small", "lenet5"} <= set(named) <= set(models.MODELS) - {"softmax", "mlp"}


def test_grad_cam_refuses_a_stage_without_maps():
    model, x = smooth_net(), images()
    for stage in ("7", "nope"):
        with pytest.raises(ValueError, match=rf"gives feature maps \(0, 1, 2, .*\), got '{stage}'"):
            explain.grad_cam(model, x, stage=stage)


# --- receptive fields ----------------------------------------------------------------------------------------------------


def seeing(model, stage, size, row, column):
    """The pixels that move a unit, found by trying: some are outside of any window with a stride, so their bounding box."""
    plain = np.zeros((1, 1, *size))

    def unit(x):
        return next(s.out[0, :, row, column].sum() for s in model.stages(x) if s.name == stage)

    moved = []
    for i, j in np.ndindex(size):
        x = plain.copy()
        x[0, 0, i, j] = 100
        if unit(x) != unit(plain):
            moved.append((i, j))
    rows, columns = zip(*moved, strict=True)
    return slice(min(rows), max(rows) + 1), slice(min(columns), max(columns) + 1)


def positive(model):
    """All weights 1: no two pixels cancel."""
    for key, array in model.params.items():
        array[...] = key.endswith("w")
    return model


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (2, 1)])
@pytest.mark.parametrize("stage", ["0", "1", "2", "3.body.0", "3.body.1", "3.shortcut", "3", "4", "4.body.1"])
def test_receptive_field_is_what_moves_the_unit(stage, row, column):
    r = rng()
    model = positive(
        Sequential(
            Conv2d(1, 1, (3, 2), pad=(1, 0), rng=r),
            MaxPool2d((2, 3), (2, 1)),
            ReLU(),
            Residual(
                Sequential(Conv2d(1, 1, 3, pad=1, stride=(1, 2), rng=r), ReLU()),
                Conv2d(1, 1, 1, stride=(1, 2), rng=r),
            ),
            Residual(Sequential(Conv2d(1, 1, 1, rng=r), Conv2d(1, 1, (1, 3), pad=(0, 1), rng=r))),
        )
    )
    size = (10, 13)
    found = explain.receptive_field(model, stage, row, column)
    assert found.within(size) == seeing(model, stage, size, row, column)


def test_receptive_field_counts_the_padding_too():
    model = Sequential(Conv2d(1, 1, 5, pad=2, rng=rng()), MaxPool2d(2), Conv2d(1, 1, 5, pad=2, rng=rng()))
    assert explain.receptive_field(model, "0", 0, 3) == (-2, 3, 1, 6)
    assert explain.receptive_field(model, "2", 3, 3) == (2 * 1 - 2, 2 * 5 + 1 + 3, 0, 14)
    assert explain.receptive_field(Conv2d(1, 1, 3, rng=rng()), "", 1, 2) == (1, 4, 2, 5)


@pytest.mark.parametrize(
    ("stage", "row", "words"),
    [
        ("6", 0, "stage '6' comes after Flatten"),
        ("9", 0, "no stage '9'"),
        ("0.body", 0, "no stage '0.body'"),
        ("3.top", 0, "no stage '3.top'"),
        ("", 0, "comes after Dense"),
        ("0", -1, "row and column must be 0 or more, got -1 and 0"),
    ],
)
def test_receptive_field_refuses(stage, row, words):
    with pytest.raises(ValueError, match=f"receptive_field: .*{words}"):
        explain.receptive_field(smooth_net(), stage, row, 0)


# --- features ------------------------------------------------------------------------------------------------------------


def test_features_are_what_the_last_dense_layer_takes():
    model, x = smooth_net(), images()
    points = explain.features(model, x)
    assert points.shape == (3, 18)
    np.testing.assert_allclose(points @ model.params["7.w"] + model.params["7.b"], model(x))
    mlp = models.build("mlp")
    assert explain.features(mlp, rng().random((2, 1, 28, 28)).astype(np.float32)).shape == (2, 128)


def test_features_of_a_named_stage():
    model, x = smooth_net(), images()
    np.testing.assert_array_equal(explain.features(model, x, stage="7"), model(x))
    np.testing.assert_array_equal(explain.features(model, x, stage="0"), model.layers[0](x).reshape(3, -1))
    with pytest.raises(ValueError, match=r"stage must be one of 0, 1, .* got 'x'"):
        explain.features(model, x, stage="x")
    with pytest.raises(ValueError, match="no dense layer"):
        explain.features(Sequential(ReLU()), x)


def test_pca_finds_the_directions_of_an_ellipsoid():
    """The eigenvectors of the covariance matrix, in the order of their eigenvalues."""
    r = rng()
    axes = np.linalg.qr(r.standard_normal((5, 5)))[0]
    points = (r.standard_normal((400, 5)) * [5, 3, 1, 0.5, 0.1]) @ axes.T + 7
    found = explain.pca(points, 3)
    values, vectors = np.linalg.eigh(np.cov(points.T))
    np.testing.assert_allclose(found.variances, values[::-1][:3])
    np.testing.assert_allclose(found.shares, values[::-1][:3] / values.sum())
    np.testing.assert_allclose(np.abs(found.directions @ vectors[:, ::-1]), np.eye(3, 5), atol=1e-8)
    np.testing.assert_allclose(found.project(points).var(axis=0, ddof=1), found.variances)
    np.testing.assert_allclose(found.project(points).mean(axis=0), 0, atol=1e-12)
    for direction in found.directions:
        assert direction[np.abs(direction).argmax()] > 0
    np.testing.assert_allclose(explain.pca(-points, 3).directions, found.directions)


def test_pca_of_points_that_are_all_the_same():
    found = explain.pca(np.ones((4, 3)))
    np.testing.assert_array_equal(found.shares, 0)
    np.testing.assert_array_equal(found.project(np.ones((4, 3))), 0)


@pytest.mark.parametrize(
    ("points", "components", "words"),
    [(np.zeros(4), 2, r"\(N, D\) with N > 1, got \(4,\)"), (np.zeros((1, 4)), 1, "N > 1"), (np.zeros((5, 3)), 4, "1 .. 3")],
)
def test_pca_refuses(points, components, words):
    with pytest.raises(ValueError, match=f"pca: .*{words}"):
        explain.pca(points, components)


def test_nearest_is_the_sorted_list_of_distances():
    r = rng()
    points, queries = r.integers(0, 3, (40, 4)).astype(np.float32), r.standard_normal((6, 4))
    indices, distances = explain.nearest(points, queries, 7)
    for m, query in enumerate(queries):
        expected = sorted(range(40), key=lambda i: (np.round(np.linalg.norm(points[i] - query), 9), i))[:7]
        np.testing.assert_allclose(distances[m], [np.linalg.norm(points[i] - query) for i in expected])
    own, zero = explain.nearest(points[:3] + np.eye(3, 4) / 10, points[:3] + np.eye(3, 4) / 10, 1)
    np.testing.assert_array_equal(own, [[0], [1], [2]])
    np.testing.assert_allclose(zero, 0, atol=1e-6)
    assert indices.shape == distances.shape == (6, 7)
    with pytest.raises(ValueError, match=r"count must be in 1 .. 40, got 41"):
        explain.nearest(points, queries, 41)
    with pytest.raises(ValueError, match="want one D"):
        explain.nearest(points, queries[:, :2])


# --- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, x: explain.saliency(m, x, np.array([1, 2])), r"labels must be \(3,\) whole numbers .*got int64 \(2,\)"),
        (lambda m, x: explain.saliency(m, x, np.array([0.0, 1, 2])), "got float64"),
        (lambda m, x: explain.saliency(m, x, 4), r"labels must be in 0 \.\. 3, got 4 \.\. 4"),
        (lambda m, x: explain.occlusion(m, x, -1), r"in 0 \.\. 3, got -1"),
        (lambda m, x: explain.saliency(m, (9 * x).astype(int)), "x must be floating-point numbers, got int64"),
        (lambda m, x: explain.saliency(m, x[:0]), "one image at least"),
        (lambda m, x: explain.saliency(m, x, of="loss"), "of must be 'logit' or 'probability', got 'loss'"),
        (lambda m, x: explain.saliency(Sequential(Tanh()), x, 0), r"must give logits \(N, K\), got \(3, 2, 5, 6\)"),
        (lambda m, x: explain.smooth_grad(m, x, sigma=-1, rng=rng()), "sigma must be 0 or more, got -1"),
        (lambda m, x: explain.smooth_grad(m, x, samples=0, rng=rng()), "samples must be at least 1, got 0"),
        (lambda m, x: explain.integrated_gradients(m, x, steps=0), "steps must be at least 1, got 0"),
        (lambda m, x: explain.integrated_gradients(m, x, baseline=np.zeros(4)), r"baseline must be .* fit x .*, got \(4,\)"),
        (lambda m, x: explain.occlusion(m, x, size=0), "size and stride must be at least 1, got 0 and 1"),
        (lambda m, x: explain.occlusion(m, x, fill=np.zeros((9, 9))), r"fill must be a number or fit x"),
        (lambda m, x: explain.occlusion(m, x.reshape(3, -1)), r"occlusion: x must be \(N, C, H, W\), got \(3, 60\)"),
        (lambda m, x: explain.grad_cam(m, x[0]), r"grad_cam: x must be \(N, C, H, W\), got \(2, 5, 6\)"),
        (lambda m, x: explain.saliency(m, x[:, :1]), "x has 1 channels, w wants 2"),
    ],
)
def test_what_can_not_be_explained_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call(smooth_net(), images())
