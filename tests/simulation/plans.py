"""What a seed stands for: options, lives, faults, and what each client does.

All of it is drawn beforehand, so that an interaction can be left out and the rest
stays: `shrinking` does so. Numbers in it are places ("the second account that there
is"), since nobody knows yet what will be there.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any, Literal

import attrs

from qsdb.testing import Policy
from tests.simulation.doing import ACCOUNT_KINDS, LOOKS, NAMES_MAX
from tests.simulation.states import Operation

__all__ = ["KINDS", "Fault", "Interaction", "LifePlan", "Plan", "draw"]

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "torn", "garbage")
CLIENTS = 3
MILLISECOND = 1000


@attrs.frozen
class Interaction:
    """One thing that a client does.

    Attributes:
        number: Counted through the plan.
        client: Which client.
        kind: A name in `tests.simulation.interactions`.
        arguments: For that.
    """

    number: int
    client: int
    kind: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        """Show it on a line."""
        shown = ", ".join(map(repr, self.arguments))
        return f"#{self.number} client {self.client}: {self.kind}({shown})"


@attrs.frozen
class Fault:
    """What goes wrong in a life.

    Attributes:
        sort: What.
        call: At which call of the disk, counted from when the database is open; or from
            before that, if `is_early`.
        count: How many calls it lasts, where the space comes back.
        moment: When, in a crash.
        policy: What a loss of power does to what is not synced; None if the process
            alone is killed.
        is_early: Whether it may hit the opening.
    """

    sort: Literal["none", "crash", "full", "fail", "fail sync"]
    call: int = 0
    count: int = 1
    moment: Literal["before", "during", "after"] = "before"
    policy: Policy | None = None
    is_early: bool = False


@attrs.frozen
class LifePlan:
    """One life of the process, from an opening to an end."""

    fault: Fault
    interactions: tuple[Interaction, ...]


@attrs.frozen
class Plan:
    """All that a seed stands for.

    Attributes:
        seed: It.
        options: Of the database.
        eagerness: How likely another task goes on at a switch point.
        lives: One after the other; the last one has no faults.
        scripts: Lists of operations, by their numbers; interactions name them.
        is_fine: Whether there are switch points inside of the store's functions, too.
    """

    seed: int
    options: dict[str, Any]
    eagerness: float
    lives: tuple[LifePlan, ...]
    scripts: tuple[tuple[Operation, ...], ...]
    is_fine: bool = False

    def interactions(self) -> Iterator[Interaction]:
        """Yield all."""
        for life in self.lives:
            yield from life.interactions

    def without(self, numbers: frozenset[int]) -> "Plan":
        """Give a plan that leaves some interactions out."""
        lives = [
            attrs.evolve(
                life,
                interactions=tuple(
                    each for each in life.interactions if each.number not in numbers
                ),
            )
            for life in self.lives
        ]
        return attrs.evolve(self, lives=tuple(lives))


def draw(seed: int) -> Plan:
    """Draw what a seed stands for."""
    rng = random.Random(f"plan {seed}")
    artist = _Artist(rng)
    count = rng.choice((1, 1, 2, 2, 3))
    lives = [artist.life(is_last=number + 1 == count) for number in range(count)]
    return Plan(
        seed,
        _options(rng),
        rng.choice((0.05, 0.2, 0.5, 1.0)),
        tuple(lives),
        tuple(artist.scripts),
        is_fine=rng.random() < 0.2,
    )


def _options(rng: random.Random) -> dict[str, Any]:
    return {
        "durability": rng.choice(("always", "interval", "interval", "os")),
        "sync_interval": rng.choice((0.0005, 0.01)),
        "segment_bytes": rng.choice((512, 1024, 1024, 8192)),
        "step_bytes": rng.choice((256, 1024)),
        "snapshot_commits": rng.choice((3, 10, 1_000_000)),
        "snapshots_kept": rng.choice((1, 2)),
        "queue_bytes_max": rng.choice((200, 1 << 20)),
        "scheduler": rng.choice(("thread", "manual")),
    }


class _Artist:
    """Draws, and keeps what is drawn for all lives."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.scripts: list[tuple[Operation, ...]] = []
        self.count = 0
        # Each seed has some kinds that it likes, or hardly any run comes deep.
        self.weights = [
            weight * rng.choice((0, 1, 1, 3)) if name not in _ALWAYS else weight
            for name, (weight, _) in KINDS.items()
        ]

    def life(self, *, is_last: bool) -> LifePlan:
        rng = self.rng
        fault = Fault("none") if is_last else self.fault()
        first = [] if self.scripts else [self.interaction("furnish")]
        first += [self.interaction("subscribe") for _ in range(rng.choice((0, 1, 3)))]
        first += [self.interaction("connect") for _ in range(rng.choice((0, 0, 1)))]
        count = rng.choice((3, 8, 8, 12))
        return LifePlan(fault, (*first, *(self.interaction() for _ in range(count))))

    def fault(self) -> Fault:
        rng = self.rng
        sort = rng.choice(
            ("crash", "crash", "crash", "full", "fail", "fail sync", "none")
        )
        return Fault(
            sort,  # type: ignore[arg-type]
            call=int(rng.random() ** 2 * 150),
            count=rng.choice((1, 2, 1000)),
            moment=rng.choice(("before", "during", "after")),
            policy=None if rng.random() < 0.3 else rng.choice(POLICIES),
            is_early=rng.random() < 0.2,
        )

    def interaction(self, kind: str = "") -> Interaction:
        rng = self.rng
        if not kind:
            [kind] = rng.choices([*KINDS], self.weights)
        number, self.count = self.count, self.count + 1
        if kind == "furnish":
            self.scripts.append(self.furniture())
            return Interaction(number, 0, "call", (0, False))
        arguments = KINDS[kind][1](self)
        return Interaction(number, rng.randrange(CLIENTS), kind, arguments)

    def script(self) -> int:
        rng = self.rng
        count = rng.choice((1, 1, 2, 3, 5))
        self.scripts.append(tuple(self.operation() for _ in range(count)))
        return len(self.scripts) - 1

    def furniture(self) -> tuple[Operation, ...]:
        """Draw what there is to begin with."""
        names = ("add", "add", "add", "stock", "stock", "note")
        return tuple(
            (name, *(_value(self.rng, sort) for sort in _OPERATIONS[name][1]))
            for name in names[: self.rng.randrange(1, 7)]
        )

    def operation(self) -> Operation:
        rng = self.rng
        [name] = rng.choices([*_OPERATIONS], [each[0] for each in _OPERATIONS.values()])
        if name == "nested":
            fails = rng.randrange(2)
            inner = tuple(self.operation() for _ in range(rng.randrange(1, 3)))
            return ("nested", fails, inner)
        if name == "look":
            return ("look", rng.choice([*LOOKS]), rng.randrange(-20, 80))
        return (name, *(_value(rng, sort) for sort in _OPERATIONS[name][1]))

    def reading(self) -> tuple[Any, ...]:
        """Draw how often a read transaction reads what, and how long it waits."""
        rng = self.rng
        names = [*LOOKS]
        looks = tuple(
            (rng.choice(names), rng.randrange(-20, 80), rng.choice((0, 0, 1)))
            for _ in range(rng.choice((1, 3, 6)))
        )
        return (looks,)


