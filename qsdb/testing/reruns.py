"""`Rerun`: a database in memory in which logged calls are run once more.

It has the state before a commit. A commit that a call made is run again, with all that
the call knew: arguments, caller, time and random numbers are in the log. What it writes
is not kept on any disk, but a record is made of it as ever, to be compared with the
logged one. A commit that no call made is applied as it is logged.

=====================  ==========================================================
a call of              is run in a transaction in which, as in the first one,
=====================  ==========================================================
a reducer              nothing was done before
``init``               the tables of the system are filled, from the log
the reducer of a       the timer is set to when the log says that it is due next;
schedule               the row of a time goes afterwards
``client_connected``   the client is noted
``…_disconnected``     the note of it is taken away afterwards
=====================  ==========================================================

What a call does not know from the log: the claims of the caller's token, unless the
caller is a client that was noted, with what its token says.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from qsdb.codec.bsatn import reader
from qsdb.errors import ArgumentError, NotFoundError, SchemaError
from qsdb.log.records import Call, Record, read_record, replay
from qsdb.recovery.state import State, table_reader
from qsdb.runtime.call_contexts import INTERNAL, Arguments, Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.client_notes import claims_of
from qsdb.runtime.clients import Clients
from qsdb.runtime.due_runs import Run
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.module_tables import load_tables, new_tables
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.scheduler import Scheduler
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.transactions import queries_of, sql_directory
from qsdb.runtime.writer import Writer
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.contexts import Auth
from qsdb.schema.functions import CONNECTED, DISCONNECTED, INIT, Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.rows import Row, stored_of
from qsdb.schema.system import (
    ST_CLIENT,
    ST_CREDENTIALS,
    ST_TIMER,
    USER_IDS_FIRST,
    StConnectionCredentials,
    StModule,
    system_tables,
)
from qsdb.store.applying import Replica
from qsdb.store.transactions import WriteTransaction
from qsdb.testing.clock import FakeClock
from qsdb.testing.replay_changes import deviations
from qsdb.testing.replay_report import Deviation
from qsdb.values.compounds import ProductKind
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["Rerun", "Stored"]

_OF_CALLS = frozenset({ST_CLIENT, ST_CREDENTIALS, ST_TIMER})
"""Tables of the system that commits change all the time; the others hold the schema."""


class Stored(NamedTuple):
    """What a log says of its database.

    Attributes:
        module: The database, and its module.
        reducers: Name of each reducer → its parameters.
    """

    module: StModule
    reducers: Mapping[str, ProductKind]


class _Turn(NamedTuple):
    """How a function is run again; the fields are those of `Calls.run_turn`."""

    function: Reducer
    sender: Sender
    before: Callable[[WriteTransaction], Arguments | None]
    after: Callable[[WriteTransaction], object] | None = None


class _LoggedSeeds(Seeds):
    """The seeds of the calls in a log.

    Attributes:
        state: What the seed of the call that is run is mixed from.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        super().__init__(0)
        self.state = 0

    def state_of_call(self, number: int) -> int:
        return self.state


class _Recorder:
    """Stands where the log of a database is, and keeps the last record.

    Attributes:
        record: It; None where nothing was committed.
    """

    def __init__(self, offset: int) -> None:
        self.record: bytes | None = None
        self.appended_offset = offset

    def append(self, record: bytes) -> None:
        self.record = record
        self.appended_offset += 1


