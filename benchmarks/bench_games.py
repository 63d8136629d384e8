"""What do circles and ia_loop cost, the two games among SpacetimeDB's micro-benchmarks?

* *circles, cross joins*: of a hundred circles and a hundred pieces of food, each with
  an entity that has a place, count those that overlap: circle times food with a look
  at the entities, which is what user code does in a reducer. Figures are for a pair.
* *ia_loop, positions*: each of many positions moves by a speed of its own, then each
  that has a velocity by that. Figures are for a row.
* *ia_loop, agents*: each agent looks for its target by key, for targets near by in a
  btree, for its place, its enemy and herd; then writes five of these rows, one of
  them deleted and inserted again. Figures are for an agent.

Numbers are whole, so that all engines come to the same. SQL joins and updates many
rows in one statement, which user code of qsdb does row by row.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import qsdb
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Raw, Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import i64, u64

SEED = 38
FIELD = 1_000
QUAD_EACH = 20
"""So many agents are in a quad."""

game = qsdb.Module("games")


class Entity(qsdb.Row, module=game):
    """Has a place and a size."""

    id: u64 = qsdb.primary_key()
    x: i64
    y: i64
    radius: i64


class Circle(qsdb.Row, module=game):
    """A player."""

    entity: u64 = qsdb.primary_key()


class Food(qsdb.Row, module=game):
    """May be eaten."""

    entity: u64 = qsdb.primary_key()


class Position(qsdb.Row, module=game):
    """Moves by itself."""

    entity: u64 = qsdb.primary_key()
    x: i64
    y: i64
    vx: i64
    vy: i64


class Velocity(qsdb.Row, module=game):
    """Moves half of the positions once more."""

    entity: u64 = qsdb.primary_key()
    x: i64
    y: i64


class Agent(qsdb.Row, module=game):
    """Acts."""

    entity: u64 = qsdb.primary_key()
    target: u64
    moved: u64


class Targetable(qsdb.Row, module=game):
    """In which quad somebody is."""

    entity: u64 = qsdb.primary_key()
    quad: i64


class LiveTargetable(qsdb.Row, module=game):
    """The same, to be searched by quad."""

    entity: u64 = qsdb.primary_key()
    quad: i64 = qsdb.index()


class Mobile(qsdb.Row, module=game):
    """Where somebody is, and since when."""

    entity: u64 = qsdb.primary_key()
    x: i64
    y: i64
    since: u64


class Enemy(qsdb.Row, module=game):
    """Belongs to a herd."""

    entity: u64 = qsdb.primary_key()
    herd: u64
    alerts: u64


class Herd(qsdb.Row, module=game):
    """Has so many."""

    id: u64 = qsdb.primary_key()
    population: u64


CLASSES: dict[str, type[qsdb.Row]] = {
    "entity": Entity,
    "circle": Circle,
    "food": Food,
    "position": Position,
    "velocity": Velocity,
    "agent": Agent,
    "targetable": Targetable,
    "live_targetable": LiveTargetable,
    "mobile": Mobile,
    "enemy": Enemy,
    "herd": Herd,
}


@game.reducer
def overlap(ctx: qsdb.ReducerContext) -> u64:
    """Count circles that overlap with food."""
    get, count = ctx.db[Entity].get, 0
    for circle in ctx.db[Circle]:
        one = get(circle.entity)
        assert one is not None
        for food in ctx.db[Food]:
            other = get(food.entity)
            assert other is not None
            dx, dy = one.x - other.x, one.y - other.y
            count += dx * dx + dy * dy <= one.radius * one.radius
    return count


@game.reducer
def move_positions(ctx: qsdb.ReducerContext) -> None:
    """Move all by their own speed."""
    positions = ctx.db[Position]
    update = positions.update
    for row in positions:
        update(row.replace(x=row.x + row.vx, y=row.y + row.vy))


@game.reducer
def move_by_velocity(ctx: qsdb.ReducerContext) -> None:
    """Move those that have a velocity."""
    positions = ctx.db[Position]
    get, update = positions.get, positions.update
    for velocity in ctx.db[Velocity]:
        row = get(velocity.entity)
        if row is not None:
            update(row.replace(x=row.x + velocity.x, y=row.y + velocity.y))


@game.reducer
def act(ctx: qsdb.ReducerContext, entity: u64, now: u64) -> u64:
    """Have one agent look and act; give how many are near."""
    db = ctx.db
    agent, mobile = db[Agent].get(entity), db[Mobile].get(entity)
    enemy = db[Enemy].get(entity)
    if agent is None or mobile is None or enemy is None:
        raise qsdb.ReducerError("no such agent")
    target, herd = db[Targetable].get(agent.target), db[Herd].get(enemy.herd)
    own = db[Targetable].get(entity)
    if target is None or herd is None or own is None:
        raise qsdb.ReducerError("an agent without a target")
    near = sum([1 for _ in db[LiveTargetable].quad.filter(target.quad)])
    quad = target.quad
    db[Enemy].update(enemy.replace(alerts=enemy.alerts + herd.population))
    db[Targetable].update(own.replace(quad=quad))
    db[LiveTargetable].delete_by_key(entity)
    db[LiveTargetable].insert(LiveTargetable(entity, quad))
    db[Agent].update(agent.replace(moved=now))
    db[Mobile].update(mobile.replace(x=mobile.x + 1, since=now))
    return near


REDUCERS: Functions = {
    "overlap": overlap,
    "move_positions": move_positions,
    "move_by_velocity": move_by_velocity,
    "act": act,
}


def schema(names: list[str]) -> str:
    """Give the tables in SQL."""
    columns = {
        "entity": "id INTEGER PRIMARY KEY, x BIGINT, y BIGINT, radius BIGINT",
        "circle": "entity INTEGER PRIMARY KEY",
        "food": "entity INTEGER PRIMARY KEY",
        "position": (
            "entity INTEGER PRIMARY KEY, x BIGINT, y BIGINT, vx BIGINT, vy BIGINT"
        ),
        "velocity": "entity INTEGER PRIMARY KEY, x BIGINT, y BIGINT",
        "agent": "entity INTEGER PRIMARY KEY, target BIGINT, moved BIGINT",
        "targetable": "entity INTEGER PRIMARY KEY, quad BIGINT",
        "live_targetable": "entity INTEGER PRIMARY KEY, quad BIGINT",
        "mobile": "entity INTEGER PRIMARY KEY, x BIGINT, y BIGINT, since BIGINT",
        "enemy": "entity INTEGER PRIMARY KEY, herd BIGINT, alerts BIGINT",
        "herd": "id INTEGER PRIMARY KEY, population BIGINT",
    }
    texts = [f"CREATE TABLE {name} ({columns[name]})" for name in names]
    if "live_targetable" in names:
        texts.append("CREATE INDEX by_quad ON live_targetable (quad)")
    return ";".join(texts)


class InSql:
    """The transactions as statements."""

    def __init__(self, peer: Statements) -> None:
        self.execute = peer.execute

    def overlap(self) -> int:
        """Join."""
        text = (
            "SELECT count(*) FROM circle c JOIN entity e ON e.id = c.entity "
            "CROSS JOIN food f JOIN entity g ON g.id = f.entity "
            "WHERE (e.x - g.x) * (e.x - g.x) + (e.y - g.y) * (e.y - g.y) "
            "<= e.radius * e.radius"
        )
        ((count,),) = self.execute(text)
        return int(count)

    def move_positions(self) -> None:
        """Take one statement."""
        self.execute("UPDATE position SET x = x + vx, y = y + vy")

    def move_by_velocity(self) -> None:
        """Take one statement."""
        self.execute(
            "UPDATE position SET x = position.x + v.x, y = position.y + v.y "
            "FROM velocity v WHERE v.entity = position.entity"
        )

    def act(self, entity: int, now: int) -> int:
        """Read six rows and write five."""
        execute = self.execute
        execute("BEGIN")
        text = "SELECT target FROM agent WHERE entity = ?"
        ((target,),) = execute(text, (entity,))
        ((quad,),) = execute("SELECT quad FROM targetable WHERE entity = ?", (target,))
        text = "SELECT entity, quad FROM live_targetable WHERE quad = ?"
        near = sum([1 for _ in execute(text, (quad,))])
        ((x,),) = execute("SELECT x FROM mobile WHERE entity = ?", (entity,))
        text = (
            "SELECT e.alerts + h.population FROM enemy e JOIN herd h ON h.id = e.herd "
            "WHERE e.entity = ?"
        )
        ((alerts,),) = execute(text, (entity,))
        execute("UPDATE enemy SET alerts = ? WHERE entity = ?", (alerts, entity))
        execute("UPDATE targetable SET quad = ? WHERE entity = ?", (quad, entity))
        execute("DELETE FROM live_targetable WHERE entity = ?", (entity,))
        execute("INSERT INTO live_targetable VALUES (?, ?)", (entity, quad))
        execute("UPDATE agent SET moved = ? WHERE entity = ?", (now, entity))
        text = "UPDATE mobile SET x = ?, since = ? WHERE entity = ?"
        execute(text, (x + 1, now, entity))
        execute("COMMIT")
        return near


class InMaps:
    """The transactions over mappings; ``by_quad`` is an index by hand."""

    def __init__(self, tables: Tables) -> None:
        self.tables: Any = tables

    def overlap(self) -> int:
        """Loop in a loop."""
        entities, food, count = self.tables["entity"], self.tables["food"], 0
        for circle in self.tables["circle"]:
            _, x, y, radius = entities[circle]
            for each in food:
                _, other_x, other_y, _ = entities[each]
                dx, dy = x - other_x, y - other_y
                count += dx * dx + dy * dy <= radius * radius
        return count

    def move_positions(self) -> None:
        """Write all rows."""
        positions = self.tables["position"]
        for entity, x, y, vx, vy in [*positions.values()]:
            positions[entity] = (entity, x + vx, y + vy, vx, vy)

    def move_by_velocity(self) -> None:
        """Write those that have a velocity."""
        positions = self.tables["position"]
        for entity, more_x, more_y in self.tables["velocity"].values():
            _, x, y, vx, vy = positions[entity]
            positions[entity] = (entity, x + more_x, y + more_y, vx, vy)

    def act(self, entity: int, now: int) -> int:
        """Read six rows and write five."""
        tables = self.tables
        by_quad = tables["by_quad"]
        _, target, _ = tables["agent"][entity]
        _, quad = tables["targetable"][target]
        _, own = tables["live_targetable"][entity]
        _, x, y, _ = tables["mobile"][entity]
        _, herd, alerts = tables["enemy"][entity]
        near = by_quad[quad][1]
        alerts += tables["herd"][herd][1]
        tables["enemy"][entity] = (entity, herd, alerts)
        tables["targetable"][entity] = (entity, quad)
        tables["live_targetable"][entity] = (entity, quad)
        by_quad[own] = (own, tuple([n for n in by_quad[own][1] if n != entity]))
        by_quad[quad] = (quad, (*by_quad[quad][1], entity))
        tables["agent"][entity] = (entity, target, now)
        tables["mobile"][entity] = (entity, x + 1, y, now)
        return len(near)


def statements(peer: Statements) -> Functions:
    """Give the transactions in SQL."""
    engine = InSql(peer)
    return {name: getattr(engine, name) for name in REDUCERS}


def mapped(tables: Tables) -> Functions:
    """Give the transactions over mappings."""
    engine = InMaps(tables)
    return {name: getattr(engine, name) for name in REDUCERS}


def make(title: str, rows: Rows, steps: list[Step], rows_each: int) -> Suite:
    """Give a suite without its check and its indexes."""
    return Suite(
        title,
        game,
        {name: CLASSES[name] for name in rows},
        rows,
        {**dict.fromkeys(CLASSES, 1), "by_quad": 1},
        steps,
        REDUCERS,
        schema([*rows]),
        statements,
        mapped,
        partial(check_places, rows, steps),
        idle=frozenset({"overlap"}),
        rows_each=rows_each,
    )


def check_places(
    before: Rows, steps: list[Step], after: Rows, answers: Answers
) -> None:
    """See that all are there, and have gone as far as they should."""
    for name, rows in before.items():
        require(len(after[name]) == len(rows), f"{name} has other rows")
    names = [name for (name, _), _ in zip(steps, answers, strict=False)]
    if "position" in before:
        own = sum([row[3] + row[4] for row in before["position"]])
        more = sum([row[1] + row[2] for row in before["velocity"]])
        gone = names.count("move_positions") * own
        gone += names.count("move_by_velocity") * more
        first, last = (
            sum([row[1] + row[2] for row in rows["position"]])
            for rows in (before, after)
        )
        require(last == first + gone, f"positions sum to {last}, not {first + gone}")
    if "mobile" in before:
        quads = {row[0]: row[1] for row in after["targetable"]}
        require(quads == dict(after["live_targetable"]), "quads disagree")
        steps_made = sum([row[1] for row in after["mobile"]])
        require(steps_made == len(answers), f"{steps_made} steps were made")


def circles(count: int, times: int) -> Suite:
    """Draw circles and food."""
    draw = random.Random(SEED).randrange
    entities: list[Raw] = [
        (n, draw(FIELD), draw(FIELD), 50 + draw(100)) for n in range(2 * count)
    ]
    rows = {
        "entity": entities,
        "circle": [(n,) for n in range(count)],
        "food": [(n,) for n in range(count, 2 * count)],
    }
    steps: list[Step] = [("overlap", ())] * times
    return make("circles, cross joins", rows, steps, count * count)


def positions(count: int, times: int) -> Suite:
    """Draw positions, and velocities for half of them."""
    draw = random.Random(SEED).randrange
    half = count // 2
    rows: dict[str, list[Raw]] = {
        "position": [
            (n, draw(FIELD), draw(FIELD), draw(9) - 4, draw(9)) for n in range(count)
        ],
        "velocity": [(n, draw(9), draw(9) - 4) for n in range(half)],
    }
    steps: list[Step] = [("move_positions", ()), ("move_by_velocity", ())] * times
    return make("ia_loop, positions", rows, steps, (count + half) // 2)


def agents(count: int, turns: int) -> Suite:
    """Draw agents, each with a target."""
    draw = random.Random(SEED).randrange
    quads = [n // QUAD_EACH for n in range(count)]
    rows: dict[str, list[Raw]] = {
        "agent": [(n, draw(count), 0) for n in range(count)],
        "targetable": [*enumerate(quads)],
        "live_targetable": [*enumerate(quads)],
        "mobile": [(n, 0, 0, 0) for n in range(count)],
        "enemy": [(n, n % 10, 0) for n in range(count)],
        "herd": [(n, n + 1) for n in range(10)],
    }
    by_quad: dict[int, list[int]] = {}
    for n, quad in enumerate(quads):
        by_quad.setdefault(quad, []).append(n)
    steps: list[Step] = [
        ("act", (n, turn)) for turn in range(turns) for n in range(count)
    ]
    given = make("ia_loop, agents", rows, steps, 1)
    index = [(quad, tuple(found)) for quad, found in by_quad.items()]
    return replace(given, by_hand={"by_quad": index})


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines for each game."""
    yield from questions_of(circles(sizes["circles"], sizes["times"]))
    yield from questions_of(positions(sizes["positions"], sizes["times"]))
    yield from questions_of(agents(sizes["agents"], sizes["turns"]))


GAMES = Benchmark(
    "bench_games",
    __doc__,
    full={
        "circles": 100,
        "positions": 50_000,
        "times": 3,
        "agents": 500,
        "turns": 10,
    },
    small={"circles": 5, "positions": 20, "times": 2, "agents": 50, "turns": 2},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(GAMES, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
