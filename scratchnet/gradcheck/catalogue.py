"""The mistakes that a check can name.

A name says what is wrong with the numbers, so it holds for every operation: "mask missing" is a ReLU that lets everything
pass, a dropout that forgets what it dropped, and a max pooling that gives the gradient to the losers as well. Where two
names could describe one bug, the more specific one is meant; ``covers`` tells what belongs to a name and what to its
neighbour.

What a report prints must hold for every mistake of that name; the evidence shows which one it is. So ``says`` lists no
variants. ``hint`` asks the question that leads to the mistake, without code; ``strong_hint`` says where to look and what
must be there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Diagnosis:
    """One kind of mistake."""

    name: str
    says: str  # what it comes to: not the name again
    hint: str
    strong_hint: str
    lesson: int  # where it is explained; a check that knows the operation adds the lesson that derives it
    covers: str = ""  # the variants, and where the neighbours begin; not printed
    reworded: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)  # operation, or variant: its own texts

    def of(self, operation: str, lesson: int) -> Diagnosis:
        """The same in the terms of an operation, which then is where to read about it, if it has texts for that one."""
        texts = self.reworded.get(operation)
        return replace(self, lesson=lesson, **texts) if texts else self  # type: ignore[arg-type]

    def in_words(self, words: dict[str, str]) -> Diagnosis:
        """The same with the words that the code has for things."""
        says, hint, strong = (in_words(text, words) for text in (self.says, self.hint, self.strong_hint))
        return replace(self, says=says, hint=hint, strong_hint=strong)


def in_words(text: str, words: dict[str, str]) -> str:
    """``text`` with some of its words replaced."""
    return re.sub(r"\b\w+\b", lambda word: words.get(word[0], word[0]), text)


LESSONS = {
    1: "one neuron",
    2: "the chain rule",
    3: "numeric gradients",
    4: "softmax and cross-entropy",
    5: "dense and ReLU",
    7: "logistic regression and a linear SVM",
    8: "optimizers",
    9: "convolution by loops",
    10: "im2col and col2im",
    11: "max pooling and a CNN",
    12: "debugging",
    13: "BatchNorm and dropout",
    14: "ResNet",
}

_ALL = [
    # --- what comes before the numbers -------------------------------------------------------------------------------------
    Diagnosis(
        "raises an error",
        "The code stops with an exception, so there is no gradient to look at.",
        "Which line raises it, and which shapes do the arrays on that line have?",
        "Print the shapes just before that line; a product (A, B) @ (C, D) wants B = C, and the gradient of x has x's"
        " shape.",
        3,
        covers="any exception; most often two shapes do not fit",
    ),
    Diagnosis(
        "wrong shape",
        "A gradient has exactly one number for each number of its argument, in the same place.",
        "Each number of the argument has exactly one slope. Which axes does your result have too many, or too few?",
        "What was broadcast or repeated forward must be summed over that axis backward; then reshape to the "
        "argument's shape.",
        5,
        covers=(
            "an axis is not summed, is kept, or is lost. If the numbers are right and only turned, it is "
            "'transposed'; if the padding is still on, 'padding not cropped'"
        ),
        reworded={
            "empty slice": {
                "says": "A slice of it is empty, and that where there is no padding.",
                "hint": "0:-0 is empty: what does your slice say when pad is 0?",
                "strong_hint": "Count from the front, not from the end: pad : pad + H holds H rows whatever pad is.",
            },
        },
    ),
    Diagnosis(
        "gradient missing",
        "backward owes one gradient for each argument of forward.",
        "Does backward reach its return? How many gradients stand there, and how many arguments does forward take?",
        "Return one gradient for each argument, in the arguments' order, even if the next layer does not use it. A function"
        " without `return` gives None.",
        5,
        covers="None, too few of them, or under another name",
    ),
    Diagnosis(
        "wrong return value",
        "What comes back can be read neither as an output and its cache, nor as gradients.",
        "What stands behind return in forward, and in backward? Compare it with what is wanted.",
        "forward returns (out, cache), backward(dout, cache) a tuple with one gradient for each argument. Plain functions:"
        " f(x, w) returns out alone, and df(dout, x, w) takes f's own arguments.",
        3,
        covers="no cache, a list, too many gradients, no array. If there are too few gradients: 'gradient missing'",
    ),
    Diagnosis(
        "gradients in the wrong order",
        "The gradients are right, but they stand in each other's places.",
        "In which order does forward take its arguments, and in which order do you return?",
        "Return the gradients in exactly the order in which forward takes the arguments.",
        5,
        covers="dgamma where dbeta is wanted, dw before dx",
    ),
    Diagnosis(
        "integer arithmetic",
        "Numbers pass through an array of integers, which cuts their fractions off.",
        "Which array does the gradient stand in, and of which type is it? Print its dtype.",
        "An array made like the labels, or with dtype=int, or from whole numbers holds integers: make it like dout or x.",
        3,
    ),
    Diagnosis(
        "precision lost",
        "The computation goes through a type with fewer digits than its input has.",
        "The input is float64. At which line does the type change?",
        "Look for astype, dtype= and np.float32: a new array should have dtype=x.dtype.",
        3,
        covers="float32, float16",
    ),
    Diagnosis(
        "nan or infinity",
        "A number is out of the range that can be computed with, and what is made from it is lost.",
        "Where can exp get a large argument, or a division or a log a zero?",
        "Subtract the row's maximum before exp; take the log of a sum, not of a probability that was rounded to 0.",
        4,
        covers="an overflowing exp, log(0), 0/0",
    ),
    Diagnosis(
        "input changed in place",
        "The code writes into an array that was handed to it, which others still need.",
        "Which line writes into an array that is an argument, or a view of one?",
        "=, += and [..] = into an argument change it. Make a new array: x = x * 2 instead of x *= 2, x.copy() before "
        "x[mask] = 0; reshape and slices are views.",
        5,
        covers="forward or backward, any array but dout",
    ),
    Diagnosis(
        "dout changed in place",
        "backward writes into dout, which belongs to the caller: the next user of it gets other numbers.",
        "Is the array that you write into a new one, or dout itself?",
        "Start with dout.copy(), or write dx = dout * mask instead of dout[...] = 0.",
        5,
    ),
    Diagnosis(
        "forward not repeatable",
        "An output that changes by itself has no slope that could be measured.",
        "What, apart from its arguments, does forward depend on?",
        "Draw from the rng that is handed in, and keep nothing outside of the cache.",
        13,
        covers="forward draws random numbers of its own, or keeps something",
    ),
    Diagnosis(
        "random numbers drawn again",
        "backward draws a new random mask instead of using the one that forward drew.",
        "Which units did forward drop? Does backward know?",
        "Put forward's mask into the cache and multiply dout by that very mask.",
        13,
    ),
    Diagnosis(
        "stale cache",
        "backward uses values that another forward left behind, not its own cache.",
        "If forward runs on a second batch before backward runs on the first, what does backward see?",
        "Everything that backward needs must be made by the forward it belongs to, and be returned in its cache.",
        12,
        covers="a global, an attribute, a default argument",
    ),
    Diagnosis(
        "accumulated over calls",
        "What one call of backward leaves behind changes the result of the next.",
        "Which arrays does backward change, and when are they set back to zero?",
        "In backward, set the gradient anew; do not start from what the last call left in it.",
        12,
        reworded={
            "added up": {
                "says": (
                    "The second call adds its gradient to the first call's. If you meant that: this checker expects each"
                    " call to give only its own gradient."
                ),
                "strong_hint": "In backward, set the gradient anew; do not add to what the last call left in it.",
            },
        },
    ),
    Diagnosis(
        "forward wrong",
        "The output differs from what this operation should compute. The gradient may well be right for the wrong function.",
        "Compute one output number with pencil and paper and compare.",
        "Compare with the formula term by term, for the entry that the check names: start values, signs, the bias, the "
        "axis.",
        12,
    ),
    # --- a factor ----------------------------------------------------------------------------------------------------------
    Diagnosis(
        "sign flipped",
        "At least a part of it points the opposite way of what is right.",
        "If this number grows, does the result grow or shrink?",
        "Look at differences (a - b or b - a?) and at -log.",
        2,
        covers="all of the gradient, or the part along one path",
    ),
    Diagnosis(
        "1/N missing",
        "Forward takes a mean; backward leaves out its division by the number of terms.",
        "Forward's result is a mean. Of how many numbers?",
        "The derivative of a mean over N has a factor 1/N: divide by the number of rows, once.",
        4,
        covers="the whole gradient, or one part of it, is N times too large, N the batch size",
    ),
    Diagnosis(
        "extra 1/N",
        "The gradient is divided by the batch size N too often.",
        "How often is the gradient divided by the batch size on its way here? How often does forward divide?",
        "If the loss is already a mean over the batch, dout carries the 1/N: later layers sum, they do not average.",
        5,
        covers="divided twice, or a mean where a sum belongs",
    ),
    Diagnosis(
        "mean over positions instead of sum",
        "The gradient is averaged over positions of the image where it should be summed.",
        "The same weight or bias is used at every position of the image. What do you do with the slopes of all uses?",
        "A value used many times gets the sum of its gradients: sum over those axes, not mean.",
        9,
        covers="OH*OW, or N*OH*OW. Too small by N alone is 'extra 1/N'",
    ),
    Diagnosis(
        "window mean missing",
        "The gradient is too large by the number of values whose mean forward takes.",
        "If one pixel of a window grows by 1, by how much does the window's mean grow?",
        "Each pixel of an averaged window gets its dout divided by the number of pixels in the window.",
        11,
        covers="KH*KW, or H*W",
    ),
    Diagnosis(
        "divided by the wrong count",
        "There is a division by a size, but by the wrong one.",
        "Which number of terms does forward average over? Which one does backward divide by?",
        "Write down every size next to the line that divides: it must be the number of terms of forward's mean.",
        4,
        covers="K for N, H*W for OH*OW, the stride for the kernel, N for N*H*W",
    ),
    Diagnosis(
        "factor 2 missing",
        "A factor 2 that a derivative brings along has got lost.",
        "What is the derivative of a square?",
        "d(u**2) = 2 u du: a square without a half in front of it gives a factor 2.",
        1,
        covers="a square's 2 forgotten. Weight decay alone has its own name",
    ),
    Diagnosis(
        "factor 2 too many",
        "Something counts double in backward that counts once in forward.",
        "Where does a 2 come from in backward, or a sum of two equal terms? Where in forward?",
        "Look for +=, a sum that runs over the same terms twice, and for 0.5 in forward that cancels the 2.",
        1,
        covers="twice along one of several paths only: 'branch counted twice'",
    ),
    Diagnosis(
        "dropout scale wrong",
        "The right units are dropped, but backward scales the others otherwise than forward.",
        "Forward makes the survivors larger. By what? Is dx multiplied by the same?",
        "dx = dout * mask with the very mask that forward used, the scale 1/keep included, once.",
        13,
        covers="1/keep is missing, applied twice or turned round",
    ),
    Diagnosis(
        "constant factor",
        "The gradient is right up to a constant factor, which is none of the sizes.",
        "Which constant of your code has this value?",
        "A gradient knows no learning rate; every constant in backward must come from forward's formula.",
        2,
        covers="a learning rate, a margin, a hyperparameter",
    ),
    Diagnosis(
        "factor missing per row or channel",
        "Along one axis each part is off by a factor of its own, the same for all its entries.",
        "Which quantity has one value for each part?",
        "A vector that forward multiplies by must be multiplied by in backward too, along the same axis.",
        2,
        covers="rows, columns, channels. gamma and the standard deviation of BatchNorm have their own names",
    ),
    Diagnosis(
        "gradient zero",
        "The gradient is 0 everywhere though the result depends on the argument.",
        "Where is the array filled?",
        "np.zeros_like is only where the sum starts: check that the loop runs, and that += writes into the array you "
        "return.",
        5,
        covers="never computed, or never added",
    ),
    # --- the chain rule ----------------------------------------------------------------------------------------------------
    Diagnosis(
        "upstream gradient ignored",
        "A gradient is proportional to the upstream gradient; yours is not.",
        "If the upstream gradient were twice as large, what would your result be?",
        "The upstream gradient is backward's first argument (dout, dloss): every term is multiplied by that of the "
        "output through which it acts.",
        2,
        covers="all of it or a part is the gradient for an upstream gradient of 1",
    ),
    Diagnosis(
        "local derivative missing",
        "Backward leaves out the derivative of a function that forward applies.",
        "Backward is local derivative times dout. Where is the first?",
        "Multiply dout by the derivative of this very operation at the cached value.",
        2,
        covers="a smooth function's. If the derivative is 0 or 1, as for ReLU and dropout, it is 'mask missing'",
    ),
    Diagnosis(
        "derivative at the wrong value",
        "The local derivative that you multiply by is not that of this function at this value.",
        "Is your formula in terms of the input or of the output? Which one is in the cache?",
        "sigmoid' = out * (1 - out) and tanh' = 1 - out**2 hold for the output, not for the input.",
        2,
        covers="taken of the wrong array, as x * (1 - x) for sigmoid, or its formula is wrong",
    ),
    Diagnosis(
        "value instead of mask",
        "Your gradient grows with the value itself; only whether the value passes should count.",
        "If a value that passes doubles, does its slope change? Ask that of every line that uses the value.",
        "Where a value passes its slope does not depend on it: multiply by a comparison (out > 0), not by the number,"
        " on every line that uses it.",
        5,
        covers="dout * out instead of dout * (out > 0), margins instead of margins > 0",
        reworded={
            "hinge loss": {
                "says": ("Your gradient grows with the margin itself; only whether the margin is positive should count."),
                "hint": "If a positive margin doubles, does its slope change? Ask that of every line that uses the margins.",
                "strong_hint": (
                    "A positive margin has slope 1 whatever its size: make mask = (margins > 0), and use it on every "
                    "line of backward that now uses the margins."
                ),
            },
        },
    ),
    Diagnosis(
        "mask missing",
        "The gradient also goes where forward stopped the value.",
        "Which inputs had no influence on the output? Which slope must they have?",
        "Multiply by the mask of those inputs that did get through; all others get 0.",
        5,
        covers="negative inputs of ReLU, dropped units, losers of a pooling window, margins that are kept",
        reworded={
            "hinge loss": {
                "says": "Classes whose margin is kept count in your gradient like those that violate it.",
                "hint": "Which classes add nothing to the loss of their row? Which slope must they have?",
                "strong_hint": "Only margins that are positive count: mask = (margins > 0), for the wrong classes alone.",
            },
            "max pooling": {
                "says": "A window's gradient also goes to pixels that are not its maximum.",
                "hint": "If a pixel that is not the largest moves a little, does the window's output move?",
                "strong_hint": "Give dout to the one pixel that is the maximum; all others of the window get 0.",
            },
        },
    ),
    Diagnosis(
        "mask inverted",
        "The gradient goes exactly where it should be stopped, and is stopped where it should pass.",
        "Which side of the comparison lets forward pass the value?",
        "Turn the comparison round, or the mask (~mask).",
        5,
    ),
    Diagnosis(
        "mask of the wrong array",
        "The gradient does not pass in the same entries in which forward let the value pass.",
        "Which array decides forward whether the value passes, and compared with what?",
        "Make the mask from forward's own input (or output), with the same comparison, and put it into the cache.",
        5,
        covers="dout > 0 for x > 0, a wrong threshold, the score without the margin",
        reworded={
            "hinge loss": {
                "says": "The classes that count in your gradient are not those that add to the loss.",
                "hint": "Which number decides in forward whether a class adds to the loss of its row?",
                "strong_hint": (
                    "A class counts where score - right score + margin > 0: the same number, compared in the same "
                    "way, as in forward."
                ),
            },
        },
    ),
    Diagnosis(
        "branch missing",
        "The argument acts on the result along several paths, and the gradient of at least one of them is not added.",
        "Along how many ways does the input reach the output?",
        "Where a value is used twice its gradients add: dx = dx_body + dx_shortcut.",
        14,
        covers=(
            "the shortcut or the body of a residual block, one of two uses. BatchNorm's mean and variance have their "
            "own names"
        ),
    ),
    Diagnosis(
        "branch counted twice",
        "The argument acts along several paths and the gradient of one of them is added twice.",
        "Along how many ways does the input reach the output, and how many terms do you add?",
        "Each path gives one term: the body's backward, and dout once for the shortcut.",
        14,
    ),
    Diagnosis(
        "wrong operand",
        "One factor of a product is the wrong array.",
        "Write the derivative with its indices. Which arrays are multiplied there?",
        "Compare what is in the cache with what the formula needs: the value before or after the operation?",
        2,
        covers="out for x, x for xhat, x for w. For a mask or a derivative see those",
    ),
    Diagnosis(
        "Jacobian's diagonal only",
        "Each output depends on all inputs of its row, but only the dependence on its own input is counted.",
        "If one input of a row grows, which outputs change?",
        "Sum over all outputs of the row: dx_k = sum_j dout_j * d out_j / d x_k, the terms j != k too.",
        4,
        covers="p * (1 - p) for softmax",
    ),
    # --- sums and loops ----------------------------------------------------------------------------------------------------
    Diagnosis(
        "sum overwritten",
        "Where terms should add up, later ones replace earlier ones.",
        "How often is the same entry written to? What is left of the earlier values?",
        "Start with zeros and write += in the loop.",
        9,
        covers=(
            "a loop over images, positions or filters writes = for +=. For pixels that several windows share it is "
            "'overlap overwritten'"
        ),
    ),
    Diagnosis(
        "overlap overwritten",
        "Where windows overlap, a pixel keeps the gradient of one window only instead of the sum of all.",
        "A pixel under several windows: how many gradients does it get?",
        "Write += into the window's slice, not =; fancy indexing with += also adds only once: use np.add.at.",
        10,
    ),
    Diagnosis(
        "terms left out",
        "A part of what forward uses is left out in backward.",
        "What are the first and the last index of each of your loops and slices?",
        "range(n) ends at n - 1 by itself; a slice [:-1] leaves one out. Count the visits.",
        9,
        covers="the last image, row, column, channel or class, as by a range one too short",
    ),
    Diagnosis(
        "summed over the wrong axis",
        "A sum in backward adds up what forward keeps apart.",
        "Which axis must disappear, and which one must stay?",
        "Write the shape of each factor and of the result next to the line. The axes that the argument has must stay; those"
        " along which forward uses it again and again (b in each of N rows) are summed over.",
        5,
        covers="the batch axis for the features, rows for columns; also in a product",
        reworded={
            "softmax": {
                "says": "A sum in backward mixes rows; each row is a softmax of its own.",
                "hint": (
                    "Which outputs does one input change? Your sum must run over those. And what shape must it have to be"
                    " subtracted row by row?"
                ),
                "strong_hint": (
                    "One input changes the outputs of its row, so the sum runs along the row, axis=1, with keepdims=True."
                ),
            },
            "convolution": {
                "strong_hint": (
                    "dw[f,c,a,b] adds up over images and positions, n, i and j: the axes f, c, a and b stay apart."
                    " db[f] adds up over n, i and j as well. dx[n,c,:,:] adds up over filters, f, and never over n or c."
                ),
            },
        },
    ),
    # --- geometry ----------------------------------------------------------------------------------------------------------
    Diagnosis(
        "transposed",
        "Two axes are swapped.",
        "Write down the shape of each factor with all sizes different. Does it still fit?",
        "dx = dout @ w.T and dw = x.T @ dout for out = x @ w; for images: is it (H, W) everywhere?",
        5,
        covers="the gradient is turned, or a matrix is used untransposed (w for w.T, seen where w is square)",
    ),
    Diagnosis(
        "kernel flipped",
        "The filter lies the wrong way round: an entry acts where its opposite should.",
        "Through which entry of the filter did pixel (0, 0) reach output (0, 0)?",
        "dx is a convolution of dout with the turned filter; dw a correlation of the input with dout, not turned.",
        9,
        covers=(
            "the filter or its gradient is turned by 180 degrees where it should not be, or is not turned where it should"
        ),
    ),
    Diagnosis(
        "padding not cropped",
        "backward is wrong about where in the padded image the image itself lies.",
        "At which row of the padded image does the image itself begin?",
        "dx = dxpad[:, :, pad : pad + H, pad : pad + W].",
        10,
        covers="the padding is left on dx, or cut off in the wrong place: dx is shifted by the pad",
    ),
    Diagnosis(
        "stride ignored",
        "So gradients meet other pixels than those that their window covers in forward.",
        "What does backward need to know to find where window (i, j) begins? Does it get it from forward?",
        "Window (i, j) starts at (i * stride, j * stride) in both; so forward must hand the stride on to backward.",
        9,
        covers="the stride is forgotten, or the kernel's size taken for it",
    ),
    Diagnosis(
        "shifted",
        "An index in backward is off by the same amount everywhere.",
        "Which index of the result belongs to index 0 of the input?",
        "Check where slices begin: i or i + 1, k or k - 1?",
        9,
        covers="moved by the pad: 'padding not cropped'",
    ),
    Diagnosis(
        "reshaped in the wrong order",
        "backward puts the numbers back in another order than forward took them out.",
        "In which order does forward take the numbers: which index changes first? Which one does your backward assume?",
        "Write down forward's transposes and reshapes and undo them one by one, the last one first. A reshape keeps the"
        " order in which the numbers are read, a transpose changes it: one can't stand for the other.",
        10,
        covers="a reshape. Two axes simply swapped: 'transposed'",
        reworded={
            "flatten": {
                "hint": (
                    "Forward writes each image as one row: which of its indices changes first as you go along that row?"
                    " Which one does your backward assume?"
                ),
                "strong_hint": (
                    "What forward does is one reshape and no transpose: undo just that, by a reshape to the input's shape."
                ),
            },
        },
    ),
    # --- pooling -----------------------------------------------------------------------------------------------------------
    Diagnosis(
        "ties all get the gradient",
        "When several pixels of a window share the maximum each of them gets the whole gradient, so it is counted"
        " as often as there are such pixels.",
        "If two pixels are equal and both move by 1, by how much does the maximum move?",
        "Give the gradient to one of them (argmax), or divide it by their number.",
        11,
    ),
    Diagnosis(
        "wrong winner",
        "A window's gradient goes to a pixel that is not its maximum.",
        "argmax gives one number for a whole window. How do you get the row and the column from it?",
        "argmax counts along the rows of the flattened window: row = i // KW, column = i % KW, both from the window's"
        " corner. And it must be the argmax of forward's input.",
        11,
        covers="an index is read wrongly, or is that of another array",
    ),
    # --- losses ------------------------------------------------------------------------------------------------------------
    Diagnosis(
        "one-hot missing",
        "The right class's 1 is not taken off the probabilities.",
        "What should the gradient be when the network is perfectly sure and right?",
        "dlogits = (probs - onehot) / N: subtract 1 at the right class of each row.",
        4,
        covers="the probabilities alone, or with the 1 added",
    ),
    Diagnosis(
        "labels index every row",
        "What belongs to the label's entry of a row reaches more entries than that one.",
        "Print the shape of what your index picks. How many entries should change in one row?",
        "Use a pair of index arrays, [np.arange(N), labels]: entry (n, labels[n]) for each n.",
        4,
        covers="[:, labels] picks those columns in all rows; [labels] whole rows",
        reworded={
            "softmax cross-entropy": {
                "says": "The label's 1 is taken off in more places than once per row.",
            },
        },
    ),
    Diagnosis(
        "softmax missing",
        "What stands in the place of the probabilities is none: its rows do not sum to 1.",
        "What do the rows of your probabilities sum to?",
        "probs = exp(logits) / sum of exp over the row; the gradient is made of probs, not of logits.",
        4,
        covers="scores or their exp: softmax not applied, or not normalised; a sigmoid",
    ),
    Diagnosis(
        "softmax over the wrong axis",
        "The probabilities are not normalised over the classes of their row.",
        "Which sums are 1 in your probabilities?",
        "Sum over the classes: axis=1, keepdims=True for (N, K).",
        4,
        covers="over the batch, or over all scores",
    ),
    Diagnosis(
        "label smoothing ignored",
        "Backward's targets are not the smoothed labels of forward.",
        "What is the target of a wrong class in forward? And in backward?",
        "Use the same target array in both: (1 - s) * onehot + s / K.",
        4,
        covers="plain one-hot labels, or smoothed by other numbers",
    ),
    Diagnosis(
        "right class wrong",
        "Only the entries of the right class are wrong.",
        "How does the right class's score enter the loss of its row, and with which sign?",
        "It gets minus the number of violated margins in its row; its own margin is not one of them.",
        7,
        covers="a hinge loss that forgets them, counts one violation for many, or counts the right class itself",
        reworded={
            "hinge loss": {
                "hint": "The right class's score stands in how many of the margins of its row, and with which sign?",
            },
        },
    ),
    # --- BatchNorm ---------------------------------------------------------------------------------------------------------
    Diagnosis(
        "mean term missing",
        "BatchNorm's dx is wrong in the part that goes through the batch's mean.",
        "If one value grows, what happens to the others of its column or channel after centring?",
        "Centring forward means centring backward: subtract the mean of dout * gamma over the batch.",
        13,
        covers="the part is missing, or has a wrong sign or factor",
    ),
    Diagnosis(
        "variance term missing",
        "BatchNorm's dx is wrong in the part that goes through the batch's variance.",
        "If one value moves away from the mean, what happens to the standard deviation that all are divided by?",
        "Subtract xhat * mean(dout * xhat): dx = gamma / std * (dout - mean(dout) - xhat * mean(dout * xhat)).",
        13,
        covers="the part is missing, or has a wrong sign or factor",
    ),
    Diagnosis(
        "statistics treated as constants",
        "BatchNorm's dx lacks two parts: the one through the batch's mean and the one through its variance.",
        "The mean and the variance are computed from x. Do they change when x does?",
        "x reaches the output along three paths: directly, through the mean, and through the variance.",
        13,
        covers="dx = dout * gamma / std, as in evaluation",
    ),
    Diagnosis(
        "gamma missing",
        "The learned scale gamma is not in dx as often as it should be.",
        "What is the last thing that forward multiplies by?",
        "dxhat = dout * gamma, channel by channel, and the rest follows from dxhat.",
        13,
        covers="left out, or applied twice",
    ),
    Diagnosis(
        "power of the standard deviation wrong",
        "dx is not divided by the standard deviation as often as it should be.",
        "How does dx change when the inputs are all made ten times larger?",
        "dx has a factor 1 / sqrt(var + eps): check the power, -1/2 of the variance.",
        13,
        covers="divided by the variance, or not at all; or multiplied",
    ),
    Diagnosis(
        "epsilon wrong",
        "eps is not used as in forward: a small error everywhere.",
        "Where does eps stand in forward, and where in backward?",
        "sqrt(var + eps) and sqrt(var) + eps differ. Keep 1 / sqrt(var + eps) in the cache instead of computing it again.",
        13,
        covers="in another place than in forward, or forgotten",
    ),
    Diagnosis(
        "N - 1 for N",
        "One pass divides by N - 1 where the other divides by N.",
        "Which variance does forward use, that of the batch (N) or the estimate (N - 1)?",
        "np.var divides by N (ddof=0): backward must divide by the same number.",
        13,
    ),
    # --- weight decay and optimizers ---------------------------------------------------------------------------------------
    Diagnosis(
        "weight decay missing",
        "The penalty on the size of the weights is left out.",
        "Which terms does the loss consist of? Where in your code is the derivative of each?",
        "Add lambda * w to dw (0.5 * lambda * w**2 in the loss).",
        8,
        covers="in the gradient, or in a step",
    ),
    Diagnosis(
        "weight decay scaled wrong",
        "The weight decay term is there, but is not what it should be.",
        "What stands in front of the square in forward? Is the penalty inside of the mean over the batch?",
        "d(0.5 * lambda * w**2) = lambda * w; without the half it is 2 * lambda * w; and nothing is divided by N.",
        8,
        covers="doubled, halved, divided by N, with the wrong sign; in a step, outside of the velocity",
    ),
    Diagnosis(
        "weight decay on the bias",
        "Weight decay also acts on an array that the penalty does not contain.",
        "Which arrays stand in the penalty?",
        "Only w gets lambda * w: leave db alone.",
        8,
    ),
    Diagnosis(
        "velocity forgotten",
        "Each step starts from a velocity of 0.",
        "What is the velocity at the start of the second step?",
        "velocity = momentum * velocity + g, stored where the next step finds it.",
        8,
        covers="not kept between steps, or overwritten by the gradient",
    ),
    Diagnosis(
        "momentum not applied",
        "The old velocity is not multiplied by momentum.",
        "What happens to the velocity when the gradient is 0 from now on?",
        "The old velocity is multiplied by momentum (0.9) before the gradient is added.",
        8,
        covers="summed as it is, so it never forgets; or multiplied by 1 - momentum",
    ),
    Diagnosis(
        "gradient damped",
        "The gradient enters the velocity with a factor that the reference does not have.",
        "With which factor does the newest gradient enter the velocity?",
        "velocity = momentum * velocity + g (an average with 1 - momentum is another rule, with smaller steps).",
        8,
        covers="1 - momentum, or momentum",
    ),
    Diagnosis(
        "learning rate missing",
        "The velocity itself is taken for the step, however small lr is.",
        "What happens if you halve the learning rate?",
        "w -= lr * velocity.",
        8,
    ),
    Diagnosis(
        "learning rate twice",
        "The step is smaller than it should be by one more factor lr.",
        "On which lines does lr stand?",
        "Either the velocity holds lr * g and w += velocity, or it holds g and w -= lr * velocity. Not both.",
        8,
        covers="into the velocity and again into the step",
    ),
    Diagnosis(
        "updated in the wrong order",
        "The weights move before the velocity has been updated.",
        "Does this step already use this step's gradient?",
        "First the velocity, then the weights.",
        8,
        covers=(
            "the weights move before the velocity has been updated; Nesterov's look-ahead is taken of the old "
            "velocity, is missing, or is too many"
        ),
        reworded={
            "look-ahead": {
                "says": "The weights do not move by the velocity that the reference moves them by.",
                "hint": "By what does the reference move the weights: by the velocity, or by where it will carry them?",
                "strong_hint": (
                    "Momentum moves the weights by the new velocity v; Nesterov's look-ahead by g + momentum * v, with the"
                    " new v as well."
                ),
            },
        },
    ),
    Diagnosis(
        "state shared between arrays",
        "Several arrays share one velocity, so each is moved by the others' gradients.",
        "How many velocities are there, and how many parameters?",
        "Keep one velocity for each parameter, under its name.",
        8,
    ),
    Diagnosis(
        "weights not changed",
        "What the step computes does not reach the weights.",
        "After the step, is the array that the model holds another one?",
        "w -= ... changes the array itself; w = w - ... makes a new one that the model does not see.",
        8,
        covers="a new array is made, or the result is not stored",
    ),
    # --- when nothing fits -------------------------------------------------------------------------------------------------
    Diagnosis(
        "no known mistake",
        "The numbers are wrong in a way that is not in the catalogue.",
        "Start with the smallest input on which it is wrong, and compute one entry by hand.",
        "Write the derivative with all its indices, and compare it with the code term by term.",
        12,
    ),
]

CATALOGUE = {diagnosis.name: diagnosis for diagnosis in _ALL}

# What looks like an error and is none; a report says so under "notes".
NOT_A_BUG = {
    "kink": "the slopes to the left and to the right differ there, so there is no gradient; any value between them is right",
    "tie": "several entries share a maximum: the gradient may go to one of them or be split",
    "float32 rounding": "in float32 the numeric gradient is mostly rounding; checked again in float64",
    "tiny gradient": "the whole gradient is so small that the difference is rounding",
    "flat loss": "the result does not depend on this argument: its gradient is 0, and that is right",
}
