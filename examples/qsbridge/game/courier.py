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

One thing is out of reach: databases that are put back from backups of different times.
If the platform is ahead of the game, `carry` raises `OutboxSetBackError`, for then
numbers would be given twice; if it is behind, `inbox_apply` refuses the gap.
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
    """The platform has applied messages that the game never posted.

    The game was put back from a backup. Give its courier another source, or its outbox
    the position that the platform has.
    """


class Courier:
    """Brings the outbox of one game to the platform.

    Two couriers of the same source do no harm.

    Attributes:
        source: What the platform knows the game by.
        error: What has ended the courier's thread; None if nothing has.
    """

    def __init__(
        self, source: str, game: qsdb.Database, platform: qsdb.Database
    ) -> None:
        """Be ready; `carry` or `start` brings.

        Args:
            source: Names the game; never to be used for another outbox.
            game: Its module has mounted the outbox.
            platform: Where the messages go.
        """
        self.source = source
        self.error: Exception | None = None
        self._game = game
        self._platform = platform
        self._live: qsdb.LiveQuery | None = None
        self._thread: threading.Thread | None = None

    def carry(self) -> int:
        """Bring all messages that are there, on this thread; give how many.

        Raises:
            OutboxSetBackError: the platform is ahead of the game.
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
        with self._platform.read() as tx:  # first: the game is never behind it
            applied = tx[InboxPosition].get(self.source)
        with self._game.read() as tx:
            offset, position = tx.offset, outbox_position(tx)
            last = min(position.posted, position.acknowledged + BATCH_MAX)
            numbers = range(position.acknowledged + 1, last + 1)
            batch = [tx[Message].get(number) for number in numbers]
        if applied is not None and applied.applied > position.posted:
            raise OutboxSetBackError(
                f"the platform has applied {applied.applied} messages of "
                f"{self.source!r}, which has posted {position.posted}"
            )
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
