# %% [markdown]
# # Name the symptom

# %% check
from scratchnet_lessons.exercises import Comparison, attempt
from scratchnet_lessons.tools.patients import ward

# What to look at, by patient; it does not give the name away.
QUESTIONS = {
    1: "Its first loss is as it should be. Does the curve fall at all in 500 steps, if ever so little? What decides how fast?",
    2: "Follow its first three losses: each is larger than the one before, step by step, from a good start. Which way does it go?",
    3: "Its loss is nearly 0 after two steps, jumps up, and falls again. Which images are in a batch on which one is so good, so soon?",
    4: "Look at its loss before the first step: no step has been taken yet, so no step can be the reason. What is too large?",
    5: "Compare its two accuracies with those of the healthy one. On which images is nobody ever so good?",
    6: "Its first loss is ln 10 to the last digit, so all ten scores are equal. Which weights do that?",
    7: "It does learn, but below which number does its loss never get? That number is computed above.",
    8: "It learns some of its training images, and is no better than chance on others. Is there anything in them to be learned?",
    9: "Its loss before the first step is good; after one single step it is far worse. What is wrong with the step?",
    10: "It learns quite well, and a little worse than the healthy one. Which name is left?",
}


def examine(names):
    right = [patient.bug for patient in ward()]
    given, failed = attempt(names)
    if failed is not None:
        if "NameError" in failed.problem:
            failed.hint = 'A name is a text, in quotation marks: "leakage".'
        return failed
    if not isinstance(given, list | tuple) or len(given) != len(right):
        return Comparison("names", problem=f"wanted a list of {len(right)} names", hint="Leave the return line as it is.")
    unknown = [name for name in given if name not in right]
    if unknown:
        return Comparison("names", problem=f"{unknown[0]!r} is none of the ten names", hint="Copy it from the table.")
    wrong = [number for number, (mine, name) in enumerate(zip(given, right, strict=True), 1) if mine != name]
    if wrong:
        number = wrong[0]
        said = f"{len(right) - len(wrong)} of {len(right)} are right; patient {number} does not have {given[number - 1]}"
        twice = [name for name in right if list(given).count(name) > 1]
        if twice:
            said += f" ({twice[0]} stands there more than once)"
        return Comparison("names", problem=said, name="another disease", hint=QUESTIONS[number])
    return Comparison("names", calls=1)


# %% [markdown] hint
# Which patients have a first loss that is not about 2.3? Which one has a better validation accuracy than the healthy one? Begin with those.

# %% [markdown] hint
# Before the first step only data and network count, not steps: a first loss of 30 or more, or one of exactly ln 10, comes from these. Compare then the *second*
# loss with the first one: a small step up, or a jump? Then look at the last column: too good, or by chance although training was better? And at the curves' forms: a saw, a floor.

# %% [markdown] hint
# 4 starts far too high: its inputs. 6 starts at exactly ln 10 and stays: its weights. 9 jumps at its first step, 2 climbs step by step. 5 is as good at validation
# images as at training images, 8 is at chance there. 3 is a saw, 7 stays above 1.46, 1 hardly falls. Which one is left?

# %% [markdown] derivation
# | patient | what one sees | so it is |
# |---|---|---|
# | 1 | falls by a tenth in 500 steps: the right way, and hardly | `lr-too-small` |
# | 2 | each loss is larger than the last | `uphill-steps` |
# | 3 | falls to 0 and jumps up, again and again: at each new class it forgets the last | `labels-sorted` |
# | 4 | above 30 before the first step | `inputs-unscaled` |
# | 5 | validation as good as training, and better than the healthy one | `leakage` |
# | 6 | exactly ln 10: equal scores; and no change | `equal-units` |
# | 7 | learns, but stays above 1.46 | `double-softmax` |
# | 8 | training images slowly learned by heart, validation by chance | `labels-uninformative` |
# | 9 | good before the first step, far worse after it | `lr-too-large` |
# | 10 | learns, a little worse | `wrong-gradient` |


# %% solution
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "leakage"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "lr-too-large"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: loss before the first step
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "lr-too-large"
    patient_5 = "leakage"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "inputs-unscaled"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: ln 10 to the last digit
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "leakage"
    patient_6 = "labels-uninformative"
    patient_7 = "double-softmax"
    patient_8 = "equal-units"
    patient_9 = "lr-too-large"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: step by step, from a good start
def names():
    patient_1 = "lr-too-small"
    patient_2 = "lr-too-large"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "leakage"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "uphill-steps"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: stands there more than once
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "leakage"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "lr-too-large"
    patient_10 = "lr-too-small"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: is none of the ten names
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "overfitting"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "lr-too-large"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: in quotation marks
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = leakage
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "lr-too-large"
    patient_10 = "wrong-gradient"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]


# %% wrong: On which images is nobody ever so good
def names():
    patient_1 = "lr-too-small"
    patient_2 = "uphill-steps"
    patient_3 = "labels-sorted"
    patient_4 = "inputs-unscaled"
    patient_5 = "wrong-gradient"
    patient_6 = "equal-units"
    patient_7 = "double-softmax"
    patient_8 = "labels-uninformative"
    patient_9 = "lr-too-large"
    patient_10 = "leakage"
    return [
        patient_1,
        patient_2,
        patient_3,
        patient_4,
        patient_5,
        patient_6,
        patient_7,
        patient_8,
        patient_9,
        patient_10,
    ]
