"""``scratchnet gradcheck``."""

import argparse
from typing import Any


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "gradcheck",
        help="check every layer's hand-written gradients against numeric ones",
        description="Compare the backward pass of every layer and loss with central differences in float64, entry by entry.",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print every argument's figures")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from scratchnet.gradcheck import check_all
    from scratchnet.gradcheck.report import ZERO

    failed = 0
    for name, report in check_all():
        failed += not report.passed
        errors = [result.relative_error for result in report.results.values() if result.scale > ZERO]  # what is 0 has none
        worst = max(errors, default=0.0)
        entries = sum(result.checked for result in report.results.values())
        print(
            f"{'ok   ' if report.passed else 'WRONG'}  {name:44s} {entries:5d} entries  largest relative error {worst:.1e}"
        )
        if args.verbose or not report.passed:
            print("       " + str(report).replace("\n", "\n       "))
    print("every gradient is right" if not failed else f"{failed} wrong")
    return 1 if failed else 0
