"""Steps: each is done, in their order, whatever comes between."""

import pytest

from qsdb.cache.steps import Step, Steps, finish, go_on


def raising(error: BaseException, told: list[int], number: int) -> Step:
    """Note a number, and raise; the second time it is done already."""

    def step() -> None:
        if number not in told:
            told.append(number)
            raise error

    return step


def test_they_are_found_when_the_first_is_due_and_done_once() -> None:
    told = list[int]()
    steps = Steps(lambda: [lambda: told.append(1), lambda: told.append(2)])
    assert told == []

    steps.run()
    steps.run()

    assert told == [1, 2]


def test_who_was_cut_off_goes_on_where_it_was() -> None:
    told = list[int]()
    steps = Steps(
        lambda: [
            lambda: told.append(1),
            raising(KeyboardInterrupt(), told, 2),
            lambda: told.append(3),
        ]
    )
    with pytest.raises(KeyboardInterrupt):
        steps.run()
    assert told == [1, 2]

    steps.run()

    assert told == [1, 2, 3]


def test_the_first_that_passes_is_what_is_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = list[int]()
    steps = Steps(
        lambda: [
            raising(SystemExit(3), told, 1),
            raising(KeyboardInterrupt(), told, 2),
            lambda: told.append(3),
        ]
    )
    with pytest.raises(SystemExit):
        finish(steps.run)

    assert told == [1, 2, 3]
    assert caplog.messages == ["a callback raised"]


def test_an_exception_is_the_end() -> None:
    told = list[int]()
    error = ValueError("a fault of ours")
    steps = Steps(lambda: [raising(error, told, 1), lambda: told.append(2)])

    with pytest.raises(ValueError, match="of ours"):
        finish(steps.run)
    assert told == [1]


def test_an_exception_of_the_rest_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    go_on(lambda: 1 / 0)

    assert caplog.messages == ["a callback raised"]


def test_what_nobody_knows_ends_all_at_once(caplog: pytest.LogCaptureFixture) -> None:
    class DeadError(BaseException):
        pass

    told = list[int]()

    def die() -> None:
        told.append(1)
        raise DeadError

    with pytest.raises(DeadError):
        finish(die)
    assert (told, caplog.messages) == ([1], [])

    go_on(die)

    assert (told, caplog.messages) == ([1, 1], ["a callback raised"])
