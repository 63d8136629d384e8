"""Pins, and the store in which notes are moved to them: rules 3 to 6 at work.

A `Pin` stands for an offset that somebody reads at; read transactions at the
same offset share one. `Store.publish` ends a write transaction, and is where its
notes go to the newest pin or nowhere. The rules are those of `qsdb.store.images`.

**Cut in two.** A signal handler may raise anywhere. Whatever moves notes or pins
is then done again from its beginning: each step says what shall be and not what
to add, so that what is done twice is done once. Where two steps must not be
parted, no call stands between them, since CPython runs signal handlers only after
calls and at the ends of loops. A handler or finalizer that *runs* in the middle of
a publication, on the thread that publishes, may close read transactions, which
then takes effect later; opening one is a `UsageError`.

**In one step.** For the same reason no other thread runs where no call stands, and
where no object is made that the collector looks at: with it CPython 3.11 may run
finalizers. Most reads begin and end in one such step, and so does a commit to one table
while nobody reads: they look whether all is as it should be, and do it, without the
publication lock. Whoever has that lock says so by `is_publishing` before it moves pins,
or by `is_looked_at` if only commits are to wait. (A trace function that is written in
Python is called between any two lines: while one is set, as by a debugger, such a step
is none to other threads.)
"""

import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from qsdb.errors import InternalError, UsageError
from qsdb.store.changes import Noted, given_numbers
from qsdb.store.images import StoredTable
from qsdb.store.limits import PinLimits
from qsdb.store.undo import Pin

__all__ = ["Hold", "Store"]


_NO_PIN = Pin(-1)
"""At no offset that there is."""


class Hold:
    """A pin in use, by a read transaction and by the tables opened in it.

    It lasts as long as any of them, so that a table can be used whose
    transaction nobody named: ``messages = db.read()[Message]``.
    """

    __slots__ = ("_store", "pin")

    _store: "Store"
    pin: Pin | None
    """None when it was given up; both are set by `Store.pin`."""

    def release(self, sweeps: bool = True) -> None:  # noqa: FBT001, FBT002  hot
        """Give the pin up; a second time nothing happens.

        Args:
            sweeps: Whether the publication lock may be taken for it.
        """
        pin = self.pin
        if pin is None:
            return
        store = self._store
        pins = store.pins
        older = pins[:-1] if pins and pins[0] is not pin else ()
        # In one step.
        if self.pin is not pin:  # another thread was here meanwhile
            return
        self.pin = None
        if (
            pins
            and pins[-1] is pin
            and pins is store.pins
            and not (older and pin.undo)  # what they would need
            and not store.is_publishing
        ):
            if pin.holders > 1:
                pin.holders -= 1
                return
            store.pins = older
            if not (pin.undo or pin.is_kept):
                store.spare = pin
            return
        store.abandoned += (pin,)
        # In this order: whoever publishes sees what was left, or is seen here.
        if sweeps and (store.is_publishing or pin.offset != store.offset):
            store.sweep()

    def __del__(self) -> None:
        """Have the pin given up if nobody did; no lock may be taken here."""
        try:
            is_held = self.pin is not None
        except AttributeError:  # an interrupt came before it was pinned
            return
        if not is_held:
            return
        try:
            self.release(sweeps=False)
        finally:  # an interrupt may have cut that off
            self.release(sweeps=False)


