"""`QuerySet`: queries that a client asked together, under a number of its own.

SpacetimeDB's clients keep rows of tables, so what they can ask is whole rows of one
table. A client that says so at the beginning (``?columns=true``, as that of qsdb does)
is told any result: one that is no table's rows goes under the name ``#`` and the place
of its query in the set, which is no name that a table could have by accident.
"""

import functools
from collections.abc import Sequence

from qsdb.errors import QueryError
from qsdb.live.operators import LiveResult
from qsdb.protocol.tables import EncodedRows, TableEncoder
from qsdb.runtime.asked import Asked
from qsdb.runtime.batches import Receiver
from qsdb.runtime.prepared import PreparedQuery
from qsdb.sql.loops import StoredRow
from qsdb.sql.queries import Query
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import Field, OptionKind, ProductKind
from qsdb.values.kinds import U64, Kind

__all__ = ["QuerySet", "ServedQuery", "encoder_of"]

_ENCODERS_MAX = 1024


class ServedQuery:
    """One query of a set.

    Attributes:
        owner: The set.
        asked: What it asks.
        receiver: Who is told.
        caller: What ``:sender`` is.
        encoder: Of its rows.
        count: How many rows the result had when it began; what came since is not
            counted here.
        result: What it shares with all who ask the same; None when it has ended.
    """

    __slots__ = ("asked", "caller", "count", "encoder", "owner", "receiver", "result")

    values: Sequence[object] = ()
    """There are no parameters in what clients send."""

    def __init__(
        self, owner: "QuerySet", asked: Asked, receiver: Receiver, caller: bytes
    ) -> None:
        """Prepare.

        Raises:
            QueryError: it gives what this client cannot be told.
        """
        self.owner = owner
        self.asked = asked
        self.receiver = receiver
        self.caller = caller
        self.count = 0
        self.result: LiveResult | None = None
        place = len(owner.queries) if owner.has_columns else None
        self.encoder = encoder_of(asked.first, place, asked.text)

    def first(self, rows: list[StoredRow]) -> EncodedRows:
        """Encode the first result, or the last."""
        self.count = len(rows)
        return self.encoder.rows(rows)


class QuerySet:
    """Queries that a client asked together.

    Attributes:
        number: As the client calls it.
        has_columns: Whether results that are no table's rows can be told.
        queries: Each different one once.
        is_dead: Whether it was refused after it had begun, or has failed: nothing more
            is told of it.
    """

    __slots__ = ("has_columns", "is_dead", "number", "queries")

    def __init__(self, number: int, *, has_columns: bool) -> None:
        """Begin without queries."""
        self.number = number
        self.has_columns = has_columns
        self.queries: list[ServedQuery] = []
        self.is_dead = False


def encoder_of(prepared: PreparedQuery, place: int | None, text: str) -> TableEncoder:
    """Give what encodes the rows of a query.

    Args:
        prepared: The query.
        place: Its place among those that were asked with it; None for a client that
            knows whole rows of tables alone.
        text: The query.

    Raises:
        QueryError: it gives no whole rows of a table, and the client knows nothing
            else.
    """
    query = prepared.plan.query
    kind = _kind_of(query)
    if query.whole is not None:
        schema = query.sources[query.whole].schema
        return _encoder(schema.name, kind, schema.is_event)
    if place is None:
        fault = "this client keeps whole rows of one table, and this gives columns"
        raise QueryError(fault, text)
    return _encoder(f"#{place}", kind, bool(query.events))


def _kind_of(query: Query) -> ProductKind:
    """Give the kind of a query's rows."""
    if query.is_count:
        return ProductKind("row", (Field(query.count_name, U64),))
    if query.whole is not None:
        columns = query.sources[query.whole].schema.columns
        return ProductKind("row", tuple([Field(c.name, c.kind) for c in columns]))
    outputs = [Field(each.name, _column_kind(each.term)) for each in query.outputs]
    return ProductKind("row", tuple(outputs))


def _column_kind(term: Typed) -> Kind:
    is_bare = is_optional(term) and not isinstance(term.kind, OptionKind)
    return OptionKind(term.kind) if is_bare else term.kind


@functools.lru_cache(_ENCODERS_MAX)
def _encoder(table: str, kind: ProductKind, is_event: bool) -> TableEncoder:  # noqa: FBT001  a key
    return TableEncoder(table, kind, is_event=is_event)
