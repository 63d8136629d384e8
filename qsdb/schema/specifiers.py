"""What may stand behind a column's annotation, and the table-level indexes.

`primary_key`, `unique`, `index`, `auto_inc` and `column` return a `Specifier`
at run time; to type checkers they return whatever the column holds, since they
stand where a default would (the *field specifiers* of PEP 681). A generated
column has an overload with ``init: Literal[False]``, by which checkers know
that constructor calls leave it out.

>>> index("hash")
Specifier(algorithm='hash')
"""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar, overload

import attrs

__all__ = [
    "MISSING",
    "BTree",
    "Fill",
    "Hash",
    "Specifier",
    "auto_inc",
    "column",
    "index",
    "primary_key",
    "unique",
]


_T = TypeVar("_T")


class _Missing:
    """Stands for "not given", where None would be a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

Fill = Callable[[Any], object]
"""From a row as it was stored, a named tuple, to the value of a new column."""


@attrs.frozen(repr=False)
class Specifier:
    """What a declaration says of one column besides its kind."""

    is_primary: bool = False
    is_unique: bool = False
    algorithm: str | None = None
    auto_inc: bool = False
    default: object = MISSING
    name: str | None = None
    renamed_from: str | None = None
    """The name that the column had, for migrations."""
    fill: Fill | None = None
    """A function of the old row, for migrations: the value for the new one."""

    def __repr__(self) -> str:
        """Show what differs from a bare column."""
        changed = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(Specifier)
            if getattr(self, field.name) != field.default
        ]
        return f"Specifier({', '.join(changed)})"


# The checker's view of these functions is `Any` where no default is given:
# PEP 681 asks for it, since what they return stands as the default of a column
# of any kind.


@overload
def primary_key(
    *,
    auto_inc: Literal[True],
    name: str | None = ...,
    renamed_from: str | None = ...,
    init: Literal[False] = ...,
) -> Any: ...  # noqa: ANN401


@overload
def primary_key(
    *,
    default: _T,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> _T: ...


@overload
def primary_key(
    *,
    auto_inc: Literal[False] = ...,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> Any: ...  # noqa: ANN401


def primary_key(
    *,
    auto_inc: bool = False,
    default: object = MISSING,
    name: str | None = None,
    renamed_from: str | None = None,
    fill: Fill | None = None,
    init: bool = False,  # noqa: ARG001  for type checkers
) -> object:
    """Make the column the table's primary key: unique, and how rows are told apart.

    Args:
        auto_inc: Fill the column from a sequence 1, 2, 3 … where it is left out.
        default: What a constructor call that leaves the column out stands for.
        name: Name of the column in SQL; the attribute's name if not given.
        renamed_from: The name that it had; a database that is migrated takes the
            values of that column over, if this name is free: `qsdb.schema.matching`.
        fill: What gives the values of rows that are migrated, where they have none
            that can be taken over: a function of the old row, a named tuple.
        init: For type checkers only.
    """
    return Specifier(
        is_primary=True,
        auto_inc=auto_inc,
        default=default,
        name=name,
        renamed_from=renamed_from,
        fill=fill,
    )


@overload
def unique(
    *,
    auto_inc: Literal[True],
    name: str | None = ...,
    renamed_from: str | None = ...,
    init: Literal[False] = ...,
) -> Any: ...  # noqa: ANN401


@overload
def unique(
    *,
    default: _T,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> _T: ...


@overload
def unique(
    *,
    auto_inc: Literal[False] = ...,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> Any: ...  # noqa: ANN401


def unique(
    *,
    auto_inc: bool = False,
    default: object = MISSING,
    name: str | None = None,
    renamed_from: str | None = None,
    fill: Fill | None = None,
    init: bool = False,  # noqa: ARG001  for type checkers
) -> object:
    """Refuse a second row with the same value; of an optional column, None is free.

    Args and meaning otherwise as in `primary_key`.
    """
    return Specifier(
        is_unique=True,
        auto_inc=auto_inc,
        default=default,
        name=name,
        renamed_from=renamed_from,
        fill=fill,
    )


@overload
def index(
    kind: Literal["btree", "hash"] = ...,
    *,
    auto_inc: Literal[True],
    name: str | None = ...,
    renamed_from: str | None = ...,
    init: Literal[False] = ...,
) -> Any: ...  # noqa: ANN401


@overload
def index(
    kind: Literal["btree", "hash"] = ...,
    *,
    default: _T,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> _T: ...


@overload
def index(
    kind: Literal["btree", "hash"] = ...,
    *,
    auto_inc: Literal[False] = ...,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> Any: ...  # noqa: ANN401


def index(  # noqa: PLR0913  what a column may say
    kind: Literal["btree", "hash"] = "btree",
    *,
    auto_inc: bool = False,
    default: object = MISSING,
    name: str | None = None,
    renamed_from: str | None = None,
    fill: Fill | None = None,
    init: bool = False,  # noqa: ARG001  for type checkers
) -> object:
    """Index the column: ``"btree"`` for equality and ranges, ``"hash"`` for equality.

    Args and meaning otherwise as in `primary_key`.
    """
    return Specifier(
        algorithm=kind,
        auto_inc=auto_inc,
        default=default,
        name=name,
        renamed_from=renamed_from,
        fill=fill,
    )


def auto_inc(
    *,
    name: str | None = None,
    renamed_from: str | None = None,
    init: Literal[False] = False,  # noqa: ARG001  for type checkers
) -> Any:  # noqa: ANN401
    """Fill the column from a sequence 1, 2, 3 … where it is left out or 0."""
    return Specifier(auto_inc=True, name=name, renamed_from=renamed_from)


@overload
def column(
    *,
    default: _T,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> _T: ...


@overload
def column(
    *,
    name: str | None = ...,
    renamed_from: str | None = ...,
    fill: Fill | None = ...,
) -> Any: ...  # noqa: ANN401


def column(
    *,
    default: object = MISSING,
    name: str | None = None,
    renamed_from: str | None = None,
    fill: Fill | None = None,
) -> object:
    """Say of a column what it has by default, how SQL calls it, whence it comes.

    Args and meaning as in `primary_key`.
    """
    return Specifier(default=default, name=name, renamed_from=renamed_from, fill=fill)


@attrs.frozen(init=False, repr=False)
class _TableIndex:
    """An index over one or more columns, named by their attributes."""

    columns: tuple[str, ...]
    name: str | None

    def __init__(self, *columns: str, name: str | None = None) -> None:
        """Index `columns` in this order; without a name, joined by ``_``."""
        self.__attrs_init__(columns, name)

    def __repr__(self) -> str:
        """Show the call that makes it."""
        parts = [repr(column) for column in self.columns]
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


class BTree(_TableIndex):
    """An ordered index, for the class keyword ``indexes=[…]``: equality and ranges.

    >>> BTree("room", "sent", name="by_room")
    BTree('room', 'sent', name='by_room')
    """

    algorithm = "btree"


class Hash(_TableIndex):
    """A hash index, for the class keyword ``indexes=[…]``: equality on all columns."""

    algorithm = "hash"
