"""The judge is judged by what the design says, written down by hand."""

import itertools
import math
from typing import Any

import pytest

import qsdb
from qsdb.values.kinds import MismatchError
from tests.support.model import Model, ModelTable, RefusedError, compare, same
from tests.support.schemas import (
    DOMAINS,
    GENERATED,
    RICH,
    Circle,
    ColumnSpec,
    Domain,
    IndexSpec,
    Place,
    Square,
    TableSpec,
    build,
)

NAN = math.nan

EVERY_HOUR = qsdb.ScheduleAt.interval(qsdb.TimeDuration.from_seconds(3600))
AT_ONCE = qsdb.ScheduleAt.time(qsdb.Timestamp.EPOCH)

BY_NAME = {each.name: each for each in DOMAINS}
NUMBER, OPTION, SEQUENCE = BY_NAME["int"], BY_NAME["option"], GENERATED[0]

ITEM = TableSpec(
    "item",
    (
        ColumnSpec("id", SEQUENCE, "primary", is_generated=True),
        ColumnSpec("name", OPTION, "unique"),
        ColumnSpec("size", NUMBER, "btree"),
    ),
)

PAIR = TableSpec("pair", (ColumnSpec("a", NUMBER), ColumnSpec("b", NUMBER)), key=(1, 0))

BAG = TableSpec("bag", (ColumnSpec("a", NUMBER), ColumnSpec("b", NUMBER)))


def filled(*rows: tuple[object, ...]) -> ModelTable:
    table = ModelTable(ITEM)
    table.insert_many(rows)
    return table


@pytest.mark.parametrize("domain", [*DOMAINS, *GENERATED], ids=repr)
def test_domains_are_written_down_in_order(domain: Domain) -> None:
    for left, right in itertools.combinations(domain.values, 2):
        assert compare(left, right) < 0
        assert compare(right, left) > 0
    for value in domain.values:
        assert same(value, value)


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
def test_other_forms_mean_a_value_of_the_domain(domain: Domain) -> None:
    count = len(domain.values) + len(domain.others)
    pairs = [domain.pair(number) for number in range(count)]

    assert all(meant in domain.values for _, meant in pairs)
    assert domain.pair(count) == pairs[0]


@pytest.mark.parametrize("domain", [*DOMAINS, *GENERATED], ids=repr)
def test_wrong_values_are_wrong(domain: Domain) -> None:
    spec = TableSpec("t", (ColumnSpec("a", domain),))
    module, _ = build([spec])
    (binding,) = [each.binding for each in module.compiled().tables[0].shape.columns]

    assert binding.kind.canonical(binding.enter(domain.values[0])) is not domain
    with pytest.raises(MismatchError):
        binding.kind.canonical(binding.enter(domain.wrong))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, None),
        (NAN, None),
        (math.inf, NAN),
        (-1.0, 0.0),
        (Place(1, NAN), Place(2, 0.0)),
        (Place(9, 0.0), Place(None, 0.0)),
        (Circle(NAN), Square(-9)),
        ((1, 2), (2,)),
        ((1,), (1, None)),
        (EVERY_HOUR, AT_ONCE),
    ],
    ids=repr,
)
def test_order(left: object, right: object) -> None:
    assert compare(left, right) < 0 < compare(right, left)


@pytest.mark.parametrize(
    ("left", "right"), [(NAN, float("nan")), (0.0, -0.0), (None, None), ((), ())]
)
def test_equality(left: object, right: object) -> None:
    assert same(left, right)


def test_generated_numbers_follow_what_is_given() -> None:
    table = filled((0, None, 0), (0, None, 0), (7, None, 0), (3, None, 0))

    assert table.insert((0, None, 1)) == (8, None, 1)
    assert [row[0] for row in table.rows] == [1, 2, 7, 3, 8]


def test_a_sequence_ends() -> None:
    table = filled((255, None, 0))

    with pytest.raises(RefusedError) as refused:
        table.insert((0, None, 0))
    assert refused.value.errors == {qsdb.LimitError}


