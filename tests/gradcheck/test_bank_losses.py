"""What the bank knows of losses on scores. What a loss is and what a mistake gives is written out here, entry by entry."""

import functools
import math

import numpy as np
import pytest

from scratchnet.gradcheck import check
from scratchnet.gradcheck.bank.losses import OPERATIONS, labels_in
from scratchnet.gradcheck.bank.operation import Given

OPS = {operation.name: operation for operation in OPERATIONS}
LABELS = np.array([3, 0, 0, 2, 0, 3])  # 1 is nobody's label; 1, 4 and 5 are rows that no label could be taken for
ONE_HOT = np.array([[1.0 if j == label else 0.0 for j in range(4)] for label in LABELS])
SCORES = np.array(  # from 0 to 3 violated margins of 1, also of those that a right margin alone makes violations
    [
        [0.3, -1.2, 0.8, 2.9],
        [0.4, 1.1, -2.0, 0.9],
        [-0.6, 0.7, 0.2, -0.1],
        [1.3, -0.5, 1.6, -1.7],
        [0.2, -0.3, 1.4, -0.9],
        [0.6, 0.1, -0.4, -0.5],
    ]
)
TIES = np.array(  # differences of exactly -1, 0 and 1, and scores of 0
    [[1, 2, 0, 1], [1, 0, 1, 2], [0, 1, -1, 0], [1, 2, 1, 0], [-1, -2, -1, 0], [0, -1, 1, 0]], dtype=float
)
DOUT = -1.7


def given(arrays, constants=None, settings=None, out_shape=()):
    return Given(arrays, constants or {}, settings or {}, out_shape, np.asarray(DOUT))


def rows_of(entry, n, k):
    return np.array([[float(entry(i, j)) for j in range(k)] for i in range(n)])


# --- the losses, and what mistakes make of them, for one scores matrix z and labels y --------------------------------------


def cross_entropy(z, y, s):
    """Summed over the rows."""
    total = 0.0
    for row, label in zip(z, y, strict=True):
        bottom = sum(math.exp(score) for score in row)
        for j, score in enumerate(row):
            share = (1 - s if j == label else 0) + s / len(row)
            total -= share * math.log(math.exp(score) / bottom)
    return total


