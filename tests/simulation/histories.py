"""What the database should hold at each offset, as far as anybody can know.

Whoever changes something under the writer lock begins with `History.begin`, and stages
what a commit of it would give; whether there was one is seen by the offset, by whoever
looks next::

    offset   1   2   3   4   5   6
                     ▲       ▲   └ staged: is a commit if the offset goes up
                     │       └ what is found after a crash is one of these
                     └ promised: a call, or durable_offset, has said so

What commits without code of ours under the lock (a module is published, an errand is
taken, a statement of SQL) is a *step*: one that may have happened. If several may have,
what is found decides which.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from tests.simulation.states import State

__all__ = ["FindingError", "History", "Step"]

Content = Mapping[str, frozenset[tuple[Any, ...]]]
ContentReader = Callable[[int], Content]
"""Reads what is there, by an edition."""


class FindingError(Exception):
    """The database is wrong."""


@attrs.define(eq=False)
class Step:
    """Something that may have been committed.

    Attributes:
        name: To be shown.
        change: Gives the state after it, or None where it would be no commit.
        is_commit: Whether it is a commit, if nothing prevents that.
        offset: Where it was found to be committed.
    """

    name: str
    change: Callable[[State], State | None]
    is_commit: bool = True
    offset: int | None = None


class History:
    """The states of a database.

    Attributes:
        states: Offset → what it should hold.
        promised: The last offset that is promised to be on the disk.
        steps: What may be committed by now, in the order in which it began.
        failed: Alarms whose reducer has failed, and whose rows so go in a commit.
        errands: Those that were run, and never are again.
    """

    def __init__(self) -> None:
        self.states: list[State] = [State(), State()]
        self.promised = 0
        self.steps: list[Step] = []
        self.failed: set[int] = set()
        self.errands: set[int] = set()
        self.pending_step: Step | None = None
        self.others: dict[int, list[State]] = {}
        self.opening: int | None = None
        """The edition that is opened with, until the first look at what is there."""

    @property
    def last(self) -> int:
        """The last offset that is known."""
        return len(self.states) - 1

    # Under the writer lock.

    def begin(self, offset: int, read: ContentReader) -> State:
        """Give a copy of the last state, to be changed under the writer lock."""
        self.settle(offset, read)
        self.pending_step = None
        return self.states[offset].copy()

    def stage(self, state: State, *, is_commit: bool = False) -> Step:
        """Say what will be if the transaction that runs is committed.

        Args:
            state: It.
            is_commit: Whether it is a commit, even if nothing of it is to be seen.
        """
        changes = is_commit or not state.is_same(self.states[-1])
        self.pending_step = Step("body", lambda _: state if changes else None, changes)
        return self.pending_step

    # At any time.

    def settle(self, offset: int, read: ContentReader) -> None:
        """Take in that there are commits up to an offset.

        Raises:
            FindingError: there can be no such commit, or it is not what it should be.
        """
        if self.opening is not None:
            self._recover(offset, read)
        count = offset - self.last
        if count <= 0:
            return
        ways = [*self._ways(self.states[-1], count, first=True)]
        if len(ways) > 1:
            ways = [way for way in ways if _is_read(way[-1][1], read)]
        if not ways:
            raise FindingError(
                f"offset {offset} is there, {self.last} was the last; "
                f"there may have been {[step.name for step in self._possible()]}"
            )
        first = self.last + 1
        self._go(ways[0])
        for place in range(count - 1):
            found = [way[place][1] for way in ways]
            if any(not state.is_alike(found[0]) for state in found):
                self.others[first + place] = found

    def candidates(self, offset: int) -> list[State]:
        """Give the states that there may have been at an offset: hardly ever several.

        Where two steps were committed between two looks, nobody knows in which order.
        """
        return self.others.get(offset) or [self.states[offset]]

    def resolve(self, offset: int, read: ContentReader) -> State:
        """Give the state at an offset, now that it is looked at."""
        if offset in self.others:
            fitting = [each for each in self.others[offset] if _is_read(each, read)]
            if fitting:
                self.states[offset] = fitting[0]
                del self.others[offset]
        return self.states[offset]

    def _go(self, way: list[tuple[Step, State]]) -> None:
        for step, state in way:
            self.states.append(state)
            step.offset = self.last
            if step in self.steps:
                self.steps.remove(step)
            if step is self.pending_step:
                self.pending_step = None

    def _possible(self) -> list[Step]:
        pending = self.pending_step
        return ([] if pending is None else [pending]) + self.steps

    def _ways(
        self,
        state: State,
        count: int,
        *,
        first: bool = False,
        used: tuple[Step, ...] = (),
    ) -> Iterator[list[tuple[Step, State]]]:
        """Yield what may have been committed one after the other."""
        if not count:
            yield []
            return
        steps = self._possible() if first else self.steps
        for step in [*steps, *self._standing(state)]:
            if step in used:
                continue
            after = step.change(state)
            if after is not None:
                for more in self._ways(after, count - 1, used=(*used, step)):
                    yield [(step, after), *more]

    def _standing(self, state: State) -> Iterator[Step]:
        """Yield what the scheduler may do by itself."""
        for number in state.tables["errand"]:
            yield Step(f"errand {number} is taken", _without("errand", number))
        for number in sorted(self.failed):
            if number in state.tables["alarm"]:
                yield Step(f"alarm {number} is given up", _after_failure(number))

    # Crashes.

    def crash(self, edition: int) -> None:
        """Take in that the process is dead, and which edition is opened with next."""
        self.opening = edition

    def _recover(self, offset: int, read: ContentReader) -> None:
        """Take in what was found: a state that was promised, or that came later."""
        edition = self.opening
        assert edition is not None
        self.opening = None
        for base, way, state in self._bases(offset, edition):
            if base >= self.promised and _is_read(state, read):
                del self.states[base + 1 :]
                for each in [each for each in self.others if each > base]:
                    del self.others[each]
                self._go(way)
                if self.last < offset:
                    self.states.append(state)
                elif state is not self.states[-1]:
                    self.states[-1] = state
                break
        else:
            raise FindingError(
                f"offset {offset} was found, {self.promised} was promised and "
                f"{self.last} is the last that is known; what is found is not that: "
                f"{read(edition)}"
            )
        self.steps.clear()
        self.pending_step = None
        self.promised = base

    def _bases(
        self, offset: int, edition: int
    ) -> Iterator[tuple[int, list[tuple[Step, State]], State]]:
        """Yield what may have been found, and what that is with the edition opened."""
        for base in (offset, offset - 1):
            if base < 1:
                continue
            known = min(base, self.last)
            for begin, way in self._ways_to(base, known):
                state = way[-1][1] if way else begin
                is_published = base < offset
                if (state.edition < edition) == is_published:
                    yield base, way, state.migrated(edition) if is_published else state
        if 1 < offset <= self.last + 1:
            for begin in self.candidates(offset - 1):
                for way in self._resumed(begin) if begin.edition == edition else ():
                    yield offset - 1, way, way[-1][1]

    def _resumed(self, begin: State) -> Iterator[list[tuple[Step, State]]]:
        """Yield what the scheduler may have done already, before anybody looks."""
        for step in self._standing(begin):
            after = step.change(begin)
            if after is not None:
                yield [(step, after)]

    def _ways_to(
        self, base: int, known: int
    ) -> Iterator[tuple[State, list[tuple[Step, State]]]]:
        for begin in self.candidates(known):
            for way in self._ways(begin, base - known, first=True):
                yield begin, way


def _is_read(state: State, read: ContentReader) -> bool:
    return read(state.edition) == state.content()


def _without(table: str, number: int) -> Callable[[State], State | None]:
    def change(state: State) -> State | None:
        if number not in state.tables[table]:
            return None
        after = state.copy()
        del after.tables[table][number]
        return after

    return change


def _after_failure(number: int) -> Callable[[State], State | None]:
    """Say what becomes of an alarm that has failed: a time is gone."""

    def change(state: State) -> State | None:
        row = state.tables["alarm"].get(number)
        if row is None:
            return None
        after = state.copy()
        if row[1].is_time:
            del after.tables["alarm"][number]
        return after

    return change
