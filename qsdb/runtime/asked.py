"""`Asked`: a query that can be subscribed to, made of its text.

What is large of it is made once for all texts that are the same but for constants: the
plan that gives the first result, and the template by which it is kept current. A text
of its own has its constants, and few bytes besides.

All of it is made for the tables of one module. When another one is published it is
made again of the same text (`qsdb.runtime.rebinding`).
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.operators import NO_CALLER
from qsdb.live.refusing import why_not_live
from qsdb.live.templates import Lifted, lift
from qsdb.live.trees import is_ordered, window_of
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
from qsdb.values.kinds import U64, Kind, Stored

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


NO_PARAMETERS: Mapping[str, Kind] = MappingProxyType({})


@attrs.frozen(eq=False)
class Common:
    """What all have that are asked alike, but for constants.

    Attributes:
        first: Gives the first result for the values of the template; of a query on
            views, for the values of the text's parameters.
        template: The query without its constants.
        key: Of the template, as `Lifted` has it.
        shape: What its rows are to users.
        table: The table whose whole rows it gives; None if it gives others.
    """

    first: PreparedQuery
    template: Selected
    key: object
    shape: Shape
    table: str | None


@attrs.define(eq=False)
class Asked:
    """A query that can be subscribed to.

    Attributes:
        text: The query.
        is_owner: Whether the owner asks, who sees all tables.
        queries: What the text was read with.
        parameters: The name and the kind of each of its parameters.
        lifted: Its template, shared, and what its constants are.
        common: What it has in common with others of the template.
        shape: What its rows are to users.
        query: It, as a tree, if it is a window, which can be another one; else None.
        window: Which of `LIMIT` and `OFFSET` are parameters behind those of the text,
            so that its window can be another one.
        windowed: What was made of the same text with others of them, by `window`.
    """

    text: str
    is_owner: bool
    queries: Queries
    parameters: Mapping[str, Kind]
    lifted: Lifted
    common: Common
    shape: Shape
    query: Selected | None = None
    window: tuple[str, ...] = ()
    windowed: "dict[tuple[str, ...], Asked] | None" = None

    @property
    def first(self) -> PreparedQuery:
        """What gives its first result."""
        return self.common.first

    @property
    def table(self) -> str | None:
        """The table whose whole rows it gives; None if it gives others."""
        return self.common.table

    def named(self, values: Sequence[Any]) -> dict[str, Stored]:
        """Give the values of the parameters by their names."""
        return dict(zip(self.parameters, values, strict=True))

    def given(self, caller: bytes, values: Sequence[Any]) -> tuple[Any, ...]:
        """Give who asks, and the values, as `first` takes them."""
        if self.first.views is not None:
            return (caller, *values)
        return (NO_CALLER, *self.lifted.values(caller, self.named(values)))


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
    asked = _asked(text, is_owner, queries, query)
    return with_window(asked, window) if window else asked


def _asked(
    text: str,
    is_owner: bool,  # noqa: FBT001  as `Asked` has it
    queries: Queries,
    query: Selected,
    window: tuple[str, ...] = (),
) -> Asked:
    lifted = lift(live_form(query))
    common = _common(queries, query, lifted)
    shared = attrs.evolve(lifted, query=common.template, key=common.key)
    kept = None if window_of(query) is None else query
    parameters = query.parameters or NO_PARAMETERS
    return Asked(
        text, is_owner, queries, parameters, shared, common, common.shape, kept, window
    )


def _common(queries: Queries, query: Selected, lifted: Lifted) -> Common:
    """Give what there is of a template, or make it."""
    key = lifted.key
    if query.views:  # of which each text asks by itself, for its arguments
        return _made(queries.prepare(query), query, lifted)
    found: Common | None = queries.asked.get(key)
    if found is None:
        template = lifted.query
        found = _made(queries.prepare(template), template, lifted)
        queries.asked[key] = found
    return found


def _made(first: PreparedQuery, query: Selected, lifted: Lifted) -> Common:
    shape, table = result_shape(query, first.bounds, first.make)
    return Common(first, lifted.query, lifted.key, shape, table)


def with_window(asked: Asked, window: tuple[str, ...]) -> Asked:
    """Give a query whose result is a window with parameters for that.

    Args:
        asked: The query.
        window: As `Asked.window`; `LIMIT` is one of them.

    Cost: some milliseconds the first time.
    """
    if window == asked.window:
        return asked
    if asked.windowed is None:
        asked.windowed = {}
    found = asked.windowed.get(window)
    if found is None:
        assert asked.query is not None
        query = parametrized(asked.query, window)
        found = _asked(asked.text, asked.is_owner, asked.queries, query, window)
        found.windowed = asked.windowed
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
    """Give the result of a query in a read transaction.

    Raises:
        QueryError: it fails.
    """
    caller, *values = asked.given(caller, values)
    try:
        return asked.first.read(reading, caller, values)
    except QueryError as error:
        raise asked.lifted.placed(error) from None
