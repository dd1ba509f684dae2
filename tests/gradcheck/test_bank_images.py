"""What the bank knows of convolution and pooling is what naive loops compute, and no other operation is taken for them."""

import itertools

import numpy as np
import pytest

from scratchnet.gradcheck import bank, check
from scratchnet.gradcheck.bank import images
from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong
from scratchnet.gradcheck.catalogue import CATALOGUE, LESSONS
from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.protocol import Trial
from scratchnet.gradcheck.report import ArgumentResult
from scratchnet.gradcheck.subject import Subject

CONV, MAX, AVG, GLOBAL = images.OPERATIONS
STRIDES, PADS = (1, 2, 3), (0, 1, 2, 3)


def numbers(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def given(arrays, out_shape, **settings):
    return Given(arrays, {}, settings, out_shape, numbers(*out_shape, seed=9))


def positions(length, kernel, stride, pad=0):
    """How many windows fit, counted."""
    return len(range(0, length + 2 * pad - kernel + 1, stride))


def padded(x, pad):
    n, c, h, w = x.shape
    larger = np.zeros((n, c, h + 2 * pad[0], w + 2 * pad[1]))
    larger[:, :, pad[0] : pad[0] + h, pad[1] : pad[1] + w] = x
    return larger


def convolved(x, w, stride, pad):
    """One output pixel after the other."""
    (kh, kw), xpad = w.shape[2:], padded(x, pad)
    oh, ow = (positions(x.shape[2 + k], w.shape[2 + k], stride[k], pad[k]) for k in (0, 1))
    out = np.zeros((len(x), len(w), oh, ow))
    for n, f, i, j in np.ndindex(out.shape):
        out[n, f, i, j] = (xpad[n, :, i * stride[0] : i * stride[0] + kh, j * stride[1] : j * stride[1] + kw] * w[f]).sum()
    return out


def dw_of(dout, image, kernel, step):
    """Every product of an output's gradient with a pixel of its window; pixels that are not there are 0."""
    dw = np.zeros((dout.shape[1], image.shape[1], *kernel))
    for i, j, k, m in itertools.product(*map(range, dout.shape[2:]), *map(range, kernel)):
        r, s = i * step[0] + k, j * step[1] + m
        if r < image.shape[2] and s < image.shape[3]:
            dw[:, :, k, m] += dout[:, :, i, j].T @ image[:, :, r, s]
    return dw


def dx_of(dout, x, w, step, crop, overwrite=False):
    """Each output's gradient goes to the pixels of its window; x is what begins at ``crop``."""
    dx = np.zeros(x.shape)
    for i, j, k, m in itertools.product(*map(range, dout.shape[2:]), *map(range, w.shape[2:])):
        r, s = i * step[0] + k - crop[0], j * step[1] + m - crop[1]
        if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]:
            dx[:, :, r, s] = dout[:, :, i, j] @ w[:, :, k, m] + (0 if overwrite else dx[:, :, r, s])
    return dx


def assert_same_wrongs(found, expected):
    """``expected``: (name, words, argument, gradient). Each is found, and nothing else; which comes first is no matter."""

    def listed(entries):
        keyed = {}
        for name, words, argument, gradient in entries:
            keyed.setdefault((name, words, argument), []).append(gradient)
        return keyed

    found = list(found)
    for wrong in found:
        assert wrong.name in CATALOGUE
        assert 0 < wrong.weight <= 1
    mine = listed((w.name, w.words, argument, gradient) for w in found for argument, gradient in w.gradients.items())
    wanted = listed(expected)
    assert mine.keys() == wanted.keys()
    for key, gradients in wanted.items():
        assert all(any(same(g, f) for f in mine[key]) for g in gradients), key
        assert all(any(same(g, f) for g in gradients) for f in mine[key]), key


def of_shape(value):
    return str(getattr(value, "shape", value))


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-12)


# --- convolution: recognised -----------------------------------------------------------------------------------------------

X, W, B = numbers(2, 3, 6, 5), numbers(4, 3, 3, 2), numbers(4)


def readings(x, w, oh, ow):
    """(stride, pad) of every convolution that makes so many pixels of these images."""
    return [
        ((sh, sw), (ph, pw))
        for sh, sw, ph, pw in itertools.product(STRIDES, STRIDES, PADS, PADS)
        if (positions(x.shape[2], w.shape[2], sh, ph), positions(x.shape[3], w.shape[3], sw, pw)) == (oh, ow)
    ]


