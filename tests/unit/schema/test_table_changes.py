"""What becomes of rows: converted values, numbers, and functions of the user's."""

import enum
from typing import Any

import pytest

import qsdb
from qsdb import f32, i8, u8, u16, u64
from qsdb.errors import InternalError
from qsdb.schema.plans import TableChange, plan_migration
from qsdb.schema.stored import stored_module
from tests.support.migrations import Table, plan, schema_of

key, column, auto_inc = qsdb.primary_key, qsdb.column, qsdb.auto_inc


def change(before: Table, after: Table, rows: Any = ()) -> TableChange:
    found = plan({"t": before}, {"t": after}, {"t": rows})
    [only] = found.changes
    return only


def converted(before: Any, after: Any, *values: object) -> tuple[list[object], bool]:
    """Give what becomes of values of a column, and whether rows are rewritten."""
    tables = Table(id=(u8, key()), a=before), Table(id=(u8, key()), a=after)
    found = change(*tables)
    convert = found.converter()
    return [convert((7, value))[1] for value in values], found.is_rewritten


def mood(*names: str) -> Any:
    return enum.Enum("Mood", list(names))


class Circle(qsdb.Product):
    r: u8


class Square(qsdb.Product):
    pass


def wider() -> tuple[Any, Any]:
    class Square(qsdb.Product):
        side: u16 = 3

    class Circle(qsdb.Product):
        r: u16
        name: str | None = None

    return Circle, Square


CIRCLE, SQUARE = wider()


def of_moods(*names: str) -> Any:
    class Circle(qsdb.Product):
        r: u16
        mood: enum.Enum("Mood", list(names))  # type: ignore[valid-type]

    return Circle


def narrow() -> Any:
    class Circle(qsdb.Product):
        r: u16

    return Circle


NARROW = narrow()

