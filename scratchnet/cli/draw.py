"""``scratchnet draw``."""

import argparse
import sys
import webbrowser
from typing import Any

from scratchnet.cli.common import Failure, add_data_dir_argument, model_name, number
from scratchnet.machine import how_to_install
from scratchnet.trained import load

PORT = 8028


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "draw",
        help="open a page on which you draw a digit and watch backprop happen",
        description="Serve a page on which you draw a digit, see it named, and follow it through the network and its "
        "gradient back. It is served to this machine alone, unless --host says otherwise. Ctrl-C ends it.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="address to listen on (default 127.0.0.1, this machine alone; 0.0.0.0 for everybody in the network)",
    )
    parser.add_argument(
        "--port", type=number(int, 0, 65535), default=PORT, metavar="P", help=f"port (default {PORT}; 0 takes a free one)"
    )
    parser.add_argument(
        "--model-file",
        type=model_name,
        action="append",
        default=[],
        metavar="F",
        help="a model.npz or the folder of a run to show first; may be given several times. The networks that come with "
        "scratchnet and those in the folder of runs are listed anyway",
    )
    parser.add_argument("--runs", default="runs", metavar="D", help="folder of the runs (default runs)")
    add_data_dir_argument(parser)
    parser.add_argument(
        "--lab",
        action=argparse.BooleanOptionalAction,
        help="allow steps that change weights, each visitor's own copy (default: only on this machine)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        from scratchnet.web.app import Settings, create_app
        from scratchnet.web.serve import serve
    except ImportError as error:
        raise Failure(f"draw wants {error.name}, which is not installed: {how_to_install('web')}") from error
    from scratchnet.web.gallery import Gallery
    from scratchnet.web.security import is_loopback
    from scratchnet.web.why import Examples

    for path in args.model_file:
        load(path)  # a wrong one is said now, not on the page
    local = is_loopback(args.host)
    settings = Settings(
        host=args.host,
        lab=local if args.lab is None else args.lab,
        gallery=Gallery(args.runs, tuple(args.model_file)),
        examples=Examples(args.data_dir),
    )

    def started(address: str) -> None:
        print(f"draw at {address}   (Ctrl-C ends it)", flush=True)
        if not local:
            print("everybody who reaches this machine can use it", file=sys.stderr, flush=True)
        if local and not args.no_browser and sys.stdout.isatty():
            webbrowser.open(address)

    serve(create_app(settings), args.host, args.port, started)
    return 0