class Store:
    """All tables, the offset they are at, and the pins.

    Attributes:
        limits: When offsets are given up; None for never.
        publication: The lock that is held while a transaction ends, but for what is
            done in one step, and while somebody reads who must not see that in the
            middle.
        is_publishing: Whether somebody is in the middle of one: see `standstill`.
        is_looked_at: Whether somebody may be reading without a pin, under that lock, so
            that a commit must wait for it.
        noted: Old rows moved to pins since they were counted, and all before that.
        drawing: The lock under which generated numbers are drawn (`qsdb.store.draws`).
    """

    def __init__(self, tables: Sequence[StoredTable], offset: int = 0) -> None:
        """Begin with tables as they were at an offset."""
        self.tables = tuple(tables)
        self.offset = offset
        self.pins: tuple[Pin, ...] = ()
        """Oldest first; replaced as a whole, so that readers see one state."""
        self.is_closed = False
        self.limits: PinLimits | None = None
        self.noted = 0
        self.is_looked_at = False
        self.spare = _NO_PIN
        """What nobody holds any more, for who reads next at the same offset."""
        self.renew_lock()
        self.abandoned: deque[Pin] = deque()
        """Pins that holders have left, to be given up at the next publication."""

    def renew_lock(self) -> None:
        """Have a new lock: in a forked child the holder of the old one may be gone."""
        # Reentrant, so that a thread can be told that it is inside already.
        self.publication = threading.RLock()
        self._begin_publication = self.publication.acquire
        self._end_publication = self.publication.release
        self.is_publishing = False
        self.drawing = threading.RLock()  # a finalizer may draw in between

    def publish(self, opened: Iterable[Noted], offset: int) -> None:
        """End a transaction: move its notes to where readers need them.

        Args:
            opened: Handles of the tables whose notes are to go, to be looked
                through more than once. For a commit
                their rows are new, after a rollback they are old again.
            offset: Where the store is from now on: one further, or where it
                was after a rollback.
        """
        begin, end = self._begin_publication, self._end_publication
        try:
            begin()  # by hand: a with statement costs twice that
            self.is_publishing = True
            if self.abandoned:
                self._give_up_abandoned()
            pins = self.pins
            is_commit = offset != self.offset
            for handle in opened:
                table = handle._stored
                touched = len(handle._pre)
                if pins and touched:
                    pins[-1].note(table)
                    table.changed_at = self.offset + 1
                if is_commit and table.layers:  # but once if cut off
                    table.written += touched
                table.layers = ()
                table.count = len(table.rows)
                if table.sequences:
                    _settle_numbers(handle, is_commit=is_commit)
            self.offset = offset
            if pins and self.limits is not None:
                self.noted += sum([len(handle._pre) for handle in opened])
                self.limits.keep(self)
            self.is_publishing = self.is_looked_at = False
            end()
        except BaseException:
            self._leave_publication()
            raise

    def retire(self, kept: tuple[StoredTable, ...]) -> None:
        """Prepare for other tables: those that are not kept stay as they are."""
        for table in self.tables:
            if table not in kept:
                # Who reads it looks whether the database is closed.
                table.changed_at = sys.maxsize

    def _leave_publication(self) -> None:
        """Give the lock back, if this thread has it, after an exception."""
        if _is_owned(self.publication):
            self.is_publishing = False
            self._end_publication()

    def close(self) -> None:
        """Have every use raise `ClosedError`; while no transaction is open."""
        self.is_closed = True
        for table in self.tables:
            # Sends readers to where they look whether the database is closed.
            table.changed_at = sys.maxsize

    def is_busy_here(self) -> bool:
        """Whether this thread is in the middle of a publication."""
        return self.is_publishing and _is_owned(self.publication)

    def pin(self, hold: Hold) -> Pin:
        """Keep the state of the last commit readable; never waits for a reducer.

        Args:
            hold: Whose pin it is, and who gives it up.

        Raises:
            UsageError: a signal handler or finalizer asks, and this thread is
                in the middle of a publication.
        """
        hold._store = self
        limits, began = self.limits, 0
        if limits is not None and limits.now is not None:
            began = limits.now()
        pins, pin = self.pins, self.spare
        more = pins + (pin,)  # noqa: RUF005  a star makes a list first
        # In one step, in the place of one who left at the last commit.
        if (
            pin.offset == self.offset
            and pin is self.spare
            and pins is self.pins
            and not self.is_publishing
        ):
            hold.pin, pin.began = pin, began
            self.pins, self.spare = more, _NO_PIN
            return pin
        with self.standstill():
            pin = self._pin_anew(hold)
            pin.began = began
        return pin

    def _pin_anew(self, hold: Hold) -> Pin:
        """Pin the last commit for one holder more; under the publication lock."""
        self.is_publishing = True
        try:
            if self.abandoned:
                self._give_up_abandoned()
            if self.pins and self.pins[-1].offset == self.offset:
                pin = self.pins[-1]
                # No call from here on, as above.
                pin.holders += 1
            else:
                pin = Pin(self.offset)
                more = (*self.pins, pin)
                # In one step: while there was no pin a commit may have come in between.
                self.pins, self.spare = more, _NO_PIN
                pin.offset = self.offset
            hold.pin = pin
        finally:
            self.is_publishing = False
        return pin

    def standstill(self) -> "threading.RLock":
        """Give the publication lock, for a read that must be over in no time.

        Raises:
            UsageError: as `pin` does.
        """
        if self.is_publishing and _is_owned(self.publication):
            raise UsageError(
                "a signal handler or finalizer ran in the middle of a commit; no "
                "transaction can be begun there, and nothing be read"
            )
        return self.publication

    def hold_with_sequences(
        self,
    ) -> tuple[Hold, list[tuple[StoredTable, tuple[int, ...]]]]:
        """Pin the last commit, and give all tables with their sequences at it.

        Raises:
            UsageError: as `pin` does.
        """
        with self.standstill():
            hold = Hold()
            hold.pin, hold._store = None, self
            self._pin_anew(hold).is_kept = True
            return hold, [(each, each.settled_sequences) for each in self.tables]

    def sweep(self) -> None:
        """Give up the pins that were left, unless this thread is busy with them."""
        if self.is_busy_here():
            return
        with self.publication:
            self.is_publishing = True
            try:
                self._give_up_abandoned()
            finally:
                self.is_publishing = False

    def _give_up_abandoned(self) -> None:
        while self.abandoned:
            pin = self.abandoned[0]
            if pin.holders == 1 and pin in self.pins:
                self._unlink(pin)  # before it is forgotten that somebody left it
            # No call stands between these two either.
            pin.holders -= 1
            del self.abandoned[0]

    def oldest(self) -> Pin | None:
        """Give the oldest offset that may be given up: not the present one."""
        for pin in self.pins:
            if pin.offset < self.offset and not pin.is_kept:
                return pin
        return None

    def give_up(self, pin: Pin, reason: str) -> None:
        """Give an offset up, whoever reads there; in the middle of a publication."""
        pin.lost = reason
        for table in self.tables:
            # Rule 6 holds no more: this sends those who read there to their undo.
            table.changed_at = max(table.changed_at, self.offset)
        self._unlink(pin)
        pin.undo, pin.counts = {}, {}  # who reads there may go on having the pin

    def _unlink(self, pin: Pin) -> None:
        place = self.pins.index(pin)
        if place:
            self.pins[place - 1].take_over(pin)
        self.pins = self.pins[:place] + self.pins[place + 1 :]

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each broken rule; while no transaction is open."""
        for table in self.tables:
            yield from table.problems()
        with self.publication:
            offsets = [pin.offset for pin in self.pins]
            holders = [pin.holders for pin in self.pins]
        self.sweep()
        if offsets != sorted(set(offsets)) or any(
            each > self.offset for each in offsets
        ):
            yield f"pins at {offsets}, the offset is {self.offset}"
        if any(count < 1 for count in holders):
            yield "a pin that nobody holds"

    def check(self) -> None:
        """Verify every rule.

        Raises:
            InternalError: with a sentence for each that is broken.
        """
        problems = list(self.problems())
        if problems:
            raise InternalError(*problems)

    @property
    def undo_count(self) -> int:
        """Number of row images kept for read transactions."""
        # Lists, since a commit on another thread may add to a dict meanwhile.
        return sum(len(images) for pin in self.pins for images in [*pin.undo.values()])


def _is_owned(lock: "threading.RLock") -> bool:
    """Whether this thread holds a lock; `threading.Condition` asks the same way."""
    return lock._is_owned()  # type: ignore[attr-defined,no-any-return]


def _settle_numbers(handle: Noted, *, is_commit: bool) -> None:
    """Take in where the sequences are, and what numbers a commit has given out."""
    table, draws = handle._stored, handle._stored.draws
    before, table.settled_sequences = table.settled_sequences, tuple(table.sequences)
    if is_commit and handle._pre and table.draws.drawers:
        ends = zip(draws.places, before, table.settled_sequences, strict=True)
        for place, *moved in ends:
            draws.note_commit(place, *given_numbers(handle, place, range(*moved)))
