"""The errors: their tree, what they say, and what they carry."""

import copy
import pickle

import pytest

import qsdb
from qsdb import errors
from qsdb.errors import (
    BRIEF_LENGTH_MAX,
    InternalError,
    KindError,
    MissingNameError,
    NotFoundError,
    QsdbError,
    SchemaError,
    UniqueError,
    brief,
    shown,
)


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
        ("AccessError", (QsdbError,)),
        ("ReducerError", (QsdbError,)),
        ("InternalError", (Exception,)),
    ],
)
def test_errors_stand_in_a_tree(error: str, bases: tuple[type, ...]) -> None:
    assert getattr(errors, error).__bases__ == bases


def test_the_tree_is_complete() -> None:
    found = {name for name in vars(errors) if name.endswith("Error")}

    assert found == set(errors.__all__)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in errors.__all__)


def test_the_front_door_shows_what_a_user_names() -> None:
    shown_names = {name for name in qsdb.__all__ if name.endswith("Error")}

    assert shown_names == set(errors.__all__) - {"MissingNameError"}
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

    assert str(error) == (
        "2 mistakes in the declaration:\n  - table a: wrong\n  - table b: worse"
    )
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


@pytest.mark.parametrize(
    "error",
    [
        SchemaError("a"),
        SchemaError("a", "b"),
        KindError("t", "c", 256, "an int"),
        KindError("t", None, 256, "a row"),
        UniqueError("t", ("a", "b"), (1, 2)),
        InternalError("a", "b"),
        NotFoundError("nothing"),
        MissingNameError("nothing"),
        errors.ArgumentError("wrong"),
        errors.ReducerError("no", 5),
        errors.ClosedError("closed"),
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
