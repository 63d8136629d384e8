"""The errors: their tree, what they say, and what they carry."""

import copy
import pickle

import pytest

import qsdb
from qsdb import errors
from qsdb.errors import (
    ConflictError,
    CorruptionError,
    DatabaseLocked,
    DiskFull,
    FailedError,
    FormatVersionError,
    InternalError,
    KindError,
    MissingNameError,
    NotFoundError,
    QsdbError,
    QueryError,
    SchemaError,
    StorageError,
    UniqueError,
    brief,
    shown,
)
from qsdb.excerpts import BRIEF_LENGTH_MAX


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        ("QsdbError", (Exception,)),
        ("UsageError", (QsdbError,)),
        ("SchemaError", (errors.UsageError,)),
        ("ArgumentError", (errors.UsageError, TypeError)),
        ("ReadOnlyError", (errors.UsageError,)),
        ("ClosedError", (errors.UsageError,)),
        ("NotFoundError", (errors.UsageError, LookupError)),
        ("MissingNameError", (errors.NotFoundError, AttributeError)),
        ("ConstraintError", (QsdbError,)),
        ("KindError", (errors.ConstraintError, TypeError)),
        ("UniqueError", (errors.ConstraintError,)),
        ("LimitError", (errors.ConstraintError,)),
        ("ConflictError", (QsdbError,)),
        ("AccessError", (QsdbError,)),
        ("ReducerError", (QsdbError,)),
        ("StorageError", (QsdbError,)),
        ("CorruptionError", (errors.StorageError,)),
        ("QueryError", (errors.UsageError,)),
        ("FormatVersionError", (errors.StorageError,)),
        ("DatabaseLocked", (errors.StorageError,)),
        ("DiskFull", (errors.StorageError,)),
        ("FailedError", (errors.StorageError,)),
        ("InternalError", (Exception,)),
    ],
)
def test_errors_stand_in_a_tree(error: str, bases: tuple[type, ...]) -> None:
    assert getattr(errors, error).__bases__ == bases


def exception_names(module: object) -> set[str]:
    """Give the names under which a module has exceptions."""
    members = {name: getattr(module, name) for name in dir(module)}
    return {
        name
        for name, value in members.items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def test_the_tree_is_complete() -> None:
    assert exception_names(errors) == set(errors.__all__) - {"brief", "shown"}
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in errors.__all__)


def test_the_front_door_shows_what_a_user_names() -> None:
    shown_names = exception_names(qsdb) & set(qsdb.__all__)

    assert shown_names == set(errors.__all__) - {"MissingNameError", "brief", "shown"}
    assert all(getattr(qsdb, name) is getattr(errors, name) for name in shown_names)


def test_a_broken_invariant_stands_apart() -> None:
    assert not issubclass(InternalError, QsdbError)


# What they say.


def test_one_mistake_is_one_sentence() -> None:
    error = SchemaError("table a: wrong")

    assert str(error) == "table a: wrong"
    assert error.mistakes == ("table a: wrong",)


def test_several_mistakes_are_a_list() -> None:
    error = SchemaError("table a: wrong", "table b: worse")

    assert str(error) == ("2 mistakes:\n  - table a: wrong\n  - table b: worse")
    assert error.mistakes == ("table a: wrong", "table b: worse")


def test_a_wrong_value_is_told_with_place_and_bound() -> None:
    error = KindError("user", "level", 256, "an int from 0 to 255")

    assert str(error) == "table user, column level: 256 is not an int from 0 to 255"
    assert (error.table, error.column) == ("user", "level")
    assert (error.value, error.admitted) == (256, "an int from 0 to 255")


def test_a_wrong_row_is_told_without_a_column() -> None:
    error = KindError("user", None, "x", "a User row")

    assert str(error) == "table user: 'x' is not a User row"
    assert error.column is None


