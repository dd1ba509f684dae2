# %% [markdown]
# # BatchNorm, forward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


def by_column(inv_std_of, axis=0):
    """BatchNorm, a column after the other, with this 1 / std of a column; axis 1: of a row."""

    def forward(x, gamma, beta, eps):
        lines = x if axis == 1 else x.T
        inv_std = np.array([inv_std_of([float(v) for v in line], eps) for line in lines])
        means = np.array([sum(line) / len(line) for line in lines])
        xhat = (lines - means[:, None]) * inv_std[:, None]
        xhat = xhat if axis == 1 else xhat.T
        return gamma * xhat + beta, (xhat, gamma, inv_std)

    return forward


def variance(line):
    mean = sum(line) / len(line)
    return sum((value - mean) ** 2 for value in line) / len(line)


def inverse(line, eps):
    return 1 / (variance(line) + eps) ** 0.5


def everything(x, gamma, beta, eps):
    inv_std = 1 / np.sqrt(x.var() + eps)
    xhat = (x - x.mean()) * inv_std
    return gamma * xhat + beta, (xhat, gamma, inv_std)


def multiplied(x, gamma, beta, eps):
    _, (xhat, gamma, inv_std) = by_column(inverse)(x, gamma, beta, eps)
    xhat = xhat / inv_std**2
    return gamma * xhat + beta, (xhat, gamma, inv_std)


def not_centred(x, gamma, beta, eps):
    _, (_, gamma, inv_std) = by_column(inverse)(x, gamma, beta, eps)
    return gamma * x * inv_std + beta, (x * inv_std, gamma, inv_std)


def standard_deviation(x, gamma, beta, eps):
    _, (_, gamma, inv_std) = by_column(inverse)(x, gamma, beta, eps)
    xhat = (x - x.mean(axis=0)) / inv_std
    return gamma * xhat + beta, (xhat, gamma, 1 / inv_std)


def along_rows(x, gamma, beta, eps):
    """Raises an error unless x is square, and then is wrong."""
    inv_std = 1 / np.sqrt(x.var(axis=1) + eps)
    xhat = (x - x.mean(axis=1)) * inv_std
    return gamma * xhat + beta, (xhat, gamma, inv_std)


def examine(batch_norm_forward):
    rng = np.random.default_rng(0)

    def case(n, d, eps):
        return 2 + 3 * rng.standard_normal((n, d)), rng.uniform(0.5, 2, d), rng.standard_normal(d), eps

    def by_rows(x, gamma, beta, eps):
        out, (xhat, gamma, inv_std) = by_column(inverse, axis=1)(x, gamma, beta, eps)
        return out, (xhat, gamma, inv_std[:, None])  # (N, 1), as it takes keepdims to get that far

    which_axis = "Which values belong to one unit, a row or a column? Which axis must disappear?"
    mistakes = (
        Mistake("summed over the wrong axis", by_rows, which_axis),
        Mistake("summed over the wrong axis", along_rows, which_axis),
        Mistake("one mean for everything", everything, "Each column has a mean and a variance of its own: axis=0."),
        Mistake(
            "root missing",
            by_column(lambda line, eps: 1 / (variance(line) + eps)),
            "What is the variance of a column that you divide by its variance? Of which number is inv_std the inverse?",
        ),
        Mistake(
            "epsilon outside of the root",
            by_column(lambda line, eps: 1 / (variance(line) ** 0.5 + eps)),
            "Does eps stand under the root, or beside it?",
        ),
        Mistake(
            "N - 1 for N",
            by_column(lambda line, eps: 1 / (variance(line) * len(line) / (len(line) - 1) + eps) ** 0.5),
            "By what does the formula of the variance divide, N or N - 1? Which of the two does your ddof choose?",
        ),
        Mistake(
            "epsilon missing",
            by_column(lambda line, eps: variance(line) ** -0.5),
            "What does your code do with a column whose values are all equal? Which argument is not used?",
        ),
        Mistake(
            "gamma and beta missing",
            lambda x, gamma, beta, eps: (by_column(inverse)(x, 1, 0, eps)[1][0], by_column(inverse)(x, gamma, beta, eps)[1]),
            "What makes out of xhat? Which two arguments are learned?",
        ),
        Mistake("mean not subtracted", not_centred, "What is the mean of each column of your xhat? What should it be?"),
        Mistake("multiplied for divided", multiplied, "inv_std is 1/std already. Do you divide by it, or multiply?"),
        Mistake("not the inverse", standard_deviation, "inv_std is 1 / std: the number that you multiply by."),
    )
    # a large eps and few rows: so eps in another place and N - 1 for N are not lost in rounding
    return values(
        batch_norm_forward, by_column(inverse), case(5, 3, 0.5), case(4, 4, 1e-5), case(6, 2, 0.1), mistakes=mistakes
    )


# %% [markdown] hint
# Three lines, in the order of the formula. Over which axis do the mean and the variance go, so that one number for each of
# the D columns is left?

# %% [markdown] hint
# `x.var(axis=0)` is the variance of each column, (D,). Add eps, take the root, and 1 over that is `inv_std`. For `xhat` subtract the
# mean of each column and multiply by `inv_std`.

# %% [markdown] hint
# `inv_std = 1 / np.sqrt(x.var(axis=0) + eps)`; `xhat = (x - ...) * inv_std`; `out` multiplies that by gamma and adds beta.

# %% [markdown] derivation
# The statistics of a unit are those of its column, so axis 0 goes: $\mu_d = \frac1N\sum_n x_{nd}$ is `x.mean(axis=0)`, $\sigma_d^2$ is `x.var(axis=0)`, both
# (D,). Arithmetic between (N, D) and (D,) goes row by row, so each row gets the same $\mu$, `inv_std`, $\gamma$ and $\beta$.
# `inv_std` is kept, as backward needs it again.


# %% solution
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: summed over the wrong axis
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    xhat = (x - x.mean(axis=1, keepdims=True)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: one mean for everything
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var() + eps)
    xhat = (x - x.mean()) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: root missing
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / (x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: epsilon outside of the root
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / (x.std(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: N - 1 for N
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0, ddof=1) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: mean not subtracted
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = x * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: multiplied for divided
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: summed over the wrong axis
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=1) + eps)
    xhat = (x - x.mean(axis=1)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: epsilon missing
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / x.std(axis=0)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, gamma, inv_std)


# %% wrong: gamma and beta missing
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    inv_std = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inv_std
    out = xhat
    return out, (xhat, gamma, inv_std)
