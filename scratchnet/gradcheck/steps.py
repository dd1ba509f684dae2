"""Checking an optimizer's step: a few steps of a learner's code beside the same steps of the rule.

There is no numeric gradient of an update rule, so the rule itself is the measure: ``check(my_step,
reference=Momentum(lr=0.1))``. Known mistakes are rules too (the velocity forgotten, the learning rate twice); one that
makes the same steps is the answer.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.gradcheck.diagnose import rank
from scratchnet.gradcheck.evidence import close
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.inputs import generic
from scratchnet.gradcheck.report import ArgumentResult, Likely, Report
from scratchnet.gradcheck.signs.factor import proportional
from scratchnet.gradcheck.subject import CodeRaised, guarded, listed, parameters
from scratchnet.layers.base import require
from scratchnet.optim import SGD, Momentum, Nesterov, Optimizer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array, Params

STEPS = 4
VELOCITY = {"v", "velocity", "vel", "m", "v_w", "vw", "momentum_buffer", "buf"}
SHAPES = {"w": (4, 3), "b": (3,)}

Walk = dict[str, Array]
"""For each array its changes, (STEPS, ...)."""


def check_step(target: Any, rule: Optimizer, options: dict[str, Any], seed: int = 0) -> Report:
    """Compare a step with the reference's, on a weight and (for objects) a bias, over a few steps with random gradients."""
    rule, options, called = _unlike(rule, options)
    rng = stream(seed, Purpose.GRADCHECK)
    is_function = inspect.isroutine(target)
    names = ["w"] if is_function else ["w", "b"]
    start = {name: generic(SHAPES[name], rng) for name in names}
    grads = [{name: rng.standard_normal(SHAPES[name]) for name in names} for _ in range(STEPS)]
    report = Report(getattr(target, "__name__", type(target).__name__))
    findings: list[Finding] = []
    try:
        with guarded("step", seed):
            mine, changed_grads = _walk_of(target, options, start, grads)
        if changed_grads:
            problem = "step changes the gradient in place, which others may still need: work on a copy"
            report.problems.append(problem)
            findings.append(Finding("input changed in place", problem, 1.0))
    except CodeRaised as error:
        report.problems.append(str(error))
        report.diagnoses = rank([Finding("raises an error", str(error), 1.0, variant=error.variant)], names)
        return report
    wanted = _walk(copy.deepcopy(rule).step, start, grads)
    for name in names:
        report.results[name] = _compare(name, mine[name], wanted[name])
    if not report.passed:
        if called:
            unlike = ", ".join(f"{option} = {options[option]:g}" for option in called.values())
            report.notes.append(f"both were run with {unlike}, unusual values that make mix-ups visible")
        wrong = [name for name, result in report.results.items() if not result.passed]
        findings += _findings(target, options, rule, start, grads, mine, wanted, wrong)
        nothing = Likely(CATALOGUE["no known mistake"], ("the steps fit no known mistake",))
        report.diagnoses = [likely.in_words(called, set()) for likely in rank(findings, wrong) or [nothing]]
    return report


class StepResult(ArgumentResult):
    """The changes of one array, (STEPS, ...), beside the reference's."""

    @property
    def label(self) -> str:
        return f"change of {self.name} over {STEPS} steps"

    @property
    def shape(self) -> str:
        axes = ("steps", "rows", "columns") if self.numeric.ndim == 3 else ("steps", "entries")
        return f"({', '.join(axes)}) = {self.numeric.shape}"

    @property
    def place(self) -> str:
        step, *index = self.worst or (0,)
        return f"in the {_ORDINALS[step]} step at {self.name}{index}"


_ORDINALS = ("first", "second", "third", "fourth")


def _compare(name: str, mine: Array, wanted: Array) -> ArgumentResult:
    result = StepResult(name, mine, wanted, checked=wanted.size, size=wanted.size)
    result.title, result.kind, result.measure = result.label, "step of the reference", "the reference's"
    result.scale = float(np.abs(wanted).max())
    if mine.shape != wanted.shape or not np.isfinite(mine).all():
        result.message = f"the steps of {name} are not arrays {wanted.shape[1:]} of finite numbers"
        return result
    errors = np.abs(mine - wanted)
    result.wrong = int((errors > 1e-6 * result.scale + 1e-9).sum())
    result.max_error = float(errors.max())
    result.worst = tuple(int(k) for k in np.unravel_index(int(errors.argmax()), errors.shape))
    return result


_SAME = {
    "lr": ("lr", "learning_rate", "alpha", "eta", "step_size", "rate"),
    "momentum": ("momentum", "mu", "beta", "rho", "gamma"),
    "weight_decay": ("weight_decay", "wd", "decay", "reg", "lam", "l2", "lambda_"),
}


