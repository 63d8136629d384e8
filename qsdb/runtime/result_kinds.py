"""The kind of a query's rows: how server and client have them as bytes.

Both read the text with the tables of the module, and so need not tell each other what
columns a result has.
"""

from qsdb.sql.relations import Derived, Selected, cells_of
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import Field, OptionKind, ProductKind
from qsdb.values.kinds import Kind

__all__ = ["result_kind"]


def result_kind(query: Selected) -> ProductKind:
    """Give the kind of a query's rows."""
    if query.whole is not None:
        columns = query.tables[query.whole].schema.columns
        return ProductKind("row", tuple([Field(c.name, c.kind) for c in columns]))
    terms = [each.term for each in query.outputs]
    if isinstance(query, Derived):
        terms = [*cells_of(query.root)]
    pairs = zip(query.columns, terms, strict=True)
    outputs = [Field(name, _column_kind(term)) for name, term in pairs]
    return ProductKind("row", tuple(outputs))


def _column_kind(term: Typed) -> Kind:
    """Give the kind of an output, with room for NULL where it can be that."""
    is_bare = is_optional(term) and not isinstance(term.kind, OptionKind)
    return OptionKind(term.kind) if is_bare else term.kind
