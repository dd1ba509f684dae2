# %% [markdown]
# # Lesson 12: Debugging a network
#
# **The idea.** A wrong network seldom raises an error: it just learns badly, or not at all, or seems to learn too well. So you look at
# its *symptoms*, ask what could cause them, and then measure. Ten trainings are sick here, each with one mistake. You name what
# ails them, and mend six.
#
# **You need** the training loop from [lesson 7](07_training.ipynb) and the ReLU from [lesson 5](05_dense_and_relu.ipynb).
#
# **Time** about 60 minutes.
#
# **Afterwards you can** tell from a few numbers where to look, let the doctor check the rest, and avoid six mistakes that everybody
# makes once.

# %%
import numpy as np

from scratchnet import viz
from scratchnet_lessons import check, digits, effort, gradient_check, hint, learner, panels, solution, style, whose_code
from scratchnet_lessons.tools.patients import Patient, ward

# %% [markdown]
# ## What health looks like
#
# First a training that is all right. 2000 digits, 400 of which are kept aside for validation; three dense layers with ReLUs between
# them (784 → 32 → 32 → 10), softmax cross-entropy, batches of 50, and plain steps downhill with a learning rate of 0.1.
#
# Three numbers are known **before** you start, and you should know them by heart:
#
# | | | why |
# |---|---|---|
# | first loss | about $\ln 10 = 2.303$ | a fresh network knows nothing: each of 10 classes gets the probability $\frac1{10}$, and $-\ln \frac1{10} = \ln 10$ |
# | accuracy by chance | about 10 % | one guess in ten |
# | best possible loss | 0 | the right class gets the probability 1 |
#
# With 1000 classes the first loss would be $\ln 1000 = 6.9$. A first loss of 30 says: *something is wrong already, and it is not the
# training*.

# %%
images, labels, source = digits("train", 2000)
steps = effort(500, fast=20)
healthy = Patient(0, "none").train(images, labels, steps)
print(f"first loss {healthy.losses[0]:.2f}, last {np.mean(healthy.losses[-10:]):.2f}")
print(f"right: {healthy.train_accuracy:.0%} of the training images, {healthy.val_accuracy:.0%} of the validation images")

# %% [markdown]
# That is what it should look like. It is better at images that it was trained on than at others, because part of what it knows it knows
# by heart. So the figures of the *validation* images are those that count.
#
# ## The ward
#
# Ten patients. Each has the same network and the same 500 steps, with **one** mistake in it somewhere: in the data, in the network, or
# in the training. (They lie in `scratchnet_lessons/tools/patients.py`. Don't look yet.)

# %%
patients = ward()
histories = {patient.number: patient.train(images, labels, steps) for patient in patients}
with style():
    figure, axes = panels(2, 5, size=(12, 5.4), sharex=True)
    for (number, history), ax in zip(histories.items(), axes.ravel(), strict=True):
        ax.plot(np.clip(history.losses, 0, 4), color=viz.BLUE, linewidth=1)
        ax.axhline(np.log(10), color="grey", linestyle=":", linewidth=1.5)
        ax.set(ylim=(-0.1, 4.15), title=f"patient {number}")
    for ax in axes[1]:
        ax.set_xlabel("step")
    for ax in axes[:, 0]:
        ax.set_ylabel("loss, cut off at 4")
figure

# %% [markdown]
# The dotted line is $\ln 10$. And some numbers:

# %%
print("patient   loss before step 1,       2,       3    at the end   training   validation")
for number, history in histories.items():
    a, b, c = (f"{value:8.4g}" for value in history.losses[:3])
    last = np.mean(history.losses[-10:])
    print(
        f"{number:4d}                {a} {b} {c}      {last:8.4g} {history.train_accuracy:9.0%} {history.val_accuracy:11.0%}"
    )

# %%
with style():
    figure, ax = panels(size=(9, 3))
    ax.plot(np.clip(histories[3].losses[:70], 0, 8), marker="o", markersize=4, label="patient 3")
    ax.plot(healthy.losses[:70], "--", color="black", linewidth=1.5, label="healthy")
    ax.set(xlabel="step", ylabel="loss, cut off at 8", title="Patient 3 from near: the first 70 steps")
    ax.legend(frameon=False)
figure

