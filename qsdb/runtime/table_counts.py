"""How many rows there are, as queries are weighed by it: of tables, and by indexes."""

from collections.abc import Mapping, Sequence

from qsdb.sql.arranging import AnyPlan
from qsdb.sql.checking import SENDER
from qsdb.sql.counting import IndexCounts
from qsdb.store.current import CurrentTable
from qsdb.store.opened import Entry
from qsdb.values.kinds import Stored

__all__ = ["counts_of", "sizes_of"]


def sizes_of(plan: AnyPlan, entries: Mapping[str, Entry]) -> Mapping[str, int]:
    """Give the number of rows of each table at the last commit.

    Of a view nobody knows it before it is run, so it counts as 1.

    Args:
        plan: Of the query whose tables they are.
        entries: Name → table.
    """
    names = [each.schema.name for each in plan.query.tables]
    return {n: entries[n].table.count if n in entries else 1 for n in names}


def counts_of(
    plan: AnyPlan, entries: Mapping[str, Entry], known: Sequence[Stored]
) -> IndexCounts:
    """Give what counts by the indexes, as they stand.

    Args:
        plan: Of the query whose tables they are.
        entries: Name → table; views are none.
        known: Who asks, and the values of its parameters.
    """
    names = [each.schema.name for each in plan.query.tables]
    tables = {n: CurrentTable(entries[n].table) for n in names if n in entries}
    return IndexCounts(tables, [SENDER, *plan.query.parameters], known)
