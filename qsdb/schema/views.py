"""Views: named read-only functions whose results are queried like tables.

A declaration is checked little where it stands; `compile_views` resolves its
annotations when the module is compiled, and gathers mistakes. They decide:

* the first parameter, whether there is a result for each caller (`ViewContext`, also
  where nothing is said) or one for all (`AnonymousViewContext`);
* the others, which arguments the view takes, as those of a reducer;
* what is returned, of which class the rows are, and how they are given: ``T | None``,
  ``list[T]``, ``tuple[T, ...]``, or as a query, ``Query[T]``.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, cast

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.annotations import MistakeError, Scope, annotation_text
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.parameters import Parameter, Parameters, resolve_parameters
from qsdb.schema.rows import Product, Row, RowClass, find_record, shape_of
from qsdb.schema.shapes import Shape
from qsdb.schema.specifiers import MISSING, Specifier
from qsdb.schema.tables import TableOptions, TableSchema, table_schema
from qsdb.schema.view_contexts import AnonymousViewContext, Query, ViewContext
from qsdb.values.kinds import Kind, Stored

__all__ = [
    "ABORT",
    "ON_ERROR",
    "DeclaredView",
    "View",
    "ViewParameter",
    "ViewSchema",
    "compile_views",
    "declare_view",
]

ABORT, SUSPEND = ON_ERROR = ("abort", "suspend")
"""What an error in a view ends: the transaction that brought it about, or what is
subscribed to the view."""

Giving = Literal["option", "list", "query"]


@attrs.frozen
class ViewParameter:
    """One parameter of a view, as SQL knows it."""

    name: str
    kind: Kind
    default: Stored = attrs.field(default=MISSING, eq=lambda value: (value,))
    """In stored form, or `MISSING`."""


@attrs.frozen(cache_hash=True)
class ViewSchema(TableSchema):
    """The table that a view looks like; its rows are made, and not stored."""

    parameters: tuple[ViewParameter, ...] = ()


@attrs.frozen(eq=False)
class View:
    """A view, resolved.

    Attributes:
        bound: The table that it looks like, and the class of its rows.
        parameters: Those behind the context.
        is_anonymous: Whether there is one result for all callers.
        gives: How it gives its rows.
        on_error: One of `ON_ERROR`.
        namespace: Where the module is mounted that declared it, whose names it has;
            empty for the outermost.
    """

    function: Callable[..., object]
    bound: BoundTable
    parameters: Parameters
    is_anonymous: bool
    gives: Giving
    on_error: str
    namespace: str = ""

    @property
    def name(self) -> str:
        """What it is called in SQL."""
        return self.bound.schema.name


@attrs.define
class DeclaredView:
    """A view as it was declared.

    Attributes:
        function: It.
        scope: Where the names in its annotations are looked up.
        is_public: Whether strangers may query it.
        on_error: As given.
        primary_key: As given; None to take that of the rows' table.
        resolved: What its annotations say, once that is known; the scope has been let
            go then.
    """

    function: Callable[..., object]
    scope: Scope
    is_public: object
    on_error: object
    primary_key: object
    resolved: "_Resolved | None" = None


@attrs.frozen
class _Resolved:
    """What annotations say."""

    parameters: Parameters
    is_anonymous: bool
    gives: Giving
    row_class: RowClass


def declare_view(
    function: Callable[..., object],
    *,
    depth: int,
    is_public: object,
    on_error: object,
    primary_key: object,
) -> DeclaredView:
    """Note a view.

    Args:
        function: It.
        depth: How many frames above the caller the declaration stands.
        is_public: As given, as are those that follow.
        on_error: What an error ends.
        primary_key: A column of the rows, or several.

    Raises:
        SchemaError: it can never be a view.
    """
    if not inspect.isfunction(function):
        raise SchemaError(f"a view is a plain function, not {brief(function)}")
    name = function.__name__
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError(
            f"view {name} is a coroutine; a view runs in one go and cannot await"
        )
    if inspect.isgeneratorfunction(function):
        raise SchemaError(f"view {name} is a generator; a view returns its rows")
    wrapped = inspect.unwrap(function)  # the annotations are those of its module
    scope = Scope(function.__qualname__, depth + 1, wrapped.__globals__)
    return DeclaredView(function, scope, is_public, on_error, primary_key)


def compile_views(
    declared: Iterable[DeclaredView],
    tables: Sequence[BoundTable],
    functions: Mapping[str, str],
    mistakes: list[str],
) -> dict[str, View]:
    """Resolve views: name → view; mistakes are noted.

    Args:
        declared: The views.
        tables: Those of the module, with which views share their names.
        functions: Its other functions: name → what it is, in a word.
        mistakes: Takes what is wrong.
    """
    views: dict[str, View] = {}
    taken = {**functions, **{bound.schema.name: "table" for bound in tables}}
    told = [*mistakes]
    for each in declared:
        name = each.function.__name__
        if name in taken:
            mistakes.append(f"view {name}: there is a {taken[name]} of this name")
        if name in views:
            mistakes.append(f"view {name}: it is declared twice")
        try:
            views[name] = _compile(each, tables)
        except SchemaError as error:
            prefix = f"view {name}, "
            mistakes += [
                mistake
                for mistake in error.mistakes
                # What is wrong with a class is told once, of its table.
                if not any(
                    e.endswith(f", {mistake.removeprefix(prefix)}") for e in told
                )
            ]
    return views


def _compile(declared: DeclaredView, tables: Sequence[BoundTable]) -> View:
    name = declared.function.__name__
    mistakes: list[str] = []
    if not name.isidentifier():
        raise SchemaError(f"view {name}: it needs a name to be queried by")
    if declared.on_error not in ON_ERROR:
        admitted = " or ".join(map(repr, ON_ERROR))
        given = brief(declared.on_error)
        mistakes.append(f"view {name}, on_error: {given} is not {admitted}")
    resolved = declared.resolved
    if resolved is None:
        resolved = _resolve(declared, mistakes)
    bound = None
    if resolved is not None:
        try:
            bound = _bound(declared, resolved, tables)
        except SchemaError as error:
            mistakes += [each.replace("table", "view", 1) for each in error.mistakes]
    if mistakes or bound is None or resolved is None:
        raise SchemaError(*mistakes)
    declared.resolved = resolved
    declared.scope.let_go()
    return View(
        declared.function,
        bound,
        resolved.parameters,
        resolved.is_anonymous,
        resolved.gives,
        cast(str, declared.on_error),
    )


def _resolve(declared: DeclaredView, mistakes: list[str]) -> _Resolved | None:
    """Read the annotations; None, and mistakes noted, where that cannot be."""
    function, scope = declared.function, declared.scope
    name, signature = function.__name__, inspect.signature(function)
    parameters = None
    is_anonymous = False
    try:
        parameters = resolve_parameters(function, scope, find_record, sort="view")
        is_anonymous = _is_anonymous(next(iter(signature.parameters.values())), scope)
    except SchemaError as error:
        mistakes += error.mistakes
    except MistakeError as mistake:
        mistakes.append(f"view {name}, the context: {mistake}")
    try:
        gives, row_class = _returned(signature.return_annotation, scope)
    except MistakeError as mistake:
        mistakes.append(f"view {name}, what it returns: {mistake}")
        return None
    try:
        shape_of(row_class)
    except SchemaError as error:
        mistakes += [f"view {name}, {each}" for each in error.mistakes]
        return None
    if parameters is None or mistakes:
        return None
    return _Resolved(parameters, is_anonymous, gives, row_class)


def _is_anonymous(context: inspect.Parameter, scope: Scope) -> bool:
    if context.annotation is inspect.Parameter.empty:
        return False
    resolved = scope.resolve(context.annotation)
    if resolved not in (ViewContext, AnonymousViewContext):
        raise MistakeError(
            f"it is a qsdb.ViewContext or, for one result for all callers, a "
            f"qsdb.AnonymousViewContext, not {annotation_text(resolved)}"
        )
    return resolved is AnonymousViewContext


_FORMS = "T | None, list[T], tuple[T, ...] or qsdb.Query[T], where T is a class of rows"


def _returned(annotation: object, scope: Scope) -> tuple[Giving, RowClass]:
    """Read how rows are given, and of which class they are."""
    if annotation is inspect.Signature.empty:
        raise MistakeError(f"it needs an annotation: {_FORMS}")
    resolved = scope.resolve(annotation)
    origin, arguments = typing.get_origin(resolved), typing.get_args(resolved)
    rows: object = None
    gives: Giving = "list"
    if origin in (typing.Union, types.UnionType):
        some = [each for each in arguments if each is not type(None)]
        if len(some) == 1:
            gives, rows = "option", some[0]
    elif origin is Query:
        gives, rows = "query", arguments[0]
    elif origin is list or (origin is tuple and arguments[1:] == (Ellipsis,)):
        rows = arguments[0]
    if isinstance(rows, RowClass) and rows not in (Row, Product):
        return gives, rows
    raise MistakeError(f"{annotation_text(resolved)} is none of {_FORMS}")


def _bound(
    declared: DeclaredView, resolved: _Resolved, tables: Sequence[BoundTable]
) -> BoundTable:
    """Make the table that a view looks like.

    Raises:
        SchemaError: what is given as its options is wrong.
    """
    shape, row_class = shape_of(resolved.row_class), resolved.row_class
    key = declared.primary_key
    if key is None:
        key = _key_of(shape, [each for each in tables if each.row_class is row_class])
    elif isinstance(key, str):
        key = (key,)
    columns = [
        attrs.evolve(each, specifier=Specifier(name=each.name))
        for each in shape.columns
    ]
    table = table_schema(
        attrs.evolve(shape, columns=tuple(columns)),
        TableOptions(declared.function.__name__, declared.is_public, key),
    )
    schema = ViewSchema(
        table.name,
        table.columns,
        table.primary_key,
        is_public=table.is_public,
        parameters=tuple(map(_parameter, resolved.parameters.parameters)),
    )
    return BoundTable(schema, shape, cast(type[Row], row_class))


def _key_of(shape: Shape, tables: Sequence[BoundTable]) -> tuple[str, ...]:
    """Give the attributes of the primary key that rows have already."""
    for bound in tables:
        places = bound.schema.primary_key
        return tuple([shape.columns[place].attribute for place in places])
    return tuple(
        [each.attribute for each in shape.columns if each.specifier.is_primary]
    )


def _parameter(given: Parameter) -> ViewParameter:
    kind, default = given.binding.kind, given.default
    if default is not MISSING:
        default = kind.canonical(given.binding.enter(default))
    return ViewParameter(given.name, kind, default)
