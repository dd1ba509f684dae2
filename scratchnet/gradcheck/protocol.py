"""What a forward and a backward must keep to besides the numbers: change nothing, keep nothing, repeat themselves."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchnet.gradcheck.numeric import index_of
from scratchnet.gradcheck.subject import Malformed, Subject, describe, label
from scratchnet.typing import Array, Cache, Rng


@dataclass(eq=False)
class Trial:
    """One forward and one backward, and what was noticed on the way."""

    out: Any  # an array, or a float for a loss
    dout: Any  # the random upstream gradient, like out
    gradients: dict[str, Any]  # what backward returned for each array, unchecked
    problems: list[str]


def try_out(subject: Subject, rng: Rng, seed: int) -> Trial:
    """Run both passes a few times and watch.

    Errors    Malformed if forward returns something that can't be differentiated, or another result each time
    """
    given = subject.copies()
    out, cache = subject.forward(given, seed)
    by_forward = subject.changed(given)
    _require_differentiable(subject, out)
    out = _copy(out)
    dout = upstream(out, rng)

    upstream_copy = _copy(dout)
    gradients, complaints = subject.run_backward(upstream_copy, cache)
    gradients = {name: _copy(gradient) for name, gradient in gradients.items()}
    by_backward = [name for name in subject.changed(given) if name not in by_forward]
    if not same(upstream_copy, dout):
        by_backward.append("dout")
    changes = [("forward", name) for name in by_forward] + [("backward", name) for name in by_backward]
    problems = [f"{who} changes {name} in place, which others may still need: work on a copy" for who, name in changes]
    problems += complaints

    if difference := _difference(subject, gradients, dout, cache):
        problems.append(f"a second call of backward {difference}: it must neither change its cache nor draw random numbers")
    _require_repeatable(subject, out, seed)
    cache = _cache_after_another_forward(subject, seed)
    if difference := _difference(subject, gradients, dout, cache):
        problems.append(
            f"backward {difference} when another forward came in between: what it needs must be in the cache, nowhere else"
        )
    return Trial(out, dout, gradients, problems)


def upstream(out: Any, rng: Rng) -> Any:
    """A random d objective / d out: nothing like 1, with which a forgotten factor dout would not be noticed."""
    if isinstance(out, np.ndarray):
        return rng.standard_normal(out.shape)
    return float(rng.uniform(1.5, 2.5))


def same(a: Any, b: Any) -> bool:
    """Equal up to rounding; what is no number must be of the same type."""
    if not _is_number(a) or not _is_number(b):
        return type(a) is type(b)
    if np.shape(a) != np.shape(b):
        return False
    finite = np.abs(np.asarray(a))[np.isfinite(a)]
    return np.allclose(a, b, rtol=0, atol=1e-12 * float(finite.max(initial=0)), equal_nan=True)


def _require_differentiable(subject: Subject, out: Any) -> None:
    if not _is_number(out):
        raise Malformed(f"forward must return an array (or a loss: one number) and the cache, got {describe(out)}")
    if subject.is_loss and np.ndim(out) != 0:
        raise Malformed(f"the loss must be one number, got {describe(out)}")
    if isinstance(out, (np.ndarray, np.generic)) and out.dtype != np.float64:
        raise Malformed(
            f"out is {out.dtype} though every input is float64: forward must keep its input's type (in less than float64 no "
            "numeric gradient can be measured)"
        )
    bad = ~np.isfinite(np.asarray(out))
    if bad.any():
        raise Malformed(f"out is not finite: {np.asarray(out)[bad][0]} at {index_of(int(bad.argmax()), bad)}")


def _require_repeatable(subject: Subject, out: Any, seed: int) -> None:
    again, _ = subject.forward(subject.copies(), seed)
    if not same(out, again):
        raise Malformed(
            "forward is not repeatable: the same input gives another output. Random numbers must come from rng alone, and "
            "nothing may be kept between two calls"
        )


def _cache_after_another_forward(subject: Subject, seed: int) -> Cache:
    """A cache, while a forward with the same numbers in another order and another seed has come after its own."""
    rng = np.random.default_rng(seed)
    _, cache = subject.forward(subject.copies(), seed)
    other = subject.copies()
    for name, array in subject.arrays.items():
        other[name] = rng.permutation(array.ravel()).reshape(array.shape)
    # Some functions refuse such input, which is their right and says nothing about backward.
    with contextlib.suppress(Exception), np.errstate(all="ignore"):
        subject.forward(other, seed + 1)
    return cache


def _difference(subject: Subject, gradients: dict[str, Any], dout: Any, cache: Cache) -> str:
    """What one more call of backward does otherwise than the first one, "" if nothing."""
    try:
        again, _ = subject.run_backward(_copy(dout), cache)
    except Exception as error:
        return f"raises {type(error).__name__}"
    names = [label(name) for name, gradient in gradients.items() if not same(gradient, again.get(name))]
    return f"gives another result ({', '.join(names)})" if names else ""


def _is_number(value: Any) -> bool:
    """An array of real numbers, or one number."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "fiu"
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _copy(value: Any) -> Any:
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def read_gradient(name: str, gradient: Any, x: Array) -> tuple[Array | None, str]:
    """(what backward returned for x as an array, what is wrong with it or "")."""
    what = label(name)
    if not isinstance(gradient, (np.ndarray, np.generic)) and not (isinstance(gradient, float) and x.ndim == 0):
        return None, f"{what} is {describe(gradient)}, wanted an array {x.shape}"
    array = np.asarray(gradient)
    if array.shape != x.shape:
        return array, f"{what} is {array.shape}, wanted {x.shape}"
    if array.dtype != np.float64:
        kept = array.astype(np.float64) if array.dtype.kind in "fiub" else None
        return kept, f"{what} is {array.dtype}, wanted float64 like {name}"
    bad = ~np.isfinite(array)
    if bad.any():
        count = int(bad.sum())
        where = f"the first at {index_of(int(bad.argmax()), x)}" if count > 1 else f"at {index_of(int(bad.argmax()), x)}"
        return array, f"{what} has {count} of {array.size} entries that are nan or infinite, {where}"
    return array, ""