def _unlike(rule: Optimizer, options: dict[str, Any]) -> tuple[Optimizer, dict[str, Any], dict[str, str]]:
    """The same with numbers that can't be taken for each other: with lr = 0.1 and momentum = 0.9, lr is 1 - momentum.

    Only what is an option is changed, in the rule and in the options alike; the third value is what each is called there.
    """
    rule, options, called = copy.deepcopy(rule), dict(options), {}
    for attribute, value in (("lr", 0.037), ("momentum", 0.83), ("weight_decay", 0.29)):
        has = getattr(rule, attribute, 0)
        named = [n for n, v in options.items() if v == has and any(n.lower().startswith(s) for s in _SAME[attribute])]
        if has and len(named) == 1:
            setattr(rule, attribute, value)
            options[named[0]] = value
            called[attribute] = named[0]
    return rule, options, called


# --- running the learner's step --------------------------------------------------------------------------------------------


def _walk_of(target: Any, options: dict[str, Any], start: Params, grads: list[Params]) -> tuple[Walk, bool]:
    """(changes of each array, did it change a gradient)."""
    if inspect.isroutine(target):
        step = _function_step(target, options)
    else:
        optimizer: Any = target(**options) if inspect.isclass(target) else copy.deepcopy(target)
        require(callable(getattr(optimizer, "step", None)), "check: an optimizer wants a method step(params, grads)")
        step = optimizer.step
    given = [{name: g.copy() for name, g in grad.items()} for grad in grads]
    walk = _walk(step, start, given)
    changed = any(not np.array_equal(a[name], b[name]) for a, b in zip(given, grads, strict=True) for name in a)
    return walk, changed


def _walk(step: Callable[[Params, Params], Any], start: Params, grads: list[Params]) -> Walk:
    params = {name: array.copy() for name, array in start.items()}
    changes: dict[str, list[Array]] = {name: [] for name in start}
    for grad in grads:
        before = {name: params[name].copy() for name in start}
        returned = step(params, grad)
        if isinstance(returned, dict) and returned.keys() >= start.keys():
            params = dict(returned)
        for name in start:
            changes[name].append(np.asarray(params[name], float) - before[name])
    return {name: np.stack(rows) for name, rows in changes.items()}


def _is_state(third: inspect.Parameter, options: dict[str, Any]) -> bool:
    """Is it what one step hands on to the next, and not a setting: one of the options, or a number by default?"""
    by_place = third.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return by_place and third.name not in options and not isinstance(third.default, (int, float))


def _function_step(function: Callable[..., Any], options: dict[str, Any]) -> Callable[[Params, Params], None]:
    """step(w, g, state or v, **options) as a step on dicts."""
    third = next((p.name for p in list(parameters(function).values())[2:3] if _is_state(p, options)), "")
    store: dict[str, Any] = dict(options) if third in ("config", "cfg") else {}
    keywords = {} if third in ("config", "cfg") else options
    velocity: dict[str, Any] = {}

    def step(params: Params, grads: Params) -> None:
        for name in params:
            w = params[name]
            if not third:
                result = function(w, grads[name], **keywords)
            elif third.lower() in VELOCITY:
                result = function(w, grads[name], velocity.get(name, np.zeros_like(w)), **keywords)
            else:
                result = function(w, grads[name], store, **keywords)
            if isinstance(result, tuple):
                params[name] = np.asarray(result[0], float)
                if third.lower() in VELOCITY:
                    velocity[name] = result[1]
            elif result is not None:
                params[name] = np.asarray(result, float)

    return step


# --- known mistakes as rules -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """velocity = keep * velocity + enter * (g + decay * w);  w -= rate * velocity, with what else can go wrong."""

    keep: float
    rate: float
    decay: float
    enter: float = 1.0
    decay_bias: float = 0.0
    nesterov: bool = False
    old_velocity: bool = False
    decoupled: bool = False

    def walk(self, start: Params, grads: list[Params]) -> Walk:
        velocity = {name: np.zeros_like(w) for name, w in start.items()}

        def step(params: Params, grad: Params) -> None:
            for name, w in params.items():
                decay = self.decay if name == "w" else self.decay_bias
                g = grad[name] + (0 if self.decoupled else decay * w)
                old = velocity[name]
                velocity[name] = self.keep * old + self.enter * g
                move = old if self.old_velocity else velocity[name]
                if self.nesterov:
                    move = self.enter * g + self.keep * velocity[name]
                shrink = self.rate * decay * w if self.decoupled else 0
                params[name] = w - self.rate * move - shrink

        return _walk(step, start, grads)


def _rule(optimizer: Optimizer) -> Rule | None:
    if type(optimizer) is SGD:
        return Rule(0.0, optimizer.lr, optimizer.weight_decay)
    if isinstance(optimizer, Momentum):
        return Rule(optimizer.momentum, optimizer.lr, optimizer.weight_decay, nesterov=isinstance(optimizer, Nesterov))
    return None


