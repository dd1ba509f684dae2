"""One forward and one backward pass, layer by layer: formulas, shapes, costs, values, gradients."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from scratchnet.arguments import is_number, require, require_numbers
from scratchnet.inspection.facts import flops, formula, kept_bytes, own_params, owner, written
from scratchnet.inspection.text import count, memory, number, percent
from scratchnet.layers import Layer
from scratchnet.layers.base import Stage, StageBack, require_layer, walk
from scratchnet.losses import Loss, SoftmaxCrossEntropy, require_loss, softmax
from scratchnet.typing import Array, Rng

Shape = tuple[int, ...]

ASSUMED_LR = 0.01


class Values(NamedTuple):
    """Statistics of an array; ``zeros`` is the fraction that is exactly 0, ``finite`` whether there is no NaN or inf."""

    mean: float
    std: float
    min: float
    max: float
    zeros: float
    finite: bool

    @classmethod
    def of(cls, array: Array) -> Values:
        with np.errstate(invalid="ignore", over="ignore"):
            wide = array.astype(np.float64)
            zeros = float(np.mean(array == 0))
            finite = bool(np.isfinite(array).all())
            return cls(float(wide.mean()), float(wide.std()), float(wide.min()), float(wide.max()), zeros, finite)

    def __str__(self) -> str:
        text = f"mean {number(self.mean)}, std {number(self.std)}, {number(self.min)} .. {number(self.max)}"
        return text + f", {percent(self.zeros)} zero" + ("" if self.finite else ", NOT FINITE")


class TracedParam(NamedTuple):
    """A learned array: its Euclidean norm, its gradient's, and what share of itself a plain SGD step would change it by."""

    key: str
    shape: Shape
    norm: float
    grad_norm: float
    update_ratio: float  # lr * grad_norm / norm; NaN if all weights are 0


@dataclass(frozen=True)
class TracedLayer:
    """What one layer did: x to out forwards, dout to dx backwards. Norms are Euclidean, over the whole batch.

    What is about ``dout`` is None where backward did not come, since there and below nothing is learned.
    """

    name: str
    layer: str
    formula: str
    backward_formula: str
    x_shape: Shape
    out_shape: Shape
    flops: int | None
    out_bytes: int
    kept_bytes: int  # what the cache keeps for backward, beyond the weights and what earlier layers keep already
    values: Values
    dout_norm: float | None
    dx_norm: float | None
    params: tuple[TracedParam, ...]
    out: Array = field(repr=False, compare=False)  # of the first image
    dout: Array | None = field(repr=False, compare=False)  # of the first image


