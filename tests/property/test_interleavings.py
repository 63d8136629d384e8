"""The read protocol, step by step: a reader sees its offset's rows in any order.

**Strategy**: run the real code, a reader in one thread and a writer in another,
sometimes with somebody who pins and closes beside them. Each operation on what
they share is a step (`tests.support.gates`): the dicts of rows, notes,
undo and hash indexes, the attributes that hold notes and pins, whole operations
of ordered indexes, the publication lock; and what `qsdb.store.pins` says is done in one
step is one. All interleavings are run that differ
in more than the order of steps which do not touch each other. To put gates
there, the store is recompiled with every ``{}`` made a dict with gates.

**Invariants**:

1. Whatever a read transaction is asked, in every interleaving it answers as it
   did when nobody wrote.
2. One that is opened meanwhile sees exactly the commit of its offset.
3. When all is over, nothing is broken and nothing is kept.
4. Each rule is needed: with any of them broken, some interleaving gives a wrong
   answer.
"""

import ast
import contextlib
import functools
import inspect
import itertools
import os
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import pytest

import qsdb
from qsdb.store import (
    images,
    indexes,
    latest,
    operations,
    pins,
    reading,
    transactions,
    undo,
    writing,
)
from qsdb.store.images import StoredTable
from qsdb.store.indexes import OrderedIndex
from qsdb.store.latest import Latest
from qsdb.store.pins import Store
from qsdb.store.reads import ReadTransaction
from tests.support.gates import (
    Actor,
    Explorer,
    GatedBucket,
    GatedDict,
    GateLock,
    begin_step,
    end_step,
    gate,
)
from tests.support.mutants import Mutant, mutated, patched
from tests.support.steps import STEPS, Step, steps_in

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

pytestmark = pytest.mark.slow

GATED_MODULES = (images, indexes, pins, transactions, undo, writing)

TOUCHED = ("pins", "is_publishing", "is_looked_at")
"""What of the store such a step looks at, but for the spare pin, which changes with the
others. The notes that it empties are looked at by those without a pin alone."""


class _WithGates(ast.NodeTransformer):
    """Makes dict displays dicts with gates, labelled by their place."""

    def __init__(self, module: str) -> None:
        self.module = module

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        if None in node.keys:
            return node
        name = "_gated_bucket" if node.keys else "_gated_dict"
        label = ast.Constant(f"{self.module} {node.lineno}")
        return ast.Call(ast.Name(name, ast.Load()), [node, label], [])