CASES: dict[str, tuple[Any, Any, list[tuple[object, object]], bool]] = {
    "an int": (u8, int, [(0, 0), (255, 255)], True),
    "a float": (f32, float, [(0.5, 0.5)], True),
    "an option": (str, str | None, [("x", "x")], True),
    "an option of another kind": (
        mood("A", "B") | None,
        mood("B", "A") | None,
        [(0, 1), (None, None)],
        True,
    ),
    "an option of a kind as it was": (
        mood("A") | None,
        mood("A", "B") | None,
        [(0, 0), (None, None)],
        False,
    ),
    "an enum": (mood("A", "B"), mood("C", "B", "A"), [(0, 2), (1, 1)], True),
    "an enum that grew": (mood("A", "B"), mood("A", "B", "C"), [(1, 1)], False),
    "an array": (tuple[u8, ...], tuple[u16, ...], [((1, 2), (1, 2))], True),
    "an array of enums": (
        tuple[mood("A", "B"), ...],  # type: ignore[misc]
        tuple[mood("B", "A"), ...],  # type: ignore[misc]
        [((0, 1, 1), (1, 0, 0)), ((), ())],
        True,
    ),
    "a product": (Circle, CIRCLE, [((5,), (5, None))], True),
    "an enum in a product": (
        of_moods("A", "B"),
        of_moods("B", "A"),
        [((5, 0), (5, 1))],
        True,
    ),
    "a product in a union": (Circle, Square | CIRCLE, [((5,), (1, (5, None)))], True),
    "a product as it was in a union": (Square, Square | CIRCLE, [((), (0, ()))], True),
    "a union": (
        Circle | Square,
        SQUARE | CIRCLE,
        [((0, (5,)), (1, (5, None))), ((1, ()), (0, (3,)))],
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_carried_over(name: str) -> None:
    before, after, pairs, is_rewritten = CASES[name]
    old, new = [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    assert converted(before, after, *old) == (new, is_rewritten)


def test_a_union_that_grows_keeps_its_values() -> None:
    class Line(qsdb.Product):
        pass

    assert converted(Circle | Square, Circle | Square | Line, (1, ())) == (
        [(1, ())],
        False,
    )


def test_products_of_a_stored_module_are_matched_too() -> None:
    stored = schema_of({"t": Table(id=(u8, key()), a=Circle)})
    wanted = schema_of({"t": Table(id=(u8, key()), a=NARROW | None, b=(u8, 1))})
    declared = stored_module("m", wanted.tables)
    [found] = plan_migration(stored, declared, lambda _: ()).changes

    assert found.converter()((7, (5,))) == (7, (5,), 1)


def test_columns_come_from_where_they_were() -> None:
    found = change(
        Table(id=(u8, key()), a=str, b=str),
        Table(
            c=(str, column(renamed_from="a")),
            d=str | None,
            id=(u8, key()),
            b=(str, "?"),
            e=(u16, 9),
        ),
    )

    assert found.is_rewritten
    with pytest.raises(InternalError, match="table t, column d: the plan was made"):
        found.converter()((1, "x", "y"))


def test_rows_are_made_of_old_values_constants_numbers_and_functions() -> None:
    class Place(qsdb.Product):
        x: float

    found = change(
        Table(id=(u8, key()), a=str, mood=mood("CALM", "ANGRY")),
        Table(
            n=(i8, auto_inc()),
            text=(str, column(fill=lambda old: f"{old.a} is {old.mood.name}")),
            at=(Place, column(fill=lambda old: Place(old.id))),
            a=(str, "?"),
            id=(u8, key(default=0)),
            e=(Place, Place(0.5)),
        ),
        [(1, "x", 0)],
    )
    convert = found.converter()

    assert convert((3, "Ada", 1)) == (1, "Ada is ANGRY", (3.0,), "Ada", 3, (0.5,))
    assert convert((4, "Bob", 0)) == (2, "Bob is CALM", (4.0,), "Bob", 4, (0.5,))
    assert found.converter()((4, "Bob", 0))[0] == 1


def test_a_function_that_gives_what_does_not_fit_is_told_with_the_place() -> None:
    found = change(
        Table(id=(u8, key())),
        Table(id=(u8, key()), a=(u8, column(fill=lambda old: old.id * 100))),
    )
    convert = found.converter()

    assert convert((2,)) == (2, 200)
    with pytest.raises(qsdb.KindError) as caught:
        convert((3,))
    assert str(caught.value) == "table t, column a: 300 is not an int from 0 to 255"


def test_an_exception_of_a_function_passes_unchanged() -> None:
    found = change(
        Table(id=(u8, key())),
        Table(id=(u8, key()), a=(u8, column(fill=lambda old: 1 // old.id))),
    )

    with pytest.raises(ZeroDivisionError):
        found.converter()((0,))


@pytest.mark.parametrize(
    ("after", "is_rewritten"),
    [
        (Table(a=u8, b=(u8, 0)), False),
        (Table(a=u8), True),
        (Table(b=u8, a=u8), True),
        (Table(a=u8, b=u8, c=u8), True),
        (Table(c=u8, a=u8), True),
        (Table(a=u8, c=(u8, column(renamed_from="b"))), False),
        (Table(a=u8, b=u16), True),
        (Table(a=u8, b=(u8, qsdb.index())), False),
        (Table(a=u8, b=u8).but(public=True), False),
    ],
)
def test_rows_are_rewritten_where_their_layout_changes(
    after: Table, *, is_rewritten: bool
) -> None:
    assert change(Table(a=u8, b=u8), after).is_rewritten == is_rewritten


def test_a_new_table_and_one_that_goes_convert_nothing() -> None:
    gone, new = plan({"a": Table(a=u8)}, {"b": Table(a=u8)}).changes

    for each in (gone, new):
        with pytest.raises(InternalError, match="where a table is on both sides"):
            each.converter()
        with pytest.raises(InternalError, match="where a table is on both sides"):
            each.next_numbers([], [])


# The next numbers.


def test_a_generated_column_goes_on_where_it_stood() -> None:
    found = change(
        Table(id=(u8, key(auto_inc=True)), n=(u64, auto_inc()), a=u8),
        Table(
            a=u8,
            m=(u64, auto_inc(renamed_from="n")),
            id=(u16, key(auto_inc=True)),
        ),
    )

    assert found.next_numbers([256, 7], [(1, 99, 200)]) == [7, 256]


def test_others_begin_after_the_greatest_value() -> None:
    found = change(
        Table(id=(int, key()), n=(u64, auto_inc()), a=int),
        Table(id=(int, key(auto_inc=True)), a=(int, auto_inc()), n=(u64, auto_inc())),
    )

    assert found.next_numbers([5], [(-3, -7, 1), (9, -1, 2)]) == [10, 1, 5]
    assert found.next_numbers([5], []) == [1, 1, 5]


def test_a_number_of_a_kind_that_was_wider_is_not_taken_over() -> None:
    found = change(
        Table(id=(u16, key(auto_inc=True))), Table(id=(u8, key(auto_inc=True)))
    )

    assert found.next_numbers([257], []) == [1]
