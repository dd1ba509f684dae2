"""``python -m scratchnet``: the same as the ``scratchnet`` command."""

from scratchnet.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
