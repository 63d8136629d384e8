"""A small database, a seeded workload on it, and a model that knows each offset.

A `Step` is one transaction, a list of operations that `Shelf` does on tables and
`Model` on dicts. A `History` runs steps on both and keeps a state for every offset,
what was promised (`acked`) and what may be there (`submitted`)::

    offset   1   2   3   4   5   6
                     ▲       ▲   └ submitted: its call has not returned
                     │       └ what is found again is one of these
                     └ acked: a call, or durable_offset, has promised it
"""

import contextlib
import gc
import random
import weakref
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

import attrs

import qsdb
from qsdb import f64, i32, i64, u8, u32, u64
from qsdb.files import Directory
from qsdb.testing import FakeClock

__all__ = [
    "History",
    "Model",
    "RefusedError",
    "Step",
    "abandon",
    "abandoning",
    "draw_step",
    "hoard",
    "open_hoard",
    "state_of",
]

hoard = qsdb.Module("hoard")


class Item(qsdb.Row, module=hoard, indexes=[qsdb.BTree("kind", "level")]):
    id: u32 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    level: i32 = qsdb.index()
    kind: u8 = qsdb.index("hash")


class Stock(qsdb.Row, module=hoard, primary_key=("place", "slot")):
    place: str
    slot: u32
    count: i64


class Note(qsdb.Row, module=hoard):
    text: str
    weight: f64 = qsdb.index()


class Page(qsdb.Row, module=hoard):
    key: str = qsdb.primary_key()
    serial: u64 = qsdb.auto_inc()
    data: bytes
    tags: tuple[str, ...]


COLUMNS: dict[type[qsdb.Row], Callable[[qsdb.Row], tuple[object, ...]]] = {
    Item: attrgetter("id", "name", "level", "kind"),
    Stock: attrgetter("place", "slot", "count"),
    Note: attrgetter("text", "weight"),
    Page: attrgetter("key", "serial", "data", "tags"),
}


class RefusedError(Exception):
    """What a block of the workload raises to be rolled back."""


@hoard.init
def init(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Stock].insert(Stock("cellar", 0, 1))


@hoard.reducer
def add(ctx: qsdb.ReducerContext, name: str, level: i32, kind: u8) -> u32:
    return Shelf(ctx.db).add(name, level, kind)


@hoard.reducer
def add_in_vain(ctx: qsdb.ReducerContext, name: str, level: i32, kind: u8) -> None:
    Shelf(ctx.db).add(name, level, kind)
    raise qsdb.ReducerError(f"no {name} today")


class Shelf:
    """Does operations on the tables of a transaction."""

    def __init__(self, tx: Any) -> None:
        self._tx = tx

    def add(self, name: str, level: int, kind: int) -> int:
        number: int = self._tx[Item].insert(Item(name, level, kind)).id
        return number

    def move(self, number: int, level: int) -> None:
        items = self._tx[Item]
        items.update(items.get(number).replace(level=level))

    def drop(self, number: int) -> None:
        self._tx[Item].delete_by_key(number)

    def stock(self, place: str, slot: int, count: int) -> None:
        self._tx[Stock].upsert(Stock(place, slot, count))

    def unstock(self, place: str, slot: int) -> None:
        self._tx[Stock].delete_by_key(place, slot)

    def note(self, text: str, weight: float) -> None:
        self._tx[Note].insert(Note(text, weight))

    def unnote(self, text: str, weight: float) -> None:
        self._tx[Note].delete(Note(text, weight))

    def write(self, key: str, data: bytes, tags: tuple[str, ...]) -> None:
        pages = self._tx[Page]
        found = pages.get(key)
        if found is None:
            pages.insert(Page(key, data, tags))
        else:
            pages.update(found.replace(data=data, tags=tags))

    def clear(self, table: str) -> None:
        self._tx.table(table).clear()


State = Mapping[str, object]
"""What a database holds: table → its rows, and what its sequences give next."""


