"""Who is told of a fork, and in which order."""

import gc

import pytest

from qsdb import forks
from qsdb.forks import on_fork, run_fork_callbacks


class Listener:
    """Counts how often it was told of a fork."""

    told_count = 0

    def tell(self) -> None:
        self.told_count += 1


@pytest.fixture
def _own_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_fork_callbacks", {})


@pytest.mark.usefixtures("_own_callbacks")
def test_all_are_told_of_a_fork_last_first() -> None:
    told: list[int] = []
    listener = Listener()
    on_fork(lambda: told.append(1))
    on_fork(listener.tell)
    on_fork(lambda: 1 // 0)
    on_fork(lambda: told.append(2))

    with pytest.raises(ZeroDivisionError):
        run_fork_callbacks()

    assert told == [2, 1]
    assert listener.told_count == 1


@pytest.mark.usefixtures("_own_callbacks")
def test_who_is_gone_is_told_no_more() -> None:
    listener = Listener()
    on_fork(listener.tell)
    on_fork(listener.tell)
    assert len(forks._fork_callbacks) == 2

    del listener
    gc.collect()

    assert forks._fork_callbacks == {}


@pytest.mark.usefixtures("_own_callbacks")
def test_who_goes_while_others_are_told_is_passed_over() -> None:
    forks._fork_callbacks[0] = lambda: None

    run_fork_callbacks()
