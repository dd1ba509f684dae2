# %% [markdown]
# # Mend the training

# %% check
import numpy as np

from scratchnet_lessons.exercises import Comparison, Mistake, attempt, values


def one_step(take_step):
    """The step as a function that returns what has become of the arrays."""

    def stepped(params, grads, lr):
        params = {name: array.copy() for name, array in params.items()}
        take_step(params, grads, lr)
        return tuple(params.values())

    return stepped


def downhill(params, grads, lr):
    for name in params:
        params[name][...] = params[name] - lr * grads[name]


def with_change(change):
    def step(params, grads, lr):
        for name in params:
            params[name] += change(params[name], grads[name], lr)

    return one_step(step)


def look_at_split(split):
    n, size = 50, 15
    images, labels = np.arange(n, dtype=np.uint8)[:, None, None] + np.zeros((1, 2, 2), np.uint8), np.arange(n) // 5
    given, failed = attempt(split, images, labels, size, np.random.default_rng(0))
    if failed is not None:
        return failed

    def wrong(problem, name="", hint=""):
        return Comparison("split", f"{n} images, labels, val_size {size}", problem, name, hint)

    try:
        (train_images, train_labels), (val_images, val_labels) = given
        train, val = (np.asarray(part)[:, 0, 0].astype(int) for part in (train_images, val_images))
    except (TypeError, ValueError, IndexError):
        return wrong("it must return two pairs of images and labels", hint="Leave the return line as it is.")
    for which, its_labels in ((train, train_labels), (val, val_labels)):
        if not np.array_equal(which // 5, its_labels):
            return wrong(
                "images and labels do not belong together", "images and labels apart", "Index both with the same numbers."
            )
    both = set(train) & set(val)
    if both:
        return wrong(
            f"{len(both)} images are in both parts",
            "leakage",
            "Which part of order is val's, and which part is left for train?",
        )
    if len(val) == n - size:
        return wrong(
            f"{len(val)} images are for validation, wanted {size}", "parts exchanged", "val_size is the size of which part?"
        )
    if len(val) != size:
        return wrong(f"{len(val)} images are for validation, wanted {size}", "wrong size")
    if len(train) != n - size:
        missing = n - size - len(train)
        return wrong(
            f"{missing} images are in neither part", "images lost", "Where does val end, and where does train begin?"
        )
    if np.array_equal(np.sort(val), val) and np.ptp(val) == size - 1:
        return wrong("the validation images are neighbours", "not in random order", "Take the numbers from order.")
    return Comparison("split", calls=1)


def examine(take_step, split):
    rng = np.random.default_rng(0)
    params = {"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    grads = {"w": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    stepped = one_step(take_step)
    stepped.__name__ = "take_step"
    return [
        values(
            stepped,
            one_step(downhill),
            (params, grads, 0.1),
            (params, grads, 2.0),
            mistakes=(
                Mistake("uphill", with_change(lambda w, g, lr: lr * g), "The gradient points to where the loss grows."),
                Mistake(
                    "learning rate missing", with_change(lambda w, g, lr: -g), "Which argument does your function not use?"
                ),
                Mistake(
                    "divided by the learning rate",
                    with_change(lambda w, g, lr: -g / lr),
                    "Is a step to be longer or shorter if lr is small?",
                ),
                Mistake(
                    "the array for its gradient",
                    with_change(lambda w, g, lr: -lr * w),
                    "Down the slope of the loss: where does that stand?",
                ),
                Mistake(
                    "only the sign of the gradient",
                    with_change(lambda w, g, lr: -lr * np.sign(g)),
                    "A steep slope makes a long step.",
                ),
                Mistake(
                    "the new array for the step",
                    with_change(lambda w, g, lr: w - lr * g),
                    "`array += step` adds the array already. What is only the step?",
                ),
            ),
        ),
        look_at_split(split),
    ]


# %% [markdown] hint
# take_step: the gradient points uphill; which sign has a step downhill? split: `order` holds each number once. Which of them are for validation, and which are left?

# %% [markdown] hint
# The step is minus lr times the gradient of that name. `order[:k]` are the first k numbers, `order[k:]` are all others.

# %% [markdown] hint
# `step = -lr * grads[name]`. `val = order[:val_size]`, and train gets what is left of `order`.

# %% [markdown] derivation
# The gradient is the direction in which the loss grows, so $w \leftarrow w - \text{lr} \cdot g$.
#
# `order` holds every number from 0 to N - 1 once. Its first `val_size` numbers and the rest have none in common, and together they are all: so each image is in one part. The
# sick split trained on all of `order`, validation images included.


# %% solution
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: uphill
def take_step(params, grads, lr):
    for name, array in params.items():
        step = lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: learning rate missing
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: leakage
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: leakage
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = rng.permutation(len(images))[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: images lost
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size + 1 :]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: parts exchanged
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[val_size:]
    train = order[:val_size]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: the new array for the step
def take_step(params, grads, lr):
    for name, array in params.items():
        step = array - lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: not in random order
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = np.arange(val_size)
    train = np.arange(val_size, len(images))
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: leakage
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * grads[name]
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[:-val_size]
    return (images[train], labels[train]), (images[val], labels[val])


# %% wrong: the array for its gradient
def take_step(params, grads, lr):
    for name, array in params.items():
        step = -lr * array
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = order[:val_size]
    train = order[val_size:]
    return (images[train], labels[train]), (images[val], labels[val])
