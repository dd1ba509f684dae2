"""Each known mistake in an optimizer's step, written out by hand, beside the package's rules."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from scratchnet.gradcheck import check
from scratchnet.gradcheck.steps import check_step
from scratchnet.optim import SGD, Adam, Momentum, Nesterov

MOMENTUM = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}
PLAIN = {"lr": 0.1, "weight_decay": 0.2}
LR, MU, DECAY = 0.037, 0.83, 0.29  # what the check makes of these


def optimizer(change):
    """A class whose step takes ``change(own, name, w, g)`` off each array; ``own.v`` holds a velocity for each."""

    class Own:
        def __init__(self, lr, momentum=0.0, weight_decay=0.0):
            self.lr, self.mu, self.wd = lr, momentum, weight_decay
            self.v = defaultdict(float)

        def full(self, name, w, g):
            """The gradient with the decay, which the bias does not have."""
            return g + (self.wd * w if name == "w" else 0)

        def step(self, params, grads):
            for name, w in params.items():
                params[name] = w - change(self, name, w, grads[name])

    return Own


def with_velocity(keep=lambda o: o.mu, enter=lambda o: 1.0, rate=lambda o: o.lr, full=None):
    def change(o, name, w, g):
        g = o.full(name, w, g) if full is None else full(o, name, w, g)
        o.v[name] = keep(o) * o.v[name] + enter(o) * g
        return rate(o) * o.v[name]

    return change


def look_ahead(o, name, w, g):
    g = o.full(name, w, g)
    o.v[name] = o.mu * o.v[name] + g
    return o.lr * (g + o.mu * o.v[name])


def look_ahead_with_the_old(o, name, w, g):
    g, old = o.full(name, w, g), o.v[name]
    o.v[name] = o.mu * old + g
    return o.lr * (g + o.mu * old)


def look_ahead_from_nothing(o, name, w, g):
    g = o.full(name, w, g)
    return o.lr * (g + o.mu * g)


def moves_first(o, name, w, g):
    old = o.v[name]
    o.v[name] = o.mu * old + o.full(name, w, g)
    return o.lr * old


def decayed_apart(o, name, w, g):
    o.v[name] = o.mu * o.v[name] + g
    return o.lr * o.v[name] + (o.lr * o.wd * w if name == "w" else 0)


def without_velocity(o, name, w, g):
    return o.lr * o.full(name, w, g)


def gradient_alone(o, name, w, g):
    return o.lr * g


def decayed_by(factor):
    return lambda o, name, w, g: g + (factor(o) * o.wd * w if name == "w" else 0)


KNOWN = [
    ("sign flipped", "the step goes uphill", with_velocity(rate=lambda o: -o.lr)),
    ("learning rate missing", "the step is not multiplied by lr", with_velocity(rate=lambda o: 1.0)),
    ("learning rate twice", "the step is multiplied by lr twice", with_velocity(rate=lambda o: o.lr**2)),
    ("velocity forgotten", "each step is lr * g alone", without_velocity),
    ("velocity forgotten", "the velocity starts at 0 each time", look_ahead_from_nothing),
    ("momentum not applied", "the velocity is the sum of all gradients", with_velocity(keep=lambda o: 1.0)),
    ("momentum not applied", "the velocity is kept by 1 - momentum = 0.17", with_velocity(keep=lambda o: 1 - o.mu)),
    ("gradient damped", "the gradient enters with 1 - momentum = 0.17", with_velocity(enter=lambda o: 1 - o.mu)),
    ("gradient damped", "the gradient enters with momentum = 0.83", with_velocity(enter=lambda o: o.mu)),
    (
        "gradient damped",
        "the gradient enters with 1 - momentum, the velocity too",
        with_velocity(enter=lambda o: 1 - o.mu, keep=lambda o: 1 - o.mu),
    ),
    (
        "gradient damped",
        "the gradient enters with momentum, the velocity too",
        with_velocity(enter=lambda o: o.mu, keep=lambda o: 1 - o.mu),
    ),
    ("updated in the wrong order", "there is a look-ahead, as in Nesterov's method", look_ahead),
    ("weight decay missing", "there is no weight decay", with_velocity(full=lambda o, name, w, g: g)),
    ("weight decay on the bias", "the bias is decayed too", with_velocity(full=lambda o, name, w, g: g + o.wd * w)),
    ("weight decay scaled wrong", "weight decay acts outside of the velocity", decayed_apart),
]


def assert_named(report, name, words, steps="your steps"):
    first = report.diagnoses[0]
    assert first.name == name
    assert first.evidence[0] == f"the reference, changed in this way, makes exactly {steps}: {words}"
    assert 0.5 < first.score <= 1


@pytest.mark.parametrize(("name", "words", "change"), KNOWN, ids=[words for _, words, _ in KNOWN])
def test_a_known_mistake_is_told(name, words, change):
    report = check(optimizer(change), reference=Momentum(0.1, 0.9, weight_decay=0.2), options=MOMENTUM)
    only_w = name == "weight decay scaled wrong" or words == "there is no weight decay"
    wrong = ["b"] if "bias" in words else ["w"] if only_w else ["w", "b"]
    assert [array for array, result in report.results.items() if not result.passed] == wrong
    assert_named(report, name, words)
    assert sorted(report.diagnoses[0].explains) == sorted(wrong)


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (lambda o: 2, 2),
        (lambda o: 0.5, 0.5),
        (lambda o: -1, -1),
        (lambda o: -2, -2),
        (lambda o: 0.25, 0.25),
        (lambda o: o.lr, LR),
        (lambda o: 1 / o.lr, 1 / LR),
        (lambda o: 1 - o.mu, 1 - MU),
        (lambda o: 1 / (1 - o.mu), 1 / (1 - MU)),
    ],
)
def test_a_weight_decay_of_another_size_is_told(factor, told):
    mine = optimizer(with_velocity(full=decayed_by(factor)))
    report = check(mine, reference=Momentum(0.1, 0.9, weight_decay=0.2), options=MOMENTUM)
    assert_named(report, "weight decay scaled wrong", f"weight decay is {told:g} times what it should be")


def test_two_mistakes_at_once():
    report = check(optimizer(gradient_alone), reference=Momentum(0.1, 0.9, weight_decay=0.2), options=MOMENTUM)
    found = {likely.name: likely for likely in report.diagnoses}
    both = "the reference, changed in this way, makes exactly your steps: there is neither weight decay nor velocity"
    assert found["weight decay missing"].evidence == (both,)
    assert found["weight decay missing"].explains == ("b", "w")
    assert found["velocity forgotten"].explains == ("b",), "of w that is not all"


NO_LOOK_AHEAD = "there is no look-ahead, or, which is the same, the look-ahead uses the old velocity"
NESTEROV = [
    ("updated in the wrong order", NO_LOOK_AHEAD, look_ahead_with_the_old),
    ("updated in the wrong order", NO_LOOK_AHEAD, with_velocity()),
    ("velocity forgotten", "each step is lr * g alone", without_velocity),
    ("velocity forgotten", "the velocity starts at 0 each time", look_ahead_from_nothing),
]


@pytest.mark.parametrize(("name", "words", "change"), NESTEROV, ids=[words for _, words, _ in NESTEROV])
def test_a_mistake_in_a_look_ahead_is_told(name, words, change):
    rule = Nesterov(0.1, 0.9, weight_decay=0.2)
    assert check(optimizer(look_ahead), reference=rule, options=MOMENTUM).passed
    report = check(optimizer(change), reference=rule, options=MOMENTUM)
    assert_named(report, name, words)
    has_its_own_words = "look-ahead" in words
    assert ("By what does the reference move the weights" in report.hint()) is has_its_own_words


def test_weights_that_move_before_the_velocity_are_told_once():
    """It is the rule's own step, one later: that is said, and the same as another rule is not."""
    for rule in (Momentum(0.1, 0.9), Nesterov(0.1, 0.9)):
        options = {"lr": 0.1, "momentum": 0.9}
        report = check(optimizer(moves_first), reference=rule, options=options)
        first = report.diagnoses[0]
        assert first.name == "updated in the wrong order"
        assert 0.9 < first.score <= 1
        assert "before the velocity has been updated" in str(report), "no look-ahead is to blame"
        late = "your first step does not move w and b at all; every later step is the reference's step before"
        old = "the reference, changed in this way, makes exactly your steps: "
        old += "the weights move by the velocity of the step before"
        assert first.evidence == ((late,) if type(rule) is Momentum else (old,))


