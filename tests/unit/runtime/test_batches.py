"""Batches: several of one receiver as one."""

import pytest

import qsdb
from qsdb.errors import QueryError
from qsdb.live.differences import Difference
from qsdb.live.results import LiveResult
from qsdb.runtime import updates
from qsdb.runtime.batches import Batch
from qsdb.runtime.updates import Shape, Update

SHAPE = Shape(("n",), list, None)
EVENTS = Shape(("n",), list, None, is_event=True)


class Listener:
    """Receives nothing."""

    confirmed = True
    is_prompt = False
    result: LiveResult | None = None
    moments = 0

    def moment_of(self, _: object) -> int:
        return self.moments

    count = 0

    @property
    def receiver(self) -> "Listener":
        return self

    def receive(self, batch: Batch) -> None:
        raise AssertionError(batch)

    def ended(self) -> None:
        raise AssertionError


def update(offset: int, inserts: list[int], deletes: list[int]) -> Update:
    rows = [[(number,) for number in each] for each in (inserts, deletes)]
    return Update(offset, Difference(rows[0], rows[1]), SHAPE)


def test_each_subscriber_is_told_the_sum_of_all() -> None:
    listener, ana, bob, eve, tom = (Listener() for _ in range(5))
    failed = QueryError("no room")
    ready: list[Batch] = [
        Batch(listener, 5, "call", [(ana, update(5, [1], [])), (tom, failed)]),
        Batch(listener, 6, "call", [(bob, update(6, [2], []))]),
        Batch(
            listener,
            8,
            "call",
            [
                (ana, update(8, [3], [1])),
                (bob, update(8, [], [2])),
                (eve, update(8, [4], [])),
            ],
        ),
    ]
    ready.insert(1, ready[0])  # an interrupt came in the middle, so it is there twice

    one = ready[0].joined(ready[1:])

    assert (one.receiver, one.offset, one.origin) == (listener, 8, None)
    assert not one.is_told
    told = {
        who: (what.offsets, what.inserts, what.deletes)
        for who, what in one.parts
        if isinstance(what, Update)
    }
    assert told == {
        ana: (range(5, 9), [(3,)], []),
        eve: (range(8, 9), [(4,)], []),
    }
    assert [what for who, what in one.parts if who is tom] == [failed]


def test_an_end_is_all_that_is_left_to_say() -> None:
    listener, ana = Listener(), Listener()
    failed = QueryError("no room")
    first = Batch(listener, 5, None, [(ana, update(5, [1], []))])

    one = first.joined([Batch(listener, 6, None, [(ana, failed)])])

    assert one.parts == [(ana, failed)]


def test_nothing_comes_after_an_end_and_too_many_events_are_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(updates, "EVENT_ROWS_MAX", 3)
    listener, ana, bob = Listener(), Listener(), Listener()
    events = [
        Update(number, Difference([(number,), (number,)], []), EVENTS)
        for number in range(5, 9)
    ]
    failed = QueryError("no room")
    first, *later = [Batch(listener, each.offset, None, []) for each in events]
    for batch, event in zip((first, *later), events, strict=True):
        batch.add(ana, event)
    first.add(bob, events[0])
    first.add(bob, failed)
    later[0].add(bob, events[1])

    one = first.joined(later)

    [(_, what), (_, last)] = one.parts
    assert str(what).startswith("8 rows of event tables wait to be told, and 3 are")
    assert last is failed
    [(_, what)] = later[0].joined(later[1:2]).parts[:1]
    assert isinstance(what, QueryError)
    assert isinstance(later[1].joined([later[1]]).parts[0][1], Update)


class Prompt(Listener):
    """Keeps what it is told."""

    confirmed = False
    is_prompt = True

    def __init__(self) -> None:
        self.kept: list[Batch] = []

    def receive(self, batch: Batch) -> None:
        batch.is_told = True
        self.kept.append(batch)


def test_who_only_keeps_it_is_told_at_once_and_once() -> None:
    listener = Prompt()
    with qsdb.Database(qsdb.Module("empty")) as db:
        hub = db._subscriptions
        batch = Batch(listener, db.offset, None, [])
        for _ in range(2):  # as if an interrupt had cut the first one off
            hub.take(hub.listening, [batch], db.offset)

    assert listener.kept == [batch]