def _known(r: Rule) -> Iterator[tuple[str, Rule, str, float]]:
    lr, mu, decay = r.rate, r.keep, r.decay
    yield "sign flipped", replace(r, rate=-lr), "the step goes uphill", 0.96
    yield "learning rate missing", replace(r, rate=1.0), "the step is not multiplied by lr", 0.96
    yield "learning rate twice", replace(r, rate=lr * lr), "the step is multiplied by lr twice", 0.96
    if mu:
        yield "velocity forgotten", replace(r, keep=0.0, nesterov=False), "each step is lr * g alone", 0.96
        yield (
            "velocity forgotten",
            replace(r, keep=0.0, enter=1 + mu, nesterov=False),
            "the velocity starts at 0 each time",
            0.9,
        )
        yield "momentum not applied", replace(r, keep=1.0), "the velocity is the sum of all gradients", 0.96
        yield "momentum not applied", replace(r, keep=1 - mu), f"the velocity is kept by 1 - momentum = {1 - mu:g}", 0.94
        for enter, words in (1 - mu, "1 - momentum"), (mu, "momentum"):
            yield "gradient damped", replace(r, enter=enter), f"the gradient enters with {words} = {enter:g}", 0.96
            yield (
                "gradient damped",
                replace(r, enter=enter, keep=1 - mu),
                f"the gradient enters with {words}, the velocity too",
                0.85,
            )
        yield (
            "updated in the wrong order",
            replace(r, old_velocity=True, nesterov=False),
            "the weights move by the velocity of the step before",
            0.96,
        )
        if not r.nesterov:
            ahead = "there is a look-ahead, as in Nesterov's method"
            yield "updated in the wrong order", replace(r, nesterov=True), ahead, 0.8
        if r.nesterov:
            none = "there is no look-ahead, or, which is the same, the look-ahead uses the old velocity"
            yield "updated in the wrong order", replace(r, nesterov=False), none, 0.95
    if decay:
        yield "weight decay missing", replace(r, decay=0.0), "there is no weight decay", 0.97
        for factor in (2.0, 0.5, -1.0, -2.0, 0.25, lr, 1 / lr, 1 - mu, 1 / (1 - mu)):
            scaled = f"weight decay is {factor:g} times what it should be"
            yield "weight decay scaled wrong", replace(r, decay=decay * factor), scaled, 0.96
        both = replace(r, decay_bias=decay)
        yield "weight decay on the bias", both, "the bias is decayed too", 0.97
        yield "weight decay scaled wrong", replace(r, decoupled=True), "weight decay acts outside of the velocity", 0.9
        yield "weight decay missing", replace(r, decay=0.0, keep=0.0), "there is neither weight decay nor velocity", 0.6


def _findings(
    target: Any,
    options: dict[str, Any],
    optimizer: Optimizer,
    start: Params,
    grads: list[Params],
    mine: Walk,
    wanted: Walk,
    wrong: list[str],
) -> Iterator[Finding]:
    if all(np.abs(mine[name]).max() == 0 for name in mine):
        yield Finding("weights not changed", f"after {STEPS} steps the weights are what they were", 0.99, tuple(wrong))
        return
    if not all(close(mine[name][0], wanted[name][0]) for name in mine):
        yield from _shared(target, options, start, grads, wanted)
    late = tuple(name for name in wrong if close(mine[name][1:], wanted[name][:-1]))
    if late:
        still = all(np.abs(mine[name][0]).max() == 0 for name in late)
        whole = f"your first step does not move {listed(late)} at all; every later step is the reference's step before"
        said = whole if still else "from the second step on yours is the reference's step before"
        yield Finding("updated in the wrong order", said, 0.97, late)
    rule = _rule(optimizer)
    for name, other, words, weight in _known(rule) if rule else ():
        if late and other.old_velocity:
            continue  # said above
        walk = other.walk(start, grads)
        matched = tuple(n for n in wrong if close(mine[n], walk[n]))
        rest_right = all(close(mine[n], walk[n]) for n in mine)
        if matched:
            steps = "your steps" if rest_right else f"your steps of {listed(matched)}"
            said = f"the reference, changed in this way, makes exactly {steps}: {words}"
            variant = "look-ahead" if rule and other.nesterov != rule.nesterov and not other.old_velocity else ""
            yield Finding(name, said, weight - 0.1 * (not rest_right), matched, variant=variant)
    for name in wrong:
        ratio = proportional(mine[name], wanted[name])
        if ratio is not None and abs(ratio) > 1e-9:
            known = "sign flipped" if abs(ratio + 1) < 1e-5 else "constant factor"
            yield Finding(known, f"your steps of {name} are {ratio:.6g} times the reference's", 0.8, (name,))
        first, n = mine[name][0], STEPS
        if close(first, wanted[name][0]) and rule and rule.keep:
            said = f"the first step of {name} is right, the next {n - 1} are not"
            yield Finding("velocity forgotten", said, 0.5, (name,))
            yield Finding("momentum not applied", said, 0.45, (name,))


def _shared(target: Any, options: dict[str, Any], start: Params, grads: list[Params], wanted: Walk) -> Iterator[Finding]:
    """Is each array moved rightly when it is alone?"""
    for name in start:
        try:
            with guarded("step", 0):
                alone, _ = _walk_of(target, options, {name: start[name]}, [{name: g[name]} for g in grads])
        except CodeRaised:
            return
        if not close(alone[name][0], wanted[name][0]):
            return
    said = "alone each array makes the right first step, together they do not: they share a velocity"
    yield Finding("state shared between arrays", said, 0.9, tuple(start))
