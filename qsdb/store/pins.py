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
"""

import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from qsdb.errors import InternalError, LimitError, UsageError
from qsdb.store.changes import Noted, given_numbers
from qsdb.store.images import Images, StoredTable, merge
from qsdb.store.limits import PinLimits

__all__ = ["Hold", "Pin", "Store"]


class Pin:
    """An offset that somebody reads at, and what has changed since.

    Attributes:
        offset: The commit whose state is read.
        undo: Table → images of rows changed after this offset and before the
            next newer pin's.
        counts: Table → its number of rows at this offset, for those changed.
        holders: How many read transactions share the pin.
        began: When the last of them began, in nanoseconds; 0 if nobody asks.
        is_kept: Whether it is never given up before they go.
        lost: Why it was; None while its undo is there. Who reads looks at this last.
    """

    __slots__ = ("began", "counts", "holders", "is_kept", "lost", "offset", "undo")

    def __init__(self, offset: int) -> None:
        """Begin with one holder."""
        self.offset = offset
        self.undo: dict[StoredTable, Images] = {}
        self.counts: dict[StoredTable, int] = {}
        self.holders = 1
        self.began = 0
        self.is_kept = False
        self.lost: str | None = None

    def require_kept(self) -> None:
        """Refuse what was read, if it may be wrong.

        Raises:
            LimitError: the offset was given up.
        """
        if self.lost is not None:
            raise LimitError(
                f"offset {self.offset} cannot be read any more: {self.lost}"
            )


class Hold:
    """A pin in use, by a read transaction and by the tables opened in it.

    It lasts as long as any of them, so that a table can be used whose
    transaction nobody named: ``messages = db.read()[Message]``.
    """

    __slots__ = ("_store", "pin")

    _store: "Store"
    pin: Pin | None
    """None when it was given up; both are set by `Store.pin`."""

    def release(self) -> None:
        """Give the pin up; a second time nothing happens."""
        pin = self.pin
        if pin is None:
            return
        store = self._store
        # No call stands between these two, so no signal handler does.
        store.abandoned += (pin,)
        self.pin = None
        # At the last commit it keeps nothing, and whoever begins next may take it over.
        # In this order: whoever publishes sees what was left, or is seen here.
        if store.is_publishing or pin.offset != store.offset:
            store.sweep()

    def __del__(self) -> None:
        """Have the pin given up if nobody did; no lock may be taken here."""
        try:
            pin = self.pin
        except AttributeError:  # an interrupt came before `Store.pin`
            return
        if pin is not None:
            # No call stands between these two either.
            self._store.abandoned += (pin,)
            self.pin = None


class Store:
    """All tables, the offset they are at, and the pins.

    Attributes:
        limits: When offsets are given up; None for never.
        publication: The lock that is held while a transaction ends, and while somebody
            reads who must not see that in the middle.
        is_publishing: Whether somebody is in the middle of one: see `standstill`.
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
        self.renew_lock()
        self.abandoned: deque[Pin] = deque()
        """Pins that holders have left: given up at the next publication, if nobody has
        taken them over until then."""

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
                    _note(pins[-1], table)
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
            self.is_publishing = False
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
        hold.pin, hold._store = None, self
        begin, end = self._begin_publication, self._end_publication
        if self.is_publishing:
            self.standstill()
        try:
            begin()  # by hand, as above
            pins, abandoned = self.pins, self.abandoned
            if (
                abandoned
                and pins
                and abandoned[0] is (pin := pins[-1])
                and pin.offset == self.offset
                and not pin.is_kept
            ):
                # In the place of the one who left. No call between these, as above.
                del abandoned[0]
                hold.pin = pin
            else:
                pin = self._pin_anew(hold)
            limits = self.limits
            if limits is not None and limits.now is not None:
                pin.began = limits.now()
            end()
        except BaseException:
            self._leave_publication()
            raise
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
                self.pins = (*self.pins, pin)
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
            # No call stands between these two either.
            pin.holders -= 1
            del self.abandoned[0]
        for pin in self.pins:
            if not pin.holders:
                self._unlink(pin)

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

    def _unlink(self, pin: Pin) -> None:
        place = self.pins.index(pin)
        if place:
            _merge_pin(self.pins[place - 1], pin)
        self.pins = self.pins[:place] + self.pins[place + 1 :]

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each broken rule; while no transaction is open."""
        for table in self.tables:
            yield from table.problems()
        self.sweep()
        with self.publication:
            offsets = [pin.offset for pin in self.pins]
            holders = [pin.holders for pin in self.pins]
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


def _note(pin: Pin, table: StoredTable) -> None:
    """Merge a table's notes into a pin's undo, inner savepoints last."""
    pin.counts.setdefault(table, table.count)
    undo = pin.undo.get(table)
    if undo is None:
        undo = pin.undo[table] = {}
    for images in table.layers:
        merge(undo, images)


def _merge_pin(older: Pin, newer: Pin) -> None:
    for table, images in newer.undo.items():
        undo = older.undo.get(table)
        if undo is None:
            undo = older.undo[table] = {}
        merge(undo, images)
    for table, count in newer.counts.items():
        older.counts.setdefault(table, count)