@pytest.mark.parametrize(
    ("x", "w", "size"),
    [
        (X, W, (4, 4)),
        (X, W, (10, 10)),  # padding 3, no less
        (X, W, (2, 2)),
        (numbers(2, 3, 4, 5), W, (1, 2)),
        (numbers(2, 3, 4, 4), W, (1, 1)),
        (numbers(3, 1, 2, 7), numbers(2, 1, 5, 1), (2, 7)),  # a kernel that only fits with padding
        (numbers(1, 2, 3, 3), numbers(1, 2, 1, 1), (3, 3)),
    ],
    ids=of_shape,
)
def test_every_stride_and_padding_that_fits_is_tried_with_the_output_it_would_have(x, w, size):
    arrays = {"x": x, "w": w, "b": numbers(len(w))}
    found = list(CONV.setups(given(arrays, (len(x), len(w), *size))))
    assert [(s.roles["stride"], s.roles["pad"]) for s in found] == readings(x, w, *size) != []
    for setup in found:
        roles = setup.roles
        assert (roles["x"], roles["w"], roles["size"]) == ("x", "w", size)
        assert same(setup.out, convolved(x, w, roles["stride"], roles["pad"]) + arrays["b"].reshape(1, -1, 1, 1))
        assert same(roles["xpad"], padded(x, roles["pad"]))


def only(setups):
    (setup,) = setups
    return setup


def plain(arrays, out_shape=(2, 4, 4, 4)):
    """The reading with stride 1 and no padding; there is just one for these settings."""
    setups = CONV.setups(given(arrays, out_shape, stride=1))
    return only(s for s in setups if (s.roles["stride"], s.roles["pad"]) == ((1, 1), (0, 0)))


def test_a_convolution_goes_without_bias_and_the_bias_may_come_anywhere_and_in_any_shape():
    out = convolved(X, W, (1, 1), (0, 0))
    assert same(plain({"a": X, "b": W}).out, out)
    for bias in (B, B[:, None], B.reshape(1, 4, 1)):
        for arrays in ({"b": bias, "x": X, "w": W}, {"x": X, "b": bias, "w": W}, {"x": X, "w": W, "b": bias}):
            setup = plain(arrays)
            assert same(setup.out, out + B.reshape(1, 4, 1, 1))
            assert (setup.roles["x"], setup.roles["w"]) == ("x", "w")


def test_what_does_not_have_a_number_for_each_filter_is_no_bias():
    out = convolved(X, W, (1, 1), (0, 0))
    for other in (numbers(3), numbers(5), numbers(4, 4)):
        assert same(plain({"x": X, "w": W, "b": other}).out, out)
        assert same(plain({"x": X, "w": W, "scale": other, "b": B}).out, out + B.reshape(1, 4, 1, 1))
    kernels = numbers(6, 1, 3, 2)  # a single filter of which would have 6 numbers: it stays the kernel
    assert same(plain({"x": X[:, :1], "w": kernels}, (2, 6, 4, 4)).out, convolved(X[:, :1], kernels, (1, 1), (0, 0)))
    one = numbers(4, 1, 1, 1)
    assert same(plain({"x": X[:, :1], "w": one}, (2, 4, 6, 5)).out, convolved(X[:, :1], one, (1, 1), (0, 0)))


@pytest.mark.parametrize(
    ("arrays", "out_shape"),
    [
        ({"x": X}, (2, 4, 4, 4)),
        ({"x": X, "w": W, "v": W}, (2, 4, 4, 4)),
        ({"x": X, "w": W[0]}, (2, 4, 4, 4)),
        ({"x": X, "w": W[None]}, (2, 4, 4, 4)),
        ({"x": X[0, 0], "w": numbers(5, 3)}, (2, 4, 4, 4)),
        ({"x": X, "w": W}, (2, 4, 16)),
        ({"x": X, "w": W}, (2, 4)),
        ({"x": X, "w": W}, ()),
        ({"x": X, "w": W}, (2, 4, 4, 4, 1)),
        ({"x": X, "w": W[:, :2]}, (2, 4, 4, 4)),  # other channels
        ({"x": X, "w": W}, (3, 4, 4, 4)),  # other images
        ({"x": X, "w": W}, (2, 3, 4, 4)),  # other filters
        ({"x": X, "w": W}, (4, 2, 4, 4)),
        ({"x": X, "w": W}, (2, 4, 11, 4)),  # more than any padding makes
        ({"x": X, "w": W}, (2, 4, 4, 11)),
        ({"x": X, "w": W}, (2, 4, 0, 4)),
        ({"x": X, "w": numbers(4, 3, 8, 2)}, (2, 4, 0, 4)),
    ],
)
def test_what_does_not_fit_is_no_convolution(arrays, out_shape):
    assert list(CONV.setups(given(arrays, out_shape))) == []


