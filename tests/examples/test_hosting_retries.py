import itertools
import random
from collections.abc import Callable

import pytest

from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    ConnectionCutError,
    HostingError,
    HostingTimeoutError,
    KeyRefusedError,
    NothingDoneError,
    ProviderBusyError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownOutcomeError,
    UnknownServerError,
    UnreachableError,
)
from examples.qsbridge.hosting.retries import Retries
from tests.examples.hosting_server import Waits

UNDONE = (UnreachableError, ProviderBusyError)
UNCERTAIN = (HostingTimeoutError, ConnectionCutError, ProviderFailedError)
FINAL = (KeyRefusedError, UnknownServerError, RequestRefusedError, BadAnswerError)
KINDS = (*UNDONE, *UNCERTAIN, *FINAL)


class Highest(random.Random):
    """Draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        assert a == 0.0
        return b


def scripted(*ends: HostingError | None) -> tuple[Callable[[], str], list[int]]:
    """Give an attempt that ends as told, and a list that grows with each."""
    tries: list[int] = []

    def attempt() -> str:
        tries.append(len(tries))
        error = ends[len(tries) - 1]
        if error is not None:
            raise error
        return "done"

    return attempt, tries


@pytest.mark.parametrize("may_repeat", [False, True])
def test_retries_end_as_the_table_says(*, may_repeat: bool) -> None:
    again = (*UNDONE, *UNCERTAIN) if may_repeat else UNDONE
    for kinds in itertools.chain.from_iterable(
        itertools.product(KINDS, repeat=count) for count in range(4)
    ):
        firm = [number for number, kind in enumerate(kinds, 1) if kind not in again]
        tries_expected = min([*firm, len(kinds) + 1, 3])
        made = kinds[:tries_expected]
        doubts = [kind for kind in made if issubclass(kind, UnknownOutcomeError)]
        ends_with = None if tries_expected > len(kinds) else [*made, *doubts][-1]

        attempt, tries = scripted(*[kind("no") for kind in kinds], None)
        retries = Retries(tries_max=3, sleep=Waits())
        try:
            retries.run(attempt, may_repeat=may_repeat)
        except HostingError as error:
            assert type(error) is ends_with, kinds
        else:
            assert ends_with is None, kinds
        assert len(tries) == tries_expected, kinds


def test_a_try_that_did_nothing_does_not_clear_up_what_the_first_did() -> None:
    lost, refused = HostingTimeoutError("lost"), UnreachableError("nobody there")
    attempt, tries = scripted(lost, refused, refused)

    with pytest.raises(HostingTimeoutError) as caught:
        Retries(sleep=Waits()).run(attempt, may_repeat=True)

    assert caught.value is lost
    assert caught.value.__cause__ is refused
    assert len(tries) == 3


def test_the_upper_end_of_a_wait_doubles_up_to_a_bound() -> None:
    waits = Waits()
    retries = Retries(8, 0.5, 8.0, waits, Highest())
    attempt, _ = scripted(*[UnreachableError("no")] * 7, None)

    retries.run(attempt, may_repeat=False)

    assert waits.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_waits_are_random_within_their_bounds() -> None:
    retries = Retries(2, 4.0, 8.0)

    waits = [retries.wait_after(1, UnreachableError("no")) for _ in range(50)]

    assert len(set(waits)) > 1
    assert all(wait is not None and 0.0 <= wait <= 4.0 for wait in waits)


@pytest.mark.parametrize(("asked", "wait"), [(None, 1.0), (0.1, 1.0), (8.0, 8.0)])
def test_a_provider_is_given_the_time_that_it_asks_for(
    asked: float | None, wait: float
) -> None:
    retries = Retries(3, 1.0, 8.0, Waits(), Highest())

    assert retries.wait_after(1, ProviderBusyError("later", asked)) == wait


def test_a_provider_that_asks_for_too_much_time_is_not_asked_again() -> None:
    attempt, tries = scripted(ProviderBusyError("later", 8.1))

    with pytest.raises(ProviderBusyError):
        Retries(sleep=Waits()).run(attempt, may_repeat=True)

    assert len(tries) == 1


@pytest.mark.parametrize("tries_max", [1, 2, 5])
def test_there_are_so_many_tries_and_no_more(tries_max: int) -> None:
    attempt, tries = scripted(*[UnreachableError("no")] * 9)
    waits = Waits()

    with pytest.raises(NothingDoneError):
        Retries(tries_max, sleep=waits).run(attempt, may_repeat=True)

    assert len(tries) == tries_max
    assert len(waits.seconds) == tries_max - 1
