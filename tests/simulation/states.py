"""What the town should hold at one offset: dicts of tuples, and no idea of qsdb's.

An *operation* is a tuple of its name and its arguments; `do` is what it does to a
state, and gives what the database should answer: a result, or the name of an exception.
Keys are said by their place among those that there are, so that most are found, in
whatever order things happen.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["NUMBERED", "REFUSED", "Key", "Operation", "State"]

Operation = tuple[Any, ...]
Rows = dict[Any, tuple[Any, ...]]

REFUSED = "refused"
"""What `State.do` gives when the name of what is raised follows."""


class Key(NamedTuple):
    """In the place of a place: the key itself, whatever else there is."""

    value: Any


NUMBERED = {"add": "account", "alarm": "alarm", "errand": "errand"}
"""Operation → the table of which it is given a number."""

TABLES = ("account", "stock", "note", "visit", "alarm", "errand", "ring", "tag")


class State:
    """The rows of all tables by their keys, and the next number of each sequence.

    Attributes:
        edition: Of the module.
        tables: Table → key → row.
        following: Table → what its sequence gives next.
        due: Alarm → not before this, in microseconds since 1970, does it ring; errand,
            as a negative number → likewise.
        micros: Not before this, in microseconds since 1970, is what comes after it.
        pings: What its commit put into the event table.
        has_gaps: Whether sequences may be further on than their rows say, since an
            optimistic transaction has drawn numbers that it did not use.
    """

    def __init__(self) -> None:
        self.edition = 1
        self.tables: dict[str, Rows] = {name: {} for name in TABLES}
        self.following = {"account": 1, "alarm": 1, "errand": 1, "ring": 1}
        self.due: dict[int, int] = {}
        self.micros = 0
        self.pings: dict[str, None] = {}
        self.has_gaps = False

    def copy(self) -> "State":
        """Give another one, to be changed."""
        other = State.__new__(State)
        other.edition = self.edition
        other.tables = {name: dict(rows) for name, rows in self.tables.items()}
        other.following, other.due = dict(self.following), dict(self.due)
        other.micros, other.pings = self.micros, {}
        other.has_gaps = self.has_gaps
        return other

    def take(self, other: "State") -> None:
        """Be as another one."""
        self.tables, self.following = other.tables, other.following
        self.due, self.pings = other.due, other.pings

    def content(self) -> Mapping[str, frozenset[tuple[Any, ...]]]:
        """Give what can be read of it."""
        return {
            name: frozenset(rows.values())
            for name, rows in self.tables.items()
            if name != "tag" or self.edition > 1
        }

    def is_same(self, other: "State") -> bool:
        """Whether nothing of it differs that a commit would be made for."""
        return self.tables == other.tables and not self.pings

    def is_alike(self, other: "State") -> bool:
        """Whether it looks the same."""
        return self.edition == other.edition and self.content() == other.content()

    def migrated(self, edition: int) -> "State":
        """Give what becomes of it when a later edition is published."""
        other = self.copy()
        if self.edition < 3 <= edition:
            stocks = other.tables["stock"]
            other.tables["stock"] = {key: (*row, 7) for key, row in stocks.items()}
        other.edition = max(edition, self.edition)
        return other

    def key(self, table: str, place: "int | Key") -> Any:
        """Give the key that a place means; one that is not there, of no rows."""
        if isinstance(place, Key):
            return place.value
        keys = sorted(self.tables[table])
        if keys and place >= 0:
            return keys[place % len(keys)]
        return {"stock": ("nowhere", 9), "tag": "nothing"}.get(table, 999)

    def skip_gap(self, operation: Operation, found: Any) -> None:
        """Let a number that the database gave be a later one, where there are gaps."""
        table = NUMBERED.get(operation[0])
        if table is not None and self.has_gaps and isinstance(found, int):
            self.following[table] = max(self.following[table], found)

    def number(self, table: str) -> int:
        """Take the next number of a sequence."""
        found = self.following[table]
        self.following[table] += 1
        return found

    # What operations do.

    def do(self, operation: Operation) -> Any:
        """Do an operation, and give what the database should answer."""
        name, *arguments = operation
        act: Callable[..., Any] = getattr(self, f"_{name}")
        return act(*arguments)

    def _is_taken(self, name: str, but: int | None = None) -> bool:
        accounts = self.tables["account"].values()
        return any(row[1] == name and row[0] != but for row in accounts)

    def _add(self, name: str, kind: int, balance: int) -> Any:
        number = self.number("account")
        if self._is_taken(name):
            self.following["account"] = number  # a statement that fails is undone
            return REFUSED, "UniqueError"
        self.tables["account"][number] = number, name, kind, balance
        return number

    def _move(self, place: int, amount: int) -> Any:
        number = self.key("account", place)
        row = self.tables["account"].get(number)
        if row is None:
            return REFUSED, "NotFoundError"
        self.tables["account"][number] = *row[:3], row[3] + amount
        return row[3] + amount

    def _rename(self, place: int, name: str, kind: int) -> Any:
        number = self.key("account", place)
        row = self.tables["account"].get(number)
        if row is None:
            return REFUSED, "NotFoundError"
        if self._is_taken(name, but=number):
            return REFUSED, "UniqueError"
        self.tables["account"][number] = number, name, kind, row[3]
        return None

    def _drop(self, place: int) -> Any:
        return self.tables["account"].pop(self.key("account", place), None) is not None

    def _drop_kind(self, kind: int) -> Any:
        accounts = self.tables["account"]
        gone = [number for number, row in accounts.items() if row[2] == kind]
        for number in gone:
            del accounts[number]
        return len(gone)

    def _stock(self, place: str, slot: int, count: int) -> Any:
        row: tuple[Any, ...] = (place, slot, count)
        self.tables["stock"][place, slot] = row if self.edition < 3 else (*row, 7)
        return None

    def _unstock(self, place: int) -> Any:
        return self.tables["stock"].pop(self.key("stock", place), None) is not None

    def _note(self, text: str, weight: int) -> Any:
        self.tables["note"][text, weight] = text, weight
        return None

    def _unnote(self, text: str, weight: int) -> Any:
        return self.tables["note"].pop((text, weight), None) is not None

    def _clear(self, table: str) -> Any:
        count = len(self.tables[table])
        self.tables[table].clear()
        return count

    def _tag(self, word: str, weight: int) -> Any:
        if self.edition > 1:
            self.tables["tag"][word] = word, weight
        return None

    def _ping(self, text: str) -> Any:
        self.pings[text] = None
        return None

    def _alarm(self, at: object, due: int, label: int, fails: int) -> Any:
        number = self.number("alarm")
        self.tables["alarm"][number] = number, at, label, bool(fails)
        self.due[number] = due
        return number

    def _silence(self, place: int) -> Any:
        number = self.key("alarm", place)
        self.due.pop(number, None)
        return self.tables["alarm"].pop(number, None) is not None

    def _errand(self, at: object, due: int, label: int) -> Any:
        number = self.number("errand")
        self.tables["errand"][number] = number, at, label
        self.due[-number] = due
        return number

    def _ring(self, label: int) -> Any:
        number = self.number("ring")
        self.tables["ring"][number] = number, label
        return number

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Give the rows of a table."""
        return [*self.tables[table].values()]
