"""What a server sets the interpreter to, and what is there afterwards."""

import contextlib
import gc
import sys
from collections.abc import Iterator

import pytest

from qsdb.server.own_processes import SWITCH_SECONDS, own_process


@pytest.fixture(autouse=True)
def before() -> Iterator[float]:
    seconds = sys.getswitchinterval()
    yield seconds
    sys.setswitchinterval(seconds)
    gc.unfreeze()


def is_set() -> bool:
    seconds = sys.getswitchinterval()
    return gc.get_freeze_count() > 0 and seconds == pytest.approx(SWITCH_SECONDS)


def test_servers_may_overlap(before: float) -> None:
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(own_process())
    assert is_set()
    second.enter_context(own_process())
    first.close()
    assert is_set()
    second.close()
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == before


def test_after_an_error_it_is_as_before(before: float) -> None:
    with pytest.raises(KeyError), own_process():
        raise KeyError
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == before


def test_what_the_program_sets_meanwhile_stays() -> None:
    gc.freeze()
    with own_process():
        sys.setswitchinterval(0.02)
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == pytest.approx(0.02)


def test_who_wants_more_turns_has_them() -> None:
    sys.setswitchinterval(0.0005)
    with own_process():
        assert sys.getswitchinterval() == pytest.approx(0.0005)
    assert sys.getswitchinterval() == pytest.approx(0.0005)
