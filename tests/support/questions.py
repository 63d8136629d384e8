"""Questions in SQL over three tables, and what transactions may depend on for them.

All that asks for rows of several tables, or of one in several ways, is among them: IN
and NOT IN over what may be NULL, EXISTS, both joined by OR, outer joins, aggregates,
set operations. Each says of which rows of each table its answer may depend: whoever
changes none of these is in nobody's way.

`Feast` runs them in a transaction beside which one row is changed; `run_order` in two,
in an order of their steps; `run_history` in several, one step of any at a time.
"""

import itertools
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

import qsdb
from qsdb import i64, u32

__all__ = [
    "PAIRS",
    "QUESTIONS",
    "Feast",
    "Question",
    "Told",
    "draw_programs",
    "history_faults",
    "run_history",
    "run_order",
]

feast = qsdb.Module("feast")


class Person(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()
    v: i64 | None
    w: i64 = qsdb.index()


class Ban(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()
    kind: i64
    v: i64 | None


class Guest(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()
    v: i64 | None = qsdb.index("hash")


class Mark(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()


TABLES: Mapping[str, type[qsdb.Row]] = {"person": Person, "ban": Ban, "guest": Guest}


@attrs.frozen
class Question:
    """A SELECT.

    Attributes:
        text: It; ``:n`` and ``:m`` are small numbers, and ``{k}`` is one of a key.
        asked: Table → of which of its rows the answer may depend.
        is_shared: Whether every version of sqlite3 knows what it says.
    """

    text: str
    asked: Mapping[str, str]
    is_shared: bool = True


ANY = "id = id"

QUESTIONS = (
    Question(
        "SELECT id FROM person WHERE v NOT IN (SELECT v FROM ban)",
        {"person": ANY, "ban": ANY},
    ),
    Question(
        "SELECT id FROM person WHERE v NOT IN (SELECT v FROM ban WHERE kind = :n)",
        {"person": ANY, "ban": "kind = :n"},
    ),
    Question(
        "SELECT id FROM person WHERE w NOT IN (SELECT v FROM ban WHERE kind = :n)",
        {"person": ANY, "ban": "kind = :n"},
    ),
    Question(
        "SELECT id FROM person WHERE w NOT IN (SELECT v FROM guest)",
        {"person": ANY, "guest": ANY},
    ),
    Question(
        "SELECT id FROM person WHERE (v IN (SELECT v FROM ban WHERE kind = :n)) "
        "IS NULL",
        {"person": ANY, "ban": "kind = :n"},
    ),
    Question(
        "SELECT id FROM guest WHERE id > {k} AND v IN (SELECT v FROM ban WHERE "
        "kind = :n) OR v IN (SELECT v FROM ban WHERE kind = :m)",
        {"guest": ANY, "ban": "kind IN (:n, :m)"},
    ),
    Question(
        "SELECT id FROM person WHERE v IN (SELECT v FROM ban WHERE kind = :n) "
        "OR v IN (SELECT v FROM guest WHERE id > {k})",
        {"person": ANY, "ban": "kind = :n", "guest": "v IS NOT NULL OR id > {k}"},
    ),
    Question(
        "SELECT id FROM person WHERE v IN (SELECT v FROM ban) "
        "AND w IN (SELECT kind FROM ban WHERE v = :n)",
        {"person": ANY, "ban": ANY},
    ),
    Question(
        "SELECT id FROM person WHERE EXISTS (SELECT 1 FROM ban WHERE ban.v = person.v "
        "AND kind = :n) OR EXISTS (SELECT 1 FROM ban WHERE kind = :m)",
        {"person": ANY, "ban": "kind IN (:n, :m)"},
    ),
    Question(
        "SELECT id FROM ban x WHERE x.kind = :n AND NOT EXISTS (SELECT 1 FROM ban y "
        "WHERE y.v = x.v AND y.kind = :m)",
        {"ban": "kind IN (:n, :m)"},
    ),
    Question(
        "SELECT id FROM person WHERE w < :n AND v NOT IN (SELECT v FROM ban "
        "WHERE kind = :n UNION SELECT v FROM guest WHERE id = {k})",
        {"person": "w < :n", "ban": "kind = :n", "guest": "id = {k}"},
    ),
    Question("SELECT COUNT(*) AS n FROM person WHERE v = :n", {"person": "v = :n"}),
    Question("SELECT SUM(w) AS n FROM person WHERE v > :n", {"person": "v > :n"}),
    Question("SELECT MAX(kind) AS n FROM ban WHERE v = :n", {"ban": "v = :n"}),
    Question(
        "SELECT v, COUNT(*) AS n FROM ban WHERE kind < :n GROUP BY v",
        {"ban": "kind < :n"},
    ),
    Question("SELECT DISTINCT v FROM ban WHERE kind = :n", {"ban": "kind = :n"}),
    Question(
        "SELECT id FROM person WHERE v = :n ORDER BY w, id LIMIT 1",
        {"person": "v = :n OR w < 9"},
    ),
    Question(
        "SELECT id FROM person WHERE v = :n EXCEPT SELECT id FROM ban WHERE v = :m",
        {"person": "v = :n", "ban": "v = :m"},
    ),
    Question(
        "SELECT p.id, b.id AS ban FROM person p LEFT JOIN ban b ON b.v = p.v "
        "AND b.kind = :n WHERE p.w < :m",
        {"person": "w < :m", "ban": "kind = :n"},
    ),
    Question(
        "SELECT p.id, b.id AS ban FROM person p LEFT JOIN ban b ON b.v = p.v "
        "WHERE b.kind IS NULL AND p.v = :n",
        {"person": "v = :n", "ban": ANY},
    ),
    Question(
        "SELECT p.id FROM person p JOIN guest g ON g.v = p.v "
        "WHERE g.id > {k} AND p.w < :m",
        {"person": "w < :m", "guest": ANY},
    ),
    Question(
        "SELECT p.id, b.id AS ban FROM person p RIGHT JOIN ban b ON b.v = p.v "
        "AND b.kind = :m WHERE b.v = :n",
        {"person": ANY, "ban": "v = :n"},
        is_shared=False,
    ),
    Question(
        "SELECT p.id, b.id AS ban FROM person p FULL JOIN ban b ON b.v = p.v "
        "AND b.kind = :m",
        {"person": ANY, "ban": ANY},
        is_shared=False,
    ),
)

PAIRS = (((1, 2),), ((2, 1),), ((2, 2),), ((1, 2), (2, 1)))
"""For which numbers a question is asked in one transaction."""

CHANGES = (
    "UPDATE person SET w = w + 1 WHERE v NOT IN (SELECT v FROM ban WHERE kind = :n)",
    "UPDATE person SET v = :n WHERE w = :m",
    "UPDATE ban SET v = NULL WHERE v = :n AND kind = :m",
    "UPDATE ban SET kind = :n WHERE v IN (SELECT v FROM person WHERE w = :m)",
    "UPDATE guest SET v = :n WHERE v NOT IN (SELECT w FROM person WHERE v = :m)",
    (
        "DELETE FROM guest WHERE v IN (SELECT v FROM ban WHERE kind = :n) "
        "OR v IN (SELECT v FROM ban WHERE kind = :m)"
    ),
    (
        "DELETE FROM ban WHERE kind = :n AND NOT EXISTS (SELECT 1 FROM person "
        "WHERE person.v = ban.v)"
    ),
    "INSERT INTO person VALUES ({new}, :n, :m)",
    "INSERT INTO person VALUES ({new}, NULL, :m)",
    "INSERT INTO ban VALUES ({new}, :n, :m)",
    "INSERT INTO ban VALUES ({new}, :n, NULL)",
    "INSERT INTO guest VALUES ({new}, :n)",
    "DELETE FROM person WHERE id < {old} AND v = :n",
    "DELETE FROM ban WHERE id < {old} AND kind = :n",
    "DELETE FROM guest WHERE id < {old}",
)
"""What changes rows; ``{new}`` is a number that no row has had, ``{old}`` one that
a row had some time ago."""

OPENING: Mapping[str, Sequence[tuple[int | None, ...]]] = {
    "person": [(1, 1, 0), (2, 2, 1), (3, None, 2), (4, 1, 3)],
    "ban": [(1, 1, 1), (2, 2, None), (3, 3, 2)],
    "guest": [(1, 1), (2, None), (3, 1), (4, 2)],
}

Rows = Mapping[str, Sequence[tuple[int | None, ...]]]


def ordered(rows: Any) -> list[tuple[object, ...]]:
    """Give rows in an order that does not matter."""
    return sorted([tuple(row) for row in rows], key=repr)


Numbers = Mapping[str, int]


def used(text: str, numbers: Numbers) -> dict[str, int]:
    """Give the parameters that are in a statement."""
    return {name: value for name, value in numbers.items() if f":{name}" in text}


def answers(teller: Any, text: str, given: Sequence[Numbers]) -> list[Any]:
    """Ask a question for some numbers, one after the other."""
    return [ordered(teller.sql(text, used(text, each))) for each in given]


# One question, and one row that changes beside it.


class Feast:
    """A database in which a question is asked while a row changes.

    Attributes:
        db: It.
        commits: How often the transaction that asked has committed.
        conflicts: How often it was refused.
    """

    def __init__(self) -> None:
        self.db = qsdb.Database(feast, seed=1)
        self.commits = self.conflicts = 0

    def fill(self, rows: Rows) -> None:
        with self.db.write() as tx:
            for name, row_class in TABLES.items():
                tx[row_class].clear()
                tx[row_class].insert_many([row_class(*each) for each in rows[name]])
            tx[Mark].clear()

    def faults(self, question: Question, *pairs: tuple[int, int]) -> Iterator[str]:
        """Ask beside each change; yield what is wrong with what comes of it.

        It is asked for several pairs of numbers in one transaction.
        """
        given = [{"n": n, "m": m} for n, m in pairs]
        key = pairs[0][0]
        text = question.text.format(k=key)
        for name, old, new in changes_of_one(OPENING):
            self.fill(OPENING)
            tx = self.db.optimistic()
            before = answers(tx, text, given)
            tx[Mark].insert(Mark(1))
            condition = question.asked.get(name, "id <> id").format(k=key)
            one = f"SELECT * FROM {name} WHERE id = 1 AND ({condition})"
            met = answers(self.db, one, given)
            self.change(name, old, new)
            met += answers(self.db, one, given)
            case = f"{text} {given}: {name} {old} → {new}"
            try:
                tx.commit()
            except qsdb.ConflictError:
                self.conflicts += 1
                if not any(met):
                    yield f"{case}: a conflict for nothing"
                continue
            self.commits += 1
            after = answers(self.db, text, given)
            if before != after:
                yield f"{case}: it has committed {before}, and {after} is right"

    def change(self, name: str, old: Any, new: Any) -> None:
        with self.db.write() as tx:
            table = tx[TABLES[name]]
            if new is None:
                table.delete(TABLES[name](*old))
            else:
                table.upsert(TABLES[name](*new))


def changes_of_one(rows: Rows) -> Iterator[tuple[str, Any, Any]]:
    """Yield all that can become of the row 1 of each table."""
    values = (1, 2, None)
    others: Mapping[str, list[tuple[int | None, ...]]] = {
        "person": [(1, v, w) for v, w in itertools.product(values, (0, 2))],
        "ban": [(1, kind, v) for kind, v in itertools.product((1, 2, 3), values)],
        "guest": [(1, v) for v in values],
    }
    for name, news in others.items():
        [old] = [row for row in rows[name] if row[0] == 1]
        for new in (*news, None):
            if new != old:
                yield name, old, new


# Histories.


@attrs.define
class Told:
    """One transaction of a history.

    Attributes:
        events: Its statements, each with what it gave.
        offset: At which it belongs: that of its commit, or of its beginning if it has
            only read.
        has_written: Whether it has.
    """

    offset: int
    events: list[tuple[str, Numbers, object]] = attrs.Factory(list)
    has_written: bool = False


@attrs.define
class History:
    """What came of a history.

    Attributes:
        db: The database.
        committed: Its transactions that have committed.
        beside: How many of these began before the commit of another one.
        refused: How many were refused.
    """

    db: Any
    committed: list[Told] = attrs.Factory(list)
    beside: int = 0
    refused: int = 0

    def end(self, tx: Any, told: Told) -> None:
        before, began = self.db.offset, tx.offset
        try:
            offset = tx.commit()
        except qsdb.ConflictError:
            self.refused += 1
            assert before > began, "a conflict with nobody"
            return
        told.offset = offset
        self.beside += told.has_written and before > began
        self.committed.append(told)


def draw_statement(chance: random.Random, told: Told, new: int) -> str:
    """Draw a statement; now and then the last one, to ask it for other numbers."""
    if told.events and chance.random() < 0.25:
        return told.events[-1][0]
    texts = [each.text for each in QUESTIONS if each.is_shared]
    text = chance.choice(CHANGES if chance.random() < 0.5 else texts)
    return text.format(k=chance.randrange(1, 4), new=new, old=max(0, new - 25))


def draw_numbers(chance: random.Random) -> Numbers:
    """Draw parameters."""
    return {each: chance.randrange(1, 4) for each in "nm"}


def say(tx: Any, told: Told, text: str, numbers: Numbers) -> None:
    """Run a statement in a transaction, if it is not a second INSERT of a row."""
    if text.startswith("INSERT") and any(text == each for each, *_ in told.events):
        return
    given = used(text, numbers)
    result = tx.sql(text, given)
    is_query = text.startswith("SELECT")
    told.has_written |= not is_query
    answer = ordered(result) if is_query else result.rows_affected
    told.events.append((text, given, answer))


Said = tuple[str, Numbers]
"""A statement and its parameters."""


def draw_programs(chance: random.Random) -> list[list[Said]]:
    """Draw two transactions that ask a question each, and change rows."""
    programs = []
    for new in (11, 12):
        texts = [each.text for each in QUESTIONS if each.is_shared]
        both = [chance.choice(texts), chance.choice(CHANGES)]
        keys = {"k": chance.randrange(1, 4), "new": new, "old": 3}
        said = [(text.format(**keys), draw_numbers(chance)) for text in both]
        programs.append(said)
    return programs


def run_order(
    bench: Feast, programs: Sequence[Sequence[Said]], order: Sequence[int]
) -> History:
    """Run transactions in an order of their steps, of which the last is the commit."""
    bench.fill(OPENING)
    history = History(bench.db)
    open_: dict[int, tuple[Any, Told, Iterator[Said]]] = {}
    for turn in order:
        if turn not in open_:
            tx = bench.db.optimistic()
            open_[turn] = tx, Told(tx.offset), iter(programs[turn])
        tx, told, left = open_[turn]
        step = next(left, None)
        if step is None:
            history.end(tx, told)
        else:
            say(tx, told, *step)
    return history


def run_history(chance: random.Random, count: int) -> History:
    """Run some clients' transactions, one statement of any of them at a time."""
    bench = Feast()
    bench.fill(OPENING)
    history = History(bench.db)
    open_: dict[int, tuple[Any, Told, int]] = {}
    new = 10
    while count > 0 or open_:
        client = chance.randrange(3)
        if client not in open_:
            if count > 0:
                tx = bench.db.optimistic()
                open_[client] = tx, Told(tx.offset), chance.randrange(1, 4)
            continue
        tx, told, left = open_[client]
        if not left:
            del open_[client]
            history.end(tx, told)
            continue
        new += 1
        say(tx, told, draw_statement(chance, told, new), draw_numbers(chance))
        open_[client] = tx, told, left - 1
        count -= 1
    return history


def history_faults(history: History) -> Iterator[str]:
    """Run all that has committed in sqlite3, one after the other, and compare."""
    judge = sqlite3.connect(":memory:")
    judge.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, v INTEGER, w INTEGER)")
    judge.execute("CREATE TABLE ban (id INTEGER PRIMARY KEY, kind INTEGER, v INTEGER)")
    judge.execute("CREATE TABLE guest (id INTEGER PRIMARY KEY, v INTEGER)")
    for name, rows in OPENING.items():
        for row in rows:
            judge.execute(
                f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row
            )
    # Who has only read comes behind the commit that it has read.
    for told in sorted(history.committed, key=lambda e: (e.offset, not e.has_written)):
        for text, numbers, given in told.events:
            cursor = judge.execute(text, numbers)
            is_query = text.startswith("SELECT")
            right = ordered(cursor) if is_query else cursor.rowcount
            if right != given:
                yield f"{text} {numbers} gave {given}, and at its commit it is {right}"
    for name in OPENING:
        found = ordered(history.db.sql(f"SELECT * FROM {name}"))
        should = ordered(judge.execute(f"SELECT * FROM {name}"))
        if found != should:
            yield f"the rows of {name} are {found}, not {should}"
    judge.close()