@dataclass(frozen=True)
class Trace:
    """What ``trace`` gives: prints as text, shows itself as HTML in a notebook; ``viz.trace`` draws it."""

    layers: tuple[TracedLayer, ...]
    x_shape: Shape
    input: Values
    image: Array = field(repr=False, compare=False)  # the first image as the network took it
    loss: float
    loss_name: str
    loss_formula: str
    loss_backward_formula: str
    dlogits: Values
    labels: tuple[int, ...]
    labels_given: bool
    probs: Array | None = field(repr=False, compare=False)  # (N, K), if the loss is softmax cross-entropy
    lr: float
    train: bool
    lr_from: str = ""  # where lr comes from, if it was not given

    @property
    def flops(self) -> int | None:
        """Operations of the forward pass; None if some layer's are not known."""
        known = [layer.flops for layer in self.layers if layer.flops is not None]
        return sum(known) if len(known) == len(self.layers) else None

    @property
    def kept_bytes(self) -> int:
        """Memory that the caches keep until backward."""
        return sum(layer.kept_bytes for layer in self.layers)

    def heading(self) -> str:
        """What went in, and what was taken for granted."""
        n = self.x_shape[0]
        mode = "training" if self.train else "evaluation"
        images = "1 image" if n == 1 else f"{n} images"
        lr_from = f" ({self.lr_from})" if self.lr_from else ""
        text = f"{images}, x {self.x_shape}, in {mode} mode; lr {self.lr:g}{lr_from}"
        if self.labels_given:
            return text
        own = ", ".join(map(str, self.labels[:10])) + (", .." if len(self.labels) > 10 else "")
        return (
            f"{text}\nno label was given: the network's own answer, {own}, is taken for right in the loss and all gradients"
        )

    def outcome(self) -> str:
        """The loss, what the labels were, and the first image's probabilities."""
        text = f"loss {number(self.loss + 0.0, 4)}"
        if self.labels:
            whose = "label" if self.labels_given else "its own answer taken for the label,"
            text += f", {whose} {self.labels[0]}" + (" (first image)" if len(self.labels) > 1 else "")
        if self.probs is not None:
            best = int(self.probs[0].argmax())
            text += f"; it says {best} with probability {percent(float(self.probs[0, best]))}"
            if self.labels and best != self.labels[0]:
                text += f", and {self.labels[0]} with {percent(float(self.probs[0, self.labels[0]]))}"
        return text

    def lines(self, layer: TracedLayer) -> list[tuple[str, str]]:
        """(word, what there is to say) of a layer, in the order of reading."""
        rows = [("shapes", f"{layer.x_shape} -> {layer.out_shape}")]
        if layer.formula:
            rows.append(("forward", layer.formula))
        cost = f"{count(layer.flops)} flops; out takes {memory(layer.out_bytes)}"
        rows.append(("cost", f"{cost}, {memory(layer.kept_bytes)} more kept for backward"))
        rows.append(("values", str(layer.values)))
        if layer.backward_formula:
            rows.append(("backward", layer.backward_formula))
        if layer.dout_norm is None:
            rows.append(("gradient", "not computed: nothing is learned here or below"))
        else:
            after = "dx not needed by anybody" if layer.dx_norm is None else f"|dx| {number(layer.dx_norm)}"
            rows.append(("gradient", f"|dout| {number(layer.dout_norm)}, {after}"))
        for param in layer.params:
            ratio = (
                "all 0" if math.isnan(param.update_ratio) else f"lr*|d{param.key}|/|{param.key}| = {param.update_ratio:.1e}"
            )
            norms = f"|{param.key}| {number(param.norm)}, |d{param.key}| {number(param.grad_norm)}"
            rows.append((param.key, f"{param.shape}  {norms}, update/weight {ratio}"))
        return rows

    def loss_lines(self) -> list[tuple[str, str]]:
        """The same of the loss."""
        rows = [("forward", self.loss_formula)] if self.loss_formula else []
        rows.append(("value", self.outcome()))
        if self.loss_backward_formula:
            rows.append(("backward", self.loss_backward_formula))
        return [*rows, ("dlogits", str(self.dlogits))]

    def closing(self) -> str:
        """The totals, and how to read them."""
        return (
            f"forward {count(self.flops)} flops, {memory(self.kept_bytes)} kept for backward. |..| is the Euclidean norm. "
            "In training, update/weight of w is usually about 1e-3: far less hardly learns, far more jumps about."
        )

    def __str__(self) -> str:
        blocks = [f"{self.heading()}\n\ninput\n    values    {self.input}"]
        for layer in self.layers:
            blocks.append(_block(f"{layer.name}  {layer.layer}".strip(), self.lines(layer)))
        blocks.append(_block(self.loss_name, self.loss_lines()))
        return "\n\n".join([*blocks, textwrap.fill(self.closing(), 110)])

    def _repr_html_(self) -> str:
        from scratchnet.inspection.trace_html import fragment

        return fragment(self)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, for JSON; NaN and infinity become None."""
        layers = [
            {
                "name": layer.name,
                "layer": layer.layer,
                "forward": layer.formula,
                "backward": layer.backward_formula,
                "x_shape": list(layer.x_shape),
                "out_shape": list(layer.out_shape),
                "flops": layer.flops,
                "out_bytes": layer.out_bytes,
                "kept_bytes": layer.kept_bytes,
                "values": _numbers(layer.values._asdict()),
                "dout_norm": _finite(layer.dout_norm),
                "dx_norm": _finite(layer.dx_norm),
                "params": [_numbers({**p._asdict(), "shape": list(p.shape)}) for p in layer.params],
            }
            for layer in self.layers
        ]
        return {
            "x_shape": list(self.x_shape),
            "train": self.train,
            "lr": self.lr,
            "lr_from": self.lr_from or "given",
            "input": _numbers(self.input._asdict()),
            "layers": layers,
            "loss": _finite(self.loss),
            "loss_name": self.loss_name,
            "labels": list(self.labels),
            "labels_given": self.labels_given,
            "probabilities": None if self.probs is None else [[_finite(float(p)) for p in row] for row in self.probs],
            "flops": self.flops,
            "kept_bytes": self.kept_bytes,
        }


def trace(
    model: Layer,
    x: Array,
    labels: Array | None = None,
    *,
    loss: Loss | None = None,
    lr: float | None = None,
    train: bool = False,
    rng: Rng | None = None,
) -> Trace:
    """Step through one forward and one backward pass. Nothing is changed.

    print(trace(model, prepare(images[:1]), labels[:1]))

    ``lr`` is what the update/weight ratio is told for; without it 0.01 is assumed. ``train`` runs Dropout and BatchNorm as
    in training; Dropout then wants an ``rng``.

    Shapes    x as the network takes it, labels (N,); without labels the network's own answers are taken for right
    Errors    ValueError if x does not fit the network, labels do not fit x, or lr is not a positive number
    """
    require_layer("trace: model", model)
    require_numbers("trace: x", x)
    require(x.ndim >= 2 and len(x) > 0, f"trace: x must be a batch (N, ...) with one image at least, got {x.shape}")
    lr, lr_from = (ASSUMED_LR, "assumed") if lr is None else (lr, "")
    require(is_number(lr) and 0 < lr < math.inf, f"trace: lr must be a positive number, got {lr!r}")
    loss = SoftmaxCrossEntropy() if loss is None else loss
    require_loss("trace: loss", loss)
    ahead: list[Stage] = []
    back: list[StageBack] = []
    with np.errstate(over="ignore", invalid="ignore"):  # the statistics say it
        logits, cache = walk(model.stages(x, train=train, rng=rng), ahead.append)
        targets = logits.argmax(axis=1) if labels is None else np.asarray(labels)
        value, loss_cache = loss.forward(logits, targets)
        dlogits = loss.backward(1.0, loss_cache)
        walk(model.stages_back(dlogits, cache, need_dx=False), back.append)
    backs = {stage.name: stage for stage in back}
    seen = {id(owner(array)) for array in model.params.values()}  # weights are no extra memory
    return Trace(
        layers=tuple(_traced(stage, backs.get(stage.name), lr, seen) for stage in ahead),
        x_shape=x.shape,
        input=Values.of(x),
        image=x[0].copy(),
        loss=value,
        loss_name=repr(loss),
        loss_formula=formula(loss),
        loss_backward_formula=formula(loss, "Backward"),
        dlogits=Values.of(dlogits),
        labels=tuple(int(k) for k in targets) if targets.ndim == 1 else (),
        labels_given=labels is not None,
        probs=softmax(logits.astype(np.float64)) if isinstance(loss, SoftmaxCrossEntropy) else None,
        lr=lr,
        train=train,
        lr_from=lr_from,
    )


def _traced(stage: Stage, back: StageBack | None, lr: float, seen: set[int]) -> TracedLayer:
    layer = stage.layer
    params = []
    for key, w in own_params(layer).items():
        norm, grad_norm = _norm(w), math.nan if back is None else _norm(back.grads[key])
        params.append(TracedParam(key, w.shape, norm, grad_norm, lr * grad_norm / norm if norm else math.nan))
    return TracedLayer(
        name=stage.name,
        layer=written(layer),
        formula=formula(layer),
        backward_formula=formula(layer, "Backward"),
        x_shape=stage.x.shape,
        out_shape=stage.out.shape,
        flops=flops(layer, stage.x.shape, stage.out.shape),
        out_bytes=stage.out.nbytes,
        kept_bytes=kept_bytes(stage.cache, seen),
        values=Values.of(stage.out),
        dout_norm=None if back is None else _norm(back.dout),
        dx_norm=None if back is None or back.dx is None else _norm(back.dx),
        params=tuple(params),
        out=stage.out[0].copy(),
        dout=None if back is None else back.dout[0].copy(),
    )


def _norm(array: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.square(array, dtype=np.float64).sum()))


def _block(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [title]
    for word, text in rows:
        first, *others = text.split("\n")
        lines += [f"    {word:8s}  {first}", *(f"{'':14s}{line}" for line in others)]
    return "\n".join(lines)


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _finite(v) if isinstance(v, float) else v for key, v in values.items()}