def _value(rng: random.Random, sort: str) -> Any:
    return _VALUES[sort](rng)


_VALUES: dict[str, Callable[[random.Random], Any]] = {
    "name": lambda rng: f"name {rng.randrange(NAMES_MAX)}",
    "kind": lambda rng: rng.randrange(ACCOUNT_KINDS),
    "amount": lambda rng: rng.randrange(-40, 100),
    "place": lambda rng: rng.choice((-1, *range(6))),
    "where": lambda rng: rng.choice("abc"),
    "slot": lambda rng: rng.randrange(4),
    "text": lambda rng: "text" * rng.choice((1, 1, 40)) + rng.choice("xyz"),
    "table": lambda rng: rng.choice(("account", "stock", "note")),
    "label": lambda rng: rng.randrange(1000),
    "bool": lambda rng: rng.randrange(2),
    "zero": lambda _: 0,
    "delay": lambda rng: rng.choice((1, 3, 10, 2000)) * MILLISECOND,
}
"""Sort of argument → how it is drawn."""


_OPERATIONS: dict[str, tuple[int, tuple[str, ...]]] = {
    "add": (10, ("name", "kind", "amount")),
    "move": (8, ("place", "amount")),
    "rename": (4, ("place", "name", "kind")),
    "drop": (3, ("place",)),
    "drop_kind": (1, ("kind",)),
    "stock": (6, ("where", "slot", "amount")),
    "unstock": (2, ("place",)),
    "note": (4, ("text", "slot")),
    "unnote": (2, ("text", "slot")),
    "clear": (1, ("table",)),
    "tag": (2, ("where", "amount")),
    "ping": (1, ("text",)),
    "alarm": (3, ("bool", "delay", "label", "bool")),
    "silence": (1, ("place",)),
    "errand": (2, ("zero", "delay", "label")),
    "look": (5, ()),
    "nested": (2, ()),
}

