"""SQL over one database: texts become prepared statements, which are kept.

A statement is prepared for whoever may see the tables in it: for the owner, who sees
all of them and may change those of the module, or for everybody else, who sees the
public ones. All that a plan depends on is the schema, so a statement can be kept for as
long as that is the same.

A query reads the last commit. Most take a read transaction for that; one look-up of
one row is done between two commits, which costs a fifth (`qsdb.store.latest`).
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast
from weakref import WeakValueDictionary

from qsdb.errors import (
    AccessError,
    ArgumentError,
    ClosedError,
    ReadOnlyError,
    brief,
)
from qsdb.live.explaining import explain_live
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.prepared import (
    KEPT_CHARACTERS_MAX,
    PREPARED_MAX,
    PreparedChange,
    PreparedInsertion,
    PreparedQuery,
    Values,
    prepare_change,
    prepare_insertion,
    prepare_query,
)
from qsdb.runtime.row_filters import RowFilters, within_namespace
from qsdb.runtime.table_counts import counts_of, sizes_of
from qsdb.runtime.tallies import Tallies
from qsdb.runtime.variables import Variables
from qsdb.runtime.view_runs import ViewRuns
from qsdb.runtime.view_sources import prepare_view_query
from qsdb.runtime.visibility import Visibility
from qsdb.runtime.writer import Writer
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.results import Result
from qsdb.schema.rows import Row
from qsdb.schema.tables import TableSchema
from qsdb.schema.views import View
from qsdb.sql.arguments import bind_parameters
from qsdb.sql.arranging import AnyPlan, plan_query
from qsdb.sql.checking import SENDER
from qsdb.sql.compiling import compile_values
from qsdb.sql.explaining import explain
from qsdb.sql.parsing import parse
from qsdb.sql.queries import (
    Change,
    Deletion,
    Insertion,
    Query,
    Setting,
    Showing,
)
from qsdb.sql.relations import Derived, Selected
from qsdb.sql.statements import Checked, Explanation, check_statement
from qsdb.store.latest import Latest
from qsdb.store.opened import Entry, Tables
from qsdb.store.optimistic.transactions import OptimisticTransaction
from qsdb.store.reads import ReadTransaction
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import Identity

__all__ = ["Prepared", "Queries"]

Transaction = ReadTransaction | OptimisticTransaction | WriteTransaction
Params = Mapping[str, object] | None
NoQuery = PreparedChange | PreparedInsertion | Explanation | Setting | Showing
Prepared = PreparedQuery | NoQuery


class _Plan(NamedTuple):
    """A row of what EXPLAIN gives."""

    plan: str


class _RowLimit(NamedTuple):
    """The row that SHOW row_limit gives."""

    row_limit: int | None


class Queries:
    """Runs statements of SQL, over the tables of one module.

    Attributes:
        owner: Who may see and change everything.
        variables: What SET and SHOW are about.
        entries: Name → table, those of the system too.
        views: Name → view.
        view_runs: Runs them.
        asked: Template → what is made of it, as long as anybody listens to it.
    """

    def __init__(
        self,
        writer: Writer,
        owner: Identity,
        tables: Tables,
        variables: Variables,
        views: Mapping[str, View] | None = None,
    ) -> None:
        """Run them over tables that `writer` writes to, as long as it has these.

        Args:
            writer: Of the database.
            owner: Who may see and change everything.
            tables: They.
            variables: What SET and SHOW are about.
            views: Name → view.
        """
        self.owner = owner
        self._own = owner.stored, True
        self.variables = variables
        self._writer = writer
        self._tables = tables
        self._latest = Latest(tables)
        self.views = {} if views is None else views
        system = {each.bound.schema.name: each for each in tables.system.values()}
        self.entries = {**tables.by_name, **system}
        self.view_runs = ViewRuns(
            tables, self.check, self.entries, Tallies(writer.clock)
        )
        self._all = {name: _schema(each) for name, each in self.entries.items()}
        self._all |= {name: each.bound.schema for name, each in self.views.items()}
        self._public = {n: each for n, each in self._all.items() if each.is_public}
        self._system = frozenset(system)
        public = self._public.keys() & self.entries.keys()
        ids = [self.entries[name].table.table_id for name in public]
        self._visibility = Visibility(sorted(ids), RowFilters(self._all))
        self.prepared = functools.lru_cache(PREPARED_MAX)(self._prepare)
        self.asked: WeakValueDictionary[object, Any] = WeakValueDictionary()

    def visible_tables(
        self, *, is_owner: bool
    ) -> tuple[Mapping[str, BoundTable], Mapping[type[Row], BoundTable]]:
        """Give what somebody may see: by name, and tables by row class.

        Views are among the former; those with arguments are not, since rows of several
        of their results may contradict each other.
        """
        visible = self._all if is_owner else self._public
        bounds = {name: each.bound for name, each in self.entries.items()}
        bounds |= {
            name: each.bound
            for name, each in self.views.items()
            if not each.parameters.parameters
        }
        by_class = {
            row_class: each.bound
            for row_class, each in self._tables.by_class.items()
            if _schema(each).name in visible
        }
        return {name: bounds[name] for name in visible if name in bounds}, by_class

    @property
    def gone(self) -> Mapping[type[Row], str]:
        """Row class → what became of its table, of those of earlier modules."""
        return self._tables.gone

    @property
    def public_names(self) -> list[str]:
        """The names of the public tables that are no tables of the system."""
        users = self.entries.keys() - self._system
        return [name for name in self._public if name in users]

    # Preparing.

    def _prepare(self, text: str, is_owner: bool, namespace: str = "") -> Prepared:  # noqa: FBT001  a key
        checked = self.check(text, is_owner, namespace)
        match checked:
            case Query() | Derived():
                return self.prepare(checked)
            case Explanation() | Showing():
                return checked
            case _:
                return self._prepare_change(checked, is_owner=is_owner)

    def prepare(self, query: Selected) -> PreparedQuery:
        """Plan and compile a query."""
        if query.views:
            return prepare_view_query(query, self.entries, self.views, self.view_runs)
        return prepare_query(query, self.entries)

    def check(self, text: str, is_owner: bool, namespace: str = "") -> Checked:  # noqa: FBT001  a key
        """Parse a statement and find what it names, for whoever asks.

        Args:
            text: The statement.
            is_owner: Whether it is the owner who asks.
            namespace: The mounted module whose names it has; only for the owner.

        Raises:
            QueryError: it is wrong, or names what there is not.
        """
        if is_owner:
            tables = within_namespace(namespace, self._all)
            return check_statement(text, parse(text), tables)
        checked = check_statement(text, parse(text), self._public)
        return self._visibility.narrowed(checked)

    def _prepare_change(
        self, checked: Change | Deletion | Insertion | Setting, *, is_owner: bool
    ) -> Prepared:
        if not is_owner:
            raise AccessError(
                "only the owner may change anything by SQL; call a reducer instead"
            )
        match checked:
            case Setting():
                return checked
            case Insertion(schema=schema):
                self._require_users(schema)
                return prepare_insertion(checked, self.entries)
            case _:
                self._require_users(checked.query.sources[0].schema)
                return prepare_change(checked, self.entries)

    def _require_users(self, schema: TableSchema) -> None:
        if schema.name in self._system:
            raise AccessError(
                f"{schema.name} is a table of the system; it changes with the module"
            )
        if schema.name in self.views:
            raise ReadOnlyError(
                f"{schema.name} is a view; it changes with the tables that it reads"
            )

    # Running, outside of transactions.

    def run(self, text: str, params: Params, sender: Identity | None) -> Result:
        """Run a statement on the last commit, or as a transaction of its own.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            AccessError: it changes something, and `sender` is not the owner.
            UsageError: it changes something, and this thread is in a transaction.
            ClosedError: the database is closed.
        """
        if type(text) is not str:
            _refuse_text(text)
        own = self._own  # as with most who ask
        caller, is_owner = own if sender is None else self._caller(sender)
        is_kept = is_owner or len(text) <= KEPT_CHARACTERS_MAX
        prepared = (self.prepared if is_kept else self._prepare)(text, is_owner)
        if isinstance(prepared, PreparedQuery):
            values = prepared.bind(params)
            if prepared.is_point:
                [entry] = prepared.entries
                found = self._latest.read(entry, prepared.run, caller, *values)
                return Result(prepared.columns, prepared.make(found))
            if not is_owner:
                self.require_cheap(prepared.plan, (caller, *values))
            with self._reading() as reading:
                if self.are_mine(reading):
                    return prepared.result(prepared.read(reading, caller, values))
        elif (result := self._run_alone(prepared, caller, params)) is not None:
            return result
        # Another module was published meanwhile.
        return self.current.run(text, params, sender)

    def _run_alone(
        self, prepared: NoQuery, caller: bytes, params: Params
    ) -> Result | None:
        """Run what is no query; None if another module was published meanwhile."""
        changes = isinstance(prepared, PreparedChange | PreparedInsertion)
        with WriteBlock(self._writer) if changes else self._reading() as transaction:
            if self.are_mine(transaction):
                return self._run_on(prepared, transaction, caller, params)
        return None

    @property
    def current(self) -> "Queries":
        """The queries of the module that is published, which others may be."""
        return self._writer.directory.read_class._queries  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  set by `queries_of`

    def are_mine(self, transaction: Transaction) -> bool:
        """Whether a transaction has the tables that statements are prepared for."""
        return transaction._tables is self._tables  # noqa: SLF001  its names are the user's tables

    def _reading(self) -> ReadTransaction:
        """Begin a read transaction, also for what looks at no table."""
        if self._writer.directory.store.is_closed:
            raise ClosedError("the database is closed")
        return self._writer.directory.read()

    def _caller(self, sender: Identity) -> tuple[bytes, bool]:
        if type(sender) is not Identity:
            raise ArgumentError(f"sender is a qsdb.Identity, not {brief(sender)}")
        return sender.stored, sender == self.owner

    def _run_on(
        self,
        prepared: NoQuery,
        transaction: Transaction,
        caller: bytes,
        params: Params,
    ) -> Result:
        """Run what is no query."""
        match prepared:
            case PreparedChange() | PreparedInsertion():
                if isinstance(transaction, ReadTransaction):
                    raise ReadOnlyError(
                        "a read transaction cannot write; use db.write() or a reducer"
                    )
                return Result((), (), prepared.execute(transaction, caller, params))
            case Explanation(query=query):
                plan = plan_query(query)
                lines = explain(plan, sizes_of(plan, self.entries))
                lines += explain_live(query)
                return Result(("plan",), [_Plan(line) for line in lines])
            case Setting(value=value, parameters=kinds):
                values = bind_parameters(kinds, params)
                compute = compile_values([value], [SENDER, *kinds], 0)
                [limit] = cast(tuple[int | None], compute(caller, *values)())
                self.variables.set_limit(transaction, limit)
                return Result((), (), 0)
            case _:
                limit = self.variables.limit_in(transaction)
                return Result((prepared.variable,), [_RowLimit(limit)])

    def require_cheap(
        self, plan: AnyPlan, known: Values, rows_max: int | None = None
    ) -> None:
        """Refuse a query that looks at too many rows.

        Args:
            plan: Of the query.
            known: Who asks, and the values of its parameters.
            rows_max: As `Variables.require_cheap` has it.

        Raises:
            QueryError: it does, by estimate.
        """
        variables, entries = self.variables, self.entries
        if variables.row_limit is not None:
            counts = counts_of(plan, entries, known)
            sizes = sizes_of(plan, entries)
            variables.require_cheap(plan, sizes, rows_max, counts)
        elif rows_max is not None:
            variables.require_cheap(plan, sizes_of(plan, entries), rows_max)

    # Running, inside of transactions.

    def run_in(
        self,
        transaction: Transaction,
        text: str,
        params: Params,
        sender: Identity,
        namespace: str,
    ) -> Result:
        """Run a statement in a transaction, with the rights of the owner.

        Args:
            transaction: It.
            text: The statement.
            params: The values of its parameters.
            sender: What ``:sender`` is.
            namespace: The mounted module whose names it has; empty for the outermost.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            ReadOnlyError: it changes something, and the transaction only reads.
            ClosedError: the transaction has ended.
        """
        if type(text) is not str:
            _refuse_text(text)
        caller = sender.stored
        # As `run` has it, so that the same statement is kept once.
        key = (text, True, namespace) if namespace else (text, True)
        prepared = self.prepared(*key)
        if isinstance(prepared, PreparedQuery):
            values = prepared.bind(params)
            return prepared.result(prepared.read(transaction, caller, values))
        return self._run_on(prepared, transaction, caller, params)


def _refuse_text(text: object) -> NoReturn:
    """Refuse what is no text before it is looked for among those that are kept."""
    raise ArgumentError(f"a query is a str, not {brief(text)}")


def _schema(entry: Entry) -> TableSchema:
    return entry.bound.schema