# %% [markdown]
# `nan`, "not a number", is what comes of infinity minus infinity: the numbers have run out of range.
#
# ## Ten diseases
#
# | name | what is wrong | think about |
# |---|---|---|
# | `inputs-unscaled` | pixels go in as 0 to 255 instead of 0 to 1 | how large are the scores of a fresh network, then? |
# | `labels-uninformative` | images and labels do not belong together | what can be learned, what only by heart? |
# | `labels-sorted` | the images come class by class: all zeros, then all ones, ... | what does a step forget? |
# | `leakage` | validation images are among the training images | what does validation measure then? |
# | `equal-units` | all weights start at the same value | what are the first scores? can the units ever become different? |
# | `double-softmax` | the network ends in a softmax, and the loss applies another | scores are then between 0 and 1 |
# | `wrong-gradient` | backward is wrong somewhere | such a network often learns, only worse |
# | `uphill-steps` | the steps have the wrong sign | what happens to the loss, step by step? |
# | `lr-too-large` | the learning rate is far too large | the first loss knows nothing of the learning rate; the second does |
# | `lr-too-small` | the learning rate is far too small | does it fall at all? |
#
# One number of the table can be computed. With a second softmax the best possible scores are 1 for the right class and 0 for the nine
# others. The loss then is
#
# $$-\ln \frac{e^1}{e^1 + 9 e^0} = \ln\left(e + 9\right) - 1 = 1.46$$
#
# and less it can never be, however long it trains.
#
# ## Exercise 12.1: name the symptom
#
# Each name belongs to one patient. Begin with those that you are sure of; what is left falls into place.
#
# | | |
# |---|---|
# | takes | nothing |
# | returns | the ten names, in the order of the patients, such as `patient_1 = "leakage"` |


# %% tags=["exercise-12.1"]
def names():
    patient_1 = ...
    patient_2 = ...
    patient_3 = ...
    patient_4 = ...
    patient_5 = ...
    patient_6 = ...
    patient_7 = ...
    patient_8 = ...
    patient_9 = ...
    patient_10 = ...
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


# %%
check("12.1", names)

# %%
names_here = learner("12.1", names)

# %% [markdown]
# ## The doctor
#
# What you did by eye, `doctor` does with numbers: it looks at the data, at one pass through the network, measures slopes, and trains
# copies for a few steps. It takes a model and the data as you would train with them:
#
# ```python
# doctor(model, images, labels, val=(val_images, val_labels), prepare=prepare, optimizer=optimizer)
# ```
#
# Here is what it says of patient 10, whose curve looked harmless:

# %%
patients[9].examine(images, labels)

# %% [markdown]
# It measured how fast the loss really changes along each gradient, and found that some gradients claim something else. Now all ten.
# It may find more than one thing, because one mistake has many consequences; the first is the one to begin with.

# %%
for patient, name in zip(patients[: effort(10, fast=2)], names_here(), strict=False):
    found = dict.fromkeys(patient.examine(images, labels).names)
    print(f"patient {patient.number:2d}: {name:21s} the doctor finds {', '.join(found)}")

# %% [markdown]
# ## Two mistakes in the data
#
# **Patient 4** prepares its images like this:
#
# ```python
# def prepare_digits(images):                          # (N, 28, 28), uint8
#     return images[:, None].astype(np.float32)        # (N, 1, 28, 28)
# ```
#
# **Patient 8** shuffles before the split, as one should:
#
# ```python
# def shuffled(images, labels, rng):
#     images = images[rng.permutation(len(images))]
#     labels = labels[rng.permutation(len(labels))]
#     return images, labels
# ```
#
# `rng.permutation(n)` returns the numbers 0 to n - 1 in random order. It returns *another* order each time it is called.
#
# ## Exercise 12.2: mend the data
#
# | | |
# |---|---|
# | `prepare_digits` | takes `images` (N, H, W), bytes from 0 to 255; returns float32 numbers (N, 1, H, W) from 0 to 1 |
# | `shuffled` | takes `images` (N, H, W), `labels` (N,) and `rng`; returns both in a random order in which each image keeps its label |


# %% tags=["exercise-12.2"]
def prepare_digits(images):
    x = ...
    return x


def shuffled(images, labels, rng):
    images = ...
    labels = ...
    return images, labels


# %%
check("12.2", prepare_digits, shuffled)

# %%
prepare_here, shuffled_here = learner("12.2", (prepare_digits, shuffled))
mended = {4: patients[3].mended(prepare=prepare_here), 8: patients[7].mended(shuffled=shuffled_here)}


