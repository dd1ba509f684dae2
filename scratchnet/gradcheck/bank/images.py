"""Convolution and pooling."""

import itertools
from collections.abc import Iterator

import numpy as np

from scratchnet.gradcheck.bank.operation import Given, Operation, Setup, Wrong
from scratchnet.gradcheck.evidence import count
from scratchnet.typing import Array, Params


def patches(x: Array, kh: int, kw: int, sh: int, sw: int, oh: int, ow: int) -> Array:
    """(N, C, H, W), already padded -> (KH, KW, N, C, OH, OW)."""
    views = [x[:, :, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw] for i, j in np.ndindex(kh, kw)]
    return np.stack(views).reshape(kh, kw, *views[0].shape)


def _convolutions(given: Given) -> Iterator[Setup]:
    images = [(name, a) for name, a in given.arrays.items() if a.ndim == 4]
    if len(images) != 2 or len(given.out_shape) != 4 or 0 in given.out_shape:
        return
    (x_name, x), (w_name, w) = images
    n, f, oh, ow = given.out_shape
    if x.shape[1] != w.shape[1] or (n, f) != (len(x), len(w)):
        return
    b = next((a for a in given.arrays.values() if a.ndim != 4 and a.size == f), None)
    (h, wd), (kh, kw) = x.shape[2:], w.shape[2:]
    for sh, sw, ph, pw in itertools.product((1, 2, 3), (1, 2, 3), (0, 1, 2, 3), (0, 1, 2, 3)):
        if ((h + 2 * ph - kh) // sh + 1, (wd + 2 * pw - kw) // sw + 1) != (oh, ow):
            continue
        if (sh, ph) != (sw, pw) and {"stride", "pad", "padding"} & given.settings.keys():
            continue  # one number was given for both
        xpad = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        cols = patches(xpad, kh, kw, sh, sw, oh, ow)
        out = np.einsum("klncij,fckl->nfij", cols, w)
        if b is not None:
            out = out + b.reshape(1, f, 1, 1)
        roles = {"x": x_name, "w": w_name, "stride": (sh, sw), "pad": (ph, pw), "xpad": xpad, "size": (oh, ow)}
        yield Setup(out, roles)


def _wrong_convolutions(given: Given, setup: Setup) -> Iterator[Wrong]:
    """dw from windows in other places; dx scattered with a turned kernel, to other places, or overwritten."""
    roles = setup.roles
    x, w, xpad = given.arrays[roles["x"]], given.arrays[roles["w"]], roles["xpad"]
    (sh, sw), (ph, pw), (oh, ow) = roles["stride"], roles["pad"], roles["size"]
    kh, kw = w.shape[2:]

    def dw_from(image: Array, sh: int, sw: int) -> Array:
        dw = np.zeros(w.shape)
        for i, j in np.ndindex(oh, ow):
            window = image[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]  # past the image's edge there are zeros
            dw[:, :, : window.shape[2], : window.shape[3]] += np.einsum("nf,nckl->fckl", given.dout[:, :, i, j], window)
        return dw

    if (sh, sw) != (1, 1):
        yield Wrong("stride ignored", {roles["w"]: dw_from(xpad, 1, 1)}, "dw from windows one pixel apart")
        for s in (kh, kw):
            yield Wrong("stride ignored", {roles["w"]: dw_from(xpad, s, s)}, "dw from windows a kernel apart")
    if ph or pw:
        yield Wrong("padding not cropped", {roles["w"]: dw_from(x, sh, sw)}, "dw from the image without its padding")
    elif kh > 1:
        yield Wrong("stride ignored", {roles["w"]: dw_from(xpad, kh, kw)}, "dw from windows a kernel apart")
    yield Wrong("kernel flipped", {roles["w"]: dw_from(xpad[:, :, ::-1, ::-1], sh, sw)}, "dw from the image turned round")
    yield from _wrong_dx(given, setup)


def _wrong_dx(given: Given, setup: Setup) -> Iterator[Wrong]:
    roles = setup.roles
    x, w, xpad = given.arrays[roles["x"]], given.arrays[roles["w"]], roles["xpad"]
    (sh, sw), (ph, pw), (oh, ow) = roles["stride"], roles["pad"], roles["size"]
    kh, kw = w.shape[2:]

    def dx(kernel: Array, step: tuple[int, int] = (sh, sw), crop: tuple[int, int] = (ph, pw), add: bool = True) -> Params:
        larger = np.zeros(xpad.shape)
        for i, j in np.ndindex(oh, ow):
            r, s = i * step[0], j * step[1]
            window = larger[:, :, r : r + kh, s : s + kw]  # what falls past the edge is lost
            part = np.einsum("nf,fckl->nckl", given.dout[:, :, i, j], kernel)[:, :, : window.shape[2], : window.shape[3]]
            window[...] = part + window if add else part
        return {roles["x"]: larger[:, :, crop[0] : crop[0] + x.shape[2], crop[1] : crop[1] + x.shape[3]]}

    yield Wrong("kernel flipped", dx(w[:, :, ::-1, ::-1]), "dx with the kernel turned by 180 degrees")
    if kh == kw:
        yield Wrong("transposed", dx(w.swapaxes(2, 3)), "dx with the kernel's rows and columns swapped")
    yield Wrong("overlap overwritten", dx(w, add=False), "each window overwrites dx")
    if ph or pw:
        for crop in ((0, 0), (2 * ph, 2 * pw), (0, pw), (ph, 0)):
            yield Wrong("padding not cropped", dx(w, crop=crop), f"dx cut out at {crop}")
    for step in {(1, 1), (kh, kw)} - {(sh, sw)}:
        apart = f"{count(step[0], 'row')} and {count(step[1], 'column')}"
        yield Wrong("stride ignored", dx(w, step=step), f"windows {apart} apart")


def _pools(given: Given, mean: bool) -> Iterator[Setup]:
    (name, x), *others = given.arrays.items()
    if others or x.ndim != 4 or len(given.out_shape) != 4 or 0 in given.out_shape or given.out_shape[:2] != x.shape[:2]:
        return
    oh, ow = given.out_shape[2:]
    sizes = range(1, 5)
    for kh, kw, sh, sw in itertools.product(sizes, sizes, sizes, sizes):
        if ((x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1) != (oh, ow) or kh * kw == 1:
            continue
        cols = patches(x, kh, kw, sh, sw, oh, ow)
        out = cols.mean(axis=(0, 1)) if mean else cols.max(axis=(0, 1))
        yield Setup(out, {"x": name, "kernel": (kh, kw), "stride": (sh, sw)})


def _max_pools(given: Given) -> Iterator[Setup]:
    return _pools(given, mean=False)


def _wrong_max_pools(given: Given, setup: Setup) -> Iterator[Wrong]:
    """The winners' shares written to dx one window entry after the other, each of which overwrites those before it."""
    (kh, kw), (sh, sw), name = setup.roles["kernel"], setup.roles["stride"], setup.roles["x"]
    if sh >= kh and sw >= kw:
        return
    x, (oh, ow) = given.arrays[name], given.out_shape[2:]
    winner = patches(x, kh, kw, sh, sw, oh, ow).reshape(kh * kw, *given.out_shape).argmax(axis=0)
    dx = np.zeros(x.shape)
    for entry, (i, j) in enumerate(np.ndindex(kh, kw)):
        dx[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] = given.dout * (winner == entry)
    yield Wrong("overlap overwritten", {name: dx}, "each entry of the windows overwrites those before it", 0.97)


def _avg_pools(given: Given) -> Iterator[Setup]:
    return _pools(given, mean=True)


def _global_pools(given: Given) -> Iterator[Setup]:
    x, *others = given.arrays.values()
    if x.ndim == 4 and not others and given.out_shape in (x.shape[:2], (*x.shape[:2], 1, 1)):
        yield Setup(x.mean(axis=(2, 3)).reshape(given.out_shape))


OPERATIONS = (
    Operation("conv2d", 9, _convolutions, _wrong_convolutions, title="convolution"),
    Operation("max_pool2d", 11, _max_pools, _wrong_max_pools, title="max pooling"),
    Operation("avg_pool2d", 11, _avg_pools),
    Operation("global_avg_pool", 11, _global_pools),
)
