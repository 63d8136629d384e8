"""Generates what is special to one row class: constructor, attributes, replace.

A row is a tuple subclass over stored values. For ``id: u64 = primary_key(
auto_inc=True); room: str; sender: Identity`` the generated source reads::

    def __new__(cls, room=MISSING, sender=MISSING, *extra, id=0, **unknown):
        if extra or unknown or room is MISSING or sender is MISSING:
            refuse(extra, unknown, {'room': room, 'sender': sender})
        return _tuple_new(cls, (id, room, <sender.stored, or a Misfit>,))

Plain columns are read through C descriptors, the others through properties
that wrap on access. Nothing is checked here but the arguments' names: table
operations check values, once.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import NoReturn

from qsdb.errors import ArgumentError, brief
from qsdb.schema.shapes import Column, Shape
from qsdb.schema.specifiers import MISSING
from qsdb.values.source import Names, compile_source

__all__ = ["ALL", "row_members"]

ALL = slice(None)
"""``tuple.__getitem__(row, ALL)`` is the exact tuple of the stored values."""


def row_members(shape: Shape, row_class: type) -> dict[str, object]:
    """Give the members that make a class with this shape: name → member."""
    names = Names(
        MISSING=MISSING,
        ALL=ALL,
        class_=row_class,
        iter=iter,
        refuse=_refuser(shape),
        tuple_new=tuple.__new__,
        stored_of=tuple.__getitem__,
    )
    columns = shape.columns
    lines = [*_constructor(columns, names), *_replace(columns, names)]
    if not all(column.binding.is_plain for column in columns):
        lines += _iterator(columns)
    namespace = compile_source(f"row {shape.class_name}", "\n".join(lines), names)
    for name in ("__new__", "replace", "__iter__"):
        if name in namespace:  # errors of Python's own then name the class
            _function(namespace[name]).__qualname__ = f"{shape.class_name}.{name}"
    attributes = tuple([each.attribute for each in columns])
    members: dict[str, object] = {
        "_fields": attributes,  # as a named tuple has it: pytest tells what differs
        "replace": namespace["replace"],
        "__replace__": namespace["replace"],
        "__iter__": namespace.get("__iter__", tuple.__iter__),
        "__match_args__": tuple(
            [each.attribute for each in columns if not each.is_generated]
        ),
    }
    for index, column in enumerate(columns):
        members[column.attribute] = _attribute(index, column)
    # Last: once it is there, other threads make rows.
    members["__new__"] = staticmethod(_function(namespace["__new__"]))
    return members


# The descriptor behind collections.namedtuple: reads an item of a tuple in C.
_read_in_c = type(namedtuple("_Example", "item").__dict__["item"])  # noqa: PYI024


def _function(member: object) -> Callable[..., object]:
    assert callable(member)
    return member


def _attribute(index: int, column: Column) -> object:
    """Give the descriptor that reads one column of a row."""
    doc = f"Column {column.name}: {column.binding.kind.name}."
    if column.binding.is_plain:
        return _read_in_c(index, doc)
    leave, item = column.binding.leave, tuple.__getitem__

    def read(row: tuple[object, ...]) -> object:
        return leave(item(row, index))

    return property(read, doc=doc)


def _constructor(columns: tuple[Column, ...], names: Names) -> Iterator[str]:
    positional, keywords, required = [], [], []
    for column in columns:
        attribute = column.attribute
        if column.is_generated:
            keywords.append(f"{attribute}=0")
        elif column.default is MISSING:
            positional.append(f"{attribute}=_MISSING")
            required.append(attribute)
        else:
            default = names.bind(f"default_{attribute}", column.default)
            positional.append(f"{attribute}={default}")
    parameters = ", ".join(
        ["_cls", "/", *positional, "*_extra", *keywords, "**_unknown"]
    )
    missing = "".join(f" or {attribute} is _MISSING" for attribute in required)
    given = ", ".join(f"{attribute!r}: {attribute}" for attribute in required)
    values = "".join(
        f"{column.binding.enter_source(column.attribute, names)}, "
        for column in columns
    )
    yield f"def __new__({parameters}):"
    yield f"    if _extra or _unknown{missing}:"
    yield f"        _refuse(_extra, _unknown, {{{given}}})"
    yield f"    return _tuple_new(_cls, ({values}))"


def _replace(columns: tuple[Column, ...], names: Names) -> Iterator[str]:
    # Columns are to be given by keyword, but parameters that can be given by keyword
    # only cost more: what is given by place comes to _extra first, and is refused.
    keep = "".join(f"{column.attribute}=_MISSING, " for column in columns)
    yield f"def replace(_self, _extra=_MISSING, /, {keep}*_more, **_unknown):"
    yield '    """Give a copy with some columns changed, by keyword."""'
    yield "    if _extra is not _MISSING: _refuse((_extra, *_more), _unknown, {})"
    yield "    if _unknown: _refuse((), _unknown, {})"
    is_plain = all(column.binding.is_plain for column in columns)
    if not is_plain:
        yield "    _stored = _stored_of(_self, _ALL)"
    values = ""
    for index, column in enumerate(columns):
        attribute = column.attribute
        entered = column.binding.enter_source(attribute, names)
        kept = f"_self.{attribute}" if is_plain else f"_stored[{index}]"
        values += f"{kept} if {attribute} is _MISSING else {entered}, "
    yield f"    return _tuple_new(_class_, ({values}))"


def _iterator(columns: tuple[Column, ...]) -> Iterator[str]:
    values = "".join(f"_self.{column.attribute}, " for column in columns)
    yield "def __iter__(_self, /):"
    yield f"    return _iter(({values}))"


def _refuser(shape: Shape) -> Callable[..., NoReturn]:
    there = ", ".join([each.attribute for each in shape.columns]) or "none"

    def refuse(
        extra: tuple[object, ...],
        unknown: dict[str, object],
        required: dict[str, object],
    ) -> NoReturn:
        """Say which arguments of a row's constructor are wrong.

        Raises:
            ArgumentError: always.
        """
        faults: list[str] = []
        if extra:
            several = "s" if len(extra) > 1 else ""
            values = ", ".join([brief(each) for each in extra])
            faults.append(f"{len(extra)} positional value{several} too many: {values}")
        if unknown:
            faults.append(f"no column {', '.join(unknown)}; there are: {there}")
        missing = [each for each, value in required.items() if value is MISSING]
        if missing:
            faults.append(f"a value is missing for {', '.join(missing)}")
        raise ArgumentError(f"{shape.class_name}(): {'; '.join(faults)}")

    return refuse
