# %% [markdown]
# # Lesson 0: Start here
#
# **The idea.** A trained neural network is a function: numbers go in, numbers come out. In this lesson one reads a digit that
# you draw. In the sixteen that follow you will build such a network yourself, from a single neuron on, until nothing in it
# is a mystery.
#
# **You need** a little Python: functions, lists, loops. Arrays of NumPy help; what is needed of them is explained where it
# is needed.
#
# **Time** about 25 minutes.
#
# **Afterwards you can** run a lesson, have an exercise checked, ask for hints, and say what goes into the network and what
# comes out.
#
# ## How to run this page
#
# This page is a **notebook**: text, and cells with code. Click into a cell and press **Shift + Enter**: it runs, and the
# next one is selected. Run the cells from top to bottom. What a cell has defined the later ones know. If all is in a muddle,
# choose *Kernel → Restart* and begin at the top; nothing that you have typed is lost.
#
# Cells that draw a picture can be long. You need not read them; the text says what is in the picture.

# %%
from importlib.resources import files

import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.losses import softmax
from scratchnet.picture import digit_from_picture
from scratchnet.preprocess import prepare
from scratchnet.serialize import load_model
from scratchnet_lessons import check, digits, frames, hint, learner, panels, solution, style, whose_code

network = load_model(files("scratchnet") / "weights" / "cnn.npz").model

# %% [markdown]
# ## Draw a digit
#
# Here is a digit, drawn with `#` on a grid of points. It is a text that you can change. Run the two cells once as they are.
# Then draw a digit of your own and run them again. (The spaces are there for your eyes only; the grid may be larger.)

# %%
drawing = """
. . . . . . . . . . . .
. . . # # # # # . . . .
. . # # . . . # # . . .
. . . . . . . # # . . .
. . . . . . . # . . . .
. . . . . # # # . . . .
. . . . . . . # # . . .
. . . . . . . . # . . .
. # # . . . . # # . . .
. . # # # # # # . . . .
. . . . . . . . . . . .
"""
photo = ""  # or a picture of a digit in this folder, "seven.jpg" for example: dark on light paper

# %%
if photo:
    from PIL import Image

    picture = np.asarray(Image.open(photo).convert("RGB"))
else:
    rows = [row.replace(" ", "") for row in drawing.strip().splitlines()]
    width = max(len(row) for row in rows)
    ink = np.array([[point == "#" for point in row.ljust(width, ".")] for row in rows])
    picture = np.where(ink, 0, 255).astype(np.uint8)  # 0 is black, 255 is white

image = digit_from_picture(picture)  # (28, 28), light on black, in the middle: as the network knows digits
probs = softmax(network(prepare(image[None])))[0]  # image[None] is a batch of one picture, (1, 28, 28)

with style():
    figure, axes = panels(1, 3, size=(11, 3.8), width_ratios=[1, 1, 1.4])
    axes[0].imshow(picture)
    axes[0].set_title("what you drew")
    axes[0].set_axis_off()
    viz.probabilities(image, probs, axes=tuple(axes[1:]))
    axes[1].set_title(f"what it sees; it reads a {probs.argmax()}")
figure

# %% [markdown]
# The network has never seen this drawing. It was trained on 55 000 digits that other people wrote by hand, the data set
# **MNIST**. The bars say how sure it is: ten probabilities, one for each digit, which sum to 1.
#
# ## What goes in: numbers
#
# For a computer a picture is a table of numbers. This one has 28 rows and 28 columns, 784 numbers from 0 (black) to 255
# (white). NumPy calls such a table an **array** of **shape** `(28, 28)`.

# %%
print("shape", image.shape, " smallest", image.min(), " largest", image.max())
top, left = 4, 12
part = image[top : top + 8, left : left + 12]  # rows 4 to 11, columns 12 to 23
with style():
    figure, (whole, corner) = panels(1, 2, size=(11, 4.2), width_ratios=[1, 1.7])
    whole.imshow(image, vmin=0, vmax=255)
    whole.add_patch(Rectangle((left - 0.5, top - 0.5), 12, 8, fill=False, edgecolor=viz.ORANGE, linewidth=2))
    whole.set(title="28 x 28 numbers", xlabel="column", ylabel="row")
    corner.imshow(part, vmin=0, vmax=255, extent=(left - 0.5, left + 11.5, top + 7.5, top - 0.5))
    for (row, column), value in np.ndenumerate(part):
        colour = "black" if value > 127 else "white"
        corner.text(left + column, top + row, str(value), ha="center", va="center", color=colour, fontsize=11)
    corner.set(title="the part in the frame", xlabel="column", ylabel="row")
figure

