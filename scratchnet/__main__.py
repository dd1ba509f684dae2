"""``python -m scratchnet``, which the ``scratchnet`` command runs as well."""

import signal
import sys


def main() -> int:
    """The command line. Ctrl-C is answered in one line from the first moment on, also while the modules are imported; and
    so is SIGTERM, which would end it without closing anything."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from scratchnet import cli

        return cli.main()
    except KeyboardInterrupt:
        print("scratchnet: error: interrupted", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
