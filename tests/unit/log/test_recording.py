"""What is laid out beforehand gives the same bytes as its parts one by one."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from qsdb.codec.bsatn import encoder
from qsdb.log.recording import (
    call_writer,
    record_writer,
    section_writer,
    write_plain,
)
from qsdb.log.records import TableReader, read_record
from qsdb.values import kinds
from qsdb.values.compounds import Field, OptionKind, ProductKind
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
    call = call_writer("größe", parameters)
    section = section_writer(9, row, (0,))
    enter = ENTER.get(parameters.name, [as_given] * 2)
    given = call_writer(
        "größe", parameters, lambda values: encoder(parameters)(unwrapped(values))
    )
    write = record_writer(("größe", parameters, enter), (9, row), given, section)

    for count in range(4):
        for before, after in fates_of(count, VALUES[row.name]):
            sections = section(before, after.get)

            whole = write(before, after.get, -7, ORIGIN, 2**64 - 1, arguments)

            assert whole == call(-7, ORIGIN, 2**64 - 1, unwrapped(arguments), sections)


def test_a_table_of_one_column_and_a_name_that_reads_like_one() -> None:
    row = ProductKind("word", (Field("row", kinds.U8),))
    call, section = call_writer("find", row), section_writer(1, row, (0,))
    write = record_writer(("find", row, [as_given]), (1, row), call, section)
    rows: dict[object, Any] = {1: (1,), 2: (2,)}

    images: list[dict[object, Any]] = [{1: None}, {1: None, 2: None}]
    for before in images:
        sections = section(before, rows.get)
        assert write(before, rows.get, 1, ORIGIN, 2, (3,)) == call(
            1, ORIGIN, 2, (3,), sections
        )