def wrong_cross_entropies(z, y, s):
    """(name, words, the gradient by the scores of the summed loss)."""
    n, k = z.shape
    e = np.vectorize(math.exp)(z)
    all_of_them, taken = e.sum(), [list(y).count(j) for j in range(k)]

    def p(i, j):
        return e[i, j] / sum(e[i, c] for c in range(k))

    def one(i, j):
        return 1.0 if y[i] == j else 0.0

    def t(i, j):
        return (1 - s) * one(i, j) + s / k

    def others(i, j):
        return 1 - s if y[i] == j else s / (k - 1)

    smoothed = [
        ("label smoothing ignored", "with plain one-hot labels", lambda i, j: p(i, j) - one(i, j)),
        (
            "label smoothing ignored",
            "the right class's 1 - s, the others' s/K not",
            lambda i, j: p(i, j) - (1 - s) * one(i, j),
        ),
        ("label smoothing ignored", "s shared by K - 1 classes", lambda i, j: p(i, j) - others(i, j)),
    ]
    formulas = [
        ("one-hot missing", "the probabilities alone", p),
        ("one-hot missing", "probabilities plus one-hot", lambda i, j: p(i, j) + t(i, j)),
        (
            "labels index every row",
            "1 taken off in the labels' columns of every row",
            lambda i, j: p(i, j) - (1 if taken[j] else 0),
        ),
        (
            "labels index every row",
            "1 taken off in the labels' columns of every row, again and again",
            lambda i, j: p(i, j) - taken[j],
        ),
        (
            "labels index every row",
            "1 taken off in the whole rows whose numbers are the labels",
            lambda i, j: p(i, j) - (1 if i in y else 0),
        ),
        ("softmax missing", "scores minus one-hot", lambda i, j: z[i, j] - t(i, j)),
        ("softmax missing", "exp(scores) minus one-hot", lambda i, j: e[i, j] - t(i, j)),
        ("softmax missing", "exp(scores - max) minus one-hot", lambda i, j: math.exp(z[i, j] - max(z[i])) - t(i, j)),
        ("softmax missing", "log p minus one-hot", lambda i, j: math.log(p(i, j)) - t(i, j)),
        ("softmax missing", "a sigmoid instead of a softmax", lambda i, j: 1 / (1 + math.exp(-z[i, j])) - t(i, j)),
        (
            "softmax over the wrong axis",
            "softmax down the columns",
            lambda i, j: e[i, j] / sum(e[r, j] for r in range(n)) - t(i, j),
        ),
        ("softmax over the wrong axis", "softmax over all scores together", lambda i, j: e[i, j] / all_of_them - t(i, j)),
        ("Jacobian's diagonal only", "- onehot * (1 - p)", lambda i, j: -t(i, j) * (1 - p(i, j))),
        (
            "Jacobian's diagonal only",
            "(p - onehot) * p * (1 - p)",
            lambda i, j: (p(i, j) - t(i, j)) * p(i, j) * (1 - p(i, j)),
        ),
        ("Jacobian's diagonal only", "(p - onehot) * p", lambda i, j: (p(i, j) - t(i, j)) * p(i, j)),
        (
            "local derivative missing",
            "the derivative by the probabilities: softmax's own is missing",
            lambda i, j: -t(i, j) / p(i, j),
        ),
        ("local derivative missing", "-1 / p", lambda i, j: -1 / p(i, j)),
        ("mask of the wrong array", "only the right class's entries", lambda i, j: (p(i, j) - t(i, j)) * t(i, j)),
        ("1/N missing", "the one-hot part is not divided by N", lambda i, j: p(i, j) - n * t(i, j)),
        ("1/N missing", "the probabilities are not divided by N", lambda i, j: n * p(i, j) - t(i, j)),
        ("shifted", "1 taken off one class too far right", lambda i, j: p(i, j) - t(i, (j - 1) % k)),
        ("shifted", "1 taken off one class too far left", lambda i, j: p(i, j) - t(i, (j + 1) % k)),
        *(smoothed[: 3 if k > 1 else 2] if s else []),  # one class leaves no K - 1 others
    ]
    return [(name, words, rows_of(entry, n, k)) for name, words, entry in formulas]


def hinge(z, y, margin):
    """Summed over the rows."""
    return sum(max(0.0, z[i, j] - z[i, y[i]] + margin) for i in range(len(z)) for j in range(z.shape[1]) if j != y[i])


