"""A program that commits until it is killed, and prints what was promised.

    python -m tests.faults.committing DIRECTORY

Each line is an offset whose call has returned, in ``"always"`` mode.
"""

import sys
from collections.abc import Callable

import qsdb
from tests.support.hoard import Step, open_hoard

__all__ = ["commit_for_ever", "commit_number"]


def commit_number(db: qsdb.Database, number: int) -> None:
    """Do the commit that makes offset `number`: a row more, and one changed."""
    add = "add", (f"item {number}", number, number % 3)
    Step("block", (add, ("stock", ("a", 1, number)))).on_database(db)


def commit_for_ever(path: str, tell: Callable[[int], object]) -> None:
    """Open a directory, and commit and tell without an end."""
    db = open_hoard(path, "always", has_threads=True)
    tell(db.offset)
    while True:
        commit_number(db, db.offset + 1)
        tell(db.offset)


if __name__ == "__main__":
    commit_for_ever(sys.argv[1], lambda offset: print(offset, flush=True))
