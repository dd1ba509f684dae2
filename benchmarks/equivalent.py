"""Mutants of `mutation_score` that no test can tell from the original, by name, and why."""
# ruff: noqa: E501  (a name is one line of code and more)

_COPY = "the same values; NumPy only makes a copy more"
_SAME_TYPE = "only its dtype is asked for, and both have the same"
_SLACK = "a bound on memory of more than a megabyte moves by 32 bytes"
_FILLED = "every value is replaced by the file's before anybody sees it"
_BLANKS = "blanks before a page are looked through for a byte more, which nobody is promised"
_PEEK = "BufferedReader.peek gives what its buffer holds, however much is asked for"
_BALANCE = "another balance of time and size; the file holds the same array"
_ENOUGH = "it is asked for more bytes than are looked at, or as many as come"

EQUIVALENT: dict[str, str] = {
    "scratchnet/layers/compose.py Residual.stages_back: "
    "[for (way, child), child_cache in zip(self.children.items(), cache, strict=True):] "
    "column 82: True -> False": "forward has made a cache for each child",
    "scratchnet/datasets/idx.py _read: "
    '[with gzip.GzipFile(fileobj=buffered, mode="rb") as unpacked:] '
    "column 13: gzip.GzipFile without mode=": "a file that says nothing else is opened for reading",
    "scratchnet/serialize.py _parse_metadata: "
    '[require(array.ndim == 0 and array.dtype.kind == "U", f"its metadata is {array.dtype} {array.shape}, wanted one text")] '
    "column 12: == -> <=": "there are never fewer than no dimensions",
    "scratchnet/serialize.py _check_state: "
    '[require(labels.min(initial=0) >= 0 and labels.max(initial=0) <= last, f"{name}.labels must be in 0 .. {last}")] '
    "column 39: 0 -> 1": "only whether a label is below 0 is asked",
    "scratchnet/losses.py _check_dloss: "
    '[single = is_number(dloss) or (isinstance(dloss, np.ndarray) and dloss.ndim == 0 and dloss.dtype.kind in "fiu")] '
    "column 68: == -> <=": "there are never fewer than no dimensions",
    "scratchnet/layers/norm.py batch_norm_forward: [m = x.size // max(x.shape[1], 1)] "
    "column 8: // -> /": "it divides evenly",
    "scratchnet/datasets/idx.py _parse: "
    '[found = f"0x{magic.hex()}{_looks_like(magic + file.read(60))}"] column 64: 60 -> 59': _BLANKS,
    "scratchnet/datasets/idx.py write: "
    '[with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:] '
    "column 69: 6 -> 5": _BALANCE,
    "scratchnet/datasets/idx.py _parse: [if len(values) > MOST_TIMES * raw.count + CHUNK:] column 11: > -> >=": _SLACK,
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
    'scratchnet/serialize.py _Builder._leaf: [settings["init"] = _blank] column 12: statement left out': _FILLED,
    "scratchnet/serialize.py _blank: [return np.zeros(shape, np.float32)] column 11: zeros -> ones": _FILLED,
    "scratchnet/datasets/idx.py write: "
    "[data = array.astype(TYPES[head[2]], copy=False).tobytes()] column 11: array.astype without copy=": _COPY,
    "scratchnet/datasets/idx.py _parse: "
    '[return np.ndarray(shape, dtype, buffer=values).astype(dtype.newbyteorder("="), copy=False)] '
    "column 88: False -> True": _COPY,
    "scratchnet/datasets/idx.py write: "
    '[with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:] '
    "column 69: 6 -> 7": _BALANCE,
    "scratchnet/datasets/idx.py _parse: "
    "[if math.prod(max(dim, 1) for dim in shape) * dtype.itemsize > sys.maxsize:] "
    "column 7: > -> >=": "of exactly sys.maxsize bytes there is no file, so that it is refused in either case",
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
    "scratchnet/layers/neighbors.py nearest: "
    "[best, indices = np.zeros((len(x), 0), x.dtype), np.zeros((len(x), 0), np.intp)] "
    "column 20: zeros -> ones": "there are no values in them",
    "scratchnet/layers/norm.py _sums: [return np.vecdot(rows, others).sum(axis=0)] "
    "column 11: arguments of np.vecdot swapped": "a product of real numbers has no order",
}

