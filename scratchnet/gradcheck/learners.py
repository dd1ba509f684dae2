"""Code as learners write it, brought into the form of a Subject: pairs, plain functions, classes of their own.

    (forward, backward)    forward(x, w, b) -> (out, cache)     backward(dout, cache) -> dx, dw, db
    (f, df)                f(x, w, b) -> out                    df(dout, x, w, b) -> dx, dw, db
    a class                Affine(w, b).forward(x) -> out       .backward(dout) -> dx, with dw and db in attributes

Which of the first two it is shows when forward has run. Arguments are matched by name first, then by place.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet.gradcheck.numeric import as_float64
from scratchnet.gradcheck.subject import (
    CodeRaised,
    Malformed,
    Subject,
    argument_names,
    as_constant,
    guarded,
    label,
    numbers_in,
    parameters,
    returned,
)
from scratchnet.layers.base import require
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Cache, Pair, Params, Rng

UPSTREAM = {"dout", "dy", "dz", "da", "dloss", "dl", "dscores", "grad_output", "grad_out", "upstream", "delta", "g", "grad"}
OUTPUT = {"out", "y", "output", "a", "z"}
CACHE = ("cache", "ctx", "memory")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class PlainCall:
    """What the cache of a plain function is: the arrays that it was called with, and what it returned."""

    def __init__(self, given: Params, options: dict[str, Any], out: Any) -> None:
        self.given, self.options, self.out = given, options, out


def of_functions(pair: Pair, args: tuple[Any, ...], options: dict[str, Any]) -> Subject:
    """A pair or plain functions: a gradient for every positional argument, none for the options.

    A forward that has an argument ``rng`` and is not given one gets a fresh generator.
    """
    run, run_back = pair
    require(len(args) > 0, "check: give the arrays that forward takes: check((forward, backward), x, w, b)")
    names = argument_names(run, len(args))
    arrays = floats(names, args)
    constants = {name: as_constant(value) for name, value in options.items() if isinstance(value, np.ndarray)}
    draws = "rng" in parameters(run) and "rng" not in {*names, *options}
    takes = [name for name, p in parameters(run_back).items() if p.kind in _POSITIONAL]

    def forward(given: Params, rng: Rng) -> Any:
        others = {name: given[name] if name in constants else copy.deepcopy(value) for name, value in options.items()}
        if draws:
            others["rng"] = rng
        result = run(*(given[name] for name in names), **others)
        if isinstance(result, tuple) or result is None or isinstance(result, list):
            return result  # (out, cache), or something that can't be differentiated
        return result, PlainCall({name: given[name] for name in names}, others, result)

    def backward(dout: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        if isinstance(cache, PlainCall):
            values, by_place = _arguments(takes, dout, cache, names, run_back, upstream if has_upstream else "")
            told = ", ".join(f"{name} was given {other}" for name, other in by_place.items())
            said = f"forward returns no cache, so backward's argument {told}: if it wants a cache, return (out, cache)"
            assumed[:] = [said] if by_place else []
            try:
                result = run_back(*values)
            except Exception as error:
                if not by_place:
                    raise
                assumed.clear()  # the message says it
                said = f"{_no_cache(run_back, names)}. As it is, {told}: {type(error).__name__}: {error}"
                raise Malformed(said) from error
        elif len(takes) == 1 and has_upstream:
            result = run_back(dout)
        elif has_upstream:
            extra = {name: options[name] for name in takes[2:] if name in options}
            result = run_back(dout, cache, **extra)
        else:
            result = run_back(cache)
        return by_name(result, names, called)

    assumed: list[str] = []
    called: dict[str, str] = {}
    known = {*names, *options}
    upstream = _upstream_in(takes, known)
    has_upstream = _takes_upstream(forward, arrays, constants, takes, known)
    settings = {**_defaults(run), **numbers_in(options)}
    title = ", ".join(dict.fromkeys(getattr(f, "__name__", kind) for f, kind in ((run, "forward"), (run_back, "backward"))))

    def without_dx(dout: Any, cache: Cache) -> dict[str, Any]:
        found, _ = by_name(run_back(dout, cache, need_dx=False), names)
        return {name: g for name, g in found.items() if name != names[0]}

    def vary(setting: str, value: float) -> Subject:
        return of_functions(pair, args, {**options, setting: value})

    return Subject(
        title,
        arrays,
        constants,
        forward,
        backward,
        has_upstream=has_upstream,
        settings=settings,
        without_dx=without_dx if "need_dx" in parameters(run_back) else None,
        vary=vary,
        assumed=assumed,
        upstream=upstream if has_upstream and upstream not in (*known, *CACHE) else "dout",
        called=called,
    )


def _upstream_in(takes: list[str], known: set[str]) -> str:
    """Which argument of backward is the upstream gradient, if one of them is: it is known by its name, else the first."""
    return next((name for name in takes if name.lower() in UPSTREAM and name not in known), takes[0] if takes else "dout")


def _takes_upstream(
    forward: Callable[[Params, Rng], Any], arrays: Params, constants: Params, takes: list[str], known: set[str]
) -> bool:
    """Does backward take a dout? The gradient of a loss is often written without: backward(cache), df(logits, labels)."""
    if any(name.lower() in UPSTREAM and name not in known for name in takes) or not takes:
        return True
    try:
        with guarded("forward", 0):
            out, cache = forward(
                {n: a.copy() for n, a in {**arrays, **constants}.items()}, stream(0, Purpose.GRADCHECK, step=1)
            )
    except (CodeRaised, TypeError, ValueError):
        return True  # what is wrong with forward comes out in the check
    if not isinstance(cache, PlainCall):
        return len(takes) > 1
    others = [name for name in takes if name not in known or name in arrays]
    return takes[0] not in known and not (np.ndim(out) == 0 and len(others) == len(arrays))


def _defaults(function: Callable[..., Any]) -> dict[str, float]:
    return numbers_in({name: p.default for name, p in parameters(function).items()})


def _arguments(
    takes: list[str], dout: Any, call: PlainCall, names: list[str], function: Callable[..., Any], upstream: str
) -> tuple[list[Any], dict[str, str]]:
    """The positional arguments for a plain df; and which of them, of a name of its own, was given which of f's by place.

    ``upstream`` is the one that gets dout, "" if none does.

    Errors    Malformed if there is no telling what it wants
    """
    kinds = [p.kind for p in parameters(function).values()]
    everything = [dout, *(call.given[name] for name in names)]
    if inspect.Parameter.VAR_POSITIONAL in kinds or not takes:
        return everything, {}
    known = {**call.options, **call.given}
    values, unused, by_place = [], [name for name in names if name not in takes], {}
    for name in takes:
        if name == upstream:
            values.append(dout)
        elif name in known:
            values.append(known[name])
        elif name.lower() in OUTPUT and name.lower() != "x":
            values.append(call.out)
        elif parameters(function)[name].default is not inspect.Parameter.empty:
            break
        elif unused and name.lower() not in CACHE:
            other = unused.pop(0)
            values.append(call.given[other])
            if name.lower() != other.lower():
                by_place[name] = other
        else:
            raise Malformed(_no_cache(function, names))
    return values, by_place


def _no_cache(function: Callable[..., Any], names: list[str]) -> str:
    """What is expected of a forward and a backward that do not go together."""
    takes = _required(function)
    plain = ", ".join([takes[0] if takes[0] not in names else "dout", *names])
    return (
        f"forward returns no cache, and backward({', '.join(takes)}) wants more than dout: return (out, cache) from "
        f"forward, or have backward take forward's own arguments, backward({plain})"
    )


def _positional(method: Callable[..., Any]) -> list[str]:
    """The names of a method's arguments without self; "dout" for those of a *args."""
    takes = {name: p.kind for name, p in parameters(method).items() if name != "self"}
    return [name if kind in _POSITIONAL else "dout" for name, kind in takes.items()]


