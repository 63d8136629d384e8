"""When a client is written to: at once, or together with what comes soon."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from qsdb.runtime.batches import Batch
from qsdb.server import pacing
from qsdb.server.outboxes import BEHIND, Outbox
from qsdb.server.pacing import WINDOW_SECONDS, Crowd, Pace
from tests.support.asgi_sockets import SECONDS, eventually

NOBODY: Any = None
NEVER = 1_000.0


class Client:
    """Somebody who is written to, and reads what is there."""

    def __init__(self) -> None:
        self.outbox = Outbox(lambda _: [b"commit"], 1_000)
        self.pace = Pace(self.write, self.ask)
        self.pace.outbox = self.outbox
        self.writings: list[list[bytes]] = []
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1

    def write(self) -> None:
        self.pace.begin()
        self.writings.append(self.outbox.take(None))
        self.pace.note()

    def commit(self) -> None:
        self.outbox.put_batch(Batch(NOBODY, 1, None, []))
        self.pace.wake()

    def answer(self) -> None:
        self.outbox.put(1, b"answer")
        self.pace.wake()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), SECONDS))


@pytest.fixture
def long_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "WRITE_SECONDS", NEVER)
    monkeypatch.setattr(pacing, "GAP_SECONDS_MAX", NEVER)


def in_a_thread(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("long_gap")
def test_a_client_that_was_not_written_to_is_told_of_a_commit_at_once() -> None:
    async def main() -> None:
        client = Client()
        client.commit()
        client.commit()
        await turns()
        assert client.writings == [[b"commit"] * 2]

    run(main)


@pytest.mark.usefixtures("long_gap")
def test_what_comes_just_after_waits_and_an_answer_takes_it_along() -> None:
    async def main() -> None:
        client = Client()
        client.pace.note()
        client.commit()
        client.commit()
        await turns()
        assert client.writings == []

        client.answer()
        await turns()
        assert client.writings == [[b"commit", b"commit", b"answer"]]

        client.commit()
        await turns()
        assert len(client.writings) == 1  # it waits again, and the last timer is gone

    run(main)


def test_what_waits_is_written_once_when_its_time_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "WRITE_SECONDS", 0.03)
    monkeypatch.setattr(pacing, "GAP_SECONDS_MAX", 0.03)

    async def main() -> None:
        client = Client()
        client.pace.note()
        for _ in range(5):
            client.commit()
        assert client.writings == []
        await eventually(lambda: client.writings != [])
        await asyncio.sleep(0.05)
        assert client.writings == [[b"commit"] * 5]

    run(main)


@pytest.mark.usefixtures("long_gap")
def test_much_does_not_wait() -> None:
    async def main() -> None:
        client = Client()
        client.pace.note()
        for _ in range(BEHIND // 2 - 1):
            client.commit()
        await turns()
        assert client.writings == []
        client.commit()
        await turns()
        assert [len(each) for each in client.writings] == [BEHIND // 2]

    run(main)


@pytest.mark.usefixtures("long_gap")
def test_who_is_to_end_is_looked_at_at_once() -> None:
    async def main() -> None:
        client = Client()
        client.pace.note()
        client.pace.wake()  # nothing waits
        await turns()
        assert client.writings == [[]]

    run(main)


@pytest.mark.parametrize(
    ("written", "idle", "expected"), [(1, 500, 0.002), (3, 0, 0.006), (700, 0, 0.01)]
)
def test_the_gap_grows_with_those_who_are_written_to_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, written: int, idle: int, expected: float
) -> None:
    monkeypatch.setattr(pacing, "WRITE_SECONDS", 0.002)
    monkeypatch.setattr(pacing, "GAP_SECONDS_MAX", 0.01)
    monkeypatch.setattr(pacing, "WINDOW_SECONDS", NEVER)

    async def main() -> None:
        client, *others = [Client() for _ in range(written + idle)]
        for each in others[: written - 1]:
            each.pace.note()
            each.pace.note()  # it is one client all the same
        client.pace.note()
        assert client.pace.has_time()
        assert client.pace._later is not None
        gap = client.pace._later.when() - client.pace._written
        assert gap == pytest.approx(expected)
        client.pace.begin()

    run(main)


def test_few_clients_do_not_wait_at_all() -> None:
    async def main() -> None:
        clients = [Client() for _ in range(49)]
        for each in clients:
            each.pace.note()
        for each in clients:
            each.commit()
        await turns()
        assert [each.writings for each in clients] == [[[b"commit"]]] * 49

    run(main)


def test_a_crowd_is_who_was_written_to_of_late() -> None:
    crowd = Crowd(0.0)
    assert crowd.size == 0
    windows = [crowd.add(0.1, -1) for _ in range(5)]
    assert windows == [0] * 5
    assert [crowd.add(0.2, each) for each in windows] == windows
    assert crowd.size == 5

    following = WINDOW_SECONDS * 1.5
    assert crowd.add(following, 0) == 1
    assert crowd.size == 5  # as in the window before
    crowd.add(following + WINDOW_SECONDS, 1)
    assert crowd.size == 1

    crowd.add(following + 100 * WINDOW_SECONDS, -1)
    assert crowd.size == 1
    for _ in range(3):
        crowd.add(following + 100 * WINDOW_SECONDS, -1)
    assert crowd.size == 4
    crowd.add(following + 200 * WINDOW_SECONDS, -1)
    assert crowd.size == 1  # long ago


@pytest.mark.usefixtures("long_gap")
def test_the_disk_is_asked_once_for_what_waits() -> None:
    async def main() -> None:
        client = Client()
        client.commit()
        await turns()
        assert (client.asked, len(client.writings)) == (0, 1)
        client.commit()
        client.commit()
        assert client.asked == 1
        client.pace.begin()

    run(main)


@pytest.mark.usefixtures("long_gap")
def test_who_is_to_end_is_told_what_waits_at_once() -> None:
    async def main() -> None:
        client = Client()
        client.pace.note()
        client.commit()
        await turns()
        assert client.writings == []
        client.outbox.is_ending = True
        client.pace.wake()
        await turns()
        assert client.writings == [[b"commit"]]

    run(main)


@pytest.mark.usefixtures("long_gap")
def test_threads_wake_it_and_do_not_disturb_it_while_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        client = Client()
        await asyncio.to_thread(client.commit)
        await eventually(lambda: client.writings == [[b"commit"]])

        client.commit()
        loop, calls = asyncio.get_running_loop(), list[object]()
        original = loop.call_soon_threadsafe

        def counted(*args: Any) -> object:
            calls.append(args)
            return original(*args)

        with monkeypatch.context() as patched:
            patched.setattr(loop, "call_soon_threadsafe", counted)
            in_a_thread(client.commit)
            assert calls == []
            in_a_thread(client.answer)
            assert len(calls) == 1
        await eventually(lambda: len(client.writings) == 2)
        assert client.writings[1] == [b"commit", b"commit", b"answer"]

    run(main)