def visit(number):
    before, after = histories[number], mended[number].train(images, labels, steps)
    histories[number, "mended"] = after
    print(f"patient {number}: validation {before.val_accuracy:.0%} before, {after.val_accuracy:.0%} mended")


visit(4)
visit(8)

# %% [markdown]
# Why is 0 to 255 so bad? The gradient of a weight is multiplied by its input. Inputs 255 times as large make scores 255 times as large
# *and* gradients 255 times as large, so the learning rate is far too large as well. And patient 8 did learn: hundreds of wrong labels by heart. Only
# the validation images show that this is worth nothing.
#
# ## Two mistakes in the network
#
# **Patient 6** starts with `np.zeros((D, M))`. Then all hidden units compute the same, get the same gradient, and remain the same for
# ever: thirty-two units that are one. Here the gradient is even 0, since it is multiplied by the next layer's weights. Biases may start at
# 0, weights must be *different* from each other, so they are drawn at random. How large? The sum of D products should not grow with D. For
# numbers with the standard deviation $\sigma$, a sum of D of them has $\sigma \sqrt{D}$; and the ReLU throws half of them away. **He's rule**
# makes up for both:
#
# $$w_{dm} = \text{normal}_{dm} \cdot \sqrt{\frac2D} \qquad \text{where normal has mean 0 and standard deviation 1}$$
#
# **Patient 10** has its own ReLU:
#
# ```python
# def relu_forward(x):
#     global mask
#     mask = x > 0
#     return x * mask, None
#
# def relu_backward(dout, cache):
#     return dout * mask
# ```
#
# It passes a gradient check of one ReLU with one batch. But in the network there are *two* ReLUs, of the same shape, and forward runs through
# both before backward begins. Whose mask is it then? That is a **stale cache**. Everything that backward needs has to be returned by the
# forward that it belongs to.
#
# ## Exercise 12.3: mend the network
#
# | | |
# |---|---|
# | `first_weights` | takes `rng` and `shape`, which is (D, M); returns weights of that shape by He's rule, as float32. `rng.standard_normal(shape)` draws the normal numbers |
# | `relu_forward` | takes `x`, any shape; returns `out`, which is `x` where it is positive and 0 elsewhere, and a cache |
# | `relu_backward` | takes `dout` and that cache; returns `dx` |


# %% tags=["exercise-12.3"]
def first_weights(rng, shape):
    w = ...
    return w


def relu_forward(x):
    out = ...
    cache = ...
    return out, cache


def relu_backward(dout, cache):
    dx = ...
    return dx


# %%
check("12.3", first_weights, relu_forward, relu_backward)

# %%
weights_here, *relu_here = learner("12.3", (first_weights, relu_forward, relu_backward))
mended[6] = patients[5].mended(init=weights_here)
mended[10] = patients[9].mended(relu=tuple(relu_here))
visit(6)
visit(10)

# %% [markdown]
# Patient 10 gains least, and was the most dangerous of all: nothing in its curve says that something is wrong. That is why one *checks*
# gradients. The gradient check calls forward a second time between a forward and its backward, and so it sees whose values are used:

# %%
memory = {}


def forgetful_forward(x):
    memory["mask"] = x > 0
    return x * memory["mask"], None


def forgetful_backward(dout, cache):
    return dout * memory["mask"]


gradient_check((forgetful_forward, forgetful_backward), np.random.default_rng(0).standard_normal((3, 4)))

# %% [markdown]
# A near relative is the gradient that is **accumulated over calls**: an array of zeros that is made once, outside of backward, and
# added to at each call. The first step is right and all others are wrong. Both have the same cure: a function that keeps nothing.
#
# ## Two mistakes in the training
#
# **Patient 2** takes its steps like this:
#
# ```python
# def take_step(params, grads, lr):
#     for name, array in params.items():
#         array += lr * grads[name]
# ```
#
# `params` is a dict of arrays by name, which the model holds, and `grads` has the same names. The arrays themselves must change: `array -= ...`
# does that, while `array = array - ...` makes a new array that nobody else knows.
#
# **Patient 5** was the best of all on its validation images. Be most careful when it goes too well:
#
# ```python
# def split(images, labels, val_size, rng):
#     order = rng.permutation(len(images))
#     val = order[:val_size]
#     return (images[order], labels[order]), (images[val], labels[val])
# ```
#
# ## Exercise 12.4: mend the training
#
# | | |
# |---|---|
# | `take_step` | takes `params` and `grads`, dicts of arrays, and `lr`; changes the arrays of `params` in place by a step **down** the gradient; returns nothing |
# | `split` | takes `images`, `labels`, `val_size` and `rng`; returns two pairs: (training images, labels) and (validation images, labels), `val_size` of them. In random order, each image in one of the two, with its label |