@pytest.mark.parametrize(
    ("columns", "value", "text"),
    [
        (("a",), 1, "table t, column a: another row has 1 already"),
        (
            ("a", "b"),
            (1, "x"),
            "table t, columns a, b: another row has (1, 'x') already",
        ),
    ],
)
def test_a_taken_key_is_told_with_its_columns(
    columns: tuple[str, ...], value: object, text: str
) -> None:
    error = UniqueError("t", columns, value)

    assert str(error) == text
    assert (error.table, error.columns, error.value) == ("t", columns, value)


@pytest.mark.parametrize("error", [NotFoundError, MissingNameError])
def test_a_missing_thing_is_told_without_quotes(error: type[NotFoundError]) -> None:
    assert str(error("no table 'x'")) == "no table 'x'"
    assert str(error()) == ""


def test_problems_are_joined() -> None:
    error = InternalError("one", "two")

    assert str(error) == "one; two"
    assert error.problems == ("one", "two")


def test_damage_is_told_with_what_is_still_good() -> None:
    error = CorruptionError("/db/log/1.log", 4096, "it fails its checksum", 41, 3)

    assert str(error) == (
        "/db/log/1.log, byte 4096: it fails its checksum. Commits up to offset 41 are "
        "good; 42 may not be, and 3 whole frames follow in this file. "
        "Nothing was changed; to go on without what is damaged, use "
        "python -m qsdb repair PATH NEW_PATH"
    )
    assert (error.path, error.position) == ("/db/log/1.log", 4096)
    assert (error.last_good_offset, error.first_bad_offset) == (41, 42)
    assert (error.reason, error.frames_after) == ("it fails its checksum", 3)


def test_damage_that_tells_nothing_of_commits_names_none() -> None:
    error = CorruptionError("/db/MANIFEST", 0, "it is empty")

    assert str(error) == (
        "/db/MANIFEST, byte 0: it is empty. Nothing was changed; to go on without "
        "what is damaged, use python -m qsdb repair PATH NEW_PATH"
    )
    assert error.last_good_offset is error.first_bad_offset is None


def test_a_newer_format_is_told_with_what_is_understood() -> None:
    error = FormatVersionError("/db/log/1.log", "format 3", "formats up to 2")

    assert str(error) == (
        "/db/log/1.log has format 3, this qsdb understands formats up to 2. "
        "Nothing was changed; open it with a newer qsdb"
    )
    assert (error.found, error.understood) == ("format 3", "formats up to 2")


@pytest.mark.parametrize(
    ("pid", "holder"), [(123, "process 123"), (None, "another process")]
)
def test_a_locked_database_is_told_with_its_holder(
    pid: int | None, holder: str
) -> None:
    error = DatabaseLocked("/db", pid)

    assert str(error) == (
        f"/db is open in {holder}; close it there, or wait until that ends"
    )
    assert (error.path, error.pid) == ("/db", pid)


def test_a_full_disk_is_told_with_what_was_wanted() -> None:
    error = DiskFull("/db/log/1.log", 8192)

    assert str(error) == (
        "no room on the disk for /db/log/1.log to have 8192 bytes. The transaction "
        "was undone, all commits before it are good; make room and try again"
    )
    assert (error.path, error.bytes_count) == ("/db/log/1.log", 8192)


def test_a_failed_database_is_told_with_what_is_on_disk() -> None:
    error = FailedError("fdatasync of /db/log/1.log gave EIO", 41)

    assert str(error) == (
        "the database takes no more writes: fdatasync of /db/log/1.log gave EIO. "
        "Commits up to offset 41 are on the disk; close the database and open it again"
    )
    assert error.durable_offset == 41


def test_a_query_is_shown_with_a_caret_under_the_place() -> None:
    error = QueryError("no column agf", "SELECT *\nFROM\tt WHERE agf = 1", 24)

    assert str(error) == (
        "line 2, column 16: no column agf\n  FROM t WHERE agf = 1\n" + " " * 17 + "^"
    )
    assert (error.reason, error.line, error.column) == ("no column agf", 2, 16)


def test_of_a_long_line_of_a_query_a_part_is_shown() -> None:
    error = QueryError("what is x", "a" * 200 + "x" + "b" * 200 + "\nc", 200)

    assert str(error) == (
        f"line 1, column 201: what is x\n  {'a' * 50}x{'b' * 25}\n" + " " * 52 + "^"
    )


