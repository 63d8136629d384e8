"""The system tables: tables of qsdb's own that describe all others.

They are tables like those of users, with row classes, keys and kinds, so they are
logged, recovered and queried like any. What is special is that their layout is
known without a catalogue: whoever reads a log begins with them.

==  =============  =====================================================
id  table          a row for
==  =============  =====================================================
 1  st_table       each table, these too
 2  st_column      each column of them
 3  st_sequence    each generated column
 4  st_index       each index that is not unique
 5  st_constraint  each unique key besides the primary one
 6  st_module      the module: one row, which only the owner may read
 7  st_client      each client that is connected, if the module attends to them
 9  st_scheduled   each table whose rows have a function run
10  st_row_level_  each row filter
    security
11  st_connection  what the token of each of those clients says: its claims
    _credentials
12  st_view        each view
64  st_reducer     each reducer
70  st_procedure   each procedure
65  st_timer       each row of those tables: when its next run is due
66  st_secret      each secret: one, which seals tokens
==  =============  =====================================================

Ids below 4096 are theirs, and names that begin with ``st_``. A table that means
the same as one of SpacetimeDB's has the id that it has there; qsdb's own begin
at 64.

*Source*: SpacetimeDB's system tables, cut down to what qsdb needs.
"""

import functools
from typing import cast

from qsdb.schema.annotations import u16, u32, u64
from qsdb.schema.modules import BoundTable
from qsdb.schema.rows import Row, RowClass, shape_of
from qsdb.schema.specifiers import index, primary_key, unique
from qsdb.schema.tables import TableOptions, table_schema
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = [
    "CATALOGUE_IDS",
    "ST_CLIENT",
    "ST_CREDENTIALS",
    "ST_MODULE",
    "ST_REDUCER",
    "ST_SECRET",
    "ST_TIMER",
    "TOKENS",
    "USER_IDS_FIRST",
    "StClient",
    "StColumn",
    "StConnectionCredentials",
    "StConstraint",
    "StIndex",
    "StModule",
    "StProcedure",
    "StReducer",
    "StRowLevelSecurity",
    "StScheduled",
    "StSecret",
    "StSequence",
    "StTable",
    "StTimer",
    "StView",
    "system_tables",
]

USER_IDS_FIRST = 4096
"""Tables, keys and sequences of users have ids from here on, functions too."""


CATALOGUE_IDS = frozenset({1, 2, 3, 4, 5, 6, 9, 10, 12, 64, 70})
"""The system tables that describe the module; only publishing one changes them."""


ST_MODULE = 6
"""The id of ``st_module``."""


ST_REDUCER = 64
"""The id of ``st_reducer``."""


ST_CLIENT = 7
"""The id of ``st_client``."""


ST_CREDENTIALS = 11
"""The id of ``st_connection_credentials``."""


ST_TIMER = 65
"""The id of ``st_timer``."""


ST_SECRET = 66
"""The id of ``st_secret``."""

TOKENS = "tokens"
"""The name of the secret that seals tokens."""


class StTable(Row):
    """A table."""

    table_id: u32 = primary_key()
    table_name: str = unique()
    table_type: str
    """``"system"``, ``"user"``, or ``"event"``: of a user's, and never stored."""
    table_access: str
    """``"public"`` or ``"private"``."""
    table_primary_key: tuple[u16, ...]
    """Places of the key's columns; empty where rows are their own key."""


class StColumn(Row):
    """A column."""

    table_id: u32
    col_pos: u16
    """Its place in the table, from 0."""
    col_name: str
    col_attribute: str
    """The name in Python."""
    col_type: bytes
    """The kind in CBOR, as `qsdb.schema.kind_data` writes it."""
    col_auto_inc: bool
    col_default: bytes | None
    """The stored default in CBOR; None where there is none."""


class StSequence(Row):
    """What numbers a generated column."""

    sequence_id: u32 = primary_key()
    table_id: u32
    col_pos: u16


class StIndex(Row):
    """An index; its id also says where it stands among the table's indexes."""

    index_id: u32 = primary_key()
    table_id: u32
    index_name: str
    """What it is reached by: the accessor."""
    index_algorithm: str
    """``"btree"`` or ``"hash"``."""
    index_columns: tuple[u16, ...]


