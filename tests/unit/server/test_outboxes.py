"""An outbox against a plain list: order, places, joins, bounds, and other threads."""

import json
import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qsdb.errors import QueryError
from qsdb.live.differences import Difference
from qsdb.runtime.batches import Batch
from qsdb.runtime.updates import Shape, Update
from qsdb.server import outboxes
from qsdb.server.outboxes import FULL, FULL_BYTES, Outbox, Place

SHAPE = Shape(("x",), list, None)
SUBSCRIBERS: list[Any] = ["ann", "bob"]
NOBODY: Any = None
Net = Counter[tuple[str, int]]


def batch(offset: int, who: str, inserts: list[int], deletes: list[int]) -> Batch:
    came, went = [[(each,) for each in some] for some in (inserts, deletes)]
    what = Update(offset, Difference(came, went), SHAPE)
    return Batch(NOBODY, offset, None, [(SUBSCRIBERS[["ann", "bob"].index(who)], what)])


def encode(each: Batch) -> list[bytes]:
    """Write a batch so that all of it can be read again."""
    said = []
    for who, what in each.parts:
        if isinstance(what, QueryError):
            said.append([who, str(what)])
        else:
            difference = what.difference
            said.append([who, difference.inserts, difference.deletes])
    return [json.dumps([each.offset, said]).encode()]


def net_of(message: bytes) -> tuple[int, Net]:
    offset, said = json.loads(message)
    net: Net = Counter()
    for who, inserts, deletes in said:
        net.update([(who, row) for [row] in inserts])
        net.subtract([(who, row) for [row] in deletes])
    return offset, net


class Outboxes(RuleBasedStateMachine):
    """What is taken is what was put in, with neighbouring batches added up."""

    @initialize(
        behind=st.sampled_from([1, 2, 5]),
        at_once=st.sampled_from([1, 2, 16]),
        bytes_max=st.sampled_from([1, 40, 1 << 20]),
    )
    def begin(self, behind: int, at_once: int, bytes_max: int) -> None:
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(outboxes, "BEHIND", behind)
        self.patches.setattr(outboxes, "TAKEN_AT_ONCE", at_once)
        self.patches.setattr(outboxes, "TAKEN_BYTES_MAX", bytes_max)
        self.outbox = Outbox(encode, 1_000_000)
        self.model: list[Any] = []
        self.known: Net = Counter()
        self.offset = self.number = self.durable = 0

    @rule(lag=st.integers(0, 2))
    def put(self, lag: int) -> None:
        self.number += 1
        data = f"message {self.number}".encode()
        self.outbox.put(self.offset - lag, data)
        self.model.append(Place(self.offset - lag, data))

    @rule(lag=st.integers(0, 2))
    def reserve(self, lag: int) -> None:
        place = self.outbox.reserve(self.offset - lag)
        self.model.append(place)

    @rule(which=st.integers(0, 5), is_empty=st.booleans())
    def fill(self, which: int, *, is_empty: bool) -> None:
        found = [
            each for each in self.model if isinstance(each, Place) and each.data is None
        ]
        if found:
            self.number += 1
            data = b"" if is_empty else f"message {self.number}".encode()
            self.outbox.fill(found[which % len(found)], data)

    @rule(who=st.sampled_from(SUBSCRIBERS), row=st.integers(0, 2), skip=st.booleans())
    def commit(self, who: str, row: int, *, skip: bool) -> None:
        self.offset += 1 + skip
        has_it = self.known[who, row] > 0
        self.known[who, row] += -1 if has_it else 1
        changes = ([], [row]) if has_it else ([row], [])
        self.outbox.put_batch(batch(self.offset, who, *changes))
        change = Counter({(who, row): -1 if has_it else 1})
        self.model.append((self.offset, change))

    @rule(lag=st.one_of(st.none(), st.integers(0, 4)))
    def take(self, lag: int | None) -> None:
        durable = None if lag is None else max(self.durable, self.offset - lag)
        self.durable = durable or self.durable
        while taken := self.outbox.take(durable):
            for message in taken:
                self._check(message, durable)
        self._drop_empty(durable)
        self._nothing_due_is_left(durable)

    def _drop_empty(self, durable: int | None) -> None:
        while self.model and isinstance(self.model[0], Place):
            place = self.model[0]
            if place.data != b"" or (durable is not None and place.offset > durable):
                break
            del self.model[0]

    def _check(self, message: bytes, durable: int | None) -> None:
        self._drop_empty(None)
        first = self.model[0]
        if isinstance(first, Place):
            assert first.data == message
            assert durable is None or first.offset <= durable
            del self.model[0]
            return
        offset, net = net_of(message)
        assert durable is None or offset <= durable
        expected: Net = Counter()
        while self.model and not isinstance(self.model[0], Place):
            if self.model[0][0] > offset:
                break
            expected.update(self.model.pop(0)[1])
        differing = {key for key in expected | net if expected[key] != net[key]}
        assert not differing

    def _nothing_due_is_left(self, durable: int | None) -> None:
        if not self.model:
            assert len(self.outbox) == 0
            return
        first = self.model[0]
        if isinstance(first, Place):
            is_due = durable is None or first.offset <= durable
            assert first.data is None or not is_due
            return
        run = [each[0] for each in self.model if not isinstance(each, Place)]
        assert durable is not None
        assert max(run) > durable

    @invariant()
    def an_offset_is_awaited_at_which_all_is_due(self) -> None:
        awaited = self.outbox.awaited
        offsets = [e.offset if isinstance(e, Place) else e[0] for e in self.model]
        if awaited is None:
            assert not [e for e in self.model if not isinstance(e, Place) or e.data]
        else:
            assert awaited >= max(offsets)
            assert awaited <= max(self.offset, 0)

    def teardown(self) -> None:
        if hasattr(self, "model"):
            while any(isinstance(e, Place) and e.data is None for e in self.model):
                self.fill(0, is_empty=False)
            self.take(None)
            assert not self.model
            assert self.outbox.awaited is None
            assert not self.outbox.is_full
            self.patches.undo()