def test_an_identical_row_is_left_as_it_is() -> None:
    table = filled((1, 3, 0))

    assert table.insert((1, 3, 0)) == (1, 3, 0)
    assert len(table.rows) == 1


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ((1, 0, 0), {("id",)}),
        ((2, 3, 0), {("name",)}),
        ((1, 3, 1), {("id",), ("name",)}),
    ],
)
def test_a_taken_key_is_refused(
    row: tuple[object, ...], keys: set[tuple[str, ...]]
) -> None:
    table = filled((1, 3, 0))

    with pytest.raises(RefusedError) as refused:
        table.insert(row)
    assert (refused.value.errors, refused.value.keys) == ({qsdb.UniqueError}, keys)
    assert table.rows == [(1, 3, 0)]


def test_none_is_free_in_a_unique_column() -> None:
    assert len(filled((1, None, 0), (2, None, 0)).rows) == 2


def test_insert_many_tells_all_that_is_wrong_and_does_nothing() -> None:
    table = filled((1, 3, 0))

    with pytest.raises(RefusedError) as refused:
        table.insert_many([(1, 0, 0), (255, None, 0), (0, None, 0)])
    assert refused.value.errors == {qsdb.UniqueError, qsdb.LimitError}
    assert (table.rows, table.next[0]) == ([(1, 3, 0)], 2)


def test_updates_replace_or_are_refused() -> None:
    table = filled((1, 3, 0), (2, 0, 0))

    assert table.update((1, 3, 7)) == (1, 3, 7)
    assert table.upsert((2, -1, 7)) == (2, -1, 7)
    assert table.upsert((9, None, 7)) == (9, None, 7)
    for row, error in (
        ((5, 3, 0), qsdb.NotFoundError),
        ((1, -1, 0), qsdb.UniqueError),
    ):
        with pytest.raises(RefusedError) as refused:
            table.update(row)
        assert refused.value.errors == {error}
    assert table.rows == [(1, 3, 7), (2, -1, 7), (9, None, 7)]


def test_an_update_by_a_unique_column_may_change_the_key() -> None:
    table = filled((1, 3, 0), (2, 0, 0))

    assert table.update_by((1,), (5, 3, 7)) == (5, 3, 7)
    assert table.update_by((1,), (2, 0, 7)) == (2, 0, 7)
    assert table.update_by((0,), (2, 0, 1)) == (2, 0, 1)
    for row, error in (
        ((5, None, 0), qsdb.NotFoundError),
        ((5, -1, 0), qsdb.NotFoundError),
        ((2, 3, 0), qsdb.UniqueError),
    ):
        with pytest.raises(RefusedError) as refused:
            table.update_by((1,), row)
        assert refused.value.errors == {error}
    assert sorted(table.rows) == [(2, 0, 1), (5, 3, 7)]


def test_a_generated_key_left_out_is_kept_by_an_update_and_new_in_an_upsert() -> None:
    table = filled((4, 3, 0))

    assert table.update_by((1,), (0, 3, 7)) == (4, 3, 7)
    assert table.update_by((1,), (0, 3, 8)) == (4, 3, 8)
    table.update_by((0,), (4, None, 8))
    table.rows.append((0, 0, 0))
    assert table.upsert((0, None, 1)) == (5, None, 1)
    assert table.rows == [(4, None, 8), (0, 0, 0), (5, None, 1)]


def test_another_generated_column_is_updated_as_given() -> None:
    table = ModelTable(
        TableSpec(
            "log",
            (
                ColumnSpec("name", OPTION, "unique"),
                ColumnSpec("number", SEQUENCE, is_generated=True),
            ),
        )
    )
    table.insert((3, 255))

    assert table.update_by((0,), (3, 0)) == (3, 0)
    assert table.rows == [(3, 0)]


def pairs() -> ModelTable:
    table = ModelTable(PAIR)
    table.insert_many([(a, b) for a in (-2, 0, 1) for b in (0, 7)])
    return table


