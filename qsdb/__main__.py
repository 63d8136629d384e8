"""``python -m qsdb``: the command line; see `--help`."""

import sys

from qsdb.cli.entry import main

__all__: list[str] = []

sys.exit(main(sys.argv[1:]))
