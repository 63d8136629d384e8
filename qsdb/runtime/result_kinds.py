"""The kind of a query's rows: how server and client have them as bytes.

Both read the text with the tables of the module, and so need not tell each other what
columns a result has.
"""

from qsdb.schema.bound_tables import BoundTable
from qsdb.sql.queries import Query
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import Field, OptionKind, ProductKind
from qsdb.values.kinds import U64, Kind

__all__ = ["result_kind", "row_kind"]


def row_kind(bound: BoundTable) -> ProductKind:
    """Give the kind of a table's rows, with the names of its columns."""
    fields = [Field(each.name, each.kind) for each in bound.schema.columns]
    return ProductKind(bound.shape.class_name, tuple(fields))


def result_kind(query: Query, bounds: tuple[BoundTable, ...]) -> ProductKind:
    """Give the kind of the rows that a query gives.

    Args:
        query: It.
        bounds: Its tables.
    """
    if query.whole is not None:
        return row_kind(bounds[query.whole])
    if query.is_count:
        return ProductKind("Row", (Field(query.count_name, U64),))
    fields = [Field(each.name, _kind_of(each.term)) for each in query.outputs]
    return ProductKind("Row", tuple(fields))


def _kind_of(term: Typed) -> Kind:
    """Give the kind of an output, with room for NULL where it can be that."""
    if is_optional(term) and not isinstance(term.kind, OptionKind):
        return OptionKind(term.kind)
    return term.kind