Outboxes.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestOutboxes = pytest.mark.slow(Outboxes.TestCase)


def test_joins_only_what_stands_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 3)
    outbox = Outbox(encode, 100)
    outbox.put_batch(batch(1, "ann", [1], []))
    outbox.put_batch(batch(2, "ann", [2], [1]))
    outbox.put(2, b"answer")
    outbox.put_batch(batch(3, "bob", [1], []))
    assert len(outbox) == 4

    outbox.put_batch(batch(4, "ann", [], [2]))

    assert len(outbox) == 3
    first, answer, second = outbox.take(None)
    assert net_of(first) == (2, {("ann", 2): 1})
    assert answer == b"answer"
    assert net_of(second) == (4, {("bob", 1): 1, ("ann", 2): -1})


def test_a_query_that_has_ended_is_said_to_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 1)
    outbox = Outbox(encode, 0)
    outbox.put_batch(batch(1, "ann", [1], []))

    outbox.put_batch(Batch(NOBODY, 2, None, [(SUBSCRIBERS[0], QueryError("no", "q"))]))

    [message] = outbox.take(None)
    assert json.loads(message) == [2, [["ann", str(QueryError("no", "q"))]]]
    assert not outbox.is_overfull, "an end is no row"


def test_more_rows_than_may_wait_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 1)
    for rows, is_overfull in ((3, False), (4, True)):
        outbox = Outbox(encode, 3)
        outbox.put_batch(batch(1, "ann", [7], []))
        outbox.put_batch(batch(2, "ann", [*range(rows - 2)], [8]))
        assert outbox.is_overfull is is_overfull


def test_one_commit_may_have_more_rows_than_may_wait() -> None:
    outbox = Outbox(encode, 3)
    outbox.bound()
    outbox.put(1, b"message")
    outbox.put_batch(batch(1, "ann", [*range(10)], []))
    outbox.bound()
    assert not outbox.is_overfull

    outbox.put_batch(batch(2, "ann", [10], []))
    assert not outbox.is_overfull
    outbox.bound()
    assert outbox.is_overfull


