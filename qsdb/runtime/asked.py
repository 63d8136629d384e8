"""`Asked`: a query that can be subscribed to, made of its text.

All of it is made for the tables of one module. When another one is published it is
made again of the same text (`qsdb.runtime.rebinding`).
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.refusing import why_not_live
from qsdb.live.templates import Lifted, lift
from qsdb.live.trees import is_ordered
from qsdb.live.virtual import live_form
from qsdb.runtime.prepared import PreparedQuery
from qsdb.runtime.queries import Queries
from qsdb.runtime.updates import Shape
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.views import ViewSchema
from qsdb.sql.keys import key_places
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived, Project, Selected, with_leaves
from qsdb.sql.statements import Checked
from qsdb.sql.typed import Argument
from qsdb.store.orders import StoredRow, key_function
from qsdb.store.reads import ReadTransaction
from qsdb.values.kinds import U64, Stored

__all__ = [
    "Asked",
    "RepublishedError",
    "ask",
    "first_result",
    "require_live",
    "result_shape",
    "with_window",
]


class RepublishedError(Exception):
    """A module was published since a query was asked; it is to be asked again."""


@attrs.frozen(eq=False)
class Asked:
    """A query that can be subscribed to.

    Attributes:
        text: The query.
        is_owner: Whether the owner asks, who sees all tables.
        queries: What the text was read with.
        first: Gives its first result.
        lifted: Its template.
        shape: What its rows are to users.
        table: The table whose whole rows it gives; None if it gives others.
        query: It, as a tree.
        window: Which of `LIMIT` and `OFFSET` are parameters behind those of the text,
            so that its window can be another one.
        windowed: What was made of the same text with others of them, by `window`.
    """

    text: str
    is_owner: bool
    queries: Queries
    first: PreparedQuery
    lifted: Lifted
    shape: Shape
    table: str | None
    query: Selected
    window: tuple[str, ...] = ()
    windowed: "dict[tuple[str, ...], Asked]" = attrs.field(factory=dict)

    def named(self, values: Sequence[Any]) -> dict[str, Stored]:
        """Give the values of the parameters by their names."""
        return dict(zip(self.first.plan.query.parameters, values, strict=True))


def ask(
    queries: Queries, text: str, *, is_owner: bool, window: tuple[str, ...] = ()
) -> Asked:
    """Read a query that is to be subscribed to.

    Args:
        queries: Reads it.
        text: The query.
        is_owner: Whether the owner asks.
        window: As `Asked.window`.

    Raises:
        QueryError: it is wrong, or cannot be kept current.
    """
    query = require_live(queries.check(text, is_owner), text)
    first = queries.prepare(query)
    shape, table = result_shape(query, first.bounds, first.make)
    lifted = lift(live_form(query))
    asked = Asked(text, is_owner, queries, first, lifted, shape, table, query)
    return with_window(asked, window) if window else asked


def with_window(asked: Asked, window: tuple[str, ...]) -> Asked:
    """Give a query whose result is a window with parameters for that.

    Args:
        asked: The query.
        window: As `Asked.window`; `LIMIT` is one of them.

    Cost: some milliseconds the first time.
    """
    if window == asked.window:
        return asked
    found = asked.windowed.get(window)
    if found is None:
        query = parametrized(asked.query, window)
        first = asked.queries.prepare(query)
        lifted = lift(live_form(query))
        found = attrs.evolve(
            asked, first=first, lifted=lifted, query=query, window=window
        )
        asked.windowed[window] = found
    return found


def parametrized(query: Selected, window: tuple[str, ...]) -> Derived:
    """Give a query with parameters for LIMIT and OFFSET, which no text can name."""
    assert isinstance(query, Derived)
    names = [f"({each})" for each in window]
    text = {name: each for name, each in query.parameters.items() if name[0] != "("}
    parameters = text | dict.fromkeys(names, U64)
    root: Any = with_leaves(
        query.root, lambda leaf: attrs.evolve(leaf, parameters=parameters)
    )
    shown = root.input if isinstance(root, Project) else root
    limits = [Argument(name, U64) for name in names]
    shown = attrs.evolve(shown, **dict(zip(window, limits, strict=True)))
    if isinstance(root, Project):
        shown = attrs.evolve(root, input=shown)
    return Derived(shown, parameters, query.whole)


def require_live(checked: Checked, text: str) -> Selected:
    """Let a query pass that can be kept current.

    Raises:
        QueryError: it is none.
    """
    if not isinstance(checked, Query | Derived):
        raise QueryError("only a SELECT can be subscribed to", text)
    reason = why_not_live(checked)
    if reason is not None:
        raise QueryError(f"this cannot be subscribed to: {reason}", text)
    return checked


def result_shape(
    query: Selected,
    bounds: Sequence[BoundTable],
    make: Callable[[list[StoredRow]], list[Any]],
) -> tuple[Shape, str | None]:
    """Say what the rows of a result are, and which table has them whole, if one has.

    Args:
        query: It.
        bounds: Its tables.
        make: Makes rows for users of stored ones.
    """
    key_of: Callable[[StoredRow], object] | None = None
    table = None
    is_event = bool(query.events)
    if query.whole is not None:
        schema = query.tables[query.whole].schema
        # What comes with an event is not kept, so no table has it.
        table = schema.name if schema.is_event == is_event else None
        if isinstance(schema, ViewSchema) and schema.parameters:
            table = None  # nor what several results may contradict each other in
        if schema.primary_key:
            key_of = key_function(bounds[query.whole])
    elif places := key_places(query):
        key_of = itemgetter(*places)
    shape = Shape(query.columns, make, key_of, is_event, is_ordered(query))
    return shape, table


def first_result(
    asked: Asked, reading: ReadTransaction, caller: bytes, values: Sequence[object]
) -> list[StoredRow]:
    """Give the result of a query in a read transaction."""
    return asked.first.read(reading, caller, values)