class _InOneStep(ast.NodeTransformer):
    """Makes statements one step: ``begin_step(); try: … finally: end_step()``.

    What stands behind ``else`` is none of it.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                for step in self.steps:
                    place = step.place_in(statements)
                    if place is not None:
                        _join(step, statements, *place)
        return node


def _join(step: Step, statements: list[ast.stmt], first: int, last: int) -> None:
    parts = statements[first : last + 1]
    if isinstance(parts[0], ast.If) and parts[0].orelse:
        parts[0].orelse.insert(0, _calling("end_step"))
    joined = ast.Try(parts, [], [], [_calling("end_step")])
    statements[first : last + 1] = [_calling("begin_step", step.looks_at), joined]


def _begin_step(looks_at: object, *, looks: bool, moves: bool) -> None:
    begin_step(*TOUCHED, *["layers"] * looks, *[looks_at] * moves)


def _calling(name: str, argument: str = "") -> ast.stmt:
    (call,) = ast.parse(f"_{name}({argument})").body
    return call


def gated_attribute(owner: type, name: str, *, always: bool = False) -> property:
    """Give a property in place of an attribute, which it keeps where it was.

    Its name is the cell, as there is one store, and one table that is written to.

    Args:
        owner: The class.
        name: Of the attribute.
        always: Whether reading it is a step also of those to whom reading is none.
    """
    slot = owner.__dict__.get(name)
    label: str | None = f"{owner.__name__}.{name}"
    is_changed_in_place = name == "abandoned"
    if is_changed_in_place or name.startswith("is_"):
        label = None  # not the readers, but who else comes first depends on it

    def get(self: Any) -> object:
        gate(name, label, writes=is_changed_in_place, always=always)
        return self.__dict__[name] if slot is None else slot.__get__(self)

    def put(self: Any, value: object) -> None:
        gate(name, label, writes=True)
        if slot is None:
            self.__dict__[name] = value
        else:
            slot.__set__(self, value)

    return property(get, put)


def gated_method(owner: type, name: str, *, writes: bool) -> Callable[..., object]:
    """Give a method that is one step as a whole."""
    method: Callable[..., object] = getattr(owner, name)

    def step(self: object, *args: object) -> object:
        gate(id(self), owner.__name__, writes=writes)
        return method(self, *args)

    return step


def change_for(module: types.ModuleType) -> Callable[[ast.Module], ast.Module]:
    """Give what puts gates into the code of a module."""
    if module not in GATED_MODULES:
        return lambda tree: tree

    def change(tree: ast.Module) -> ast.Module:
        steps_in(module, tree)  # all are there
        steps = _InOneStep(STEPS.get(module, ()))
        changed = steps.visit(_WithGates(module.__name__).visit(tree))
        assert isinstance(changed, ast.Module)
        return changed

    return change


@contextlib.contextmanager
def gates(
    *mutants: Mutant, leaves: bool = False, looks: bool = False, moves: bool = False
) -> Iterator[None]:
    """Put gates into the store, and bugs if there are any, for a block.

    Args:
        mutants: The bugs.
        leaves: Whether somebody closes a read meanwhile. What is left to be given
            up is shared then, and every commit looks at it.
        looks: Whether somebody reads without a pin meanwhile.
        moves: Whether it is looked into that pins are changed by others than a commit
            that moves notes to them; with readers besides there would be no end of it.
    """
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for module in {*GATED_MODULES, *[mutant.module for mutant in mutants]}:
            here = [mutant for mutant in mutants if mutant.module is module]
            source = mutated(here) if here else inspect.getsource(module)
            # A bucket with gates is of a class derived from dict.
            source = source.replace("type(bucket) is dict", "isinstance(bucket, dict)")
            patch.setattr(module, "_gated_dict", GatedDict, raising=False)
            patch.setattr(module, "_gated_bucket", GatedBucket, raising=False)
            begin = functools.partial(_begin_step, looks=looks, moves=moves)
            patch.setattr(module, "_begin_step", begin, raising=False)
            patch.setattr(module, "_end_step", end_step, raising=False)
            stack.enter_context(patched(module, source, change_for(module)))
        for owner, name in (
            (StoredTable, "layers"),
            (StoredTable, "count"),
            (StoredTable, "changed_at"),
            *([(Store, "abandoned"), (Store, "is_publishing")] if leaves else []),
            *([(Store, "is_looked_at")] if looks else []),
        ):
            replacement = gated_attribute(owner, name)
            patch.setattr(owner, name, replacement, raising=False)
        replacement = gated_attribute(Store, "pins", always=moves)
        patch.setattr(Store, "pins", replacement, raising=False)
        for name in ("add", "add_many", "remove", "clear"):
            method = gated_method(OrderedIndex, name, writes=True)
            patch.setattr(OrderedIndex, name, method)
        for name in ("keys_between", "count_between"):
            method = gated_method(OrderedIndex, name, writes=False)
            patch.setattr(OrderedIndex, name, method)
        yield


class UndoneError(Exception):
    """What a writer raises to roll back."""


class World:
    """A database of one table with three rows, made once and reset for each run."""

    def __init__(self) -> None:
        module = qsdb.Module("world")

        class Item(qsdb.Row, module=module):
            id: int = qsdb.primary_key()
            name: int = qsdb.unique()
            size: int = qsdb.index()
            tag: int = qsdb.index("hash")

        self.item = Item
        self.database = qsdb.Database(module, seed=0)
        self.reads: list[ReadTransaction] = []
        store = self.database._directory.store
        lock: Any = GateLock()
        store.publication = lock
        store._begin_publication = lock.acquire
        store._end_publication = lock.release

    def reset(self) -> None:
        """Close what is open, look whether all is well, and begin anew."""
        for read in self.reads:
            read.close()
        self.reads.clear()
        self.database.check()
        stats = self.database.stats()
        assert (stats.pins, stats.undo_rows) == (0, 0)
        with self.write() as items:
            items.clear()
            items.insert_many([self.row(key, key) for key in range(3)])

    def row(self, key: int, value: int) -> Any:
        """Give a row: of two with other values, each index tells them apart."""
        return self.item(key, value, value, value % 2)

    @contextlib.contextmanager
    def write(self, *, commits: bool = True) -> Iterator[Any]:
        """Give the table in a transaction that commits, or rolls back."""
        with contextlib.suppress(UndoneError), self.database.write() as tx:
            yield tx[self.item]
            if not commits:
                raise UndoneError

    def open_read(self) -> Any:
        """Give the table in a read transaction that stays open."""
        read = self.database.read()
        self.reads.append(read)
        return read[self.item]


Reader = Callable[[Any], object]
Writer = Callable[[World], None]

READERS: dict[str, Reader] = {
    "a row": lambda items: items.get(1),
    "no row": lambda items: items.get(9),
    "scan": lambda items: sorted(map(repr, items)),
    "range": lambda items: list(items.size.range(1, 100)),
    "first of a range": lambda items: list(items.size.range(1, 100, limit=1)),
    "hash filter": lambda items: sorted(map(repr, items.tag.filter(1))),
    "unique": lambda items: items.name.find(1),
    "no unique": lambda items: items.name.find(10),
    "length": len,
}

FEW_READERS = ("a row", "scan", "range", "hash filter")
"""For scenarios of many steps."""


def update(world: World, *, commits: bool = True, value: int = 10) -> None:
    with world.write(commits=commits) as items:
        items.update(world.row(1, value))


def replace(world: World, *, commits: bool = True) -> None:
    with world.write(commits=commits) as items:
        items.delete_by_key(1)
        items.insert(world.row(9, 1))


def swap(world: World) -> None:
    """Exchange what two rows have in every index."""
    with world.write() as items:
        items.delete_by_key(0)
        items.update(world.row(1, 0))
        items.insert(world.row(0, 1))


def fill_anew(world: World) -> None:
    with world.write() as items:
        items.clear()
        items.insert_many([world.row(9, 1), world.row(1, 9)])


def undo_a_savepoint(world: World) -> None:
    with world.database.write() as tx:
        tx[world.item].update(world.row(1, 10))
        with contextlib.suppress(UndoneError), tx.savepoint():
            tx[world.item].update(world.row(1, 11))
            raise UndoneError


def update_twice(world: World, *, commits: tuple[bool, bool]) -> None:
    update(world, commits=commits[0])
    update(world, commits=commits[1], value=11)


def cut_in_two(world: World) -> None:
    """Have an exception cut a write, so that the indexes are made anew."""
    with world.write(commits=False) as items:
        items.update(world.row(1, 10))
        items._stored.is_interrupted = True


WRITERS: dict[str, Writer] = {
    "update": update,
    "update, rolled back": lambda world: update(world, commits=False),
    "replace": replace,
    "replace, rolled back": lambda world: replace(world, commits=False),
    "swap": swap,
    "fill anew": fill_anew,
    "undo a savepoint": undo_a_savepoint,
    "commit, commit": lambda world: update_twice(world, commits=(True, True)),
    "commit, roll back": lambda world: update_twice(world, commits=(True, False)),
    "roll back, commit": lambda world: update_twice(world, commits=(False, True)),
    "cut in two": cut_in_two,
    "roll back twice": lambda world: update_twice(world, commits=(False, False)),
}

LONG_WRITERS = ("undo a savepoint", "roll back twice", "commit, roll back")

BESIDE: dict[str, Writer] = {
    "the newer read closes": lambda world: world.reads[-1].close(),
    "another read opens and closes": lambda world: world.database.read().close(),
}


@attrs.frozen
class Scenario:
    """Who does what at the same time."""

    reader: Reader
    writer: Writer
    beside: Writer | None = None
    """What a third thread does."""
    is_between: bool = False
    """Whether the reader's pin is the older of two, with a change between."""

    def prepare(self, world: World) -> tuple[object, list[Actor]]:
        """Set up a run; give what the reader should see, and the actors."""
        world.reset()
        items = world.open_read()
        if self.is_between:
            with world.write() as table:
                table.update(world.row(2, 20))
            world.open_read()
        right = self.reader(items)
        actors = [
            Actor(lambda: self.reader(items), reads=True),
            Actor(lambda: self.writer(world), reads=False),
        ]
        if self.beside is not None:
            beside = self.beside
            actors.append(Actor(lambda: beside(world), reads=False))
        return right, actors


