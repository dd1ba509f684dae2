"""Is a wrong gradient ever called right? ``python -m benchmarks.mutations [--count 500] [--seed 0]``

Every backward pass of the package is changed in one place, an operator, a constant, a comparison, an axis, as many times as
wanted, and each mutant is checked. A mutant that the checker calls right must be *equivalent*: it computes the same numbers.
Those are listed below with the reason; any other one is a miss, and the exit status is 1.
"""

import argparse
import ast
import inspect
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from scratchnet import losses
from scratchnet.gradcheck import check, generic
from scratchnet.gradcheck.report import Report
from scratchnet.layers import activations, conv, dense, dropout, norm, pool, reshape

# --- what is mutated, and how it is checked --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A backward function, the pair that it belongs to, and the calls that check it."""

    module: ModuleType
    function: str  # what is mutated: the backward itself or a helper of it
    forward: str
    backward: str
    calls: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...]

    @property
    def name(self) -> str:
        return self.function


def targets() -> list[Target]:
    rng = np.random.default_rng(12)
    x, w, b = generic((5, 4), rng), generic((4, 3), rng), generic((3,), rng)
    images, kernels, bias = generic((3, 2, 7, 6), rng), generic((4, 2, 3, 2), rng), generic((4,), rng)
    small = generic((2, 2, 5, 4), rng)
    gamma, beta = generic((4,), rng), generic((4,), rng)
    gamma2, beta2 = generic((2,), rng), generic((2,), rng)
    logits, labels = generic((5, 4), rng), {"labels": np.array([3, 0, 2, 0, 1])}
    mean, var = generic((4,), rng), np.exp(generic((4,), rng))
    convolution = (
        ((images, kernels, bias), {}),
        ((images, kernels, bias), {"pad": 1}),
        ((small, generic((3, 2, 2, 3), rng), generic((3,), rng)), {"stride": (2, 1), "pad": (0, 1)}),
        ((images, generic((3, 2, 2, 3), rng), generic((3,), rng)), {"stride": (1, 2), "pad": (2, 0)}),
        ((small, generic((3, 2, 2, 2), rng), generic((3,), rng)), {"stride": 1, "pad": (2, 1)}),
        ((small, generic((3, 2, 2, 2), rng), generic((3,), rng)), {"stride": 1, "pad": (1, 2)}),
        ((small, generic((3, 2, 2, 3), rng), generic((3,), rng)), {"stride": 1, "pad": (0, 1)}),
        ((images[:2], generic((3, 2, 2, 3), rng), generic((3,), rng)), {"stride": 1, "pad": 3}),
        ((small, generic((3, 2, 2, 3), rng), generic((3,), rng)), {"stride": 1, "pad": (2, 0)}),
        ((images, generic((3, 2, 4, 3), rng), generic((3,), rng)), {"stride": 1, "pad": (3, 1)}),
        ((images, generic((3, 2, 2, 4), rng), generic((3,), rng)), {"stride": 1, "pad": 2}),
    )
    pooling = (
        ((images,), {"kernel_size": 2}),
        ((images,), {"kernel_size": (3, 2), "stride": (2, 1)}),
        ((images,), {"kernel_size": 3, "stride": 1}),
        ((small,), {"kernel_size": (2, 3), "stride": (1, 2)}),
        ((small,), {"kernel_size": (2, 2), "stride": (1, 2)}),
        ((np.round(2 * images) / 2,), {"kernel_size": (2, 2), "stride": (2, 1)}),
    )
    one = (((x,), {}), ((images,), {}))
    norms = (((x, gamma, beta), {}), ((images, gamma2, beta2), {}), ((x, gamma, beta), {"mean": mean, "var": var}))
    smooth = (((logits,), labels), ((logits,), {**labels, "label_smoothing": 0.2}))
    return [
        Target(dense, "dense_backward", "dense_forward", "dense_backward", (((x, w, b), {}),)),
        Target(conv, "conv2d_backward", "conv2d_forward", "conv2d_backward", convolution),
        Target(conv, "col2im", "conv2d_forward", "conv2d_backward", convolution),
        Target(pool, "max_pool2d_backward", "max_pool2d_forward", "max_pool2d_backward", pooling),
        Target(pool, "_to_winner", "max_pool2d_forward", "max_pool2d_backward", pooling),
        Target(pool, "avg_pool2d_backward", "avg_pool2d_forward", "avg_pool2d_backward", pooling[:3]),
        Target(pool, "global_avg_pool_backward", "global_avg_pool_forward", "global_avg_pool_backward", (((images,), {}),)),
        Target(activations, "relu_backward", "relu_forward", "relu_backward", one),
        Target(activations, "leaky_relu_backward", "leaky_relu_forward", "leaky_relu_backward", one),
        Target(activations, "sigmoid_backward", "sigmoid_forward", "sigmoid_backward", one),
        Target(activations, "tanh_backward", "tanh_forward", "tanh_backward", one),
        Target(norm, "batch_norm_backward", "batch_norm_forward", "batch_norm_backward", norms),
        Target(dropout, "dropout_backward", "dropout_forward", "dropout_backward", (((x,), {"p": 0.4}),)),
        Target(reshape, "flatten_backward", "flatten_forward", "flatten_backward", (((images,), {}),)),
        Target(
            losses,
            "softmax_cross_entropy_backward",
            "softmax_cross_entropy_forward",
            "softmax_cross_entropy_backward",
            smooth,
        ),
        Target(losses, "multiclass_hinge_backward", "multiclass_hinge_forward", "multiclass_hinge_backward", smooth[:1]),
        Target(
            losses,
            "mean_squared_error_backward",
            "mean_squared_error_forward",
            "mean_squared_error_backward",
            (((logits,), {"targets": generic((5, 4), rng)}),),
        ),
    ]


