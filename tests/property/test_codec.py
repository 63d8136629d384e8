"""BSATN of any kind and any bytes: values come back, nothing else comes out.

**Strategy**: draw a kind of any shape and a canonical value of it; encode it,
then cut the bytes at every place, change each or a few of them, or take bytes
that never were a value. The judge is an interpretive twin that shares no code.

**Invariants**:

1. decode(encode(value)) is the value, of the same types all the way down.
2. Encoder, decoder and reader agree with the twin, also on what they refuse.
3. A reader stops exactly where the value ends, in any buffer.
4. Cut-off input raises `DecodeError`, which names a place within the input.
5. What any bytes decode to is canonical; or they raise `DecodeError`.
6. A kind of fixed size has values of that size only.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsdb.codec.bsatn import (
    Buffer,
    DecodeError,
    decoder,
    encoder,
    fixed_size,
    reader,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import Kind, Stored
from tests.support import bsatn_twin
from tests.support.bsatn_twin import TwinError
from tests.support.strategies import kinds, stored_values

Case = tuple[Kind, Stored]


def row_kind(parts: list[Kind]) -> Kind:
    """Make a row of columns of these kinds."""
    fields = [Field(f"column_{index}", part) for index, part in enumerate(parts)]
    return ProductKind("Row", tuple(fields))


row_kinds = st.lists(kinds(depth_max=2), min_size=2, max_size=8).map(row_kind)
any_kinds = kinds() | row_kinds
"""Rows above all, since neighbouring columns are read together."""

cases = any_kinds.flatmap(lambda kind: st.tuples(st.just(kind), stored_values(kind)))
"""A kind and a value of it."""

thorough = settings(max_examples=max(300, settings().max_examples))
"""There are many kinds, and each costs but a few milliseconds."""

buffers = st.sampled_from([bytes, bytearray, memoryview])

REFUSED = "refused"


def exact(value: Stored) -> str:
    """Give a text that tells values apart as the engine does, types included."""
    return repr(value)


def outcome(function: Callable[[bytes], Stored], data: bytes) -> str:
    """Give what `function` makes of `data`, or that it refuses."""
    try:
        return exact(function(data))
    except DecodeError as error:
        return REFUSED if 0 <= error.position <= len(data) else "refused nowhere"


def judged(kind: Kind, data: bytes) -> str:
    """Give what the twin makes of `data`, or that it refuses."""
    try:
        return exact(bsatn_twin.decode(kind, data))
    except TwinError:
        return REFUSED


@pytest.mark.slow
@thorough
@given(case=cases)
def test_values_come_back(case: Case) -> None:
    kind, value = case

    data = encoder(kind)(value)

    assert exact(decoder(kind)(data)) == exact(value)
    assert exact(kind.canonical(decoder(kind)(data))) == exact(value)


@pytest.mark.slow
@thorough
@given(case=cases)
def test_the_twin_writes_the_same_bytes_and_reads_the_same_value(case: Case) -> None:
    kind, value = case

    data = encoder(kind)(value)

    assert data == bsatn_twin.encode(kind, value)
    assert exact(bsatn_twin.decode(kind, data)) == exact(value)


@pytest.mark.slow
@thorough
@given(case=cases, before=st.binary(max_size=5), after=st.binary(), make=buffers)
def test_a_reader_stops_where_the_value_ends(
    case: Case, before: bytes, after: bytes, make: Callable[[bytes], Buffer]
) -> None:
    kind, value = case
    data = encoder(kind)(value)

    read, end = reader(kind)(make(before + data + after), len(before))

    assert exact(read) == exact(value)
    assert end == len(before) + len(data)


@pytest.mark.slow
@thorough
@given(case=cases, make=buffers)
def test_input_cut_off_anywhere_is_refused(
    case: Case, make: Callable[[bytes], Buffer]
) -> None:
    kind, value = case
    data = encoder(kind)(value)
    decode, read = decoder(kind), reader(kind)

    for size in range(len(data)):
        assert outcome(decode, data[:size]) == REFUSED
        with pytest.raises(DecodeError):
            read(make(data[:size]), 0)


@pytest.mark.slow
@thorough
@given(case=cases, flips=st.integers(1, 255) | st.sampled_from([1, 2, 128, 255]))
def test_a_change_of_any_byte_is_refused_or_canonical(case: Case, flips: int) -> None:
    kind, value = case
    data = encoder(kind)(value)

    for place, byte in enumerate(data):
        check_any(kind, data[:place] + bytes([byte ^ flips]) + data[place + 1 :])


@pytest.mark.slow
@thorough
@given(case=cases, data=st.data())
def test_changed_bytes_are_refused_or_canonical(
    case: Case, data: st.DataObject
) -> None:
    kind, value = case
    changed = bytearray(encoder(kind)(value))
    places = st.integers(0, max(len(changed) - 1, 0))
    changes = st.lists(st.tuples(places, st.binary(min_size=1, max_size=2)), max_size=4)
    for place, others in data.draw(changes):
        changed[place : place + 1] = others

    check_any(kind, bytes(changed))


@pytest.mark.slow
@thorough
@given(kind=any_kinds, data=st.binary(max_size=40))
def test_any_bytes_are_refused_or_canonical(kind: Kind, data: bytes) -> None:
    check_any(kind, data)


def check_any(kind: Kind, data: bytes) -> None:
    """Check invariants 2, 3 and 5 on bytes that need not be a value."""
    found = outcome(decoder(kind), data)

    assert found == judged(kind, data)
    if found != REFUSED:
        value = decoder(kind)(data)
        assert exact(kind.canonical(value)) == exact(value)
        assert exact(reader(kind)(data, 0)) == exact((value, len(data)))


@pytest.mark.slow
@thorough
@given(case=cases)
def test_a_fixed_size_is_the_size(case: Case) -> None:
    kind, value = case
    size = fixed_size(kind)

    assert size in {None, len(encoder(kind)(value))}