def wrong_hinges(z, y, margin):
    """(name, words, the gradient by the scores of the summed loss)."""
    n, k = z.shape
    columns, all_rows = range(k), range(n)

    def above(i, j):
        """How much higher than the right class's."""
        return z[i, j] - z[i, y[i]]

    def right(i, j):
        return 1 if y[i] == j else 0

    def hit(i, j):
        return 1 if j != y[i] and above(i, j) + margin > 0 else 0

    def hits(i):
        return sum(hit(i, j) for j in columns)

    def size(i, j):
        return above(i, j) + margin if hit(i, j) else 0

    def masked(condition):
        """As it is with the violations, but with another condition for one."""

        def entry(i, j):
            if j == y[i]:
                return -sum(1 for c in columns if c != y[i] and condition(i, c))
            return 1 if condition(i, j) else 0

        return entry

    name = "right class wrong"
    formulas = [
        (name, "nothing in the right class", hit),
        (name, "+1 in the right class", lambda i, j: 1 if above(i, j) + margin > 0 else 0),
        (name, "-1 in the right class, however many margins are violated", lambda i, j: -1 if right(i, j) else hit(i, j)),
        (
            name,
            "-1 in the right class where a margin is violated",
            lambda i, j: -(1 if hits(i) else 0) if right(i, j) else hit(i, j),
        ),
        (
            name,
            "the mean of the violations instead of their number",
            lambda i, j: -(hits(i) / hits(i) if hits(i) else 0) if right(i, j) else hit(i, j),
        ),
        (name, "one violation too many in the right class", lambda i, j: -hits(i) - 1 if right(i, j) else hit(i, j)),
        (name, "one violation too few in the right class", lambda i, j: -hits(i) + 1 if right(i, j) else hit(i, j)),
        (name, "the right class with the other sign", lambda i, j: hits(i) if right(i, j) else hit(i, j)),
        (name, "- (K - 1) in the right class", lambda i, j: 1 - k if right(i, j) else hit(i, j)),
        (name, "the right class alone", lambda i, j: -hits(i) if right(i, j) else 0),
        ("mask missing", "every class counts as a violation", lambda i, j: 1 - k if right(i, j) else 1),
        ("mask missing", "1 everywhere", lambda i, j: 1),
        ("mask missing", "1 in every wrong class, -1 in the right one", lambda i, j: -1 if right(i, j) else 1),
        (
            "value instead of mask",
            "the margins instead of their mask",
            lambda i, j: -sum(size(i, c) for c in columns) if right(i, j) else size(i, j),
        ),
        (
            "value instead of mask",
            "the margins instead of their mask",
            lambda i, j: -hits(i) if right(i, j) else size(i, j),
        ),
        ("value instead of mask", "the margins themselves", size),
        ("mask of the wrong array", "the margin left out", masked(lambda i, j: above(i, j) > 0)),
        ("mask of the wrong array", "scores > 0", masked(lambda i, j: z[i, j] > 0)),
        ("mask of the wrong array", "the margin subtracted", masked(lambda i, j: above(i, j) > margin)),
        ("mask of the wrong array", "the other way round: right minus wrong", masked(lambda i, j: margin > above(i, j))),
        ("mask of the wrong array", "margins of at least 1", masked(lambda i, j: above(i, j) + margin > 1)),
        (
            "mask inverted",
            "satisfied margins count, violated ones do not",
            masked(lambda i, j: above(i, j) + margin <= 0),
        ),
        ("labels index every row", "the labels' columns of every row set", lambda i, j: -hits(i) if j in y else hit(i, j)),
        (
            "labels index every row",
            "the violations taken off in the labels' columns of every row",
            lambda i, j: hit(i, j) - (hits(i) if j in y else 0),
        ),
        (
            "summed over the wrong axis",
            "violations counted down the columns",
            lambda i, j: -sum(hit(r, j) for r in all_rows) if right(i, j) else hit(i, j),
        ),
    ]
    return [(name, words, rows_of(entry, n, k)) for name, words, entry in formulas]


# --- comparing -------------------------------------------------------------------------------------------------------------


def alike(a, b):
    return np.shape(a) == np.shape(b) and bool((np.abs(a - b) <= 1e-9 * np.abs(a) + 1e-12).all())


def agree(one, other):
    return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)


def assert_known(wrongs, expected):
    """Each expected (name, words, gradients, certainty) is known once, and nothing else. Returns the weights."""
    left, weights = list(expected), {}
    for wrong in wrongs:
        fits = [
            at
            for at, (name, words, gradients, _) in enumerate(left)
            if (name, words) == (wrong.name, wrong.words) and agree(gradients, wrong.gradients)
        ]
        assert fits, f"{wrong.name}, {wrong.words}: no formula gives {wrong.gradients}"
        # what is more certain comes first: one result can have two readings of the same name
        weights.setdefault(left.pop(fits[0])[3], set()).add(wrong.weight)
    assert not left, f"not known: {[(name, words) for name, words, *_ in left]}"
    for found in weights.values():
        assert len(found) == 1
        assert 0.5 < min(found) < 0.96  # what is seen with one's own eyes, as a wrong shape, is still more certain
    return {certainty: found.pop() for certainty, found in weights.items()}


def the_setup(operation, inputs, out, **roles):
    """The one setup that has this output and these roles."""
    found = [
        setup
        for setup in operation.setups(inputs)
        if alike(setup.out, out) and all(setup.roles[name] == value for name, value in roles.items())
    ]
    assert len(found) == 1
    return found[0]