class StConstraint(Row):
    """A unique key; it is an index too, and has an id of the same numbering."""

    constraint_id: u32 = primary_key()
    table_id: u32
    constraint_name: str
    """What it is reached by: the accessor."""
    constraint_columns: tuple[u16, ...]


class StModule(Row):
    """The database and its module."""

    database_identity: Identity = primary_key()
    owner_identity: Identity
    module_name: str
    seed: u64
    """What the seeds of all calls come from: who knows it knows `ctx.random`."""
    created: Timestamp
    version: str
    """The version of qsdb that created the database."""


class StClient(Row):
    """A client that is connected; those of a process that was killed, too."""

    identity: Identity
    connection_id: ConnectionId = primary_key()


class StConnectionCredentials(Row):
    """What the token of a client in ``st_client`` says; of one with a token."""

    connection_id: ConnectionId = primary_key()
    jwt_payload: str
    """The claims, as a JSON object."""


class StScheduled(Row):
    """A schedule: a table, and the function that is run with its rows."""

    schedule_id: u32 = primary_key()
    table_id: u32 = unique()
    reducer_name: str
    schedule_name: str
    """The name of the table."""
    at_column: u16
    """The place of the column that says when."""
    missed: str
    """``"one"``, ``"none"`` or ``"all"``: `qsdb.schema.schedules.MISSED`."""
    retry: u32
    """How often a run that fails is tried again."""


class StRowLevelSecurity(Row):
    """A row filter of a table; it may name private ones."""

    table_id: u32
    sql: str
    namespace: str
    """Where the module is mounted whose filter it is; empty for the outermost."""


class StView(Row):
    """A view."""

    view_id: u32 = primary_key()
    view_name: str = unique()
    is_public: bool
    is_anonymous: bool
    """Whether it has one result for all callers."""
    params: bytes
    """The product of its parameters in CBOR."""
    row_type: bytes
    """The product of its columns in CBOR."""


class StReducer(Row):
    """A reducer."""

    reducer_id: u32 = primary_key()
    name: str = unique()
    is_private: bool
    params: bytes
    """The product of its parameters in CBOR, so that logged calls can be read."""


class StProcedure(Row):
    """A procedure."""

    procedure_id: u32 = primary_key()
    name: str = unique()
    is_private: bool
    is_async: bool
    """Whether it is a coroutine function."""
    params: bytes
    """The product of its parameters in CBOR."""


class StTimer(Row):
    """A row of a scheduled table, and when it is due."""

    table_id: u32
    scheduled_id: u64
    """The row's key."""
    due: Timestamp = index()
    failed: u32
    """How often this run was tried, and failed."""


class StSecret(Row):
    """A secret. Who reads the files of the database knows it."""

    name: str = primary_key()
    value: bytes


@functools.cache
def system_tables() -> tuple[tuple[int, BoundTable], ...]:
    """Give the id of each system table and the table, ascending.

    Cost: some milliseconds at the first call, since rows get their code then.
    """
    public = TableOptions(public=True)
    column_key = TableOptions(public=True, primary_key=("table_id", "col_pos"))
    filter_key = TableOptions(primary_key=("table_id", "namespace", "sql"))
    timer_key = TableOptions(primary_key=("table_id", "scheduled_id"))
    return (
        (1, _bound(StTable, public)),
        (2, _bound(StColumn, column_key)),
        (3, _bound(StSequence, public)),
        (4, _bound(StIndex, public)),
        (5, _bound(StConstraint, public)),
        (ST_MODULE, _bound(StModule, TableOptions())),
        (ST_CLIENT, _bound(StClient, public)),
        (9, _bound(StScheduled, public)),
        (10, _bound(StRowLevelSecurity, filter_key)),
        (ST_CREDENTIALS, _bound(StConnectionCredentials, TableOptions())),
        (12, _bound(StView, public)),
        (ST_REDUCER, _bound(StReducer, public)),
        (ST_TIMER, _bound(StTimer, timer_key)),
        (ST_SECRET, _bound(StSecret, TableOptions())),
        (70, _bound(StProcedure, public)),
    )


def _bound(row_class: type[Row], options: TableOptions) -> BoundTable:
    shape = shape_of(cast(RowClass, row_class))
    return BoundTable(table_schema(shape, options, is_system=True), shape, row_class)
