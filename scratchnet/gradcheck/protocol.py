"""What a forward and a backward must keep to besides the numbers: change nothing, keep nothing, repeat themselves."""

import contextlib
import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.learners import PlainCall
from scratchnet.gradcheck.numeric import index_of
from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject, describe, guarded, listed, returned
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Cache, Rng


@dataclass(eq=False)
class Trial:
    """One forward and one backward, and what was noticed on the way."""

    out: Any  # an array, or a float for a loss
    dout: Any  # the random upstream gradient, like out
    gradients: dict[str, Any] = field(default_factory=dict)  # what backward returned for each array, unchecked
    problems: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)  # arrays whose gradient is twice as large after a second call

    @property
    def raised(self) -> bool:
        """Did the code raise an error?"""
        return any(finding.name == "raises an error" for finding in self.findings)

    def note(self, name: str, problem: str, weight: float = 1.0, explains: tuple[str, ...] = (), variant: str = "") -> None:
        """A problem, and what it is called."""
        self.problems.append(problem)
        self.findings.append(Finding(name, problem, weight, explains, variant=variant))


def try_out(subject: Subject, rng: Rng, seed: int) -> Trial:
    """Run both passes a few times and watch. What backward raises is noted; the numeric gradient can be measured all the
    same.

    Errors    Malformed if forward returns something that can't be differentiated, or another result each time;
              CodeRaised if forward raises
    """
    given = subject.copies()
    out, cache = subject.forward(given, seed)
    by_forward = subject.changed(given)
    _require_differentiable(subject, out)
    out = _copy(out)
    trial = Trial(out, upstream(out, rng) if subject.has_upstream else np.ones_like(out)[()])
    for name in by_forward:
        trial.note("input changed in place", _changes("forward", name))
    try:
        _try_backward(subject, trial, given, cache, by_forward, seed)
    except CodeRaised as error:
        trial.note("raises an error", str(error), variant=error.variant)
    _require_repeatable(subject, out, seed)
    _look_for_float32(subject, trial, seed)
    return trial


def _look_for_float32(subject: Subject, trial: Trial, seed: int) -> None:
    """Does a change that float64 sees and float32 does not, 1e-10 of the numbers, reach the output?"""
    rng = stream(seed, Purpose.GRADCHECK)
    for name, x in subject.arrays.items():
        signs = rng.choice([-1.0, 1.0], x.shape)
        changed = []
        for size in (1e-10, 1e-3):
            with contextlib.suppress(CodeRaised):
                out, _ = subject.forward({**subject.copies(), name: x * (1 + size * signs)}, seed)
                least = 0.0 if size < 1e-9 else 1e-7 * float(np.abs(trial.out).max())
                fits = np.shape(out) == np.shape(trial.out)
                changed.append(np.abs(np.asarray(out) - trial.out) > least if fits else None)
        if len(changed) == 2 and changed[0] is not None and changed[1] is not None:
            reached, reacts = int((changed[0] & changed[1]).sum()), int(changed[1].sum())
            if (reacts >= 4 and reached < 0.5 * reacts) or (0 < reacts < 4 and reached == 0):
                trial.note(
                    "precision lost",
                    f"a change of {name} by 1e-10 of itself is lost on its way to {reacts - reached} of {reacts} outputs: "
                    "somewhere in forward is float32, in which no numeric gradient can be measured",
                )
                return


def _try_backward(subject: Subject, trial: Trial, given: Any, cache: Cache, by_forward: list[str], seed: int) -> None:
    dout, cache_before = _copy(trial.dout), _snapshot(cache)
    gradients, complaints = subject.backward(dout, cache)
    trial.gradients = gradients = {name: _copy(gradient) for name, gradient in gradients.items()}
    for name in subject.changed(given):
        if name not in by_forward:
            trial.note("input changed in place", _changes("backward", name))
    if not same(dout, trial.dout):
        trial.note("dout changed in place", _changes("backward", subject.upstream))
    missing = any(gradients.get(name) is None for name in subject.arrays)
    for complaint in complaints:
        trial.note("gradient missing" if missing else "wrong return value", complaint, 0.9)

    _without_dx(subject, trial, seed)
    difference, again = _difference(subject, gradients, trial.dout, cache)
    if difference:
        _name_of_second_call(subject, trial, again, cache, cache_before, difference, seed)
    cache = _cache_after_another_forward(subject, seed)
    later, _ = _difference(subject, gradients, trial.dout, cache)
    if later:
        problem = f"backward {later} when another forward came in between: what it needs must be in the cache, nowhere else"
        trial.note("stale cache", problem, 0.5 if difference else 1.0)


