"""The pool: how many threads, what is cancelled, and when they end."""

import contextvars
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

import qsdb
from qsdb.runtime import pools
from qsdb.runtime.pools import Pool


def soon(condition: Callable[[], object]) -> bool:
    """Whether something comes true."""
    for _ in range(3000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool("qsdb-test", 2)
    yield made
    made.close()


def test_a_future_has_what_was_returned_or_raised(pool: Pool) -> None:
    assert pool.submit(int, "ff", base=16).result(30) == 255
    with pytest.raises(ValueError, match="invalid literal"):
        pool.submit(int, "x").result(30)


def test_an_exit_is_told_and_ends_no_thread(pool: Pool) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        pool.submit(leave).result(30)
    assert pool.submit(int).result(30) == 0
    assert pool._shared.threads_count == 1


def test_threads_are_begun_as_needed_and_no_more(pool: Pool) -> None:
    go = threading.Event()
    names: set[str] = set()

    def wait() -> threading.Thread:
        go.wait(30)
        names.add(threading.current_thread().name)
        return threading.current_thread()

    assert pool._shared.threads_count == 0
    futures = [pool.submit(wait) for _ in range(5)]
    assert pool._shared.threads_count == 2
    assert soon(lambda: len(pool._shared.waiting) == 3)
    go.set()
    threads = {future.result(30) for future in futures}

    assert len(threads) <= 2
    assert all(each.daemon for each in threads)
    assert names == {"qsdb-test"}


def test_a_thread_that_is_idle_is_used_again(pool: Pool) -> None:
    for _ in range(3):
        pool.submit(int).result(30)
        assert soon(lambda: pool._shared.idle_count == 1)

    assert pool._shared.threads_count == 1


def test_a_thread_without_work_ends(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.01)
    thread = pool.submit(threading.current_thread).result(30)

    thread.join(30)

    assert not thread.is_alive()
    assert pool._shared.threads_count == 0
    assert pool.submit(int).result(30) == 0


def test_what_waits_can_be_cancelled(pool: Pool) -> None:
    go, calls = threading.Event(), list[int]()
    for _ in range(2):
        pool.submit(go.wait, 30)
    future = pool.submit(calls.append, 1)

    assert future.cancel()
    go.set()

    assert pool.submit(int).result(30) == 0
    assert calls == []


def test_closing_cancels_what_waits_and_leaves_what_runs(pool: Pool) -> None:
    go = threading.Event()
    running = [pool.submit(go.wait, 30) for _ in range(2)]
    assert soon(lambda: all(each.running() for each in running))
    waiting = pool.submit(int)

    pool.close()
    pool.close()

    assert waiting.cancelled()
    go.set()
    assert [each.result(30) for each in running] == [True, True]
    with pytest.raises(qsdb.ClosedError, match="the database is closed"):
        pool.submit(int)
    assert soon(lambda: pool._shared.threads_count == 0)


def test_threads_end_with_the_pool() -> None:
    pool = Pool("qsdb-test", 1)
    thread = pool.submit(threading.current_thread).result(30)
    gone = weakref.ref(pool)

    del pool
    gc.collect()

    thread.join(30)
    assert gone() is None
    assert not thread.is_alive()


def test_work_sees_the_context_variables_of_its_caller(pool: Pool) -> None:
    request = contextvars.ContextVar("request", default=0)
    request.set(7)

    assert pool.submit(request.get).result(30) == 7


def test_without_a_thread_nothing_is_taken(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            pool.submit(int)

    assert not pool._shared.waiting
    assert pool.submit(int).result(30) == 0


def test_a_forked_child_has_threads_of_its_own(pool: Pool) -> None:
    before = pool.submit(threading.current_thread).result(30)

    pool._renew()

    assert pool.submit(threading.current_thread).result(30) is not before
