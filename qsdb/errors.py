"""Every exception that leaves qsdb, sorted by what the caller does next.

::

    QsdbError
    ├── UsageError            mend the program
    │   ├── SchemaError         the declaration is wrong (lists every mistake)
    │   ├── ArgumentError       wrong arguments; also a TypeError
    │   ├── ReadOnlyError       a write in a read transaction
    │   ├── ClosedError         the handle, transaction or database has ended
    │   └── NotFoundError       no such row, table, column or reducer; a LookupError
    │       └── MissingNameError  as an attribute; also an AttributeError
    ├── ConstraintError       the data breaks a rule; nothing was changed
    │   ├── KindError           a value of a wrong kind or range; also a TypeError
    │   ├── UniqueError         the key is taken
    │   └── LimitError          a counter or size has come to its end
    ├── AccessError           the caller may not do this
    └── ReducerError          raised by user code, to refuse a call

    InternalError             a broken invariant: a fault of qsdb itself

A user's own exceptions pass through qsdb unchanged. Messages state the fact,
the value and the bound; what a program may want to look at stands in
attributes too.
"""

__all__ = [
    "AccessError",
    "ArgumentError",
    "ClosedError",
    "ConstraintError",
    "InternalError",
    "KindError",
    "LimitError",
    "MissingNameError",
    "NotFoundError",
    "QsdbError",
    "ReadOnlyError",
    "ReducerError",
    "SchemaError",
    "UniqueError",
    "UsageError",
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
            super().__init__(f"{len(mistakes)} mistakes in the declaration:{lines}")

    def __reduce__(self) -> tuple[type["SchemaError"], tuple[str, ...]]:
        """Pickle by the mistakes, not by the joined text."""
        return type(self), self.mistakes


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


class AccessError(QsdbError):
    """The caller may not do this."""


class ReducerError(QsdbError):
    """Raised by a reducer to refuse a call: all it did is rolled back."""


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


BRIEF_LENGTH_MAX = 120
"""Longest text of a value in a message; a log line should stay readable."""


def shown(value: object) -> str:
    """Give ``repr(value)``, of an int too long for decimal digits the hex ones."""
    try:
        return repr(value)
    except ValueError:  # sys.get_int_max_str_digits(), perhaps of an int inside
        if isinstance(value, int):
            return hex(value)
        return f"<a {type(value).__name__} too long to show>"
    except Exception:  # noqa: BLE001  a user's repr must not hide our error
        return f"<a {type(value).__name__} that cannot be shown>"


def brief(value: object) -> str:
    """Give what `shown` gives, cut in the middle where it is long."""
    text = shown(value)
    if len(text) <= BRIEF_LENGTH_MAX:
        return text
    half = BRIEF_LENGTH_MAX // 2 - 8
    return f"{text[:half]} … {text[-half:]}"
