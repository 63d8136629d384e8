"""What is generated for a row class: as documented, and safe for any name."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb.schema.row_source import row_members
from qsdb.schema.rows import shape_of
from qsdb.values.source import set_listener


@pytest.fixture
def sources() -> Iterator[list[str]]:
    """Collect what is generated while a test runs."""
    collected: list[str] = []
    set_listener(collected.append)
    yield collected
    set_listener(None)


def test_the_constructor_reads_as_documented(sources: list[str]) -> None:
    class Message(qsdb.Row):
        id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
        room: str
        sender: qsdb.Identity

    Message("lobby", qsdb.Identity.ZERO)

    (source,) = sources
    assert source.startswith("# <qsdb row Message")
    assert (
        "def __new__(_cls, /, room=_MISSING, sender=_MISSING, "
        "*_extra, id=0, **_unknown):\n"
        "    if _extra or _unknown or room is _MISSING or sender is _MISSING:\n"
        "        _refuse(_extra, _unknown, {'room': room, 'sender': sender})\n"
        "    return _tuple_new(_cls, (id, room, (sender.stored if "
    ) in source


def test_a_class_of_plain_columns_iterates_in_c(sources: list[str]) -> None:
    class Plain(qsdb.Row):
        a: qsdb.u8
        b: str | None = None

    assert list(Plain(1)) == [1, None]
    assert "__iter__" not in sources[0]
    assert Plain.__iter__ is tuple.__iter__  # type: ignore[comparison-overlap]


def test_a_default_is_never_written_as_text(sources: list[str]) -> None:
    class Quoted(qsdb.Row):
        a: str = "'; import os; '"

    assert Quoted().a == "'; import os; '"
    assert "import" not in sources[0]


def test_members_are_those_of_the_columns() -> None:
    class Pair(qsdb.Product):
        x: qsdb.u8
        y: qsdb.Timestamp

    shape = shape_of(Pair)  # type: ignore[arg-type]
    members = row_members(shape, Pair)

    assert set(members) == {
        *("x", "y", "_fields", "__match_args__"),
        *("__new__", "__iter__", "replace", "__replace__"),
    }
    assert [*members][-1] == "__new__", "threads make rows once it is there"
    assert members["__match_args__"] == ("x", "y")


def test_columns_are_described() -> None:
    class Described(qsdb.Row):
        id: qsdb.u64 = qsdb.primary_key(name="the id")
        at: qsdb.Timestamp

    shape_of(Described)  # type: ignore[arg-type]

    assert vars(Described)["id"].__doc__ == "Column the id: u64."
    assert vars(Described)["at"].__doc__ == "Column at: Timestamp."
    assert Described.replace.__doc__ is not None


def test_a_test_tells_which_columns_of_two_rows_differ() -> None:
    class Named(qsdb.Row):
        id: qsdb.u8 = qsdb.auto_inc()
        name: str = ""

    # pytest compares field by field what has these, as named tuples do.
    assert Named().__class__._fields == ("id", "name")  # type: ignore[attr-defined]
