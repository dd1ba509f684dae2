"""Which branches of a piece of code have been taken, at nearly no cost (Python 3.12 and newer; before, nothing is seen)."""

import dis
import inspect
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

TOOL = 3  # of sys.monitoring's six
_JUMPS = ("FOR_ITER", "POP_JUMP_IF_")


class Branches:
    """Counts both ways out of every conditional jump in functions, classes and modules. A branch that is known is never
    reported again, so that code runs at full speed once it is explored."""

    def __init__(self, things: Iterable[Any]) -> None:
        self.codes = {code for code in _codes(things) if not code.co_filename.startswith("<")}  # a dataclass writes some
        self.seen: dict[tuple[CodeType, int], set[int]] = {}
        self.news = False  # has a branch been taken for the first time since somebody last set this to False?
        self.on = hasattr(sys, "monitoring")

    def __enter__(self) -> "Branches":
        if self.on:
            monitoring = sys.monitoring
            monitoring.use_tool_id(TOOL, "scratchnet fuzz")
            monitoring.register_callback(TOOL, monitoring.events.BRANCH, self._branch)
            for code in self.codes:
                monitoring.set_local_events(TOOL, code, monitoring.events.BRANCH)
        return self

    def __exit__(self, *_: object) -> None:
        if self.on:
            for code in self.codes:
                sys.monitoring.set_local_events(TOOL, code, 0)
            sys.monitoring.free_tool_id(TOOL)

    def _branch(self, code: CodeType, offset: int, destination: int) -> Any:
        ways = self.seen.setdefault((code, offset), set())
        if destination not in ways:
            ways.add(destination)
            self.news = True
        return sys.monitoring.DISABLE if len(ways) == 2 else None

    def taken(self) -> int:
        return sum(len(self.seen.get((code, jump.offset), ())) for code in self.codes for jump in _jumps(code))

    def there_are(self) -> int:
        return 2 * sum(1 for code in self.codes for _ in _jumps(code))

    def missing(self) -> list[str]:
        """Conditions that never went both ways, as "file:line function"."""
        found = set()
        for code in self.codes:
            for jump in _jumps(code):
                if len(self.seen.get((code, jump.offset), ())) < 2:
                    line = jump.positions.lineno if jump.positions else None
                    file = "/".join(code.co_filename.replace("\\", "/").rsplit("/", 2)[-2:])
                    found.add((file, line or 0, code.co_qualname))
        return [f"{file}:{line} {name}" for file, line, name in sorted(found)]


def _jumps(code: CodeType) -> Iterator[dis.Instruction]:
    """The conditional jumps, but for those that ask whether an exception is another one than what is expected."""
    before = ["", "", ""]
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith(_JUMPS) and not {"WITH_EXCEPT_START", "CHECK_EXC_MATCH"} & set(before):
            yield instruction
        before = [*before[1:], instruction.opname]


def _codes(things: Iterable[Any]) -> Iterator[CodeType]:
    """The code of functions, of what classes and modules define themselves, and of all that is nested in them."""
    for thing in things:
        if isinstance(thing, CodeType):
            yield thing
            yield from _codes(c for c in thing.co_consts if isinstance(c, CodeType))
        elif isinstance(thing, FunctionType):
            yield from _codes([inspect.unwrap(thing).__code__])
        elif isinstance(thing, property):
            yield from _codes([thing.fget])
        elif isinstance(thing, type | ModuleType):
            values = [v for v in vars(thing).values() if isinstance(v, FunctionType | property | type)]
            yield from _codes(v for v in values if isinstance(v, property) or v.__module__ == _module(thing))


def _module(thing: Any) -> str:
    return str(thing.__name__ if isinstance(thing, ModuleType) else thing.__module__)
