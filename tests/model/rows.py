"""The features of SpacetimeDB's model, numbered: what qsdb is held against.

Each is one row of the feature table that qsdb was planned with, in a few words. A
row is done when a test in this folder bears its number, `test_row_036_…`; it is not
offered when README.md says so and why; or it is pending, and named in `PENDING` with
the issue that brings it. `tests.model.table` puts the three together.
"""

import attrs

__all__ = ["PENDING", "ROWS", "FeatureRow", "Pending"]


@attrs.frozen
class FeatureRow:
    """One feature.

    Attributes:
        number: Its number, from 1.
        area: What it belongs to.
        feature: What it is.
    """

    number: int
    area: str
    feature: str


@attrs.frozen
class Pending:
    """Features that are not there yet.

    Attributes:
        numbers: Their numbers.
        issue: What brings them.
        what: Which part of each is missing, where the rest is done; empty where all
            of it is.
    """

    numbers: tuple[int, ...]
    issue: str
    what: str = ""


def _rows_from(first: int, area: str, *features: str) -> list[FeatureRow]:
    return [
        FeatureRow(number, area, feature)
        for number, feature in enumerate(features, start=first)
    ]


ROWS: tuple[FeatureRow, ...] = (
    *_rows_from(
        1,
        "types",
        "whole numbers of 8 to 256 bits, in exactly their range",
        "an int without a width",
        "bool, which is no number",
        "floats of 32 and 64 bits, totally ordered",
        "one NaN, one zero",
        "text: valid Unicode, sorted by code point",
        "bytes",
        "arrays: many values of one kind",
        "options: a value or None",
        "results: a value or an error",
        "products: named fields",
        "products without names: a fixed number of values of different kinds",
        "sums: one of several products",
        "plain enums, which can be indexed",
        "kinds of one value, and of none",
        "recursive kinds",
        "Identity: 256 bits, shown in hex",
        "ConnectionId: 128 bits, and none",
        "Timestamp: microseconds in UTC, checked arithmetic, RFC 3339",
        "TimeDuration: signed microseconds",
        "ScheduleAt: a time or an interval",
        "UUIDs, and new ones of version 4 and 7 in a reducer",
        "Hash: 32 bytes",
        "look-ups take exactly the column's kind",
        "a column's default",
        "a default that is false, empty or 0",
    ),
    *_rows_from(
        27,
        "schema",
        "which names are legal",
        "names in snake case, or as given",
        "a name in Python and another in SQL",
        "all mistakes told at once",
        "names are taken once",
        "generated names of keys and indexes",
        "the schema as data, for tools",
    ),
    *_rows_from(
        34,
        "tables",
        "private tables, and public ones",
        "several tables of one row class",
        "primary keys, also composite",
        "unique keys, also of several columns",
        "an identical row is no second one",
        "identity is looked at before keys are",
        "insert gives the stored row, and refuses a taken key",
        "a refused insert leaves the transaction usable",
        "upsert",
        "delete by the whole row",
        "clear",
        "count, own writes included",
        "iteration over the rows as they were when it began",
        "find by a unique column",
        "delete by a unique column",
        "update by primary key",
        "update by another unique column",
        "update of a row that is not there",
        "delete and insert again is no change",
        "the most columns of a table",
        "a table of one row",
    ),
    *_rows_from(
        55,
        "indexes",
        "btree over one column: equality and ranges",
        "ends of a range: included, excluded, open",
        "btree over several columns: equality of the first",
        "equality of the first columns and a range of the next",
        "results in key order, own writes included",
        "hash: equality of all columns",
        "direct: a list indexed by small numbers",
        "delete by index",
        "which kinds can be indexed",
        "indexes have names",
        "one structure for a key and an index",
    ),
    *_rows_from(
        66,
        "auto_inc",
        "0 or nothing is the next value",
        "a value given explicitly moves the sequence on",
        "a sequence that has come to its end",
        "no gap after a rollback",
        "a sequence goes on after a restart without a gap",
        "several sequences in a table",
        "generated does not mean unique",
    ),
    *_rows_from(
        73,
        "events",
        "event tables: told and logged, never stored",
        "keys hold within the transaction",
        "a client hears of an insert, and has no row",
        "where events may stand in queries",
        "event or not is no matter of a migration",
    ),
    *_rows_from(
        78,
        "schedules",
        "a scheduled table: a key, when, and a function",
        "a run at a time",
        "runs after each interval, without drift",
        "an interval that is not longer than 0",
        "times far ahead",
        "timers are armed by the commit",
        "an update moves a timer, a delete takes it away",
        "a run that fails",
        "a run is one transaction with what it leaves",
        "scheduled procedures",
        "what was due while the process was down",
        "the sender of a run is the database",
        "runs come one after the other, in the order of their times",
        "a test moves the clock",
    ),
    *_rows_from(
        92,
        "reducers",
        "a decorated function whose annotations are its schema",
        "arguments are checked before a transaction begins",
        "a call by function, by name, over a connection",
        "what a reducer returns reaches the caller",
        "errors for the caller",
        "other errors",
        "a call is all or nothing",
        "a call inside a call is the same transaction",
        "savepoints",
        "calls run one after the other, reads stay stable",
        "one time for the whole call",
        "random numbers, reproducible",
        "sender and connection",
        "claims of the caller's token",
        "the database's own identity",
        "private functions",
        "a bound on a call's time",
        "globals of the program",
        "a warning of slow calls",
    ),
    *_rows_from(
        111,
        "lifecycle",
        "init, in the transaction that creates the database",
        "client_connected, which may refuse",
        "who is no connection is no client",
        "client_disconnected",
        "clients of a process that was killed",
        "nobody calls lifecycle functions",
    ),
    *_rows_from(
        117,
        "procedures",
        "transactions of their own",
        "a body that runs again",
        "what a procedure returns",
        "side effects",
        "how its commits are told",
        "a transaction that is left open",
        "a pool of threads",
    ),
    *_rows_from(
        124,
        "http",
        "routes of a module",
        "what a handler of a request is given",
    ),
    *_rows_from(
        126,
        "views",
        "a view with a result for each caller",
        "a view with one result for all",
        "what a view may return",
        "a view only reads",
        "what a view depends on",
        "a view is refreshed with the write",
        "results are kept while somebody asks",
        "equal rows are one",
        "a view's primary key",
        "parameters of a view",
        "a view sees private tables",
        "views that are queries are kept current incrementally",
    ),
    *_rows_from(
        138,
        "query builder",
        "conditions as Python expressions",
        "semijoins as methods",
        "several conditions in turn",
        "a built query as text",
    ),
    *_rows_from(
        142,
        "row filters",
        "rules in SQL of which rows somebody sees",
        "the owner sees all rows",
    ),
    *_rows_from(
        144,
        "migrations",
        "a plan before it is done, to be printed",
        "what breaks clients has to be allowed",
        "one transaction",
        "a table more",
        "a table less",
        "a column more",
        "columns less, moved or renamed",
        "another kind of a column",
        "other indexes",
        "a key more, checked against the rows",
        "a generated column where there are rows",
        "public and private",
        "another schedule",
        "event or not",
        "another view",
        "the same module again",
        "a database reset",
        "a lock against resets",
        "code of the user's that migrates",
    ),
    *_rows_from(
        163,
        "identities",
        "an identity from the claims of a token",
        "an identity for who has none",
        "tokens are verified",
        "the audience of a token",
        "the owner",
        "a bound on the rows that strangers' queries look at",
    ),
    *_rows_from(
        169,
        "observing",
        "a log with levels, as lines of JSON",
        "a stopwatch in the log",
        "metrics",
        "system tables",
        "energy",
    ),
    *_rows_from(
        174,
        "durability",
        "a log of changes; recovery runs no code",
        "snapshots",
        "telling only of what is on the disk",
        "old log is given up",
        "time travel",
        "in memory",
    ),
    *_rows_from(
        180,
        "clients",
        "a connection with an identity and a cache",
        "who drives the callbacks",
        "several queries, applied as one",
        "the end of a subscription",
        "all public tables at once",
        "each commit is told once, in order",
        "a query that fails later",
        "which queries can be live",
        "a row of several subscriptions is one; an update is one",
        "callbacks see the whole commit",
        "callbacks of rows, and their removal",
        "look-ups in the cache",
        "a call's result comes after its effects",
        "what an event tells",
        "a connection that breaks is made again",
    ),
    *_rows_from(
        195,
        "command line",
        "commands for a database",
        "a server that reloads a changed module",
        "client code from a schema",
    ),
    *_rows_from(198, "modules", "modules inside modules"),
    *_rows_from(199, "testing", "tests of a module, with clock and seed"),
)
"""All of them, by number."""


PENDING: tuple[Pending, ...] = (
    Pending((33,), "issue 7"),
    Pending((124, 125), "issue 7"),
    Pending((165, 166), "issue 7", "tokens of others: ES256, RS256, OIDC, `aud`"),
    Pending((180, 192), "issue 7", "over the network, and to be awaited"),
    Pending((187,), "issue 9", "aggregates, LIMIT"),
    Pending((194,), "issue 7"),
    Pending((195, 196, 197), "issue 7"),
)
"""What is not there yet. Whoever brings it takes its number away here."""