_OF_GRADCHECK: dict[str, list[str]] = {
    "random steps up are as good as random steps down": [
        "scratchnet/gradcheck/slopes.py Prober._belong: [moved[where] = shuffled * rng.uniform(0.5, 1.5) + rng.normal(0, 0.5, part.shape)] column 27: + -> -",
    ],
    "a bound on rounding that no number meets exactly": [
        "scratchnet/gradcheck/signs/structure.py _left_out: [relevant = np.moveaxis(np.abs(n) > 1e-9, axis, 0).reshape(n.shape[axis], -1)] column 31: > -> >=",
        "scratchnet/gradcheck/signs/structure.py _one_term_left: [single = (np.abs(sums - a[:, None]) <= tolerance) & (np.abs(sums) > tolerance)] column 14: <= -> <",
        "scratchnet/gradcheck/notes.py notes_on: [elif largest < TINY and not result.wrong:] column 13: < -> <=",
        "scratchnet/gradcheck/bank/norm.py _mixed_up: [return any(abs(factor - ratio) < 1e-5 for ratio in (m / (m - 1), (m - 1) / m))] column 15: < -> <=",
        "scratchnet/gradcheck/bank/norm.py _read_table: [elif abs(factor - 1) > 1e-6:] column 13: > -> >=",
        "scratchnet/gradcheck/bank/norm.py _read_table: [elif abs(factor) < 1e-6:] column 13: < -> <=",
        'scratchnet/gradcheck/bank/norm.py _read_table: [fine = all(k == "number" and abs(v - 1) < 1e-5 for k, v in (direct, reading))] column 41: < -> <=',
        'scratchnet/gradcheck/bank/norm.py _read_table: [if "other" in (direct[0], mean[0], variance[0]) and most < NEARLY:] column 56: < -> <=',
        "scratchnet/gradcheck/bank/norm.py _read_table: [if len(off) == 2 and np.ptp(off) < 1e-5 and abs(both - 1) > 1e-6:] column 25: < -> <=",
        "scratchnet/gradcheck/bank/norm.py _read_table: [if len(off) == 2 and np.ptp(off) < 1e-5 and abs(both - 1) > 1e-6:] column 48: > -> >=",
        "scratchnet/gradcheck/bank/norm.py _reading: [if np.abs(ratios).max() < 1e-6:] column 7: < -> <=",
        "scratchnet/gradcheck/bank/norm.py read_dx: [if np.abs(basis @ found - mine[c]).max() > 1e-5 * np.abs(mine[c]).max() + 1e-14:] column 11: > -> >=",
        "scratchnet/gradcheck/signs/factor.py _along_one_axis: [if np.abs(factors).min() < 1e-9 or n.size == factors.size:] column 11: < -> <=",
        "scratchnet/gradcheck/signs/factor.py _measured_window: [counts = (np.abs(jacobian) > 1e-7).sum(axis=0)] column 14: > -> >=",
        "scratchnet/gradcheck/signs/factor.py dropout_factors: [if not 0 < on.size < diagonal.size or not close(jacobian, np.diag(diagonal)) or np.ptp(on) > 1e-6 * on.mean():] column 84: > -> >=",
        "scratchnet/gradcheck/signs/factor.py dropout_factors: [on = diagonal[np.abs(diagonal) > 1e-7]] column 18: > -> >=",
        "scratchnet/gradcheck/signs/terms.py _branches: [if e.scalar or np.abs(n).max() < 1e-9:] column 19: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _decay: [elif abs(has) < 1e-9:] column 9: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _decay: [if abs(wanted) < 1e-9:] column 7: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _decay: [if abs(yours) < 1e-9:] column 11: < -> <=",
        'scratchnet/gradcheck/signs/terms.py _decay: [part, right = (f"{v / upstream:.4g} * {name}" if abs(v) > 1e-9 else "nothing" for v in (has, wanted))] column 53: > -> >=',
        "scratchnet/gradcheck/signs/terms.py _dependence: [if moved is None or name not in moved or np.abs(e.a(name)).max() < 1e-12:] column 49: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [if np.array_equal(wrong, onehot == 0) and np.ptp(off) < 1e-6:] column 46: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [if np.ptp(values) < 1e-6:] column 11: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [wrong = np.abs(a - n) > 1e-6 * np.abs(n).max()] column 12: > -> >=",
        "scratchnet/gradcheck/signs/terms.py _matrices: [mask = np.abs(body) > 1e-12] column 19: > -> >=",
        "scratchnet/gradcheck/signs/terms.py _multiple: [return c if close(array, c * of) and (abs(c) > 1e-9 or np.abs(array).max() < 1e-9) else None] column 42: > -> >=",
        "scratchnet/gradcheck/signs/terms.py _multiple: [return c if close(array, c * of) and (abs(c) > 1e-9 or np.abs(array).max() < 1e-9) else None] column 59: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _penalty: [if has is not None and abs(has + lacks - wanted) <= 1e-5 * (abs(wanted) + abs(lacks)):] column 31: <= -> <",
        "scratchnet/gradcheck/signs/terms.py _sums: [if a.shape[axis] > 1 and np.abs(np.diff(a, axis=axis)).max() < 1e-9 and np.abs(np.diff(n, axis=axis)).max() > 1e-7:] column 33: < -> <=",
        "scratchnet/gradcheck/signs/terms.py _sums: [if a.shape[axis] > 1 and np.abs(np.diff(a, axis=axis)).max() < 1e-9 and np.abs(np.diff(n, axis=axis)).max() > 1e-7:] column 80: > -> >=",
    ],
    "both have the same shape, and only that is asked for": [
        "scratchnet/gradcheck/signs/factor.py _along_one_axis: [parts = [proportional(pa, pn) for pa, pn in zip(np.moveaxis(a, axis, 0), np.moveaxis(n, axis, 0), strict=True)]] column 113: True -> False",
        "scratchnet/gradcheck/signs/factor.py _along_one_axis: [parts = [proportional(pa, pn) for pa, pn in zip(np.moveaxis(a, axis, 0), np.moveaxis(n, axis, 0), strict=True)]] column 52: zip without strict=",
        "scratchnet/gradcheck/signs/structure.py _Pairs._routing: [given = self.claimed[winner, np.arange(winner.size)]] column 51: winner -> gets_it",
        "scratchnet/gradcheck/signs/terms.py _branches: [if e.dout.ndim == 2 and a.ndim == 2 and len(e.dout) == len(a):] column 28: a -> e_missing",
        "scratchnet/gradcheck/signs/terms.py _branches: [if e.dout.ndim == 2 and a.ndim == 2 and len(e.dout) == len(a):] column 63: a -> e_missing",
        "scratchnet/gradcheck/signs/terms.py _branches: [if e.dout.shape == a.shape and mixes:] column 23: a -> e_missing",
        "scratchnet/gradcheck/signs/terms.py _branches: [if other != name and (e.dout.shape[1], a.shape[1]) == m.shape:] column 55: a -> e_missing",
    ],
    "it is never negative": [
        "scratchnet/gradcheck/signs/elementwise.py find: [if slopes is None or np.abs(e.dout).min() == 0:] column 29: == -> <=",
        "scratchnet/gradcheck/signs/factor.py proportional: [if norm == 0:] column 7: == -> <=",
        "scratchnet/gradcheck/signs/terms.py _sums: [if a.size < 2 or e.dout.ndim == 0:] column 21: == -> <=",
        "scratchnet/gradcheck/signs/terms.py _upstream: [if doubled is None or negated is None or np.abs(a).max() == 0:] column 49: == -> <=",
        "scratchnet/gradcheck/steps.py _findings: [if all(np.abs(mine[name]).max() == 0 for name in mine):] column 11: == -> <=",
    ],
    "it holds 0 and 1 only": [
        "scratchnet/gradcheck/signs/terms.py _labelled: [if not wrong[onehot == 0].any():] column 17: == -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [if np.array_equal(columns, used) and wrong[onehot == 0].any() and not used.all():] column 47: == -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [if np.array_equal(wrong, onehot == 0) and np.ptp(off) < 1e-6:] column 29: == -> <=",
        "scratchnet/gradcheck/signs/terms.py _labelled: [values = (n - a)[onehot == 1] * len(n) / float(e.dout)] column 25: == -> >=",
    ],
    "reshape takes any negative size for 'whatever is left'": [
        "scratchnet/gradcheck/bank/losses.py _linear_setups: [scores = x @ m + (everything[b_name].reshape(-1) if b_name else 0)] column 66: 1 -> 2",
        "scratchnet/gradcheck/bank/simple.py _dense: [yield Setup(x @ m + bias[0].reshape(-1))] column 53: 1 -> 2",
        "scratchnet/gradcheck/bank/simple.py _flatten: [yield Setup(x.reshape(len(x), -1))] column 39: 1 -> 2",
    ],
    "any other point serves": [
        "scratchnet/gradcheck/signs/terms.py _dependence: [moved = e.gradients_for(e.trial.dout, {name: x + step}) if e.well_behaved else None] column 53: + -> *",
        "scratchnet/gradcheck/signs/terms.py _dependence: [moved = e.gradients_for(e.trial.dout, {name: x + step}) if e.well_behaved else None] column 53: + -> -",
        "scratchnet/gradcheck/signs/terms.py _dependence: [moved = e.gradients_for(e.trial.dout, {name: x + step}) if e.well_behaved else None] column 53: x + step -> step",
    ],
    "the difference of equal numbers is 0, and they are not 0: below any bound": [
        "scratchnet/gradcheck/bank/norm.py _reading: [if np.ptp(constant) <= 1e-5 * np.abs(constant).max():] column 19: <= -> <",
        "scratchnet/gradcheck/bank/norm.py _reading: [if np.ptp(ratios) <= 1e-5 * np.abs(ratios).max():] column 7: <= -> <",
    ],
    "numbers that are equal but for rounding: the largest is the least": [
        "scratchnet/gradcheck/bank/norm.py _reading: [if np.ptp(constant) <= 1e-5 * np.abs(constant).max():] column 46: np.abs(constant).max -> min",
        "scratchnet/gradcheck/bank/norm.py _reading: [if np.ptp(ratios) <= 1e-5 * np.abs(ratios).max():] column 32: np.abs(ratios).max -> min",
    ],
    "at most one array is left, so the last is the first": [
        "scratchnet/gradcheck/bank/simple.py _dense: [elif bias[0].size == m.shape[1]:] column 22: 0 -> -1",
        "scratchnet/gradcheck/bank/simple.py _dense: [yield Setup(x @ m + bias[0].reshape(-1))] column 41: 0 -> -1",
    ],
    "a ratio of 0 does not come here: a gradient that is close to 0 was named before": [
        "scratchnet/gradcheck/signs/factor.py _constant: [if ratio < 0:] column 7: < -> <=",
        'scratchnet/gradcheck/signs/factor.py _said: [as_part = f" ({\'-\' * (ratio < 0)}1/{part} of)" if part > 1 and _is(abs(ratio), 1 / part) else ""] column 26: < -> <=',
    ],
    "any random direction serves": [
        "scratchnet/gradcheck/signs/terms.py _dependence: [rng = np.random.default_rng(1)] column 36: 1 -> 0",
        "scratchnet/gradcheck/signs/terms.py _dependence: [rng = np.random.default_rng(1)] column 36: 1 -> 2",
    ],
    "there is at most one bias: no more than three arrays, two of which are matrices": [
        "scratchnet/gradcheck/signs/terms.py _fused: [z = x @ m + (e.arrays[biases[0]] if biases and e.arrays[biases[0]].shape == m.shape[1:] else 0)] column 37: 0 -> -1",
        "scratchnet/gradcheck/signs/terms.py _fused: [z = x @ m + (e.arrays[biases[0]] if biases and e.arrays[biases[0]].shape == m.shape[1:] else 0)] column 71: 0 -> -1",
    ],
    "d has a row for each of x": [
        'scratchnet/gradcheck/bank/losses.py _linear_wrongs: [factor = {1.0: "", float(len(x)): "; and \'1/N missing\'"}.get(scale, "; and \'extra 1/N\'")] column 45: x -> d',
    ],
    "the power is never 0": [
        'scratchnet/gradcheck/bank/norm.py _power: [return raised if power > 0 else f"1 / {raised}"] column 21: > -> >=',
    ],
    "an eps of 0 is tried in any case": [
        "scratchnet/gradcheck/bank/norm.py _setups: [eps_given = [v for v in given.settings.values() if 0 < v < 0.1]] column 55: < -> <=",
    ],
    "all examples have one size": [
        "scratchnet/gradcheck/bank/simple.py _flatten: [if x is not None and x.ndim > 2 and given.out_shape == (len(x), x[0].size):] column 70: 0 -> -1",
    ],
    "at x = 0 both are 0": [
        "scratchnet/gradcheck/bank/simple.py _leaky_relu: [yield Setup(np.where(x > 0, x, slope * x))] column 33: > -> >=",
    ],
    "there is always an argument: the line before takes the first": [
        "scratchnet/gradcheck/bank/simple.py _one: [return x if len(given.arrays) == 1 else None] column 16: == -> <=",
    ],
    "all three planes have one shape": [
        "scratchnet/gradcheck/html.py picture_svg: [rows, columns = planes[0].shape] column 27: 0 -> -1",
    ],
    "0 becomes 1 on the same line": [
        "scratchnet/gradcheck/plane.py reach: [return max((float(np.abs(a[np.isfinite(a)]).max(initial=0)) for a in arrays), default=0.0) or 1.0] column 90: 0.0 -> 1.0",
    ],
    "41 has no divisor w + 1 but 41, for which one image is shown in either case": [
        "scratchnet/gradcheck/plane.py to_plane: [across = max(1, min(blocks.shape[1], 40 // (w + 1)))] column 45: 40 -> 41",
    ],
    "n is never smaller than its number of parts": [
        "scratchnet/gradcheck/signs/factor.py _along_one_axis: [if np.abs(factors).min() < 1e-9 or n.size == factors.size:] column 43: == -> <=",
    ],
    "all parts have one size": [
        'scratchnet/gradcheck/signs/factor.py _counts: [counts["C*KH*KW"] = array[0].size] column 38: 0 -> -1',
    ],
    "all counts must be the same, so that the last is the first": [
        "scratchnet/gradcheck/signs/factor.py _measured_window: [k = int(counts[0])] column 19: 0 -> -1",
    ],
    "an array without axes has one value, and c.size > 1 rules it out": [
        'scratchnet/gradcheck/signs/factor.py batch_size: [labels = [c for c in e.constants.values() if c.ndim == 1 and c.dtype.kind in "iu" and c.size > 1]] column 49: == -> <=',
    ],
    "drop is not 0: a scale of 1 was answered before": [
        'scratchnet/gradcheck/signs/factor.py dropout_factors: [*([(keep / drop, "keep/drop: divided by the probability to drop"), (keep * drop, "keep*drop")] if drop > 0 else []),] column 106: > -> >=',
    ],
    "power is 1 or 2": [
        'scratchnet/gradcheck/signs/factor.py words_of_n: [return f"N = {n}" + (" squared" if power == 2 else "")] column 39: == -> >=',
    ],
    "a roll by 0 is the gradient itself, which was compared before": [
        "scratchnet/gradcheck/signs/geometry.py _moved: [for step in range(1, n.shape[axis]):] column 26: 1 -> 0",
    ],
    "no order is before the sorted one": [
        "scratchnet/gradcheck/signs/geometry.py _taken: [if list(order[1:]) == sorted(order[1:]):] column 7: == -> <=",
    ],
    "the inverse order is found if and only if the order is": [
        "scratchnet/gradcheck/signs/structure.py _Pairs._permuted: [if reading_order(self.e.a(self.name), self.e.n(self.name)) is not None:] column 11: arguments of reading_order swapped",
    ],
    "they are equal where it is used": [
        'scratchnet/gradcheck/signs/structure.py _Pairs._routing: [many = f"{getters.min()}" if np.ptp(getters) == 0 else f"{getters.min()} to {getters.max()}"] column 22: getters.min -> max',
    ],
    "they differ by 1e-4 at most where it is decided": [
        "scratchnet/gradcheck/signs/structure.py _Pairs._weights: [constant = np.ptp(ratios) < 1e-4 * np.abs(ratios).max()] column 43: np.abs(ratios).max -> min",
    ],
    "all ratios are equal there": [
        "scratchnet/gradcheck/signs/structure.py _Pairs._weights: [elif abs(ratios[0] + 1) < 1e-4:] column 28: 0 -> -1",
    ],
    "both arrays are equal there": [
        "scratchnet/gradcheck/signs/structure.py _left_out: [if np.array_equal(all_wrong, any_wrong) and all_wrong.any():] column 52: all_wrong -> any_wrong",
    ],
    "1e-9 more or less of a rounding tolerance": [
        "scratchnet/gradcheck/signs/structure.py _one_term_left: [tolerance = CLOSE * float(np.abs(n).max()) + 1e-9] column 16: + -> -",
    ],
    "it is not 0: then there is no difference": [
        "scratchnet/gradcheck/signs/terms.py _decay: [if missing > 0:] column 11: > -> >=",
    ],
    "the default of today's NumPy; None is for the warning of older ones": [
        "scratchnet/gradcheck/signs/terms.py _decay: [parts, *_ = np.linalg.lstsq(basis, (n - a).ravel(), rcond=None)] column 20: np.linalg.lstsq without rcond=",
    ],
    "x + x: another point too": [
        "scratchnet/gradcheck/signs/terms.py _dependence: [moved = e.gradients_for(e.trial.dout, {name: x + step}) if e.well_behaved else None] column 57: step -> x",
    ],
    "where the values are all the same there is one wrong entry in each row: as many as rows": [
        "scratchnet/gradcheck/signs/terms.py _labelled: [values = (n - a)[onehot == 1] * len(n) / float(e.dout)] column 44: n -> off",
    ],
    "only plain SGD takes the default; with keep = 0 the look-ahead is the step itself": [
        "scratchnet/gradcheck/steps.py Rule: [nesterov: bool = False] column 21: False -> True",
    ],
    "there is only one step so far": [
        "scratchnet/gradcheck/kinks.py examine: [if steps[0].gap <= tolerance:] column 13: 0 -> -1",
    ],
    "how often a step is timed, a time or two more or less": [
        "scratchnet/gradcheck/evidence.py naive_step: [for _ in range(10):] column 23: 10 -> 11",
        "scratchnet/gradcheck/evidence.py naive_step: [for _ in range(10):] column 23: 10 -> 9",
    ],
    "integers and truth values are never nan": [
        'scratchnet/gradcheck/subject.py Subject.changed: [if not np.array_equal(array, given[name], equal_nan=array.dtype.kind == "f")] column 64: == -> <=',
    ],
}
EQUIVALENT |= {name: why for why, names in _OF_GRADCHECK.items() for name in names}
