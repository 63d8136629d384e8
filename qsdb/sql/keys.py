"""Which primary keys the rows of a result keep, and in which columns.

A row that is made of several tables is the same one after a commit if the keys of all
of them are, as far as they stand among its columns::

    SELECT id, name FROM player                               the key is (id)
    SELECT p.id, g.id AS guild, g.name FROM player p JOIN …   (id, guild)
    SELECT guild, COUNT(*) FROM player GROUP BY guild         none

Rows of UNION, INTERSECT and EXCEPT are of either side, and have no key.
"""

from collections.abc import Sequence

from qsdb.sql.queries import Query
from qsdb.sql.relations import (
    Compound,
    Group,
    Project,
    Relation,
    Selected,
    leaves_of,
    outputs_of,
)
from qsdb.sql.typed import Cell

__all__ = ["key_places"]


def key_places(query: Selected) -> tuple[int, ...]:
    """Give the columns of a result that hold primary keys; none where it has none."""
    root: Relation = query if isinstance(query, Query) else query.root
    leaf = next(iter(leaves_of(root)))
    found: dict[tuple[int, int], int] = {}
    for place, cell in enumerate(_columns(root)):
        if cell is not None:
            found.setdefault((cell.source, cell.place), place)
    keys = [
        [found.get((number, column)) for column in source.schema.primary_key]
        for number, source in enumerate(leaf.sources)
    ]
    whole = [key for key in keys if None not in key]
    return tuple([place for key in whole for place in key if place is not None])


def _columns(relation: Relation) -> Sequence[Cell | None]:
    """Give of each column of an operator which one of its query it is, if it is one."""
    match relation:
        case Query(outputs=outputs):
            return [e.term if isinstance(e.term, Cell) else None for e in outputs]
        case Group(input=query, keys_count=count, aggregates=aggregates):
            return [*_columns(query)[:count], *[None] * len(aggregates)]
        case Project(input=rows, outputs=outputs):
            columns, terms = _columns(rows), [each.term for each in outputs]
            return [columns[e.place] if isinstance(e, Cell) else None for e in terms]
        case Compound():
            return [None] * len(outputs_of(relation))
        case _:
            return _columns(relation.input)
