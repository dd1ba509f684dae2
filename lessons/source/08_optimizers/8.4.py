# %% [markdown]
# # A schedule

# %% check
import math

from scratchnet_lessons.exercises import Mistake, values


def reference(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    return falling(step, steps, warmup, peak)


def falling(step, steps, warmup, peak):
    return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def schedule(rise=reference, fall=reference):
    """The one formula during warmup, the other one after it."""
    return lambda step, steps, warmup, peak: (rise if step < warmup else fall)(step, steps, warmup, peak)


def cosine_of(angle):
    return schedule(fall=lambda step, steps, warmup, peak: peak * (1 + math.cos(angle(step, steps, warmup))) / 2)


def share(step, steps, warmup):
    return (step - warmup) / (steps - warmup)


def examine(warmup_cosine):
    return values(
        warmup_cosine,
        reference,
        (0, 100, 20, 0.1),
        (19, 100, 20, 0.1),
        (7, 90, 10, 0.3),
        (20, 100, 20, 0.1),
        (60, 100, 20, 0.1),
        (81, 100, 30, 0.2),
        (99, 100, 20, 0.1),
        (0, 50, 0, 0.1),
        (33, 50, 0, 0.4),
        mistakes=(
            Mistake(
                "warmup begins with 0",
                schedule(rise=lambda step, steps, warmup, peak: peak * step / warmup),
                "What is the learning rate of step 0? A step with 0 would be wasted.",
            ),
            Mistake(
                "warmup not counted",
                cosine_of(lambda step, steps, warmup: math.pi * step / steps),
                "Where does the way down begin, at step 0 or after the warmup? There done is 0.",
            ),
            Mistake(
                "the way down too long",
                cosine_of(lambda step, steps, warmup: math.pi * (step - warmup) / steps),
                "How many steps are there for the way down, if the warmup takes some of them?",
            ),
            Mistake(
                "pi missing",
                cosine_of(lambda step, steps, warmup: share(step, steps, warmup)),
                "The cosine goes from 1 to -1 while its angle goes from 0 to what?",
            ),
            Mistake(
                "a whole cosine",
                cosine_of(lambda step, steps, warmup: 2 * math.pi * share(step, steps, warmup)),
                "Down and up again? Half a cosine goes from 0 to pi.",
            ),
            Mistake(
                "half missing",
                schedule(fall=lambda *a: 2 * reference(*a)),
                "How large is 1 + cos(0), and how large shall lr be at the top?",
            ),
            Mistake(
                "a straight way down",
                schedule(fall=lambda step, steps, warmup, peak: peak * (1 - share(step, steps, warmup))),
                "This goes down along a line. Where is the cosine?",
            ),
            Mistake(
                "the smaller of both formulas",
                lambda step, steps, warmup, peak: min(peak * (step + 1) / warmup, falling(step, steps, warmup, peak)),
                "Only one of the two formulas holds for a step, and `if` says which: nothing is compared.",
            ),
            Mistake(
                "1 + missing",
                schedule(fall=lambda step, steps, warmup, peak: peak * math.cos(math.pi * share(step, steps, warmup)) / 2),
                "A cosine goes from 1 to -1. Can a learning rate be negative?",
            ),
        ),
    )


# %% [markdown] hint
# There are two formulas, and the `if` says which is for when. At which step is `done` 0, and at which would it be 1?

# %% [markdown] hint
# While the warmup lasts: `peak * (step + 1) / warmup`. After it `done` is the number of steps since the end of the warmup, divided by how many
# there are after the warmup.

# %% [markdown] hint
# `done = (step - warmup) / (steps - warmup)`, and then `return peak * (1 + np.cos(np.pi * done)) / 2`.

# %% [markdown] derivation
# Warmup: a line that has $\frac{1}{\text{warmup}}$ of the peak at step 0 and all of it at step warmup - 1: $\frac{\text{step} + 1}{\text{warmup}}$.
#
# The cosine of an angle from $0$ to $\pi$ goes from 1 to -1, level at both ends. Add 1: from 2 to 0. Halve it: from 1 to 0. Times the
# peak, that is the way down. The angle is $\pi$ times the share of the way that is done, and $\text{steps} - \text{warmup}$ steps are left
# for it after the warmup.


# %% solution
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * (1 + np.cos(np.pi * done)) / 2


# %% wrong: warmup begins with 0
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * step / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * (1 + np.cos(np.pi * done)) / 2


# %% wrong: warmup not counted
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = step / steps
    return peak * (1 + np.cos(np.pi * done)) / 2


# %% wrong: the way down too long
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / steps
    return peak * (1 + np.cos(np.pi * done)) / 2


# %% wrong: pi missing
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * (1 + np.cos(done)) / 2


# %% wrong: half missing
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * (1 + np.cos(np.pi * done))


# %% wrong: 1 + missing
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * np.cos(np.pi * done) / 2


# %% wrong: a straight way down
def warmup_cosine(step, steps, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return peak * (1 - done)


# %% wrong: the smaller of both formulas
def warmup_cosine(step, steps, warmup, peak):
    rising = peak * (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return min(rising, peak * (1 + np.cos(np.pi * done)) / 2)
