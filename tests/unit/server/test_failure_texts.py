"""What clients are told in words."""

import pytest

from qsdb.errors import ClosedError, ReducerError
from qsdb.server.texts import Logged, failure_text, shown_name
from qsdb.values.identity import Identity

M = Logged("m", Identity.ZERO)


def test_names_are_shown_short_and_printable() -> None:
    assert shown_name("chat") == "chat"
    assert shown_name("a\0b\u202e\ud800") == "a?b??"
    assert shown_name("x" * 129) == "x" * 128


@pytest.mark.parametrize("is_owner", [False, True])
@pytest.mark.parametrize("kind", [ReducerError, ClosedError])
def test_what_is_for_the_caller_is_told_as_it_is(
    kind: type[Exception], caplog: pytest.LogCaptureFixture, *, is_owner: bool
) -> None:
    assert failure_text(M, "f", kind("so it is"), is_owner=is_owner) == "so it is"
    assert not caplog.records


def test_what_else_is_raised_is_for_the_owner_and_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = KeyError("a secret")

    told = [failure_text(M, "f", error, is_owner=each) for each in (False, True)]

    assert told == [
        "f failed with KeyError; the log of the server says more",
        "f failed with KeyError: 'a secret'",
    ]
    first, _ = caplog.records
    assert first.name == "qsdb.m.f"
    assert first.getMessage() == "f failed for a client"
    assert first.__dict__["module_name"] == "m"
    assert first.__dict__["reducer"] == "f"
    assert first.exc_info is not None
    assert first.exc_info[1] is error