def test_plain_descent_has_no_velocity_to_be_wrong():
    rule = SGD(0.1, weight_decay=0.2)
    assert check(optimizer(without_velocity), reference=rule, options=PLAIN).passed
    for change, name, words in (
        (gradient_alone, "weight decay missing", "there is no weight decay"),
        (lambda o, name, w, g: -without_velocity(o, name, w, g), "sign flipped", "the step goes uphill"),
        (
            lambda o, name, w, g: g + (o.wd * w if name == "w" else 0),
            "learning rate missing",
            "the step is not multiplied by lr",
        ),
    ):
        report = check(optimizer(change), reference=rule, options=PLAIN)
        assert_named(report, name, words)
        assert len(report.diagnoses[0].evidence) <= 2
        assert not {likely.name for likely in report.diagnoses} & {"velocity forgotten", "momentum not applied"}


def test_without_decay_nothing_is_said_of_it():
    report = check(
        optimizer(with_velocity(rate=lambda o: -o.lr)), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9}
    )
    assert_named(report, "sign flipped", "the step goes uphill")
    assert not any("decay" in likely.name for likely in report.diagnoses)


def test_a_mistake_in_one_array_alone():
    def uphill(o, name, w, g):
        step = with_velocity()(o, name, w, g)
        return -step if name == "w" else step

    whole = check(
        optimizer(with_velocity(rate=lambda o: -o.lr)), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9}
    )
    report = check(optimizer(uphill), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    assert [name for name, result in report.results.items() if not result.passed] == ["w"]
    assert_named(report, "sign flipped", "the step goes uphill", "your steps of w")
    assert "your steps of w are -1 times the reference's" in report.diagnoses[0].evidence
    assert 0.8 < report.diagnoses[0].score < whole.diagnoses[0].score


def test_a_factor_is_told_of_a_rule_without_known_mistakes():
    class Slow(Adam):
        def step(self, params, grads):
            before = {name: array.copy() for name, array in params.items()}
            super().step(params, grads)
            for name, array in params.items():
                array -= 0.7 * (array - before[name])

    report = check(Slow(0.01), reference=Adam(0.01))
    assert report.diagnoses[0].evidence == (
        "your steps of w are 0.3 times the reference's",
        "your steps of b are 0.3 times the reference's",
    )
    assert report.diagnoses[0].name == "constant factor"
    assert 0.5 < report.diagnoses[0].score <= 1
    assert sorted(report.diagnoses[0].explains) == ["b", "w"]


def test_an_array_that_does_not_move_is_no_factor():
    def forgets_b(o, name, w, g):
        return with_velocity()(o, name, w, g) * (name == "w")

    report = check(optimizer(forgets_b), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    assert report.results["w"].passed
    assert not report.results["b"].passed
    assert [likely.name for likely in report.diagnoses] == ["no known mistake"]
    assert report.diagnoses[0].evidence == ("the steps fit no known mistake",)


def test_weights_that_do_not_move_are_told_alone():
    report = check(optimizer(lambda o, name, w, g: 0.0), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    assert [likely.name for likely in report.diagnoses] == ["weights not changed"]
    assert report.diagnoses[0].evidence == ("after 4 steps the weights are what they were",)
    assert report.diagnoses[0].explains == ("b", "w")
    assert 0.9 < report.diagnoses[0].score <= 1


def test_a_right_first_step_speaks_of_the_velocity():
    """What becomes of it later fits no rule, but it begins right."""

    def odd(o, name, w, g):
        o.v[name] = 0.4321 * o.v[name] + g
        return o.lr * o.v[name]

    report = check(optimizer(odd), reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    names = [likely.name for likely in report.diagnoses]
    assert names == ["velocity forgotten", "momentum not applied"]
    assert report.diagnoses[0].evidence == (
        "the first step of w is right, the next 3 are not",
        "the first step of b is right, the next 3 are not",
    )
    assert report.diagnoses[0].explains == report.diagnoses[1].explains == ("b", "w")
    assert 1 > report.diagnoses[0].score > report.diagnoses[1].score > 0.2
    report = check(optimizer(odd), reference=SGD(0.1), options={"lr": 0.1})
    assert "velocity forgotten" not in [likely.name for likely in report.diagnoses], "plain descent has none"


def test_a_velocity_that_all_arrays_share():
    class Shared:
        def __init__(self, lr, momentum):
            self.lr, self.mu, self.v = lr, momentum, 0.0

        def step(self, params, grads):
            for name in params:
                self.v = self.mu * np.mean(self.v) + grads[name]
                params[name] = params[name] - self.lr * self.v

    report = check(Shared, reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    found = {likely.name: likely for likely in report.diagnoses}["state shared between arrays"]
    assert found.evidence == ("alone each array makes the right first step, together they do not: they share a velocity",)
    assert found.explains == ("b", "w")
    assert 0.8 < found.score <= 1

    class Wrong(Shared):
        def step(self, params, grads):
            super().step(params, {name: 3 * g for name, g in grads.items()})

    report = check(Wrong, reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    assert "state shared between arrays" not in [likely.name for likely in report.diagnoses], "alone they are wrong too"

    class Needs(Shared):
        def step(self, params, grads):
            params["b"], params["w"]
            super().step(params, grads)

    report = check(Needs, reference=Momentum(0.1, 0.9), options={"lr": 0.1, "momentum": 0.9})
    assert "state shared between arrays" not in [likely.name for likely in report.diagnoses], "it can't be run alone"


def test_a_function_has_one_array_to_share_nothing_with():
    def wrong(w, g, lr):
        return w - 3 * lr * g

    report = check(wrong, reference=SGD(0.1), options={"lr": 0.1})
    assert list(report.results) == ["w"]
    assert [likely.name for likely in report.diagnoses] == ["constant factor"]


# --- the forms of a step ---------------------------------------------------------------------------------------------------


def test_every_form_of_a_velocity_is_given_back():
    rule, options = Momentum(0.1, 0.9), {"lr": 0.1, "momentum": 0.9}

    def v(w, g, v, lr, momentum):
        v = momentum * v + g
        return w - lr * v, v

    def buf(w, g, buf, lr, momentum):
        buf = momentum * buf + g
        return w - lr * buf, buf

    def capital(w, g, V, lr, momentum):
        return v(w, g, V, lr, momentum)

    def state(w, g, state, lr, momentum):
        state["v"] = momentum * state.get("v", 0) + g
        return w - lr * state["v"]

    def state_too(w, g, store, lr, momentum):
        return state(w, g, store, lr, momentum), "whatever"

    def config(w, g, config):
        config["velocity"] = config["momentum"] * config.get("velocity", 0) + g
        return w - config["lr"] * config["velocity"], config

    def cfg(w, g, cfg):
        return config(w, g, cfg)[0]

    for step in (v, buf, capital, state, state_too, config, cfg):
        report = check(step, reference=rule, options=options)
        assert report.passed, f"{step.__name__}\n{report}"
        assert list(report.results) == ["w"]
        assert report.title == step.__name__


def test_every_form_of_plain_descent():
    def returns(w, g, lr):
        return w - lr * g

    def in_place(w, g, lr):
        w -= lr * g

    def as_a_list(w, g, lr):
        return (w - lr * g).tolist()

    def bare(w, g):
        return w - 0.1 * g

    def open_to_all(w, g, **options):
        return w - options["lr"] * g

    def by_name(w, g, *, lr):
        return w - lr * g

    for step in (returns, in_place, as_a_list, open_to_all, by_name):
        assert check(step, reference=SGD(0.1), options={"lr": 0.1}).passed, step.__name__
    assert check(bare, reference=SGD(0.1)).passed
    assert not check(bare, reference=SGD(0.2)).passed
    assert check(lambda w, g, lr=0.1: w - lr * g, reference=SGD(0.1)).passed, "a number by default is no state"
    assert check(lambda w, g, config=None: (w - 0.1 * g, config), reference=SGD(0.1)).passed


def test_a_class_may_return_other_arrays():
    class Returns:
        def __init__(self, lr):
            self.lr = lr

        def step(self, params, grads):
            return {name: params[name] - self.lr * g for name, g in grads.items()}

    class ReturnsMore(Returns):
        def step(self, params, grads):
            return {**super().step(params, grads), "steps": 1}

    class ReturnsASummary(Returns):
        def step(self, params, grads):
            params.update(super().step(params, grads))
            return {"size": 0.0}

    for cls in (Returns, ReturnsMore, ReturnsASummary):
        report = check(cls, reference=SGD(0.1), options={"lr": 0.1})
        assert report.passed, f"{cls.__name__}\n{report}"
        assert list(report.results) == ["w", "b"]
        assert report.title == cls.__name__


def test_an_object_is_left_as_it_is():
    own = optimizer(with_velocity())(0.1, 0.9)
    report = check(own, reference=Momentum(0.1, 0.9))
    assert report.passed
    assert report.title == "Own"
    assert own.v == {}, "it was a copy that went"


def test_what_has_no_step_is_said_to_have_none():
    report = check(object(), reference=SGD(0.1))
    assert len(report.problems) == 1
    assert "an optimizer wants a method step(params, grads)" in report.problems[0]
    assert report.diagnoses[0].name == "raises an error"
    assert report.diagnoses[0].score == 1
    assert report.results == {}


def test_a_gradient_that_is_changed_in_place():
    def greedy(w, g, lr):
        step = w - lr * g
        g[0, 0] = 7
        return step

    report = check(greedy, reference=SGD(0.1), options={"lr": 0.1})
    assert report.results["w"].passed
    assert not report.passed
    assert report.problems == ["step changes the gradient in place, which others may still need: work on a copy"]
    assert [(likely.name, likely.score) for likely in report.diagnoses] == [("input changed in place", 1.0)]


# --- the numbers -----------------------------------------------------------------------------------------------------------


def test_each_step_is_compared():
    """Four steps of w (4, 3) and of b (3,), by hand: the changes, and where they are off."""
    given = []

    class Watched:
        def step(self, params, grads):
            given.append({name: (params[name].copy(), grads[name].copy()) for name in params})
            for name in params:
                params[name] = params[name] - 0.1 * grads[name]
            if len(given) == 3:
                params["w"][1, 2] += 0.5

    report = check_step(Watched(), SGD(0.1), {})
    first = given[:4]
    assert [array.shape for array, _ in first[0].values()] == [(4, 3), (3,)]
    for name, result in report.results.items():
        wanted = np.stack([-0.1 * step[name][1] for step in first])
        np.testing.assert_allclose(result.numeric, wanted, atol=1e-12)
        assert result.scale == pytest.approx(np.abs(wanted).max())
        assert (result.checked, result.size) == (wanted.size, wanted.size)
    w, b = report.results["w"], report.results["b"]
    assert (w.wrong, w.worst, w.max_error) == (1, (2, 1, 2), pytest.approx(0.5))
    assert w.place == "in the third step at w[1, 2]"
    assert (b.wrong, b.passed) == (0, True)
    assert b.max_error < 1e-12
    assert w.label == "change of w over 4 steps"
    assert b.shape == "(steps, entries) = (4, 3)"
    for earlier, later in itertools.pairwise(first):
        assert not np.array_equal(earlier["w"][1], later["w"][1]), "each step has another gradient"


@pytest.mark.parametrize(("off", "passed"), [(1e-8, True), (1e-5, False)])
def test_how_exact_a_step_must_be(off, passed):
    report = check(lambda w, g, lr: w - lr * g * (1 + off), reference=SGD(0.1), options={"lr": 0.1})
    assert report.passed is passed


def test_tiny_steps_are_compared_by_their_absolute_difference():
    assert check(lambda w, g: w - 1e-12 * g, reference=SGD(1e-13)).passed
    assert not check(lambda w, g: w - 1e-7 * g, reference=SGD(1e-13)).passed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_steps_that_are_no_numbers(bad):
    class Bad:
        def step(self, params, grads):
            params["w"] = params["w"] - 0.1 * grads["w"]
            params["b"] = params["b"] - np.array([0.1, bad, 0.1]) * grads["b"]

    report = check(Bad(), reference=SGD(0.1))
    assert report.results["b"].message == "the steps of b are not arrays (3,) of finite numbers"
    assert report.results["w"].passed


def test_a_seed_gives_the_same_steps_and_another_one_others():
    def numeric(*seed):
        return check_step(SGD(0.1), SGD(0.1), {}, *seed).results["w"].numeric

    np.testing.assert_array_equal(numeric(), numeric(0))
    np.testing.assert_array_equal(numeric(3), numeric(3))
    assert not np.array_equal(numeric(3), numeric(4))


def test_a_step_that_draws_random_numbers_draws_the_same_ones():
    drawn = []

    def noisy(w, g):
        drawn.append(np.random.rand())  # noqa: NPY002
        return w - 0.1 * g

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for _ in range(2):
        assert check(noisy, reference=SGD(0.1)).passed
    assert drawn[:4] == drawn[4:]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# --- unusual numbers -------------------------------------------------------------------------------------------------------


def seen_by(options, rule):
    """The options that the step was run with, and the report."""
    seen = {}

    def step(w, g, **given):
        seen.update(given)
        return w + g

    return seen, check(step, reference=rule, options=options)


@pytest.mark.parametrize("name", ["lr", "learning_rate", "alpha", "eta", "step_size", "rate", "LR"])
def test_names_of_the_learning_rate(name):
    seen, report = seen_by({name: 0.1}, SGD(0.1))
    assert seen == {name: LR}
    assert report.notes == [f"both were run with {name} = 0.037, unusual values that make mix-ups visible"]


@pytest.mark.parametrize("name", ["momentum", "mu", "beta", "rho", "gamma", "beta1"])
def test_names_of_the_momentum(name):
    assert seen_by({name: 0.9}, Momentum(0.1, 0.9))[0] == {name: MU}


@pytest.mark.parametrize("name", ["weight_decay", "wd", "decay", "reg", "lam", "l2", "lambda_"])
def test_names_of_the_decay(name):
    assert seen_by({name: 0.2}, SGD(0.1, weight_decay=0.2))[0] == {name: DECAY}


def test_numbers_that_are_not_the_rule_s_stay():
    for options in ({"lr": 0.2}, {"speed": 0.1}, {"lr": 0.1, "rate": 0.1}):
        seen, report = seen_by(options, SGD(0.1))
        assert seen == options
        assert report.notes == []
    assert seen_by({"lr": 0.1, "wd": 0.0}, SGD(0.1))[0] == {"lr": LR, "wd": 0.0}, "no decay stays no decay"


def test_the_caller_s_rule_and_options_stay():
    rule, options = Momentum(0.1, 0.9), {"lr": 0.1, "momentum": 0.9}
    seen, _ = seen_by(options, rule)
    assert seen == {"lr": LR, "momentum": MU}
    assert options == {"lr": 0.1, "momentum": 0.9}
    assert (rule.lr, rule.momentum) == (0.1, 0.9)
