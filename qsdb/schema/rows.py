"""`Row` and `Product`: the classes that users derive their tables' rows from.

A row is immutable, equal to rows of its class with equal values, hashable, and
no sequence. Beneath, it is a tuple of stored values (`qsdb.values.kinds`):
making one from a stored row is one call in C, and so is getting the stored row
back. What a tuple can and a row should not (indexing, order, length) is closed
here.

To type checkers a row class is a frozen dataclass with `replace`, made by
`dataclass_transform`; the tuple stands in the ``else`` branch below, since a
checker that saw it would let rows be indexed and compared.
"""

import inspect
import threading
from collections.abc import Iterator
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    Self,
    cast,
    dataclass_transform,
)

from qsdb.errors import ArgumentError, SchemaError, brief
from qsdb.schema.bindings import ProductBinding, Record, one_nan
from qsdb.schema.row_source import ALL, row_members
from qsdb.schema.shapes import Declared, Shape, declare, resolve_shape
from qsdb.schema.specifiers import (
    BTree,
    Hash,
    auto_inc,
    column,
    index,
    primary_key,
    unique,
)

__all__ = [
    "Product",
    "Row",
    "RowClass",
    "asdict",
    "draft_of",
    "find_record",
    "shape_of",
    "stored_of",
]

_resolving = threading.RLock()
"""Held while a class is finished: its first rows may be made by many threads."""


class RowClass(type):
    """The metaclass of rows: notes the declaration, and finishes it when needed."""

    _declared: Declared | None
    _shape: Shape | None

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        **options: object,
    ) -> "RowClass":
        """Take columns and defaults out of the namespace."""
        if options.pop("is_root", False):
            root = super().__new__(mcls, name, bases, {**namespace, "__slots__": ()})
            root._declared = root._shape = None
            return root
        parent = next((base for base in bases if isinstance(base, RowClass)), None)
        declared = None
        if parent is not None and _is_root(parent):
            if len(bases) > 1:
                raise SchemaError(
                    f"{name}: a row class has one base, {parent.__name__}"
                )
            declared = declare(name, namespace, is_product=parent.__name__ == "Product")
        elif parent is not None:
            raise SchemaError(
                f"{name}: the row class {parent.__name__} has no subclasses"
            )
        namespace["__slots__"] = ()
        made = super().__new__(mcls, name, bases, namespace)
        made._declared, made._shape = declared, None
        if declared is not None and not declared.is_product:
            _register(made, options)
        elif options:
            raise SchemaError(
                f"{name}: a product takes no options, not {list(options)}"
            )
        return made

    def __init__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        **_: object,
    ) -> None:
        """Take the options that `__new__` has used."""
        super().__init__(name, bases, namespace)


def _is_root(row_class: RowClass) -> bool:
    return row_class._declared is None  # noqa: SLF001  this module owns it