# --- labels ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "labels"),
    [
        (np.array([2, 0, 1]), [2, 0, 1]),
        (np.array([2, 0, 1], np.uint8), [2, 0, 1]),
        (np.array([1, 2, 1]), [1, 2, 1]),
        (np.array([[0, 0, 1.0, 0], [1.0, 0, 0, 0], [0, 1.0, 0, 0]]), [2, 0, 1]),
        (np.array([[0, 1], [1, 0], [0, 1]]), [1, 0, 1]),
        (np.array([[0, 1], [1, 0], [0, 1]], bool), [1, 0, 1]),
        (np.eye(3, dtype=int), [0, 1, 2]),
    ],
)
def test_labels_are_integers_or_one_hot_rows(array, labels):
    (found,) = labels_in(given({}, {"y": array}), 3)
    assert found.tolist() == labels


@pytest.mark.parametrize(
    "array",
    [
        np.array([2.0, 0.0, 1.0]),  # no integers
        np.array([2, 0]),
        np.array([2, 0, 1, 1]),
        np.array([2, -1, 1]),
        np.array([[2], [0], [1]]),
        np.array([True, False, True]),
        np.array(2),
        np.eye(2),  # a row too few
        np.eye(4),
        np.array([[0, 1], [1, 1], [0, 1]]),  # two labels in a row
        np.array([[0, 1], [0, 0], [0, 1]]),  # none
        np.array([[0, 1], [2, -1], [1, 0]]),  # rows that add up to 1 all the same
        np.array([[0.5, 0.5], [1, 0], [0, 1]]),
        np.zeros((3, 2)),
        np.ones((3, 3, 3)) * np.eye(3),
        np.ones((3, 1, 2), int),
    ],
)
def test_nothing_else_is_taken_for_labels(array):
    assert list(labels_in(given({}, {"y": array}), 3)) == []


def test_labels_are_looked_for_in_every_constant():
    constants = {"a": np.array([0.5, 1, 2]), "b": np.array([1, 0, 0]), "c": np.eye(3)}
    assert [found.tolist() for found in labels_in(given({"x": np.eye(3)}, constants), 3)] == [[1, 0, 0], [0, 1, 2]]


def test_an_empty_batch_has_no_labels():
    constants = {"x": np.zeros((0, 3)), "y": np.zeros(0, int)}
    assert list(labels_in(given({}, constants), 0)) == []


# --- which losses are known ------------------------------------------------------------------------------------------------


def test_each_loss_sends_to_its_lesson():
    assert {name: (operation.lesson, operation.called) for name, operation in OPS.items()} == {
        "softmax_cross_entropy": (4, "softmax cross-entropy"),  # lesson 4: softmax and cross-entropy
        "hinge": (7, "hinge loss"),  # lesson 7: logistic regression and a linear SVM
        "linear classifier": (7, "softmax cross-entropy"),
        "linear SVM": (7, "hinge loss"),
    }


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT], ids=["integers", "one-hot"])
def test_cross_entropy_is_known_as_a_mean_and_as_a_sum_with_any_fraction_as_smoothing(labels):
    inputs = given({"z": SCORES}, {"y": labels}, {"smoothing": 0.2, "steps": 3, "decay": 0.05})
    found = [(setup.roles["s"], setup.out) for setup in OPS["softmax_cross_entropy"].setups(inputs)]
    expected = [(s, cross_entropy(SCORES, LABELS, s) * scale) for s in (0, 0.2, 0.05) for scale in (1 / 6, 1)]
    assert np.allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT], ids=["integers", "one-hot"])
def test_hinge_is_known_as_a_mean_and_as_a_sum_with_any_margin_also_with_the_right_class_counted(labels):
    inputs = given({"z": SCORES}, {"y": labels}, {"margin": 2.5, "again": 1.0, "delta": 0.5})
    found = [(setup.roles["margin"], setup.out) for setup in OPS["hinge"].setups(inputs)]
    expected = [
        (margin, (hinge(SCORES, LABELS, margin) + own) * scale)
        for margin in (1, 2.5, 0.5)
        for scale in (1 / 6, 1)
        for own in (0, 6 * margin)
    ]
    assert np.allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "hinge"])
