"""Steps of optimizers, beside the package's rules."""

import numpy as np
import pytest

from scratchnet.gradcheck import check
from scratchnet.optim import SGD, Adam, Momentum, Nesterov, RMSProp


@pytest.mark.parametrize(
    "rule",
    [SGD(0.1), SGD(0.1, weight_decay=0.2), Momentum(0.1, 0.9, weight_decay=0.2), Nesterov(0.1), RMSProp(0.01), Adam(0.01)],
    ids=lambda rule: type(rule).__name__,
)
def test_the_rules_pass_themselves(rule):
    report = check(type(rule)(rule.lr, weight_decay=rule.weight_decay), reference=rule)
    assert report, str(report)
    assert rule.t == 0  # nothing of the caller's has moved
    assert not check(type(rule)(2 * rule.lr, weight_decay=rule.weight_decay), reference=rule)


def adam(w, g, state, lr):
    state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g**2
    m, v = state["m"] / (1 - 0.9 ** state["t"]), state["v"] / (1 - 0.999 ** state["t"])
    return w - lr * m / (np.sqrt(v) + 1e-8)


def test_any_rule_can_be_the_reference():
    assert check(adam, reference=Adam(0.01), options={"lr": 0.01})
    wrong = check(lambda w, g, state, lr: adam(w, -g, state, lr), reference=Adam(0.01), options={"lr": 0.01})
    assert wrong.diagnoses[0].name == "sign flipped"


def test_numbers_that_could_be_taken_for_each_other_are_changed():
    """lr = 0.1 and momentum = 0.9: lr is 1 - momentum."""

    def damped(w, g, v, lr, momentum):
        v = momentum * v + (1 - momentum) * g
        return w - lr * v, v

    def lr_twice(w, g, v, lr, momentum):
        v = momentum * v + lr * g
        return w - lr * v, v

    for step, name in ((damped, "gradient damped"), (lr_twice, "learning rate twice")):
        report = check(step, reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
        assert [likely.name for likely in report.diagnoses if likely.score > 0.9] == [name]
        assert "both were run with lr = 0.037, momentum = 0.83" in report.notes[0], "who reads 0.037 must know whence"


def test_a_step_is_spoken_of_in_its_own_names():
    def damped(w, g, v, rate, mu):
        v = mu * v + (1 - mu) * g
        return w - rate * v, v

    report = check(damped, reference=Momentum(0.1, 0.9), options={"rate": 0.1, "mu": 0.9})
    assert "both were run with rate = 0.037, mu = 0.83" in report.notes[0]
    assert "the gradient enters with 1 - mu = 0.17" in report.diagnoses[0].evidence[0]
    assert "velocity = mu * velocity + g" in report.hint(strong=True)


def test_steps_that_come_too_late():
    def late(w, g, state, lr):
        new = adam(w, state["g"], state["adam"], lr) if "g" in state else w
        state.setdefault("adam", {})
        state["g"] = g
        return new

    report = check(late, reference=Adam(0.01), options={"lr": 0.01})
    assert report.diagnoses[0].name == "updated in the wrong order"
    assert report.diagnoses[0].evidence == (
        "your first step does not move w at all; every later step is the reference's step before",
    )
    assert "before the velocity has been updated" in str(report)

    def jumps(w, g, state, lr):
        first = "g" not in state
        return late(w, g, state, lr) + first

    report = check(jumps, reference=Adam(0.01), options={"lr": 0.01})
    assert report.diagnoses[0].evidence == ("from the second step on yours is the reference's step before",)


def test_a_look_ahead_has_words_of_its_own():
    for mine, reference in ((Momentum, Nesterov(0.1, 0.9)), (Nesterov, Momentum(0.1, 0.9))):
        report = check(mine(0.1, 0.9), reference=reference)
        assert report.diagnoses[0].name == "updated in the wrong order"
        assert "before the velocity has been updated" not in str(report)
        assert "look-ahead" in report.hint(strong=True)


def test_rows_and_columns_only_where_there_are_any():
    report = check(SGD(0.2), reference=SGD(0.1))
    rows = str(report).splitlines()
    assert rows[0].startswith("change of w over 4 steps  (steps, rows, columns) = (4, 4, 3)  WRONG")
    assert rows[1].startswith("change of b over 4 steps  (steps, entries) = (4, 3) ")
    assert "your steps of w are 2 times the reference's" in str(report)


def test_what_else_can_be_wrong_with_a_step():
    def raises(w, g, lr):
        return w - lr * h  # noqa: F821

    report = check(raises, reference=SGD(0.1), options={"lr": 0.1})
    assert report.diagnoses[0].name == "raises an error"
    assert "name 'h' is not defined" in report.problems[0]

    def in_place(w, g, lr):
        g *= lr
        return w - g

    report = check(in_place, reference=SGD(0.1), options={"lr": 0.1})
    assert report.diagnoses[0].name == "input changed in place"
    report = check(lambda w, g, lr: np.zeros(2), reference=SGD(0.1), options={"lr": 0.1})
    assert not report
    with pytest.raises(ValueError, match="draws its own weights"):
        check(in_place, np.zeros(3), reference=SGD(0.1))