_ALWAYS = frozenset({"call", "block", "read", "wait"})

_Drawn = tuple[Any, ...]


def _scripted(artist: _Artist) -> _Drawn:
    return (artist.script(),)


def _failing(artist: _Artist) -> _Drawn:
    return (artist.script(), artist.rng.random() < 0.15)


def _is_rare(artist: _Artist) -> bool:
    return artist.rng.random() < 0.15


def _number(count: int) -> Any:
    return lambda artist: (artist.rng.randrange(count),)


def _nothing(_: _Artist) -> _Drawn:
    return ()


def _query(artist: _Artist) -> _Drawn:
    rng = artist.rng
    return (rng.randrange(100), rng.randrange(100), rng.random() < 0.3)


KINDS: dict[str, tuple[int, Any]] = {
    "call": (12, _failing),
    "block": (10, _failing),
    "read": (8, _Artist.reading),
    "wait": (4, lambda artist: (artist.rng.choice((0.1, 1, 12, 70)),)),
    "sql": (4, _query),
    "change": (
        3,
        lambda artist: (artist.rng.randrange(100), artist.rng.randrange(100)),
    ),
    "subscribe": (4, _query),
    "unsubscribe": (1, _number(8)),
    "connect": (
        3,
        lambda artist: (artist.rng.random() < 0.3, artist.rng.randrange(100)),
    ),
    "call_connected": (4, lambda artist: (artist.script(), artist.rng.randrange(4))),
    "disconnect": (1, _number(4)),
    "optimistic": (
        6,
        lambda artist: (artist.script(), artist.rng.randrange(3), _is_rare(artist)),
    ),
    "transact": (
        4,
        lambda artist: (artist.script(), artist.rng.randrange(3), _is_rare(artist)),
    ),
    "procedure": (2, lambda artist: (artist.script(), artist.script())),
    "run_due": (3, _nothing),
    "wait_durable": (3, _nothing),
    "snapshot": (2, _nothing),
    "compact": (2, lambda artist: (artist.rng.random() < 0.6,)),
    "backup": (1, _nothing),
    "check": (1, _nothing),
    "stats": (1, _nothing),
    "follow": (2, _number(3)),
    "travel": (1, _number(100)),
    "publish": (1, _nothing),
    "clock": (1, lambda artist: (artist.rng.choice((-3600, -1, 1, 5)),)),
}
"""Kind of interaction → how often, and how its arguments are drawn."""
