"""All tables as dicts: made of snapshots and records, and checked."""

from collections.abc import Sequence

import pytest

from qsdb import CorruptionError
from qsdb.codec.bsatn import encoder
from qsdb.log.manifests import Snapshot
from qsdb.log.records import RecordError, key_kind
from qsdb.log.snapshots import SnapshotWriter, read_snapshot
from qsdb.recovery.state import State, TableState, read_snapshot_state
from qsdb.schema.system import system_tables
from qsdb.testing import SimulatedDirectory
from tests.unit.recovery.stored import make, read, tables_of

DATABASE = bytes(16)


def users(state: State) -> TableState:
    return next(t for t in state.tables.values() if t.schema.name == "user")


def test_a_new_state_has_empty_system_tables() -> None:
    state = State()

    assert [*state.tables] == [number for number, _ in system_tables()]
    assert state.offset == state.microseconds == 0
    assert state.schemas() == {}
    assert all(table.rows == {} for table in state.tables.values())


def test_a_table_is_there_when_the_catalogue_describes_it() -> None:
    state = read(make(offset=2))
    fresh = State()
    for number, table in state.tables.items():
        if number in fresh.tables:
            fresh.tables[number].rows.update(table.rows)

    assert fresh.table(4096).schema == state.table(4096).schema
    assert {*fresh.described()} == {*state.described()} == {*state.tables}


def test_a_table_that_nothing_describes_is_none() -> None:
    with pytest.raises(RecordError, match=r"^there is no table with the id 4096$"):
        State().table(4096)
    with pytest.raises(RecordError, match=r"^there is no table with the id 5000$"):
        read(make(offset=2)).table(5000)


def test_a_row_that_is_not_there_is_not_removed() -> None:
    state = read(make(offset=2))
    table = users(state)
    key = encoder(key_kind(table.kind, table.schema.primary_key))(9)

    with pytest.raises(RecordError, match=r"^table user has no row 9$"):
        table.remove(key, 0, 1)


def test_a_sound_state_has_no_problems() -> None:
    assert [*read(make()).problems()] == []


def broken(change: str) -> State:
    state = read(make())
    table = users(state)
    first, second, *_ = table.rows
    row = table.rows[first]
    match change:
        case "kind":
            table.rows[first] = (row[0], 7, *row[2:])
        case "form":
            table.rows[first] = (*row[:3], 2, row[4])
        case "key":
            table.rows[first] = (99, *row[1:])
        case "unique":
            table.rows[second] = (second, *row[1:])
        case "sequences":
            table.sequences.append(1)
        case "module":
            state.tables[6].rows.clear()
        case _:
            name, data = "rename", b"\xff"
            state.tables[64].rows[9] = (9, f"{name} twice", False, data)
    return state


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ("kind", ["table user: 7 is not a str of valid Unicode (field name of user)"]),
        ("form", ["table user: (1, 'user 2', ", "is not in canonical form"]),
        ("key", ["table user: (99, 'user 2', ", "stands under the key 1"]),
        ("unique", ["table user: two rows have 'user 2' in the unique key name"]),
        ("sequences", ["table user: 2 sequences, 1 columns are generated"]),
        ("module", ["the catalogue: st_module has 0 rows in place of 1"]),
        ("reducer", ["the catalogue: reducer rename twice: it is not the CBOR of"]),
    ],
)
def test_a_broken_rule_is_told(change: str, problems: Sequence[str]) -> None:
    (problem,) = broken(change).problems()

    for text in problems:
        assert text in problem


def test_a_snapshot_holds_the_state_of_its_offset() -> None:
    disk = make(snapshots=(9,))
    database = read_snapshot(disk, 9).database

    state = read_snapshot_state(disk, 9, database)

    assert state.offset == 9
    assert tables_of(state) == tables_of(read(make(offset=9)))


def taken(tables: Sequence[tuple[int, Sequence[int]]]) -> SimulatedDirectory:
    """Give a disk with a snapshot of empty tables: id and sequences of each."""
    disk = SimulatedDirectory()
    told = Snapshot(database=DATABASE, offset=3, chain=None, microseconds=0)
    writer = SnapshotWriter(disk, told, None)
    kind = system_tables()[0][1].shape.kind
    for number, sequences in tables:
        writer.add_table(number, kind, [], sequences)
    writer.finish()
    return disk


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ([(4096, ())], "there is no table with the id 4096"),
        ([(1, (5,))], "table st_table has 1 sequences, not 0"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_damage(
    tables: Sequence[tuple[int, Sequence[int]]], reason: str
) -> None:
    disk = taken(tables)

    with pytest.raises(CorruptionError) as caught:
        read_snapshot_state(disk, 3, DATABASE)

    assert caught.value.reason == reason
    assert caught.value.path == "simulated:/snapshots/00000000000000000003.manifest"