# %% tags=["exercise-12.4"]
def take_step(params, grads, lr):
    for name, array in params.items():
        step = ...
        array += step


def split(images, labels, val_size, rng):
    order = rng.permutation(len(images))
    val = ...
    train = ...
    return (images[train], labels[train]), (images[val], labels[val])


# %%
check("12.4", take_step, split)

# %%
step_here, split_here = learner("12.4", (take_step, split))
mended[2] = patients[1].mended(step=step_here)
mended[5] = patients[4].mended(split=split_here)
visit(2)
visit(5)

# %% [markdown]
# Patient 5 has *lost* accuracy, and is healthy now: this is what it can do with digits that it has never seen.
#
# ## The other four
#
# Their cure is one setting each: another learning rate, a new order in each epoch, no softmax at the end.

# %%
mended |= {
    1: patients[0].mended(lr=0.1),
    9: patients[8].mended(lr=0.1),
    3: patients[2].mended(by_class=False),
    7: patients[6].mended(softmax_at_the_end=False),
}
for number in 1, 3, 7, 9:
    visit(number)

# %%
with style():
    figure, ax = panels(size=(10, 4.2))
    for k, number in enumerate(range(1, 11)):
        before, after = histories[number].val_accuracy, histories[number, "mended"].val_accuracy
        ax.plot([before, after], [k, k], color="#999999", zorder=1)
        ax.scatter(before, k, marker="s", s=60, color=viz.VERMILLION, label="sick" if k == 0 else None, zorder=2)
        ax.scatter(after, k, marker="o", s=60, color=viz.BLUE, label="mended" if k == 0 else None, zorder=2)
    ax.axvline(healthy.val_accuracy, color="grey", linestyle=":", linewidth=1.5)
    ax.set(
        yticks=range(10),
        yticklabels=[f"{p.number}  {p.bug}" for p in patients],
        xlabel="validation images that are right",
        title="Before and after; dotted: the one that was never sick",
        xlim=(0, 1.03),
    )
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.legend(frameon=False, ncols=2, loc="center", bbox_to_anchor=(0.4, 0.545))  # in the row of patient 5
figure

# %% [markdown]
# ## A list for the wall
#
# When your own network does not learn, go through this in this order. Each question takes a minute and rules out half of what is left.
#
# 1. **Look at a batch as it enters the network.** Draw some images with their labels; print smallest, largest, mean, dtype.
# 2. **First loss.** Is it about $\ln K$? If not, look at the scale of inputs and weights, and for a softmax too many.
# 3. **Check the gradients**, of every layer that you wrote yourself, in float64.
# 4. **Learn one batch by heart.** 32 images, a hundred steps: the loss must come near 0. If it does not, it is no question of data.
# 5. **Learning rate.** Try it ten times larger and smaller. Is the step about a thousandth of the weights?
# 6. **Shuffle**, images and labels together, every epoch.
# 7. **Is it too good?** Look for images that are in both parts.
#
# `doctor` goes through this list, too. And change **one thing at a time**, or you will not know what it was.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Say what the first loss must be, and what it means if it is not.
# - Read a loss curve: too fast, too slow, sorted, by heart, too good.
# - Tell a stale cache from a good one, and why a network with a wrong gradient may learn all the same.
# - Go through a network with a list instead of guesses, and let the doctor do so.
#
# **Before** [lesson 11: max pooling and a CNN end to end](11_max_pooling_and_a_cnn.ipynb) · **Next** [lesson 13: BatchNorm, dropout,
# augmentation](13_batchnorm_dropout_augmentation.ipynb) · In the library: `scratchnet/inspection/`, or `scratchnet doctor` on the
# command line
#
# *Sources.* K. He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2 (the first weights). A. Karpathy, "A recipe for training
# neural networks", 2019 (the order of questions). E. Schoop, F. Huang and B. Hartmann, "UMLAUT: Debugging deep learning programs using
# program structure and model behavior", CHI 2021 (diagnoses in words help).
