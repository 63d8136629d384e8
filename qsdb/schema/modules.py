"""`Module`: a named set of tables and functions, and its compiled form.

A module collects what is declared on it and checks little; `Module.compiled`
resolves everything, gathers all mistakes of the whole module into one
`SchemaError`, and gives a `ModuleSchema` to run. Nothing is global: two modules
know nothing of each other.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from qsdb.errors import SchemaError, brief
from qsdb.schema.bound_tables import BoundTable, derived
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.declarations import Declarations, compile_module, take_all
from qsdb.schema.declared_tables import as_tuple
from qsdb.schema.functions import CONNECTED, DISCONNECTED, INIT, Function, declare
from qsdb.schema.http_declaring import HttpDeclaring
from qsdb.schema.migration_declaring import MigrationDeclaring
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.procedures import ProcedureContext, check_procedure
from qsdb.schema.row_filters import CheckFilters
from qsdb.schema.rows import Row, RowClass
from qsdb.schema.specifiers import BTree, Hash
from qsdb.schema.tables import RowFilter, TableOptions, fault_of_name
from qsdb.schema.views import declare_view

__all__ = ["BoundTable", "Module", "ModuleSchema", "derived"]

_COMPILING = threading.RLock()
"""Databases of one module may be opened by several threads at once."""

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Function)
_Hook = Callable[[ReducerContext], None]


class Module(HttpDeclaring, MigrationDeclaring):
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
                f"a module's name is a str that is not empty, not {brief(name)}"
            )
        self.name = name
        self._declared = Declarations(name)
        self._compiled: ModuleSchema | None = None
        self._compiled_from: object = None

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
        renamed_from: str | None = None,
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
            retry: How often a run that fails is tried again; never, of a procedure.
            renamed_from: The name that the table had. A database that is migrated
                takes its rows over, if this name is free: `qsdb.schema.matching`.

        Raises:
            SchemaError: `row_class` is no row class. Other mistakes are told
                when a database is opened.
        """
        is_rows = isinstance(row_class, RowClass) and issubclass(row_class, Row)
        if not is_rows or row_class is Row:
            given = brief(row_class)
            raise SchemaError(f"add_table: {given} is no class derived from qsdb.Row")
        keys = as_tuple(unique)
        if isinstance(keys, tuple):
            keys = tuple([as_tuple(each) for each in keys])
        key = as_tuple(primary_key)
        options = TableOptions(
            name,
            public,
            key,
            keys,
            as_tuple(indexes),
            event,
            scheduled,
            missed,
            retry,
            renamed_from,
        )
        self._declared.tables.append((row_class, options))

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
    def procedure(
        self, function: Callable[Concatenate[ProcedureContext, P], T], /
    ) -> Callable[Concatenate[ProcedureContext, P], T]: ...

    @overload
    def procedure(
        self, /, *, private: bool = ...
    ) -> Callable[
        [Callable[Concatenate[ProcedureContext, P], T]],
        Callable[Concatenate[ProcedureContext, P], T],
    ]: ...

    def procedure(self, function: Any = None, /, *, private: bool = False) -> Any:
        """Make a function a procedure, which may wait, and opens transactions itself.

        It may be a coroutine function. Otherwise as `reducer`.

        Raises:
            SchemaError: the function is a generator. Other mistakes are told when
                a database is opened.
        """
        if function is None:
            return lambda declared: self._declare_procedure(declared, private)
        return self._declare_procedure(function, private)

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
            self._declared.views.append(view)
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
        lifecycle = self._declared.lifecycle
        if turn in lifecycle:
            name = lifecycle[turn].function.__name__
            raise SchemaError(f"module {self.name}: {turn} is {name} already")
        lifecycle[turn] = declare(function, depth=2, sort=turn)
        return function

    def _declare(self, function: Function, *, is_private: bool) -> Function:
        declared = declare(function, depth=2, is_private=is_private)
        self._declared.reducers.append(declared)
        return function

    def _declare_procedure(self, function: Function, is_private: bool) -> Function:  # noqa: FBT001
        self._declared.procedures.append(
            declare(function, depth=2, is_private=is_private, check=check_procedure)
        )
        return function

    def schema_hash(self) -> str:
        """Give what `migration` takes for `from_` to lead away from this module.

        Raises:
            SchemaError: the declaration is wrong.
        """
        return self.compiled(take_all).schema_hash  # filters are no part of it

    def row_filter(self, text: str) -> None:
        """Let strangers see only those rows of a table that a query gives.

        It gives whole rows of one table, and may join others: ``SELECT m.* FROM
        message m JOIN member x ON x.room = m.room WHERE x.who = :sender``. Several for
        one table are joined by OR. They restrict what strangers ask by SQL, once or
        live, and what their caches hold; not the owner, and not functions.

        Args:
            text: A SELECT; ``:sender`` is who asks.

        Raises:
            SchemaError: it is no str. Other mistakes are told when a database is
                opened.
        """
        if type(text) is not str:
            given = brief(text)
            raise SchemaError(f"module {self.name}: a row filter is a str, not {given}")
        self._declared.row_filters.append(RowFilter(text))

    def mount(self, name: str, module: "Module") -> None:
        """Have all tables, reducers and row filters of another module below a name.

        Mounted as ``auth``, its table ``session`` is ``auth.session`` in SQL and
        ``tx.auth.session`` in a transaction, and its reducer ``login`` is
        ``auth.login``. Its functions are run with the names that they know; to call one
        from outside give it ``ctx.within("auth")``. It has no lifecycle functions.

        Args:
            name: A Python identifier of at most 63 characters that is not reserved.
            module: It may be mounted elsewhere too, and have others mounted in it.

        Raises:
            SchemaError: it is no module. Other mistakes are told when a database is
                opened.
        """
        given: object = module
        if not isinstance(given, Module):
            what = brief(given)
            raise SchemaError(f"module {self.name}: mount takes a Module, not {what}")
        self._declared.mount(name, module._declared)  # noqa: SLF001  a module too

    def compiled(self, check: CheckFilters | None = None) -> ModuleSchema:
        """Resolve everything that was declared.

        Args:
            check: Checks row filters: `qsdb.runtime.row_filters.check_filters`.

        Raises:
            SchemaError: every mistake in the module, each with its place; or it has
                row filters and nothing to check them.
        """
        with _COMPILING:
            compiled_from = (check, self._declared.revision)
            if self._compiled is None or self._compiled_from != compiled_from:
                self._compiled = compile_module(self._declared, check)
                self._compiled_from = compiled_from
            return self._compiled