class Model:
    """The same operations on dicts and sets; tuples are rows."""

    def __init__(self) -> None:
        self.items: dict[int, tuple[Any, ...]] = {}
        self.stocks: dict[tuple[str, int], int] = {("cellar", 0): 1}
        self.notes: set[tuple[str, float]] = set()
        self.pages: dict[str, tuple[Any, ...]] = {}
        self.next_item = self.next_page = 1

    def copy(self) -> "Model":
        other = Model()
        other.items, other.stocks = dict(self.items), dict(self.stocks)
        other.notes, other.pages = set(self.notes), dict(self.pages)
        other.next_item, other.next_page = self.next_item, self.next_page
        return other

    def rows(self) -> State:
        return {
            "item": frozenset(self.items.values()),
            "stock": frozenset((*key, n) for key, n in self.stocks.items()),
            "note": frozenset(self.notes),
            "page": frozenset(self.pages.values()),
        }

    def state(self) -> State:
        sequences = {"item": [self.next_item], "page": [self.next_page]}
        return {**self.rows(), "sequences": sequences}

    def add(self, name: str, level: int, kind: int) -> int:
        number = self.next_item
        self.items[number] = number, name, level, kind
        self.next_item += 1
        return number

    def move(self, number: int, level: int) -> None:
        row = self.items[number]
        self.items[number] = *row[:2], level, row[3]

    def drop(self, number: int) -> None:
        del self.items[number]

    def stock(self, place: str, slot: int, count: int) -> None:
        self.stocks[place, slot] = count

    def unstock(self, place: str, slot: int) -> None:
        del self.stocks[place, slot]

    def note(self, text: str, weight: float) -> None:
        self.notes.add((text, weight))

    def unnote(self, text: str, weight: float) -> None:
        self.notes.remove((text, weight))

    def write(self, key: str, data: bytes, tags: tuple[str, ...]) -> None:
        serial = self.next_page
        if key in self.pages:
            serial = self.pages[key][1]
        else:
            self.next_page += 1
        self.pages[key] = key, serial, data, tags

    def clear(self, table: str) -> None:
        tables: dict[str, dict[Any, Any]]
        tables = {"item": self.items, "stock": self.stocks, "page": self.pages}
        tables[table].clear()


def state_of(db: qsdb.Database) -> State:
    """Give what an open database holds."""
    with db.read() as tx:
        found: dict[str, object] = {
            table.__name__.lower(): frozenset(map(columns, tx[table]))
            for table, columns in COLUMNS.items()
        }
    found["sequences"] = {
        table.bound.schema.name: [*table.sequences]
        for table in db._directory.store.tables
        if table.sequences and not table.is_system
    }
    return found


@attrs.frozen
class Step:
    """One transaction, or a call that makes none.

    Attributes:
        kind: ``"block"``, ``"refused block"``, ``"call"``, ``"refused call"``, or the
            name of a method of `Database` without arguments.
        operations: Name of a method of `Shelf` and `Model`, and its arguments.
    """

    kind: str
    operations: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def on_model(self, model: Model) -> bool:
        """Change a model, and give whether that is a commit."""
        if self.kind not in ("block", "call"):
            return False
        rows, sequences = model.rows(), (model.next_item, model.next_page)
        for name, arguments in self.operations:
            getattr(model, name)(*arguments)
        if model.rows() != rows:
            return True
        model.next_item, model.next_page = sequences
        return False

    def on_database(self, db: qsdb.Database) -> None:
        """Do it."""
        if self.kind.endswith("call"):
            reducer = add if self.kind == "call" else add_in_vain
            with contextlib.suppress(qsdb.ReducerError):
                db.call(reducer, *self.operations[0][1])
        elif self.kind.endswith("block"):
            with contextlib.suppress(RefusedError), db.write() as tx:
                for name, arguments in self.operations:
                    getattr(Shelf(tx), name)(*arguments)
                if self.kind == "refused block":
                    raise RefusedError
        else:
            getattr(db, self.kind)()