def _without_dx(subject: Subject, trial: Trial, seed: int) -> None:
    """need_dx=False may leave dx out, and nothing else."""
    if subject.without_dx is None:
        return
    _, cache = subject.forward(subject.copies(), seed)
    with guarded("backward(need_dx=False)"):
        found = subject.without_dx(_copy(trial.dout), cache)
    names = [subject.label(name) for name, gradient in found.items() if not same(trial.gradients.get(name), gradient)]
    if names:
        trial.problems.append(
            f"with need_dx=False backward gives another {listed(names)}: it may leave out dx, nothing else"
        )


def _name_of_second_call(
    subject: Subject, trial: Trial, again: dict[str, Any], cache: Cache, before: Any, difference: str, seed: int
) -> None:
    """Why does a second call of backward give another result?"""
    grown = [name for name, g in trial.gradients.items() if not same(g, again.get(name))]
    problem = f"a second call of backward {difference}"
    if grown and all(_is_number(again.get(n)) and same(again[n], 2 * np.asarray(trial.gradients[n])) for n in grown):
        trial.doubled = grown
        names = listed(subject.label(name) for name in grown)
        twice = f"a second call of backward gives {names} exactly twice as large"
        return trial.note("accumulated over calls", twice, variant="added up")
    if _holds_generator(cache) or _draws_by_itself(subject, trial, seed):
        return trial.note("random numbers drawn again", f"{problem}: it draws random numbers of its own")
    if not again or not _unchanged(before, cache):
        return trial.note("input changed in place", f"{problem}: the first one changes the cache")
    return trial.note("accumulated over calls", f"{problem}: something outlives the call", 0.9)


def judge_first_call(trial: Trial, right: list[str]) -> None:
    """Of gradients that a second call doubles: say so if the first call's were right, now that they are measured."""
    if not trial.doubled or not set(trial.doubled) <= set(right):
        return
    for k, finding in enumerate(trial.findings):
        if finding.variant == "added up":
            said = f"{finding.evidence}; the first call was right"
            trial.problems[trial.problems.index(finding.evidence)] = said
            trial.findings[k] = replace(finding, evidence=said)


def _draws_by_itself(subject: Subject, trial: Trial, seed: int) -> bool:
    """Do two backward calls, each after a forward of its own with the same random numbers, differ?"""
    first = _difference(subject, trial.gradients, trial.dout, subject.forward(subject.copies(), seed)[1])[0]
    second = _difference(subject, trial.gradients, trial.dout, subject.forward(subject.copies(), seed)[1])[0]
    return bool(first and second) and "raises" not in first


def _changes(who: str, name: str) -> str:
    return f"{who} changes {name} in place, which others may still need: work on a copy"


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
        raise Malformed(f"forward must return an array (or a loss: one number) and the cache, got {returned(out)}")
    if subject.is_loss and np.ndim(out) != 0:
        raise Malformed(f"the loss must be one number, got {describe(out)}")
    if isinstance(out, (np.ndarray, np.generic)) and out.dtype != np.float64:
        raise Malformed(
            f"out is {out.dtype} though every input is float64: forward must keep its input's type (in less than float64 no "
            "numeric gradient can be measured)",
            "integer arithmetic" if out.dtype.kind in "iub" else "precision lost",
        )
    bad = ~np.isfinite(np.asarray(out))
    if bad.any():
        where = index_of(int(bad.argmax()), bad)
        raise Malformed(f"out is not finite: {np.asarray(out)[bad][0]} at {where}", "nan or infinity")


