"""`SessionCalls`: the calls of one client.

Reducers run where the message is read, on the thread of the event loop: they are short,
and one at a time anyway. What a call changed for the caller stands inside its answer,
and nowhere else; so whoever is told of commits hands the caller's own batch over
(`SessionCalls.take`), and the place that it had among what other commits did is kept
for the answer.

Procedures may wait, so they run in the database's pool, and what their transactions
change is told like that of anybody. A session that ends before they do answers for
them (`SessionCalls.abandon`): each has one answer, whoever gives it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import attrs

from qsdb.errors import ArgumentError, NotFoundError, ReducerError, brief
from qsdb.protocol.server_messages import (
    InternalFailure,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerOutcome,
    Returned,
    TransactionUpdate,
)
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import CallContext
from qsdb.server.call_tables import Remote
from qsdb.server.exits import FAILURES
from qsdb.server.outboxes import Place
from qsdb.server.peers import Peer
from qsdb.server.texts import failure_text

__all__ = ["SessionCalls"]

_NOTHING = TransactionUpdate(())
_OK = ReducerOkEmpty()
_NO_NAMES: dict[str, object] = {}

Read = Callable[[Remote, bytes], tuple[object, ...]]
"""Reads the arguments of a function, where they are not BSATN."""

Write = Callable[[Remote, object], bytes | None]
"""Writes what a function gave."""

Tell = Callable[[Returned | InternalFailure, int], object]
"""Takes what came of a procedure, and when it began, in microseconds since 1970."""


@attrs.frozen(eq=False)
class _Running:
    """A procedure that has no answer yet."""

    name: str
    tell: Tell
    began: int


class SessionCalls:
    """The calls of one client.

    Attributes:
        is_calling: Whether a reducer runs for it.
    """

    __slots__ = (
        "_answering",
        "_calls",
        "_functions",
        "_is_owner",
        "_own",
        "_peer",
        "_running",
        "_served",
        "_write",
        "is_calling",
    )

    def __init__(self, peer: Peer, write: Write) -> None:
        """Call nothing yet.

        Args:
            peer: Whose.
            write: Makes bytes of what a function gave, or None if it is not what was
                declared.
        """
        self._peer = peer
        self._write = write
        self._served = peer.served
        self._functions = peer.served.functions  # of the module that was published last
        self._calls = peer.access.calls
        self._is_owner = peer.is_owner
        self.is_calling = False
        self._own: tuple[Place, Batch] | None = None
        self._running: dict[Future[object], _Running] = {}
        self._answering = threading.Lock()

    @property
    def running(self) -> int:
        """How many procedures run for it and have no answer yet."""
        return len(self._running)

    def take(self, batch: Batch) -> bool:
        """Take what a commit did, if it is that of the call which runs now.

        It is asked by whichever thread commits.
        """
        origin, peer = batch.origin, self._peer
        if self._own is not None or not isinstance(origin, CallContext):
            return False
        if origin._known is not peer.sender:  # noqa: SLF001  the very object, not one that is equal
            return False
        self._own = peer.outbox.reserve(batch.offset), batch
        return True

    def reducer(
        self, name: str, args: bytes, read: Read | None = None
    ) -> tuple[ReducerOutcome, Batch | None]:
        """Run a reducer; say what came of it, and what that changed for the caller.

        Until `settle` is asked, the place of the latter is kept.

        Args:
            name: The reducer.
            args: Its arguments, as they came.
            read: Reads them, if they are not BSATN.
        """
        functions = self._functions
        if functions.module is not self._calls.module:
            functions = self._functions = self._served.functions
        try:
            found = functions.reducer(name, is_owner=self._is_owner)
            own = found.read
            values = own(args) if read is None else read(found, args)
        except (NotFoundError, ArgumentError) as error:
            return InternalFailure(str(error)), None
        sender = self._peer.sender
        self.is_calling = True
        try:
            result = self._calls.call(sender, name, values, _NO_NAMES)
        except ReducerError as error:
            return ReducerErr.of_text(str(error)), None
        except FAILURES as error:
            return InternalFailure(self._failure(name, error)), None
        finally:
            self.is_calling = False
        batch = self._own[1] if self._own is not None else None
        value = b"" if found.is_mute else self._written(found, result)
        return ReducerOk(value, _NOTHING) if value else _OK, batch

    def settle(self, data: bytes) -> None:
        """Have the answer to the last call sent, at its place."""
        own, self._own = self._own, None
        if own is None:
            self._peer.outbox.put(self._peer.offset, data)
        else:
            self._peer.outbox.fill(own[0], data)

    def procedure(
        self,
        name: str,
        args: bytes,
        read: Read | None,
        tell: Tell,
    ) -> None:
        """Have a procedure run.

        Args:
            name: The procedure.
            args: Its arguments, as they came.
            read: Reads them, if they are not BSATN.
            tell: Takes what came of it; on any thread.
        """
        peer = self._peer
        began = peer.now
        try:
            found = self._served.functions.procedure(name, is_owner=self._is_owner)
            values = found.read(args) if read is None else read(found, args)
        except (NotFoundError, ArgumentError) as error:
            tell(InternalFailure(str(error)), began)
            return
        procedures = peer.access.procedures
        # Another object, for what it calls is not what the client calls meanwhile.
        sender = attrs.evolve(peer.sender)
        future = procedures.pool.submit(procedures.call, sender, name, values, {})
        self._running[future] = _Running(name, tell, began)

        def ended(future: "Future[object]") -> None:
            if not future.cancelled():  # else by `abandon`, or the database is closed
                self._answer(future, self._outcome(found, future))

        future.add_done_callback(ended)

    def _answer(
        self, future: "Future[object]", outcome: Returned | InternalFailure
    ) -> None:
        """Have the caller of a procedure told, if nobody has done so."""
        with self._answering:
            found = self._running.get(future)
            if found is not None:
                found.tell(outcome, found.began)
                del self._running[future]  # behind its answer: then nothing is due
        self._peer.wake()

    def abandon(self, reason: str) -> None:
        """Have the callers of procedures that run still told that they do.

        Args:
            reason: Why there will be no other answer, in words for the client.
        """
        for future, each in [*self._running.items()]:
            state = "has not begun" if future.cancel() else "runs on, untold"
            self._answer(
                future, InternalFailure(f"{reason}; procedure {each.name} {state}")
            )

    def _outcome(
        self, found: Remote, future: "Future[object]"
    ) -> Returned | InternalFailure:
        try:
            return Returned(self._written(found, future.result()))
        except ReducerError as error:
            return InternalFailure(str(error))
        except BaseException as error:  # noqa: BLE001  no signal comes on this thread
            return InternalFailure(self._failure(found.function.name, error))

    def _written(self, found: Remote, result: object) -> bytes:
        """Encode what a function gave; nothing if it is not what was declared."""
        data = self._write(found, result)
        if data is not None:
            return data
        function = found.function
        error = TypeError(
            f"what it did stands, but it gave {brief(result)}, which is not what it is "
            "declared to give; the client is told of no result"
        )
        self._failure(function.name, error)
        return b""

    def _failure(self, name: str, error: BaseException) -> str:
        about = self._served.logged
        return failure_text(about, name, error, is_owner=self._is_owner)
