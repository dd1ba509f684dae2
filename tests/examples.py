"""One right call of each public function, constructor and method, for tests/test_arguments.py to spoil.

An example is a function whose parameters are the arguments to spoil, under the names by which error messages call them, with
valid values: ``Example(dense_forward, x=.., w=.., b=..)``. What is accepted besides stands in ``accepts``: by argument, the
names of the changes (see test_arguments.py) after which the call still means something.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet import (
    augment,
    corruptions,
    explain,
    gradcheck,
    init,
    inspection,
    losses,
    memory,
    metrics,
    models,
    optim,
    preprocess,
    train,
)
from scratchnet import engine as engine_package
from scratchnet import layers as L
from scratchnet.engine import Engine, ShardedEngine
from scratchnet.init import initial
from scratchnet.layers import activations, conv, dense, dropout, fourier, neighbors, norm, pool, reshape
from scratchnet.rng import Purpose, stream

ANY_SHAPE = {"an axis more", "an axis less", "longer", "shorter"}  # what works on each number by itself
NOT_FINITE = {"nan", "inf", "-inf"}
MORE = {"shorter", "longer"}  # another number of images, rows or columns


class Example:
    """A call and its arguments."""

    def __init__(self, call: Callable[..., Any], accepts: dict[str, set[str]] | None = None, /, **arguments: Any) -> None:
        self.call, self.arguments, self.accepts = call, arguments, accepts or {}
        self.slow = False

    def but_slow(self) -> "Example":
        """Only what is refused at once is tried."""
        self.slow = True
        return self

    def run(self, **changed: Any) -> Any:
        fresh = {name: copy.deepcopy(v) if isinstance(v, np.random.Generator) else v for name, v in self.arguments.items()}
        return self.call(**{**fresh, **changed})


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return rng(seed).uniform(0.2, 2, shape) * rng(seed + 1).choice([-1.0, 1.0], shape)


def backward(pair: Any, *args: Any, **options: Any) -> Example:
    """The second function of a pair, on a cache of the first."""
    out, cache = pair[0](*args, **options)
    return Example(lambda dout: pair[1](dout, cache), dout=numbers(*out.shape, seed=5))


X, W, B = numbers(4, 3), numbers(3, 2), numbers(2)
IMAGES, FILTERS = numbers(3, 2, 5, 6), numbers(4, 2, 3, 2)
LABELS, LOGITS = np.array([2, 0, 1, 1]), numbers(4, 3)
EXAMPLES_OF_X = numbers(6, 3)
WINDOW: dict[str, Any] = {"kernel_size": (3, 2), "stride": (1, 2), "pad": (1, 0)}
CLASSES = np.array([0, 1, 2, 0, 1, 2])
"""Labels of EXAMPLES_OF_X."""


def layer(build: Callable[[], L.Layer], x: np.ndarray, accepts: set[str], train: bool = True) -> dict[str, Example]:
    """The methods of a layer."""
    made = build()
    out, cache = made.forward(x, train=train, rng=rng())
    return {
        f"{type(made).__name__}.forward": Example(lambda x: made.forward(x, train=train, rng=rng())[0], {"x": accepts}, x=x),
        f"{type(made).__name__}.__call__": Example(made, {"x": accepts}, x=x),
        f"{type(made).__name__}.backward": Example(
            lambda dout: made.backward(dout, cache), dout=numbers(*out.shape, seed=5)
        ),
    }


def loss(
    build: Callable[[], losses.Loss], names: tuple[str, str], out: np.ndarray, targets: np.ndarray
) -> dict[str, Example]:
    """The methods of a loss."""
    made = build()
    _, cache = made.forward(out, targets)
    first, second = names
    return {
        f"{type(made).__name__}.forward": Example(
            lambda **given: made.forward(given[first], given[second])[0],
            {first: {"longer"}},
            **{first: out, second: targets},
        ),
        f"{type(made).__name__}.backward": Example(
            lambda dloss: made.backward(dloss, cache), {"dloss": NOT_FINITE}, dloss=0.5
        ),
    }


def optimizer(kind: type[optim.Optimizer], **settings: Any) -> dict[str, Example]:
    """The constructor and the step of an optimizer."""

    def step(params: Any, grads: Any, lr: Any) -> Any:
        made = kind(lr=0.1)
        params = copy.deepcopy(params)
        made.step(params, grads, lr)
        return params

    return {
        kind.__name__: Example(kind, **settings),
        f"{kind.__name__}.step": Example(
            step, {"lr": {"None"}}, params={"w": numbers(2, 3)}, grads={"w": numbers(2, 3, seed=3)}, lr=0.2
        ),
    }


def of_layers() -> dict[str, Example]:
    found = {
        "dense_forward": Example(dense.dense_forward, x=X, w=W, b=B),
        "dense_backward": backward((dense.dense_forward, dense.dense_backward), X, W, B),
        "conv2d_forward": Example(
            conv.conv2d_forward, {"x": MORE, "w": {"longer"}}, x=IMAGES, w=FILTERS, b=numbers(4), stride=2, pad=1
        ),
        "conv2d_backward": backward((conv.conv2d_forward, conv.conv2d_backward), IMAGES, FILTERS, numbers(4), 1, 1),
        "im2col": Example(conv.im2col, {"x": MORE} | {name: {"number"} for name in WINDOW}, x=IMAGES, **WINDOW),
        "col2im": Example(
            conv.col2im,
            dpatches=conv.im2col(IMAGES, (3, 2), (1, 2), (1, 0)) + 0,
            x_shape=IMAGES.shape,
            **WINDOW,
        ),
        "output_size": Example(conv.output_size, {name: {"number"} for name in ("size", *WINDOW)}, size=(5, 6), **WINDOW),
        "relu_forward": Example(activations.relu_forward, {"x": ANY_SHAPE}, x=X),
        "relu_backward": backward((activations.relu_forward, activations.relu_backward), X),
        "leaky_relu_forward": Example(activations.leaky_relu_forward, {"x": ANY_SHAPE}, x=X, negative_slope=0.1),
        "leaky_relu_backward": backward((activations.leaky_relu_forward, activations.leaky_relu_backward), X),
        "sigmoid_forward": Example(activations.sigmoid_forward, {"x": ANY_SHAPE}, x=X),
        "sigmoid_backward": backward((activations.sigmoid_forward, activations.sigmoid_backward), X),
        "tanh_forward": Example(activations.tanh_forward, {"x": ANY_SHAPE}, x=X),
        "tanh_backward": backward((activations.tanh_forward, activations.tanh_backward), X),
        "max_pool2d_forward": Example(
            pool.max_pool2d_forward, {"x": MORE, "stride": {"None"}}, x=IMAGES, kernel_size=2, stride=1
        ),
        "max_pool2d_backward": backward((pool.max_pool2d_forward, pool.max_pool2d_backward), IMAGES, 3, 2),
        "avg_pool2d_forward": Example(
            pool.avg_pool2d_forward, {"x": MORE, "stride": {"None"}}, x=IMAGES, kernel_size=2, stride=1
        ),
        "avg_pool2d_backward": backward((pool.avg_pool2d_forward, pool.avg_pool2d_backward), IMAGES, 3, 2),
        "global_avg_pool_forward": Example(pool.global_avg_pool_forward, {"x": MORE}, x=IMAGES),
        "global_avg_pool_backward": backward((pool.global_avg_pool_forward, pool.global_avg_pool_backward), IMAGES),
        "batch_norm_forward": Example(
            norm.batch_norm_forward,
            {"mean": {"None"}, "var": {"None"}},
            x=X,
            gamma=numbers(3),
            beta=numbers(3),
            eps=1e-3,
            mean=numbers(3),
            var=np.abs(numbers(3)),
        ),
        "batch_norm_backward": backward((norm.batch_norm_forward, norm.batch_norm_backward), IMAGES, numbers(2), numbers(2)),
        "dropout_forward": Example(dropout.dropout_forward, {"x": ANY_SHAPE}, x=X, p=0.5, rng=rng()),
        "dropout_backward": backward((dropout.dropout_forward, dropout.dropout_backward), X, 0.5, rng()),
        "flatten_forward": Example(reshape.flatten_forward, {"x": ANY_SHAPE}, x=IMAGES),
        "flatten_backward": backward((reshape.flatten_forward, reshape.flatten_backward), IMAGES),
        "random_fourier_forward": Example(fourier.random_fourier_forward, x=X, w=W, b=B),
        "random_fourier_backward": backward((fourier.random_fourier_forward, fourier.random_fourier_backward), X, W, B),
        "layers.nearest": Example(
            neighbors.nearest, {"examples": {"shorter"}, "x": {"shorter"}}, x=X, examples=EXAMPLES_OF_X, k=2
        ),
        "k_nearest_forward": Example(
            neighbors.k_nearest_forward, x=X, examples=EXAMPLES_OF_X, labels=CLASSES, k=3, num_classes=3
        ),
        "k_nearest_backward": backward(
            (neighbors.k_nearest_forward, neighbors.k_nearest_backward), X, EXAMPLES_OF_X, CLASSES, 3, 3
        ),
        "walk": Example(lambda: L.base.walk(L.ReLU().stages(X))),
        "window": Example(
            lambda kernel_size, stride, pad: conv.window("Conv2d", kernel_size, stride, pad),
            {name: {"number"} for name in WINDOW},
            **WINDOW,
        ),
    }
    found |= {
        "Dense": Example(L.Dense, in_features=3, out_features=2, rng=rng(), init=init.he_normal),
        "Conv2d": Example(
            L.Conv2d,
            {"stride": {"number"}},
            in_channels=2,
            out_channels=3,
            kernel_size=3,
            stride=(1, 2),
            pad=1,
            rng=rng(),
            init=init.he_normal,
        ),
        "MaxPool2d": Example(L.MaxPool2d, {"stride": {"None", "number"}}, kernel_size=2, stride=(2, 1)),
        "AvgPool2d": Example(L.AvgPool2d, {"stride": {"None", "number"}}, kernel_size=2, stride=(2, 1)),
        "GlobalAvgPool": functions(L.GlobalAvgPool),
        "ReLU": functions(L.ReLU),
        "Sigmoid": functions(L.Sigmoid),
        "Tanh": functions(L.Tanh),
        "Flatten": functions(L.Flatten),
        "LeakyReLU": Example(L.LeakyReLU, negative_slope=0.1),
        "Dropout": Example(L.Dropout, p=0.3),
        "BatchNorm1d": Example(L.BatchNorm1d, num_features=3, eps=1e-3, momentum=0.2),
        "BatchNorm2d": Example(L.BatchNorm2d, num_features=3, eps=1e-3, momentum=0.2),
        "RandomFourierFeatures": Example(L.RandomFourierFeatures, in_features=3, out_features=2, gamma=0.5, rng=rng()),
        "NearestNeighbors": Example(L.NearestNeighbors, in_features=3, num_classes=3, k=2, num_examples=4),
        "NearestNeighbors.remember": Example(
            lambda examples, labels: L.NearestNeighbors(3, 3).remember(examples, labels),
            examples=EXAMPLES_OF_X,
            labels=CLASSES,
        ),
        "Residual": Example(L.Residual, {"shortcut": {"None"}}, body=L.ReLU(), shortcut=L.Tanh()),
        "Sequential": Example(L.Sequential),
        "Composite": Example(L.Composite, {"children": {"nothing in it"}}, children={"body": L.ReLU()}),
        "Layer": Example(lambda: None),  # the base of all layers, not to be made
    }
    dense_layer, convolution = (lambda: L.Dense(3, 2, rng=rng())), (lambda: L.Conv2d(2, 4, 3, pad=1, rng=rng()))
    rows = {"shorter"}
    for build, x, accepts in (
        (dense_layer, X, rows),
        (convolution, IMAGES, MORE),
        (L.MaxPool2d, IMAGES, MORE),
        (L.AvgPool2d, IMAGES, MORE),
        (L.GlobalAvgPool, IMAGES, MORE),
        (L.ReLU, X, ANY_SHAPE),
        (L.LeakyReLU, X, ANY_SHAPE),
        (L.Sigmoid, X, ANY_SHAPE),
        (L.Tanh, X, ANY_SHAPE),
        (L.Flatten, IMAGES, ANY_SHAPE),
        (lambda: L.Dropout(0.5), X, ANY_SHAPE),
        (lambda: L.BatchNorm1d(3), X, rows),
        (lambda: L.BatchNorm2d(2), IMAGES, MORE),
        (lambda: L.RandomFourierFeatures(3, 2, 0.5, rng=rng()), X, rows),
        (lambda: L.NearestNeighbors(3, 2, 2, num_examples=4), X, rows),
        (lambda: L.Sequential(convolution(), L.ReLU()), IMAGES, MORE),
        (lambda: L.Residual(dense_layer(), L.Dense(3, 2, rng=rng())), X, rows),
    ):
        found |= layer(build, x, accepts)
    return found


def functions(kind: type[L.Layer]) -> Example:
    """A layer without settings can be given a pair all the same."""
    return Example(lambda functions: kind(functions=functions), {"functions": {"None"}}, functions=kind.functions)


def of_losses() -> dict[str, Example]:
    found = {
        "softmax": Example(losses.softmax, {"logits": {"longer"}}, logits=LOGITS),
        "softmax_cross_entropy_forward": Example(
            losses.softmax_cross_entropy_forward, {"logits": {"longer"}}, logits=LOGITS, labels=LABELS, label_smoothing=0.1
        ),
        "multiclass_hinge_forward": Example(
            losses.multiclass_hinge_forward, {"logits": {"longer"}}, logits=LOGITS, labels=LABELS, margin=0.5
        ),
        "mean_squared_error_forward": Example(losses.mean_squared_error_forward, out=LOGITS, targets=X),
        "SoftmaxCrossEntropy": Example(losses.SoftmaxCrossEntropy, label_smoothing=0.1),
        "MulticlassHinge": Example(losses.MulticlassHinge, margin=0.5),
        "MeanSquaredError": Example(
            lambda functions: losses.MeanSquaredError(functions=functions),
            {"functions": {"None"}},
            functions=losses.MeanSquaredError.functions,
        ),
        "Loss": Example(lambda: None),  # the base of all losses, not to be made
    }
    for name, made in (
        ("softmax_cross_entropy", losses.SoftmaxCrossEntropy()),
        ("multiclass_hinge", losses.MulticlassHinge()),
        ("mean_squared_error", losses.MeanSquaredError()),
    ):
        _, cache = made.forward(LOGITS, X if isinstance(made, losses.MeanSquaredError) else LABELS)
        found[f"{name}_backward"] = Example(
            lambda dloss, made=made, cache=cache: made.functions[1](dloss, cache), {"dloss": NOT_FINITE}, dloss=0.5
        )
    found |= loss(losses.SoftmaxCrossEntropy, ("logits", "labels"), LOGITS, LABELS)
    found |= loss(losses.MulticlassHinge, ("logits", "labels"), LOGITS, LABELS)
    found |= loss(losses.MeanSquaredError, ("out", "targets"), LOGITS, X)
    return found


def of_optimizers() -> dict[str, Example]:
    found = {
        "constant": Example(optim.constant, lr=0.1),
        "step_decay": Example(optim.step_decay, lr=0.1, every=3, gamma=0.5),
        "cosine": Example(optim.cosine, lr=0.1, steps=9, final=0.01),
        "one_cycle": Example(optim.one_cycle, peak=0.1, steps=9, warmup=0.3, start_div=25.0, final_div=1e3),
        "warmup_cosine": Example(optim.warmup_cosine, lr=0.1, steps=9, warmup=0.1),
        "Optimizer": Example(optim.Optimizer, lr=0.1, weight_decay=0.1),
    }
    found |= optimizer(optim.SGD, lr=0.1, weight_decay=0.1)
    found |= optimizer(optim.Momentum, lr=0.1, momentum=0.9, weight_decay=0.1)
    found |= optimizer(optim.Nesterov, lr=0.1, momentum=0.9, weight_decay=0.1)
    found |= optimizer(optim.RMSProp, lr=0.1, alpha=0.9, eps=1e-3, weight_decay=0.1)
    found |= optimizer(optim.Adam, lr=0.1, betas=(0.9, 0.99), eps=1e-3, weight_decay=0.1)
    found |= optimizer(optim.AdamW, lr=0.1, betas=(0.9, 0.99), eps=1e-3, weight_decay=0.1)
    return found


def of_init() -> dict[str, Example]:
    named = {
        name: Example(getattr(init, name), rng=rng(), shape=(3, 2))
        for name in ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "lecun_normal", "lecun_uniform")
    }
    return named | {
        "fan_in_uniform": Example(init.fan_in_uniform, rng=rng(), shape=(3, 2)),
        "initial": Example(
            lambda init, rng, shape: initial("Dense", init, rng, shape), init=init.he_normal, rng=rng(), shape=(3, 2)
        ),
        "fans": Example(init.fans, shape=(4, 2, 3, 3)),
        "normal": Example(init.normal, rng=rng(), shape=(3, 2), std=0.1),
        "uniform": Example(init.uniform, rng=rng(), shape=(3, 2), bound=0.1),
    }


PICTURES = rng().integers(0, 256, (4, 6, 5)).astype(np.uint8)
PROBS = np.abs(LOGITS) / np.abs(LOGITS).sum(axis=1, keepdims=True)
PREDICTED = np.array([2, 1, 1, 0])
MATRIX = np.array([[5, 1, 0], [0, 4, 2], [1, 0, 7]])


def of_metrics() -> dict[str, Example]:
    return {
        "accuracy": Example(metrics.accuracy, labels=LABELS, predictions=PREDICTED),
        "top_k_accuracy": Example(metrics.top_k_accuracy, {"scores": {"longer"}}, labels=LABELS, scores=LOGITS, k=2),
        "confusion_matrix": Example(metrics.confusion_matrix, labels=LABELS, predictions=PREDICTED, num_classes=3),
        "class_scores": Example(metrics.class_scores, confusion=MATRIX),
        "confused_pairs": Example(metrics.confused_pairs, {"count": {"None"}}, confusion=MATRIX, count=2),
        "reliability": Example(metrics.reliability, labels=LABELS, probs=PROBS, bins=5),
        "brier_score": Example(metrics.brier_score, labels=LABELS, probs=PROBS),
        "negative_log_likelihood": Example(metrics.negative_log_likelihood, labels=LABELS, probs=PROBS),
        "bootstrap_interval": Example(metrics.bootstrap_interval, values=numbers(6), rng=rng(), resamples=20, level=0.9),
        "wilson_interval": Example(metrics.wilson_interval, successes=3, n=7, level=0.9),
        "mcnemar": Example(metrics.mcnemar, right_a=np.array([True, False, True]), right_b=np.array([True, True, False])),
    }


def of_images() -> dict[str, Example]:
    """What is done to images before a network sees them."""
    settings = {
        "shift": 1.0,
        "rotation": 5.0,
        "scale": 0.1,
        "shear": 0.1,
        "elastic": 0.5,
        "elastic_sigma": 4.0,
        "erase": 0.3,
    }
    matrices, shifts = numbers(4, 2, 2), numbers(4, 2)
    sources = augment.affine_sources(matrices, shifts, (6, 5))
    return {
        "Augmentation": Example(augment.Augmentation, **settings),
        "Augmentation.__call__": Example(augment.Augmentation(**settings), {"images": MORE}, images=PICTURES, rng=rng()),
        "affine_sources": Example(augment.affine_sources, matrices=matrices, shifts=shifts, size=(6, 5)),
        "smooth_fields": Example(augment.smooth_fields, shape=(2, 6, 5), sigma=2.0, rng=rng()),
        "interpolate": Example(
            augment.interpolate, {"images": {"longer"}, "sources": {"longer"}}, images=PICTURES, sources=sources
        ),
        "erase_rectangles": Example(augment.erase_rectangles, {"images": MORE}, images=PICTURES, p=0.5, rng=rng()),
        "shift": Example(corruptions.shift, {"images": MORE}, images=PICTURES, by=1.5, scale=1),
        "rotate": Example(corruptions.rotate, {"images": MORE}, images=PICTURES, degrees=15.0, scale=1),
        "noise": Example(corruptions.noise, {"images": MORE}, images=PICTURES, deviation=4.0, rng=rng(), scale=1),
        "strokes": Example(corruptions.strokes, {"images": MORE}, images=PICTURES, times=1.5, scale=1),
        "invert": Example(corruptions.invert, {"images": MORE}, images=PICTURES, scale=1),
        "photograph": Example(
            corruptions.photograph,
            {"images": MORE, "corruption": {"None"}},
            images=PICTURES,
            corruption=corruptions.invert,
            rng=rng(),
        ),
        "enlarge": Example(corruptions.enlarge, {"images": MORE}, images=PICTURES, times=2),
        "sample": Example(
            corruptions.sample,
            {"images": MORE, "rows": {"longer", "shorter", "an axis less"}, "cols": {"longer", "an axis less"}},
            images=PICTURES,
            rows=numbers(3, 1),
            cols=numbers(1, 4),
        ),
        "Normalization": Example(preprocess.Normalization, mean=0.1, std=0.3),
        "prepare": Example(
            preprocess.prepare,
            {"images": {"an axis less"} | MORE, "normalization": {"None"}},
            images=PICTURES,
            normalization=preprocess.Normalization(),
        ),
        "to_hcwn": Example(memory.to_hcwn, {"x": MORE}, x=IMAGES),
        "from_hcwn": Example(memory.from_hcwn, {"y": MORE}, y=IMAGES),
        "stream": Example(stream, seed=3, purpose=Purpose.STEP, step=2, shard=1),
    }


def network() -> L.Sequential:
    return L.Sequential(
        L.Conv2d(1, 3, 3, rng=rng()), L.ReLU(), L.Flatten(), L.Dropout(0.3), L.Dense(3 * 4 * 3, 3, rng=rng())
    )


def engine(**changes: Any) -> Engine:
    settings = {"model": network(), "loss": losses.SoftmaxCrossEntropy(), "images": PICTURES, "targets": LABELS}
    return Engine(**{**settings, "prepare": preprocess.prepare, **changes})


def of_training() -> dict[str, Example]:
    made = engine()

    def sharded(shards: int, workers: int = 0) -> None:
        task = made.task
        ShardedEngine(task.model, task.loss, prepare=task.prepare, shards=shards, workers=workers).close()

    def on_shards(batch: np.ndarray) -> float:
        task = made.task
        with ShardedEngine(task.model, task.loss, task.images, task.targets, prepare=task.prepare, workers=0) as two:
            return two.loss_and_grads(batch, seed=0, step=0).loss

    def steps(**given: Any) -> list[train.Step]:
        return list(train.train_steps(**{"engine": engine(), "optimizer": optim.SGD(0.1), **given}))

    def gradients(model: Any, loss: Any, x: Any, targets: Any, rng: Any) -> Any:
        return engine_package.loss_and_grads(model, loss, x, targets, rng=rng)[:2]

    settings: dict[str, Any] = {"epochs": 2, "batch_size": 3, "schedule": optim.constant(0.1), "seed": 0}
    x = preprocess.prepare(PICTURES)
    return {
        "Engine": Example(
            Engine,
            {
                "augment": {"None"},
                "images": {"None"} | MORE | {"an axis more", "an axis less"},
                "targets": {"None", "longer", "an axis more"},
            },
            model=network(),
            loss=losses.SoftmaxCrossEntropy(),
            images=x,
            targets=LABELS,
            prepare=preprocess.prepare,
            augment=augment.Augmentation(shift=1.0),
            ema=0.9,
        ),
        "Engine.logits": Example(made.logits, {"images": {"shorter", "an axis less"}}, images=PICTURES),
        "Engine.loss_and_grads": Example(
            lambda batch, seed, step: made.loss_and_grads(batch, seed=seed, step=step).loss,
            {"batch": {"longer", "shorter"}},
            batch=np.array([2, 0, 3]),
            seed=0,
            step=2,
        ),
        "ShardedEngine": Example(sharded, shards=2),
        "ShardedEngine.loss_and_grads": Example(on_shards, {"batch": {"longer", "shorter"}}, batch=np.array([2, 0, 3])),
        "loss_and_grads": Example(
            gradients,
            {"targets": {"number"}},
            model=network(),
            loss=losses.SoftmaxCrossEntropy(),
            x=x,
            targets=LABELS,
            rng=rng(),
        ),
        "logits_of": Example(
            engine_package.logits_of,
            {"images": {"shorter", "an axis less"}},
            model=network(),
            images=PICTURES,
            prepare=preprocess.prepare,
        ),
        "steps_per_epoch": Example(train.steps_per_epoch, n=7, batch_size=2),
        "train_steps": Example(steps, engine=made, optimizer=optim.SGD(0.1), **settings),
        "epoch_summary": Example(train.epoch_summary, steps=steps(**settings)),
        "train_epochs": Example(
            lambda validate: list(train.train_epochs(steps(**settings), validate)),
            {"validate": {"None"}},
            validate=lambda: train.evaluate(made, PICTURES, LABELS),
        ),
        "evaluate": Example(
            lambda engine, images, labels: train.evaluate(engine, images, labels)[:2],
            engine=made,
            images=PICTURES,
            labels=LABELS,
        ),
        "build": Example(lambda model, seed: models.build(model, seed=seed), model="softmax", seed=3),
    }


def of_explaining() -> dict[str, Example]:
    model, x = network(), numbers(2, 1, 6, 5)
    some: dict[str, Any] = {"model": model, "x": x, "labels": np.array([1, 2]), "of": "logit"}
    accepts = {"labels": {"None", "an axis less"}, "baseline": {"None", "[0.5]"}, "fill": {"None", "[0.5]"}}
    maps = explain.saliency(model, x)
    return {
        "saliency": Example(explain.saliency, accepts, **some),
        "smooth_grad": Example(explain.smooth_grad, accepts, **some, sigma=0.1, samples=2, rng=rng()),
        "integrated_gradients": Example(explain.integrated_gradients, accepts, **some, baseline=0.5, steps=2),
        "completeness": Example(explain.completeness, accepts, **some, attributions=maps, baseline=0.5),
        "magnitude": Example(explain.magnitude, {"attributions": MORE}, attributions=maps),
        "occlusion": Example(explain.occlusion, accepts, **some, size=3, stride=3, fill=0.5),
        "grad_cam": Example(explain.grad_cam, {**accepts, "stage": {"None"}}, **some, stage="1"),
        "scores": Example(explain.scores, accepts, **some),
        "features": Example(explain.features, {"stage": {"None"}}, model=model, x=x, stage="1"),
        "pca": Example(explain.pca, {"points": MORE}, points=numbers(5, 3), components=2),
        "explain.nearest": Example(
            explain.nearest, {"queries": {"shorter"}}, points=numbers(5, 3), queries=numbers(2, 3), count=2
        ),
        "receptive_field": Example(explain.receptive_field, model=model, stage="1", row=1, column=2),
        "trace": Example(
            inspection.trace,
            {"labels": {"None"}, "loss": {"None"}, "lr": {"None"}},
            model=model,
            x=x,
            labels=np.array([1, 2]),
            loss=losses.SoftmaxCrossEntropy(),
            lr=0.1,
        ),
        "summary": Example(inspection.summary, model=model, input_shape=(1, 6, 5)),
        "doctor": Example(
            inspection.doctor,
            {name: {"None"} for name in ("val", "prepare", "loss", "optimizer")},
            model=L.Sequential(L.Flatten(), L.Dense(30, 3, rng=rng())),
            images=PICTURES,
            labels=LABELS,
            val=(PICTURES, LABELS),
            prepare=preprocess.prepare,
            loss=losses.SoftmaxCrossEntropy(),
            optimizer=optim.SGD(0.1),
            batch_size=2,
            seed=0,
        ).but_slow(),
        "check": Example(
            lambda target, shape, h, seed, max_entries: gradcheck.check(
                target, shape=shape, h=h, seed=seed, max_entries=max_entries
            ),
            {"max_entries": {"None"}, "shape": {"nothing in it"}},
            target=L.ReLU(),
            shape=(2, 3),
            h=1e-5,
            seed=0,
            max_entries=3,
        ),
        "check_all": Example(lambda: None),  # takes a seed, and seconds
        "generic": Example(gradcheck.generic, {"shape": {"nothing in it"}}, shape=(2, 3), rng=rng()),
        "numeric_gradient": Example(
            gradcheck.numeric_gradient,
            {"x": ANY_SHAPE | {"number"}},
            f=lambda x: (x * x).sum(),
            x=numbers(3),
            h=1e-4,
        ),
    }


EXAMPLES: dict[str, Example] = {
    **of_layers(),
    **of_losses(),
    **of_optimizers(),
    **of_init(),
    **of_metrics(),
    **of_images(),
    **of_training(),
    **of_explaining(),
}
