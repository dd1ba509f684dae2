"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scratchnet.arguments import kind_of
from scratchnet.layers.base import Layer, Stage, StageBack, Walk, WalkBack, require
from scratchnet.typing import Array, Cache, Grads, Params, Rng


class Composite(Layer):
    """A layer with children. Its params and state are its children's, under "child.name"; it owns no arrays.

    ``params`` and ``state`` are gathered anew each time, so change the arrays in them, ``model.params["0.w"][...] = value``;
    an array put into the dict would be lost.
    A composite's cache is the tuple of its children's caches. A subclass writes ``forward`` and ``backward``, and the same
    two as generators, ``stages`` and ``stages_back``, if its children are to be seen one by one.

    Errors    ValueError if the same layer object stands in it twice
    """

    def __init__(self, children: dict[str, Layer]) -> None:
        if not isinstance(children, dict):
            raise TypeError(f"{type(self).__name__}: children must be a dict of layers, got {kind_of(children)}")
        for name, child in children.items():
            require(
                isinstance(child, Layer),
                f"{type(self).__name__}: {name} must be a layer, got {type(child).__name__}"
                + ("; make one first, as in ReLU()" if isinstance(child, type) else "")
                + ("; write Sequential(*layers) to give it a list" if isinstance(child, list | tuple) else ""),
            )
        self.children = children
        seen: set[int] = set()
        for name, leaf in self.leaves():
            require(id(leaf) not in seen, f"{type(self).__name__}: {name} ({leaf!r}) stands in the network twice")
            seen.add(id(leaf))

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """(name, layer) of every layer that is not a composite, in order: ("0", Conv2d), ("3.body.0", Conv2d), .."""
        for name, child in self.children.items():
            if isinstance(child, Composite):
                yield from child.leaves(f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", child

    @property
    def params(self) -> Params:  # type: ignore[override]
        return {f"{name}.{key}": array for name, leaf in self.leaves() for key, array in leaf.params.items()}

    @property
    def state(self) -> Params:  # type: ignore[override]
        return {f"{name}.{key}": array for name, leaf in self.leaves() for key, array in leaf.state.items()}

    def observe(self, cache: Cache) -> Params:
        observed = {}
        for (name, child), child_cache in zip(self.children.items(), cache, strict=True):
            observed.update({f"{name}.{key}": value for key, value in child.observe(child_cache).items()})
        return observed

    def update_state(self, observed: Mapping[str, Array]) -> None:
        for name, child in self.children.items():
            start = f"{name}."
            child.update_state({key[len(start) :]: v for key, v in observed.items() if key.startswith(start)})

    def __repr__(self) -> str:
        inner = ", ".join(repr(child) for child in self.children.values())
        return f"{type(self).__name__}({inner})"


class Sequential(Composite):
    """One layer after the other; a param of layer 2 is called "2.w".

    Shapes    what the first layer takes -> what the last one gives
    Forward   out = f_last(... f_1(f_0(x)))
    Backward  the chain rule, from the last layer to the first        (derived in lesson 2)
    Errors    ValueError that names the layer whose input does not fit
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__({str(i): layer for i, layer in enumerate(layers)})

    @property
    def layers(self) -> list[Layer]:
        return list(self.children.values())

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        caches = []
        for i, layer in enumerate(self.layers):
            try:
                x, cache = layer.forward(x, train=train, rng=rng)
            except (ValueError, TypeError) as error:
                raise self._in_layer(i, error) from error
            caches.append(cache)
        return x, tuple(caches)

    def backward(self, dout: Array, cache: Cache, *, need_dx: bool = True) -> tuple[Array | None, Grads]:
        grads: Grads = {}
        dx: Array | None = dout
        for i, layer, layer_needs_dx in self._from_last(need_dx):
            try:
                dx, layer_grads = layer.backward(self._dout(dx), cache[i], need_dx=layer_needs_dx)
            except (ValueError, TypeError) as error:
                raise self._in_layer(i, error) from error
            grads.update({f"{i}.{key}": g for key, g in layer_grads.items()})
        return (dx if need_dx else None), {key: grads[key] for key in self.params}

    def stages(self, x: Array, *, train: bool = False, rng: Rng | None = None, name: str = "") -> Walk:
        caches = []
        for i, layer in enumerate(self.layers):
            try:
                x, cache = yield from layer.stages(x, train=train, rng=rng, name=_join(name, i))
            except (ValueError, TypeError) as error:
                raise self._in_layer(i, error) from error
            caches.append(cache)
        return x, tuple(caches)

    def stages_back(self, dout: Array, cache: Cache, *, need_dx: bool = True, name: str = "") -> WalkBack:
        grads: Grads = {}
        dx: Array | None = dout
        for i, layer, layer_needs_dx in self._from_last(need_dx):
            try:
                back = layer.stages_back(self._dout(dx), cache[i], need_dx=layer_needs_dx, name=_join(name, i))
                dx, layer_grads = yield from back
            except (ValueError, TypeError) as error:
                raise self._in_layer(i, error) from error
            grads.update({f"{i}.{key}": g for key, g in layer_grads.items()})
        return (dx if need_dx else None), {key: grads[key] for key in self.params}

    def _from_last(self, need_dx: bool) -> Iterator[tuple[int, Layer, bool]]:
        """(index, layer, whether its dx is needed) from the last layer down to the last one that backward has to reach."""
        layers = self.layers
        learning = [i for i, layer in enumerate(layers) if layer.params]
        first = 0 if need_dx else min(learning, default=len(layers))  # below it nobody needs a gradient
        for i in range(len(layers) - 1, first - 1, -1):
            yield i, layers[i], need_dx or i > first

    @staticmethod
    def _dout(dx: Array | None) -> Array:
        """A layer's dout is the dx of the layer after it."""
        if dx is None:
            raise ValueError("dout is None: backward of the layer after it must return dx")
        return dx

    def _in_layer(self, i: int, error: ValueError | TypeError) -> ValueError | TypeError:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        return kind(f"layer {i} of {type(self).__name__}, {type(self.layers[i]).__name__}: {error}")


class Residual(Composite):
    """out = body(x) + shortcut(x): the body learns only what to change.

    Shapes    x (any) -> body's output; shortcut must give the same shape, and is the identity if not given
    Forward   out = body(x) + shortcut(x)
    Backward  dx = body's dx + shortcut's dx: the gradient takes both ways        (derived in lesson 14)
    Errors    ValueError if the two outputs differ in shape
    Source    He et al., "Deep residual learning for image recognition", CVPR 2016, section 3.2
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        super().__init__({"body": body} if shortcut is None else {"body": body, "shortcut": shortcut})

    def forward(self, x: Array, *, train: bool = False, rng: Rng | None = None) -> tuple[Array, Cache]:
        results = [child.forward(x, train=train, rng=rng) for child in self.children.values()]
        return self._sum(x, [out for out, _ in results]), tuple(cache for _, cache in results)

    def backward(self, dout: Array, cache: Cache, *, need_dx: bool = True) -> tuple[Array | None, Grads]:
        ways = zip(self.children.values(), cache, strict=True)
        return self._sum_back(dout, [child.backward(dout, c, need_dx=need_dx) for child, c in ways], need_dx)

    def stages(self, x: Array, *, train: bool = False, rng: Rng | None = None, name: str = "") -> Walk:
        results = []
        for way, child in self.children.items():
            results.append((yield from child.stages(x, train=train, rng=rng, name=_join(name, way))))
        out, cache = self._sum(x, [out for out, _ in results]), tuple(cache for _, cache in results)
        yield Stage(name, self, x, out, cache)
        return out, cache

    def stages_back(self, dout: Array, cache: Cache, *, need_dx: bool = True, name: str = "") -> WalkBack:
        results = []
        for (way, child), child_cache in zip(self.children.items(), cache, strict=True):
            results.append((yield from child.stages_back(dout, child_cache, need_dx=need_dx, name=_join(name, way))))
        dx, grads = self._sum_back(dout, results, need_dx)
        yield StageBack(name, self, dout, dx, {})  # it has no params of its own: all grads are its children's
        return dx, grads

    def _sum(self, x: Array, outs: list[Array]) -> Array:
        body, shortcut = outs if len(outs) == 2 else (outs[0], x)
        require(body.shape == shortcut.shape, f"Residual: body gives {body.shape}, shortcut {shortcut.shape}: x {x.shape}")
        return body + shortcut

    def _sum_back(self, dout: Array, results: list[tuple[Array | None, Grads]], need_dx: bool) -> tuple[Array | None, Grads]:
        grads = {
            f"{way}.{key}": g for way, (_, grads) in zip(self.children, results, strict=True) for key, g in grads.items()
        }
        if not need_dx:
            return None, grads
        body_dx, shortcut_dx = results[0][0], results[1][0] if len(results) == 2 else dout
        if body_dx is None or shortcut_dx is None or body_dx.shape != shortcut_dx.shape:
            shapes = ["None" if dx is None else dx.shape for dx in (body_dx, shortcut_dx)]
            raise ValueError(f"Residual: dx must have one shape on both ways, got body {shapes[0]}, shortcut {shapes[1]}")
        return body_dx + shortcut_dx, grads


def _join(name: str, child: str | int) -> str:
    return f"{name}.{child}" if name else str(child)
