"""The courier: brings the messages of one database to another, each once in effect.

Game and platform each have a log of their own, and each may lose its last hundredth
of a second in a crash, alone or together. So the courier goes in four steps, and the
order is what makes it sound::

    1  wait until what is read of the outbox is on the game's disk
    2  platform: inbox_apply, message by message
    3  wait until that is on the platform's disk
    4  game: acknowledge, which deletes the messages

Without 1, a message could be applied and then lost with its cause. The game would give
its number to another message, which the platform takes for known: one message in effect
that never was, and one that never takes effect. Since only durable messages are
brought, a number that the platform has seen is never given again.

Without 3, the platform could lose what it has applied, and the game has no message
any more to bring again. The wait is for the platform's *last* commit, also where a
message was already known: who applied it may not have waited.

What is lost after 2 or 4 is harmless. A message is brought again that was applied, and
is known; or that was lost with its position, as both were one commit, and is applied.

What a disk has promised is not lost by a crash, but an operator may put a database back
from a backup. If the game is put back behind the platform, it would give numbers again:
a new courier raises `OutboxSetBackError`, so begin one before the game posts. If the
platform is put back behind the game, `inbox_apply` refuses the gap.
"""

import logging
import threading
from collections.abc import Iterable
from typing import Final

import qsdb
from examples.qsbridge.game.outbox import Message, acknowledge, outbox_position
from examples.qsbridge.hub.suggested.inbox import InboxPosition, inbox_apply

__all__ = ["BATCH_MAX", "Courier", "OutboxSetBackError"]

BATCH_MAX: Final = 256
"""So many messages share the waits for both disks."""

WAITING: Final = "SELECT * FROM outbox.message"

_LOGGER = logging.getLogger(__name__)


class OutboxSetBackError(Exception):
    """The platform has applied messages that the game has not posted.

    The game was put back from a backup. What waits in its outbox was applied before:
    ``game.call("outbox.advance", …)`` with the platform's position goes on after it.
    """


class Courier:
    """Brings the outbox of one game to the platform.

    Two couriers of the same source do no harm.

    Attributes:
        source: What the platform knows the game by.
        error: What has ended the courier's thread; None if nothing has. The messages
            wait in the outbox until another courier begins.
    """

    def __init__(
        self, source: str, game: qsdb.Database, platform: qsdb.Database
    ) -> None:
        """Be ready; `carry` or `start` brings.

        Args:
            source: Names the game; never to be used for another outbox.
            game: Its module has mounted the outbox.
            platform: Where the messages go.

        Raises:
            OutboxSetBackError: the platform is ahead of the game.
        """
        self.source = source
        self.error: Exception | None = None
        self._game = game
        self._platform = platform
        self._live: qsdb.LiveQuery | None = None
        self._thread: threading.Thread | None = None
        self._check_position()

    def _check_position(self) -> None:
        with self._platform.read() as tx:  # first: it cannot pass the game meanwhile
            found = tx[InboxPosition].get(self.source)
        applied = 0 if found is None else found.applied
        with self._game.read() as tx:
            posted = outbox_position(tx).posted
        if applied > posted:
            raise OutboxSetBackError(
                f"the platform has applied {applied} messages of {self.source!r}, "
                f"which has posted {posted}"
            )

    def carry(self) -> int:
        """Bring all messages that are there, on this thread; give how many.

        Raises:
            ReducerError: Conflict, messages before the first one are lost.
            StorageError: one of the disks has failed; nothing is lost by that.
            UsageError: this thread is in a transaction.

        Cost: two waits for a disk for each `BATCH_MAX` messages.
        """
        carried = 0
        while batch := self._durable_messages():
            self._bring(batch)
            carried += len(batch)
        return carried

    def _bring(self, batch: list[Message]) -> None:
        for each in batch:
            self._platform.call(
                inbox_apply, self.source, each.sequence, each.kind, each.payload
            )
        self._platform.wait_durable()
        self._game.call(acknowledge, batch[-1].sequence)

    def _durable_messages(self) -> list[Message]:
        """Give the first messages that wait; no crash takes them away any more."""
        with self._game.read() as tx:
            offset, position = tx.offset, outbox_position(tx)
            last = min(position.posted, position.acknowledged + BATCH_MAX)
            numbers = range(position.acknowledged + 1, last + 1)
            batch = [tx[Message].get(number) for number in numbers]
        self._game.wait_durable(offset)
        return [message for message in batch if message is not None]

    def start(self) -> None:
        """Bring what is there and what comes, on a thread, until `close`.

        The thread is woken by a subscription that tells only of what is on the disk.
        It reads changes and is no callback: a callback of the game that waited for the
        platform, whose callbacks wait for the game, would wait for ever.
        """
        self._live = self._game.subscribe(WAITING, confirmed=True)
        changes = self._live.changes()
        self._thread = threading.Thread(
            target=self._follow, args=(changes,), name="courier", daemon=True
        )
        self._thread.start()

    def _follow(self, changes: Iterable[qsdb.Update]) -> None:
        try:
            self.carry()
            for update in changes:
                if update.inserts:
                    self.carry()
        except Exception as error:
            _LOGGER.exception("the courier of %r has stopped", self.source)
            self.error = error

    def close(self) -> None:
        """End the thread, once it has brought what it knows of; twice is no error."""
        if self._live is not None:
            self._live.close()
        if self._thread is not None:
            self._thread.join()
