"""Mutants of `mutation_score` that no test can tell from the original, by name, and why."""

_COPY = "the same values; NumPy only makes a copy more"
_SAME_TYPE = "only its dtype is asked for, and both have the same"
_SLACK = "a bound on memory of more than a megabyte moves by 32 bytes"
_FILLED = "every value is replaced by the file's before anybody sees it"
_BLANKS = "blanks before a page are looked through for a byte more, which nobody is promised"
_PEEK = "BufferedReader.peek gives what its buffer holds, however much is asked for"
_ENOUGH = "it is asked for more bytes than are looked at, or as many as come"

EQUIVALENT: dict[str, str] = {
    'scratchnet/datasets/idx.py _read: [if buffered.peek(2)[:2] != b"\\x1f\\x8b":] column 25: 2 -> 3': _ENOUGH,
    'scratchnet/datasets/idx.py _read: [if buffered.peek(2)[:2] != b"\\x1f\\x8b":] column 25: 2 -> 0': _PEEK,
    'scratchnet/datasets/idx.py _read: [if buffered.peek(2)[:2] != b"\\x1f\\x8b":] column 25: 2 -> 1': _PEEK,
    "scratchnet/datasets/idx.py _parse: [if file.read(1):] column 17: 1 -> 2": _ENOUGH,
    "scratchnet/datasets/idx.py _parse: "
    '[found = f"0x{magic.hex()}{_looks_like(magic + file.read(60))}"] column 64: 60 -> 61': _BLANKS,
    "scratchnet/datasets/idx.py _Counted.__init__: "
    "[self.file, self.count = cast(io.RawIOBase, file), 0] column 58: 0 -> 1": _SLACK,
    "scratchnet/datasets/idx.py _Counted.__init__: "
    "[self.file, self.count = cast(io.RawIOBase, file), 0] column 58: 0 -> -1": _SLACK,
    "scratchnet/datasets/idx.py _Counted.readinto: [self.count += size or 0] column 30: 0 -> 1": _SLACK,
    "scratchnet/datasets/idx.py _Counted.readinto: [self.count += size or 0] column 30: 0 -> -1": _SLACK,
    "scratchnet/datasets/idx.py header: "
    '[return bytes([0, 0, codes[0], array.ndim]) + np.array(array.shape, ">u4").tobytes()] '
    "column 30: 0 -> -1": "a type has one code, so that the first is the last",
    "scratchnet/datasets/idx.py header: "
    "[if array.ndim == 0 or max(array.shape) >= 2**32:] column 7: == -> <=": "there are never fewer than no dimensions",
    "scratchnet/datasets/idx.py _parse: "
    "[if math.prod(max(dim, 1) for dim in shape) * dtype.itemsize > sys.maxsize:] "
    "column 17: arguments of max swapped": "max has no order",
    'scratchnet/serialize.py _Builder._leaf: [settings["init"] = _blank] column 12: statement left out': _FILLED,
    "scratchnet/serialize.py _blank: [return np.zeros(shape, np.float32)] column 11: zeros -> ones": _FILLED,
    "scratchnet/datasets/idx.py write: "
    "[data = array.astype(TYPES[head[2]], copy=False).tobytes()] column 11: array.astype without copy=": _COPY,
    "scratchnet/datasets/idx.py _parse: "
    '[return np.ndarray(shape, dtype, buffer=values).astype(dtype.newbyteorder("="), copy=False)] '
    "column 88: False -> True": _COPY,
    "scratchnet/datasets/idx.py write: "
    '[with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:] '
    "column 69: 6 -> 7": "another balance of time and size; the file holds the same array",
    "scratchnet/datasets/idx.py _parse: "
    "[if math.prod(max(dim, 1) for dim in shape) * dtype.itemsize > sys.maxsize:] "
    "column 7: > -> >=": "of exactly sys.maxsize bytes there is no file, so that it is refused in either case",
    "scratchnet/datasets/idx.py _parse: "
    "[chunk = file.read(min(CHUNK, size - len(values)))] column 26: arguments of min swapped": "min has no order",
    "scratchnet/optim.py warmup_cosine: "
    "[falling = cosine(lr, max(1, steps - rising))] column 25: arguments of max swapped": "max has no order",
    "scratchnet/losses.py multiclass_hinge_forward: "
    "[margins = np.maximum(0, logits - logits[rows, labels][:, None] + logits.dtype.type(margin))] "
    "column 14: arguments of np.maximum swapped": "max has no order",
    "scratchnet/losses.py mean_squared_error_forward: "
    "[difference = out - targets.astype(out.dtype, copy=False)] column 23: targets.astype without copy=": _COPY,
    "scratchnet/losses.py mean_squared_error_forward: "
    "[difference = out - targets.astype(out.dtype, copy=False)] column 54: False -> True": _COPY,
    "scratchnet/losses.py softmax_cross_entropy_backward: "
    "[dlogits[np.arange(n), labels] -= probs.dtype.type(1 - label_smoothing)] column 37: probs -> dlogits": _SAME_TYPE,
    "scratchnet/losses.py softmax_cross_entropy_backward: "
    "[dlogits *= probs.dtype.type(dloss / n)] column 15: probs -> dlogits": _SAME_TYPE,
    "scratchnet/layers/compose.py Residual._sum: "
    "[body, shortcut = outs if len(outs) == 2 else (outs[0], x)] column 33: == -> >=": "there are never more than two ways",
    "scratchnet/layers/dense.py Dense.__init__: "
    "[is_whole(in_features, out_features) and in_features >= 1 and out_features >= 1,] "
    "column 12: arguments of is_whole swapped": "both must be whole numbers, in either order",
    "scratchnet/layers/neighbors.py nearest: "
    "[best, indices = np.zeros((len(x), 0), x.dtype), np.zeros((len(x), 0), np.intp)] "
    "column 52: zeros -> ones": "there are no values in them",
    "scratchnet/layers/norm.py _sums: [return np.vecdot(rows, others).sum(axis=0)] "
    "column 11: arguments of np.vecdot swapped": "a product of real numbers has no order",
}
