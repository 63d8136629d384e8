"""Scripts of transactions beside each other: a line for each step.

::

    # What it is about: comments tell the story.

    T1 get 1            -> 10
    T1 put 1 11
    T1 commit           -> ok | conflict
    end                 -> 1=11 2=20 | 1=10 2=20

A table ``test (id, value)`` begins with 1=10 and 2=20. ``T1`` is an optimistic
transaction, of the level that the script is run at; ``R1`` a read transaction; ``now``
a serial one for this step alone. Each begins with its first step. Behind the arrow
stands what comes out, at the level snapshot left of the bar and serializable right of
it, if that is not the same. A step without an arrow gives nothing that is looked at.

==========================  ========================================================
``begin``                   begins the transaction and does nothing
``get 1``                   the value of a row
``all``                     all rows, by iterating over the table
``where value % 3 = 0``     rows by SQL
``range [10 20)``           rows by an index; ``..`` is an open end
``put 1 11``                inserts or updates a row; ``insert`` only inserts it
``add 1 5``                 adds to the value of a row
``delete 1``                deletes a row
``note text``               inserts a row with a generated number, which comes out
``sql SELECT …``            a statement
``savepoint`` · ``undo``    enters one · has an exception leave it
``commit`` · ``rollback``   ends the transaction; ``close`` one that reads
``call outer``              calls a reducer
``publish``                 publishes the next version of the module
``subscribe`` · ``told``    begins a live query of the table · what it was told since
``kept``                    what is kept for who reads
``repeat 9 now add 1 1``    a step several times
``end``                     the rows of the table at last
==========================  ========================================================
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import attrs

import qsdb
from qsdb import i64, u32

__all__ = [
    "LEVELS",
    "Level",
    "Script",
    "ScriptError",
    "Step",
    "read_script",
    "run_script",
    "scripts_in",
]

Level = Literal["snapshot", "serializable"]

LEVELS: tuple[Level, ...] = ("snapshot", "serializable")


class ScriptError(Exception):
    """A line of a script is none."""


@attrs.frozen
class Step:
    """One line.

    Attributes:
        number: Of the line, from 1.
        text: What is done.
        wanted: What is to come out, at each level; None if that is not looked at.
    """

    number: int
    text: str
    wanted: tuple[str, str] | None


@attrs.frozen
class Script:
    """A script, by its title."""

    title: str
    steps: tuple[Step, ...]


def read_script(text: str) -> Script:
    """Read a script.

    Raises:
        ScriptError: it has no title, or three levels.
    """
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise ScriptError("a script begins with its title")
    steps = []
    for number, line in enumerate(lines, 1):
        told = line.strip()
        if not told or told.startswith("#"):
            continue
        action, arrow, wanted = told.partition("->")
        levels = [each.strip() for each in wanted.split("|")]
        if len(levels) > 2:
            raise ScriptError(f"line {number}: there are two levels")
        pair = (levels[0], levels[-1]) if arrow else None
        steps.append(Step(number, action.strip(), pair))
    return Script(lines[0].removeprefix("# ").rstrip("."), tuple(steps))


def run_script(script: Script, level: Level, *, has_index: bool = True) -> None:
    """Run a script at a level, and compare what comes out.

    Raises:
        AssertionError: something else does; with the line.
        ScriptError: there is no such step.
    """
    stage = _Stage(level, has_index=has_index)
    for step in script.steps:
        found = stage.do(step.text)
        if step.wanted is not None:
            wanted = step.wanted[LEVELS.index(level)]
            place = f"{script.title}, line {step.number}, {level}: {step.text}"
            assert found == wanted, f"{place} -> {found}, not {wanted}"
    stage.close()


class _Version:
    """A version of the module, with row classes of its own."""

    def __init__(self, number: int, *, has_index: bool) -> None:
        module = qsdb.Module("schedule")
        self.module = module

        class Test(qsdb.Row, module=module):
            id: u32 = qsdb.primary_key()
            value: i64 = qsdb.index() if has_index else qsdb.column()

        class Named(qsdb.Row, module=module):
            id: u32 = qsdb.primary_key()
            name: str = qsdb.unique()

        class Parent(qsdb.Row, module=module):
            id: u32 = qsdb.primary_key()
            name: str

        class Child(qsdb.Row, module=module):
            id: u32 = qsdb.primary_key()
            parent: u32 = qsdb.index("hash")

        class Note(qsdb.Row, module=module):
            id: u32 = qsdb.primary_key(auto_inc=True)
            text: str

        for extra in range(1, number):
            module.add_table(Parent, name=f"more_{extra}")

        self.test, self.note = Test, Note

        def inner(ctx: qsdb.ReducerContext, fails: bool) -> None:  # noqa: FBT001
            ctx.db[Test].upsert(Test(2, 21))
            if fails:
                raise qsdb.ReducerError("on purpose")

        @module.reducer
        def outer(ctx: qsdb.ReducerContext) -> None:
            ctx.db[Test].upsert(Test(1, 11))
            inner(ctx, fails=False)

        @module.reducer
        def failing(ctx: qsdb.ReducerContext) -> None:
            ctx.db[Test].upsert(Test(1, 77))
            inner(ctx, fails=True)


class _UndoneError(Exception):
    """What leaves a savepoint."""


class _Stage:
    """A database, the transactions open on it, and the steps by name."""

    def __init__(self, level: Level, *, has_index: bool) -> None:
        self.level = level
        self.has_index = has_index
        self.versions = 1
        self.version = _Version(1, has_index=has_index)
        self.db = qsdb.Database(self.version.module, seed=1)
        self.open: dict[str, tuple[Any, _Version]] = {}
        self.savepoints: dict[str, list[Any]] = {}
        self.updates: list[str] = []
        with self.db.write() as tx:
            tx[self.version.test].insert_many(
                [self.version.test(1, 10), self.version.test(2, 20)]
            )

    def do(self, text: str) -> str:
        """Make a step, and give what comes out."""
        name, _, rest = text.partition(" ")
        if re.fullmatch("[TR][0-9]+", name):
            return self.beside(name, rest)
        whole: dict[str, Callable[[str], str]] = {
            "now": self.serially,
            "repeat": self.repeat,
            "publish": self.publish,
            "subscribe": self.subscribe,
            "told": self.told,
            "kept": self.kept,
            "end": lambda _: self.serially("all"),
        }
        if name not in whole:
            raise ScriptError(f"no step {text}")
        return whole[name](rest)

    # Steps of transactions.

    def beside(self, name: str, text: str) -> str:
        """Make a step in a transaction that stays open."""
        if name not in self.open:
            reads = name.startswith("R")
            begun = self.db.read() if reads else self.db.optimistic(self.level)
            self.open[name] = begun, self.version
        transaction, version = self.open[name]
        savepoints = self.savepoints.setdefault(name, [])
        match text:
            case "begin":
                return ""
            case "commit" | "rollback" | "close":
                del self.open[name]
                return _outcome(getattr(transaction, text), "ok")
            case "savepoint":
                savepoints.append(transaction.savepoint())
                savepoints[-1].__enter__()
                return ""
            case "undo":
                error = _UndoneError()
                savepoints.pop().__exit__(_UndoneError, error, None)
                return ""
            case _:
                return self.inside(transaction, version, text)

    def serially(self, text: str) -> str:
        """Make a step as a serial transaction."""
        name, _, rest = text.partition(" ")
        if name == "call":
            return _outcome(lambda: self.db.call(rest), "ok")
        with self.db.write() as transaction:
            return self.inside(transaction, self.version, text)

    def inside(self, transaction: Any, version: _Version, text: str) -> str:
        """Make a step in a transaction, and give what comes out."""
        name, _, rest = text.partition(" ")
        table = transaction[version.test]
        match name:
            case "sql":
                return self.sql(transaction, rest)
            case "where":
                return self.sql(transaction, f"SELECT * FROM test {text}")
            case "note":
                return str(transaction[version.note].insert(version.note(rest)).id)
            case "get" | "all" | "range":
                return _read(table, name, rest)
            case _:
                _write(table, version.test, text)
                return ""

    def sql(self, transaction: Any, text: str) -> str:
        """Run a statement, and give its rows, or how many it has changed."""
        try:
            result = transaction.sql(text)
        except qsdb.UniqueError as error:
            return type(error).__name__
        if text.startswith("SELECT"):
            return _shown(sorted(result, key=tuple))
        count = result.rows_affected
        return f"{count} row{'' if count == 1 else 's'}"

    # Steps of their own.

    def repeat(self, text: str) -> str:
        count, _, step = text.partition(" ")
        for _ in range(int(count)):
            self.do(step)
        return ""

    def publish(self, _: str) -> str:
        self.versions += 1
        self.version = _Version(self.versions, has_index=self.has_index)
        self.db.publish(self.version.module)
        return ""

    def subscribe(self, _: str) -> str:
        query = self.db.subscribe("SELECT * FROM test", self.note_update)
        return _shown(sorted(query.initial, key=tuple))

    def note_update(self, update: qsdb.Update) -> None:
        deleted = [f"-{_pair(row)}" for row in sorted(update.deletes, key=tuple)]
        inserted = [f"+{_pair(row)}" for row in sorted(update.inserts, key=tuple)]
        self.updates.append(" ".join([*deleted, *inserted]))

    def told(self, _: str) -> str:
        told, self.updates = self.updates, []
        return ", ".join(told) or "nothing"

    def kept(self, _: str) -> str:
        stats = self.db.stats()
        offsets = f"{stats.pins} offset{'' if stats.pins == 1 else 's'}"
        rows = f"{stats.undo_rows} row{'' if stats.undo_rows == 1 else 's'}"
        return f"{offsets}, {rows}"

    def close(self) -> None:
        """See that nothing is broken or left."""
        for transaction, _ in self.open.values():
            end = getattr(transaction, "close", None) or transaction.rollback
            end()
        self.db.check()
        assert self.kept("") == "0 offsets, 0 rows"
        self.db.close()


def _read(table: Any, name: str, rest: str) -> str:
    if name == "get":
        row = table.get(int(rest))
        return "none" if row is None else str(row.value)
    if name == "all":
        rows = iter(table)
    else:
        ends, include = _ends(rest)
        rows = table.value.range(**ends, include=include)
    return _shown(sorted(rows, key=tuple))


def _write(table: Any, row_class: Any, text: str) -> None:
    name, *words = text.split()
    numbers = [int(word) for word in words]
    match name:
        case "put":
            table.upsert(row_class(*numbers))
        case "insert":
            table.insert(row_class(*numbers))
        case "add":
            row = table.get(numbers[0])
            table.update(row.replace(value=row.value + numbers[1]))
        case "delete":
            table.delete_by_key(numbers[0])
        case _:
            raise ScriptError(f"no step {text}")


def _outcome(act: Callable[[], object], otherwise: str) -> str:
    try:
        act()
    except qsdb.ConflictError:
        return "conflict"
    except qsdb.ReducerError as error:
        return type(error).__name__
    return otherwise


def _ends(text: str) -> tuple[dict[str, int], tuple[bool, bool]]:
    """Read a range: ``[10 20)``."""
    found = re.fullmatch(r"([\[(])(\S+) (\S+)([\])])", text)
    if found is None:
        raise ScriptError(f"no range {text}")
    first, low, high, last = found.groups()
    ends = {"lo": low, "hi": high}
    known = {name: int(end) for name, end in ends.items() if end != ".."}
    return known, (first == "[", last == "]")


def _pair(row: Any) -> str:
    return "=".join(map(str, row))


def _shown(rows: Iterable[Any]) -> str:
    return " ".join(map(_pair, rows)) or "nothing"


def scripts_in(folder: Path) -> dict[str, Script]:
    """Give the scripts in a folder: name → script."""
    return {path.stem: read_script(path.read_text()) for path in folder.glob("*.txt")}