def test_what_is_nothing_when_it_is_added_up_is_not_too_much() -> None:
    outbox = Outbox(encode, 3)
    outbox.put_batch(batch(1, "ann", [*range(10)], []))
    outbox.put_batch(batch(2, "ann", [], [*range(9)]))
    outbox.put_batch(batch(3, "ann", [11], []))
    outbox.bound()

    assert not outbox.is_overfull
    [message] = outbox.take(None)
    assert net_of(message) == (3, Counter({("ann", 9): 1, ("ann", 11): 1}))


def test_it_is_looked_less_often_what_can_be_joined_when_little_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 2)
    looked: list[int] = []
    join = Outbox._join
    outbox = Outbox(encode, 1000)

    def look(self: Outbox) -> None:
        looked.append(len(self))
        join(self)

    monkeypatch.setattr(Outbox, "_join", look)
    for number in range(1, 100):
        outbox.put_batch(batch(number, "ann", [number], []))
        outbox.put(number, b"between")

    assert len(looked) < 8


def test_what_was_taken_is_not_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 3)
    outbox = Outbox(encode, 100)
    for number in (1, 2):
        outbox.put_batch(batch(number, "ann", [number], []))
    assert len(outbox.take(None)) == 2

    for number in (3, 4):
        outbox.put_batch(batch(number, "ann", [number], []))

    assert len(outbox) == 2


def test_so_many_messages_or_bytes_are_full() -> None:
    outbox = Outbox(encode, 0)
    for _ in range(FULL - 1):
        outbox.put(1, b"x")
    fullness = [outbox.is_full]
    outbox.put(1, b"x")
    fullness.append(outbox.is_full)
    while outbox.take(None):
        pass
    fullness.append(outbox.is_full)
    place = outbox.reserve(1)
    outbox.fill(place, bytes(FULL_BYTES - 1))
    fullness.append(outbox.is_full)
    outbox.put(1, b"x")
    fullness.append(outbox.is_full)
    outbox.take(None)
    fullness.append(outbox.is_full)

    assert fullness == [False, True, False, False, True, False]