def _require_repeatable(subject: Subject, out: Any, seed: int) -> None:
    again, _ = subject.forward(subject.copies(), seed)
    if not same(out, again):
        raise Malformed(
            "forward is not repeatable: the same input gives another output. Random numbers must come from rng alone, and "
            "nothing may be kept between two calls",
            "forward not repeatable",
        )


def _cache_after_another_forward(subject: Subject, seed: int) -> Cache:
    """A cache, while a forward with the same numbers in another order and another seed has come after its own."""
    rng = stream(seed, Purpose.GRADCHECK)
    _, cache = subject.forward(subject.copies(), seed)
    other = subject.copies()
    for name, array in subject.arrays.items():
        other[name] = rng.permutation(array.ravel()).reshape(array.shape)
    # Some functions refuse such input, which is their right and says nothing about backward.
    with contextlib.suppress(Exception):
        subject.forward(other, seed + 1)
    return cache


def _difference(subject: Subject, gradients: dict[str, Any], dout: Any, cache: Cache) -> tuple[str, dict[str, Any]]:
    """What one more call of backward does otherwise than the first one, "" if nothing; and its gradients."""
    try:
        again, _ = subject.backward(_copy(dout), cache)
    except CodeRaised as error:
        return f"raises {type(error.__cause__).__name__}", {}
    except Malformed:
        return "returns something else", {}
    names = [subject.label(name) for name, gradient in gradients.items() if not same(gradient, again.get(name))]
    return (f"gives another result ({', '.join(names)})" if names else ""), again


def _parts(cache: Any, depth: int = 0) -> list[Any]:
    """Everything that lies in a cache: in tuples, lists, dicts and objects."""
    if depth > 4:
        return []
    if isinstance(cache, PlainCall):
        cache = (cache.given, cache.options)
    if isinstance(cache, (tuple, list)):
        return [part for item in cache for part in _parts(item, depth + 1)]
    if isinstance(cache, dict):
        return [part for item in cache.values() for part in _parts(item, depth + 1)]
    if hasattr(cache, "__dict__") and not isinstance(cache, type) and not callable(cache):
        return _parts(vars(cache), depth + 1)
    return [cache]


def _snapshot(cache: Any) -> list[Any]:
    return [part.copy() if isinstance(part, np.ndarray) else copy.copy(part) for part in _parts(cache)]


def _unchanged(before: list[Any], cache: Any) -> bool:
    now = _parts(cache)
    return len(before) == len(now) and all(
        not isinstance(a, np.ndarray) or (a.shape == np.shape(b) and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
        for a, b in zip(before, now, strict=True)
    )


def _holds_generator(cache: Any) -> bool:
    return any(isinstance(part, np.random.Generator) for part in _parts(cache))


def _is_number(value: Any) -> bool:
    """An array of real numbers, or one number."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "fiu"
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _copy(value: Any) -> Any:
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def read_gradient(name: str, what: str, gradient: Any, x: Array) -> tuple[Array | None, str, str]:
    """(what backward returned for x as an array, what is wrong with it or "", the name of that or "").

    ``name`` is the argument's, ``what`` the gradient's.
    """
    if not isinstance(gradient, (np.ndarray, np.generic)) and not (isinstance(gradient, float) and x.ndim == 0):
        return None, f"{what} is {describe(gradient)}, wanted an array {x.shape}", "gradient missing"
    array = np.asarray(gradient)
    if array.shape != x.shape:
        return array, f"{what} is {array.shape}, wanted {x.shape}", "wrong shape"
    if array.dtype != np.float64:
        kept = array.astype(np.float64) if array.dtype.kind in "fiub" else None
        whole = "integer arithmetic" if array.dtype.kind in "iub" else "precision lost"
        return kept, f"{what} is {array.dtype}, wanted float64 like {name}", whole
    bad = ~np.isfinite(array)
    if bad.any():
        count = int(bad.sum())
        where = f"the first at {index_of(int(bad.argmax()), x)}" if count > 1 else f"at {index_of(int(bad.argmax()), x)}"
        found = f"{what} has {count} of {array.size} entries that are nan or infinite, {where}"
        return array, found, "nan or infinity"
    return array, "", ""
