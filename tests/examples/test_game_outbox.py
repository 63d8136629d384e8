"""An outbox, mounted in a module of a test's own."""

from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge.game.courier import BATCH_MAX, Courier, OutboxSetBackError
from examples.qsbridge.game.outbox import (
    Message,
    OutboxPosition,
    acknowledge,
    advance,
    outbox,
    post,
)
from examples.qsbridge.hub.suggested.inbox import DeadLetter, InboxPosition
from qsdb.testing import FakeClock, assert_no_change
from tests.examples.hub import STRANGER, Hub

racing = qsdb.Module("racing")
racing.mount("outbox", outbox)


@racing.reducer
def tell(ctx: qsdb.ReducerContext, kinds: list[str], payload: str) -> list[int]:
    return [post(ctx.within("outbox"), kind, payload) for kind in kinds]


@pytest.fixture
def game() -> Iterator[qsdb.Database]:
    with qsdb.Database(racing, clock=FakeClock(), seed=1) as db:
        yield db


@pytest.fixture
def courier(game: qsdb.Database, hub: Hub) -> Courier:
    return Courier("racing", game, hub.db)


def waiting(game: qsdb.Database) -> list[int]:
    with game.read() as tx:
        return sorted(message.sequence for message in tx[Message])


def position(game: qsdb.Database) -> OutboxPosition:
    with game.read() as tx:
        (found,) = tx[OutboxPosition]
    return found


def test_messages_are_numbered_without_gaps_also_after_a_rollback(
    game: qsdb.Database,
) -> None:
    assert game.call(tell, ["lap", "lap"], "{}") == [1, 2]
    with assert_no_change(game), pytest.raises(qsdb.ReducerError):
        game.call(tell, ["lap", ""], "{}")

    assert game.call(tell, ["lap"], "{}") == [3]
    assert waiting(game) == [1, 2, 3]


def test_numbers_go_on_when_all_is_crossed_off(game: qsdb.Database) -> None:
    game.call(tell, ["lap", "lap"], "{}")
    game.call(acknowledge, 2)

    assert game.call(tell, ["lap"], "{}") == [3]


def test_acknowledging_deletes_up_to_a_number_and_again_is_no_commit(
    game: qsdb.Database,
) -> None:
    game.call(tell, ["lap"] * 5, "{}")
    game.call(acknowledge, 3)

    with assert_no_change(game):
        game.call(acknowledge, 3)
        game.call(acknowledge, 0)

    assert waiting(game) == [4, 5]
    assert position(game) == OutboxPosition(only=True, posted=5, acknowledged=3)


def test_what_was_not_posted_is_not_acknowledged(game: qsdb.Database) -> None:
    game.call(tell, ["lap"], "{}")

    with assert_no_change(game), pytest.raises(qsdb.ReducerError) as caught:
        game.call(acknowledge, 2)

    assert str(caught.value) == "WrongState: message 2 was not posted, of 1"


def test_nobody_but_the_owner_acknowledges(game: qsdb.Database) -> None:
    game.call(tell, ["lap"], "{}")

    with pytest.raises(qsdb.NotFoundError):
        game.caller(STRANGER).call(acknowledge, 1)


@pytest.mark.parametrize(("kind", "size"), [("", 1), ("k" * 65, 1), ("lap", 65_537)])
def test_message_that_the_receiver_would_not_take_is_refused(
    game: qsdb.Database, kind: str, size: int
) -> None:
    with assert_no_change(game), pytest.raises(qsdb.ReducerError) as caught:
        game.call(tell, [kind], "x" * size)

    assert str(caught.value).startswith("InvalidArgument: ")


def test_courier_brings_several_batches(
    game: qsdb.Database, hub: Hub, courier: Courier
) -> None:
    game.call(tell, ["lap"] * (BATCH_MAX + 1), "{}")

    assert courier.carry() == BATCH_MAX + 1
    assert courier.carry() == 0

    assert waiting(game) == []
    sequences = {row.sequence for row in hub.rows(DeadLetter)}  # type: ignore[attr-defined]
    assert sequences == {*range(1, BATCH_MAX + 2)}


def test_two_couriers_of_a_source_do_no_harm(
    game: qsdb.Database, hub: Hub, courier: Courier
) -> None:
    other = Courier("racing", game, hub.db)
    game.call(tell, ["lap"] * 3, "{}")
    batch = other._durable_messages()
    courier.carry()
    game.call(tell, ["lap"], "{}")

    other._bring(batch)

    assert waiting(game) == [4]
    assert courier.carry() == 1
    assert len(hub.rows(DeadLetter)) == 4


def test_game_that_was_put_back_is_noticed_and_goes_on_after_the_platform(
    game: qsdb.Database, hub: Hub
) -> None:
    game.call(tell, ["lap", "lap"], "{}")
    with hub.db.write() as tx:
        tx[InboxPosition].insert(InboxPosition("racing", 3))

    with assert_no_change(game), pytest.raises(OutboxSetBackError) as caught:
        Courier("racing", game, hub.db)
    game.call("outbox.advance", 3)
    courier = Courier("racing", game, hub.db)

    assert str(caught.value) == (
        "the platform has applied 3 messages of 'racing', which has posted 2"
    )
    assert waiting(game) == []
    assert game.call(tell, ["lap"], "{}") == [4]
    assert courier.carry() == 1


def test_outbox_does_not_advance_over_what_the_platform_has_not(
    game: qsdb.Database,
) -> None:
    game.call(tell, ["lap", "lap"], "{}")

    with assert_no_change(game), pytest.raises(qsdb.ReducerError) as caught:
        game.call(advance, 2)
    with pytest.raises(qsdb.NotFoundError):
        game.caller(STRANGER).call(advance, 3)

    assert str(caught.value) == "Conflict: 2 were posted, no fewer than 2"


def test_platform_that_was_set_back_stops_the_courier(
    game: qsdb.Database, courier: Courier
) -> None:
    game.call(tell, ["lap"] * 2, "{}")
    game.call(acknowledge, 1)

    with pytest.raises(qsdb.ReducerError) as caught:
        courier.carry()

    assert str(caught.value).startswith("Conflict: message 2 of 'racing' comes after 0")
    assert waiting(game) == [2]


def test_courier_on_a_thread_brings_what_is_there_and_what_comes(
    game: qsdb.Database, hub: Hub, courier: Courier
) -> None:
    game.call(tell, ["lap"], "{}")
    courier.start()
    for _ in range(20):
        game.call(tell, ["lap"], "{}")
    courier.close()
    courier.close()

    assert courier.error is None
    assert waiting(game) == []
    assert len(hub.rows(DeadLetter)) == 21


def test_courier_that_cannot_go_on_says_why(
    game: qsdb.Database,
    hub: Hub,
    courier: Courier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    courier.start()
    hub.db.close()
    game.call(tell, ["lap"], "{}")
    courier.close()

    assert isinstance(courier.error, qsdb.ClosedError)
    assert waiting(game) == [1]
    assert "the courier of 'racing' has stopped" in caplog.text