def test_about_a_mebibyte_is_taken_at_once() -> None:
    outbox = Outbox(encode, 0)
    for _ in range(5):
        outbox.put(1, bytes(outboxes.TAKEN_BYTES_MAX // 2))

    assert [len(outbox.take(None)) for _ in range(4)] == [2, 2, 1, 0]


def test_what_was_too_much_stands_first_again() -> None:
    outbox = Outbox(lambda each: [bytes(each.offset)], 1_000_000)
    outbox.put_batch(batch(outboxes.TAKEN_BYTES_MAX, "ann", [1], []))
    outbox.put(1, b"second")
    outbox.put_batch(batch(3, "ann", [2], []))
    outbox.reserve(4)

    assert [len(each) for each in outbox.take(None)] == [outboxes.TAKEN_BYTES_MAX]
    assert len(outbox) == 3
    assert outbox._size == len(b"second")
    assert outbox._batches == 1
    assert outbox.take(None) == [b"second", bytes(3)]
    assert len(outbox) == 1
    assert outbox._size == outbox._batches == 0


def may_wait(outbox: Outbox) -> bool:
    return outbox.may_wait


def test_only_a_few_commits_of_others_may_wait() -> None:
    outbox = Outbox(encode, 1_000_000)
    assert not may_wait(outbox)
    for number in range(1, outboxes.BEHIND // 2):
        outbox.put_batch(batch(number, "ann", [number], []))
        assert may_wait(outbox)
    outbox.put_batch(batch(99, "ann", [0], []))
    assert not may_wait(outbox)

    outbox.take(98)
    assert may_wait(outbox)
    place = outbox.reserve(99)
    assert not may_wait(outbox)
    outbox.fill(place, b"an answer")
    assert not may_wait(outbox)


def test_a_place_is_kept_until_its_message_is_made() -> None:
    outbox = Outbox(encode, 0)
    first, second = outbox.reserve(1), outbox.reserve(1)
    outbox.put(2, b"last")
    outbox.fill(second, b"second")
    assert outbox.take(None) == []
    assert len(outbox) == 3

    outbox.fill(first, b"")

    assert outbox.take(1) == [b"second"]
    assert outbox.take(None) == [b"last"]


def test_what_was_overtaken_does_not_hide_what_waits_longer() -> None:
    outbox = Outbox(encode, 0)
    outbox.put(7, b"of the seventh commit")
    outbox.put_batch(batch(6, "ann", [1], []))

    assert outbox.awaited == 7
    assert outbox.take(6) == []
    assert len(outbox.take(7)) == 2


@pytest.mark.parametrize("is_reserved", [False, True])
def test_nothing_is_lost_that_comes_while_batches_are_joined(
    monkeypatch: pytest.MonkeyPatch, *, is_reserved: bool
) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 1)
    outbox = Outbox(encode, 100)

    def come() -> None:
        if is_reserved:
            outbox.fill(outbox.reserve(9), b"meanwhile")
        else:
            outbox.put(9, b"meanwhile")

    thread = threading.Thread(target=come)

    class Slow(Batch):
        def joined(self, later: Any) -> Any:
            thread.start()
            thread.join(0.05)  # it has to wait, so this is over without it
            return super().joined(later)

    outbox.put_batch(Slow(NOBODY, 1, None, batch(1, "ann", [1], []).parts))
    outbox.put_batch(batch(2, "ann", [2], []))
    thread.join(30)

    joined, meanwhile = outbox.take(None)
    assert net_of(joined) == (2, {("ann", 1): 1, ("ann", 2): 1})
    assert meanwhile == b"meanwhile"


def test_threads_put_in_while_another_takes_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outboxes, "BEHIND", 4)
    outbox = Outbox(encode, 10_000)
    count = 300

    def commit() -> None:
        for offset in range(1, count):
            outbox.put_batch(batch(offset, "ann", [offset], []))

    def answer(name: str) -> None:
        for number in range(count):
            outbox.fill(outbox.reserve(number), f"{name} {number}".encode())

    threads = [
        threading.Thread(target=commit),
        *(threading.Thread(target=answer, args=(name,)) for name in "ab"),
    ]
    taken = _taken_while(threads, outbox)

    for name in "ab":
        expected = [f"{name} {number}".encode() for number in range(count)]
        assert [each for each in taken if each[:1] == name.encode()] == expected
    assert _sum(taken) == {("ann", offset): 1 for offset in range(1, count)}
    assert len(outbox) == 0


def _taken_while(threads: list[threading.Thread], outbox: Outbox) -> list[bytes]:
    taken: list[bytes] = []
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        taken += outbox.take(None)
    while found := outbox.take(None):
        taken += found
    return taken


def _sum(messages: list[bytes]) -> Net:
    net: Net = Counter()
    for each in messages:
        if each.startswith(b"["):
            net.update(net_of(each)[1])
    return net


def test_who_commits_does_not_wait_for_what_is_encoded() -> None:
    is_encoding, may_go_on = threading.Event(), threading.Event()

    def slow(each: Batch) -> list[bytes]:
        is_encoding.set()
        assert may_go_on.wait(60)
        return encode(each)

    outbox = Outbox(slow, 1_000_000)
    outbox.put_batch(batch(1, "ann", [1], []))
    taken: list[bytes] = []
    taking = threading.Thread(target=lambda: taken.extend(outbox.take(None)))
    taking.start()
    assert is_encoding.wait(60)

    outbox.put_batch(batch(2, "bob", [2], []))  # and it comes back

    may_go_on.set()
    taking.join()
    assert [net_of(each)[0] for each in taken] == [1, 2]


def test_a_long_message_goes_alone() -> None:
    outbox = Outbox(lambda _: [bytes(outboxes.TAKEN_BYTES_MAX)], 1_000_000)
    outbox.put_batch(batch(1, "ann", [1], []))
    outbox.put_batch(batch(2, "bob", [2], []))

    assert [len(outbox.take(None)) for _ in range(3)] == [1, 1, 0]
