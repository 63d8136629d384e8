"""`Clients`: who is connected, as rows of ``st_client``, and what is done about it.

Clients are noted where the module has a function for their coming or their going:
elsewhere a connection costs no commit. A client that connects is noted, and
``client_connected`` runs, in one transaction: if that raises, the client is refused
and nothing has happened. When it has gone, ``client_disconnected`` runs and the note is
taken away, in one transaction; if that raises, the note is taken away alone. So each
note is followed by one end, also that of a client whose process was killed: its end
comes when the database is opened again. What its token says is noted with it, so that
``client_disconnected`` is told of that then, too.

A module that attends to clients may be published where none did before. So whoever is
connected is known in any case, in memory, and that publication notes them all, in its
own commit (`to_note`).
"""

import contextlib
import functools
import logging
from typing import cast

from qsdb.errors import AccessError, ClosedError, StorageError
from qsdb.logs import DATABASE
from qsdb.runtime.call_contexts import Arguments, Sender
from qsdb.runtime.calls import Calls, StaleFunctionError
from qsdb.runtime.client_notes import claims_of, client_of, credentials_of
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.present import Present
from qsdb.schema.contexts import Auth, Table
from qsdb.schema.functions import CONNECTED, DISCONNECTED, Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.system import (
    ST_CLIENT,
    ST_CREDENTIALS,
    StClient,
    StConnectionCredentials,
)
from qsdb.store.opened import Entry, Opened
from qsdb.store.transactions import WriteTransaction

__all__ = ["Clients"]


class Clients:
    """The clients of one database."""

    def __init__(self, calls: Calls) -> None:
        """Run the lifecycle functions of these calls."""
        self._calls = calls
        self._logger = logging.getLogger(f"qsdb.{calls.module.name}.clients")
        self._is_awaited = False
        self._here = Present()

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._here)

    @property
    def are_noted(self) -> bool:
        """Whether the module that is published attends to clients, or is about to."""
        return self._is_awaited or _attends(self._calls.module)

    @property
    def _entry(self) -> Entry:
        return self._calls.writer.directory.system[ST_CLIENT]

    def _table(self, transaction: Opened) -> Table[StClient]:
        return cast(Table[StClient], handle_of(transaction, self._entry))

    def _credentials(self, transaction: Opened) -> Table[StConnectionCredentials]:
        entry = self._calls.writer.directory.system[ST_CREDENTIALS]
        return cast(Table[StConnectionCredentials], handle_of(transaction, entry))

    # Coming.

    def connect(self, sender: Sender) -> None:
        """Know a client, and note it, if clients are noted, unless it is refused.

        Raises:
            AccessError: ``client_connected`` raised, and that is the cause.
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        # Known first: so who publishes sees it here, or it sees who publishes.
        self._here.add(sender)
        if not self.are_noted:
            return
        function = self._calls.module.lifecycle.get(CONNECTED)

        def note(transaction: WriteTransaction) -> Arguments | None:
            self._require_served(CONNECTED, function)
            is_noted = _attends(self._calls.module)
            return self.note(sender, transaction) if is_noted else None

        try:
            self._calls.run_turn(function, sender, before=note, refuse=_refuse)
        except StaleFunctionError:
            self.connect(sender)
        except BaseException:
            with contextlib.suppress(ClosedError, StorageError):
                self._refused(sender)
            raise

    def note(self, sender: Sender, transaction: WriteTransaction) -> Arguments:
        """Note a client, before ``client_connected`` runs in the same transaction."""
        clients, credentials = self._table(transaction), self._credentials(transaction)
        if sender in self._here and clients.get(sender.connection) is not None:
            return ()  # a publication was faster
        clients.insert(client_of(sender))
        for row in credentials_of(sender):
            credentials.insert(row)
        return ()

    def _refused(self, sender: Sender) -> None:
        """Forget who was refused, and a note that a publication has made of it."""
        if sender not in self._here:
            return
        self._here.remove(sender)
        with self._calls.writer.directory.read() as reading:
            is_noted = self._table(reading).get(sender.connection) is not None
        if is_noted:
            forget = functools.partial(self.forget, sender)
            self._calls.run_turn(None, sender, before=forget)

    def to_note(self, module: ModuleSchema) -> list[Sender]:
        """Give who is to be noted when a module is published, under the writer lock.

        Those who connect until `published` wait for the lock, and find out then.
        """
        if not _attends(module) or _attends(self._calls.module):
            return []
        self._is_awaited = True
        return self._here.all()

    def published(self) -> None:
        """Take in that a module was published, or was not; twice is once."""
        self._is_awaited = False

    # Going.

    def forget(self, sender: Sender, transaction: WriteTransaction) -> Arguments:
        """Take the note of a client away, after ``client_disconnected``."""
        self._table(transaction).delete_by_key(sender.connection)
        self._credentials(transaction).delete_by_key(sender.connection)
        return ()

    def disconnect(self, sender: Sender) -> None:
        """Take the note of a client away, if there is one; what fails is logged."""
        self._here.remove(sender)
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
        function = self._calls.module.lifecycle.get(DISCONNECTED)

        def arguments(transaction: WriteTransaction) -> Arguments | None:
            self._require_served(DISCONNECTED, function)
            is_there = self._table(transaction).get(connection) is not None
            return () if is_there else None

        forget = functools.partial(self.forget, sender)
        run = self._calls.run_turn
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

    def _require_served(self, turn: str, function: Reducer | None) -> None:
        """Refuse what is not the function of the module that is published now.

        Raises:
            StaleFunctionError: it is not.
        """
        if self._calls.module.lifecycle.get(turn) is not function:
            raise StaleFunctionError

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
            clients = [self.noted(each, reading) for each in self._table(reading)]
        for client in clients:
            self._disconnect(client)

    def noted(self, client: StClient, opened: Opened) -> Sender:
        """Say who is noted; of those whom older versions noted, without claims."""
        row = self._credentials(opened).get(client.connection_id)
        claims = None if row is None else claims_of(row)
        return Sender(client.identity, client.connection_id, Auth(claims=claims))


def _attends(module: ModuleSchema) -> bool:
    return bool(module.lifecycle.keys() & {CONNECTED, DISCONNECTED})


def _refuse(name: str, error: Exception) -> AccessError:
    said = str(error) or type(error).__name__
    return AccessError(f"{name} refuses the connection: {said}")