# --- mutations -------------------------------------------------------------------------------------------------------------

_BINARY: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add, ast.Sub, ast.MatMult),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Add),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.MatMult: (ast.Mult, ast.Add),
    ast.Pow: (ast.Mult,),
}
_COMPARE: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.Gt, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_METHODS = {
    "sum": ("mean", "max"),
    "mean": ("sum",),
    "ascontiguousarray": (),
    "zeros": ("ones",),
    "zeros_like": ("ones_like",),
}


_SYMMETRIC = {"max", "min", "maximum", "minimum", "array_equal", "isclose", "allclose", "close", "same", "_is"}


def _has_order(function: ast.expr) -> bool:
    """Whether it matters which of two arguments is the first."""
    return ast.unparse(function).split(".")[-1] not in _SYMMETRIC


def mutate(tree: ast.AST, source: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """(what is changed, a function that changes it in ``tree``) for each possible mutation.

    A mutation is called by the text of its line, not by its number, so that it keeps its name when other lines change.
    """
    lines = source.split("\n")
    body = [node for statement in tree.body[0].body for node in ast.walk(statement)]  # type: ignore[attr-defined]
    names = sorted({node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)})
    for node in body:
        number = getattr(node, "lineno", 1) - 1
        line = f"[{lines[number].split('#')[0].strip()}] column {getattr(node, 'col_offset', 0)}"
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            for other in _BINARY.get(type(node.op), ()):
                before = _sign(node.op)
                equals = "=" if isinstance(node, ast.AugAssign) else ""
                yield f"{line}: {before}{equals} -> {_sign(other())}{equals}", _setter(node, "op", other())
            if isinstance(node, ast.BinOp):
                yield f"{line}: {ast.unparse(node)} -> {ast.unparse(node.left)}", _replacer(tree, node, node.left)
                yield f"{line}: {ast.unparse(node)} -> {ast.unparse(node.right)}", _replacer(tree, node, node.right)
            else:
                plain = ast.Assign(targets=[node.target], value=node.value)
                yield f"{line}: {_sign(node.op)}= -> =", _replacer(tree, node, plain)
        elif isinstance(node, ast.Compare):
            for other in _COMPARE.get(type(node.ops[0]), ()):
                change = f"{line}: {_sign(node.ops[0])} -> {_sign(other())}"
                yield change, _setter(node, "ops", [other(), *node.ops[1:]])
        elif isinstance(node, ast.BoolOp):
            other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"{line}: and <-> or", _setter(node, "op", other_op)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            yield f"{line}: {ast.unparse(node)} -> {ast.unparse(node.operand)}", _replacer(tree, node, node.operand)
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            for value in {node.value + 1, node.value - 1, 0} - {node.value}:
                yield f"{line}: {node.value} -> {value}", _setter(node, "value", value)
        elif isinstance(node, ast.Attribute):
            if node.attr == "T":
                yield f"{line}: {ast.unparse(node)} without .T", _replacer(tree, node, node.value)
            for other_name in _METHODS.get(node.attr, ()):
                yield f"{line}: {node.attr} -> {other_name}", _setter(node, "attr", other_name)
        elif isinstance(node, ast.Call) and len(node.args) == 2 and not node.keywords and _has_order(node.func):
            yield f"{line}: arguments of {ast.unparse(node.func)} swapped", _setter(node, "args", node.args[::-1])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names and len(names) > 1:
            near = names[(names.index(node.id) + 1) % len(names)]
            yield f"{line}: {node.id} -> {near}", _setter(node, "id", near)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load):
            yield f"{line}: {ast.unparse(node)} uncut", _replacer(tree, node, node.value)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 2:
            elements = node.value.elts
            yield (
                f"{line}: last two results swapped",
                _setter(node.value, "elts", [*elements[:-2], elements[-1], elements[-2]]),
            )


