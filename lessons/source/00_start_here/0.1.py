# %% [markdown]
# # The answers

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def reference(scores):
    answers = []
    for row in scores:
        best = 0
        for k in range(len(row)):
            if row[k] > row[best]:
                best = k
        answers.append(best)
    return np.array(answers)


def examine(answers_from):
    rng = np.random.default_rng(0)
    small = np.array([[0.1, 2.0, -1.0], [4.0, 0.5, 3.0], [-2.0, 0.0, 0.3]])
    return values(
        answers_from,
        reference,
        (small,),
        (rng.standard_normal((6, 10)),),
        (-1 - rng.random((5, 5)),),
        mistakes=(
            Mistake(
                "the score instead of its place",
                lambda scores: scores.max(axis=1),
                "Which digit is it: the largest number, or the column where that stands?",
            ),
            Mistake(
                "the smallest score",
                lambda scores: scores.argmin(axis=1),
                "Which score is that of the digit the network believes in: the smallest or the largest?",
            ),
            Mistake(
                "along the wrong axis",
                lambda scores: scores.argmax(axis=0),
                "You get an answer for each digit, but want one for each picture. Which axis is which?",
            ),
            Mistake(
                "one answer for all",
                np.argmax,
                "You get one number. Along which axis is to be looked?",
            ),
            Mistake(
                "counted from 1",
                lambda scores: scores.argmax(axis=1) + 1,
                "Which number has the first column?",
            ),
        ),
    )


# %% [markdown] hint
# Just before the exercise stand two functions of NumPy. Which of the two gives the column, and not the score?

# %% [markdown] hint
# `argmax` says where the largest number stands. Call it on `scores`, and tell it to look along each row.

# %% [markdown] hint
# `scores.argmax(axis=...)`, with the number that means "along each row" in the example above.

# %% [markdown] derivation
# `scores` has the shape (N, K). Axis 0 counts the pictures and axis 1 the classes. We look for the largest among the classes of one
# picture, that is along axis 1; this axis disappears, and (N,) is left: one column number for each picture.


# %% solution
def answers_from(scores):
    return scores.argmax(axis=1)


# %% wrong: the score instead of its place
def answers_from(scores):
    return scores.max(axis=1)


# %% wrong: along the wrong axis
def answers_from(scores):
    return scores.argmax(axis=0)


# %% wrong: one answer for all
def answers_from(scores):
    return scores.argmax()


# %% wrong: the smallest score
def answers_from(scores):
    return scores.argmin(axis=1)


# %% wrong: counted from 1
def answers_from(scores):
    return scores.argmax(axis=1) + 1
