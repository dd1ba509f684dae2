# %% [markdown]
# # Lesson 15: Looking inside
#
# **The idea.** A trained network is no closed box: you have all of its numbers. The same backward pass that trains it says which
# pixels an answer rests on, if it starts with another question. Three such questions, whose answers need not agree, and two
# looks at what the layers have learned.
#
# **You need** the backward pass of a network from [lesson 5](05_dense_and_relu.ipynb), and convolution and pooling from
# [lesson 11](11_max_pooling_and_a_cnn.ipynb).
#
# **Time** about 50 minutes.
#
# **Afterwards you can** draw saliency, Grad-CAM and occlusion maps of any network, say which question each of them answers, and
# look at features in the plane in which they spread most.

# %%
import numpy as np

from scratchnet import explain, viz
from scratchnet.engine import Engine
from scratchnet.layers import Conv2d, Dense, Flatten, MaxPool2d, ReLU, Sequential
from scratchnet.losses import SoftmaxCrossEntropy, softmax
from scratchnet.optim import Nesterov, one_cycle
from scratchnet.preprocess import prepare
from scratchnet.train import evaluate, steps_per_epoch, train_steps
from scratchnet_lessons import check, digits, effort, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## A network to look into
#
# Two convolutions and two dense layers, trained for a few seconds.

# %%
images, labels, source = digits("train", effort(4000, fast=400))
new_images, new_labels, _ = digits("test", 1000)


def untrained(seed):
    rng = np.random.default_rng(seed)
    return Sequential(
        Conv2d(1, 8, 5, pad=2, rng=rng),  # stage "0"
        MaxPool2d(2),
        ReLU(),  # stage "2": (8, 14, 14)
        Conv2d(8, 16, 3, pad=1, rng=rng),
        ReLU(),  # stage "4": (16, 14, 14), the last feature maps
        MaxPool2d(2),
        Flatten(),
        Dense(16 * 7 * 7, 32, rng=rng),
        ReLU(),  # stage "8": 32 features
        Dense(32, 10, rng=rng),
    )


model, epochs = untrained(0), effort(4, fast=1)
engine = Engine(model, SoftmaxCrossEntropy(), images, labels, prepare=prepare)
schedule = one_cycle(0.05, epochs * steps_per_epoch(len(images), 50))
for step in train_steps(engine, Nesterov(0.05), epochs=epochs, batch_size=50, schedule=schedule, seed=0):
    pass
print(f"{evaluate(engine, new_images, new_labels).accuracy:.1%} of 1000 new {source} digits are right")

# %% [markdown]
# Its **logits**, ten numbers for each image, are what softmax makes probabilities of. We call the logit of a class its *score*, and
# ask what this one number rests on. (Why not the probability? Where the network is sure it hardly moves any more; and it can rise
# because *other* scores fall.)
#
# ## Question 1: what if this pixel were a little brighter?
#
# That is a slope: the gradient of the score for the image, the **saliency**. In training we start the backward pass with the gradient
# of the *loss*. Now there is no loss; we want the gradient of *one logit*. By how much does the score of class $k$ grow, for each bit
# that logit $j$ grows? By 1 if it is this very logit, and by 0 if it is another one. So the backward pass starts with
#
# $$\text{dlogits}_{nj} = \begin{cases} 1 & \text{if } j = \text{labels}_n \\ 0 & \text{else} \end{cases}$$
#
# a row of zeros with a single 1, for each image. Then `model.backward(dlogits, cache)` as always; it returns `dx` and the gradients
# of the weights, and this time we throw the latter away and keep `dx`.
#
# By hand: a network of two pixels and one dense layer, with score $= 3 x_0 - 2 x_1$. Its saliency is $(3, -2)$, whatever the image: a
# brighter pixel 0 speaks for the class, a brighter pixel 1 against it. The sign matters, so keep it.
#
# ## Exercise 15.1: saliency
#
# | | |
# |---|---|
# | formula | $\text{out}_{nchw} = \partial\, \text{logits}_{n, \text{labels}_n} / \partial x_{nchw}$ |
# | takes | `model`; `x` (N, C, H, W); `labels`, N whole numbers: which class's score, for each image |
# | returns | an array like `x` |
# | missing | `dlogits` (N, K), of the type of `logits`; and the result |


# %% tags=["exercise-15.1"]
def saliency(model, x, labels):
    logits, cache = model.forward(x)
    dlogits = ...  # as many lines as you like
    gradient = ...
    return gradient


