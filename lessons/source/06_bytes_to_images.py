# %% [markdown]
# # Lesson 6: Bytes to images
#
# **The idea.** A file is a row of bytes and nothing else. What they *mean* is agreed on in a **format**: a few bytes in front,
# the **header**, say how the rest is to be read. You write the reader of MNIST's format, and see an image and its bytes side by
# side.
#
# **You need** Python, and to know what the shape of an array is. No mathematics beyond the places of a number: ones, tens,
# hundreds.
#
# **Time** about 40 minutes.
#
# **Afterwards you can** read a binary format by its description, calculate where in a file a pixel stands, and tell from a
# garbled picture what was read wrongly.

# %%
import gzip
import io

import numpy as np
from matplotlib.patches import Rectangle

from scratchnet import viz
from scratchnet.datasets import idx
from scratchnet.preprocess import prepare
from scratchnet_lessons import check, digits, frames, hint, learner, panels, solution, style, whose_code

# %% [markdown]
# ## A row of bytes
#
# MNIST is 70 000 pictures of handwritten digits, in a format called **IDX**. So that this notebook works on any machine, it
# writes 200 digits into such a file by itself, in memory: MNIST's own if you have them, drawn ones if not. From now on we know
# nothing about the file but its bytes.

# %%
file = io.BytesIO()
idx.write(file, digits("train", 200)[0])
data = file.getvalue()
print(type(data).__name__, "of length", len(data))
print("the first five:", list(data[:5]))

# %% [markdown]
# A **byte** is a number from 0 to 255, and `data[k]` is byte number `k`. Bytes are usually shown in **hexadecimal**, with sixteen
# digits: 0 to 9 as always, and then a, b, c, d, e, f for 10 to 15. Two such digits are enough for a byte, since
# $16 \cdot 16 = 256$. The left one counts sixteens:
#
# $$\texttt{1c} = 1 \cdot 16 + 12 = 28 \qquad\qquad \texttt{ff} = 15 \cdot 16 + 15 = 255$$
#
# In Python a number is written that way with `0x` in front, `0x1c`. The first sixteen bytes of the file:

# %%
print(data[:16].hex(" "))

# %% [markdown]
# ## The header
#
# This is how the format is described:
#
# | byte | holds |
# |---|---|
# | 0, 1 | `00 00`, always: by this one knows an IDX file, it is called the **magic number** |
# | 2 | the **type** of a value, a code from the table below |
# | 3 | `ndim`, the number of axes: 3 for images (which image, row, column), 1 for labels |
# | 4 to 7 | the length of axis 0 |
# | 8 to 11 | the length of axis 1, and so on: four bytes for each of the `ndim` axes |
# | then | the values, one after the other |
#
# | code | type | NumPy's name | bytes for one value |
# |---|---|---|---|
# | `08` | whole numbers from 0 to 255 | `">u1"` | 1 |
# | `09` | whole numbers from -128 to 127 | `">i1"` | 1 |
# | `0b` | whole numbers | `">i2"` | 2 |
# | `0c` | whole numbers | `">i4"` | 4 |
# | `0d` | numbers with a fraction | `">f4"` | 4 |
# | `0e` | numbers with a fraction, more digits | `">f8"` | 8 |

# %%
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# (first byte, last byte, colour, what it says)
fields = [
    (0, 1, "#DDDDDD", "magic\nnumber"),
    (2, 2, viz.ORANGE, "type:\n08"),
    (3, 3, viz.SKY, "ndim:\n3"),
    (4, 7, viz.YELLOW, "axis 0:\nhow many images"),
    (8, 11, viz.YELLOW, "axis 1:\nrows"),
    (12, 15, viz.YELLOW, "axis 2:\ncolumns"),
    (16, 19, "white", "values:\nthe first pixels, ..."),
]
with style():
    figure, ax = panels(size=(12, 2.3))
    for first, last, colour, says in fields:
        for k in range(first, last + 1):
            ax.add_patch(Rectangle((k, 0), 1, 1, facecolor=colour, edgecolor="#555555"))
            ax.text(k + 0.5, 0.5, f"{data[k]:02x}", ha="center", va="center", fontsize=15, family="monospace")
            ax.text(k + 0.5, 1.12, k, ha="center", fontsize=10, color="#555555")
        ax.text((first + last + 1) / 2, -0.2, says, ha="center", va="top", fontsize=12)
    ax.text(-0.2, 1.12, "byte", ha="right", fontsize=10, color="#555555")
    ax.set(xlim=(-1, 20.1), ylim=(-1.1, 1.5))
    ax.set_axis_off()