def wrong_outcomes(scenario: Scenario, explorer: Explorer) -> Iterator[object]:
    """Run all interleavings and yield what is not as it should be."""
    world = World()
    right: object = None

    def prepare() -> Sequence[Actor]:
        nonlocal right
        right, actors = scenario.prepare(world)
        return actors

    for seen, *others in explorer.runs(prepare):
        if seen != right or others != [None] * len(others):
            yield seen, right, others
    world.reset()


def report(scenarios: Sequence[Scenario]) -> list[object]:
    """Run scenarios; tell how many interleavings there were, give what was wrong."""
    wrong: list[object] = []
    explorers = []
    for scenario in scenarios:
        explorers.append(explorer := Explorer())
        wrong += wrong_outcomes(scenario, explorer)
    counts = [explorer.count for explorer in explorers]
    print(f"{sum(counts)} interleavings: {counts}")
    return wrong


@pytest.mark.parametrize("writer", WRITERS)
def test_a_reader_sees_its_offset_while_one_writes(writer: str) -> None:
    with gates():
        readers = FEW_READERS if writer in LONG_WRITERS else READERS
        wrong = report([Scenario(READERS[each], WRITERS[writer]) for each in readers])

    assert wrong == []


@pytest.mark.parametrize("beside", BESIDE if IS_NIGHTLY else ["the newer read closes"])
@pytest.mark.parametrize(
    "writer", ["update", "update, rolled back"] if IS_NIGHTLY else ["update"]
)
def test_the_older_read_is_as_it_was(writer: str, beside: str) -> None:
    scenarios = [
        Scenario(READERS[reader], WRITERS[writer], BESIDE[beside], is_between=True)
        for reader in (("a row", "scan", "length") if IS_NIGHTLY else ("a row", "scan"))
    ]
    with gates(leaves=True):
        wrong = report(scenarios)

    assert wrong == []