def _setter(node: ast.AST, attribute: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(node, attribute, value)


def _replacer(tree: ast.AST, old: ast.AST, new: ast.AST) -> Callable[[], None]:
    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return ast.copy_location(new, old) if node is old else self.generic_visit(node)

    return lambda: ast.fix_missing_locations(Replace().visit(tree)) and None


def _sign(op: ast.AST) -> str:
    names = {
        "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "MatMult": "@", "Pow": "**", "Lt": "<",
        "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!=", "Is": "is", "IsNot": "is not", "Mod": "%",
    }  # fmt: skip
    return names.get(type(op).__name__, type(op).__name__)


@dataclass(frozen=True)
class Mutant:
    """One change of one function."""

    target: Target
    change: str
    number: int  # of the mutation, in the order of ``mutate``

    def pair(self) -> tuple[FunctionType, FunctionType]:
        """The forward, and the backward with the change in it."""
        function = getattr(self.target.module, self.target.function)
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
        list(mutate(tree, source))[self.number][1]()
        ast.fix_missing_locations(tree)
        space = dict(vars(self.target.module))
        exec(compile(tree, f"<{self.target.function}, {self.change}>", "exec"), space)
        if self.target.function != self.target.backward:
            # the backward, made again so that it finds the changed helper
            original = getattr(self.target.module, self.target.backward)
            space[self.target.backward] = FunctionType(original.__code__, space, original.__name__, original.__defaults__)
        return getattr(self.target.module, self.target.forward), space[self.target.backward]


def mutants() -> list[Mutant]:
    """Every mutation of every target."""
    found = []
    for target in targets():
        source = textwrap.dedent(inspect.getsource(getattr(target.module, target.function)))
        found += [Mutant(target, change, number) for number, (change, _) in enumerate(mutate(ast.parse(source), source))]
    return found


def caught_by(mutant: Mutant, seed: int = 0) -> Report | None:
    """The first report that says something is wrong; None if every check passes."""
    pair = mutant.pair()
    for args, options in mutant.target.calls:
        report = check(pair, *args, options=options, seed=seed)
        if not report.passed:
            return report
    return None


_SAME_TYPE = "only its dtype is asked for, and both have the same"
_ROOM = "a larger array of zeros is made, and what is too much is cut off again"

# Mutants that compute the same numbers, by function and change, and why.
_NO_ORDER = "the sum of products does not depend on the factors' order"
EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "conv2d_backward",
        "[drows = to_hcwn(dout).reshape(len(patches), f, -1)] column 52: 1 -> 2",
    ): "reshape takes any negative size for 'whatever is left'",
    ("col2im", "[dxpad = np.zeros((height + 2 * ph, c, width + 2 * pw, n), dpatches.dtype)] column 31: 2 -> 3"): _ROOM,
    ("col2im", "[dxpad = np.zeros((height + 2 * ph, c, width + 2 * pw, n), dpatches.dtype)] column 50: 2 -> 3"): _ROOM,
    (
        "_to_winner",
        "[if stride >= k:] column 11: >= -> >",
    ): "adding to zeros is as good as writing where windows do not overlap",
    (
        "leaky_relu_backward",
        "[return np.where(x > 0, dout, dout * dout.dtype.type(negative_slope))] column 20: > -> >=",
    ): "differs at the kink x = 0 alone, where both are right",
    ("batch_norm_backward", "[dgamma = _sums(dout, xhat)] column 13: arguments of _sums swapped"): _NO_ORDER,
    (
        "batch_norm_backward",
        "[return dout * scale, _sums(dout, xhat - _spread(mean, xhat)) * inv_std, dbeta] "
        "column 29: arguments of _sums swapped",
    ): _NO_ORDER,
    (
        "softmax_cross_entropy_backward",
        "[dlogits[np.arange(n), labels] -= probs.dtype.type(1 - label_smoothing)] column 37: probs -> dlogits",
    ): _SAME_TYPE,
    ("softmax_cross_entropy_backward", "[dlogits *= probs.dtype.type(dloss / n)] column 15: probs -> dlogits"): _SAME_TYPE,
    (
        "multiclass_hinge_backward",
        "[dlogits[np.arange(n), labels] = -violated.sum(axis=1)] column 37: violated -> dlogits",
    ): "dlogits is a copy of violated at that line",
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=500, help="how many mutants, drawn at random (default 500)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-v", "--verbose", action="store_true", help="print every mutant and the name it got")
    args = parser.parse_args(argv)
    everything = mutants()
    rng = np.random.default_rng(args.seed)
    chosen = [everything[i] for i in sorted(rng.permutation(len(everything))[: args.count])]
    start = time.perf_counter()
    named: Counter[str] = Counter()
    equivalent: list[tuple[str, str]] = []
    missed: list[tuple[str, str]] = []
    for mutant in chosen:
        report = caught_by(mutant)
        key = mutant.target.function, mutant.change
        if report is not None:
            named[report.diagnoses[0].name if report.diagnoses else "unclear"] += 1
            if args.verbose:
                print(f"{' '.join(key)}: {', '.join(likely.name for likely in report.diagnoses[:2]) or report}")
        elif key in EQUIVALENT:  # only mutants that pass every check are looked up
            equivalent.append(key)
        else:
            missed.append(key)
    caught = sum(named.values())
    raised = named["raises an error"]
    print(
        f"{len(chosen)} of {len(everything)} mutants: {caught} caught ({raised} by an exception), "
        f"{len(equivalent)} equivalent, {len(missed)} missed"
    )
    print(
        f"{time.perf_counter() - start:.0f} s; first names: "
        + ", ".join(f"{n} {count}" for n, count in named.most_common(12))
    )
    for function, change in equivalent:
        print(f"  equivalent: {function}, {change}: {EQUIVALENT[function, change]}")
    for function, change in missed:
        print(f"  MISSED: {function}, {change}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