# %%
check("15.1", saliency)

# %%
saliency_here = learner("15.1", saliency)
x_new = prepare(new_images)
answers = model(x_new).argmax(axis=1)
chosen = [int(np.flatnonzero((new_labels == k) & (answers == k))[0]) for k in np.unique(answers[answers == new_labels])][:5]
saliencies = saliency_here(model, x_new[chosen], answers[chosen])
with style():
    figure, axes = panels(2, len(chosen), size=(11, 4.9), squeeze=False)
    for (top, bottom), n, gradient in zip(axes.T, chosen, saliencies, strict=True):
        top.imshow(new_images[n])
        top.set_title(f"said to be a {answers[n]}")
        top.set_axis_off()
        viz.saliency(new_images[n], gradient, ax=bottom)
figure

# %% [markdown]
# Orange: brighter here would speak for the answer; blue: against it; the line is the digit's outline. Such maps look like noise, and
# that is honest: a network's slope changes from pixel to pixel. There are strong colours *beside* the strokes as well, where there is no ink:
# there ink would make another digit of it.
#
# ## Question 2: what if this were not there?
#
# No gradient at all: **cover** a square of the image, and see by how much the score falls. Do that at every place.
#
# $$\text{out}_{ij} = \text{score}(\text{image}) - \text{score}(\text{image with the square at } (i, j) \text{ covered})$$
#
# Positive: what was covered speaks for the class. With a square of `size` rows and columns whose upper left corner is at $(i, j)$,
# $i$ runs from 0 to H − size, so there are H − size + 1 places downwards, and W − size + 1 across.
#
# By hand, a single row of three pixels $(5, 1, 2)$, $\text{score} = x_0 + 10\,x_1$, a square of one pixel, covered with 0: the score
# is 15; without pixel 0 it is 10, without pixel 1 it is 5, without pixel 2 still 15. So the map is $(5, 10, 0)$. Pixel 0 has more
# ink, pixel 1 counts for more.
#
# Each place needs a *fresh* copy of the image, or squares stay covered: `image.copy()`. And covered by what? By what blank paper
# is; after `prepare` that is not 0 but the image's smallest value. So it is an argument, `blank`.
#
# ## Exercise 15.2: occlusion
#
# | | |
# |---|---|
# | takes | `score`, a function that takes an image and returns a number; `image` (H, W); `size`; `blank`, what to cover with |
# | returns | `drops` (H − size + 1, W − size + 1) |
# | leave alone | `image`: it belongs to the caller |


# %% tags=["exercise-15.2"]
def occlusion(score, image, size, blank):
    h, w = image.shape
    drops = np.zeros((h - size + 1, w - size + 1))
    for i in range(h - size + 1):
        for j in range(w - size + 1):
            drop = ...  # as many lines as you like
            drops[i, j] = drop
    return drops


# %%
check("15.2", occlusion)

# %%
occlusion_here = learner("15.2", occlusion)
SIZE = 5