Outcome = tuple[int, str]
"""An offset, less that at the beginning, and a row as it was read there."""


def opened_reads(
    commits: Sequence[bool] = (True,), *, is_beside: bool = False
) -> tuple[set[object], set[Outcome]]:
    """Open a read while two transactions run; give what was read, and what is right.

    Args:
        commits: Whether each of them commits.
        is_beside: Whether an older one is open meanwhile, so that notes are moved, and
            another one has just been closed.
    """
    world, explorer = World(), Explorer()
    seen: set[object] = set()
    start = 0

    def read() -> Outcome:
        with world.database.read() as tx:
            return tx.offset - start, repr(tx[world.item].get(1))

    def prepare() -> list[Actor]:
        nonlocal start
        world.reset()
        if is_beside:
            world.open_read()
            with world.write() as table:
                table.update(world.row(2, 20))
            world.database.read().close()
        start = world.database.offset
        return [
            Actor(read, reads=True),
            Actor(lambda: update_all(world, commits), reads=False),
        ]

    for outcome, _ in explorer.runs(prepare):
        seen.add(outcome)
    world.reset()
    print(f"{explorer.count} interleavings")
    values = [1, *itertools.compress((10, 11), commits)]
    return seen, {(n, repr(world.row(1, value))) for n, value in enumerate(values)}


def update_all(world: World, commits: Sequence[bool]) -> None:
    for commit, value in zip(commits, (10, 11), strict=False):
        update(world, commits=commit, value=value)


