"""`WriteBlock`: the serial write transaction as a ``with`` block."""

from typing import NoReturn

from qsdb.errors import UsageError
from qsdb.runtime.writer import Writer
from qsdb.store.transactions import WriteTransaction

__all__ = ["WriteBlock"]


class WriteBlock:
    """``with db.write() as tx:``, once."""

    __slots__ = ("_transaction", "_writer")

    def __init__(self, writer: Writer) -> None:
        """Prepare; nothing is taken before the block is entered."""
        self._writer = writer
        self._transaction: WriteTransaction | None = None

    def __enter__(self) -> WriteTransaction:
        """Take the writer lock and begin.

        Raises:
            UsageError: this thread is inside a transaction already, or the
                block was entered before.
            ClosedError: the database is closed.
        """
        if self._transaction is not None:
            raise UsageError("a write block can be entered once; call db.write() again")
        writer = self._writer
        writer.require_outside()
        try:
            self._transaction = writer.begin()
        except BaseException:
            try:
                writer.abort()
            finally:
                writer.abort()
            raise
        return self._transaction

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or roll back if an exception passes.

        Raises:
            UsageError: the block was not entered.
        """
        transaction, writer = self._transaction, self._writer
        try:
            if transaction is None:
                raise UsageError("a write block is left before it was entered")
            if writer.current is not transaction or not writer.is_mine():
                raise UsageError(
                    "a write block is left by the thread that entered it, and once; "
                    "nothing is committed"
                )
            if kind is None:
                writer.commit(transaction)
        finally:
            self.__del__()

    def commit(self) -> NoReturn:
        """Refuse: leaving the ``with`` block commits.

        Raises:
            UsageError: always.
        """
        raise UsageError("db.write() is committed by leaving its with block")

    def rollback(self) -> NoReturn:
        """Refuse: an exception that leaves the ``with`` block rolls back.

        Raises:
            UsageError: always.
        """
        raise UsageError("to roll db.write() back, raise out of its with block")

    def __del__(self) -> None:
        """Roll back, if the block is still open: an exception may cut its end off."""
        transaction = getattr(self, "_transaction", None)  # made in full, and entered
        if transaction is not None and self._writer.current is transaction:
            try:
                self._writer.abort()
            finally:
                self._writer.abort()
