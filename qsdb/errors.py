"""Every exception that leaves qsdb, sorted by what the caller does next.

::

    QsdbError
    ├── UsageError            mend the program
    │   ├── SchemaError         the declaration is wrong (lists every mistake)
    │   ├── QueryError          the text of a query is wrong; says where
    │   ├── ArgumentError       wrong arguments; also a TypeError
    │   ├── ReadOnlyError       a write in a read transaction
    │   ├── ClosedError         the handle, transaction or database has ended
    │   └── NotFoundError       no such row, table, column or reducer; a LookupError
    │       └── MissingNameError  as an attribute; also an AttributeError
    ├── ConstraintError       the data breaks a rule; nothing was changed
    │   ├── KindError           a value of a wrong kind or range; also a TypeError
    │   ├── UniqueError         the key is taken
    │   └── LimitError          a counter or size has come to its end
    ├── ConflictError         another transaction was faster; run it again
    ├── AccessError           the caller may not do this
    ├── ReducerError          raised by user code, to refuse a call
    └── StorageError          the files, or the disk under them; look at both
        ├── CorruptionError     stored bytes are not what was written
        ├── FormatVersionError  stored by a newer qsdb
        ├── DatabaseLocked      another process has the database open
        ├── DiskFull            no room for a commit or a file; it was undone
        └── FailedError         a write failed; close the database and open it again

    InternalError             a broken invariant: a fault of qsdb itself

A user's own exceptions pass through qsdb unchanged. Messages state the fact,
the value and the bound (`brief`, `shown`); what a program may want to look at
stands in attributes too.
"""

from qsdb.excerpts import brief, place_in, pointed_at, shown

__all__ = [
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
    "MissingNameError",
    "NotFoundError",
    "QsdbError",
    "QueryError",
    "ReadOnlyError",
    "ReducerError",
    "SchemaError",
    "StorageError",
    "UniqueError",
    "UsageError",
    "brief",
    "shown",
]


class QsdbError(Exception):
    """The root of every error that a user of qsdb can provoke."""


class UsageError(QsdbError):
    """The program asks for something that cannot be; mend the program."""


class SchemaError(UsageError):
    """A declaration is wrong.

    Attributes:
        mistakes: One sentence for each mistake found, each naming its place.
    """

    def __init__(self, *mistakes: str) -> None:
        """Keep the mistakes and join them into one readable text."""
        self.mistakes: tuple[str, ...] = mistakes
        if len(mistakes) == 1:
            super().__init__(mistakes[0])
        else:
            lines = "".join(f"\n  - {mistake}" for mistake in mistakes)
            super().__init__(f"{len(mistakes)} mistakes:{lines}")

    def __reduce__(self) -> tuple[type["SchemaError"], tuple[str, ...]]:
        """Pickle by the mistakes, not by the joined text."""
        return type(self), self.mistakes


class QueryError(UsageError):
    """The text of a query is wrong, or asks for what cannot be.

    Attributes:
        reason: What is wrong.
        line: The line in which it is wrong, from 1; 0 where no place is to blame, or
            to be told.
        column: The character in that line, from 1; or 0.
    """

    def __init__(self, reason: str, query: str | None = None, at: int = 0) -> None:
        """Point at a place in the text.

        Args:
            reason: What is wrong.
            query: The whole text; without it nothing is shown.
            at: The place, in characters from 0.
        """
        self.reason, self._query, self._at = reason, query, at
        self.line = self.column = 0
        message = reason
        if query is not None:
            self.line, self.column = place_in(query, at)
            message = f"line {self.line}, column {self.column}: {reason}"
            message += f"\n{pointed_at(query, at)}"
        super().__init__(message)

    def __reduce__(self) -> tuple[type["QueryError"], tuple[object, ...]]:
        """Pickle by the parts."""
        return type(self), (self.reason, self._query, self._at)


class ArgumentError(UsageError, TypeError):
    """Arguments are missing, unknown, or of a wrong kind or range."""


class ReadOnlyError(UsageError):
    """A read transaction was asked to write."""


class ClosedError(UsageError):
    """A handle, transaction or database was used after its end."""