figure

# %% [markdown]
# ## One number from four bytes
#
# A length may be larger than 255, so it takes four bytes. Bytes have places as digits have: the last one counts ones, the one
# before it 256s, the next $256 \cdot 256$s. In MNIST's file of training images the bytes 4 to 7 are `00 00 ea 60`. `ea` is
# $14 \cdot 16 + 10 = 234$, and `60` is $6 \cdot 16 + 0 = 96$:
#
# $$0 \cdot 256^3 + 0 \cdot 256^2 + 234 \cdot 256 + 96 = 60\,000$$
#
# The largest place comes first, as when we write a number down. That is called **big-endian**, and it is what the `>` in the
# table says. It is worth a name because most processors keep it the other way round, **little-endian**, and whoever takes the
# one for the other reads nonsense:

# %%
four = bytes([0x00, 0x00, 0xEA, 0x60])
print("big-endian:   ", np.frombuffer(four, ">u4")[0])
print("little-endian:", np.frombuffer(four, "<u4")[0])

# %% [markdown]
# There is a way without powers. Think of the digits 4, 0, 7, which arrive one by one. You have 0. The 4 arrives: 4. The 0
# arrives: what you have moves one place to the left, and the new digit is added, 40. The 7 arrives: 407. With bytes, one place to
# the left is times 256.
#
# ## Exercise 6.1: one number from several bytes
#
# | | |
# |---|---|
# | formula | $\sum_k \text{raw}_k \cdot 256^{\,\text{len}-1-k}$ |
# | takes | `raw`, some bytes, the largest place first. In a loop `for byte in raw` each byte is a number from 0 to 255 |
# | returns | the number |


# %% tags=["exercise-6.1"]
def number_of(raw):
    number = 0
    for byte in raw:
        number = ...
    return number


# %%
check("6.1", number_of)

# %%
number_here = learner("6.1", number_of)
print(number_here(four), number_here(data[4:8]), number_here(data[8:12]))

# %% [markdown]
# `data[4:8]` are the bytes 4, 5, 6 and 7; as always the 8 is not reached.
#
# ## The whole header
#
# With that the header can be read. The type is what `TYPES` holds for byte 2. The lengths of the axes are `ndim` numbers of four
# bytes each: axis 0 in `data[4:8]`, axis 1 in `data[8:12]`; where does that of axis $k$ begin? The values begin where the last
# length ends. With three axes that is byte $4 + 3 \cdot 4 = 16$, with one axis it is byte 8.
#
# ## Exercise 6.2: the header
#
# | | |
# |---|---|
# | takes | `data`, the bytes of an IDX file with any number of axes |
# | returns | `kind`, NumPy's name of the type, such as `">u1"`; `shape`, a tuple with the length of each axis; `start`, the number of the byte where the values begin |
# | use | `TYPES`, and `number_here` for a length |


# %% tags=["exercise-6.2"]
def read_header(data):
    kind = ...
    ndim = ...
    shape = ...  # a tuple; use as many lines as you like
    start = ...
    return kind, shape, start


# %%
check("6.2", read_header)

# %%
header_here = learner("6.2", read_header)
print(header_here(data))

# %% [markdown]
# ## A header is a promise
#
# It says what *should* follow. What does follow may be something else: a download that was cut off, a web page ("404 not found")
# that was saved under the name of the file, a file that is still compressed. Much code never asks, and then trains on rubbish,
# or fails an hour later in a place that has nothing to do with it. So ask at once:
#
# 1. Are the first two bytes `00 00`? If not, this is no IDX file.
# 2. How many bytes should there be? The values take as many as there are values (the *product* of the lengths) times the bytes
#    of one value. For our file $200 \cdot 28 \cdot 28 \cdot 1 = 156\,800$, and with the header in front $16 + 156\,800$:

# %%
print(len(data), "bytes are there; promised are", 16 + 200 * 28 * 28 * 1)
print("bytes of one value:", np.dtype(">u1").itemsize, "and", np.dtype(">i4").itemsize, "  product:", np.prod((200, 28, 28)))