MAINTENANCE = tuple(
    name for name in ("snapshot", "compact") if hasattr(qsdb.Database, name)
)
"""Methods that take no part in transactions, and join the workload."""


def draw_step(rng: random.Random, model: Model) -> Step:
    """Choose the next step."""
    chance = rng.random()
    if chance < 0.25:
        kind = "refused call" if chance < 0.05 else "call"
        return Step(kind, (("add", _new_item(rng, model)),))
    if chance < 0.30:
        return Step("wait_durable")
    if chance < 0.38 and MAINTENANCE:
        return Step(rng.choice(MAINTENANCE))
    if chance < 0.44:  # nothing comes of it
        number = model.next_item
        return Step("block", (("add", _new_item(rng, model)), ("drop", (number,))))
    scratch, operations = model.copy(), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        operation = _draw_operation(rng, scratch)
        getattr(scratch, operation[0])(*operation[1])
        operations.append(operation)
    kind = "refused block" if rng.random() < 0.1 else "block"
    return Step(kind, tuple(operations))


def _new_item(rng: random.Random, model: Model) -> tuple[Any, ...]:
    return f"item {model.next_item}", rng.randint(-9, 9), rng.randrange(3)


def _draw_operation(rng: random.Random, model: Model) -> tuple[str, tuple[Any, ...]]:
    """Choose an operation that can be done."""
    weights = [weight for weight, _ in _DRAWS.values()]
    while True:
        (name,) = rng.choices([*_DRAWS], weights)
        arguments = _DRAWS[name][1](rng, model)
        if arguments is not None:
            return name, arguments


def _some_item(rng: random.Random, model: Model) -> tuple[Any, ...] | None:
    return (rng.choice([*model.items]),) if model.items else None


def _moved_item(rng: random.Random, model: Model) -> tuple[Any, ...] | None:
    found = _some_item(rng, model)
    return found and (*found, rng.randint(-9, 9))


def _page(rng: random.Random, _: Model) -> tuple[Any, ...]:
    data = rng.randbytes(rng.choice((0, 40, 900)))
    return f"page {rng.randrange(5)}", data, tuple("xyz"[: len(data) % 4])


_Draw = Callable[[random.Random, Model], tuple[Any, ...] | None]

_DRAWS: dict[str, tuple[int, _Draw]] = {
    "add": (5, _new_item),
    "move": (3, _moved_item),
    "drop": (2, _some_item),
    "stock": (
        3,
        lambda rng, _: (rng.choice("abc"), rng.randrange(4), rng.getrandbits(40)),
    ),
    "unstock": (2, lambda rng, model: rng.choice([*model.stocks, None])),
    "note": (
        2,
        lambda rng, _: (f"note {rng.getrandbits(32)}", rng.choice((0.5, -3.0))),
    ),
    "unnote": (1, lambda rng, model: rng.choice([*sorted(model.notes), None])),
    "write": (3, _page),
    "clear": (1, lambda rng, _: (rng.choice(("item", "stock", "page")),)),
}
"""Operation → how often, and how its arguments are chosen; None if it cannot be."""


SMALL: dict[str, Any] = {"segment_bytes": 1024, "step_bytes": 256}
"""Options by which a short workload comes to many segments."""


def open_hoard(
    files: Directory | str,
    durability: str = "always",
    *,
    clock: FakeClock | None = None,
    has_threads: bool = False,
    **options: Any,
) -> qsdb.Database:
    """Open the database, or create it."""
    return qsdb.Database(
        hoard,
        files,
        durability=durability,
        options=qsdb.StorageOptions(**{**SMALL, "has_threads": has_threads, **options}),
        clock=clock or FakeClock(),
        seed=1,
    )


def abandon(db: qsdb.Database) -> None:
    """Let go of a database whose process is dead, so that nothing closes it."""
    for finalizer in _finalizers():
        alive = finalizer.peek()
        if alive is not None and alive[0] is db:
            finalizer.detach()


