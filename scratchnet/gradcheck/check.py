"""The gradient check: what backward returns against what is measured, and what the mistake is called if they differ."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchnet.arguments import is_number, is_whole, kind_of, require
from scratchnet.gradcheck.compare import Objective, check_argument
from scratchnet.gradcheck.diagnose import diagnose
from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.learners import of_class, of_functions, of_object
from scratchnet.gradcheck.notes import notes_on
from scratchnet.gradcheck.protocol import Trial, judge_first_call, try_out
from scratchnet.gradcheck.references import compare_output
from scratchnet.gradcheck.report import ArgumentResult, Report
from scratchnet.gradcheck.steps import check_step
from scratchnet.gradcheck.subject import CodeRaised, Malformed, Subject, of_layer, of_loss
from scratchnet.gradcheck.ties import check_ties
from scratchnet.layers.base import Layer
from scratchnet.losses import Loss
from scratchnet.optim import Optimizer
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Rng


def check(
    target: Any,
    *args: Any,
    shape: tuple[int, ...] | None = None,
    options: dict[str, Any] | None = None,
    reference: str | Callable[..., Any] | Optimizer | None = None,
    train: bool = True,
    vary_fresh: bool = True,
    seed: int = 0,
    h: float = 1e-5,
    max_entries: int | None = 1000,
) -> Report:
    """Compare what backward returns with numeric gradients, entry by entry, in float64; and name the mistake.

    target        and its args:
                  a layer             its input x, or ``shape=(N, C, H, W)`` to draw one
                  a loss              the network's output and the labels (labels have no gradient)
                  (forward, backward) what forward takes: every positional argument gets a gradient, the ``options`` get
                                      none: ``check((conv2d_forward, conv2d_backward), x, w, b, options={"pad": 1})``
                  (f, df)             plain functions, f(x, w) -> out and df(dout, x, w) -> dx, dw; the same args. A
                                      df(x, w) without dout is checked as the gradient of f(x, w).sum()
                  a class             of your own: ``check(Affine, x, w, b)`` makes Affine(w, b) and calls forward(x) and
                                      backward(dout); gradients it keeps in attributes (self.dw) are found. A layer's or
                                      loss's class of the package stands for its pair
                  a step              of an optimizer, with the rule as reference: ``check(my_step, reference=Momentum(0.1),
                                      options={"lr": 0.1, "momentum": 0.9})``; my_step(w, g, v, **options) -> (w, v), or
                                      with a dict for state, or a class with step(params, grads) (see steps.py)
    reference     what forward should compute: an operation's name ("conv2d") or a function of the same arguments. Without
                  it forward is believed: a gradient can be right for the wrong function
    train         False checks a layer as it is in evaluation
    vary_fresh    a layer's parameters that still are all 0 or all 1 get random values; otherwise a forgotten gamma or b
                  would pass
    max_entries   of a larger array only so many entries are measured, and one random direction for all others together;
                  None measures all

    Objective     sum(out * dout) with a random dout; a loss times a random number
    Right is      |analytic - numeric| <= 1e-6 * max |numeric| + 1e-9. At a kink (see kinks.py) any subgradient is right, but
                  a gradient that is at kinks in more than half of its entries does not pass: nothing was proved
    Copies        everything is copied and copies are cast to float64; no argument is changed, neither are layers
    Randomness    every forward gets the same random numbers from ``rng``, and from np.random's functions

    The code under check may do anything wrong, and raise what it likes: that is in the report.

    Errors        ValueError if the arguments make no check: integers that should get a gradient, nan, nothing to check
    """
    require(is_number(h) and 0 < h < math.inf, f"check: h must be positive, got {h!r}")
    whole = is_whole(seed) and 0 <= seed < 2**63
    require(whole, f"check: seed must be an integer in 0 .. 2**63 - 1, got {seed!r}")
    require(options is None or isinstance(options, dict), f"check: options must be a dict, got {options!r}")
    shaped = shape is None or (isinstance(shape, tuple | list) and is_whole(*shape) and all(n >= 1 for n in shape))
    require(shaped, f"check: shape must be a tuple of integers, got {shape!r}")
    require(
        max_entries is None or (is_whole(max_entries) and max_entries > 0),
        f"check: max_entries must be positive or None, got {max_entries!r}",
    )
    if isinstance(reference, Optimizer):
        require(not args, "check: a step of an optimizer draws its own weights and gradients; give none")
        return check_step(target, reference, options or {}, seed)
    rng = stream(seed, Purpose.GRADCHECK)  # not default_rng(seed), which may have drawn the arguments: then dout were x
    subject = _subject(target, args, shape, options or {}, train, vary_fresh, rng)
    report = Report(subject.title)
    trial = Trial(None, None)
    try:
        trial = try_out(subject, rng, seed)
        if reference is not None:
            compare_output(subject, trial, reference, options or {})
        for name, x in subject.arrays.items():
            objective = Objective(subject, trial, name, seed)
            result = check_argument(name, objective, x, trial.gradients.get(name), max_entries, h, rng)
            report.results[name] = result
            if result.message and trial.raised:
                result.message = f"no {subject.label(name)}: backward stopped"
            elif result.message:
                trial.problems.append(result.message)
                if result.called:
                    trial.findings.append(_finding(subject, trial, result))
        check_ties(subject, trial, report.results, seed)
        judge_first_call(trial, [name for name, result in report.results.items() if result.passed])
    except Malformed as error:
        trial.note(error.diagnosis, str(error))
    except CodeRaised as error:
        trial.note("raises an error", str(error), variant=error.variant)
    report.problems += trial.problems
    report.notes = notes_on(subject, trial, report, args)
    if report.problems or any(result.status == "WRONG" for result in report.results.values()):
        report.diagnoses = diagnose(Evidence(subject, trial, report.results, seed))
    return report


def _finding(subject: Subject, trial: Trial, result: ArgumentResult) -> Finding:
    """What the gradient's form shows. A wrong shape or a missing gradient may come from something more specific, and so may
    a mask that is handed back as it is: it is not the type alone that is wrong with it."""
    called, certainty, variant = result.called, 0.96, ""
    gradient, x = result.analytic, subject.arrays[result.name]
    if called in ("wrong shape", "gradient missing"):
        certainty = 0.85
    elif np.asarray(trial.gradients.get(result.name)).dtype.kind == "b":
        certainty = 0.9
    if called == "wrong shape" and gradient is not None and gradient.size == 0 < x.size:
        pads = [value for setting, value in subject.settings.items() if "pad" in setting.lower()]
        certainty, variant = (0.96, "empty slice") if pads and not any(pads) else (certainty, variant)
    return Finding(called, result.message, certainty, (result.name,), variant=variant)


def _subject(
    target: Any,
    args: tuple[Any, ...],
    shape: tuple[int, ...] | None,
    options: dict[str, Any],
    train: bool,
    vary: bool,
    rng: Rng,
) -> Subject:
    is_object = isinstance(target, (Layer, Loss))
    require(not (is_object and options), f"check: options are for functions and classes; {target!r} has its own")
    drawn = shape is None or isinstance(target, Layer)
    require(drawn, f"check: shape draws a layer's input, but target is {kind_of(target)}; give arrays here")
    if isinstance(target, Layer):
        return of_layer(target, args, shape, train, vary, rng)
    if isinstance(target, Loss):
        return of_loss(target, args)
    if isinstance(target, type) and issubclass(target, (Layer, Loss)):
        require(
            hasattr(target, "functions") and not {"forward", "backward"} & vars(target).keys(),
            f"check: {target.__name__} is a class; make an instance, as in {target.__name__}()",
        )
        return of_functions(target.functions, args, options)
    if isinstance(target, tuple):
        require(
            len(target) == 2 and all(callable(f) for f in target),
            "check: wanted two functions in brackets, check((forward, backward), x, w, b)",
        )
        return of_functions((target[0], target[1]), args, options)
    require(
        callable(getattr(target, "forward", None)) and callable(getattr(target, "backward", None)),
        f"check: target, the first argument, must be a layer, a loss, a class with forward and backward, or a pair in "
        f"brackets, check((forward, backward), x, w, b), got {kind_of(target)}",
    )
    return of_class(target, args, options) if inspect.isclass(target) else of_object(target, args, options)
