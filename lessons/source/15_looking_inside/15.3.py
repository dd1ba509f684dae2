# %% [markdown]
# # The weights of Grad-CAM

# %% check
import numpy as np

from scratchnet_lessons.exercises import Mistake, generic, values


def weighted(weight_of, *, positive=True):
    """Grad-CAM with this weight of a map, from its gradient and its values (OH, OW)."""

    def grad_cam(maps, dmaps):
        n, f, h, w = maps.shape
        weights, heat = np.zeros((n, f)), np.zeros((n, h, w))
        for image, k in np.ndindex(n, f):
            weights[image, k] = weight_of(dmaps[image, k], maps[image, k])
            for i, j in np.ndindex(h, w):
                heat[image, i, j] += weights[image, k] * maps[image, k, i, j]
        return weights, np.maximum(heat, 0) if positive else heat

    return grad_cam


def mean(dmap, _):
    return sum(dmap.ravel()) / dmap.size


def clipped_before(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    return weights, np.maximum(weights[:, :, None, None] * maps, 0).sum(axis=1)


def mean_of_maps(maps, dmaps):
    weights, heat = weighted(mean)(maps, dmaps)
    return weights, heat / maps.shape[1]


def without_weights(maps, dmaps):
    return dmaps.mean(axis=(2, 3)), np.maximum((dmaps * maps).sum(axis=1), 0)


def over_images(maps, dmaps):
    weights = np.broadcast_to(dmaps.mean(axis=(0, 2, 3)), maps.shape[:2])
    return weights, np.maximum((weights[:, :, None, None] * maps).sum(axis=1), 0)


def examine(grad_cam):
    rng = np.random.default_rng(0)
    cases = [(np.abs(generic(shape, rng)), generic(shape, rng)) for shape in ((2, 3, 4, 5), (3, 4, 2, 3))]
    mistakes = (
        Mistake(
            "sum for mean",
            weighted(lambda dmap, _: dmap.sum()),
            "How many places has a map? The weight is the mean over them.",
        ),
        Mistake(
            "negative heat left in",
            weighted(mean, positive=False),
            "What should the heat be where the maps speak against the class?",
        ),
        Mistake(
            "clipped too early",
            clipped_before,
            "A map that speaks against the class has to take away from the others. Clip first, or add up first?",
        ),
        Mistake(
            "weights clipped",
            weighted(lambda dmap, _: max(mean(dmap, _), 0)),
            "May a map have a negative weight? What is clipped at 0, the weights or the heat?",
        ),
        Mistake(
            "maps in the place of their gradient",
            weighted(lambda dmap, own: own.mean()),
            "A map that is bright need not matter for the class. Which of the two arrays knows what the class wants?",
        ),
        Mistake(
            "no mean over places",
            without_weights,
            "In your heat each place has a weight of its own. One weight for a whole map: weights[:, :, None, None].",
        ),
        Mistake(
            "absolute values",
            weighted(lambda dmap, _: np.abs(dmap).mean()),
            "Keep the sign: a map may speak against the class.",
        ),
        Mistake("mean over the maps", mean_of_maps, "The weighted maps are added up. Do you divide by their number?"),
        Mistake("mean over the images", over_images, "Each image has weights of its own, (N, F). Which axes should go?"),
    )
    return values(grad_cam, weighted(mean), *cases, mistakes=mistakes)


# %% [markdown] hint
# Two lines, one for each formula. Over which axes of (N, F, OH, OW) does the mean go, and over which the sum?

# %% [markdown] hint
# `dmaps.mean(axis=(2, 3))` leaves (N, F). Multiply `weights[:, :, None, None]` with the maps, sum axis 1 away, and keep what is positive.

# %% [markdown] hint
# `heat = np.maximum((weights[:, :, None, None] * maps).sum(axis=...), 0)`: first the sum, then the maximum.

# %% [markdown] derivation
# The mean over the places of a map is a mean over the axes 2 and 3: `dmaps.mean(axis=(2, 3))`, (N, F). For the heat the weights get two
# more axes of length 1, so that each multiplies its whole map; the sum over f is axis 1, which leaves (N, OH, OW). The maximum with 0
# comes last, since what speaks against the class in one map may cancel what speaks for it in another.


# %% solution
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    heat = np.maximum((weights[:, :, None, None] * maps).sum(axis=1), 0)
    return weights, heat


# %% wrong: sum for mean
def grad_cam(maps, dmaps):
    weights = dmaps.sum(axis=(2, 3))
    heat = np.maximum((weights[:, :, None, None] * maps).sum(axis=1), 0)
    return weights, heat


# %% wrong: negative heat left in
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    heat = (weights[:, :, None, None] * maps).sum(axis=1)
    return weights, heat


# %% wrong: clipped too early
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    heat = np.maximum(weights[:, :, None, None] * maps, 0).sum(axis=1)
    return weights, heat


# %% wrong: maps in the place of their gradient
def grad_cam(maps, dmaps):
    weights = maps.mean(axis=(2, 3))
    heat = np.maximum((weights[:, :, None, None] * maps).sum(axis=1), 0)
    return weights, heat


# %% wrong: no mean over places
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    heat = np.maximum((dmaps * maps).sum(axis=1), 0)
    return weights, heat


# %% wrong: mean over the maps
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(2, 3))
    heat = np.maximum((weights[:, :, None, None] * maps).mean(axis=1), 0)
    return weights, heat


# %% wrong: wrong shape
def grad_cam(maps, dmaps):
    weights = dmaps.mean(axis=(1, 2))
    heat = np.maximum((dmaps.mean(axis=(2, 3), keepdims=True) * maps).sum(axis=1), 0)
    return weights, heat