def _required(function: Callable[..., Any]) -> list[str]:
    """The names of a function's positional arguments that have no default."""
    empty = inspect.Parameter.empty
    return [name for name, p in parameters(function).items() if p.kind in _POSITIONAL and p.default is empty]


def floats(names: list[str], args: tuple[Any, ...]) -> Params:
    """The arguments as float64 arrays by name.

    Errors    ValueError if one of them holds integers, is empty, or not finite
    """
    arrays = {}
    for name, arg in zip(names, args, strict=True):
        given = np.asarray(arg)
        by_name, as_float = f"options={{{name!r}: {name}}}", f"{name}.astype(np.float64)"
        wanted = f"write {as_float}; or, if these are labels or settings, {by_name}"
        if len(args) > 1 and like_labels(given):
            wanted = f"labels and settings go by name, {by_name}; if it should get a gradient, write {as_float}"
        require(given.dtype.kind not in "iub", f"check: {name} holds {given.dtype}, which has no gradient: {wanted}")
        arrays[name] = as_float64(name, arg)
    return arrays


def like_labels(array: Array) -> bool:
    """Are these classes, one-hot rows or a mask? One axis of whole numbers, or nothing but 0 and 1."""
    whole = array.dtype.kind in "iub" or bool((array == np.round(array)).all())
    return whole and (array.ndim <= 1 or bool(((array == 0) | (array == 1)).all()))


