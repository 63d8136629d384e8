"""What is laid out beforehand gives the same bytes as its parts one by one."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from qsdb.codec.bsatn import encoder
from qsdb.errors import LimitError
from qsdb.log.packing import LEAVES_MAX
from qsdb.log.recording import (
    CallWriter,
    Enter,
    RecordWriter,
    call_writer,
    plain_record_writer,
    plain_section_writer,
    record_writer,
    section_writer,
    write_plain,
)
from qsdb.log.records import TableReader, read_record
from qsdb.values import kinds
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.identity import Identity
from qsdb.values.source import Names

PLAIN = ProductKind("plain", (Field("a", kinds.U8), Field("b", kinds.I64)))
TURNED = ProductKind("turned", (Field("a", kinds.U8), Field("b", kinds.IDENTITY)))
LOOSE = ProductKind("loose", (Field("a", kinds.U8), Field("b", OptionKind(kinds.STR))))
VALUES: dict[str, Any] = {
    "plain": [-1, 0, 7, 2**63 - 1],
    "turned": [bytes(32), bytes(range(32)), b"\1" * 32, b"\2" * 32],
    "loose": [None, "", "é", "word"],
}
WAS, IS_NEW, IS_GONE, IS_CHANGED = range(4)
NOBODY = ProductKind("none", ())
POINT = ProductKind("point", (Field("x", kinds.F64), Field("y", kinds.F32)))
WORDS = ProductKind(
    "words",
    (
        Field("a", kinds.STR),
        Field("b", kinds.BYTES),
        Field("c", kinds.U128),
        Field("d", POINT),
        Field("e", ArrayKind(kinds.STR)),
        Field("f", kinds.STR),
    ),
)
WORD_ROWS = [
    ("", b"", 0, (0.0, 1.5), (), "é"),
    ("é", b"\0", 2**128 - 1, (-1.0, 0.0), ("a", ""), ""),
    ("long" * 99, b"b" * 999, 7, (0.5, 2.0), ("a",) * 9, "x"),
]
ORIGIN = bytes(range(48))


def as_given(variable: str, _: Names) -> str:
    return variable


def stored(variable: str, _: Names) -> str:
    return f"{variable}.stored"


def unwrapped(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        [each.stored if type(each) is Identity else each for each in arguments]
    )


ENTER = {"plain": [as_given] * 2, "turned": [as_given, stored], "none": []}
ARGUMENTS = {
    "plain": (3, -4),
    "turned": (3, Identity.from_claims("qsdb", "ann")),
    "none": (),
    "loose": (3, "é"),
}


def both_writers(
    row: ProductKind, parameters: ProductKind, enter: Sequence[Enter], call: CallWriter
) -> tuple[RecordWriter, RecordWriter]:
    """Give the generated function and the plain one, for a table with the id 9."""
    plain = plain_record_writer(call, plain_section_writer(9, row, (0,)))
    return record_writer(("größe", parameters, enter), (9, row), plain), plain


def fates_of(
    count: int, values: list[Any]
) -> Iterator[tuple[dict[object, Any], dict[object, Any]]]:
    """Give rows before and after, under their first column, for each fate of each."""
    for fates in itertools.product(range(4), repeat=count):
        before: dict[object, Any] = {}
        after: dict[object, Any] = {}
        for number, fate in enumerate(fates):
            old = (number, values[number % len(values)])
            before[number] = None if fate == IS_NEW else old
            if fate != IS_GONE:
                after[number] = old
            if fate == IS_CHANGED:
                after[number] = (number, values[(number + 1) % len(values)])
        yield before, after


@pytest.mark.parametrize("row", [PLAIN, TURNED, LOOSE], ids=lambda kind: kind.name)
@pytest.mark.parametrize("primary_key", [(0,), (1, 0), ()])
def test_all_sections_of_up_to_four_rows_are_read_as_they_were_written(
    row: ProductKind, primary_key: tuple[int, ...]
) -> None:
    reader = TableReader(9, row, primary_key)
    write = section_writer(9, row, primary_key)
    values = VALUES[row.name]

    def key_of(found: tuple[Any, ...]) -> Any:
        key = tuple([found[place] for place in primary_key]) or found
        return key[0] if len(primary_key) == 1 else key

    for count in range(5):
        for fates in itertools.product(range(4), repeat=count):
            before: dict[object, Any] = {}
            after: dict[object, Any] = {}
            for number, fate in enumerate(fates):
                old = (number, values[number % len(values)])
                key, new = key_of(old), old
                if fate == IS_CHANGED and primary_key == (0,):
                    new = (number, values[(number + 1) % len(values)])
                before[key] = None if fate == IS_NEW else old
                if fate != IS_GONE:
                    after[key] = new

            section = write(before, after.get)

            changed = [key for key, old in before.items() if after.get(key) != old]
            if not changed:
                assert section == b""
                continue
            record = read_record(write_plain(1, section))
            (found,) = record.sections
            puts, removed = reader.rows(record, found)
            assert found.table_id == 9
            assert puts == [after[key] for key in changed if key in after]
            assert removed == [key for key in changed if key not in after]


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        (PLAIN, (3, -4)),
        (TURNED, (3, bytes(range(32)))),
        (LOOSE, (3, "é")),
        (ProductKind("none", ()), ()),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
@pytest.mark.parametrize("sections_count", [0, 1, 3])
def test_calls_are_read_as_they_were_written(
    parameters: ProductKind, arguments: tuple[Any, ...], sections_count: int
) -> None:
    write = call_writer("größe", parameters)
    row: dict[object, Any] = {1: (1, 2)}
    one = section_writer(9, PLAIN, (0,))({1: None}, row.get)

    data = write(
        -7,
        bytes(range(32)) + bytes(range(16)),
        2**64 - 1,
        arguments,
        one * sections_count,
    )

    record = read_record(data)
    assert record.microseconds == -7
    assert record.call == (
        "größe",
        encoder(parameters)(arguments),
        bytes(range(32)),
        bytes(range(16)),
        2**64 - 1,
    )
    assert len(record.sections) == sections_count


@pytest.mark.parametrize("row", [PLAIN, TURNED, LOOSE], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "parameters", [PLAIN, TURNED, LOOSE, NOBODY], ids=lambda kind: kind.name
)
def test_a_record_about_one_table_is_a_call_and_a_section(
    parameters: ProductKind, row: ProductKind
) -> None:
    arguments = ARGUMENTS[parameters.name]
    encode = encoder(parameters)
    call = call_writer("größe", parameters, lambda values: encode(unwrapped(values)))
    enter = ENTER.get(parameters.name, [as_given] * 2)
    write, plain = both_writers(row, parameters, enter, call)

    for count in range(4):
        for before, after in fates_of(count, VALUES[row.name]):
            given = before, after.get, -7, ORIGIN, 2**64 - 1, arguments

            assert write(*given) == plain(*given)


def test_a_table_of_one_column_and_a_name_that_reads_like_one() -> None:
    row = ProductKind("word", (Field("row", kinds.U8),))
    write, plain = both_writers(row, row, [as_given], call_writer("größe", row))
    rows: dict[object, Any] = {1: (1,), 2: (2,)}

    images: list[dict[object, Any]] = [{1: None}, {1: None, 2: None}]
    for before in images:
        given = before, rows.get, 1, ORIGIN, 2, (3,)
        assert write(*given) == plain(*given)


def test_texts_arrays_and_products_stand_where_they_are_to() -> None:
    enter: list[Enter] = [as_given] * len(WORDS.fields)
    write, plain = both_writers(WORDS, WORDS, enter, call_writer("größe", WORDS))
    reader = TableReader(9, WORDS, (0,))
    encode = encoder(WORDS)

    for first, second, arguments in itertools.permutations(WORD_ROWS):
        after: dict[object, Any] = {first[0]: first, second[0]: second}
        for keys in ([first[0]], [second[0], first[0]]):
            images: dict[object, Any] = dict.fromkeys(keys)
            given = images, after.get, 5, ORIGIN, 6, arguments
            data = write(*given)

            assert data == plain(*given)
            record = read_record(data)
            assert record.call is not None
            assert record.call.arguments == encode(arguments)
            (found,) = record.sections
            assert reader.rows(record, found) == ([after[key] for key in keys], [])


def test_a_product_is_entered_before_it_is_taken_apart() -> None:
    parameters = ProductKind("place", (Field("at", POINT), Field("n", kinds.U8)))

    def halved(variable: str, names: Names) -> str:
        half = names.bind("half", lambda point: (point[0] / 2, point[1] / 2))
        return f"{half}({variable})"

    encode = encoder(parameters)
    call = call_writer(
        "größe", parameters, lambda v: encode(((v[0][0] / 2, 2.0), v[1]))
    )
    write, plain = both_writers(PLAIN, parameters, [halved, as_given], call)
    rows: dict[object, Any] = {1: (1, 2), 2: (2, 3), 3: (3, 4)}

    for count in (1, 2, 3):
        images: dict[object, Any] = dict.fromkeys(range(1, count + 1))
        given = images, rows.get, 1, ORIGIN, 2, ((3.0, 4.0), 5)
        assert write(*given) == plain(*given)
        record = read_record(write(*given))
        assert record.call is not None
        assert record.call.arguments == encode(((1.5, 2.0), 5))


class Endless(str):
    """A text that says it is longer than can be written."""

    __slots__ = ()

    def encode(self, *_: object) -> Any:
        return EndlessBytes(b"x")


class EndlessBytes(bytes):
    def __len__(self) -> int:
        return 1 << 32


def test_a_text_that_is_too_long_is_refused() -> None:
    row = ProductKind("word", (Field("id", kinds.U8), Field("text", kinds.STR)))
    call = call_writer("größe", PLAIN)
    write, _ = both_writers(row, PLAIN, [as_given] * 2, call)
    rows: dict[object, Any] = {1: (1, Endless("x"))}

    with pytest.raises(LimitError, match="word cannot be encoded"):
        write({1: None}, rows.get, 1, ORIGIN, 2, (3, 4))


def test_what_has_very_many_columns_is_written_plainly() -> None:
    fields = [Field(f"c{number}", kinds.STR) for number in range(LEAVES_MAX)]
    row, wide = ProductKind("row", tuple(fields)), ProductKind("w", tuple(fields * 30))
    call = call_writer("größe", NOBODY)

    for kind, is_generated in ((row, True), (wide, False)):
        write, plain = both_writers(kind, NOBODY, [], call)
        values = tuple([f"{number}" for number in range(len(kind.fields))])
        rows: dict[object, Any] = {"0": values, "1": ("1", *values[1:])}

        assert (write is not plain) == is_generated
        for images in ({"0": None}, dict.fromkeys(rows)):
            given: Any = images, rows.get, 1, ORIGIN, 2, ()
            assert write(*given) == plain(*given)
