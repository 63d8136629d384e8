"""An embeddable in-memory relational database with transactional reducers.

Glossary, one word one meaning:

* *module*: a named set of tables and functions;
* *row*: an immutable value of a table;
* *reducer*: a named transaction function;
* *commit*: what one transaction did;
* *offset*: the number of a commit: 1, 2, 3 …;
* *read transaction*: the database at one offset, in memory.

`Database` opens a `Module`; everything else in this list serves to declare one.
"""

from qsdb import testing
from qsdb.errors import (
    AccessError,
    ArgumentError,
    ClosedError,
    ConstraintError,
    CorruptionError,
    DatabaseLocked,
    DiskFull,
    FailedError,
    FormatVersionError,
    InternalError,
    KindError,
    LimitError,
    NotFoundError,
    QsdbError,
    ReadOnlyError,
    ReducerError,
    SchemaError,
    StorageError,
    UniqueError,
    UsageError,
)
from qsdb.recovery.report import Recovery
from qsdb.runtime.database import Database
from qsdb.runtime.stats import Stats
from qsdb.runtime.options import StorageOptions
from qsdb.schema.annotations import (
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    i128,
    i256,
    u8,
    u16,
    u32,
    u64,
    u128,
    u256,
)
from qsdb.schema.contexts import Index, ReducerContext, Table, Transaction
from qsdb.schema.modules import Module
from qsdb.schema.rows import Product, Row, asdict
from qsdb.schema.specifiers import (
    BTree,
    Hash,
    auto_inc,
    column,
    index,
    primary_key,
    unique,
)
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp

__all__ = [
    "AccessError",
    "ArgumentError",
    "BTree",
    "ClosedError",
    "ConnectionId",
    "ConstraintError",
    "CorruptionError",
    "Database",
    "DatabaseLocked",
    "DiskFull",
    "FailedError",
    "FormatVersionError",
    "Hash",
    "Identity",
    "Index",
    "InternalError",
    "KindError",
    "LimitError",
    "Module",
    "NotFoundError",
    "Product",
    "QsdbError",
    "ReadOnlyError",
    "Recovery",
    "ReducerContext",
    "ReducerError",
    "Row",
    "ScheduleAt",
    "SchemaError",
    "Stats",
    "StorageError",
    "StorageOptions",
    "Table",
    "TimeDuration",
    "Timestamp",
    "Transaction",
    "UniqueError",
    "UsageError",
    "asdict",
    "auto_inc",
    "column",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "i256",
    "index",
    "primary_key",
    "testing",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "u256",
    "unique",
]
