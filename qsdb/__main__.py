"""``python -m qsdb``: commands on the files of a database; see `--help`."""

import sys

from qsdb.recovery.commands import main

__all__: list[str] = []

sys.exit(main(sys.argv[1:]))