@contextlib.contextmanager
def abandoning() -> Iterator[None]:
    """Let go of all databases that the block has left open, whoever has them."""
    before = _finalizers()
    try:
        yield
    finally:
        gc.collect()
        for finalizer in _finalizers() - before:
            finalizer.detach()


def _finalizers() -> "set[weakref.finalize[..., object]]":
    return {*weakref.finalize._registry}  # type: ignore[attr-defined]


class History:
    """What was done to a database, whatever became of it.

    Attributes:
        models: Of each offset; those of 0 and of 1 are the same.
        acked: The last offset that is promised to be on the disk.
    """

    def __init__(self, durability: str = "always") -> None:
        self.durability = durability
        self.models = [Model(), Model()]
        self.acked = 0
        self.current: qsdb.Database | None = None

    @property
    def submitted(self) -> int:
        """The last offset that may be there."""
        return len(self.models) - 1

    def open(self, files: Directory) -> qsdb.Database:
        """Create the database: what has returned is promised."""
        db = self.current = open_hoard(files, self.durability)
        self.acked = db.durable_offset
        return db

    @property
    def promised(self) -> int:
        """The last offset that is promised by now, also by `durable_offset`."""
        return max(self.acked, self.current.durable_offset if self.current else 0)

    def reopen(self, files: Directory) -> qsdb.Database:
        """Open what is left, compare it, and go on from there."""
        db = open_hoard(files, self.durability)
        try:
            offset = self.compare(db)
        except BaseException:
            abandon(db)
            raise
        del self.models[max(2, offset + 1) :]
        self.acked = db.durable_offset
        self.current = db
        return db

    def run(self, db: qsdb.Database, step: Step) -> None:
        """Do a step on the database and on the model."""
        before, model = db.offset, self.models[db.offset].copy()
        is_commit = step.on_model(model)
        del self.models[before + 1 :]
        if is_commit:
            self.models.append(model)
        try:
            step.on_database(db)
        except qsdb.DiskFull:
            assert db.offset == before, f"{step}: not undone"
            del self.models[before + 1 :]
            raise
        finally:
            self.acked = max(self.acked, db.durable_offset)
        assert db.offset == before + is_commit, step
        if self.durability == "always" or step.kind == "wait_durable":
            assert self.acked == db.offset, f"{step}: returned before its sync"

    def run_many(self, db: qsdb.Database, rng: random.Random, count: int) -> None:
        """Do so many random steps."""
        for _ in range(count):
            self.run(db, draw_step(rng, self.models[db.offset]))

    def compare(self, db: qsdb.Database) -> int:
        """Compare what an opening has found with the model, and give its offset."""
        offset = db.offset
        assert self.acked <= offset <= max(self.submitted, 1), (
            f"offset {offset} was found, {self.acked} was promised, "
            f"{self.submitted} is the last: {db.recovery}"
        )
        assert state_of(db) == self.models[offset].state(), (
            f"offset {offset}: {db.recovery}"
        )
        return offset

    def check_open(self, db: qsdb.Database) -> int:
        """Compare what an opening has found, and verify every invariant of it."""
        offset = self.compare(db)
        db.check()
        return offset

    def check(self, files: Directory, *, goes_on: bool = True) -> int:
        """Open what is left, verify it, go on with it, open it again.

        Args:
            files: What is left.
            goes_on: Whether to go on with it.

        Returns:
            The offset that was found.
        """
        db = open_hoard(files, self.durability)
        offset = self.check_open(db)
        if not goes_on:
            db.close()
            return offset
        model = self.models[offset].copy()
        with db.write() as tx:
            assert Shelf(tx).add("one more", 0, 0) == model.add("one more", 0, 0)
        db.close()
        again = open_hoard(files, self.durability)
        assert again.offset == offset + 1
        assert state_of(again) == model.state()
        again.close()
        return offset
