"""An embeddable in-memory relational database with transactional reducers.

Glossary, one word one meaning:

* *module*: a named set of tables and functions;
* *row*: an immutable value of a table;
* *reducer*: a named transaction function;
* *procedure*: a named function that may wait, and opens transactions;
* *commit*: what one transaction did;
* *offset*: the number of a commit: 1, 2, 3 …;
* *read transaction*: the database at one offset, in memory.

`Database` opens a `Module`; everything else in this list serves to declare one.

All of it is loaded when it is first used; see `qsdb.front_doors`.
"""

import typing

from qsdb import front_doors

if typing.TYPE_CHECKING:
    from qsdb import testing
    from qsdb.cache.events import Event
    from qsdb.errors import (
        AccessError,
        ArgumentError,
        ClosedError,
        ConflictError,
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
        QueryError,
        ReadOnlyError,
        ReducerError,
        SchemaError,
        StorageError,
        UniqueError,
        UsageError,
    )
    from qsdb.recovery.copying import Copy
    from qsdb.recovery.dumping import dump
    from qsdb.recovery.loading import load
    from qsdb.recovery.repairing import Repair, repair
    from qsdb.recovery.report import Recovery
    from qsdb.recovery.restoring import restore
    from qsdb.recovery.verifying import Verification, verify
    from qsdb.runtime.backlogs import Changes
    from qsdb.runtime.clock import Clock
    from qsdb.runtime.connections import Connection
    from qsdb.runtime.database import Database
    from qsdb.runtime.live_queries import LiveQuery
    from qsdb.runtime.options import StorageOptions
    from qsdb.runtime.query_sets import Subscription
    from qsdb.runtime.stats import Stats
    from qsdb.runtime.updates import Update
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
    from qsdb.schema.http_messages import HttpRequest, HttpResponse
    from qsdb.schema.migrations import MigrationContext
    from qsdb.schema.modules import Module
    from qsdb.schema.plans import MigrationPlan, MigrationStep
    from qsdb.schema.procedures import ProcedureContext
    from qsdb.schema.results import Result
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
    from qsdb.schema.view_contexts import AnonymousViewContext, Query, ViewContext
    from qsdb.store.limits import TransactionLimits
    from qsdb.values.identity import ConnectionId, Identity
    from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp

__all__ = [
    "AccessError",
    "AnonymousViewContext",
    "ArgumentError",
    "BTree",
    "Changes",
    "Clock",
    "ClosedError",
    "ConflictError",
    "Connection",
    "ConnectionId",
    "ConstraintError",
    "Copy",
    "CorruptionError",
    "Database",
    "DatabaseLocked",
    "DiskFull",
    "Event",
    "FailedError",
    "FormatVersionError",
    "Hash",
    "HttpRequest",
    "HttpResponse",
    "Identity",
    "Index",
    "InternalError",
    "KindError",
    "LimitError",
    "LiveQuery",
    "MigrationContext",
    "MigrationPlan",
    "MigrationStep",
    "Module",
    "NotFoundError",
    "ProcedureContext",
    "Product",
    "QsdbError",
    "Query",
    "QueryError",
    "ReadOnlyError",
    "Recovery",
    "ReducerContext",
    "ReducerError",
    "Repair",
    "Result",
    "Row",
    "ScheduleAt",
    "SchemaError",
    "Stats",
    "StorageError",
    "StorageOptions",
    "Subscription",
    "Table",
    "TimeDuration",
    "Timestamp",
    "Transaction",
    "TransactionLimits",
    "UniqueError",
    "Update",
    "UsageError",
    "Verification",
    "ViewContext",
    "asdict",
    "auto_inc",
    "column",
    "dump",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "i256",
    "index",
    "load",
    "primary_key",
    "repair",
    "restore",
    "testing",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "u256",
    "unique",
    "verify",
]

_HOMES = {
    "qsdb.files": (),
    "qsdb.testing": (),
    "qsdb.cache.events": ("Event",),
    "qsdb.errors": (
        "AccessError",
        "ArgumentError",
        "ClosedError",
        "ConflictError",
        "ConstraintError",
        "CorruptionError",
        "DatabaseLocked",
        "DiskFull",
        "FailedError",
        "FormatVersionError",
        "InternalError",
        "KindError",
        "LimitError",
        "NotFoundError",
        "QsdbError",
        "QueryError",
        "ReadOnlyError",
        "ReducerError",
        "SchemaError",
        "StorageError",
        "UniqueError",
        "UsageError",
    ),
    "qsdb.recovery.copying": ("Copy",),
    "qsdb.recovery.dumping": ("dump",),
    "qsdb.recovery.loading": ("load",),
    "qsdb.recovery.repairing": ("Repair", "repair"),
    "qsdb.recovery.report": ("Recovery",),
    "qsdb.recovery.restoring": ("restore",),
    "qsdb.recovery.verifying": ("Verification", "verify"),
    "qsdb.runtime.backlogs": ("Changes",),
    "qsdb.runtime.clock": ("Clock",),
    "qsdb.runtime.connections": ("Connection",),
    "qsdb.runtime.database": ("Database",),
    "qsdb.runtime.live_queries": ("LiveQuery",),
    "qsdb.runtime.options": ("StorageOptions",),
    "qsdb.runtime.query_sets": ("Subscription",),
    "qsdb.runtime.stats": ("Stats",),
    "qsdb.runtime.updates": ("Update",),
    "qsdb.schema.annotations": (
        "f32",
        "f64",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "i256",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "u256",
    ),
    "qsdb.schema.contexts": ("Index", "ReducerContext", "Table", "Transaction"),
    "qsdb.schema.http_messages": ("HttpRequest", "HttpResponse"),
    "qsdb.schema.migrations": ("MigrationContext",),
    "qsdb.schema.modules": ("Module",),
    "qsdb.schema.plans": ("MigrationPlan", "MigrationStep"),
    "qsdb.schema.procedures": ("ProcedureContext",),
    "qsdb.schema.results": ("Result",),
    "qsdb.schema.rows": ("Product", "Row", "asdict"),
    "qsdb.schema.specifiers": (
        "BTree",
        "Hash",
        "auto_inc",
        "column",
        "index",
        "primary_key",
        "unique",
    ),
    "qsdb.schema.view_contexts": ("AnonymousViewContext", "Query", "ViewContext"),
    "qsdb.store.limits": ("TransactionLimits",),
    "qsdb.values.identity": ("ConnectionId", "Identity"),
    "qsdb.values.timestamps": ("ScheduleAt", "TimeDuration", "Timestamp"),
}
"""Module → the public names that are at home there."""

if not typing.TYPE_CHECKING:  # pragma: no branch  checkers would admit any name
    __getattr__, __dir__ = front_doors.front_door(__name__, _HOMES)