def test_prefixes() -> None:
    assert pairs().equal((0, 1), (0,)) == [(0, 0), (0, 7)]
    assert pairs().equal((0, 1), (0, 7)) == [(0, 7)]
    assert pairs().get((7, 0)) == (0, 7)


@pytest.mark.parametrize(
    ("low", "high", "include", "rows"),
    [
        ((0,), (1,), (True, False), [(0, 0), (0, 7)]),
        ((0,), (1,), (False, True), [(1, 0), (1, 7)]),
        ((0, 0), (1, 0), (False, False), [(0, 7)]),
        (None, (0, 0), (True, True), [(-2, 0), (-2, 7), (0, 0)]),
        ((1, 7), None, (True, True), [(1, 7)]),
        ((1,), (0,), (True, True), []),
    ],
)
def test_ranges(low: Any, high: Any, include: tuple[bool, bool], rows: Any) -> None:
    assert pairs().between((0, 1), low, high, include) == rows


def test_ties_are_ordered_by_the_primary_key() -> None:
    table = ModelTable(PAIR)
    table.insert_many([(1, 0), (0, 0), (0, 7)])

    assert table.in_order((), table.rows) == [(0, 0), (1, 0), (0, 7)]


def test_a_table_without_a_key_is_a_set() -> None:
    table = ModelTable(BAG)

    assert table.insert_many([(0, 1), (0, 1), (1, 0)]) == 2
    assert table.delete_all(table.holding((0, 1))) == 1
    assert table.rows == [(1, 0)]


def test_a_commit_is_kept_as_it_was() -> None:
    model = Model([ITEM])
    for size in (0, 1):
        model.begin()
        model.tables[0].upsert((1, None, size))
        model.commit()

    assert model.offset == 3
    assert [tables[0].rows for tables in model.commits[1:]] == [
        [],
        [(1, None, 0)],
        [(1, None, 1)],
    ]


@pytest.mark.parametrize("way", ["commit", "rollback"])
def test_nothing_comes_of_no_net_change(way: str) -> None:
    model = Model([ITEM])
    model.begin()
    model.tables[0].delete_all([model.tables[0].insert((0, None, 0))])
    getattr(model, way)()

    assert (model.offset, model.tables[0].next[0], model.is_open) == (1, 1, False)


def test_savepoints_are_undone_or_kept() -> None:
    model = Model([ITEM])
    model.begin()
    for undo in (True, False):
        model.enter_savepoint()
        model.tables[0].insert((0, None, 0))
        model.leave_savepoint(undo=undo)

    assert model.tables[0].rows == [(1, None, 0)]


def test_accessors_are_joined_by_name() -> None:
    spec = TableSpec(
        "t",
        (ColumnSpec("a", NUMBER, "unique"), ColumnSpec("b", NUMBER, "hash")),
        key=(0, 1),
        indexes=(
            IndexSpec("btree", (0,)),
            IndexSpec("hash", (0, 1)),
            IndexSpec("btree", (1,), "by_b"),
        ),
    )
    found = {
        each.name: (each.columns, each.is_unique, each.algorithm)
        for each in spec.accessors
    }

    assert found == {
        "a_b": ((0, 1), True, "hash"),
        "a": ((0,), True, "btree"),
        "b": ((1,), False, "hash"),
        "by_b": ((1,), False, "btree"),
    }
    assert spec.unique_keys == [(0,)]


@pytest.mark.parametrize("spec", [ITEM, PAIR, BAG, RICH], ids=lambda spec: spec.name)
def test_a_spec_is_built_as_it_says(spec: TableSpec) -> None:
    module, classes = build([spec])
    (table,) = module.compiled().tables

    assert table.schema.primary_key == spec.primary_key
    assert [
        each.columns for each in table.schema.indexes if each.algorithm == "unique"
    ] == spec.unique_keys
    assert classes[spec.name].__name__ == spec.name.title()
