"""How often does the checker name the mistake? ``python -m benchmarks.diagnose [-v] [--half own|held-out]``

Three tables: wrong implementations that were written with the checker (table.py), wrong ones by somebody who had seen the
list of names and not the checker (held_out.py), and right ones in many styles (right.py), on which nothing may be found.

The held-out half was committed before the checker had run on any of it. On that first run, before anything was changed for
it, all 96 wrong ones were caught, the right name came first for 87 (90.6 %), and was among the first three for the same 87;
no false alarm on its 18 right ones. What it showed then went into general tests (signs/), never into a case.

Exit status 1 if a target is missed: top 1 right in 90 %, top 3 in 97 % of each half, no false alarm.
"""

import argparse
import importlib
import sys
import time
from dataclasses import dataclass

from benchmarks.mistakes.case import Case
from scratchnet.gradcheck import Report, check

TOP1, TOP3 = 0.90, 0.97


@dataclass(frozen=True)
class Outcome:
    """One case, and what the checker made of it."""

    case: Case
    report: Report
    seconds: float

    @property
    def names(self) -> list[str]:
        return [likely.name for likely in self.report.diagnoses]

    def hit(self, top: int) -> bool:
        return not self.report.passed and bool(set(self.names[:top]) & set(self.case.expected))


def run(case: Case) -> Outcome:
    """Check one case."""
    start = time.perf_counter()
    report = check(case.target, *case.args, options=case.options, reference=case.reference)
    return Outcome(case, report, time.perf_counter() - start)


def cases_of(module: str) -> list[Case]:
    """The cases of a table; none if it is not there."""
    try:
        found: list[Case] = importlib.import_module(f"benchmarks.mistakes.{module}").CASES
    except ModuleNotFoundError:
        return []
    return found


def show(title: str, cases: list[Case], verbose: bool) -> bool:
    """Print one half's figures and its misses; True if the targets are met."""
    outcomes = [run(case) for case in cases]
    wrong = [o for o in outcomes if o.case.wrong]
    right = [o for o in outcomes if not o.case.wrong]
    met = True
    print(f"{title}: {len(wrong)} wrong, {len(right)} right implementations")
    if wrong:
        top1, top3 = (sum(o.hit(top) for o in wrong) / len(wrong) for top in (1, 3))
        caught = sum(not o.report.passed for o in wrong)
        print(f"  caught {caught} of {len(wrong)}; right name first {top1:.1%}, among the first three {top3:.1%}")
        met = caught == len(wrong) and top1 >= TOP1 and top3 >= TOP3
    if right:
        alarms = sum(not o.report.passed for o in right)
        print(f"  false alarms {alarms} of {len(right)}")
        met = met and not alarms
    slowest = max(outcomes, key=lambda o: o.seconds)
    print(f"  {sum(o.seconds for o in outcomes):.1f} s; slowest {slowest.case.id}, {slowest.seconds:.2f} s")
    for o in outcomes:
        missed = (o.case.wrong and not o.hit(1)) or (not o.case.wrong and not o.report.passed)
        if missed or verbose:
            said = ", ".join(f"{likely.name} {likely.score:.2f}" for likely in o.report.diagnoses[:4]) or "passed"
            print(f"  {'MISS' if missed else 'ok  '} {o.case.id} ({', '.join(o.case.expected) or 'right'}): {said}")
    return met


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnose", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case")
    parser.add_argument("--half", choices=["own", "held-out"], help="only this one")
    args = parser.parse_args(argv)
    met = True
    if args.half != "held-out":
        met &= show("own table", [*cases_of("table"), *cases_of("right")], args.verbose)
    if args.half != "own":
        held_out = cases_of("held_out")
        met &= show("held out", held_out, args.verbose) if held_out else False
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
