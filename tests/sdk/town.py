"""A module for tests of the SDK: a column of every kind, and what clients do."""

import enum
import uuid

import qsdb
from qsdb import (
    ConnectionId,
    Identity,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    i128,
    i256,
    u8,
    u16,
    u32,
    u64,
    u128,
    u256,
)

town = qsdb.Module("town")


class City(qsdb.Row, module=town, public=True):
    id: u32 = qsdb.primary_key()
    name: str


class Person(qsdb.Row, module=town, public=True):
    id: u32 = qsdb.primary_key(auto_inc=True)
    name: str
    city: u32 = qsdb.index()


class Tag(qsdb.Row, module=town, public=True):
    """Without a key: to the SDK a row is its bytes."""

    label: str
    weight: i32


class Item(qsdb.Row, module=town, public=True):
    id: u32 = qsdb.primary_key()
    text: str


class Ring(qsdb.Row, module=town, public=True, event=True):
    door: u32
    who: Identity


class Secret(qsdb.Row, module=town):
    word: str = qsdb.primary_key()


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: i32
    note: str


class Circle(qsdb.Product):
    radius: f64


class Nothing(qsdb.Product):
    pass


class Sample(qsdb.Row, module=town, public=True):
    id: u32 = qsdb.primary_key()
    truth: bool
    a8: i8
    a16: i16
    a32: i32
    a64: i64
    a128: i128
    a256: i256
    b8: u8
    b16: u16
    b64: u64
    b128: u128
    b256: u256
    single: f32
    double: f64
    text: str
    data: bytes
    maybe: u32 | None
    deep: Place
    perhaps: Place | None
    mood: Mood
    shape: Circle | Place | Nothing
    who: Identity
    link: ConnectionId
    at: Timestamp
    lasts: TimeDuration
    number: uuid.UUID
    due: ScheduleAt
    words: tuple[str, ...]
    grid: tuple[tuple[u16, ...], ...]
    places: tuple[Place, ...]


@town.view(public=True)
def neighbours(ctx: qsdb.AnonymousViewContext) -> list[Person]:
    return [*ctx.db[Person].city.filter(1)]


@town.view(public=True)
def myself(ctx: qsdb.ViewContext) -> Person | None:
    return next((p for p in ctx.db[Person] if p.name == ctx.sender.to_hex()), None)


@town.view(public=True, on_error="suspend")
def fragile(ctx: qsdb.AnonymousViewContext) -> list[City]:
    if any(person.name == "hammer" for person in ctx.db[Person]):
        raise ValueError("broken by a hammer")
    return [*ctx.db[City]]


@town.init
def init(ctx: qsdb.ReducerContext) -> None:
    ctx.db[City].insert(City(1, "Uppsala"))
    ctx.db[City].insert(City(2, "Örebro"))
    for number in range(4):
        ctx.db[Person].insert(Person(name=f"p{number}", city=1 + number % 2))
    ctx.db[Secret].insert(Secret("swordfish"))


@town.reducer
def add(ctx: qsdb.ReducerContext, name: str, city: u32) -> u32:
    return ctx.db[Person].insert(Person(name=name, city=city)).id


@town.reducer
def add_me(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Person].insert(Person(name=ctx.sender.to_hex(), city=1))


@town.reducer
def rename(ctx: qsdb.ReducerContext, number: u32, name: str) -> None:
    found = ctx.db[Person].get(number)
    if found is None:
        raise qsdb.ReducerError(f"no person {number}")
    ctx.db[Person].update(found.replace(name=name))


@town.reducer
def move(ctx: qsdb.ReducerContext, number: u32, city: u32) -> None:
    found = ctx.db[Person].get(number)
    assert found is not None
    ctx.db[Person].update(found.replace(city=city))


@town.reducer
def remove(ctx: qsdb.ReducerContext, number: u32) -> None:
    if not ctx.db[Person].delete_by_key(number):
        raise qsdb.ReducerError(f"no person {number}")


@town.reducer
def tag(ctx: qsdb.ReducerContext, label: str, weight: i32) -> None:
    ctx.db[Tag].insert(Tag(label, weight))


@town.reducer
def untag(ctx: qsdb.ReducerContext, label: str, weight: i32) -> None:
    ctx.db[Tag].delete(Tag(label, weight))


@town.reducer
def ring(ctx: qsdb.ReducerContext, door: u32) -> None:
    ctx.db[Ring].insert(Ring(door, ctx.sender))


@town.reducer
def put(ctx: qsdb.ReducerContext, sample: Sample) -> None:
    ctx.db[Sample].insert(sample)


@town.reducer
def noop(ctx: qsdb.ReducerContext) -> None:
    """Change nothing."""


@town.reducer
def crash(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Person].clear()
    raise KeyError("what only the server may know")


@town.reducer(private=True)
def hidden(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Secret].insert(Secret("told"))


@town.procedure
def echo(_: qsdb.ProcedureContext, text: str) -> str:
    return text[::-1]


@town.procedure
def settle_many(ctx: qsdb.ProcedureContext, count: u32) -> u64:
    with ctx.transaction() as tx:
        for number in range(count):
            tx[Person].insert(Person(name=f"settler {number}", city=2))
    with ctx.transaction() as tx:
        return len(tx[Person])


@town.procedure
def stumble(_: qsdb.ProcedureContext) -> None:
    raise qsdb.ReducerError("it stumbles")
