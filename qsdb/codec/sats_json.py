"""SATS-JSON: values as JSON data, by functions that are compiled once for each kind.

Rows of tables and answers are written *named* (products as objects, variants by name),
results of SQL and procedures *unnamed* (products as arrays, variants as ``[tag, …]``).
Both are read:

==================  =========================  ================  ===================
kind                named                      unnamed           also read
==================  =========================  ================  ===================
product             ``{"x": 1, "y": 2}``       ``[1, 2]``
tuple of fixed size ``[1, 2]``                 ``[1, 2]``        ``{"0": 1, "1": 2}``
product of nothing  ``[]``                     ``[]``            ``{}``
option              ``{"some": 7}``,           ``[0, 7]``,       ``null`` for none
                    ``{"none": []}``           ``[1, []]``
sum                 ``{"Circle": …}``          ``[0, …]``        ``{"0": …}``
array               ``[1, 2]``                 ``[1, 2]``
array of u8         as bytes: ``"0102"``       ``"0102"``        ``[1, 2]``
==================  =========================  ================  ===================

What has no parts is in `qsdb.codec.json_leaves`; text is made and read by
`qsdb.codec.json_text`.

>>> from qsdb.values.compounds import Field, OptionKind, ProductKind
>>> from qsdb.values.kinds import IDENTITY, STR, U64
>>> fields = Field("id", U64), Field("name", STR), Field("owner", OptionKind(IDENTITY))
>>> player = ProductKind("Player", fields)
>>> json_writer(player)((1 << 63, "Zoë", bytes(31) + b"*"))
{'id': 9223372036854775808, 'name': 'Zoë', 'owner': {'some': {'__identity__': '0x2a'}}}
>>> json_writer(player, named=False)((7, "Zoë", None))
[7, 'Zoë', [1, []]]
>>> json_reader(player)({"id": 7, "name": "Ann", "owner": None})
(7, 'Ann', None)

Rules:

1. ``read(write(value))`` is `value`, for every canonical stored value without NaN and
   infinities, in both forms.
2. What is read is canonical. A product has exactly its fields: none twice, none more.
3. Wrong data raise `JsonFaultError` and nothing else; it tells the value, the bound,
   and the way to it. What is allocated stays in proportion to the data.
4. Calls nest no deeper than the kind, whatever the data do.

A row of seven columns of all sorts is written in 3 µs and read in 5 µs, one of two ints
and a text in 0.2 µs and 0.3 µs; making text of it, and reading that, costs more.

Functions are kept for as long as the program runs, as those of `qsdb.codec.bsatn`.

*Source*: SATS-JSON of SpacetimeDB.
"""

import functools
from collections.abc import Callable
from typing import Any

from qsdb.codec.json_faults import JsonFaultError, case_of
from qsdb.codec.json_leaves import (
    JsonReader,
    JsonWriter,
    is_direct,
    leaf_reader,
    leaf_writer,
)
from qsdb.codec.layout import EMPTY_ITEMS_COUNT_MAX, refuse_deep, size_range
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind, SumKind
from qsdb.values.kinds import BYTES, U8, Kind, MismatchError, Stored
from qsdb.values.source import Names, compile_source

__all__ = ["json_reader", "json_writer"]

OPTION_VARIANTS = ("some", "none")


@functools.cache
def json_writer(kind: Kind, *, named: bool = True) -> JsonWriter:
    """Give the function that writes stored values of `kind` as JSON data.

    It takes canonical values and checks nothing; it gives what `json` takes: numbers,
    texts, None, and lists and dicts, whose order is that of the kind.

    Args:
        kind: It.
        named: Whether fields and variants are written by name.

    Raises:
        LimitError: `kind` nests more than 64 levels deep.

    Cost: about a millisecond at the first call for a kind.
    """
    refuse_deep(kind)
    match kind:
        case ProductKind():
            return _product_writer(kind, named=named)
        case ArrayKind():
            return _array_writer(kind, named=named)
        case OptionKind():
            return _option_writer(kind, named=named)
        case SumKind():
            return _sum_writer(kind, named=named)
        case _:
            return _same if is_direct(kind) else leaf_writer(kind, named=named)