@pytest.mark.parametrize("name", ["stride", "pad", "padding"])
def test_one_number_is_meant_for_rows_and_columns(name):
    for size in ((4, 4), (2, 2), (2, 3), (1, 1), (3, 2)):
        every = readings(X, W, *size)
        alike = [(stride, pad) for stride, pad in every if stride[0] == stride[1] and pad[0] == pad[1]]
        for settings, expected in (({name: 1}, alike), ({name: 1, "slope": 1}, alike), ({"slope": 1}, every)):
            found = CONV.setups(given({"x": X, "w": W}, (2, 4, *size), **settings))
            assert [(s.roles["stride"], s.roles["pad"]) for s in found] == expected


# --- convolution: wrong gradients ------------------------------------------------------------------------------------------


def wrong_convolutions(dout, x, w, stride, pad):
    """(name, words, argument, gradient), each written out."""
    (kh, kw), xpad = w.shape[2:], padded(x, pad)

    def dw(image, *step):
        return dw_of(dout, image, (kh, kw), step)

    def dx(kernel, step=stride, crop=pad, **more):
        return dx_of(dout, x, kernel, step, crop, **more)

    turned = np.zeros(w.shape)
    for k, m in np.ndindex(kh, kw):
        turned[:, :, k, m] = w[:, :, kh - 1 - k, kw - 1 - m]
    image_turned = np.zeros(xpad.shape)
    for r, s in np.ndindex(xpad.shape[2:]):
        image_turned[:, :, r, s] = xpad[:, :, xpad.shape[2] - 1 - r, xpad.shape[3] - 1 - s]

    yield "kernel flipped", "dw from the image turned round", "w", dw(image_turned, *stride)
    yield "kernel flipped", "dx with the kernel turned by 180 degrees", "x", dx(turned)
    yield "overlap overwritten", "each window overwrites dx", "x", dx(w, overwrite=True)
    if kh == kw:
        yield "transposed", "dx with the kernel's rows and columns swapped", "x", dx(np.transpose(w, (0, 1, 3, 2)))
    if stride != (1, 1):
        yield "stride ignored", "dw from windows one pixel apart", "w", dw(xpad, 1, 1)
        yield "stride ignored", "dw from windows a kernel apart", "w", dw(xpad, kh, kh)
        yield "stride ignored", "dw from windows a kernel apart", "w", dw(xpad, kw, kw)
        yield "stride ignored", "windows 1 row and 1 column apart", "x", dx(w, (1, 1))
    if pad == (0, 0) and kh > 1:
        yield "stride ignored", "dw from windows a kernel apart", "w", dw(xpad, kh, kw)
    if (kh, kw) not in (stride, (1, 1)):
        words = f"windows {kh} row{'s' * (kh > 1)} and {kw} column{'s' * (kw > 1)} apart"
        yield "stride ignored", words, "x", dx(w, (kh, kw))
    if pad != (0, 0):
        yield "padding not cropped", "dw from the image without its padding", "w", dw(x, *stride)
        for crop in ((0, 0), (2 * pad[0], 2 * pad[1]), (0, pad[1]), (pad[0], 0)):
            yield "padding not cropped", f"dx cut out at {crop}", "x", dx(w, crop=crop)