def drops_of(network, n, label):
    """The occlusion map of image n, as large as the image: each value at the middle of its square."""
    drops = occlusion_here(lambda image: float(network(image[None, None])[0, label]), x_new[n, 0], SIZE, x_new[n].min())
    return np.pad(drops, SIZE // 2)


with style():
    figure, axes = panels(1, len(chosen), size=(11, 2.7), squeeze=False)
    for ax, n in zip(axes[0], chosen[: effort(5, fast=1)], strict=False):
        viz.saliency(new_images[n], drops_of(model, n, answers[n]), ax=ax, title=f"as a {answers[n]}")
figure

# %% [markdown]
# Far smoother. Where the paper was blank already nothing falls: a square of blank paper on blank paper changes nothing. So this map can't
# show that a *gap* matters; saliency can. Two questions, two answers.
#
# ## Question 3: where does the last convolution see it?
#
# The last feature maps, here 16 maps of 14 × 14, still know *where*: the pixel $(i, j)$ of a map belongs to a small region of the image.
# Each map shows one thing, an edge or an end, wherever it is. Some of these things speak for the class, others against it.
# **Grad-CAM** adds the maps up, each with a weight that says how much the class wants more of it:
#
# - Take the gradient of the score for the maps, `dmaps`, of the maps' shape: the backward pass of exercise 15.1, stopped half way.
# - A map's **weight** is the *mean* of its gradient over all places: by how much does the score grow, if the map grows everywhere alike?
# - Add up, and keep what is positive: we want what speaks *for* the class.
#
# $$\text{weights}_{nf} = \frac{1}{\text{OH}\cdot\text{OW}} \sum_{i,j} \text{dmaps}_{nfij} \qquad
# \text{heat}_{nij} = \max\Big(0,\ \sum_f \text{weights}_{nf}\, \text{maps}_{nfij}\Big)$$
#
# By hand: two maps of one row and two columns, $(4, 0)$ and $(1, 2)$, with the gradients $(1, 3)$ and $(-2, -2)$. The weights are $2$ and
# $-2$. The sum is $2 \cdot 4 - 2 \cdot 1 = 6$ in the first place and $0 - 4 = -4$ in the second. So the heat is $(6, 0)$.
#
# On axes: `weights` is (N, F), `maps` is (N, F, OH, OW). `weights[:, :, None, None]` is (N, F, 1, 1) and multiplies each map by its
# weight; then axis 1, the maps, has to go.
#
# ## Exercise 15.3: the weights of Grad-CAM
#
# | | |
# |---|---|
# | formulas | weights and heat as above |
# | takes | `maps` and `dmaps`, both (N, F, OH, OW) |
# | returns | `weights` (N, F) and `heat` (N, OH, OW) |


# %% tags=["exercise-15.3"]
def grad_cam(maps, dmaps):
    weights = ...
    heat = ...
    return weights, heat


# %%
check("15.3", grad_cam)

# %%
grad_cam_here = learner("15.3", grad_cam)


def heat_of(network, n, label, stage="4"):
    """Grad-CAM of image n, as large as the image: each of the 14 × 14 places is a square of 2 × 2 pixels."""
    logits, cache = network.forward(x_new[n : n + 1])
    dlogits = np.eye(10, dtype=logits.dtype)[[label]]
    maps = next(ahead.out for ahead in network.stages(x_new[n : n + 1]) if ahead.name == stage)
    dmaps = next(back.dout for back in network.stages_back(dlogits, cache) if back.name == stage)
    _, heat = grad_cam_here(maps, dmaps)
    return np.kron(heat[0], np.ones((2, 2)))


with style():
    figure, axes = panels(1, len(chosen), size=(11, 2.7), squeeze=False)
    for ax, n in zip(axes[0], chosen, strict=True):
        viz.grad_cam(new_images[n], heat_of(model, n, answers[n]), ax=ax, title=f"as a {answers[n]}")
figure

# %% [markdown]
# Dark: here the last maps see what speaks for the answer; the digit lies over it. Coarse, but it differs from class to class, and that
# makes it useful where the network hesitates.
#
# ## One digit, two classes
#
# A digit about which the network is least sure, and the two classes that it hesitates between. What speaks for either?

# %%
probs = softmax(model(x_new))
second, first = np.sort(probs, axis=1)[:, -2:].T
doubtful = int((first - second).argmin())
pair = np.argsort(probs[doubtful])[[-1, -2]]
with style():
    figure, axes = panels(2, 4, size=(11, 5.6))
    for row, label in zip(axes, pair, strict=True):
        row[0].imshow(new_images[doubtful])
        row[0].set_title(f"{label}, says {probs[doubtful, label]:.0%}")
        row[0].set_axis_off()
        gradient = saliency_here(model, x_new[doubtful : doubtful + 1], np.array([label]))[0]
        viz.saliency(new_images[doubtful], gradient, ax=row[1], title="saliency")
        viz.saliency(new_images[doubtful], drops_of(model, doubtful, label), ax=row[2], title="occlusion")
        viz.grad_cam(new_images[doubtful], heat_of(model, doubtful, label), ax=row[3], title="Grad-CAM")
figure

# %% [markdown]
# ## Can such a map deceive?
#
# Here is the same digit in a network that has **learned nothing**: all its weights are random.

# %%
nobody = untrained(1)
n = chosen[-1]
with style():
    figure, axes = panels(2, 4, size=(11, 5.6))
    for row, (name, network) in zip(axes, (("trained", model), ("random", nobody)), strict=True):
        label = int(answers[n])
        row[0].imshow(new_images[n])
        row[0].set_title(f"{name}: as a {label}")
        row[0].set_axis_off()
        viz.saliency(
            new_images[n], saliency_here(network, x_new[n : n + 1], np.array([label]))[0], ax=row[1], title="saliency"
        )
        viz.saliency(new_images[n], drops_of(network, n, label), ax=row[2], title="occlusion")
        viz.grad_cam(new_images[n], heat_of(network, n, label), ax=row[3], title="Grad-CAM")
figure

# %% [markdown]
# Below, too, occlusion and Grad-CAM follow the strokes. No wonder: where there is no ink there is little to lose and little to see. So
# that a map follows the strokes proves nothing about what the network knows. Compare with a network that knows nothing, or with another
# class, before you believe what a map seems to say.
#
# ## Filters
#
# What has the first convolution learned? Its weights are small pictures themselves, one for each filter: blue is negative, orange
# positive.

# %%
viz.filters(model.params["0.w"], title="The eight filters of the first convolution")

# %% [markdown]
# A filter answers most strongly to what looks like itself: one with an orange upper half and a blue lower half answers to the lower border
# of a stroke. After so short a training some still look much like the random numbers that they started from. It is
# easier to see what a filter does in its map, and for deeper ones, which see maps and not pixels, it is the only way:

# %%
viz.feature_maps(Sequential(*model.layers[:5]), x_new[chosen[-1] : chosen[-1] + 1])

# %% [markdown]
# ## The space of features
#
# The last dense layer takes 32 numbers, the **features** of an image, and computes ten weighted sums. That can only work if digits
# of one kind lie together there, and kinds apart. Do they? 32 dimensions can't be drawn, nor 784 pixels. **PCA** (principal component analysis) finds
# the plane in which the points spread most:
#
# 1. Subtract the mean of all points: `centred` (N, D).
# 2. The first direction is the unit vector $v$ (D,) along which the points spread most, with the largest $\sum_n (\text{centred}_n \cdot v)^2$; the
#    second the best one at a right angle to it.
# 3. Both stand in the singular value decomposition, $\text{centred} = U S V^T$: they are the first two rows of $V^T$, in NumPy
#    `np.linalg.svd(centred)[2][:2]`.
# 4. A point's coordinates are its products with the two directions.
#
# First the pixels themselves, then the features.

# %%
some = slice(0, effort(500, fast=100))
pixels = x_new[some].reshape(-1, 784)
centred = pixels - pixels.mean(axis=0)
directions = np.linalg.svd(centred, full_matrices=False)[2][:2]  # (2, 784)
coordinates = np.abs(centred @ directions.T)  # a direction's sign is free
print("as explain.pca:", np.allclose(coordinates, np.abs(explain.pca(pixels).project(pixels)), atol=1e-2))
with style():
    figure, (left, right) = panels(1, 2, size=(12, 5.6))
    viz.pca(pixels, new_labels[some], ax=left, title="pixels")
    viz.pca(explain.features(model, x_new[some]), new_labels[some], ax=right, title="features")
figure

# %% [markdown]
# On the right the kinds lie further apart: that is what all the layers in front of the last one are for. A plane may deceive; so a
# number besides, from all dimensions. The spread of all points about their mean has two parts: that of the kinds' own means, and that of the
# points about the mean of their kind. What share has the first?

# %%
for name, points in ("pixels", pixels), ("features", explain.features(model, x_new[some])):
    middles = np.stack([points[new_labels[some] == k].mean(axis=0) for k in new_labels[some]])  # each point's kind's mean
    share = ((middles - points.mean(axis=0)) ** 2).sum() / ((points - points.mean(axis=0)) ** 2).sum()
    print(f"{name:9s} {share:.0%} of the spread is between the kinds")

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Start a backward pass with any question that is one number, and take it down to the image, or stop half way.
# - Say what saliency (a little brighter), occlusion (not there) and Grad-CAM (where the maps see it) each tell, and what not.
# - Distrust a map until you have seen that of a network that knows nothing.
# - Draw many dimensions in the plane where they spread most.
#
# **Before** [lesson 14: ResNet](14_resnet.ipynb) · **Next** [lesson 16: fast](16_fast.ipynb) · In the library:
# `scratchnet/explain/`, with integrated gradients besides; `scratchnet explain picture.png -o why.png` does it for a picture of yours
#
# *Sources.* K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks", ICLR workshop 2014 (saliency). M. Zeiler
# and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014 (occlusion). R. Selvaraju et al., "Grad-CAM", ICCV
# 2017. J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. K. Pearson, "On lines and planes of closest fit", 1901 (PCA).
