"""The mistakes that a check can name.

A name says what is wrong with the numbers, so it holds for every operation: "mask missing" is a ReLU that lets everything
pass, a dropout that forgets what it dropped, and a max pooling that gives the gradient to the losers as well. Where two
names could describe one bug, the more specific one is meant; ``says`` tells what belongs to a name and what to its
neighbour.

``hint`` asks the question that leads to the mistake; ``strong_hint`` says where to look and what must be there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One kind of mistake."""

    name: str
    says: str  # one sentence: what the code does
    hint: str
    strong_hint: str
    lesson: int  # where it is explained; a check that knows the operation adds the lesson that derives it


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
    11: "max pooling",
    12: "debugging",
    13: "BatchNorm and dropout",
    14: "ResNet",
}

_ALL = [
    # --- what comes before the numbers -------------------------------------------------------------------------------------
    Diagnosis(
        "raises an error",
        "The code stops with an exception, so there is no gradient to look at. Most often two shapes do not fit.",
        "Which line raises it, and which shapes do the arrays on that line have?",
        "Print the shapes just before that line; a product (A, B) @ (C, D) wants B = C, and the gradient of x has x's "
        "shape.",
        3,
    ),
    Diagnosis(
        "wrong shape",
        "A gradient does not have its argument's shape: an axis is not summed, is kept, or is lost. (If the numbers are "
        "right and only turned, it is 'transposed'; if the padding is still on, 'padding not cropped'.)",
        "Each number of the argument has exactly one slope. Which axes does your result have too many, or too few?",
        "What was broadcast or repeated forward must be summed over that axis backward; then reshape to the argument's "
        "shape.",
        5,
    ),
    Diagnosis(
        "gradient missing",
        "A gradient is not returned at all: None, too few of them, or under another name.",
        "How many arguments does forward take, and how many gradients does backward return?",
        "Return one gradient for each argument, in the arguments' order, even if the next layer does not use it.",
        5,
    ),
    Diagnosis(
        "gradients in the wrong order",
        "The gradients are right but each belongs to another argument: dgamma where dbeta is wanted, dw before dx.",
        "Compare the return statement with forward's list of arguments.",
        "Return the gradients in exactly the order in which forward takes the arguments.",
        5,
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
        "The computation goes through float32 or float16, so the result has fewer digits than its input.",
        "The input is float64. At which line does the type change?",
        "Look for astype, dtype= and np.float32: a new array should have dtype=x.dtype.",
        3,
    ),
    Diagnosis(
        "nan or infinity",
        "There are numbers that are nan or infinite: an overflowing exp, log(0), 0/0.",
        "Where can exp get a large argument, or a division or a log a zero?",
        "Subtract the row's maximum before exp; take the log of a sum, not of a probability that was rounded to 0.",
        4,
    ),
    Diagnosis(
        "input changed in place",
        "forward or backward writes into an array that was handed to it (other than dout), which others still need.",
        "Which lines write with =, +=, or [..] = into an array that is an argument, or a view of one?",
        "Make a new array: x = x * 2 instead of x *= 2, x.copy() before x[mask] = 0; reshape and slices are views.",
        5,
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
        "The same input gives another output each time: forward draws random numbers of its own, or keeps something.",
        "What, apart from its arguments, does forward depend on?",
        "Draw from the rng that is handed in, and keep nothing outside of the cache.",
        13,
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
        "backward uses values that another forward left behind (a global, an attribute, a default argument), not its own "
        "cache.",
        "If forward runs on a second batch before backward runs on the first, what does backward see?",
        "Everything that backward needs must be made by the forward it belongs to, and be returned in its cache.",
        12,
    ),
    Diagnosis(
        "accumulated over calls",
        "Each call of backward adds to what earlier calls left: the second result is larger than the first.",
        "Call backward twice with the same dout. Where does the sum live between the calls?",
        "Start from fresh zeros inside of backward, not from an array that outlives it.",
        12,
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
        "The whole gradient has the wrong sign.",
        "If this number grows, does the result grow or shrink?",
        "Somewhere a minus sign is missing or one too many: look at differences (a - b or b - a?) and at -log.",
        2,
    ),
    Diagnosis(
        "1/N missing",
        "The gradient is N times too large, N the batch size: forward takes a mean over the batch, backward does not.",
        "Forward's result is a mean. Of how many numbers?",
        "The derivative of a mean over N has a factor 1/N: divide by the number of rows, once.",
        4,
    ),
    Diagnosis(
        "extra 1/N",
        "The gradient is N times too small, N the batch size: divided by it once too often, or a mean where a sum belongs.",
        "How often is the gradient divided by the batch size on its way here? How often does forward divide?",
        "If the loss is already a mean over the batch, dout carries the 1/N: later layers sum, they do not average.",
        5,
    ),
    Diagnosis(
        "mean over positions instead of sum",
        "The gradient is too small by the number of positions (OH*OW, or N*OH*OW) that it was averaged over. "
        "(Too small by N alone is 'extra 1/N'.)",
        "The same weight or bias is used at every position of the image. What do you do with the slopes of all uses?",
        "A value used many times gets the sum of its gradients: sum over those axes, not mean.",
        9,
    ),
    Diagnosis(
        "window mean missing",
        "The gradient is too large by the size of the window (KH*KW, or H*W) whose mean forward takes.",
        "If one pixel of a window grows by 1, by how much does the window's mean grow?",
        "Each pixel of an averaged window gets its dout divided by the number of pixels in the window.",
        11,
    ),
    Diagnosis(
        "divided by the wrong count",
        "There is a division by a size, but by the wrong one: K for N, H*W for OH*OW, the stride for the kernel, N for "
        "N*H*W.",
        "Which number of terms does forward average over? Which one does backward divide by?",
        "Write down every size next to the line that divides: it must be the number of terms of forward's mean.",
        4,
    ),
    Diagnosis(
        "factor 2 missing",
        "The gradient is half as large as it should be (for a square: 2 forgotten). Weight decay alone has its own name.",
        "What is the derivative of a square?",
        "d(u**2) = 2 u du: a square without a half in front of it gives a factor 2.",
        1,
    ),
    Diagnosis(
        "factor 2 too many",
        "The gradient is exactly twice as large as it should be. (Twice along one of several paths only: 'branch counted "
        "twice'.)",
        "Is something added twice, or a 2 from a square that forward has halved?",
        "Look for +=, a sum that runs over the same terms twice, and for 0.5 in forward that cancels the 2.",
        1,
    ),
    Diagnosis(
        "dropout scale wrong",
        "The right units are dropped, but the scale 1/keep is missing, applied twice or turned round in backward.",
        "Forward makes the survivors larger. By what? Is dx multiplied by the same?",
        "dx = dout * mask with the very mask that forward used, the scale 1/keep included, once.",
        13,
    ),
    Diagnosis(
        "constant factor",
        "The gradient is right up to a constant that is none of the sizes: a learning rate, a margin, a hyperparameter.",
        "Which constant of your code has this value?",
        "A gradient knows no learning rate; every constant in backward must come from forward's formula.",
        2,
    ),
    Diagnosis(
        "factor missing per row or channel",
        "Each row, column or channel is off by a factor of its own, the same for all its entries. (gamma and the standard "
        "deviation of BatchNorm have their own names.)",
        "Which quantity has one value for each row (or channel)?",
        "A vector that forward multiplies by must be multiplied by in backward too, along the same axis.",
        2,
    ),
    Diagnosis(
        "gradient zero",
        "The gradient is 0 everywhere though the result depends on the argument: never computed, or never added.",
        "Where is the array filled?",
        "np.zeros_like is only where the sum starts: check that the loop runs, and that += writes into the array you "
        "return.",
        5,
    ),
    # --- the chain rule ----------------------------------------------------------------------------------------------------
    Diagnosis(
        "upstream gradient ignored",
        "The result does not depend on dout (or dloss), or not on all of it: it is the gradient for an upstream gradient "
        "of 1.",
        "If dout were twice as large, what would your result be?",
        "Every term of a gradient is multiplied by the dout of the output through which it acts.",
        2,
    ),
    Diagnosis(
        "local derivative missing",
        "dout is handed on unchanged where it should be multiplied by a smooth function's derivative. (If the derivative "
        "is 0 or 1, as for ReLU and dropout, it is 'mask missing'.)",
        "Backward is local derivative times dout. Where is the first?",
        "Multiply dout by the derivative of this very operation at the cached value.",
        2,
    ),
    Diagnosis(
        "derivative at the wrong value",
        "A smooth function's derivative is taken of the wrong array, as x * (1 - x) for sigmoid, or its formula is wrong.",
        "Is your formula in terms of the input or of the output? Which one is in the cache?",
        "sigmoid' = out * (1 - out) and tanh' = 1 - out**2 hold for the output, not for the input.",
        2,
    ),
    Diagnosis(
        "value instead of mask",
        "dout is multiplied by the value itself where only 'on or off' counts: dout * out for dout * (out > 0), margins for "
        "margins > 0.",
        "How fast does the output grow where the unit is on? Does that depend on how far it is on?",
        "Above the threshold the slope is 1 whatever the value: multiply by a comparison, not by the number.",
        5,
    ),
    Diagnosis(
        "mask missing",
        "The gradient also goes where forward stopped the value: negative inputs of ReLU, dropped units, losers of a "
        "pooling window, margins that are kept.",
        "Which inputs had no influence on the output? Which slope must they have?",
        "Multiply by the mask of those inputs that did get through; all others get 0.",
        5,
    ),
    Diagnosis(
        "mask inverted",
        "The gradient goes exactly where it should be stopped, and is stopped where it should pass.",
        "Which side of the comparison lets forward pass the value?",
        "Turn the comparison (or ~mask) round.",
        5,
    ),
    Diagnosis(
        "mask of the wrong array",
        "The mask is made from the wrong array or with the wrong threshold: dout > 0 for x > 0, the score without the "
        "margin. It passes in some entries what it should stop, or the other way round.",
        "Which array decides forward whether the value passes, and compared with what?",
        "Make the mask from forward's own input (or output), with the same comparison, and put it into the cache.",
        5,
    ),
    Diagnosis(
        "branch missing",
        "The argument acts on the result along several paths and the gradient of at least one of them is not added: the "
        "shortcut or the body of a residual block, one of two uses. (BatchNorm's mean and variance have their own names.)",
        "Along how many ways does the input reach the output?",
        "Where a value is used twice its gradients add: dx = dx_body + dx_shortcut.",
        14,
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
        "One factor of a product is the wrong array: out for x, x for xhat, x for w. (For a mask or a derivative see "
        "those.)",
        "Write the derivative with its indices. Which array multiplies dout there?",
        "Compare what is in the cache with what the formula needs: the value before or after the operation?",
        2,
    ),
    Diagnosis(
        "Jacobian's diagonal only",
        "Each output depends on all inputs of its row, but only the dependence on its own input is counted: p * (1 - p) for "
        "softmax.",
        "If one score grows, which probabilities change?",
        "Sum over all outputs of the row: dx_k = sum_j dout_j * d out_j / d x_k, the terms j != k too.",
        4,
    ),
    # --- sums and loops ----------------------------------------------------------------------------------------------------
    Diagnosis(
        "sum overwritten",
        "A loop writes = where it should add: of a sum over images, positions or filters only the last term (or terms) "
        "is left. (For pixels that several windows share it is 'overlap overwritten'.)",
        "How often is the same entry written to? What is left of the earlier values?",
        "Start with zeros and write += in the loop.",
        9,
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
        "Some terms or entries are never visited: the last image, row, column, channel or class, as by a range one too "
        "short.",
        "What are the first and the last index of each of your loops and slices?",
        "range(n) ends at n - 1 by itself; a slice [:-1] leaves one out. Count the visits.",
        9,
    ),
    Diagnosis(
        "summed over the wrong axis",
        "A sum (or a product) runs over the wrong axis: the batch axis for the features, rows for columns.",
        "Which axis must disappear, and which one must stay?",
        "Write the shapes next to the line: b (M,) was added to each of N rows, so its gradient sums over the N.",
        5,
    ),
    # --- geometry ----------------------------------------------------------------------------------------------------------
    Diagnosis(
        "transposed",
        "The gradient is turned: two axes are swapped, or a matrix is used untransposed (w for w.T, seen where w is "
        "square).",
        "Write down the shape of each factor with all sizes different. Does it still fit?",
        "dx = dout @ w.T and dw = x.T @ dout for out = x @ w; for images: is it (H, W) everywhere?",
        5,
    ),
    Diagnosis(
        "kernel flipped",
        "The filter (or its gradient) is turned by 180 degrees where it should not be, or is not turned where it should.",
        "Through which entry of the filter did pixel (0, 0) reach output (0, 0)?",
        "dx is a convolution of dout with the turned filter; dw a correlation of the input with dout, not turned.",
        9,
    ),
    Diagnosis(
        "padding not cropped",
        "The padding is left on dx, or cut off in the wrong place: dx is shifted by the pad.",
        "At which row of the padded image does the image itself begin?",
        "dx = dxpad[:, :, pad : pad + H, pad : pad + W].",
        10,
    ),
    Diagnosis(
        "stride ignored",
        "backward puts the windows at other places than forward: the stride is forgotten, or the kernel's size taken for "
        "it.",
        "Where does window (i, j) begin in forward? And in backward?",
        "Window (i, j) starts at (i * stride, j * stride) in both.",
        9,
    ),
    Diagnosis(
        "shifted",
        "The gradient is right but moved by one place or a few. (Moved by the pad: 'padding not cropped'.)",
        "Which index of the result belongs to index 0 of the input?",
        "Check where slices begin: i or i + 1, k or k - 1?",
        9,
    ),
    Diagnosis(
        "reshaped in the wrong order",
        "All numbers are right but in the wrong places: a reshape reads them in another order than they lie in. (Two "
        "axes simply swapped: 'transposed'.)",
        "Which axis runs fastest in memory before your reshape, and which one do you assume?",
        "First transpose so that the axes stand in the order you want, then reshape: they do different things.",
        10,
    ),
    # --- pooling -----------------------------------------------------------------------------------------------------------
    Diagnosis(
        "ties all get the gradient",
        "When several pixels of a window share the maximum each of them gets the whole gradient, so it is counted twice.",
        "If two pixels are equal and both move by 1, by how much does the maximum move?",
        "Give the gradient to one of them (argmax), or divide it by their number.",
        11,
    ),
    Diagnosis(
        "wrong winner",
        "The gradient of a window goes to a pixel that is not its maximum: an index is read wrongly, or of another array.",
        "Which pixel was the largest? What does the number that argmax returns count?",
        "argmax counts in the flattened window: row = i // KW, column = i % KW, from the window's corner.",
        11,
    ),
    # --- losses ------------------------------------------------------------------------------------------------------------
    Diagnosis(
        "one-hot missing",
        "The probabilities are returned without the right class's 1 taken off (or with it added).",
        "What should the gradient be when the network is perfectly sure and right?",
        "dlogits = (probs - onehot) / N: subtract 1 at the right class of each row.",
        4,
    ),
    Diagnosis(
        "labels index every row",
        "[:, labels] picks those columns in all rows, where one entry for each row is meant.",
        "How many entries does your index pick? How many labels are there?",
        "Use a pair of index arrays, [np.arange(N), labels]: entry (n, labels[n]) for each n.",
        4,
    ),
    Diagnosis(
        "softmax missing",
        "Scores (or their exp) stand where probabilities belong: softmax not applied, or not normalised.",
        "What do the rows of your probabilities sum to?",
        "probs = exp(logits) / sum of exp over the row; the gradient is made of probs, not of logits.",
        4,
    ),
    Diagnosis(
        "softmax over the wrong axis",
        "Probabilities are normalised over the batch instead of over the classes: columns sum to 1, not rows.",
        "Which sums are 1 in your probabilities, those of rows or of columns?",
        "Sum over the classes: axis=1, keepdims=True for (N, K).",
        4,
    ),
    Diagnosis(
        "label smoothing ignored",
        "Forward smooths the labels and backward takes plain one-hot labels, or smooths by other numbers.",
        "What is the target of a wrong class in forward? And in backward?",
        "Use the same target array in both: (1 - s) * onehot + s / K.",
        4,
    ),
    Diagnosis(
        "right class wrong",
        "Only the entries of the right class are wrong: a hinge loss that forgets them, counts one violation for many, or "
        "counts the right class itself.",
        "The right class's score stands in how many of the margins of its row, and with which sign?",
        "It gets minus the number of violated margins in its row; its own margin is not one of them.",
        7,
    ),
    # --- BatchNorm ---------------------------------------------------------------------------------------------------------
    Diagnosis(
        "mean term missing",
        "BatchNorm's dx lacks the part that goes through the batch's mean (or has it with a wrong sign or factor).",
        "If one value of a channel grows, what happens to the others after centring?",
        "Centring forward means centring backward: subtract the mean of dout * gamma over the batch.",
        13,
    ),
    Diagnosis(
        "variance term missing",
        "BatchNorm's dx lacks the part that goes through the batch's variance (or has it with a wrong sign or factor).",
        "If one value moves away from the mean, what happens to the standard deviation that all are divided by?",
        "Subtract xhat * mean(dout * xhat): dx = gamma / std * (dout - mean(dout) - xhat * mean(dout * xhat)).",
        13,
    ),
    Diagnosis(
        "statistics treated as constants",
        "BatchNorm's dx = dout * gamma / std: both the mean's and the variance's part are missing, as in evaluation.",
        "The mean and the variance are computed from x. Do they change when x does?",
        "x reaches the output along three paths: directly, through the mean, and through the variance.",
        13,
    ),
    Diagnosis(
        "gamma missing",
        "The learned scale gamma is left out of dx (or applied twice).",
        "What is the last thing that forward multiplies by?",
        "dxhat = dout * gamma, channel by channel, and the rest follows from dxhat.",
        13,
    ),
    Diagnosis(
        "power of the standard deviation wrong",
        "dx is divided by the variance, or not at all, where it should be divided by the standard deviation; or multiplied.",
        "How does dx change when the inputs are all made ten times larger?",
        "dx has a factor 1 / sqrt(var + eps): check the power, -1/2 of the variance.",
        13,
    ),
    Diagnosis(
        "epsilon wrong",
        "eps stands in another place than in forward, or is forgotten: a small error everywhere.",
        "Is it sqrt(var + eps) or sqrt(var) + eps, in both?",
        "Keep 1 / sqrt(var + eps) in the cache instead of computing it again.",
        13,
    ),
    Diagnosis(
        "N - 1 for N",
        "Variance or mean terms are divided by N - 1 in one pass and by N in the other.",
        "Which variance does forward use, that of the batch (N) or the estimate (N - 1)?",
        "np.var divides by N (ddof=0): backward must divide by the same number.",
        13,
    ),
    # --- weight decay and optimizers ---------------------------------------------------------------------------------------
    Diagnosis(
        "weight decay missing",
        "The loss has a term for the size of the weights, the gradient has none (or the step none).",
        "What is the derivative of lambda / 2 * w**2?",
        "Add lambda * w to dw (0.5 * lambda * w**2 in the loss).",
        8,
    ),
    Diagnosis(
        "weight decay scaled wrong",
        "There is a weight decay term, but off by a factor: doubled, halved, divided by N, with the wrong sign.",
        "Is there a half in front of lambda * w**2 in forward? Is it inside of the mean over the batch?",
        "d(0.5 * lambda * w**2) = lambda * w; without the half it is 2 * lambda * w; and nothing is divided by N.",
        8,
    ),
    Diagnosis(
        "weight decay on the bias",
        "Weight decay also acts on the bias (or on another array), which the loss does not contain.",
        "Which arrays stand in the penalty?",
        "Only w gets lambda * w: leave db alone.",
        8,
    ),
    Diagnosis(
        "velocity forgotten",
        "Each step starts from a velocity of 0: it is not kept between steps, or overwritten by the gradient.",
        "What is the velocity at the start of the second step?",
        "velocity = momentum * velocity + g, stored where the next step finds it.",
        8,
    ),
    Diagnosis(
        "momentum not applied",
        "The velocity is summed without being multiplied by momentum, so it never forgets (or by a wrong factor, 1 - "
        "momentum).",
        "What happens to the velocity when the gradient is 0 from now on?",
        "The old velocity is multiplied by momentum (0.9) before the gradient is added.",
        8,
    ),
    Diagnosis(
        "gradient damped",
        "The gradient enters the velocity with a factor, 1 - momentum or momentum, that the rule does not have.",
        "With which factor does the newest gradient enter the velocity?",
        "velocity = momentum * velocity + g (an average with 1 - momentum is another rule, with smaller steps).",
        8,
    ),
    Diagnosis(
        "learning rate missing",
        "The step is not multiplied by the learning rate.",
        "What happens if you halve the learning rate?",
        "w -= lr * velocity.",
        8,
    ),
    Diagnosis(
        "learning rate twice",
        "The learning rate is multiplied in twice: into the velocity and again into the step.",
        "On which lines does lr stand?",
        "Either the velocity holds lr * g and w += velocity, or it holds g and w -= lr * velocity. Not both.",
        8,
    ),
    Diagnosis(
        "updated in the wrong order",
        "The weights move before the velocity has been updated (or Nesterov's look-ahead is taken of the old velocity).",
        "Does this step already use this step's gradient?",
        "First the velocity, then the weights.",
        8,
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
        "The step leaves the weights where they are: a new array is made, or the result is not stored.",
        "After the step, is the array that the model holds another one?",
        "w -= ... changes the array itself; w = w - ... makes a new one that the model does not see.",
        8,
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