def by_name(result: Any, names: list[str], called: dict[str, str] | None = None) -> tuple[dict[str, Any], list[str]]:
    """What backward returned as {name: gradient}, and complaints if that does not fit.

    The keys that the gradients of a dict stand under are put into ``called``.
    """
    wanted = f"({', '.join(label(name) for name in names)}{',' * (len(names) == 1)})"
    if isinstance(result, list):
        return dict(zip(names, result, strict=False)), [f"backward returned a list, wanted a tuple {wanted}"]
    if isinstance(result, dict):
        found = {name: _named(result, name) for name in names}
        _note_keys(result, names, called)
        missing = [name for name in names if found[name] is None]
        return found, [f"backward returned a dict without {', '.join(map(label, missing))}"] if missing else []
    if result is None:
        return {}, [f"backward returned {returned(result)}"]
    gradients = result if isinstance(result, tuple) else (result,)
    complaints = []
    if len(gradients) != len(names):
        number = "1 gradient" if len(gradients) == 1 else f"{len(gradients)} gradients"
        complaints.append(f"backward returned {number}, wanted {len(names)}: {wanted}")
    return dict(zip(names, gradients, strict=False)), complaints


def _named(mapping: dict[str, Any], name: str) -> Any:
    """The gradient of ``name`` in a dict (or an object's attributes): dw, dW, grad_w, w_grad, w."""
    key = _key_of(mapping, name)
    return None if key is None else mapping[key]


def _key_of(mapping: dict[str, Any], name: str) -> str | None:
    """Under which key that is."""
    lower = {str(key).lower(): key for key in mapping}
    wanted = (f"d{name}", f"grad_{name}", f"{name}_grad", f"d_{name}", f"grad{name}", name)
    return next((lower[key.lower()] for key in wanted if key.lower() in lower), None)


def _note_keys(mapping: dict[str, Any], names: list[str], called: dict[str, str] | None) -> None:
    """A gradient that stands under its argument's own name has no name of its own."""
    keys = {name: _key_of(mapping, name) for name in names}
    if called is not None:
        called.update({name: str(key) for name, key in keys.items() if key is not None and key != name})


# --- classes ---------------------------------------------------------------------------------------------------------------


def of_class(cls: type, args: tuple[Any, ...], options: dict[str, Any]) -> Subject:
    """A learner's own class: one object for each forward, made from the arrays that its constructor takes.

    ``Affine(w, b)`` with forward(x): args are x, w, b. Options go to whichever of the two has an argument of that name.
    """
    built = {name: p for name, p in parameters(cls).items() if p.kind in _POSITIONAL and name not in options}
    forward_takes = [name for name in parameters(cls.forward) if name != "self"]  # type: ignore[attr-defined]
    plain = [name for name in forward_takes if name not in options and name not in ("rng", "train", "training")]
    require(len(args) > 0, f"check: give the arrays that {cls.__name__} takes: check({cls.__name__}, x, w, b)")
    required = [name for name, p in built.items() if p.default is inspect.Parameter.empty and name != "rng"]
    count = min(len(required), len(args) - 1)  # arrays for the constructor: the last ones
    names = (plain + [f"x{i}" for i in range(len(args))])[: len(args) - count] + required[:count]
    arrays = floats(names, args)
    constants = {name: as_constant(value) for name, value in options.items() if isinstance(value, np.ndarray)}
    to_constructor = [name for name in options if name in parameters(cls)]

    def make(given: Params, rng: Rng) -> Any:
        keywords = {n: given[n] if n in constants else copy.deepcopy(options[n]) for n in to_constructor}
        if "rng" in built:
            keywords["rng"] = rng
        return cls(**{n: given[n] for n in names[len(args) - count :]}, **keywords)

    rest = {name: value for name, value in options.items() if name not in to_constructor}
    backward_takes = _positional(cls.backward)  # type: ignore[attr-defined]
    title, settings = cls.__name__, {**_defaults(cls), **numbers_in(options)}
    subject = _of_objects(title, make, names, len(args) - count, arrays, constants, rest, settings, backward_takes)
    subject.vary = lambda setting, value: of_class(cls, args, {**options, setting: value})
    return subject


