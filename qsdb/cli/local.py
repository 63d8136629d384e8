"""`Local`: a database in files, without a server.

It is asked as its owner. Reading needs no lock, so another process may have it open and
go on writing; only what writes takes the lock, and then only as long as it takes.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from qsdb.cli.commit_lines import CommitLog
from qsdb.cli.plain_values import plain, plain_row
from qsdb.cli.targets import Answer, Change, RequestError
from qsdb.errors import NotFoundError, QsdbError, ReadOnlyError, brief
from qsdb.recovery.directories import find_database
from qsdb.runtime.database import Database
from qsdb.runtime.live_queries import LiveQuery
from qsdb.runtime.row_filters import check_filters
from qsdb.runtime.updates import Update
from qsdb.schema.functions import Reducer
from qsdb.schema.modules import Module
from qsdb.schema.procedures import Procedure
from qsdb.schema.results import Result
from qsdb.server.definitions import definition
from qsdb.server.json_arguments import arguments_reader

__all__ = ["Local"]

POLL_SECONDS = 0.5
"""Who follows a log waits so long at a time, and so ends soon when told to."""


class Local:
    """A database in files."""

    def __init__(self, path: str, module: Module) -> None:
        """Open a database to read.

        Args:
            path: Its directory.
            module: Its module.

        Raises:
            StorageError: there is no database, or it cannot be read.
            SchemaError: it is that of another module.
        """
        self._files = find_database(path)
        self._module = module
        self._reading = Database(module, self._files, read_only=True)
        self._schema = module.compiled(check_filters)

    def call(self, name: str, arguments: str) -> object:
        found: Reducer | Procedure | None = self._schema.reducers.get(name)
        found = found or self._schema.procedures.get(name)
        if found is None:
            there = ", ".join([*self._schema.reducers, *self._schema.procedures])
            raise NotFoundError(
                f"no reducer or procedure {brief(name)}; there are: {there or 'none'}"
            )
        with self._writing() as database:
            values = arguments_reader(found.parameters)(arguments)
            try:
                given = database.call(name, *values)
            except QsdbError:
                raise
            except Exception as error:  # whatever the function raises
                raise RequestError(f"{type(error).__name__}: {error}") from error
        kind = None if found.returns is None else found.returns.kind
        return plain(given, kind)

    def sql(self, text: str) -> list[Answer]:
        try:
            return [_answer(self._reading.sql(text))]
        except ReadOnlyError:
            with self._writing() as database:
                answer = _answer(database.sql(text))
            self._reading.refresh()
            return [answer]

    def definition(self, *, has_returns: bool = False) -> Mapping[str, Any]:
        return definition(self._schema, 10, has_returns=has_returns)

    @contextlib.contextmanager
    def changes(self, query: str) -> Iterator[Iterator[Change]]:
        told: list[Update] = []
        with self._reading.subscribe(query, told.append) as live:
            yield self._followed(live, told)

    def _followed(self, live: LiveQuery, told: list[Update]) -> Iterator[Change]:
        for row in live.initial:
            yield Change("initial", live.columns, plain_row(row), live.offset)
        while live.error is None:
            while told:
                update = told.pop(0)
                yield from _changes_of(update)
            self._reading.refresh(POLL_SECONDS)
        raise live.error

    def log_lines(self, count: int, *, follow: bool) -> Iterator[Mapping[str, Any]]:
        """Give what the commit log tells: which call made each commit.

        What functions wrote to their log is not in the files of a database.
        """
        log = CommitLog(self._files, self._schema)
        last = self._reading.refresh()
        yield from log.lines(max(last - count + 1, log.first), last)
        while follow:
            end = self._reading.refresh(POLL_SECONDS)
            yield from log.lines(last + 1, end)
            last = end

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Database]:
        """Have the database to write, for as long as it takes."""
        with Database(self._module, self._files, scheduler="manual") as database:
            yield database

    def close(self) -> None:
        self._reading.close()


def _answer(result: Result) -> Answer:
    if result.rows_affected is not None:
        return Answer((), (), result.rows_affected)
    return Answer(result.columns, [plain_row(row) for row in result])


def _changes_of(update: Update) -> Iterator[Change]:
    for row in update.deletes:
        yield Change("delete", update.columns, plain_row(row), update.offset)
    for row in update.inserts:
        yield Change("insert", update.columns, plain_row(row), update.offset)
