"""``scratchnet data``: fetch, verify, info, synthetic."""

import argparse
import sys
from pathlib import Path
from typing import Any

from scratchnet.cli.common import add_data_dir_argument, number
from scratchnet.datasets import mnist, synthetic
from scratchnet.datasets.folders import MARKER
from scratchnet.untrusted import one_line


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser("data", help="fetch, check and make data files", description="Look after the data files.")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=type(parser))

    fetch = actions.add_parser(
        "fetch", help="download MNIST (11 MB) and verify it", description="Download MNIST and verify it."
    )
    fetch.set_defaults(run=run_fetch)
    verify = actions.add_parser(
        "verify",
        help="check MNIST's files against their checksums",
        description="Check MNIST's files. Exit status 1 if not all are right.",
    )
    verify.set_defaults(run=run_verify)
    info = actions.add_parser("info", help="what data there is, and where", description="List the data sets that are found.")
    info.set_defaults(run=run_info)
    make = actions.add_parser(
        "synthetic",
        help="draw synthetic digits and write them as IDX files",
        description="Draw 28 x 28 digits from pen strokes and write them as IDX files with MNIST's names.",
    )
    make.add_argument("--out", metavar="DIR", help="folder to write to (default: synthetic/ in the data folder)")
    make.add_argument("--n-train", type=number(int, 1), default=60_000, metavar="N", help="training images (60000)")
    make.add_argument("--n-test", type=number(int, 1), default=10_000, metavar="N", help="test images (10000)")
    make.add_argument("--seed", type=number(int, 0, 2**63), default=0, metavar="S", help="default 0")
    make.set_defaults(run=run_synthetic)
    for action in (fetch, verify, info, make):
        add_data_dir_argument(action)


def run_fetch(args: argparse.Namespace) -> int:
    if args.data_dir:
        Path(args.data_dir).mkdir(parents=True, exist_ok=True)
    folder = mnist.fetch(args.data_dir, progress=sys.stderr.isatty())
    print(f"MNIST is in {one_line(str(folder))}, all four files verified")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    statuses = mnist.verify(args.data_dir)
    for status in statuses:
        what = f"{status.path}" if status.ok else f"{status.path or status.name}: {status.message}"
        print(f"{'ok ' if status.ok else 'BAD'}  {one_line(what)}")
    wrong = sum(not status.ok for status in statuses)
    if wrong:
        print(f"scratchnet: error: {wrong} of MNIST's {len(statuses)} files are missing or wrong", file=sys.stderr)
    return 1 if wrong else 0


def run_info(args: argparse.Namespace) -> int:
    folders = mnist.data_dirs(args.data_dir)
    print("data folders, in order:", one_line(", ".join(str(folder) for folder in folders)))
    found = mnist.info(args.data_dir)
    for part in found:
        if part.error:
            print(f"{part.dataset} {part.split}: {one_line(part.error)}")
        else:
            counts = " ".join(str(count) for count in part.class_counts)
            shape = " x ".join(str(size) for size in part.shape)
            print(f"{part.dataset} {part.split}: {shape} in {one_line(part.source)}; images of 0 .. 9: {counts}")
    drawn = [folder / "synthetic" for folder in folders if (folder / "synthetic" / MARKER).is_file()]
    for folder in drawn:
        print(f"synthetic: in {one_line(str(folder))}, drawn by scratchnet")
    if not found and not drawn:
        print("no data sets found; `scratchnet data fetch` downloads MNIST, `scratchnet data synthetic` draws digits")
    return 1 if any(part.error for part in found) else 0


def run_synthetic(args: argparse.Namespace) -> int:
    folder = Path(args.out) if args.out else mnist.data_dirs(args.data_dir)[0] / "synthetic"
    print(f"drawing {args.n_train} + {args.n_test} digits into {one_line(str(folder))}", flush=True)
    for path in synthetic.write(folder, n_train=args.n_train, n_test=args.n_test, seed=args.seed):
        print(one_line(str(path)))
    return 0