class Rerun:
    """A database in which logged commits are run again, one after the other.

    Attributes:
        replayed: How many calls did the same.
        applied: How many commits were no calls.
    """

    def __init__(
        self, schema: ModuleSchema, state: State, stored: Stored, path: str
    ) -> None:
        """Begin with a state.

        Args:
            schema: The module whose functions are run.
            state: Before the first commit; it is of no use afterwards.
            stored: What the log says of database and module.
            path: Of the database, for messages.

        Raises:
            SchemaError: the module has other tables than those that are stored.
            CorruptionError: what is stored is no schema.
        """
        self.replayed = self.applied = 0
        self._path = path
        self._schema = schema
        self._stored = stored
        is_new = not state.offset
        tables = new_tables(schema) if is_new else load_tables(state, schema, path)
        self._tables = {each.table_id: each for each in tables}
        directory = sql_directory(tables, state.offset)
        self._clock = FakeClock(Timestamp.from_stored(state.microseconds))
        self._writer = Writer(directory, self._clock, state.microseconds)
        self._seeds = _LoggedSeeds()
        module = stored.module
        identities = module.database_identity, module.owner_identity
        self._calls = Calls(schema, self._writer, self._seeds, identities)
        queries_of(self._writer, self._calls.owner, views=schema.views)
        self._recorder = _Recorder(state.offset)
        self._writer.journal = DiskJournal(self._recorder, schema)
        self._timers = Scheduler(self._calls).timers
        self._clients = Clients(self._calls)
        readers = {
            number: table_reader(number, each.bound.schema)
            for number, each in self._tables.items()
        }
        self._replica = Replica(
            directory.store,
            {n: (each.read_row, each.read_key) for n, each in readers.items()},
        )

    def run(self, offset: int, data: bytes) -> Deviation | None:
        """Run the next commit again, or apply it; give how it differs.

        Args:
            offset: Of the commit.
            data: Its record.

        Raises:
            NotFoundError: the module has no such function any more.
            SchemaError: it takes other arguments.
            ArgumentError: the commit has changed the schema.
            RecordError: the record is none.
        """
        record = read_record(data)
        self._check_schema(offset, record)
        if record.call is None:
            self._replica.apply(functools.partial(replay, data))
            self._recorder.appended_offset += 1
            self.applied += 1
            return None
        self._clock.set(Timestamp.from_stored(record.microseconds))
        self._seeds.state = record.call.state
        self._recorder.record = None
        turn, arguments = self._turn(offset, record, record.call)
        error: Exception | None = None
        try:
            self._calls.run_turn(
                turn.function, turn.sender, before=turn.before, after=turn.after
            )
        except Exception as raised:  # noqa: BLE001  whatever it is, it is told
            error = raised
        differing = deviations(self._tables, data, self._recorder.record)
        if error is None and not differing:
            self.replayed += 1
            return None
        return Deviation(
            offset,
            turn.function.name,
            arguments,
            turn.sender.identity,
            turn.sender.connection,
            Timestamp.from_stored(record.microseconds),
            differing,
            error,
        )

    def _check_schema(self, offset: int, record: Record) -> None:
        ids = {section.table_id for section in record.sections}
        changed = [each for each in ids if each < USER_IDS_FIRST] if offset > 1 else []
        if {*changed} - _OF_CALLS:
            raise ArgumentError(
                f"{self._path}: the commit at offset {offset} changes what the system "
                f"tables hold; replay up to {offset - 1} with the module from before "
                f"it, and from {offset + 1} on with the one from after it"
            )

    # What is run.

    def _turn(
        self, offset: int, record: Record, call: Call
    ) -> tuple[_Turn, dict[str, object]]:
        """Say how a call is run again, and give its arguments by name."""
        connection = ConnectionId.from_stored(call.connection)
        is_over_one = any(call.connection)
        identity = Identity.from_stored(call.caller)
        sender = Sender(identity)
        if is_over_one:
            sender = Sender(identity, connection, self._auth(record, connection))
        if identity == self._calls.identity and not is_over_one:
            sender = Sender(identity, auth=INTERNAL)  # a schedule, or its procedure
        sections = {each.table_id: each for each in record.sections}
        lifecycle = self._schema.lifecycle
        if offset == 1:
            function = self._named(offset, call, lifecycle.get(INIT))
            inside = Sender(sender.identity, auth=INTERNAL)
            fill = functools.partial(self._fill, record)
            return _Turn(function, inside, fill), {}
        if ST_CLIENT in sections:
            if sections[ST_CLIENT].puts_count:
                function = self._named(offset, call, lifecycle.get(CONNECTED))
                note = functools.partial(self._clients.note, sender)
                return _Turn(function, sender, note), {}
            function = self._named(offset, call, lifecycle.get(DISCONNECTED))
            forget = functools.partial(self._clients.forget, sender)
            return _Turn(function, sender, lambda _: (), forget), {}
        function = self._named(offset, call, self._schema.reducers.get(call.reducer))
        values = self._arguments(function, call)
        names = [each.name for each in function.parameters.parameters]
        arguments = dict(zip(names, values, strict=True))
        run = self._run_of(record, sender, function, values)
        if run is not None:
            return _Turn(function, sender, run.begin, run.end), arguments
        return _Turn(function, sender, lambda _: values), arguments

    def _auth(self, record: Record, connection: ConnectionId) -> Auth:
        """Give what a client's note says, or the one that the commit itself makes."""
        table, number = self._tables[ST_CREDENTIALS], connection.stored
        found = [table.rows[number]] if number in table.rows else []
        read = table_reader(ST_CREDENTIALS, table.bound.schema).rows
        for section in record.sections:
            if section.table_id == ST_CREDENTIALS:
                puts, _ = read(record, section)
                found += [row for row in puts if row[0] == number]
        if not found:
            return Auth()
        noted = tuple.__new__(StConnectionCredentials, found[0])  # type: ignore[type-var]
        return Auth(claims=claims_of(noted))

    def _named(self, offset: int, call: Call, found: Reducer | None) -> Reducer:
        if found is None or found.name != call.reducer:
            raise NotFoundError(
                f"{self._path}: the commit at offset {offset} was made by "
                f"{call.reducer}, which module {self._schema.name} does not have"
            )
        return found

    def _fill(self, record: Record, transaction: WriteTransaction) -> Arguments:
        """Fill the tables of the system as the first commit did; timers are armed."""
        for section in record.sections:
            table_id = section.table_id
            if table_id < USER_IDS_FIRST and table_id != ST_TIMER:
                entry = self._writer.directory.system[table_id]
                bound = entry.bound
                puts, _ = table_reader(table_id, bound.schema).rows(record, section)
                rows = [tuple.__new__(bound.row_class, each) for each in puts]  # type: ignore[type-var]
                handle_of(transaction, entry).insert_many(rows)
        return ()

    def _arguments(self, function: Reducer, call: Call) -> Arguments:
        """Give the arguments of a call as its function gets them."""
        kind = parameters_kind(function)
        if self._stored.reducers.get(call.reducer, kind) != kind:
            raise SchemaError(
                f"{self._path}: {call.reducer} took other arguments when it was called "
                f"than it does in module {self._schema.name}"
            )
        decoded, _ = reader(kind)(call.arguments, 0)
        stored = cast(tuple[object, ...], decoded)
        parameters = function.parameters.parameters
        values = [
            each.binding.leave(value)
            for each, value in zip(parameters, stored, strict=True)
        ]
        return function.check(*values)

    def _run_of(
        self, record: Record, sender: Sender, function: Reducer, values: Arguments
    ) -> Run | None:
        """Give the run of a schedule that a call is; None if it is none.

        A run moves its timer, and is not before it is due; else a scheduled procedure
        has called the reducer, or it comes to the same. The log says when the timer is
        due next, and not what was now; so now is taken to be what makes that come out,
        if the reducer has not armed it anew.
        """
        tables = self._timers.tables.values()
        scheduled = next((each for each in tables if each.function is function), None)
        if scheduled is None or sender.identity != self._calls.identity:
            return None
        [row] = values
        assert isinstance(row, Row)
        number = scheduled.number(stored_of(row))
        timer, moved = self._tables[ST_TIMER].rows.get(number), _timers_moved(record)
        if timer is None or number not in moved:
            return None
        now = due = cast(int, timer[_DUE])
        if due > record.microseconds:
            return None
        then, when = moved[number], scheduled.when(row)
        if then is not None and not when.is_time:
            _, interval = when.stored
            now = due if (then - due) % interval else then - interval
        now = min(now, record.microseconds)  # no transaction is before its now
        return Run(self._timers, self._writer, number, due, now)


_DUE = 2
"""The place of a timer's due time in ``st_timer``."""


def _timers_moved(record: Record) -> dict[object, int | None]:
    """Give the timers that a commit set, and when they are due then; None for never."""
    _, bound = next(each for each in system_tables() if each[0] == ST_TIMER)
    found: dict[object, int | None] = {}
    for section in record.sections:
        if section.table_id == ST_TIMER:
            puts, removed = table_reader(ST_TIMER, bound.schema).rows(record, section)
            found |= {row[:_DUE]: cast(int, row[_DUE]) for row in puts}
            found |= dict.fromkeys(removed)
    return found