@pytest.mark.parametrize(
    "commits",
    [(True, False), (True, True), (False, True)] if IS_NIGHTLY else [(True, False)],
)
def test_a_read_opened_meanwhile_sees_one_commit(commits: tuple[bool, bool]) -> None:
    with gates(leaves=True):
        seen, right = opened_reads(commits)

    assert seen == right


@pytest.mark.parametrize("is_beside", [False, True], ids=["alone", "beside an older"])
def test_a_read_opened_beside_one_commit_sees_all_of_it(*, is_beside: bool) -> None:
    with gates(leaves=True, moves=True):
        seen, right = opened_reads(is_beside=is_beside)

    assert seen == right


def wrong_reads(beside: Writer) -> Iterator[object]:
    """Have somebody commit while another one opens or closes; yield what is wrong then.

    An older read, and a newer one, are open at the beginning; the older one is looked
    at afterwards.
    """
    world, explorer = World(), Explorer()
    items: Any = None

    def prepare() -> list[Actor]:
        nonlocal items
        world.reset()
        items = world.open_read()
        with world.write() as table:
            table.update(world.row(2, 20))
        world.open_read()
        return [
            Actor(lambda: update(world), reads=True),
            Actor(lambda: beside(world), reads=True),
        ]

    right = [repr(world.row(n, n)) for n in range(3)]
    for outcomes in explorer.runs(prepare):
        rows = sorted(map(repr, items))
        if outcomes != [None, None] or rows != right:
            yield outcomes, rows
    world.reset()
    print(f"{explorer.count} interleavings")


@pytest.mark.parametrize("beside", BESIDE)
def test_what_an_older_read_needs_is_kept(beside: str) -> None:
    with gates(leaves=True, moves=True):
        assert list(wrong_reads(BESIDE[beside])) == []


def test_no_pin_is_given_up_in_the_middle_of_a_publication() -> None:
    mutant = Mutant(pins, "            and not store.is_publishing\n", "")
    with gates(mutant, leaves=True, moves=True):
        assert list(wrong_reads(BESIDE["the newer read closes"])) != []


def looks() -> tuple[set[object], set[str]]:
    """Look a row up by a unique value, without a pin, while that goes to another."""
    world, explorer = World(), Explorer()
    directory = world.database._directory
    latest, entry = Latest(directory.edition.tables), directory.by_class[world.item]

    def look() -> str:
        return repr(latest.read(entry, lambda items: items.name.find(1)))

    def prepare() -> list[Actor]:
        world.reset()
        return [Actor(look, reads=True), Actor(lambda: swap(world), reads=False)]

    seen = {outcome for outcome, _ in explorer.runs(prepare)}
    world.reset()
    print(f"{explorer.count} interleavings")
    there = {1: 1, 0: 1}  # under which key the value is before, and after
    return seen, {repr(world.row(key, value)) for key, value in there.items()}


def test_a_look_without_a_pin_sees_one_commit() -> None:
    with gates(looks=True):
        seen, right = looks()

    assert seen == right


def breakage(
    module: types.ModuleType, text: str, other: str, writer: str, **more: Any
) -> tuple[Mutant, Scenario]:
    """Give a rule that is broken, and the scenario that shows it."""
    mutant = Mutant(module, text, other)
    return mutant, Scenario(READERS["a row"], WRITERS[writer], **more)