@pytest.mark.parametrize(
    "inputs",
    [
        given({"z": SCORES}, {"y": LABELS}, out_shape=(6,)),
        given({"z": SCORES, "w": SCORES}, {"y": LABELS}),
        given({"z": SCORES.ravel()}, {"y": np.zeros(24, int)}),
        given({"z": SCORES[:, :, None]}, {"y": LABELS}),
        given({"z": SCORES}, {"y": LABELS + 1}),  # a label for which there is no score
        given({"z": SCORES}),
        given({"z": SCORES}, {"y": LABELS[:5]}),
        given({"z": SCORES[:, :0]}, {"y": LABELS}),
    ],
)
def test_what_has_another_form_is_no_loss_on_scores(name, inputs):
    assert list(OPS[name].setups(inputs)) == []


# --- what mistakes give ----------------------------------------------------------------------------------------------------


def with_wrong_counts(formulas, name, n, scale):
    """Each mistake alone, and together with a wrong N."""
    for diagnosis, words, dz in formulas:
        dz = dz * scale * DOUT
        yield diagnosis, words, {name: dz}, "alone"
        for extra, factor in ("1/N missing", n), ("extra 1/N", 1 / n):
            yield diagnosis, f"{words}; and '{extra}'", {name: dz * factor}, "with another"
            yield extra, f"{words}; and '{extra}'", {name: dz * factor}, "the other"


@pytest.mark.parametrize("scale", [1 / 6, 1], ids=["mean", "sum"])
@pytest.mark.parametrize("s", [0, 0.2])
def test_wrong_gradients_of_cross_entropy(scale, s):
    inputs = given({"z": SCORES}, {"y": LABELS}, {"smoothing": s})
    operation = OPS["softmax_cross_entropy"]
    setup = the_setup(operation, inputs, cross_entropy(SCORES, LABELS, s) * scale)
    expected = with_wrong_counts(wrong_cross_entropies(SCORES, LABELS, s), "z", 6, scale)
    weights = assert_known(operation.wrongs(inputs, setup), expected)
    assert weights["alone"] > weights["with another"] > weights["the other"]


@pytest.mark.parametrize(("k", "label"), [(1, 0), (2, 1), (2, 0), (3, 1)])
def test_cross_entropy_of_few_classes_also_if_the_last_of_them_is_nobodys(k, label):
    z = SCORES[:5, :k]
    y = np.array([0, 0, label, 0, 0])
    inputs = given({"z": z}, {"y": y}, {"smoothing": 0.3})
    operation = OPS["softmax_cross_entropy"]
    setup = the_setup(operation, inputs, cross_entropy(z, y, 0.3), scale=1, s=0.3)
    expected = with_wrong_counts(wrong_cross_entropies(z, y, 0.3), "z", 5, 1)
    assert_known(operation.wrongs(inputs, setup), expected)


@pytest.mark.parametrize("scale", [1 / 6, 1], ids=["mean", "sum"])
@pytest.mark.parametrize(
    ("z", "margin"), [(SCORES, 1), (SCORES, 0.6), (SCORES, 1.7), (TIES, 1)], ids=["1", "narrow", "wide", "ties"]
)
def test_wrong_gradients_of_hinge(z, margin, scale):
    inputs = given({"z": z}, {"y": LABELS}, {"margin": margin})
    operation = OPS["hinge"]
    setup = the_setup(operation, inputs, hinge(z, LABELS, margin) * scale, margin=margin)
    expected = with_wrong_counts(wrong_hinges(z, LABELS, margin), "z", 6, scale)
    weights = assert_known(operation.wrongs(inputs, setup), expected)
    assert weights["alone"] > weights["with another"] > weights["the other"]


# --- on top of a linear layer ----------------------------------------------------------------------------------------------

rng = np.random.default_rng(7)
X, WEIGHTS = rng.standard_normal((6, 3)), rng.standard_normal((3, 4))
WEIGHTS[1, 2] = 0.0  # which divides nothing
BIAS = np.array([0.3, -0.8, 0.5, 0.2])
REG = 0.06
LOSSES = {
    "linear classifier": (lambda z: cross_entropy(z, LABELS, 0), lambda z: wrong_cross_entropies(z, LABELS, 0)),
    "linear SVM": (lambda z: hinge(z, LABELS, 1), lambda z: wrong_hinges(z, LABELS, 1)),
}


