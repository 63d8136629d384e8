"""Running views: from a view, a caller and arguments to rows.

A view is run on tables as they stand at some moment (`qsdb.store.watched`), and nothing
it does is trusted: what it gives is checked row by row, and whatever goes wrong is a
`QueryError` that names the view and has the cause.

A view that gives a query reads nothing itself: the tables are read by its query, which
is any that can be kept current, sorted and counted ones too. So it is not to look at
``ctx.db``, which nobody would notice a change of.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from qsdb.errors import QueryError, brief
from qsdb.live.refusing import why_not_live
from qsdb.live.templates import Lifted, lift
from qsdb.runtime.prepared import PreparedQuery, prepare_query
from qsdb.runtime.tallies import Tallies
from qsdb.runtime.view_results import (
    MisgivenError,
    require_columns,
    require_keys,
    rows_given,
)
from qsdb.schema.view_contexts import (
    AnonymousViewContext,
    ViewContext,
)
from qsdb.schema.view_contexts import Query as GivenQuery
from qsdb.schema.views import View
from qsdb.sql.arguments import bind_parameters
from qsdb.sql.checking import SENDER
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import Checked
from qsdb.sql.typed import Argument, Constant
from qsdb.store.directory import with_tables
from qsdb.store.mounted import inside
from qsdb.store.opened import Entry, Tables
from qsdb.store.orders import StoredRow
from qsdb.store.watched import Read, Watchable, WatchedTables
from qsdb.values.identity import Identity
from qsdb.values.kinds import Stored

__all__ = ["Found", "InstanceKey", "ViewRuns", "failed"]

TEXTS_MAX = 1024
"""So many queries that views give are kept with what is made of them."""

BaseOf = Callable[[Entry], Watchable]
"""Gives a table to read."""


@attrs.frozen
class InstanceKey:
    """What an instance is told by.

    Attributes:
        view: The view.
        caller: Whose it is; None where it is everybody's.
        arguments: Stored values.
    """

    view: View
    caller: bytes | None
    arguments: tuple[Stored, ...]


@attrs.frozen
class _Given:
    """A query that a view may give."""

    prepared: PreparedQuery
    lifted: Lifted
    knows_caller: bool


@attrs.frozen
class Found:
    """What a run of a view gave.

    Attributes:
        rows: Each as often as it is there; a set, but for a query.
        reads: What was read for it.
        lifted: The query that gives the rows, as the engine takes it; None of others.
        values: For its places.
    """

    rows: list[StoredRow]
    reads: frozenset[Read]
    lifted: Lifted | None = None
    values: tuple[Stored, ...] = ()


class ViewRuns:
    """Runs the views of one database.

    Attributes:
        tallies: What they cost, by name.
    """

    def __init__(
        self,
        tables: Tables,
        check: Callable[[str, bool, str], Checked],
        entries: Mapping[str, Entry],
        tallies: Tallies,
    ) -> None:
        """Prepare.

        Args:
            tables: All of them.
            check: Parses a text, and finds what it names, for the owner if so said, by
                the names of a mounted module.
            entries: Name → table, those of the system too.
            tallies: Count what views cost.
        """
        self.tallies = tallies
        self._tables = tables
        self._tables_class = with_tables(WatchedTables, tables)
        self._check = check
        self._entries = entries
        self._given = functools.lru_cache(TEXTS_MAX)(self._prepare)

    def run(self, key: InstanceKey, base_of: BaseOf) -> Found:
        """Run a view.

        Args:
            key: Which, for whom, and on what.
            base_of: Gives a table as it stands.

        Raises:
            QueryError: it failed, or gave what it is not to give.
        """
        with self.tallies.counted(key.view.name):
            return self._run(key, base_of)

    def _run(self, key: InstanceKey, base_of: BaseOf) -> Found:
        view = key.view
        tables = self._tables_class(self._tables, base_of)
        bindings = [each.binding for each in view.parameters.parameters]
        values = tuple(map(_leave, bindings, key.arguments))
        try:
            try:
                seen = inside(tables, view.namespace, [view.name])
                context = AnonymousViewContext(seen)
                if key.caller is not None:
                    context = ViewContext(seen, Identity.from_stored(key.caller))
                given = view.parameters.run(context, values)
            finally:
                reads = tables._end()  # noqa: SLF001  its names are the user's tables
            if view.gives == "query":
                return self._ask(key, given, reads, base_of)
            return Found(rows_given(view, given), reads)
        except Exception as error:
            raise failed(view, error) from error

    def _ask(
        self,
        key: InstanceKey,
        given: object,
        reads: frozenset[Read],
        base_of: BaseOf,
    ) -> Found:
        """Run the query that a view gave."""
        view = key.view
        if reads:
            raise MisgivenError(
                "it reads ctx.db and gives a query; a change of what it reads would "
                "not be noticed, so let the query read it"
            )
        if type(given) is not GivenQuery:
            raise MisgivenError(f"it gave {brief(given)}, not a qsdb.Query")
        found = self._given(given.text, view)
        if found.knows_caller and key.caller is None:
            raise MisgivenError(
                f"its query asks for :{SENDER}, and it is the same for all callers"
            )
        prepared, caller = found.prepared, key.caller or b""
        kinds = prepared.plan.query.parameters
        values = bind_parameters(kinds, given.params)
        places = found.lifted.values(caller, dict(zip(kinds, values, strict=True)))
        tables = [base_of(entry) for entry in prepared.entries]
        rows = prepared.run(*tables, caller, *values)
        if view.bound.schema.primary_key:
            require_keys(view, dict.fromkeys(rows))
        return Found(rows, reads, found.lifted, places)

    def _prepare(self, text: str, view: View) -> _Given:
        query = self._check(text, True, view.namespace)  # noqa: FBT003  a key
        if not isinstance(query, Query | Derived):
            raise MisgivenError("its query is no SELECT")
        if query.views or query.events:
            named = query.tables[(query.views or query.events)[0]].schema.name
            raise MisgivenError(
                f"its query reads {named}; it can read tables, and no views or event "
                "tables"
            )
        reason = why_not_live(query)
        if reason is not None:
            raise MisgivenError(f"its query cannot be kept current: {reason}")
        require_columns(query, view.bound)
        query = query.without_places()  # callers are told of the view, not of its text
        lifted = lift(query)
        return _Given(
            prepare_query(query, self._entries),
            lifted,
            any(map(_is_caller, lifted.slots)),
        )


def failed(view: View, error: Exception) -> QueryError:
    """Make the error that names a view and has what went wrong as its cause."""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, QueryError | MisgivenError):
        said = str(error)
    made = QueryError(f"view {view.name} failed: {said}")
    made.__cause__ = error
    return made


def _leave(binding: Any, stored: Stored) -> object:  # noqa: ANN401  of any kind
    return binding.leave(stored)


def _is_caller(slot: Constant | Argument) -> bool:
    return isinstance(slot, Argument) and slot.name == SENDER
