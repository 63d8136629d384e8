"""Parts that carry rows: encoded once, and opened again."""

import pytest

from qsdb.live.differences import Difference
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.row_lists import RowList
from qsdb.protocol.tables import (
    EncodedRows,
    EncodedUpdate,
    EventTable,
    PersistentTable,
    TableEncoder,
    read_table_rows,
    read_table_update,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import U8, U16
from tests.support.wire_messages import wire

KIND = ProductKind("Spot", (Field("x", U8), Field("y", U16)))


def _difference(*inserts: tuple[int, int]) -> Difference:
    return Difference(inserts, [(9, 9)])


def test_an_update_is_encoded_once_for_all_who_are_told() -> None:
    encoder = TableEncoder("spot", KIND, is_event=False)
    update, later = _difference((1, 2)), _difference((3, 4))

    first = encoder.update(update)

    assert encoder.update(update) is first
    assert encoder.update(later) != first
    assert encoder.update(update) == first


def test_an_update_tells_inserts_and_then_deletes() -> None:
    encoder = TableEncoder("spot", KIND, is_event=False)

    encoded = encoder.update(_difference((1, 2), (3, 4)))

    inserts, deletes = RowList(3, wire("010200 030400")), RowList(3, wire("090900"))
    read = read_table_update(encoded)
    assert read.table_name == encoder.table == "spot"
    assert read.rows == (PersistentTable(inserts, deletes),)
    assert isinstance(read.rows[0], PersistentTable)


def test_events_have_a_form_of_their_own() -> None:
    encoder = TableEncoder("spot", KIND, is_event=True)

    encoded = encoder.changes([(1, 2)], [])

    read = read_table_update(encoded)
    assert encoded == wire('04000000 "spot" 01000000 01 00 0300 03000000 010200')
    assert read.rows == (EventTable(RowList(3, wire("010200"))),)
    assert isinstance(read.rows[0], EventTable)


def test_a_result_has_its_table_and_its_rows() -> None:
    encoder = TableEncoder("spot", KIND, is_event=False)

    read = read_table_rows(encoder.rows([(1, 2)]))

    assert read == ("spot", RowList(3, wire("010200")))
    assert read.rows.split() == [wire("010200")]


def test_the_same_table_may_change_in_several_entries() -> None:
    encoder = TableEncoder("spot", KIND, is_event=False)
    one = encoder.changes([(1, 2)], [])
    head, entry = one[:8], one[12:]

    both = read_table_update(EncodedUpdate(head + b"\x02\0\0\0" + entry * 2))

    assert both.rows == read_table_update(one).rows * 2


def test_what_is_no_part_is_refused() -> None:
    encoder = TableEncoder("spot", KIND, is_event=False)
    rows, changes = encoder.rows([(1, 2)]), encoder.changes([(1, 2)], [])

    with pytest.raises(ProtocolError, match="TableRows, byte 18: 1 bytes follow it"):
        read_table_rows(EncodedRows(rows + b"\0"))
    with pytest.raises(ProtocolError, match=r"TableRows, byte .*: bytes has length 3"):
        read_table_rows(EncodedRows(rows[:-1]))
    with pytest.raises(ProtocolError, match=r"TableUpdate, byte 12: tag of .* is 2"):
        read_table_update(EncodedUpdate(changes[:12] + b"\x02" + changes[13:]))