class NotFoundError(UsageError, LookupError):
    """There is no such row, table, index or reducer."""


class MissingNameError(NotFoundError, AttributeError):
    """There is no such table or index, asked for as an attribute.

    As an AttributeError it makes ``hasattr`` and ``getattr`` with a default work.
    """


class ConstraintError(QsdbError):
    """The data breaks a rule of the schema; nothing was changed."""


class KindError(ConstraintError, TypeError):
    """A value is of a wrong kind, or outside the range of its column.

    Attributes:
        table: Name of the table.
        column: Name of the column, or None where the whole row is wrong.
        value: What was given.
        admitted: What would have been taken, in words.
    """

    def __init__(
        self, table: str, column: str | None, value: object, admitted: str
    ) -> None:
        """Name the place, the value and the bound."""
        self.table = table
        self.column = column
        self.value = value
        self.admitted = admitted
        place = f"table {table}" + ("" if column is None else f", column {column}")
        super().__init__(f"{place}: {brief(value)} is not {admitted}")

    def __reduce__(self) -> tuple[type["KindError"], tuple[object, ...]]:
        """Pickle by the parts."""
        return type(self), (self.table, self.column, self.value, self.admitted)


class UniqueError(ConstraintError):
    """A key that must be unique is taken.

    Attributes:
        table: Name of the table.
        columns: The columns of the key, in order.
        value: The key that is taken: one value, or a tuple for several columns.
    """

    def __init__(self, table: str, columns: tuple[str, ...], value: object) -> None:
        """Name the table, the columns and the key."""
        self.table = table
        self.columns = columns
        self.value = value
        names = ", ".join(columns)
        super().__init__(
            f"table {table}, column{'s' if len(columns) > 1 else ''} {names}: "
            f"another row has {brief(value)} already"
        )

    def __reduce__(self) -> tuple[type["UniqueError"], tuple[object, ...]]:
        """Pickle by the parts."""
        return type(self), (self.table, self.columns, self.value)


class LimitError(ConstraintError):
    """A counter or a size has come to the end of its range."""


class ConflictError(QsdbError):
    """An optimistic transaction cannot commit: others have changed what it builds on.

    Nothing of it was stored. Run it again; ``db.transact`` does so by itself.

    Attributes:
        table: Name of the table where that was met, or None.
        reason: What the others have done.
        offset: Of the commit at which the transaction has read.
    """

    def __init__(self, table: str | None, reason: str, offset: int) -> None:
        """Name the place, what was done, and since when."""
        self.table, self.reason, self.offset = table, reason, offset
        place = "" if table is None else f"table {table}: "
        text = f"{place}since offset {offset} another transaction has {reason}"
        super().__init__(f"{text}; run this one again")

    def __reduce__(self) -> tuple[type["ConflictError"], tuple[object, ...]]:
        """Pickle by the parts."""
        return type(self), (self.table, self.reason, self.offset)


class AccessError(QsdbError):
    """The caller may not do this."""


class ReducerError(QsdbError):
    """Raised by a reducer to refuse a call: all it did is rolled back."""


class StorageError(QsdbError):
    """The files cannot be used as they are, or the disk under them cannot."""


class CorruptionError(StorageError):
    """Stored bytes are not what was written there; nothing was changed.

    Attributes:
        path: The damaged file.
        position: Where in the file the damage was met, in bytes.
        reason: What is wrong there.
        last_good_offset: The last commit that is good, in the log or in a snapshot;
            None where the damage tells nothing about commits.
        frames_after: Whole frames that follow the damage in the same file.
    """

    def __init__(
        self,
        path: str,
        position: int,
        reason: str,
        last_good_offset: int | None = None,
        frames_after: int = 0,
    ) -> None:
        """Name the place, what is still good, and what to do."""
        self.path = path
        self.position = position
        self.reason = reason
        self.last_good_offset = last_good_offset
        self.frames_after = frames_after
        text = f"{path}, byte {position}: {reason}. "
        if last_good_offset is not None:
            after = f", and {frames_after} whole frames follow in this file"
            text += (
                f"Commits up to offset {last_good_offset} are good; "
                f"{last_good_offset + 1} may not be{after if frames_after else ''}. "
            )
        super().__init__(
            f"{text}Nothing was changed; to go on without what is damaged, use "
            "python -m qsdb repair PATH NEW_PATH"
        )

    @property
    def first_bad_offset(self) -> int | None:
        """The first commit that may be damaged, or None where that is not known."""
        good = self.last_good_offset
        return None if good is None else good + 1

    def __reduce__(self) -> tuple[type["CorruptionError"], tuple[object, ...]]:
        """Pickle by the parts."""
        parts = self.path, self.position, self.reason
        return type(self), (*parts, self.last_good_offset, self.frames_after)


