"""The lessons: notebooks from one neuron to a CNN, with exercises that are checked on the spot.

    from scratchnet_lessons import check, hint, learner, solution

check("10.2", col2im)                    is it right? If not, what the mistake is
hint("10.2", 2)                          three hints, from a question to nearly the code
solution("10.2")                         the solution, and how one comes to it
learner("10.2", col2im, library_col2im)  the code the lesson goes on with: yours if it is right

The notebooks lie in this folder, their source and exercises in source/; README.md says how they are written. Installed, the
folder is the package scratchnet_lessons: setup.cfg maps the name, so that a notebook stands next to what it is made of.
"""

from scratchnet.viz import style

from .tools.session import calls, check, gradient_check, hint, learner, solution, whose_code
from .tools.show import digits, effort, frames, hours_for, panels

__all__ = [
    "calls",
    "check",
    "digits",
    "effort",
    "frames",
    "gradient_check",
    "hint",
    "hours_for",
    "learner",
    "panels",
    "solution",
    "style",
    "whose_code",
]
