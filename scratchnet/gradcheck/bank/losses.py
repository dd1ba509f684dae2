"""Losses on scores (softmax cross-entropy, hinge), alone or on top of a linear layer with weight decay."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong
from scratchnet.losses import softmax
from scratchnet.typing import Array, Params

LossSetups = Callable[[Array, Array, Given], Iterator[tuple[Array, dict[str, object]]]]
LossWrongs = Callable[[Array, Array, dict[str, object]], Iterator[tuple[str, Array, str]]]


def labels_in(given: Given, rows: int) -> Iterator[Array]:
    """Label vectors among the constants, also from one-hot rows."""
    if not rows:
        return  # an empty batch has no labels that could be looked at
    for array in given.constants.values():
        if array.dtype.kind in "iu" and array.shape == (rows,) and array.min() >= 0:
            yield array
        elif array.ndim == 2 and len(array) == rows and np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all():
            yield array.argmax(axis=1)


def _reductions(rows: int) -> tuple[float, float]:
    return 1 / rows, 1.0  # mean, sum


# --- the two losses as functions of scores ---------------------------------------------------------------------------------


def _cross_entropy(logits: Array, labels: Array, given: Given) -> Iterator[tuple[Array, dict[str, object]]]:
    n, k = logits.shape
    if labels.max() >= k:
        return
    probs = softmax(logits)
    onehot = np.eye(k)[labels]
    for s in (0.0, *given.fractions()):
        target = (1 - s) * onehot + s / k
        for scale in _reductions(n):
            yield -(target * np.log(probs)).sum() * scale, {"scale": scale, "target": target, "onehot": onehot, "s": s}


def _wrong_cross_entropy(logits: Array, labels: Array, roles: dict[str, object]) -> Iterator[tuple[str, Array, str]]:
    n, k = logits.shape
    onehot, target = np.asarray(roles["onehot"]), np.asarray(roles["target"])
    probs = softmax(logits)
    columns = np.isin(np.arange(k), labels).astype(float)
    counts = np.bincount(labels, minlength=k).astype(float)
    e, shifted = np.exp(logits), np.exp(logits - logits.max(axis=1, keepdims=True))
    yield "one-hot missing", probs, "the probabilities alone"
    yield "one-hot missing", probs + target, "probabilities plus one-hot"
    yield "labels index every row", probs - columns, "1 taken off in the labels' columns of every row"
    yield "labels index every row", probs - counts, "1 taken off in the labels' columns of every row, again and again"
    for words, scores in ("scores", logits), ("exp(scores)", e), ("exp(scores - max)", shifted), ("log p", np.log(probs)):
        yield "softmax missing", scores - target, f"{words} minus one-hot"
    yield "softmax missing", e / (1 + e) - target, "a sigmoid instead of a softmax"
    yield "softmax over the wrong axis", softmax(logits.T).T - target, "softmax down the columns"
    yield "softmax over the wrong axis", e / e.sum() - target, "softmax over all scores together"
    yield "Jacobian's diagonal only", -target * (1 - probs), "- onehot * (1 - p)"
    yield "Jacobian's diagonal only", (probs - target) * probs * (1 - probs), "(p - onehot) * p * (1 - p)"
    yield "local derivative missing", -target / probs, "the derivative by the probabilities: softmax's own is missing"
    yield "local derivative missing", -1 / probs, "-1 / p"
    yield "mask of the wrong array", (probs - target) * target, "only the right class's entries"
    yield "Jacobian's diagonal only", (probs - target) * probs, "(p - onehot) * p"
    yield "1/N missing", probs - n * target, "the one-hot part is not divided by N"
    yield "1/N missing", n * probs - target, "the probabilities are not divided by N"
    rows = np.isin(np.arange(n), labels).astype(float)[:, None]
    yield "labels index every row", probs - rows, "1 taken off in the whole rows whose numbers are the labels"
    yield "shifted", probs - np.roll(target, 1, axis=1), "1 taken off one class too far right"
    yield "shifted", probs - np.roll(target, -1, axis=1), "1 taken off one class too far left"
    if roles["s"]:
        yield "label smoothing ignored", probs - onehot, "with plain one-hot labels"
        s = float(roles["s"])  # type: ignore[arg-type]
        yield "label smoothing ignored", probs - (1 - s) * onehot, "the right class's 1 - s, the others' s/K not"
        if k > 1:
            others = (1 - s) * onehot + s / (k - 1) * (1 - onehot)
            yield "label smoothing ignored", probs - others, "s shared by K - 1 classes"


def _hinge(logits: Array, labels: Array, given: Given) -> Iterator[tuple[Array, dict[str, object]]]:
    n, k = logits.shape
    if labels.max() >= k:
        return
    rows = np.arange(n)
    for margin in dict.fromkeys((1.0, *given.settings.values())):
        differences = logits - logits[rows, labels][:, None] + margin
        margins = np.maximum(0, differences)
        margins[rows, labels] = 0
        for scale in _reductions(n):
            roles: dict[str, object] = {"scale": scale, "margins": margins, "differences": differences, "margin": margin}
            yield margins.sum() * scale, roles
            yield (margins.sum() + n * margin) * scale, roles  # the right class counted in the loss: a constant


def _wrong_hinge(logits: Array, labels: Array, roles: dict[str, object]) -> Iterator[tuple[str, Array, str]]:
    n, k = logits.shape
    onehot = np.eye(k)[labels]
    margins, differences = np.asarray(roles["margins"]), np.asarray(roles["differences"])
    margin = float(roles["margin"])  # type: ignore[arg-type]
    violated = (margins > 0).astype(float)
    count = violated.sum(axis=1, keepdims=True)
    own = (differences > 0).astype(float)  # the right class's own margin is positive too
    yield "right class wrong", violated, "nothing in the right class"
    yield "right class wrong", own, "+1 in the right class"
    yield "right class wrong", violated - onehot, "-1 in the right class, however many margins are violated"
    for words in "-1 in the right class where a margin is violated", "the mean of the violations instead of their number":
        yield "right class wrong", violated - onehot * (count > 0), words
    yield "right class wrong", violated - onehot * (count + 1), "one violation too many in the right class"
    yield "right class wrong", violated - onehot * (count - 1), "one violation too few in the right class"
    yield "right class wrong", violated + onehot * count, "the right class with the other sign"
    yield "right class wrong", violated - onehot * (k - 1), "- (K - 1) in the right class"
    yield "right class wrong", -onehot * count, "the right class alone"
    wrong = 1 - onehot
    yield "mask missing", wrong - onehot * (k - 1), "every class counts as a violation"
    yield "mask missing", np.ones((n, k)), "1 everywhere"
    yield "mask missing", wrong - onehot, "1 in every wrong class, -1 in the right one"
    yield "value instead of mask", margins - onehot * margins.sum(axis=1, keepdims=True), "the margins instead of their mask"
    yield "value instead of mask", margins - onehot * count, "the margins instead of their mask"
    yield "value instead of mask", margins, "the margins themselves"
    plain = differences - margin
    for words, mask in (
        ("the margin left out", plain > 0),
        ("scores > 0", logits > 0),
        ("the margin subtracted", plain - margin > 0),
        ("the other way round: right minus wrong", -plain + margin > 0),
        ("margins of at least 1", differences > 1),
    ):
        yield "mask of the wrong array", mask - onehot * mask.sum(axis=1, keepdims=True), words
    turned = differences <= 0
    yield (
        "mask inverted",
        turned - onehot * turned.sum(axis=1, keepdims=True),
        "satisfied margins count, violated ones do not",
    )
    columns = violated.copy()
    columns[:, labels] = -count
    yield "labels index every row", columns, "the labels' columns of every row set"
    columns = violated.copy()
    columns[:, labels] -= count
    yield "labels index every row", columns, "the violations taken off in the labels' columns of every row"
    total = violated - onehot * violated.sum(axis=0)
    yield "summed over the wrong axis", total, "violations counted down the columns"


# --- alone, and on top of a linear layer -----------------------------------------------------------------------------------


def _setups_of(loss: LossSetups) -> Callable[[Given], Iterator[Setup]]:
    def setups(given: Given) -> Iterator[Setup]:
        if given.out_shape or len(given.arrays) != 1:
            return
        (name, logits), *_ = given.arrays.items()
        if logits.ndim != 2:
            return
        for labels in labels_in(given, len(logits)):
            for out, roles in loss(logits, labels, given):
                yield Setup(out, {**roles, "labels": labels, "logits": name})

    return setups


def _wrongs_of(wrongs: LossWrongs) -> Callable[[Given, Setup], Iterator[Wrong]]:
    def all_wrongs(given: Given, setup: Setup) -> Iterator[Wrong]:
        name, factor = setup.roles["logits"], setup.roles["scale"] * given.dout
        logits = given.arrays[name]
        for diagnosis, dlogits, words in wrongs(logits, setup.roles["labels"], setup.roles):
            yield Wrong(diagnosis, {name: dlogits * factor}, words)
            for extra, scale in ("1/N missing", len(logits)), ("extra 1/N", 1 / len(logits)):
                also = f"{words}; and '{extra}'"
                yield Wrong(diagnosis, {name: dlogits * factor * scale}, also, 0.9)
                yield Wrong(extra, {name: dlogits * factor * scale}, also, 0.7)

    return all_wrongs


def _linear_setups(loss: LossSetups) -> Callable[[Given], Iterator[Setup]]:
    """loss(x @ w + b) + k * sum(w**2), with x, w and b among the arguments or the constants, in any order."""

    def setups(given: Given) -> Iterator[Setup]:
        if given.out_shape:
            return
        everything = {**given.arrays, **{k: v for k, v in given.constants.items() if v.dtype.kind == "f"}}
        matrices = {name: v for name, v in everything.items() if v.ndim == 2}
        for (x_name, x), (w_name, w) in itertools.permutations(matrices.items(), 2):
            for turned in (False, True):
                m = w.T if turned else w
                if x.shape[1] != m.shape[0]:
                    continue
                biases = [name for name, v in everything.items() if v.size == m.shape[1] and v.ndim <= 2 and name != w_name]
                for b_name in (*biases, None):
                    scores = x @ m + (everything[b_name].reshape(-1) if b_name else 0)
                    for labels in labels_in(given, len(x)):
                        for out, roles in loss(scores, labels, given):
                            penalties = dict.fromkeys((0.0, *(v * f for v in given.settings.values() for f in (0.5, 1.0))))
                            for k in penalties:
                                named = {"x": x_name, "w": w_name, "b": b_name, "turned": turned, "labels": labels}
                                yield Setup(out + k * (w * w).sum(), {**roles, **named, "k": k, "scores": scores})

    return setups


def _linear_wrongs(wrongs: LossWrongs) -> Callable[[Given, Setup], Iterator[Wrong]]:
    def all_wrongs(given: Given, setup: Setup) -> Iterator[Wrong]:
        roles = setup.roles
        everything = {**given.arrays, **given.constants}
        x, w = everything[roles["x"]], everything[roles["w"]]
        m = w.T if roles["turned"] else w
        for diagnosis, dlogits, words in wrongs(roles["scores"], roles["labels"], roles):
            for scale in (1.0, float(len(x)), 1 / len(x)):
                d = dlogits * roles["scale"] * given.dout * scale
                decay = 2 * roles["k"] * w * given.dout
                dw = d.T @ x if roles["turned"] else x.T @ d
                factor = {1.0: "", float(len(x)): "; and '1/N missing'"}.get(scale, "; and 'extra 1/N'")
                for penalty in (decay, 0.0) if roles["k"] else (decay,):
                    decayed = "" if penalty is decay else "; and 'weight decay missing'"
                    found: Params = {roles["x"]: d @ m.T, roles["w"]: dw + penalty}
                    if roles["b"]:
                        found[roles["b"]] = d.sum(axis=0).reshape(everything[roles["b"]].shape)
                    found = {name: g for name, g in found.items() if name in given.arrays}
                    yield Wrong(diagnosis, found, words + factor + decayed, 0.92 if scale == 1 else 0.85)

    return all_wrongs


CE, HINGE = "softmax cross-entropy", "hinge loss"
OPERATIONS = (
    Operation("softmax_cross_entropy", 4, _setups_of(_cross_entropy), _wrongs_of(_wrong_cross_entropy), CE),
    Operation("hinge", 7, _setups_of(_hinge), _wrongs_of(_wrong_hinge), HINGE),
    Operation("linear classifier", 7, _linear_setups(_cross_entropy), _linear_wrongs(_wrong_cross_entropy), CE),
    Operation("linear SVM", 7, _linear_setups(_hinge), _linear_wrongs(_wrong_hinge), HINGE),
)