class FormatVersionError(StorageError):
    """A file is sound, but of a format that this qsdb does not know.

    Attributes:
        path: The file.
        found: What it asks for, in words.
        understood: What this qsdb knows, in words.
    """

    def __init__(self, path: str, found: str, understood: str) -> None:
        """Name the file, what it has and what would have been understood."""
        self.path = path
        self.found = found
        self.understood = understood
        super().__init__(
            f"{path} has {found}, this qsdb understands {understood}. "
            "Nothing was changed; open it with a newer qsdb"
        )

    def __reduce__(self) -> tuple[type["FormatVersionError"], tuple[str, ...]]:
        """Pickle by the parts."""
        return type(self), (self.path, self.found, self.understood)


class DatabaseLocked(StorageError):  # noqa: N818  a state, named as users know it
    """Somebody else has the database open; one process at a time may.

    Attributes:
        path: Directory of the database.
        pid: Number of the process that has it, or None where that is not known.
    """

    def __init__(self, path: str, pid: int | None = None) -> None:
        """Name the directory and the process."""
        self.path = path
        self.pid = pid
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"{path} is open in {holder}; close it there, or wait until that ends"
        )

    def __reduce__(self) -> tuple[type["DatabaseLocked"], tuple[str, int | None]]:
        """Pickle by the parts."""
        return type(self), (self.path, self.pid)


class DiskFull(StorageError):  # noqa: N818  a state, named as users know it
    """There is no room. What needed it was undone; all commits before it are good.

    Attributes:
        path: The file that could not grow.
        bytes_count: How many bytes it was to have; 0 where that is not known.
        work: What was undone, in a word.
    """

    def __init__(self, path: str, bytes_count: int, work: str = "transaction") -> None:
        """Name the file, the size that it was to have, and what was undone."""
        self.path, self.bytes_count, self.work = path, bytes_count, work
        size = f" to have {bytes_count} bytes" if bytes_count else ""
        super().__init__(
            f"no room on the disk for {path}{size}. The {work} was undone, all "
            "commits before it are good; make room and try again"
        )

    def __reduce__(self) -> tuple[type["DiskFull"], tuple[str, int, str]]:
        """Pickle by the parts."""
        return type(self), (self.path, self.bytes_count, self.work)


class FailedError(StorageError):
    """Writing to disk has failed, and so this open database has ended for writers.

    Attributes:
        reason: What failed.
        durable_offset: The last commit that is known to be on the disk.
    """

    def __init__(self, reason: str, durable_offset: int) -> None:
        """Tell what failed, what is still good, and what to do."""
        self.reason = reason
        self.durable_offset = durable_offset
        super().__init__(
            f"the database takes no more writes: {reason}. Commits up to offset "
            f"{durable_offset} are on the disk; close the database and open it again"
        )

    def __reduce__(self) -> tuple[type["FailedError"], tuple[str, int]]:
        """Pickle by the parts."""
        return type(self), (self.reason, self.durable_offset)


class InternalError(Exception):
    """An invariant of qsdb is broken. Not the caller's fault; please report it.

    Attributes:
        problems: One sentence for each broken rule.
    """

    def __init__(self, *problems: str) -> None:
        """Keep the problems and join them into one text."""
        self.problems: tuple[str, ...] = problems
        super().__init__("; ".join(problems))

    def __reduce__(self) -> tuple[type["InternalError"], tuple[str, ...]]:
        """Pickle by the problems, not by the joined text."""
        return type(self), self.problems
