"""Changes: what came and what went, as two lists of rows.

They are bags: a row that came twice is there twice.
"""

from qsdb.sql.readable import StoredRow

__all__ = ["Change", "cancelled"]

Change = tuple[list[StoredRow], list[StoredRow]]
"""What came, and what went."""


def cancelled(inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
    """Give a change without the rows that both came and went.

    The others stay in their order. The lists that are given are not changed. Cost:
    O(rows).
    """
    if not inserts or not deletes:
        return inserts, deletes
    if len(inserts) == len(deletes) == 1:  # a row that is another now
        return ([], []) if inserts == deletes else (inserts, deletes)
    return _cancelled(inserts, deletes)


def _cancelled(inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
    went: dict[StoredRow, int] = {}
    for row in deletes:
        went[row] = went.get(row, 0) + 1
    came: list[StoredRow] = []
    for row in inserts:
        count = went.get(row)
        if count:
            went[row] = count - 1
        else:
            came.append(row)
    if len(came) == len(inserts):
        return inserts, deletes
    gone: list[StoredRow] = []
    for row in reversed(deletes):  # of equal rows the first ones cancel
        if went[row]:
            went[row] -= 1
            gone.append(row)
    gone.reverse()
    return came, gone