def of_object(thing: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Subject:
    """A learner's own layer object: gradients for x and for each array of floats that it holds."""
    title = type(thing).__name__
    require(len(args) > 0, f"check: a layer wants its input: check({title.lower()}, x)")
    takes = [name for name in parameters(thing.forward) if name not in options]
    names = (takes + [f"x{i}" for i in range(len(args))])[: len(args)]
    held = thing.params if isinstance(getattr(thing, "params", None), dict) else vars(thing)
    for name, value in held.items():
        gradient_like = name.startswith(("d", "grad", "running", "velocity", "_"))
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size and not gradient_like:
            names.append(name)
    arrays = floats(names, (*args, *(held[name] for name in names[len(args) :])))
    constants = {name: as_constant(value) for name, value in options.items() if isinstance(value, np.ndarray)}

    def make(given: Params, rng: Rng) -> Any:
        fresh = copy.deepcopy(thing)
        home = fresh.params if isinstance(getattr(fresh, "params", None), dict) else vars(fresh)
        for name in names[len(args) :]:
            home[name] = given[name]
        return fresh

    settings = numbers_in({k: v for k, v in vars(thing).items() if isinstance(v, (int, float))} | options)
    backward_takes = _positional(thing.backward)
    return _of_objects(title, make, names, len(args), arrays, constants, options, settings, backward_takes)


def _of_objects(
    title: str,
    make: Callable[[Params, Rng], Any],
    names: list[str],
    inputs: int,
    arrays: Params,
    constants: Params,
    options: dict[str, Any],
    settings: dict[str, float],
    backward_takes: list[str],
) -> Subject:
    has_upstream, upstream = bool(backward_takes), _upstream_in(backward_takes, {*names, *options})

    def forward(given: Params, rng: Rng) -> Any:
        thing = make(given, rng)
        takes = parameters(thing.forward)
        others = {n: given[n] if n in constants else copy.deepcopy(v) for n, v in options.items()}
        if "rng" in takes and "rng" not in others:
            others["rng"] = rng
        others.update({name: True for name in ("train", "training") if name in takes and name not in others})
        result = thing.forward(*(given[name] for name in names[:inputs]), **others)
        held = {name: given[name] for name in names[inputs:]}
        if isinstance(result, tuple) and len(result) == 2:
            return result[0], (thing, held, result[1:])
        return result, (thing, held, ())

    def backward(dout: Any, cache: Cache) -> tuple[dict[str, Any], list[str]]:
        thing, held, more = cache
        takes = [n for n, p in parameters(thing.backward).items() if p.kind in _POSITIONAL]
        required = _required(thing.backward)
        if len(required) > 1 + len(more):
            raise Malformed(
                f"forward returns no cache, and backward({', '.join(required)}) wants more than dout: return (out, cache) "
                "from forward, or keep in self what backward needs"
            )
        result = thing.backward(*(dout, *more)[: len(takes)]) if takes else thing.backward()
        if len(more) == 1 and isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            _note_keys(result[1], names[inputs:], called)
            result = result[0], *(_named(result[1], name) for name in names[inputs:])
        if isinstance(result, dict):
            return by_name(result, names, called)
        gradients = result if isinstance(result, tuple) else (result,)
        if len(gradients) == len(names):
            return by_name(result, names)
        found = dict(zip(names[:inputs], gradients, strict=False))
        for name in names[inputs:]:
            key, found[name] = _attribute(thing, name, held[name])
            if key:
                called[name] = key
        return found, [f"backward returned {returned(result)}"] if result is None else []

    called: dict[str, str] = {}
    return Subject(
        title,
        arrays,
        constants,
        forward,
        backward,
        settings=settings,
        has_upstream=has_upstream,
        upstream=upstream if upstream not in (*names, *options, *CACHE) else "dout",
        called=called,
    )


def _attribute(thing: Any, name: str, array: Array) -> tuple[str, Any]:
    """(under which name an object keeps the gradient of one of its arrays, the gradient): dw, dW; "" for grads["w"]."""
    attributes = dict(vars(thing))
    own = [key for key, value in attributes.items() if value is array] + [name]
    grads = attributes.get("grads", attributes.get("gradients"))
    for key in own:
        others = {k: v for k, v in attributes.items() if k != key}
        where = _key_of(others, key)
        if where is not None and others[where] is not None:
            return where, others[where]
        found = _named(grads, key) if isinstance(grads, dict) else None
        if found is not None:
            return "", found
    return "", None