CONVOLUTIONS = [
    *(
        (numbers(n, c, 6, 7), numbers(3, c, kh, kw), stride, pad)
        for (n, c), (kh, kw), stride, pad in [
            ((2, 2), (3, 2), (1, 1), (0, 0)),
            ((2, 2), (3, 3), (1, 1), (0, 0)),
            ((1, 3), (2, 3), (1, 1), (1, 1)),
            ((3, 1), (3, 3), (1, 1), (1, 1)),
            ((2, 2), (1, 3), (1, 1), (0, 0)),
            ((2, 2), (3, 1), (1, 1), (0, 0)),
            ((2, 2), (1, 1), (1, 1), (0, 0)),
            ((2, 2), (1, 1), (2, 2), (0, 0)),
            ((2, 2), (2, 2), (2, 2), (0, 0)),
            ((2, 2), (3, 2), (2, 2), (0, 0)),
            ((2, 1), (3, 2), (2, 2), (2, 2)),
            ((1, 2), (3, 2), (1, 2), (0, 3)),
            ((2, 2), (2, 3), (2, 1), (3, 0)),
            ((3, 2), (2, 3), (3, 2), (1, 2)),
            ((2, 2), (3, 3), (3, 2), (2, 1)),
            ((2, 2), (3, 2), (3, 2), (3, 3)),
            ((2, 2), (2, 4), (1, 1), (0, 1)),
            ((2, 2), (4, 2), (1, 1), (1, 0)),
        ]
    ),
    (numbers(2, 2, 2, 3), numbers(2, 2, 5, 4), (1, 2), (3, 2)),  # the kernel is larger than the image
    (numbers(1, 1, 12, 4), numbers(2, 1, 5, 1), (1, 1), (0, 0)),  # windows a kernel apart lie outside of the image
    (numbers(1, 1, 4, 12), numbers(2, 1, 1, 5), (1, 2), (0, 0)),
]


@pytest.mark.parametrize(("x", "w", "stride", "pad"), CONVOLUTIONS, ids=of_shape)
def test_wrong_gradients_of_a_convolution_are_those_of_the_loops(x, w, stride, pad):
    g = given({"image": x, "kernel": w}, convolved(x, w, stride, pad).shape)
    setup = only(s for s in CONV.setups(g) if (s.roles["stride"], s.roles["pad"]) == (stride, pad))
    names = {"x": "image", "w": "kernel"}
    expected = [
        (name, words, names[which], gradient)
        for name, words, which, gradient in wrong_convolutions(g.dout, x, w, stride, pad)
    ]
    assert_same_wrongs(CONV.wrongs(g, setup), expected)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
def test_the_loops_that_the_wrong_gradients_are_made_of_are_right_without_the_mistake(stride):
    pad, dout = (1, 2), numbers(*convolved(X, W, stride, (1, 2)).shape)
    dw, dx = dw_of(dout, padded(X, pad), (3, 2), stride), dx_of(dout, X, W, stride, pad)
    for a, gradient, out in (
        (W, dw, lambda v: convolved(X, v, stride, pad)),
        (X, dx, lambda v: convolved(v, W, stride, pad)),
    ):
        direction = numbers(*a.shape, seed=3)
        assert np.isclose((out(direction) * dout).sum(), (gradient * direction).sum())


# --- pooling ---------------------------------------------------------------------------------------------------------------


def pooled(x, kernel, stride, how):
    oh, ow = (positions(x.shape[2 + k], kernel[k], stride[k]) for k in (0, 1))
    out = np.zeros((*x.shape[:2], oh, ow))
    for n, c, i, j in np.ndindex(out.shape):
        r, s = i * stride[0], j * stride[1]
        window = [x[n, c, r + k, s + m] for k, m in np.ndindex(kernel)]
        out[n, c, i, j] = max(window) if how == "max" else sum(window) / len(window)
    return out


@pytest.mark.parametrize(("operation", "how"), [(MAX, "max"), (AVG, "mean")])
@pytest.mark.parametrize(
    ("shape", "size"),
    [((2, 3, 6, 5), (3, 2)), ((1, 2, 6, 7), (2, 4)), ((3, 1, 4, 4), (1, 1)), ((2, 2, 3, 5), (3, 2)), ((2, 2, 4, 2), (3, 2))],
)
def test_every_pooling_that_fits_is_tried_with_the_output_it_would_have(operation, how, shape, size):
    x = numbers(*shape)
    found = list(operation.setups(given({"img": x}, (*shape[:2], *size))))
    sizes = (1, 2, 3, 4)
    assert [(*s.roles["kernel"], *s.roles["stride"]) for s in found] == [
        (kh, kw, sh, sw)
        for kh, kw, sh, sw in itertools.product(sizes, repeat=4)
        if (positions(shape[2], kh, sh), positions(shape[3], kw, sw)) == size and (kh, kw) != (1, 1)
    ]
    assert found
    for setup in found:
        assert setup.roles["x"] == "img"
        assert same(setup.out, pooled(x, setup.roles["kernel"], setup.roles["stride"], how))


