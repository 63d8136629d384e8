"""`Module`: a named set of tables and functions, and its compiled form.

A module collects what is declared on it and checks little; `Module.compiled`
resolves everything, gathers all mistakes of the whole module into one
`SchemaError`, and gives a `ModuleSchema` to run. Nothing is global: two modules
know nothing of each other.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.bound import BoundTable, derived
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.functions import (
    CONNECTED,
    DISCONNECTED,
    INIT,
    DeclaredFunction,
    Function,
    Reducer,
    compile_lifecycle,
    compile_reducer,
    declare,
)
from qsdb.schema.rows import Row, RowClass, draft_of
from qsdb.schema.schedules import check_function
from qsdb.schema.specifiers import BTree, Hash
from qsdb.schema.tables import TableOptions, fault_of_name, table_schema
from qsdb.schema.views import DeclaredView, View, compile_views, declare_view

__all__ = ["BoundTable", "Module", "ModuleSchema", "derived"]

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Function)
_Hook = Callable[[ReducerContext], None]


@attrs.frozen
class ModuleSchema:
    """A module, resolved and free of mistakes."""

    name: str
    tables: tuple[BoundTable, ...]
    reducers: Mapping[str, Reducer]
    lifecycle: Mapping[str, Reducer]
    """Which turn of its life → what runs then (`qsdb.schema.functions.LIFECYCLE`)."""
    views: Mapping[str, View] = attrs.field(factory=dict)


class Module:
    """A named set of tables and functions; hand it to a `Database`.

    >>> notes = Module("notes")
    >>> class Note(Row, module=notes):
    ...     text: str
    >>> @notes.reducer
    ... def add(ctx, text: str) -> None:
    ...     ctx.db[Note].insert(Note(text))
    >>> notes
    Module('notes')
    """

    def __init__(self, name: str) -> None:
        """Begin an empty module.

        Raises:
            SchemaError: the name is empty or no str.
        """
        if fault_of_name(name):
            raise SchemaError(
                f"a module's name is a str that is not empty, not {name!r}"
            )
        self.name = name
        self._tables: list[tuple[type[Row], TableOptions]] = []
        self._reducers: list[DeclaredFunction] = []
        self._lifecycle: dict[str, DeclaredFunction] = {}
        self._views: list[DeclaredView] = []
        self._compiled: ModuleSchema | None = None
        self._compiling = threading.Lock()
        """Databases of one module may be opened by several threads at once."""

    def __repr__(self) -> str:
        """Show the name."""
        return f"Module({self.name!r})"

    def add_table(  # noqa: PLR0913  what a class may say
        self,
        row_class: type[Row],
        *,
        name: str | None = None,
        public: bool = False,
        primary_key: Sequence[str] = (),
        unique: Iterable[Sequence[str]] = (),
        indexes: Iterable[BTree | Hash] = (),
        event: bool = False,
        scheduled: str | None = None,
        missed: Literal["one", "none", "all"] | None = None,
        retry: int = 0,
    ) -> None:
        """Make a table, or a further one, of this class's rows.

        Args:
            row_class: A class derived from `Row`.
            name: The table's name; the class's name in snake case if not given.
            public: Whether strangers may read the table.
            primary_key: The columns of a composite key.
            unique: Further keys of several columns.
            indexes: `BTree` and `Hash` indexes.
            event: Whether rows are told with their commit, and never stored.
            scheduled: The name of a reducer that is run with each row when its time
                has come, as its column of the kind `ScheduleAt` says.
            missed: What becomes of runs that were due and did not happen, because the
                process was down or nobody called `Database.run_due`: one run, late
                (``"one"``, as if not given), none, or each of them (``"all"``).
            retry: How often a run that fails is tried again.

        Raises:
            SchemaError: `row_class` is no row class. Other mistakes are told
                when a database is opened.
        """
        is_rows = isinstance(row_class, RowClass) and issubclass(row_class, Row)
        if not is_rows or row_class is Row:
            given = brief(row_class)
            raise SchemaError(f"add_table: {given} is no class derived from qsdb.Row")
        keys = _as_tuple(unique)
        if isinstance(keys, tuple):
            keys = tuple([_as_tuple(each) for each in keys])
        key = _as_tuple(primary_key)
        options = TableOptions(
            name,
            public,
            key,
            keys,
            _as_tuple(indexes),
            event,
            scheduled,
            missed,
            retry,
        )
        self._tables.append((row_class, options))
        self._compiled = None

    @overload
    def reducer(
        self, function: Callable[Concatenate[ReducerContext, P], T], /
    ) -> Callable[Concatenate[ReducerContext, P], T]: ...

    @overload
    def reducer(
        self, /, *, private: bool = ...
    ) -> Callable[
        [Callable[Concatenate[ReducerContext, P], T]],
        Callable[Concatenate[ReducerContext, P], T],
    ]: ...

    def reducer(self, function: Any = None, /, *, private: bool = False) -> Any:
        """Make a function a reducer: each call of it is one transaction.

        The first parameter is the context; every other needs an annotation.
        The function itself is given back, so that reducers can call each other.

        Args:
            function: The reducer, where the decorator stands without brackets.
            private: Hide it from all but the owner.

        Raises:
            SchemaError: the function is a coroutine or a generator. Other
                mistakes are told when a database is opened.
        """
        if function is None:
            return lambda declared: self._declare(declared, is_private=private)
        return self._declare(function, is_private=private)

    @overload
    def view(self, function: F, /) -> F: ...

    @overload
    def view(
        self,
        /,
        *,
        public: bool = ...,
        on_error: Literal["abort", "suspend"] = ...,
        primary_key: str | tuple[str, ...] | None = ...,
    ) -> Callable[[F], F]: ...

    def view(
        self,
        function: Any = None,
        /,
        *,
        public: bool = False,
        on_error: Literal["abort", "suspend"] = "suspend",
        primary_key: str | tuple[str, ...] | None = None,
    ) -> Any:
        """Make a function a view: its result is queried and subscribed to as a table.

        The annotations say what it is (`qsdb.schema.views`). It reads ``ctx.db`` and
        does nothing else; while somebody listens it runs again when what it read
        changes, in the transaction that changes it. It is given back, so that views
        can call each other.

        Args:
            function: The view, where the decorator stands without brackets.
            public: Whether strangers may query it; it may read private tables.
            on_error: What ends when it fails: what is subscribed to it, with the
                error (``"suspend"``, so that a mistake in a view stops no reducer), or
                the transaction that changed what it read (``"abort"``).
            primary_key: The column by which its rows are told apart, or several; that
                of the table with the same class of rows if not given.

        Raises:
            SchemaError: the function is a coroutine or a generator. Other mistakes are
                told when a database is opened.
        """

        def declare(declared: F, depth: int = 1) -> F:
            view = declare_view(
                declared,
                depth=depth,
                is_public=public,
                on_error=on_error,
                primary_key=primary_key,
            )
            self._views.append(view)
            self._compiled = None
            return declared

        return declare if function is None else declare(function, 2)

    def init(self, function: _Hook) -> _Hook:
        """Run a function in the transaction that creates a database.

        Raises:
            SchemaError: the module has one already, or it is a coroutine.
        """
        return self._declare_turn(INIT, function)

    def client_connected(self, function: _Hook) -> _Hook:
        """Run a function whenever a client connects, before it has its connection.

        If it raises, the client is refused (`AccessError`) and nothing has happened.

        Raises:
            SchemaError: the module has one already, or it is a coroutine.
        """
        return self._declare_turn(CONNECTED, function)

    def client_disconnected(self, function: _Hook) -> _Hook:
        """Run a function when a client has gone.

        If it raises, what it did is undone and the error is logged; the client has
        gone all the same. For clients of a process that was killed it runs when the
        database is opened again.

        Raises:
            SchemaError: the module has one already, or it is a coroutine.
        """
        return self._declare_turn(DISCONNECTED, function)

    def _declare_turn(self, turn: str, function: _Hook) -> _Hook:
        if turn in self._lifecycle:
            name = self._lifecycle[turn].function.__name__
            raise SchemaError(f"module {self.name}: {turn} is {name} already")
        self._lifecycle[turn] = declare(function, depth=2)
        self._compiled = None
        return function

    def _declare(self, function: Function, *, is_private: bool) -> Function:
        self._reducers.append(declare(function, depth=2, is_private=is_private))
        self._compiled = None
        return function

    def compiled(self) -> ModuleSchema:
        """Resolve everything that was declared.

        Raises:
            SchemaError: every mistake in the module, each with its place.
        """
        with self._compiling:
            if self._compiled is None:
                self._compiled = self._compile()
            return self._compiled

    def _compile(self) -> ModuleSchema:
        mistakes: list[str] = []
        tables = _compile_tables(self._tables, mistakes)
        reducers: dict[str, Reducer] = {}
        for declared in self._reducers:
            reducer = compile_reducer(declared, mistakes)
            if reducer is not None and reducer.name in reducers:
                mistakes.append(f"reducer {reducer.name}: it is declared twice")
            elif reducer is not None:
                reducers[reducer.name] = reducer
        _bind_schedules(tables, reducers, mistakes)
        lifecycle: dict[str, Reducer] = {}
        for turn, declared in self._lifecycle.items():
            function = compile_lifecycle(turn, declared, mistakes)
            if function is not None:
                lifecycle[turn] = function
        views = compile_views(self._views, tables, mistakes)
        if mistakes:
            raise SchemaError(*[f"module {self.name}, {each}" for each in mistakes])
        return ModuleSchema(self.name, tuple(tables), reducers, lifecycle, views)


def _bind_schedules(
    tables: Iterable[BoundTable], reducers: dict[str, Reducer], mistakes: list[str]
) -> None:
    """Hide the reducers of schedules from strangers; note what is wrong with them."""
    taken: dict[str, str] = {}
    for bound in tables:
        name, schedule = bound.schema.name, bound.schema.schedule
        if schedule is None:
            continue
        fault = check_function(name, schedule, bound.shape.kind, reducers)
        other = taken.setdefault(schedule.function, name)
        if fault is None and other != name:
            fault = f"table {name}, scheduled: {schedule.function} is that of {other}"
        if fault is None:
            reducer = reducers[schedule.function]
            reducers[schedule.function] = attrs.evolve(reducer, is_private=True)
        else:
            mistakes.append(fault)


def _as_tuple(given: object) -> object:
    """Give a list as a tuple; what cannot be one stays as it is, for the message."""
    if isinstance(given, Iterable) and not isinstance(given, str | tuple):
        return tuple(given)
    return given


def _compile_tables(
    declared: list[tuple[type[Row], TableOptions]], mistakes: list[str]
) -> list[BoundTable]:
    tables: list[BoundTable] = []
    names: set[str] = set()
    told: set[type[Row]] = set()
    for row_class, options in declared:
        name = options.table_name(row_class.__name__)
        if name in names:
            mistakes.append(f"table {name}: it is declared twice")
        names.add(name)
        shape = draft_of(row_class)  # type: ignore[arg-type]
        if row_class not in told:
            mistakes += [f"table {name}, {each}" for each in shape.mistakes]
        told.add(row_class)
        try:
            tables.append(BoundTable(table_schema(shape, options), shape, row_class))
        except SchemaError as error:
            mistakes += error.mistakes
    return tables
