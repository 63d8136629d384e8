"""Databases that speak SQL, each at its best: what suites need of them.

Suites begin and end transactions by hand, use one cursor again and again, and give
texts with parameters, which sqlite3 and apsw keep prepared. duckdb reads a text anew
each time, and loads rows fastest from a file.
"""

import csv
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peers import library

__all__ = ["OPENERS", "Execute", "Raw", "Statements", "open_sqlite"]

Raw = tuple[Any, ...]
Execute = Callable[..., Iterable[Any]]
"""Takes a text and parameters, gives rows."""

MEMORY = ":memory:"


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Statements:
    """An open database that speaks SQL."""

    execute: Execute
    many: Callable[[str, Iterable[Raw]], object]
    """Executes a statement for each of many parameters."""
    load: Callable[[str, Sequence[Raw]], object]
    """Takes the name of a table and rows for it, in a transaction of its own."""
    close: Callable[[], object] = _nothing
    clustered: str = "WITHOUT ROWID"
    """What a table is declared with whose rows lie in the order of its key."""

    def rows(self, table: str) -> list[Raw]:
        """Give all rows of a table."""
        return [tuple(row) for row in self.execute(f"SELECT * FROM {table}")]


def _insertion(table: str, rows: Sequence[Raw]) -> str:
    marks = ", ".join("?" * len(rows[0]))
    return f"INSERT INTO {table} VALUES ({marks})"


def open_sqlite(place: Path | str = MEMORY, synchronous: str = "") -> Statements:
    """Open sqlite3.

    Args:
        place: A file, or memory.
        synchronous: Of a write-ahead log, if there is a file.
    """
    connection = sqlite3.connect(place, isolation_level=None, cached_statements=256)
    cursor = connection.cursor()
    if synchronous:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    def load(table: str, rows: Sequence[Raw]) -> None:
        if rows:
            cursor.execute("BEGIN")
            cursor.executemany(_insertion(table, rows), rows)
            cursor.execute("COMMIT")

    return Statements(cursor.execute, cursor.executemany, load, connection.close)


def open_apsw(place: Path | str = MEMORY, synchronous: str = "") -> Statements:
    """Open sqlite by apsw; arguments as of `open_sqlite`."""
    connection = library("apsw").Connection(str(place))
    cursor = connection.cursor()
    if synchronous:
        list(cursor.execute("PRAGMA journal_mode = WAL"))
        cursor.execute(f"PRAGMA synchronous = {synchronous}")

    def load(table: str, rows: Sequence[Raw]) -> None:
        if rows:
            cursor.execute("BEGIN")
            cursor.executemany(_insertion(table, rows), rows)
            cursor.execute("COMMIT")

    return Statements(cursor.execute, cursor.executemany, load, connection.close)


def open_duckdb() -> Statements:
    """Open duckdb in memory."""
    connection = library("duckdb").connect(MEMORY)

    def execute(text: str, parameters: Raw = ()) -> list[Raw]:
        rows: list[Raw] = connection.execute(text, parameters).fetchall()
        return rows

    def many(text: str, rows: Iterable[Raw]) -> None:
        connection.executemany(text, [*rows])

    load = partial(_copy, connection)
    return Statements(execute, many, load, connection.close, clustered="")


def _copy(connection: Any, table: str, rows: Sequence[Raw]) -> None:  # noqa: ANN401  of duckdb
    if not rows:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        form = "FORMAT csv, HEADER false, DELIM ',', QUOTE '\"'"
        connection.execute(f"COPY {table} FROM '{path}' ({form})")


OPENERS: dict[str, Callable[[], Statements]] = {
    "sqlite3": open_sqlite,
    "apsw": open_apsw,
    "duckdb": open_duckdb,
}