# %% [markdown]
# If there are fewer *or more*, the file is damaged. To refuse it means to write
#
# ```python
# raise ValueError("what is wrong, and what was wanted")
# ```
#
# which stops the function. If all is well, two steps of NumPy make an array of the bytes:
#
# - `np.frombuffer(data, kind, offset=start)` reads everything from byte `start` on as values of that type, one after the other. It
#   copies nothing, it is a window onto `data`; and as bytes in Python can't be changed, such an array can't either. Add `.copy()`.
# - `.reshape(shape)` sorts them into the axes. The *last* axis runs fastest: first all columns of row 0 of image 0, then row 1, and
#   after the last row the next image. This is called **C order**, and it is the order of IDX.
#
# ## Exercise 6.3: the reader
#
# | | |
# |---|---|
# | takes | `data`, the bytes of a file |
# | returns | the array in it, with the shape and the type of the header, which can be written to |
# | raises | `ValueError` if `data` does not begin with `00 00`, or holds fewer or more bytes than the header promises |


# %% tags=["exercise-6.3"]
def read_idx(data):
    # here: ValueError if this is no IDX file
    kind, shape, start = header_here(data)
    size = ...  # how many bytes the values should take
    # here: ValueError if there are fewer or more
    array = ...
    return array


# %%
check("6.3", read_idx)

# %%
read_here = learner("6.3", read_idx)
images = read_here(data)
print(images.shape, images.dtype)
for name, damaged in (
    ("cut off", data[:1000]),
    ("a web page", b"<!DOCTYPE html><title>404"),
    ("gzipped", gzip.compress(data)),
):
    try:
        read_here(damaged)
        print(f"{name}: read without complaint")
    except ValueError as error:
        print(f"{name}: {error}")

# %% [markdown]
# The last one you will meet: MNIST's files are **gzipped**, which is another format around this one, with a magic number of its
# own, `1f 8b`. Take it off first, `gzip.decompress(data)`.
#
# ## An image and its bytes
#
# Here is the first image, and beside it the bytes that it was made of, row by row. 0 is black and `ff` white. The
# larger a byte, the darker is the field it stands on here, and the digit can be seen in the numbers themselves.

# %%
image = images[0]
with style():
    figure, (left, right) = panels(1, 2, size=(12, 5.4), width_ratios=[1, 1.75])
    left.imshow(image, vmin=0, vmax=255)
    left.set(xlabel="column j", ylabel="row i", title="images[0]")
    for i, j in np.ndindex(28, 28):
        shade = image[i, j] / 255
        right.add_patch(Rectangle((j, i), 1, 1, facecolor=str(0.93 - 0.35 * shade) if shade else "white", linewidth=0))
        colour = "#000000" if shade else "#999999"
        right.text(
            j + 0.5, i + 0.52, f"{image[i, j]:02x}", color=colour, size=10, ha="center", va="center", family="monospace"
        )
    right.set(xlim=(0, 28), ylim=(28, 0), xlabel="byte of the row", title="its 784 bytes, 28 in a line")
    right.set_yticks(np.arange(0, 28, 5) + 0.5, [f"byte {16 + 28 * i}" for i in range(0, 28, 5)], fontsize=10)
    right.set_xticks(np.arange(0, 28, 5) + 0.5, range(0, 28, 5))
figure

# %% [markdown]
# The file knows nothing of rows: it goes on and on, and we begin a new line after each 28 bytes. Drag the slider to see the image
# come in, byte after byte.


# %%
def draw_arriving(count):
    shown = np.full(784, 60.0)  # dark grey: not read yet
    shown[:count] = image.ravel()[:count]
    with style():
        figure, ax = panels(size=(5, 4.6))
        ax.imshow(shown.reshape(28, 28), vmin=0, vmax=255)
        ax.set(title=f"{count} bytes after the header", xlabel="column j", ylabel="row i")
    return figure


frames(draw_arriving, [14, 140, 210, 287, 350, 420, 497, 560, 784])

# %% [markdown]
# Now it can be *calculated* where pixel $(n, i, j)$ stands: behind the header, behind $n$ whole images, behind $i$ whole rows of image
# $n$, and behind $j$ pixels of its row:
#
# $$\text{byte} = 16 + n \cdot 28 \cdot 28 + i \cdot 28 + j$$
#
# By hand, for image 3, row 8, column 18: $16 + 3 \cdot 784 + 8 \cdot 28 + 18 = 2610$.

# %%
print("byte 2610 is", data[2610], "and images[3, 8, 18] is", images[3, 8, 18])

