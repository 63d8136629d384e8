"""Transactions as users have them: with SQL in them.

The store knows no SQL, and SQL no store; here they meet.
"""

from collections.abc import Mapping, Sequence

from qsdb.errors import ClosedError
from qsdb.runtime.optimistic import SqlOptimisticTransaction
from qsdb.runtime.queries import Queries
from qsdb.runtime.variables import Variables
from qsdb.runtime.writer import Writer
from qsdb.schema.contexts import AnyContext
from qsdb.schema.procedures import ProcedureTransaction
from qsdb.schema.results import Result
from qsdb.schema.views import View
from qsdb.store.directory import Directory, Edition
from qsdb.store.images import StoredTable
from qsdb.store.reads import ReadTransaction
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import Identity

__all__ = ["queries_of", "sql_directory"]


def sql_directory(tables: Sequence[StoredTable], offset: int = 0) -> Directory:
    """Give the directory of some tables, with transactions that know SQL."""
    return Directory(
        tables,
        offset,
        SqlWriteTransaction,
        SqlReadTransaction,
        SqlOptimisticTransaction,
    )


def queries_of(
    writer: Writer,
    owner: Identity,
    edition: Edition | None = None,
    variables: Variables | None = None,
    views: Mapping[str, View] | None = None,
) -> Queries:
    """Give the SQL of a database to itself and to its transactions.

    Args:
        writer: Of the database.
        owner: Who may see and change everything.
        edition: The tables; those that it has if not given.
        variables: What SET is about; as in the beginning if not given.
        views: Name → view.
    """
    edition = edition or writer.directory.edition
    variables = variables or Variables()
    queries = Queries(writer, owner, edition.tables, variables, views)
    write_class, read_class = edition.write_class, edition.read_class
    optimistic_class = edition.optimistic_class
    assert issubclass(write_class, SqlWriteTransaction)
    assert issubclass(read_class, SqlReadTransaction)
    assert issubclass(optimistic_class, SqlOptimisticTransaction)
    write_class._queries = read_class._queries = queries
    optimistic_class._queries, optimistic_class._writer = queries, writer
    return queries


class SqlReadTransaction(ReadTransaction):
    """The database at one offset, also for SQL."""

    __slots__ = ()

    _queries: Queries
    """Of the derived class: those of one database."""

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a query at this transaction's offset, as the owner.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            ReadOnlyError: it changes something.
            ClosedError: the transaction has ended.
        """
        return self._sql_within("", text, params)

    def _sql_within(
        self, namespace: str, text: str, params: Mapping[str, object] | None
    ) -> Result:
        self._require_open()
        queries = self._queries
        return queries.run_in(self, text, params, queries.owner, namespace)


class SqlWriteTransaction(WriteTransaction, ProcedureTransaction):
    """The serial write transaction, also for SQL."""

    __slots__ = ()

    _queries: Queries
    """Of the derived class: those of one database."""

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a statement inside of the transaction, with the rights of the owner.

        What the transaction has changed is seen. ``:sender`` is who called the
        reducer or procedure. A statement that fails changes nothing, and the
        transaction may go on.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            ConstraintError: what it would insert or change cannot be.
            ClosedError: the transaction has ended.
        """
        return self._sql_within("", text, params)

    def _sql_within(
        self, namespace: str, text: str, params: Mapping[str, object] | None
    ) -> Result:
        if not self._is_open:
            raise ClosedError("this write transaction has ended")
        queries, context = self._queries, self._context
        sender = queries.owner
        if isinstance(context, AnyContext):
            sender = context.sender
        return queries.run_in(self, text, params, sender, namespace)