def _same(value: Stored) -> object:
    return value


def _product_writer(kind: ProductKind, *, named: bool) -> JsonWriter:
    names = Names()
    parts: list[str] = []
    for place, field in enumerate(kind.fields):
        part = f"v{place}"
        if not is_direct(field.kind):
            write = json_writer(field.kind, named=named)
            part = f"{names.bind('write', write)}({part})"
        is_named = named and not kind.is_tuple
        parts.append(f"{field.name!r}: {part}" if is_named else part)
    opening, closing = "{}" if parts and named and not kind.is_tuple else "[]"
    variables = "".join([f"v{place}, " for place in range(len(parts))])
    unpacked = f"    {variables}= value\n" if parts else ""
    result = f"{opening}{', '.join(parts)}{closing}"
    source = f"def write(value):\n{unpacked}    return {result}\n"
    function = compile_source(f"{kind.name} as JSON", source, names)["write"]
    assert callable(function)
    return function


def _tuple(value: Stored) -> tuple[Any, ...]:
    assert type(value) is tuple
    return value


def _array_writer(kind: ArrayKind, *, named: bool) -> JsonWriter:
    if kind.item == U8:
        return lambda value: bytes(_tuple(value)).hex()
    if is_direct(kind.item):
        return lambda value: [*_tuple(value)]
    write = json_writer(kind.item, named=named)
    return lambda value: [write(item) for item in _tuple(value)]


def _option_writer(kind: OptionKind, *, named: bool) -> JsonWriter:
    write = json_writer(kind.inner, named=named)
    if named:
        return lambda value: {"none": []} if value is None else {"some": write(value)}
    return lambda value: [1, []] if value is None else [0, write(value)]


def _sum_writer(kind: SumKind, *, named: bool) -> JsonWriter:
    variants = [
        (each.name, json_writer(each.kind, named=named)) for each in kind.variants
    ]

    def write_named(value: Stored) -> object:
        tag, payload = _tuple(value)
        name, write = variants[tag]
        return {name: write(payload)}

    def write_bare(value: Stored) -> object:
        tag, payload = _tuple(value)
        return [tag, variants[tag][1](payload)]

    return write_named if named else write_bare


@functools.cache
def json_reader(kind: Kind) -> JsonReader:
    """Give the function that reads JSON data as stored values of `kind`.

    It takes what `qsdb.codec.json_text.read_json` gives, and raises `JsonFaultError`
    where that is no value.

    Raises:
        LimitError: `kind` nests more than 64 levels deep.

    Cost: about a millisecond at the first call for a kind.
    """
    refuse_deep(kind)
    match kind:
        case ProductKind():
            return _product_reader(kind)
        case ArrayKind():
            return _array_reader(kind)
        case OptionKind():
            return _option_reader(kind)
        case SumKind():
            return _sum_reader(kind)
        case _:
            return leaf_reader(kind)


def _product_reader(kind: ProductKind) -> JsonReader:
    """Compile the reader of a product, in which each field is checked in its place."""
    names = Names(list=list, dict=dict, KeyError=KeyError, Fault=JsonFaultError)
    count = len(kind.fields)
    parts = names.bind("parts", _parts_function(kind))
    targets = "".join([f"v{place}, " for place in range(count)])
    fetched = "".join([f"data[{field.name!r}], " for field in kind.fields])
    lines = [
        "def read(data):",
        f"    if _type(data) is _dict and _len(data) == {count}:",
        "        try:",
        f"            {targets}= {fetched}" if count else "            pass",
        "        except _KeyError:",
        f"            {parts}(data)",
        "    else:",
        f"        {targets}= {parts}(data)" if count else f"        {parts}(data)",
    ]
    for place, field in enumerate(kind.fields):
        lines += _field_lines(f"v{place}", field, names)
    lines.append(f"    return ({targets})")
    title = f"{kind.name} from JSON"
    function = compile_source(title, "\n".join(lines), names)["read"]
    assert callable(function)
    return function