@pytest.mark.parametrize("operation", [MAX, AVG, GLOBAL])
@pytest.mark.parametrize(
    ("arrays", "out_shape"),
    [
        ({"x": X, "w": X}, (2, 3, 1, 1)),
        ({"x": X, "b": B}, (2, 3, 1, 1)),
        ({"x": X[0]}, (3, 6, 1, 1)),
        ({"x": X[None]}, (1, 2, 1, 1)),
        ({"x": X}, (2, 1, 1)),
        ({"x": X}, (2,)),
        ({"x": X}, ()),
        ({"x": X}, (2, 3, 1, 1, 1)),
        ({"x": X}, (3, 3, 1, 1)),
        ({"x": X}, (2, 2, 1, 1)),
        ({"x": X}, (3, 2, 1, 1)),
        ({"x": X}, (2, 3, 7, 5)),
        ({"x": X}, (2, 3, 6, 6)),
        ({"x": X}, (2, 3, 0, 1)),
        ({"x": numbers(2, 3, 1, 1)}, (2, 3, 0, 0)),
    ],
)
def test_what_does_not_fit_is_no_pooling(operation, arrays, out_shape):
    assert list(operation.setups(given(arrays, out_shape))) == []


def test_the_mean_of_whole_images_is_known_with_and_without_its_axes():
    means = np.array([[sum(X[n, c].ravel()) / 30 for c in range(3)] for n in range(2)])
    for shape in ((2, 3), (2, 3, 1, 1)):
        assert same(only(GLOBAL.setups(given({"x": X}, shape))).out, means.reshape(shape))
    for shape in ((2, 3, 2, 1), (2, 3, 1, 2), (2, 3, 6, 5), (2, 3, 30)):
        assert list(GLOBAL.setups(given({"x": X}, shape))) == []


def test_images_that_stay_as_they_are_are_not_taken_for_pooling():
    report = check((lambda x: (x.copy(), None), lambda dout, cache: (-dout,)), X)
    assert report.diagnoses[0].name == "sign flipped"
    assert "pool" not in str(report)


@pytest.mark.parametrize(
    ("kernel", "stride"),
    [
        ((3, 3), (1, 1)),
        ((2, 3), (1, 2)),
        ((3, 2), (2, 2)),
        ((2, 3), (2, 2)),
        ((3, 2), (1, 3)),
        ((1, 4), (2, 3)),
        ((2, 2), (3, 1)),
    ],
)
def test_winners_written_one_window_entry_after_the_other(kernel, stride):
    x = numbers(2, 3, 7, 8)
    x[0, 0] = 1.0  # the first of equals wins
    g = given({"x": x}, pooled(x, kernel, stride, "max").shape)
    setup = only(s for s in MAX.setups(g) if (s.roles["kernel"], s.roles["stride"]) == (kernel, stride))
    dx = np.zeros(x.shape)
    for entry in np.ndindex(kernel):
        for n, c, i, j in np.ndindex(g.out_shape):
            r, s = i * stride[0], j * stride[1]
            best = max(np.ndindex(kernel), key=lambda k, n=n, c=c, r=r, s=s: x[n, c, r + k[0], s + k[1]])
            dx[n, c, r + entry[0], s + entry[1]] = g.dout[n, c, i, j] if entry == best else 0.0
    words = "each entry of the windows overwrites those before it"
    assert_same_wrongs(MAX.wrongs(g, setup), [("overlap overwritten", words, "x", dx)])


@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((2, 3), (2, 3)), ((2, 1), (3, 1)), ((2, 3), (3, 4))])
def test_windows_that_do_not_overlap_overwrite_nothing(kernel, stride):
    x = numbers(2, 3, 7, 8)
    g = given({"x": x}, pooled(x, kernel, stride, "max").shape)
    setup = only(s for s in MAX.setups(g) if (s.roles["kernel"], s.roles["stride"]) == (kernel, stride))
    assert list(MAX.wrongs(g, setup)) == []


# --- the bank as a whole ---------------------------------------------------------------------------------------------------


def test_operations_belong_to_the_lessons_that_teach_them():
    assert LESSONS[CONV.lesson] == "convolution by loops"
    assert {LESSONS[pool.lesson] for pool in (MAX, AVG, GLOBAL)} == {"max pooling and a CNN"}
    assert all(bank.OPERATIONS[op.name] is op for op in (CONV, MAX, AVG, GLOBAL))


