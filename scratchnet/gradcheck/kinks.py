"""Is a gradient right along one line? Also where f has a kink, such as ReLU at 0 or two pixels of the same size in a pool.

At a kink the slopes to the left and to the right differ, and a central difference gives their mean, which is no
derivative. So where something is odd, look closer, with smaller and smaller steps:

    f is smooth                     the two slopes run together: their gap is f'' * h
    the kink is near x, not at x    as soon as the step is shorter than the way to the kink, the gap is gone, and what is
                                    measured then counts
    the kink is at x                the gap stays the same. No number is *the* gradient; backward may return any
                                    between the two slopes (a subgradient), and nothing else

A gap that grows instead (a jump, the tip of a square root) is no kink, and excuses nothing.
"""

from dataclasses import dataclass

from scratchnet.gradcheck.numeric import Line, one_sided

SHRINKING = 0.2  # gap of a step / gap of a step ten times as long: 0.1 where f is smooth, 1 at a kink
STEADY = (0.5, 2.0)
NO_SLOPE = 1000  # times the tolerance: with such a gap left and right have nothing in common


@dataclass(frozen=True)
class Sides:
    """The slopes to the left and to the right of x."""

    left: float
    right: float

    @property
    def mean(self) -> float:
        return (self.left + self.right) / 2

    @property
    def gap(self) -> float:
        return abs(self.right - self.left)


@dataclass(frozen=True)
class Slope:
    """What is known of f along one line, at x: the slope and the error of the analytic one; at a kink both slopes."""

    numeric: float
    error: float
    kink: Sides | None = None


def measure(line: Line, h: float) -> Sides:
    """Both slopes at a point where f is 0; their mean is the central difference."""
    return Sides(*one_sided(line, h))


def examine(line: Line, analytic: float, tolerance: float, h: float) -> Slope:
    """Judge an analytic slope by steps of h, h/10, h/100 and h/1000; f is 0 at x.

    The result's error is within the tolerance if the analytic slope is right; at a kink it is the distance from the
    interval between the two slopes, 0 inside.
    """
    steps = [measure(line, h)]
    if steps[0].gap <= tolerance:
        return _compare(analytic, steps[0])
    for step in (h / 10, h / 100, h / 1000):
        steps.append(measure(line, step))
        smooth = steps[-1].gap <= max(tolerance, SHRINKING * steps[-2].gap)
        if smooth and abs(analytic - steps[-1].mean) <= tolerance:
            return _compare(analytic, steps[-1])
    *_, before, last = steps
    if last.gap > tolerance and STEADY[0] * before.gap <= last.gap <= STEADY[1] * before.gap:
        slopes = last.left, last.right, before.left, before.right  # two steps: what differs between them is rounding
        low, high = min(slopes), max(slopes)
        return Slope(last.mean, max(low - analytic, analytic - high, 0.0), kink=last)
    clearest = min(steps, key=lambda sides: sides.gap)  # with the smallest steps rounding may have taken over
    if clearest.gap > NO_SLOPE * tolerance:
        return Slope(clearest.mean, max(abs(analytic - clearest.left), abs(analytic - clearest.right)))
    return _compare(analytic, clearest)


def _compare(analytic: float, sides: Sides) -> Slope:
    return Slope(sides.mean, abs(analytic - sides.mean))