def _field_lines(variable: str, field: Field, names: Names) -> list[str]:
    """Write the statements that read one field in place."""
    if is_direct(field.kind):
        admitted = names.bind("admitted", _admitted(field.kind))
        return [
            f"    if {field.kind.suspicion(variable, names)}:",
            f"        raise _Fault({variable}, {admitted}, {field.name!r})",
        ]
    read = names.bind("read", json_reader(field.kind))
    return [
        "    try:",
        f"        {variable} = {read}({variable})",
        "    except _Fault as fault:",
        f"        fault.steps.append({field.name!r})",
        "        raise",
    ]


def _admitted(kind: Kind) -> str:
    try:
        kind.canonical(object())
    except MismatchError as mismatch:
        return mismatch.admitted
    raise AssertionError(kind)  # pragma: no cover  no kind takes everything


def _parts_function(kind: ProductKind) -> Callable[[object], list[object]]:
    """Give the function that takes an array apart, or says what is wrong."""
    names = [field.name for field in kind.fields]
    admitted = f"a {kind.class_name}: an object of {', '.join(names) or 'nothing'}"

    def parts(data: object) -> list[object]:
        if isinstance(data, dict):
            missing = [name for name in names if name not in data]
            if missing:
                raise JsonFaultError(data, f"{admitted}; {missing[0]} is missing")
            unknown = next(name for name in data if name not in names)
            raise JsonFaultError(unknown, f"a field of {kind.class_name}")
        if not isinstance(data, list) or len(data) != len(names):
            raise JsonFaultError(
                data, f"{admitted}, or an array of length {len(names)}"
            )
        return data

    return parts


def _array_reader(kind: ArrayKind) -> JsonReader:
    if kind.item == U8:
        read_bytes = leaf_reader(BYTES)
        return lambda data: _bytes_items(read_bytes(data))
    read = json_reader(kind.item)
    holds_nothing = size_range(kind.item)[0] == 0
    bound = f"at most {EMPTY_ITEMS_COUNT_MAX} of {kind.item.name}, which hold nothing"

    def read_array(data: object) -> Stored:
        if not isinstance(data, list):
            raise JsonFaultError(data, f"an array of {kind.item.name}")
        if holds_nothing and len(data) > EMPTY_ITEMS_COUNT_MAX:
            raise JsonFaultError(data, bound)
        items: list[Stored] = []
        try:
            for item in data:
                items.append(read(item))  # noqa: PERF401  its length tells the place
        except JsonFaultError as fault:
            fault.steps.append(len(items))
            raise
        return tuple(items)

    return read_array


def _bytes_items(value: Stored) -> tuple[int, ...]:
    assert type(value) is bytes
    return tuple(value)


def _option_reader(kind: OptionKind) -> JsonReader:
    inner, nothing = json_reader(kind.inner), json_reader(ProductKind("unit", ()))
    admitted = f'the option {{"some": {kind.inner.name}}}, or null'

    def read_option(data: object) -> Stored:
        if data is None:
            return None
        tag, payload = case_of(data, OPTION_VARIANTS, admitted)
        try:
            if tag == 0:
                return inner(payload)
            nothing(payload)
        except JsonFaultError as fault:
            fault.steps.append(OPTION_VARIANTS[tag])
            raise
        return None

    return read_option


def _sum_reader(kind: SumKind) -> JsonReader:
    names = tuple([each.name for each in kind.variants])
    readers = [json_reader(each.kind) for each in kind.variants]
    admitted = f"an object of one of {', '.join(names)}"

    def read_sum(data: object) -> Stored:
        tag, payload = case_of(data, names, admitted)
        try:
            return (tag, readers[tag](payload))
        except JsonFaultError as fault:
            fault.steps.append(names[tag])
            raise

    return read_sum
