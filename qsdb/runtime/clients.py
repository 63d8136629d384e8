"""`Clients`: who is connected, as rows of ``st_client``, and what is done about it.

Clients are noted where the module has a function for their coming or their going:
elsewhere a connection costs no commit. A client that connects is noted, and
``client_connected`` runs, in one transaction: if that raises, the client is refused
and nothing has happened. When it has gone, ``client_disconnected`` runs and the note is
taken away, in one transaction; if that raises, the note is taken away alone. So each
note is followed by one end, also that of a client whose process was killed: its end
comes when the database is opened again.
"""

import contextlib
import functools
import logging
from typing import cast

from qsdb.errors import AccessError, ClosedError, StorageError
from qsdb.logs import DATABASE
from qsdb.runtime.call_contexts import Arguments, Sender
from qsdb.runtime.calls import Calls, StaleFunctionError
from qsdb.runtime.prepared import handle_of
from qsdb.schema.contexts import Table
from qsdb.schema.functions import CONNECTED, DISCONNECTED
from qsdb.schema.system import ST_CLIENT, StClient
from qsdb.store.opened import Entry, Opened
from qsdb.store.transactions import WriteTransaction

__all__ = ["Clients"]


class Clients:
    """The clients of one database."""

    def __init__(self, calls: Calls) -> None:
        """Run the lifecycle functions of these calls."""
        self._calls = calls
        self._logger = logging.getLogger(f"qsdb.{calls.module.name}.clients")

    @property
    def are_noted(self) -> bool:
        """Whether the module that is published attends to clients."""
        return bool(self._calls.module.lifecycle.keys() & {CONNECTED, DISCONNECTED})

    @property
    def _entry(self) -> Entry:
        return self._calls.writer.directory.system[ST_CLIENT]

    def _table(self, transaction: Opened) -> Table[StClient]:
        return cast(Table[StClient], handle_of(transaction, self._entry))

    def connect(self, sender: Sender) -> None:
        """Note a client, if clients are noted, unless it is refused.

        Raises:
            AccessError: ``client_connected`` raised, and that is the cause.
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        if not self.are_noted:
            return
        try:
            self._calls.run_turn(
                self._calls.module.lifecycle.get(CONNECTED),
                sender,
                before=functools.partial(self.note, sender),
                refuse=_refuse,
            )
        except StaleFunctionError:
            self.connect(sender)

    def note(self, sender: Sender, transaction: WriteTransaction) -> Arguments:
        """Note a client, before ``client_connected`` runs in the same transaction."""
        assert sender.connection is not None
        self._table(transaction).insert(StClient(sender.identity, sender.connection))
        return ()

    def forget(self, sender: Sender, transaction: WriteTransaction) -> Arguments:
        """Take the note of a client away, after ``client_disconnected``."""
        self._table(transaction).delete_by_key(sender.connection)
        return ()

    def disconnect(self, sender: Sender) -> None:
        """Take the note of a client away, if there is one; what fails is logged."""
        # Notes may be those of a module that was published before.
        if self.are_noted or self._entry.table.count:
            self._disconnect(sender)

    def _disconnect(self, sender: Sender) -> None:
        try:
            self._end(sender)
        except StorageError as error:
            self._logger.warning(
                "%r has gone, which will be noted when the database is opened again, "
                "as it cannot be now: %s",
                sender.connection,
                error,
                extra=self._fields(sender),
            )

    def _end(self, sender: Sender) -> None:
        """Run what is to run and forget a client, or at least forget it.

        A database that is closed has seen to all of its clients.

        Raises:
            StorageError: it cannot be written.
        """
        connection = sender.connection

        def arguments(transaction: WriteTransaction) -> Arguments | None:
            is_there = self._table(transaction).get(connection) is not None
            return () if is_there else None

        forget = functools.partial(self.forget, sender)
        run = self._calls.run_turn
        function = self._calls.module.lifecycle.get(DISCONNECTED)
        with contextlib.suppress(ClosedError):
            try:
                run(function, sender, before=arguments, after=forget)
            except (ClosedError, StorageError, KeyboardInterrupt):
                raise
            except StaleFunctionError:
                self._end(sender)
            except BaseException:  # an exit of the function's, too
                self._logger.exception(
                    "%s failed for %r, which has gone",
                    DISCONNECTED,
                    connection,
                    extra=self._fields(sender),
                )
                run(None, sender, before=forget)

    def _fields(self, sender: Sender) -> dict[str, object]:
        """Give what a record says of a client (`qsdb.logs`)."""
        function = self._calls.module.lifecycle.get(DISCONNECTED)
        connection = sender.connection
        return {
            "module_name": self._calls.module.name,
            "reducer": None if function is None else function.name,
            "sender": sender.identity.to_hex(),
            DATABASE: self._calls.identity,
            "connection": None if connection is None else connection.to_hex(),
        }

    def disconnect_all(self) -> None:
        """See all clients off that are noted: when opening those of a process before.

        Raises:
            ClosedError: the database is closed.
        """
        with self._calls.writer.directory.read() as reading:
            clients = [*self._table(reading)]
        for client in clients:
            self._disconnect(Sender(client.identity, client.connection_id))


def _refuse(name: str, error: Exception) -> AccessError:
    said = str(error) or type(error).__name__
    return AccessError(f"{name} refuses the connection: {said}")