# %% [markdown]
# This holds in memory, too: it is how NumPy finds an entry. For the layers that work on images the order of the axes in memory
# will be one of the things that decide about speed ([lesson 16](16_fast.ipynb)).
#
# ## What a wrong reading looks like
#
# A mistake here raises no error, since any bytes make *some* picture. But each has a look of its own:

# %%
raw = np.frombuffer(data, np.uint8)
readings = {
    "right": raw[16:].reshape(-1, 28, 28)[0],
    "header not skipped": raw[: 784 * 200].reshape(-1, 28, 28)[0],
    "27 columns, not 28": raw[16 : 16 + 27 * 28].reshape(28, 27),
    "rows and columns swapped": raw[16 : 16 + 784].reshape(28, 28).T,
}
with style():
    figure, axes = panels(1, 4, size=(12, 3.5))
    for ax, (name, seen) in zip(axes, readings.items(), strict=True):
        ax.imshow(seen, vmin=0, vmax=255)
        ax.set_title(name, fontsize=12)
        ax.set_axis_off()
figure

# %% [markdown]
# - **Header not skipped**: everything stands 16 pixels too far right, and what leaves on the right comes back on the left, one row
#   lower. The sixteen bytes of the header are the first pixels of the top row; the bright one is `c8`, the 200.
# - **A wrong number of columns**: each row begins one byte too early or too late, so the picture leans, more with each row.
# - **Rows and columns swapped**: mirrored at the diagonal. A 1 is a dash then, and a network that is trained on it learns that just
#   as well, until it gets images that were read rightly. (The files of EMNIST really are stored so.)
#
# So *look* at a few images, whenever you have read some. It takes seconds.
#
# ## From bytes to numbers that a network likes
#
# A network calculates with fractions, of both signs, around 0 and not much larger than 1. Pixels are bytes from 0 to 255. First of
# all, then, change the type; for calculating with bytes goes wrong without a word. There is no room in a byte for anything below
# 0 or above 255, so it starts again from the other end:

# %%
few = np.array([10, 100, 250], np.uint8)
print("bytes   - 100:", few - np.uint8(100), "  * 2:", few * np.uint8(2))
print("floats  - 100:", few.astype(np.float32) - 100, "  * 2:", few.astype(np.float32) * 2)

# %% [markdown]
# $10 - 100$ has become 166. With floats it is right. `prepare` of the library does all that a network of this course needs: it
# makes float32 of the bytes, divides by 255, takes off the mean of MNIST's pixels, 0.1307, and divides by their standard
# deviation, 0.3081 (by how much they usually differ from the mean):
#
# $$x = \frac{\text{pixel} / 255 - 0.1307}{0.3081}$$

# %%
x = prepare(images)
print("before:", images.dtype, images.shape, "from", images.min(), "to", images.max())
print(
    f"after:  {x.dtype} {x.shape} from {x.min():.2f} to {x.max():.2f}, mean {x.mean():.2f}, standard deviation {x.std():.2f}"
)

# %% [markdown]
# Black is -0.42 now, and white is 2.82. The new axis of length 1 counts the channels, of which grey pictures have one. The labels
# need none of that: they stay whole numbers, since they are used as indices.

# %%
whose_code()

# %% [markdown]
# ## What you can do now
#
# - Read hexadecimal bytes, and numbers that take several of them.
# - Read a header by its description, and check what it promises.
# - Calculate where a pixel stands, and say what C order is.
# - Recognise a wrong offset, a wrong width and swapped axes by their looks.
#
# MNIST itself: `scratchnet data fetch` downloads its four files once, and your function reads them:
#
# ```python
# with gzip.open("train-images-idx3-ubyte.gz") as file:
#     images = read_idx(file.read())  # (60000, 28, 28)
# ```
#
# **Before** [lesson 5: dense and ReLU](05_dense_and_relu.ipynb) · **Next** [lesson 7: training](07_training.ipynb), on these
# images · In the library: `scratchnet/datasets/idx.py` says what is wrong with a file in more words, and also writes them;
# `preprocess.py` holds `prepare`
#
# *Sources.* The format is described on Y. LeCun, C. Cortes and C. Burges' page "The MNIST database of handwritten digits", 1998.
# D. Cohen, "On holy wars and a plea for peace", 1980, on big and little endians. G. Cohen et al., "EMNIST: extending MNIST to
# handwritten letters", IJCNN 2017.
