"""Keeping views current: in the transaction that changes what they read.

::

    the reducer has returned
      refresh      who has read what changes?  those run again, nothing is moved yet
      the commit   is decided
      settle       rows and read sets are moved; the engine is told with the tables

So an error in a view can still undo the transaction, and a transaction that is undone
has moved nothing, but for what the engine keeps that has the queries of views: its
join indexes are moved back, and states of sorted and counted rows made anew.
"""

from collections.abc import Iterable

from qsdb.errors import QueryError, ReducerError
from qsdb.live.engine import Changes, Outcomes
from qsdb.live.tables import Pairs
from qsdb.runtime.view_changes import (
    Change,
    Instance,
    Pending,
    asked_again,
    ending,
    run_again,
)
from qsdb.runtime.view_instances import Instances
from qsdb.schema.views import ABORT
from qsdb.store.changes import Noted, net_change

__all__ = ["Refreshing"]


class Refreshing:
    """Keeps the instances of a database current.

    Attributes:
        kept: The instances.
        pending: What the last transaction does, or did.
    """

    def __init__(self, instances: Instances) -> None:
        """Keep these."""
        self._instances = instances
        self.kept = instances.kept
        self.pending = Pending()

    def refresh(self, opened: Iterable[Noted], offset: int) -> None:
        """Run again what a transaction concerns, before it is a commit.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: The commit that it is to be.

        Raises:
            ReducerError: a view fails whose errors undo the transaction.
        """
        self._refresh(opened, offset)
        self._require_good()

    def _require_good(self) -> None:
        """Refuse what a view fails for whose errors undo the transaction."""
        for change in self.pending.changes:
            view, error = change.instance.key.view, change.error
            if error is not None and view.on_error == ABORT:
                # Its traceback has the frames of the transaction, which an interrupt
                # may leave to the end of these: nothing but who is told is to have it.
                self.pending.changes = []
                try:
                    message = f"{error}; the transaction is rolled back"
                    raise ReducerError(message) from error.__cause__
                finally:
                    del change, error

    def _refresh(self, opened: Iterable[Noted], offset: int) -> None:
        instances = self._instances
        readers, queries = instances.readers, instances.queries
        concerned: dict[Instance, None] = {}
        changes: dict[str, Pairs] = {}
        noted = [each for each in opened if self._is_read(each)]
        for name, pairs in net_change(noted).items():
            concerned |= readers.concerned(name, pairs)
            if queries.listens_to(name):
                changes[name] = pairs
        # Before anything is moved, so that it can be moved back.
        self.pending = pending = Pending(offset, changes)
        kept = [each for each in concerned if instances.is_kept(each)]
        pending.changes += [self._run_again(each) for each in kept]
        outcomes = queries.commit(changes) if changes else {}
        for result, found in outcomes.items():
            pending.changes += [asked_again(each, found) for each in result.subscribers]
        pending.is_whole = True

    def _is_read(self, noted: Noted) -> bool:
        stored = noted._stored  # noqa: SLF001  its names are the user's columns
        name = stored.bound.schema.name
        instances = self._instances
        is_read = name in instances.readers or instances.queries.listens_to(name)
        return is_read and not stored.is_event

    def _run_again(self, instance: Instance) -> Change:
        try:
            return run_again(instance, self._instances.run(instance.key))
        except QueryError as error:
            return ending(instance, error)

    def rolled_back(self, offset: int) -> None:
        """Take in that the transaction was undone; twice is once.

        Args:
            offset: The last commit.
        """
        pending = self.pending
        if pending.offset <= offset:
            return
        self._instances.queries.undo(pending.tables)
        self.pending = Pending()

    def settle(self, opened: Iterable[Noted], offset: int) -> Changes:
        """Make the changes of a commit; twice is once.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: Its number.

        Returns:
            Name of a view → what came to its instances, and what went.
        """
        if not self._instances:
            return {}
        pending = self.pending
        if pending.offset != offset or not pending.is_whole:
            self._refresh(opened, offset)  # of another process, which has no views
        changes: dict[str, Pairs] = {}
        for change in self.pending.changes:
            if change.error is None and self._instances.is_kept(change.instance):
                view = change.instance.key.view
                pairs = self._instances.make(change)
                changes.setdefault(view.name, []).extend(pairs)
        return {name: pairs for name, pairs in changes.items() if pairs}

    def with_endings(self, outcomes: Outcomes) -> Outcomes:
        """Give what a commit did to live queries, with those that a view ends.

        Args:
            outcomes: What it did to them, as the engine has it.
        """
        found = {**outcomes}
        for change in self.pending.changes:
            if change.error is not None:
                found |= dict.fromkeys(change.instance.results, change.error)
        return found

    def settled(self, offset: int) -> None:
        """Forget what a commit did, which has been told."""
        self._instances.queries.settle()
        self.pending = Pending(offset)