# %% [markdown]
# ## What comes out: ten scores
#
# Between the 784 numbers and the answer lie nine steps, the network's **layers**. Each makes new numbers out of those that it
# gets. The first ones look for strokes and edges; their results can be seen as small pictures. The last one gives each of
# the ten digits a **score**.


# %%
def tiled(maps, columns):
    """Small pictures (C, H, W) side by side in one."""
    count, height, width = maps.shape
    sheet = np.full((-(-count // columns) * (height + 1), columns * (width + 1)), np.nan)
    for i in range(count):
        row, column = divmod(i, columns)
        sheet[row * (height + 1) :, column * (width + 1) :][:height, :width] = maps[i] / max(maps[i].max(), 1e-9)
    return sheet


outs = [out for _, _, _, out, _ in network.stages(prepare(image[None]))]
scores = outs[-1][0]
with style():
    figure, axes = panels(1, 4, size=(12.5, 3.6), width_ratios=[1, 1, 1.15, 1])
    axes[0].imshow(image)
    axes[0].set_title("in: 28 x 28")
    axes[1].imshow(tiled(outs[2][0], 4))
    axes[1].set_title("16 pictures, 14 x 14")
    axes[2].imshow(tiled(outs[5][0], 6))
    axes[2].set_title("32 pictures, 7 x 7")
    for ax in axes[:3]:
        ax.set_axis_off()
    axes[3].barh(range(10), scores, color=[viz.BLUE if k == scores.argmax() else "#B8C4CC" for k in range(10)])
    axes[3].axvline(0, color="black", linewidth=1)
    axes[3].set(title="out: 10 scores", yticks=range(10), ylim=(9.6, -0.6), xlabel="score")
    axes[3].set_ylabel("digit")
figure

# %% [markdown]
# What the steps compute is fixed by 28 938 numbers inside of the network, its **parameters**. Nobody has typed them in. They
# were random at first, and were then changed in small steps, each of which made the answers to some digits a little less
# wrong. How one finds such a step is what this course is about.
#
# ## Many at once: a batch
#
# One rarely asks about a single picture. Here are 1000 digits that took no part in the training, with the right answers
# (`labels`):

# %%
images, labels, source = digits("test", 1000)
scores = network(prepare(images))
print("images", images.shape, " labels", labels.shape, " scores", scores.shape, " from", source)
viz.digits(images, labels, 20)

# %% [markdown]
# (If MNIST is not on this computer, these are digits drawn by a program. Everything works with them too, without the
# internet; the network reads somewhat fewer of them, as it was trained on others. `scratchnet data fetch` gets MNIST.)
#
# `scores` has the shape `(1000, 10)`: a row for each picture, a column for each digit. The network's answer is the digit with
# the largest score. Take three rows with three classes, small enough to see:
#
# $$\text{scores} = \begin{pmatrix} 0.1 & \mathbf{2.0} & -1.0 \\ \mathbf{4.0} & 0.5 & 3.0 \\ -2.0 & 0.0 & \mathbf{0.3} \end{pmatrix} \qquad \text{answers} = (1,\; 0,\; 2)$$
#
# In row 0 the largest number is 2.0, and it stands in column 1; columns are counted from 0. NumPy has a function for "where is
# the largest?". `axis=1` tells it to look along each row:

# %%
small = np.array([[0.1, 2.0, -1.0], [4.0, 0.5, 3.0], [-2.0, 0.0, 0.3]])
print("max:   ", small.max(axis=1), "  the largest number of each row")
print("argmax:", small.argmax(axis=1), "        where it stands")

# %% [markdown]
# ## How exercises work
#
# Now it is your turn. In each exercise `...` stands for what you are to write. Replace it, run the cell, and run the cell with
# `check` below it. It tries your function out, and says what is right or wrong.
#
# If you are stuck, make a new cell and ask: `hint("0.1")` is a question, `hint("0.1", 2)` says the way, `hint("0.1", 3)` nearly
# the code, and `solution("0.1")` all of it. As long as an exercise is not done the check shows
# the first hint, and the lesson goes on with a function of its own: you can always read on.
#
# ## Exercise 0.1: the answers
#
# | | |
# |---|---|
# | in words | for each row of the scores, in which column the largest one stands |
# | takes | `scores`, an array of the shape (N, K): N pictures, K classes |
# | returns | an array of the shape (N,): one number from 0 to K − 1 for each picture |


# %% tags=["exercise-0.1"]
def answers_from(scores):
    return ...


# %%
check("0.1", answers_from)

# %%
answers_here = learner("0.1", answers_from)
answers = answers_here(scores)
print("answers:", answers[:20])
print("labels: ", labels[:20])

# %% [markdown]
# From here on the lesson runs on *your* function, if it was right.
#
# ## How many are right?
#
# Compare two arrays with `==`, and each entry is compared with its partner. The result is an array of True and False. In
# sums and means True counts as 1 and False as 0:

# %%
same = np.array([1, 0, 2, 2]) == np.array([1, 0, 1, 2])
print(same, " how many:", same.sum(), " which share:", same.mean())

# %% [markdown]
# The share of right answers is called the **accuracy**: 0.75 in this example.
#
# ## Exercise 0.2: the accuracy
#
# | | |
# |---|---|
# | formula | number of right answers / number of answers |
# | takes | `answers` and `labels`, two arrays of the shape (N,) |
# | returns | a number between 0 and 1 |


# %% tags=["exercise-0.2"]
def accuracy(answers, labels):
    return ...


# %%
check("0.2", accuracy)

# %%
accuracy_here = learner("0.2", accuracy)
print(f"the trained network:  {accuracy_here(answers, labels):.1%}")

# %% [markdown]
# And what if the 28 938 numbers are random? The same layers, the same code, other numbers:

# %%
from scratchnet.models import cnn

untrained = cnn(np.random.default_rng(0))
guesses = answers_here(untrained(prepare(images)))
print(f"the untrained network: {accuracy_here(guesses, labels):.1%}")

# %% [markdown]
# Blind guessing among ten digits gives 10 %. All that the network can do lies in its parameters.
#
# What does the trained one get wrong? The mistakes of which it was most sure:

# %%
viz.mistakes(images, labels, softmax(scores), 10)

# %% [markdown]
# Some of them a person could not read either. Others are plain, and the network is sure of its wrong answer all the same.
#
# ## It is no person
#
# Drag the slider: your digit moves to the right, pixel by pixel. You see the same digit each time.


# %%
def draw_moved(by):
    moved = np.zeros_like(image)
    moved[:, by:] = image[:, : 28 - by]
    with style():
        figure, axes = panels(1, 2, size=(9, 3.6), width_ratios=[1, 1.3])
        viz.probabilities(moved, softmax(network(prepare(moved[None])))[0], axes=tuple(axes))
        axes[0].set_title(f"{by} pixel{'s' * (by != 1)} to the right")
    return figure


frames(draw_moved, range(7))

# %% [markdown]
# The network was trained on digits that stand in the middle, and nobody has told it that a digit stays the same when it moves.
# A few pixels do not matter to it; with more, its answers mean nothing, however sure they look. (The three that stood here at
# first becomes a two when it has moved by five.) It knows what it was shown.
# [Lesson 13](13_batchnorm_dropout_augmentation.ipynb) shows it more.
#
# ## The way
#
# | lesson | what you build |
# |---|---|
# | [1 One neuron](01_one_neuron.ipynb) | a line that learns: loss, slope, step |
# | [2 The chain rule](02_the_chain_rule.ipynb) | slopes through any number of steps |
# | [3 Numeric gradients](03_numeric_gradients.ipynb) | the judge of every gradient |
# | [4 Softmax and cross-entropy](04_softmax_and_cross_entropy.ipynb) | from scores to probabilities, and how wrong they are |
# | [5 Dense and ReLU](05_dense_and_relu.ipynb) | a first network |
# | [6 Bytes to images](06_bytes_to_images.ipynb) | a reader for MNIST's files |
# | [7 Training](07_training.ipynb) | a program that reads digits |
# | [8 Optimizers](08_optimizers.ipynb) | better steps |
# | [9 Convolution by loops](09_convolution_by_loops.ipynb) | one small window for the whole picture |
# | [10 im2col and col2im](10_im2col_and_col2im.ipynb) | the same as one matrix product |
# | [11 Max pooling and a CNN](11_max_pooling_and_a_cnn.ipynb) | the network of this lesson, in your own code |
# | [12 Debugging](12_debugging.ipynb) | finding out why it does not learn |
# | [13 BatchNorm, dropout, augmentation](13_batchnorm_dropout_augmentation.ipynb) | learning more reliably |
# | [14 ResNet](14_resnet.ipynb) | going deep |
# | [15 Looking inside](15_looking_inside.ipynb) | what it looks at |
# | [16 Fast](16_fast.ipynb) | why the library is |
#
# One after the other is best; each says what it needs. Near its end each lesson has a table like the next one: which
# functions were yours, and how often the lesson has called them.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Run a notebook, write into an exercise, have it checked, and ask for hints.
# - Say what goes into a network that reads digits, (N, 28, 28) numbers, and what comes out, (N, 10) scores.
# - Turn scores into answers, and answers into an accuracy.
#
# **Next** [lesson 1: one neuron](01_one_neuron.ipynb), the smallest thing that learns · In the library: `scratchnet/models.py` has
# this network as `cnn`, `scratchnet/picture.py` makes a digit out of a picture; `scratchnet predict PICTURE` does all of it on the
# command line
#
# *Sources.* Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
# *Proceedings of the IEEE* 1998. Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