BREAKAGES = {
    "the row is stored before its pre-image": breakage(
        operations,
        'yield f"{indent}if key not in pre: pre[key] = {old}"',
        'yield f"{indent}self._rows[key] = stored"\n'
        '        yield f"{indent}if key not in pre: pre[key] = {old}"',
        "update",
    ),
    "the notes are emptied before they are merged": breakage(
        undo,
        "        for images in table.layers:\n",
        "        layers, table.layers = table.layers, ()\n"
        "        for images in layers:\n",
        "update",
    ),
    "a rollback does not merge its notes": breakage(
        pins,
        "                if pins and touched:\n",
        "                if pins and offset > self.offset:\n",
        "update, rolled back",
    ),
    "a reader looks from old to new": breakage(
        reading,
        "        row = stored.rows.get(key)\n        for images",
        "        for each in self._store.pins:\n"
        "            undo = each.undo.get(stored, {})\n"
        "            if each.offset >= pin.offset and key in undo:\n"
        "                return undo[key]\n"
        "        for images in stored.layers:\n"
        "            if key in images:\n"
        "                return images[key]\n"
        "        return stored.rows.get(key)\n"
        "        for images",
        "update",
    ),
    "a table does not say that it changed": breakage(
        pins,
        "                    table.changed_at = self.offset + 1\n",
        "",
        "update",
    ),
    "a table does not say that it was rolled back": breakage(
        pins,
        "                    table.changed_at = self.offset + 1\n",
        "                    table.changed_at = offset\n",
        "update, rolled back",
    ),
    "a table says that it changed after its notes are gone": breakage(
        pins,
        "                    table.changed_at = self.offset + 1\n"
        "                if is_commit and table.layers:  # but once if cut off\n"
        "                    table.written += touched\n"
        "                table.layers = ()\n",
        "                if is_commit and table.layers:  # but once if cut off\n"
        "                    table.written += touched\n"
        "                table.layers = ()\n"
        "                if pins:\n"
        "                    table.changed_at = self.offset + 1\n",
        "update",
    ),
    "a pin is unlinked before it is merged": breakage(
        pins,
        "        if place:\n            self.pins[place - 1].take_over(pin)\n"
        "        self.pins = self.pins[:place] + self.pins[place + 1 :]\n",
        "        older = self.pins[place - 1]\n"
        "        self.pins = self.pins[:place] + self.pins[place + 1 :]\n"
        "        if place:\n            older.take_over(pin)\n",
        "update",
        beside=BESIDE["the newer read closes"],
        is_between=True,
    ),
    "a pin is given up without what an older one needs": breakage(
        pins,
        "            and not (older and pin.undo)  # what they would need\n",
        "",
        "update",
        beside=BESIDE["the newer read closes"],
        is_between=True,
    ),
}
"""Each rule of `qsdb.store.images` broken, and the scenario that shows it."""


@pytest.mark.parametrize("name", BREAKAGES)
def test_each_rule_is_needed(name: str) -> None:
    mutant, scenario = BREAKAGES[name]
    explorer = Explorer()
    with gates(mutant, leaves=scenario.beside is not None):
        wrong = list(wrong_outcomes(scenario, explorer))
    print(f"{len(wrong)} of {explorer.count} interleavings are wrong: {wrong[:1]}")

    assert wrong != []


OPENED: dict[str, tuple[Mutant, bool]] = {
    "a commit does not look for those who read": (
        Mutant(
            transactions,
            "if not (store.pins or store.is_looked_at):",
            "if not (store.pins or store.is_looked_at) or True:",
        ),
        False,
    ),
    "a read is where the store was when its pin was made": (
        Mutant(
            pins,
            "                pin.offset = self.offset\n",
            "                pin.offset = self.offset if not pin else pin.offset\n",
        ),
        False,
    ),
    "a read begins in the middle of a publication": (
        Mutant(pins, "            and not self.is_publishing\n", ""),
        True,
    ),
    "a read takes the place of one who left before the last commit": (
        Mutant(pins, "            pin.offset == self.offset\n", "            True\n"),
        True,
    ),
}
"""What a read that begins relies on, broken; and whether that shows beside another."""


@pytest.mark.parametrize("name", OPENED)
def test_what_a_read_that_begins_relies_on_is_needed(name: str) -> None:
    mutant, is_beside = OPENED[name]
    with gates(mutant, leaves=True, moves=True):
        seen, right = opened_reads(is_beside=is_beside)

    assert seen - right != set()


def test_who_looks_without_a_pin_must_say_so() -> None:
    mutant = Mutant(
        latest,
        "                store.is_looked_at = True\n"
        "                found = read(handle, *arguments)\n"
        "                if store.is_looked_at:\n",
        "                found = read(handle, *arguments)\n"
        "                if handle is not None:\n",
    )
    with gates(mutant, looks=True):
        seen, right = looks()

    assert seen - right != set()
