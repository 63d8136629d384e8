"""`Module`: a named set of tables and functions, and its compiled form.

A module collects what is declared on it and checks little; `Module.compiled`
resolves everything, gathers all mistakes of the whole module into one
`SchemaError`, and gives a `ModuleSchema` to run. Nothing is global: two modules
know nothing of each other.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, overload

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.annotations import Scope
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.parameters import Parameters, resolve_parameters
from qsdb.schema.rows import Row, RowClass, draft_of, find_product
from qsdb.schema.shapes import Shape
from qsdb.schema.specifiers import BTree, Hash
from qsdb.schema.tables import TableOptions, TableSchema, fault_of_name, table_schema

__all__ = ["BoundTable", "Module", "ModuleSchema", "Reducer", "derived"]

P = ParamSpec("P")
T = TypeVar("T")
_Function = Callable[..., object]


@attrs.define(eq=False)
class BoundTable:
    """A table together with the class in which users see its rows."""

    schema: TableSchema
    shape: Shape
    row_class: type[Row]
    derived: dict[object, object] = attrs.field(factory=dict, init=False, repr=False)
    """What `derived` functions made of the table; nobody else's."""

    def users_key(self, columns: tuple[int, ...], key: object) -> object:
        """Give a key of these columns as users see it: for messages."""
        parts = (key,) if len(columns) == 1 else key
        assert type(parts) is tuple
        shown = tuple(
            [
                self.shape.columns[place].binding.leave(part)
                for place, part in zip(columns, parts, strict=True)
            ]
        )
        return shown[0] if len(columns) == 1 else shown


def derived(function: Callable[[BoundTable], T]) -> Callable[[BoundTable], T]:
    """Have what a function makes of a table made once, and kept with the table.

    Generated classes and functions depend on nothing but the declaration, so
    all databases of a module share them.
    """

    @functools.wraps(function)
    def get(bound: BoundTable) -> T:
        found = bound.derived.get(function)
        if found is None:
            found = bound.derived[function] = function(bound)
        return cast(T, found)

    return get


@attrs.frozen
class Reducer:
    """A function that runs as one transaction."""

    name: str
    function: _Function
    parameters: Parameters
    is_private: bool
    check: Callable[..., tuple[object, ...]]
    run: Callable[[object, tuple[object, ...]], object]
    """Both are those of the parameters, at hand."""


@attrs.frozen
class ModuleSchema:
    """A module, resolved and free of mistakes."""

    name: str
    tables: tuple[BoundTable, ...]
    reducers: Mapping[str, Reducer]
    init: Reducer | None


@attrs.define
class _DeclaredFunction:
    function: _Function
    scope: Scope
    is_private: bool = False
    parameters: Parameters | None = None
    """Once they are resolved; the scope has been let go then."""


def _declared_function(
    function: _Function, *, is_private: bool = False
) -> _DeclaredFunction:
    """Note a function that was declared two frames up."""
    wrapped = inspect.unwrap(function)  # the annotations are those of its module
    scope = Scope(function.__qualname__, 2, wrapped.__globals__)
    return _DeclaredFunction(function, scope, is_private)


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
        self._reducers: list[_DeclaredFunction] = []
        self._init: _DeclaredFunction | None = None
        self._compiled: ModuleSchema | None = None
        self._compiling = threading.Lock()
        """Databases of one module may be opened by several threads at once."""

    def __repr__(self) -> str:
        """Show the name."""
        return f"Module({self.name!r})"

    def add_table(
        self,
        row_class: type[Row],
        *,
        name: str | None = None,
        public: bool = False,
        primary_key: Sequence[str] = (),
        unique: Iterable[Sequence[str]] = (),
        indexes: Iterable[BTree | Hash] = (),
    ) -> None:
        """Make a table, or a further one, of this class's rows.

        Args:
            row_class: A class derived from `Row`.
            name: The table's name; the class's name in snake case if not given.
            public: Whether strangers may read the table.
            primary_key: The columns of a composite key.
            unique: Further keys of several columns.
            indexes: `BTree` and `Hash` indexes.

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
        options = TableOptions(name, public, key, keys, _as_tuple(indexes))
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

    def init(
        self, function: Callable[[ReducerContext], None]
    ) -> Callable[[ReducerContext], None]:
        """Run a function in the transaction that creates a database.

        Raises:
            SchemaError: the module has one already, or it is a coroutine.
        """
        if self._init is not None:
            name = self._init.function.__name__
            raise SchemaError(f"module {self.name}: init is {name} already")
        _check_function(function)
        self._init = _declared_function(function)
        self._compiled = None
        return function

    def _declare(self, function: _Function, *, is_private: bool) -> _Function:
        _check_function(function)
        self._reducers.append(_declared_function(function, is_private=is_private))
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
            reducer = _compile_reducer(declared, mistakes)
            if reducer is not None and reducer.name in reducers:
                mistakes.append(f"reducer {reducer.name}: it is declared twice")
            elif reducer is not None:
                reducers[reducer.name] = reducer
        init = None if self._init is None else _compile_init(self._init, mistakes)
        if mistakes:
            raise SchemaError(*[f"module {self.name}, {each}" for each in mistakes])
        return ModuleSchema(self.name, tuple(tables), reducers, init)


def _as_tuple(given: object) -> object:
    """Give a list as a tuple; what cannot be one stays as it is, for the message."""
    if isinstance(given, Iterable) and not isinstance(given, str | tuple):
        return tuple(given)
    return given


def _check_function(function: object) -> None:
    """Refuse what can never run as one transaction."""
    if not inspect.isfunction(function):
        raise SchemaError(f"a reducer is a plain function, not {function!r}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError(
            f"reducer {function.__name__} is a coroutine; a reducer runs in one go "
            "under the writer lock and cannot await"
        )
    if inspect.isgeneratorfunction(function):
        raise SchemaError(
            f"reducer {function.__name__} is a generator; a call would run nothing"
        )


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


def _compile_reducer(
    declared: _DeclaredFunction, mistakes: list[str]
) -> Reducer | None:
    function = declared.function
    if not function.__name__.isidentifier():
        mistakes.append(f"reducer {function.__name__}: it needs a name to be called by")
        return None
    parameters = declared.parameters
    if parameters is None:
        try:
            parameters = resolve_parameters(function, declared.scope, find_product)
        except SchemaError as error:
            mistakes += error.mistakes
            return None
        declared.parameters = parameters
        declared.scope.let_go()
    name = function.__name__
    return Reducer(
        name,
        function,
        parameters,
        declared.is_private,
        parameters.check,
        parameters.run,
    )


def _compile_init(declared: _DeclaredFunction, mistakes: list[str]) -> Reducer | None:
    init = _compile_reducer(declared, mistakes)
    if init is not None and init.parameters.parameters:
        mistakes.append(f"init {init.name}: it takes the context and nothing else")
    return init