@pytest.mark.parametrize(
    ("before", "columns", "printed"),
    [
        ("a\tb", 3, "a b"),
        ("\u540d\u524d = ", 7, "\u540d\u524d = "),
        ("e\u0301 = ", 4, "e\u0301 = "),
        ("\ud800 ", 2, "\N{REPLACEMENT CHARACTER} "),
        ("a\r\u2028", 3, "a  "),
    ],
)
def test_the_caret_stands_under_the_place(
    before: str, columns: int, printed: str
) -> None:
    error = QueryError("what is !", f"{before}!", len(before))

    assert str(error).splitlines()[1:] == [f"  {printed}!", "  " + " " * columns + "^"]
    str(error).encode()


def test_a_query_that_is_not_given_is_not_shown() -> None:
    error = QueryError("too long")

    assert str(error) == "too long"
    assert (error.line, error.column) == (0, 0)


@pytest.mark.parametrize(
    "error",
    [
        SchemaError("a"),
        QueryError("no table u", "SELECT *\nFROM u", 14),
        SchemaError("a", "b"),
        KindError("t", "c", 256, "an int"),
        KindError("t", None, 256, "a row"),
        UniqueError("t", ("a", "b"), (1, 2)),
        ConflictError("t", "changed the row with id 1", 7),
        ConflictError(None, "published another module", 7),
        InternalError("a", "b"),
        NotFoundError("nothing"),
        MissingNameError("nothing"),
        errors.ArgumentError("wrong"),
        errors.ReducerError("no", 5),
        errors.ClosedError("closed"),
        StorageError("gone"),
        CorruptionError("/db/log/1.log", 64, "damaged", 3, 2),
        CorruptionError("/db/MANIFEST", 0, "empty"),
        FormatVersionError("/db/MANIFEST", "format 3", "formats up to 2"),
        DatabaseLocked("/db", 123),
        DatabaseLocked("/db"),
        DiskFull("/db/log/1.log", 8192),
        DiskFull("/db/objects/00", 0, "snapshot"),
        FailedError("EIO", 41),
    ],
    ids=repr,
)
def test_errors_are_pickled_and_copied(error: Exception) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


def test_a_reducers_error_holds_what_it_was_given() -> None:
    assert errors.ReducerError("no", 5).args == ("no", 5)
    assert str(errors.ReducerError("empty message")) == "empty message"
    assert str(errors.ReducerError()) == ""


# Values in messages.


@pytest.mark.parametrize("value", [1, "a", None, ("x", 2), b"", 1.5])
def test_a_short_value_is_shown_whole(value: object) -> None:
    assert brief(value) == shown(value) == repr(value)


@pytest.mark.parametrize("length", [118, 119, 10_000])
def test_a_long_value_is_cut_in_the_middle(length: int) -> None:
    text = brief("b" + "a" * (length - 2) + "e")

    assert len(text) <= BRIEF_LENGTH_MAX
    assert text.startswith("'b")
    assert text.endswith("e'")
    assert (" … " in text) == (length > BRIEF_LENGTH_MAX - 2)


def test_an_int_too_long_for_decimal_is_shown_in_hex() -> None:
    value = 10**5000

    assert eval(shown(value)) == value
    assert eval(shown(-value)) == -value
    assert len(brief(value)) <= BRIEF_LENGTH_MAX


def test_an_int_too_long_inside_another_value_is_not_shown() -> None:
    assert brief((1, 10**5000)) == "<a tuple too long to show>"


def test_a_value_that_cannot_be_shown_hides_no_error() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("do not look")

    assert brief(Shy()) == "<a Shy that cannot be shown>"
    assert str(KindError("t", "a", Shy(), "an int")) == (
        "table t, column a: <a Shy that cannot be shown> is not an int"
    )


def test_a_very_long_int_can_be_told() -> None:
    assert "column a: 0x" in str(KindError("t", "a", 10**5000, "an int"))
    assert "another row has 0x" in str(UniqueError("t", ("a",), 10**5000))
