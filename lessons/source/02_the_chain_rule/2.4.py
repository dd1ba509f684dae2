# %% [markdown]
# # The chain, backward

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, values


class Pair(tuple):
    """(forward, backward) that is printed by its name."""

    __slots__ = ()

    def __repr__(self):
        return self[0].__name__


def square(x):
    return x**2, x


def square_backward(dout, cache):
    return dout * 2 * cache


def sine(x):
    return np.sin(x), x


def sine_backward(dout, cache):
    return dout * np.cos(cache)


def turn(x):  # with it the order of the backward passes matters; slopes alone could be multiplied in any order
    return x[::-1], None


def turn_backward(dout, cache):
    return dout[::-1]


SQUARE, SINE, TURN = Pair((square, square_backward)), Pair((sine, sine_backward)), Pair((turn, turn_backward))


def forward(pairs, x):
    caches = []
    for pair in pairs:
        x, cache = pair[0](x)
        caches.append(cache)
    return caches


def reference(pairs, dout, caches):
    """The last pair first, and then the chain without it."""
    if not pairs:
        return dout
    return reference(pairs[:-1], pairs[-1][1](dout, caches[-1]), caches[:-1])


def from_the_first(pairs, dout, caches):
    for (_, backward), cache in zip(pairs, caches, strict=True):
        dout = backward(dout, cache)
    return dout


def not_handed_on(pairs, dout, caches):
    return pairs[0][1](dout, caches[0])


def last_only(pairs, dout, caches):
    return pairs[-1][1](dout, caches[-1])


def first_left_out(pairs, dout, caches):
    return reference([Pair((lambda x: (x, None), lambda dout, cache: dout)), *pairs[1:]], dout, caches)


def others_caches(pairs, dout, caches):
    return reference(pairs, dout, caches[::-1])


def added(pairs, dout, caches):
    return sum(backward(dout, cache) for (_, backward), cache in zip(pairs, caches, strict=True))


def examine(chain_backward):
    rng = np.random.default_rng(0)

    def case(*pairs):
        x = rng.uniform(0.3, 1.4, 4)
        return list(pairs), rng.standard_normal(4), forward(pairs, x)

    return values(
        chain_backward,
        reference,
        case(SQUARE),
        case(SINE, SQUARE),
        case(SQUARE, TURN, SINE),
        case(SINE, TURN, SQUARE),
        mistakes=(
            Mistake(
                "from the first to the last",
                from_the_first,
                "The first pair wants what comes from above. Who returns that, and when?",
            ),
            Mistake(
                "dx not handed on",
                not_handed_on,
                "What one pair returns is the dout of the pair before it. Which dout do you hand in?",
            ),
            Mistake("only the last pair", last_only, "Is the return line inside of the loop?"),
            Mistake("first pair left out", first_left_out, "How many pairs are there, and how many did you visit?"),
            Mistake(
                "caches of other pairs",
                others_caches,
                "You go through the pairs from the end. Does the list of caches come from the end as well?",
            ),
            Mistake("slopes added", added, "The pairs are one way with many steps, not many ways."),
        ),
    )


# %% [markdown] hint
# You need a loop over the pairs and their caches. Which pair comes first, and what does it get?

# %% [markdown] hint
# Start with `dx = dout`. For each pair, from the last one to the first one, let its backward turn dx into a new dx. Each pair needs
# the cache that belongs to it: turn both lists round.

# %% [markdown] hint
# `for (_, backward), cache in zip(reversed(pairs), reversed(caches)):` and inside of it `dx = backward(dx, cache)`.

# %% [markdown] derivation
# The output of a pair is the input of the next one. So "the slope for its output" of the one is "the slope for its input" of the
# other: the dx of each pair is the dout of the one before it. Only the last pair's dout is known at the beginning, therefore the
# walk begins there.


# %% solution
def chain_backward(pairs, dout, caches):
    dx = dout
    for (_, backward), cache in zip(reversed(pairs), reversed(caches), strict=True):
        dx = backward(dx, cache)
    return dx


# %% wrong: from the first to the last
def chain_backward(pairs, dout, caches):
    dx = dout
    for (_, backward), cache in zip(pairs, caches, strict=True):
        dx = backward(dx, cache)
    return dx


# %% wrong: dx not handed on
def chain_backward(pairs, dout, caches):
    for (_, backward), cache in zip(reversed(pairs), reversed(caches), strict=True):
        dx = backward(dout, cache)
    return dx


# %% wrong: caches of other pairs
def chain_backward(pairs, dout, caches):
    dx = dout
    for (_, backward), cache in zip(reversed(pairs), caches, strict=True):
        dx = backward(dx, cache)
    return dx


# %% wrong: only the last pair
def chain_backward(pairs, dout, caches):
    dx = dout
    for (_, backward), cache in zip(reversed(pairs), reversed(caches), strict=True):
        dx = backward(dx, cache)
        return dx


# %% wrong: first pair left out
def chain_backward(pairs, dout, caches):
    dx = dout
    for i in range(len(pairs) - 1, 0, -1):
        dx = pairs[i][1](dx, caches[i])
    return dx


# %% wrong: slopes added
def chain_backward(pairs, dout, caches):
    dx = 0
    for (_, backward), cache in zip(reversed(pairs), reversed(caches), strict=True):
        dx = dx + backward(dout, cache)
    return dx