def evidence(arrays, out, analytic, numeric=None, dout=None, **settings):
    """What a check would know, with ``analytic`` gradients, and 0 measured where ``numeric`` says nothing else."""
    subject = Subject("", arrays, {}, lambda *_: None, lambda *_: None, settings=settings, called={"w": "grad_w"})
    results = {}
    for name, gradient in analytic.items():
        measured = (numeric or {}).get(name, np.zeros(arrays[name].shape))
        results[name] = ArgumentResult(name, gradient, measured, wrong=int(not np.array_equal(gradient, measured)))
    return Evidence(subject, Trial(out, numbers(*out.shape) if dout is None else dout), results, 0)


def test_an_operation_is_known_by_its_output():
    out = convolved(X, W, (2, 2), (1, 1)) + B.reshape(1, 4, 1, 1)
    arrays = {"x": X, "w": W, "b": B}
    operation, setup = bank.recognise(evidence(arrays, out, {}))
    assert operation is CONV
    assert (setup.roles["stride"], setup.roles["pad"]) == ((2, 2), (1, 1))
    assert bank.recognise(evidence(arrays, out + 1e-6, {})) is None
    assert bank.recognise(evidence(arrays, 2 * out, {})) is None
    operation, setup = bank.recognise(evidence({"x": X}, pooled(X, (2, 3), (1, 2), "max"), {}))
    assert operation is MAX
    assert (setup.roles["kernel"], setup.roles["stride"]) == ((2, 3), (1, 2))
    assert bank.recognise(evidence({"x": X}, pooled(X, (2, 3), (1, 2), "mean"), {}))[0] is AVG
    assert bank.recognise(evidence({"x": X}, X.mean(axis=(2, 3)), {}))[0] is GLOBAL


def test_inputs_for_which_a_reading_overflows_are_no_alarm():
    """Warnings are errors here. A column of equal numbers has no standard deviation, and exp of much is infinite."""
    x = numbers(5, 3)
    x[:, 1] = 2.0
    assert bank.recognise(evidence({"x": x}, x + 1, {})) is None
    assert bank.recognise(evidence({"x": 1e200 * X}, X + 1, {})) is None


FOUND = Operation(
    "odd",
    9,
    lambda given: iter(()),
    lambda given, setup: iter(
        [
            Wrong("transposed", {"w": setup.roles["dw"]}, "w's", 0.7),
            Wrong(
                "stride ignored", {"x": setup.roles["dx"], "w": setup.roles["dw"], "u": given.dout}, "both", 0.8, "in full"
            ),
            Wrong("factor 2 missing", {"x": -setup.roles["dx"]}, "never"),
        ]
    ),
    title="an odd one",
)


def test_a_mistake_is_found_where_its_gradient_is_the_wrong_one():
    dx, dw = numbers(*X.shape, seed=1), numbers(*W.shape, seed=1)
    setup = Setup(X, {"dx": dx, "dw": dw})
    arrays = {"x": X, "w": W, "b": B}
    first, second = bank.find(evidence(arrays, X, {"x": dx, "w": dw * (1 + 1e-8), "b": B}), FOUND, setup)
    said = "a correct an odd one gradient, changed in this way, gives exactly your "
    assert (first.name, first.weight, first.explains) == ("transposed", 0.7, ("w",))
    assert (first.evidence, first.detail) == (f"{said}grad_w: w's", "w's")
    assert (second.name, second.weight, second.explains) == ("stride ignored", 0.8, ("x", "w"))
    assert (second.evidence, second.detail) == (f"{said}dx, grad_w: both", "in full")


def test_a_gradient_that_is_right_or_only_nearly_the_mistakes_is_not_named():
    dx, dw = numbers(*X.shape, seed=1), numbers(*W.shape, seed=1)
    setup = Setup(X, {"dx": dx, "dw": dw})
    right = evidence({"x": X, "w": W}, X, {"x": dx, "w": dw}, {"x": dx})
    assert [finding.explains for finding in bank.find(right, FOUND, setup)] == [("w",), ("w",)]
    nearly = evidence({"x": X, "w": W}, X, {"x": dx * (1 + 1e-4), "w": 2 * dw})
    assert list(bank.find(nearly, FOUND, setup)) == []


def test_a_mistake_that_overflows_is_no_alarm():
    infinite = Operation("odd", 9, FOUND.setups, lambda g, s: iter([Wrong("transposed", {"x": g.arrays["x"] / 0.0}, "")]))
    assert list(bank.find(evidence({"x": X}, X, {"x": X}), infinite, Setup(X))) == []
