"""`QuerySet`: queries that a client asked together, under a number of its own.

SpacetimeDB's clients keep rows of tables, so what they can ask is whole rows of one
table. A client that says so at the beginning (``?columns=true``, as that of qsdb does)
is told any result: one that is no table's rows goes under the name ``#`` and the place
of its query in the set, which is no name that a table could have by accident.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from qsdb.errors import QueryError
from qsdb.live.results import LiveResult
from qsdb.protocol.tables import TableEncoder, UpdateEncoder
from qsdb.runtime.asked import Asked
from qsdb.runtime.batches import Receiver
from qsdb.runtime.prepared import PreparedQuery
from qsdb.runtime.result_kinds import result_kind
from qsdb.server.peers import Peer
from qsdb.sql.estimating import comparing_steps
from qsdb.sql.everything import asks_for_everything, select_all
from qsdb.values.compounds import ProductKind

__all__ = [
    "QuerySet",
    "ServedQuery",
    "asked_by",
    "encoder_of",
    "is_much_to_read",
    "require_light",
    "require_room",
    "texts_of",
]

_ENCODERS_MAX = 1024

COMPARING_MORE = 8
"""By so much a query is heavier with each further table that it compares with."""

INLINE_QUERIES, INLINE_CHARACTERS = 8, 2_000
"""So much is read at once; to read more takes time that others wait for."""


E = TypeVar("E", bound=UpdateEncoder[Any])


class ServedQuery(Generic[E]):
    """One query that a client asks.

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
        self, owner: "QuerySet[E]", asked: Asked, receiver: Receiver, encoder: E
    ) -> None:
        """Prepare."""
        self.owner = owner
        self.asked = asked
        self.receiver = receiver
        self.caller = owner.caller
        self.encoder = encoder
        self.count = 0
        self.result: LiveResult | None = None


class QuerySet(Generic[E]):
    """Queries that a client asked together.

    Attributes:
        number: As the client calls it.
        caller: What ``:sender`` is.
        queries: Each different one once.
        has_failed: Whether the database has ended it; of that the client is told in
            its turn.
        is_dead: Whether it was refused after it had begun, or has failed: nothing more
            is told of it.
    """

    __slots__ = ("caller", "has_failed", "is_dead", "number", "queries")

    def __init__(self, number: int, caller: bytes) -> None:
        """Begin without queries."""
        self.number = number
        self.caller = caller
        self.queries: list[ServedQuery[E]] = []
        self.has_failed = self.is_dead = False


def is_much_to_read(texts: Sequence[str]) -> bool:
    """Say whether queries are to be read on another thread."""
    return len(texts) > INLINE_QUERIES or sum(map(len, texts)) > INLINE_CHARACTERS


def require_room(peer: Peer, kept: Sequence[str], asked: Sequence[str]) -> None:
    """Refuse more queries than a client may have kept current.

    Args:
        peer: The client.
        kept: The queries that it has.
        asked: Those that it wants besides.

    Raises:
        QueryError: there would be too many.
    """
    options = peer.options
    if peer.is_owner:
        return
    count, size = len(kept) + len(asked), sum(map(len, [*kept, *asked]))
    for what, would, most in (
        ("queries", count, options.queries_max),
        ("characters of queries", size, options.texts_max),
    ):
        if would > most:
            raise QueryError(
                f"a client may have {most:,} {what} kept current at once, and with "
                f"these it would have {would:,}"
            )


def require_light(peer: Peer, asked: Iterable[Asked]) -> None:
    """Refuse queries that make all commits slow, more than a few.

    Args:
        peer: The client.
        asked: All that it wants to have kept current.

    Raises:
        QueryError: there would be too many.
    """
    if peer.is_owner:
        return
    steps = [comparing_steps(each.first.plan) for each in asked]
    weight = sum([COMPARING_MORE ** (count - 1) for count in steps if count])
    most = peer.options.comparing_max
    if weight > most:
        raise QueryError(
            "this joins tables without an equality, so that each change is compared "
            f"with all rows; a client may have {most} such queries kept current, and "
            f"with these it would have {weight}"
        )


def asked_by(peer: Peer, text: str) -> Asked:
    """Read a query that a client wants to be kept current.

    Raises:
        QueryError: it is wrong, has a parameter, or looks at too many rows.
    """
    asked = peer.access.subscriptions.asked(text, peer.is_owner)
    for name in asked.parameters:
        raise QueryError(f"there is no value for parameter :{name}", text)
    identity = peer.sender.identity
    known = asked.given(identity.stored, ())
    peer.access.require_cheap(asked.first.plan, identity, known)
    return asked


def texts_of(peer: Peer, texts: Sequence[str]) -> list[str]:
    """Give each different text once; ``SELECT * FROM *`` is all public tables."""
    names = peer.access.subscriptions.queries.public_names
    found: dict[str, None] = {}
    for text in texts:
        several = map(select_all, names) if asks_for_everything(text) else [text]
        found.update(dict.fromkeys(several))
    return [*found]


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
    kind = result_kind(query)
    if query.whole is not None:
        schema = query.tables[query.whole].schema
        return _encoder(schema.name, kind, schema.is_event)
    if place is None:
        fault = "this client keeps whole rows of one table, and this gives columns"
        raise QueryError(fault, text)
    return _encoder(f"#{place}", kind, bool(query.events))


@functools.lru_cache(_ENCODERS_MAX)
def _encoder(table: str, kind: ProductKind, is_event: bool) -> TableEncoder:  # noqa: FBT001  a key
    return TableEncoder(table, kind, is_event=is_event)