def _register(row_class: RowClass, options: dict[str, object]) -> None:
    """Hand a table's class to its module, or refuse options without one."""
    module = options.pop("module", None)
    if module is None:
        if options:
            name = row_class.__name__
            raise SchemaError(
                f"{name}: table options need module=…, not {list(options)}"
            )
        return
    add_table = getattr(module, "add_table", None)
    if add_table is None:
        raise SchemaError(f"{row_class.__name__}: module={module!r} is no qsdb.Module")
    known = [
        each.name
        for each in inspect.signature(add_table).parameters.values()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise SchemaError(
            f"{row_class.__name__}: no class keyword {', '.join(unknown)}; "
            f"there are: module, {', '.join(known)}"
        )
    add_table(row_class, **options)


def shape_of(row_class: RowClass, depth: int = 0) -> Shape:
    """Give the resolved shape of a class, and finish the class at the first call.

    Args:
        row_class: The class of a row or a product.
        depth: How many levels of kinds stand around its columns.

    Raises:
        SchemaError: the declaration is wrong; every mistake is listed.
        DeepError: a column nests too deep, and there are levels around.
    """
    shape = row_class._shape  # noqa: SLF001  this module owns it
    if shape is None:
        shape = draft_of(row_class, depth)
        if shape.mistakes:
            raise SchemaError(*shape.mistakes)
    return shape


def draft_of(row_class: RowClass, depth: int = 0) -> Shape:
    """Give the shape of a class, with its mistakes; without any, finish the class.

    Args, and DeepError, as in `shape_of`.

    Raises:
        SchemaError: the class is `Row` or `Product` itself, or contains itself.
    """
    with _resolving:
        shape = row_class._shape  # noqa: SLF001  this module owns it
        if shape is not None:
            return shape
        declared = row_class._declared  # noqa: SLF001  this module owns it
        if declared is None:
            raise SchemaError(
                f"{row_class.__name__} itself has no columns; derive from it"
            )
        shape = resolve_shape(declared, _declared_product, depth)
        if not shape.mistakes:
            for name, member in row_members(shape, row_class).items():
                setattr(row_class, name, member)
            row_class._shape = shape  # noqa: SLF001  this module owns it
            declared.scope.let_go()
        return shape


def _declared_product(
    annotation: object, depth: int, *, are_rows_too: bool = False
) -> tuple[Declared, ProductBinding] | None:
    if not isinstance(annotation, RowClass):
        return None
    if not are_rows_too and not issubclass(annotation, Product):
        return None
    product = annotation
    declared = product._declared  # noqa: SLF001  this module owns it
    if declared is None:
        return None
    kind = shape_of(product, depth + 1).kind
    return declared, ProductBinding(kind, cast(type[tuple[object, ...]], product))


def find_record(
    annotation: object, depth: int = 0
) -> tuple[int, ProductBinding] | None:
    """Give a class's place in the order of definition, and its binding.

    That is for parameters of functions, which take rows of tables too. What stands in
    columns is products alone.

    Args:
        annotation: The class of a product or of rows, or anything else, which is none.
        depth: How many levels of kinds stand around it.
    """
    found = _declared_product(annotation, depth, are_rows_too=True)
    return None if found is None else (found[0].serial, found[1])


def stored_of(row: "Row | Product") -> tuple[object, ...]:
    """Give the exact tuple of a row's stored values."""
    return tuple.__getitem__(cast(tuple[object, ...], row), ALL)


def asdict(row: "Row | Product") -> dict[str, object]:
    """Give a row as attribute → value; products inside become dicts too.

    >>> class Place(Product):
    ...     x: int
    >>> asdict(Place(3))
    {'x': 3}

    Raises:
        ArgumentError: `row` is neither a row nor a product.
    """
    if not isinstance(row, Record):
        raise ArgumentError(f"asdict takes a row or a product, not {brief(row)}")
    columns = shape_of(cast(RowClass, type(row))).columns
    return {each.attribute: _plain(getattr(row, each.attribute)) for each in columns}


def _plain(value: object) -> object:
    if isinstance(value, Product):
        return asdict(value)
    if type(value) is tuple:
        return tuple([_plain(item) for item in value])
    return value


def _rebuild(row_class: type[tuple[object, ...]], stored: tuple[object, ...]) -> object:
    """Make a row from its pickled parts.

    Raises:
        SchemaError: it was pickled when the class had more or fewer columns.
    """
    columns = shape_of(cast(RowClass, row_class)).columns
    if len(stored) != len(columns):
        raise SchemaError(
            f"{row_class.__name__}: a pickled row has {len(stored)} values, and the "
            f"class has {len(columns)} columns"
        )
    return tuple.__new__(row_class, cast(tuple[object, ...], one_nan(stored)))


def _show(row: "Row | Product") -> str:
    parts = [
        f"{column.attribute}={column.binding.show(getattr(row, column.attribute))}"
        for column in shape_of(cast(RowClass, type(row))).columns
    ]
    return f"{type(row).__name__}({', '.join(parts)})"


if TYPE_CHECKING:

    @dataclass_transform(
        frozen_default=True,
        field_specifiers=(primary_key, unique, index, auto_inc, column),
    )
    class Row:
        """A row of a table."""

        def __init_subclass__(  # noqa: PLR0913  what a class may say
            cls,
            *,
            module: object = ...,
            name: str = ...,
            public: bool = ...,
            primary_key: tuple[str, ...] = ...,
            unique: list[tuple[str, ...]] = ...,
            indexes: list[BTree | Hash] = ...,
            event: bool = ...,
            scheduled: str = ...,
            missed: Literal["one", "none", "all"] = ...,
            retry: int = ...,
            renamed_from: str = ...,
        ) -> None: ...
        def replace(self, **changes: Any) -> Self: ...  # noqa: ANN401  of any column
        def __iter__(self) -> Iterator[Any]: ...

    @dataclass_transform(frozen_default=True, field_specifiers=(column,))
    class Product:
        """A value made of named fields."""

        def replace(self, **changes: Any) -> Self: ...  # noqa: ANN401  of any column
        def __iter__(self) -> Iterator[Any]: ...

else:

    class _Record(tuple, Record, metaclass=RowClass, is_root=True):
        """What rows and products share: a tuple that does not show it."""

        def __new__(cls, /, *values: object, **columns: object) -> Self:
            shape_of(cls)  # finishes the class, which then has its own __new__
            return cls(*values, **columns)

        def __eq__(self, other: object) -> bool:
            return type(self) is type(other) and tuple.__eq__(self, other)

        def __ne__(self, other: object) -> bool:
            return type(self) is not type(other) or tuple.__ne__(self, other)

        __hash__ = tuple.__hash__
        __repr__ = _show

        def __bool__(self) -> bool:
            return True

        def __setattr__(self, name: str, _: object) -> NoReturn:
            owner = type(self).__name__
            raise AttributeError(
                f"{owner} is immutable; cannot set {name}. replace(…) gives a "
                "changed copy"
            )

        def __delattr__(self, name: str) -> NoReturn:
            owner = type(self).__name__
            raise AttributeError(f"{owner} is immutable; cannot delete {name}")

        def __reduce__(self) -> tuple[object, ...]:
            return _rebuild, (type(self), stored_of(self))

        def _not_a_sequence(self, *_: object) -> NoReturn:
            name = type(self).__name__
            raise TypeError(f"a {name} is no sequence; its columns are attributes")

        __getitem__ = __len__ = __contains__ = __reversed__ = _not_a_sequence
        __add__ = __radd__ = __mul__ = __rmul__ = _not_a_sequence

        # They raise: after NotImplemented a plain tuple would compare raw values.
        def _no_order(self, _: object) -> NoReturn:
            raise TypeError(f"a {type(self).__name__} has no order")

        __lt__ = __le__ = __gt__ = __ge__ = _no_order

        @property
        def count(self) -> NoReturn:
            """No method of a row; a column may have the name."""
            raise AttributeError(f"{type(self).__name__} has no column 'count'")

        @property
        def index(self) -> NoReturn:
            """No method of a row; a column may have the name."""
            raise AttributeError(f"{type(self).__name__} has no column 'index'")

    class Row(_Record, is_root=True):
        """A row of a table: derive from it, with `module` naming the owner.

        Class keywords: ``module``, ``name`` (default: snake case of the class),
        ``public=False``, ``primary_key=("a", "b")``, ``unique=[("a", "b")]``,
        ``indexes=[BTree("a", "b"), Hash("c")]``, ``event=False``,
        ``scheduled="reducer"`` with ``missed="one"`` and ``retry=0``,
        ``renamed_from="old_name"``.

        A row is immutable and hashable, equal to rows of its class with equal
        values, iterates over what its attributes give, and copies itself with
        `replace`. Constructors check names only; values are checked when they
        enter a table. A class may have methods and properties of its own.

        A row is a tuple underneath, and two places of Python show it: in a
        ``match``, class patterns must stand before sequence patterns, which raise
        a TypeError when they are tried on a row; and ``"%s" % row`` spreads the
        stored values out, so write ``f"{row}"`` or ``"%s" % (row,)``.

        >>> class Point(Row):
        ...     x: int
        ...     y: int = 0
        >>> Point(3).replace(y=4)
        Point(x=3, y=4)
        """

    class Product(_Record, is_root=True):
        """A value made of named fields, for use inside rows and arguments.

        >>> class Place(Product):
        ...     x: int
        ...     y: int
        >>> Place(1, 2).x
        1
        """
