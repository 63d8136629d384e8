"""A slow twin of row filters: who sees which rows, by looking at all combinations.

A `Rule` is a filter, and what it means as a Python function of one row of each of its
tables. `Seen` gives what somebody sees of a table: the rows for which a rule of the
table is true, with rows of the rule's other tables that are seen themselves. Nothing is
shared with `qsdb` but the rows.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

import qsdb
from qsdb import Identity, u8, u64

__all__ = [
    "CALLERS",
    "QUESTIONS",
    "RULES",
    "Admin",
    "Member",
    "Message",
    "Question",
    "Room",
    "Rule",
    "Seen",
    "module_of",
]

CALLERS = [Identity.from_claims("twin", f"caller {number}") for number in range(3)]


@attrs.frozen
class Rule:
    """A filter: its text, and its meaning.

    Attributes:
        tables: The table whose rows it gives, and then the others.
        holds: Takes the caller and a row of each.
    """

    text: str
    tables: tuple[str, ...]
    holds: Callable[..., bool]


OWN = Rule(
    "SELECT * FROM message WHERE author = :sender",
    ("message",),
    lambda me, m: m.author == me,
)
HIGH = Rule(
    "SELECT * FROM message WHERE level > 2", ("message",), lambda _, m: m.level > 2
)
SHARED = Rule(
    "SELECT m.* FROM message m JOIN member x ON x.room = m.room WHERE x.who = :sender",
    ("message", "member"),
    lambda me, m, x: x.room == m.room and x.who == me,
)
LOUD = Rule(
    "SELECT m.* FROM message m JOIN member x ON x.room = m.room "
    "WHERE x.level > m.level AND m.level <> 1",
    ("message", "member"),
    lambda _, m, x: x.room == m.room and x.level > m.level and m.level != 1,
)
ADMIN = Rule(
    "SELECT m.* FROM message m JOIN admin a WHERE a.who = :sender",
    ("message", "admin"),
    lambda me, _, a: a.who == me,
)
TWIN = Rule(
    "SELECT a.* FROM message b JOIN message a ON a.level = b.level "
    "WHERE b.author = :sender AND a.room <> b.room",
    ("message", "message"),
    lambda me, a, b: a.level == b.level and b.author == me and a.room != b.room,
)
CHAIN = Rule(
    "SELECT m.* FROM room r JOIN member x ON x.room = r.id JOIN message m "
    "ON m.room = r.id WHERE r.is_open AND x.who = :sender",
    ("message", "room", "member"),
    lambda me, m, r, x: x.room == r.id == m.room and r.is_open and x.who == me,
)
OPEN_MEMBERS = Rule(
    "SELECT x.* FROM member x JOIN room r ON r.id = x.room WHERE r.is_open",
    ("member", "room"),
    lambda _, x, r: r.id == x.room and r.is_open,
)
OWN_MEMBERS = Rule(
    "SELECT * FROM member WHERE who = :sender",
    ("member",),
    lambda me, x: x.who == me,
)
ROOMS = Rule(
    "SELECT r.* FROM room r JOIN admin a WHERE a.who = :sender AND r.id < 2",
    ("room", "admin"),
    lambda me, r, a: a.who == me and r.id < 2,
)
ALL = Rule("SELECT * FROM message", ("message",), lambda _, __: True)

RULES: dict[str, tuple[Rule, ...]] = {
    "one table": (OWN,),
    "two joined by OR": (OWN, HIGH),
    "a join": (SHARED,),
    "a join with a range": (LOUD,),
    "a join or a column": (SHARED, OWN),
    "two joins": (SHARED, ADMIN, LOUD),
    "with itself": (TWIN,),
    "three tables": (CHAIN,),
    "one in another": (SHARED, OPEN_MEMBERS),
    "two in another": (SHARED, HIGH, OPEN_MEMBERS, OWN_MEMBERS),
    "one in another in another": (CHAIN, OPEN_MEMBERS, ROOMS),
    "on both sides": (LOUD, OWN_MEMBERS),
    "all": (SHARED, ALL),
}


class Message(qsdb.Row):
    id: u64 = qsdb.primary_key()
    room: u8 = qsdb.index()
    author: Identity = qsdb.index("hash")
    level: u8


class Member(qsdb.Row):
    id: u64 = qsdb.primary_key()
    room: u8
    who: Identity = qsdb.index()
    level: u8


class Room(qsdb.Row):
    id: u8 = qsdb.primary_key()
    is_open: bool


class Admin(qsdb.Row):
    who: Identity = qsdb.primary_key()
    note: u8


def module_of(rules: Sequence[Rule]) -> qsdb.Module:
    """Give a module with these filters; messages and rooms are public."""
    module = qsdb.Module("twin")
    for row_class in (Message, Member, Room, Admin):
        module.add_table(row_class, public=row_class is not Admin)
    for rule in rules:
        module.row_filter(rule.text)
    return module


class Seen:
    """What one caller sees."""

    def __init__(
        self, rules: Sequence[Rule], rows: Mapping[str, Sequence[Any]], caller: Identity
    ) -> None:
        """Look at rows, by name of the table."""
        self._rules, self._rows, self._caller = rules, rows, caller

    def of(self, table: str) -> list[Any]:
        """Give the rows of a table that are seen."""
        rules = [each for each in self._rules if each.tables[0] == table]
        rows = self._rows[table]
        if not rules:
            return [*rows]
        return [row for row in rows if any(self._holds(each, row) for each in rules)]

    def _holds(self, rule: Rule, row: Any) -> bool:
        own, *others = rule.tables
        seen = [self._rows[own] if each == own else self.of(each) for each in others]
        return any(
            rule.holds(self._caller, row, *each) for each in itertools.product(*seen)
        )


@attrs.frozen
class Question:
    """A query, and its meaning: what it gives of a row of each of its tables."""

    text: str
    tables: tuple[str, ...]
    gives: Callable[..., tuple[Any, ...] | None]

    def answer(self, seen: Seen) -> Counter[tuple[Any, ...]]:
        """Give the result as a bag."""
        rows = itertools.product(*[seen.of(each) for each in self.tables])
        return Counter(
            [found for each in rows if (found := self.gives(*each)) is not None]
        )


QUESTIONS = (
    Question("SELECT * FROM message", ("message",), lambda m: (*m,)),
    Question(
        "SELECT * FROM message WHERE room = 1",
        ("message",),
        lambda m: (*m,) if m.room == 1 else None,
    ),
    Question("SELECT level FROM message", ("message",), lambda m: (m.level,)),
    Question(
        "SELECT m.id, x.who FROM message m JOIN member x ON m.room = x.room",
        ("message", "member"),
        lambda m, x: (m.id, x.who) if m.room == x.room else None,
    ),
    Question(
        "SELECT r.* FROM room r JOIN message m ON r.id = m.room WHERE m.level > 1",
        ("room", "message"),
        lambda r, m: (*r,) if r.id == m.room and m.level > 1 else None,
    ),
    Question("SELECT * FROM member", ("member",), lambda x: (*x,)),
)