@functools.cache  # many tests have the same scores
def loss_and_mistakes(name, biased):
    loss, mistakes = LOSSES[name]
    z = scores_of(X, WEIGHTS, BIAS if biased else 0 * BIAS)
    return loss(z), mistakes(z)


def scores_of(x, m, b):
    n, k = len(x), m.shape[1]
    return rows_of(lambda i, j: sum(x[i, a] * m[a, j] for a in range(len(m))) + b[j], n, k)


def sum_of_squares(w):
    return sum(float(entry) ** 2 for entry in w.flat)


def linear_mistakes(formulas, x, w, turned, bias, reg, scale, wanted):
    """Each mistake in the loss, with and without a wrong N, with and without the weights' decay."""
    n = len(x)
    for diagnosis, words, dz in formulas:
        for factor, extra in (1, ""), (n, "; and '1/N missing'"), (1 / n, "; and 'extra 1/N'"):
            d = dz * scale * DOUT * factor
            for decayed in (True, False) if reg else (True,):
                forgotten = "" if decayed else "; and 'weight decay missing'"
                dw = np.einsum("ij,ia->ja" if turned else "ij,ia->aj", d, x) + (2 * reg * DOUT * w if decayed else 0)
                gradients = {"x": np.einsum("ij,ja->ia" if turned else "ij,aj->ia", d, w), "w": dw}
                if bias is not None:
                    gradients["b"] = np.array([sum(d[:, j]) for j in range(d.shape[1])]).reshape(bias.shape)
                gradients = {name: gradient for name, gradient in gradients.items() if name in wanted}
                yield diagnosis, words + extra + forgotten, gradients, "alone" if factor == 1 else "with another"


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [1 / 6, 1], ids=["mean", "sum"])
@pytest.mark.parametrize("turned", [False, True], ids=["(D, K)", "(K, D)"])
@pytest.mark.parametrize(
    ("bias", "reg", "wanted"),
    [
        (None, 0, "w"),
        (None, REG, "wx"),
        (BIAS, 0, "xwb"),
        (BIAS, REG, "bw"),
        (BIAS[None], REG / 2, "wxb"),
        (BIAS, REG, "wx"),
        (BIAS, REG, "b"),
    ],
    ids=["w", "decay", "b", "b and decay", "b as a row, half the decay", "b a constant", "b alone"],
)
def test_wrong_gradients_of_a_linear_layer_with_a_loss(name, scale, turned, bias, reg, wanted):
    loss, mistakes = loss_and_mistakes(name, bias is not None)
    w = WEIGHTS.T.copy() if turned else WEIGHTS
    everything = {"x": X, "w": w, **({} if bias is None else {"b": bias})}
    constants = {key: array for key, array in everything.items() if key not in wanted}
    # 4 is a margin and a smoothing that nobody means
    inputs = given(
        {key: everything[key] for key in wanted}, {**constants, "y": LABELS}, {"reg": REG, "steps": 4} if reg else {}
    )
    operation = OPS[name]
    setup = the_setup(operation, inputs, loss * scale + reg * sum_of_squares(w), k=reg)
    expected = linear_mistakes(mistakes, X, w, turned, bias, reg, scale, wanted)
    weights = assert_known(operation.wrongs(inputs, setup), expected)
    assert weights["alone"] > weights["with another"]


@pytest.mark.parametrize("labels", [LABELS, ONE_HOT, ONE_HOT.astype(bool)], ids=["integers", "one-hot", "bool"])
def test_every_reading_of_a_linear_classifier(labels):
    settings = {"reg": 0.3, "half": 0.15, "steps": 2.0}
    inputs = given({"w": WEIGHTS, "b": BIAS, "t": BIAS[:, None, None]}, {"x": X, "y": labels}, settings)
    scores = {"b": scores_of(X, WEIGHTS, BIAS), None: scores_of(X, WEIGHTS, 0 * BIAS)}
    expected = [
        (b, s, k, cross_entropy(scores[b], LABELS, s) * scale + k * sum_of_squares(WEIGHTS))
        for b in ("b", None)
        for s in (0, 0.3, 0.15)
        for scale in (1 / 6, 1)
        for k in (0, 0.15, 0.3, 0.075, 1, 2)
    ]
    setups = OPS["linear classifier"].setups(inputs)
    found = [(*(setup.roles[role] for role in "bsk"), setup.out) for setup in setups]
    assert [reading[0] for reading in found] == [reading[0] for reading in expected]
    assert np.allclose([reading[1:] for reading in found], [reading[1:] for reading in expected], rtol=1e-12)


