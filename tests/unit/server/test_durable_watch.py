"""Who waits for the disk is woken when it is written, and when it never will be."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from qsdb.errors import FailedError
from qsdb.server.durable_watch import DurableWatch

SECONDS = 30


class Log:
    """A log whose disk is as quick as the test wants.

    Attributes:
        waits: The offsets that were waited for.
    """

    def __init__(self) -> None:
        self.durable_offset = 0
        self.waits: list[int] = []
        self._failure: Exception | None = None
        self._changed = threading.Condition()

    def flush(self, offset: int) -> None:
        with self._changed:
            self.waits.append(offset)
            self._changed.notify_all()
            assert self._changed.wait_for(
                lambda: self.durable_offset >= offset or self._failure, SECONDS
            )
            if self._failure is not None:
                raise self._failure

    def write(self, offset: int) -> None:
        with self._changed:
            self.durable_offset = offset
            self._changed.notify_all()

    def fail(self, failure: Exception) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def is_waited_for(self, offset: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: offset in self.waits, SECONDS)


class Waiter:
    """Counts how often it is woken."""

    def __init__(self) -> None:
        self.count = 0
        self.woken = asyncio.Event()

    def wake(self) -> None:
        self.count += 1
        self.woken.set()

    async def next(self) -> None:
        await asyncio.wait_for(self.woken.wait(), SECONDS)
        self.woken.clear()


def run(main: Callable[[Any, DurableWatch], Coroutine[Any, Any, None]]) -> list[int]:
    log: Any = Log()

    async def all_of_it() -> None:
        watch = DurableWatch(log, asyncio.get_running_loop())
        try:
            await main(log, watch)
        finally:
            log.write(1_000_000)
            watch.close()
            if watch._thread is not None:
                await asyncio.to_thread(watch._thread.join, SECONDS)
                assert not watch._thread.is_alive()

    asyncio.run(all_of_it())
    waits: list[int] = log.waits
    return waits


def test_who_waits_is_woken_when_the_disk_has_it() -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        waiter = Waiter()
        watch.want(3, waiter.wake)
        await asyncio.to_thread(log.is_waited_for, 3)
        assert waiter.count == 0
        assert watch.durable == 0

        log.write(3)

        await waiter.next()
        assert watch.durable == 3
        assert watch.failure is None

    run(main)


def test_what_nobody_waits_for_is_synced_all_the_same() -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        waiter = Waiter()
        watch.want(3, None)
        await asyncio.to_thread(log.is_waited_for, 3)
        watch.want(4, waiter.wake)
        log.write(3)
        await asyncio.to_thread(log.is_waited_for, 4)
        log.write(4)
        await waiter.next()

    assert run(main) == [3, 4]


def test_one_sync_is_for_all_who_came_while_another_ran() -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        first, *others = waiters = [Waiter() for _ in range(4)]
        watch.want(1, first.wake)
        await asyncio.to_thread(log.is_waited_for, 1)
        for offset, each in zip((3, 2, 4), others, strict=True):
            watch.want(offset, each.wake)

        log.write(1)
        await first.next()
        await asyncio.to_thread(log.is_waited_for, 4)
        for offset, each in zip((3, 2, 4), others, strict=True):
            watch.want(offset, each.wake)  # as whoever still has to wait does
            each.woken.clear()
        log.write(4)

        for each in others:
            await each.next()
        assert [each.count for each in waiters] == [1, 2, 2, 2]

    assert run(main) == [1, 4]


def test_who_waits_twice_is_woken_once() -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        waiter, other = Waiter(), Waiter()
        wake = waiter.wake
        watch.want(1, wake)
        watch.want(1, wake)
        watch.want(1, other.wake)
        log.write(1)
        await waiter.next()
        await other.next()
        assert waiter.count == 1

    run(main)


def test_who_wants_what_another_has_synced_meanwhile_is_woken() -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        waiter = Waiter()
        watch.want(1, waiter.wake)
        await asyncio.to_thread(log.is_waited_for, 1)
        log.write(1)
        await waiter.next()
        log.write(2)  # by the log's own thread, after it was looked what is due

        watch.want(2, waiter.wake)

        await waiter.next()

    run(main)


@pytest.mark.parametrize(
    "failure",
    [FailedError("the cable is out", 0), RuntimeError("the cable is out")],
    ids=["of the disk", "of anything else"],
)
def test_when_the_disk_fails_all_are_woken_and_find_out(
    caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    async def main(log: Log, watch: DurableWatch) -> None:
        waiters = [Waiter(), Waiter()]
        for each in waiters:
            watch.want(5, each.wake)
        await asyncio.to_thread(log.is_waited_for, 5)

        log.fail(failure)

        for each in waiters:
            await each.next()
        assert watch.failure == "the disk of the database has failed"

    run(main)

    assert "the cable is out" in caplog.text


def test_a_watch_that_nobody_has_asked_has_no_thread() -> None:
    async def main(_: Log, watch: DurableWatch) -> None:
        await asyncio.sleep(0)
        assert watch._thread is None

    run(main)


def test_a_loop_that_has_ended_is_not_called() -> None:
    log: Any = Log()
    watches: list[DurableWatch] = []

    async def main() -> None:
        watch = DurableWatch(log, asyncio.get_running_loop())
        watches.append(watch)
        watch.want(1, lambda: None)
        await asyncio.to_thread(log.is_waited_for, 1)
        watch.close()

    asyncio.run(main())
    log.write(1)

    [watch] = watches
    assert watch._thread is not None
    watch._thread.join(SECONDS)
    assert not watch._thread.is_alive()
