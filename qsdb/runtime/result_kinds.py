"""The kind of a query's rows: how server and client have them as bytes.

Both read the text with the tables of the module, and so need not tell each other what
columns a result has.
"""

from qsdb.sql.queries import Query
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import Field, OptionKind, ProductKind
from qsdb.values.kinds import U64, Kind

__all__ = ["result_kind"]


def result_kind(query: Query) -> ProductKind:
    """Give the kind of a query's rows."""
    if query.is_count:
        return ProductKind("row", (Field(query.count_name, U64),))
    if query.whole is not None:
        columns = query.sources[query.whole].schema.columns
        return ProductKind("row", tuple([Field(c.name, c.kind) for c in columns]))
    outputs = [Field(each.name, _column_kind(each.term)) for each in query.outputs]
    return ProductKind("row", tuple(outputs))


def _column_kind(term: Typed) -> Kind:
    """Give the kind of an output, with room for NULL where it can be that."""
    is_bare = is_optional(term) and not isinstance(term.kind, OptionKind)
    return OptionKind(term.kind) if is_bare else term.kind