def test_every_reading_of_a_linear_svm():
    inputs = given({"w": WEIGHTS}, {"x": X, "y": LABELS}, {"reg": 0.3})
    z = scores_of(X, WEIGHTS, np.zeros(4))
    expected = [
        (hinge(z, LABELS, margin) + own * 6 * margin) * scale + k * sum_of_squares(WEIGHTS)
        for margin in (1, 0.3)
        for scale in (1 / 6, 1)
        for own in (0, 1)
        for k in (0, 0.15, 0.3)
    ]
    assert np.allclose([setup.out for setup in OPS["linear SVM"].setups(inputs)], expected, rtol=1e-12)


def test_square_matrices_can_be_input_and_weights_in_either_order_and_orientation():
    a, c = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    inputs = given({"a": a, "c": c}, {"y": LABELS[:4]})
    found = {
        (setup.roles["x"], setup.roles["w"], setup.roles["turned"], round(float(setup.out), 9))
        for setup in OPS["linear classifier"].setups(inputs)
        if setup.roles["scale"] == 1
    }
    readings = [("a", "c", a, c), ("c", "a", c, a)]
    assert found == {
        (x_name, w_name, turned, round(cross_entropy(scores_of(x, w.T if turned else w, [0] * 4), LABELS[:4], 0), 9))
        for x_name, w_name, x, w in readings
        for turned in (False, True)
    }


def test_weights_are_not_their_own_bias():
    inputs = given({"w": WEIGHTS[:1]}, {"x": X[:, :1], "y": LABELS})  # as many weights as scores
    assert {setup.roles["b"] for setup in OPS["linear classifier"].setups(inputs)} == {None}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    "inputs",
    [
        given({"x": X, "w": WEIGHTS}, {"y": LABELS}, out_shape=(6,)),
        given({"x": X, "w": WEIGHTS[:2]}, {"y": LABELS}),
        given({"x": X, "w": WEIGHTS}),
        given({"x": X, "w": WEIGHTS}, {"y": LABELS + 1}),
        given({"x": X, "w": WEIGHTS[:, :, None]}, {"y": LABELS}),
        given({"x": X[0], "w": WEIGHTS}, {"y": LABELS}),
        given({"w": WEIGHTS}, {"y": LABELS}),
        given({"w": WEIGHTS}, {"x": np.arange(18).reshape(6, 3), "y": LABELS}),  # numbers of what, labels or indices?
        given({"w": WEIGHTS}, {"x": X > 0, "y": LABELS}),
    ],
)
def test_what_has_another_form_is_no_linear_layer_with_a_loss(name, inputs):
    assert list(OPS[name].setups(inputs)) == []


# --- in a whole check ------------------------------------------------------------------------------------------------------


def test_an_empty_batch_beside_the_arguments_is_no_obstacle():
    def forward(w, x, y):
        return float((w**3).sum()), w

    options = {"x": np.zeros((0, 6)), "y": np.zeros(0, int)}
    report = check((forward, lambda dout, w: -3 * dout * w**2), SCORES, options=options)
    assert report.diagnoses[0].name == "sign flipped"


def test_a_bias_among_the_constants_is_one_too():
    def forward(w, x, b, y):
        scores = x @ w + b
        probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return -np.log(probs[np.arange(len(y)), y]).mean(), (x, probs)

    def backward(dout, cache):
        x, probs = cache
        return dout * x.T @ probs / len(x)

    report = check((forward, backward), WEIGHTS, options={"x": X, "b": BIAS, "y": LABELS})
    assert report.diagnoses[0].name == "one-hot missing"
