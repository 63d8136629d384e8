"""A module that has one of everything, for those who write clients of modules."""

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

__all__ = ["Animal", "Mood", "Place", "keepers", "zoo"]

zoo = qsdb.Module("zoo")
keepers = qsdb.Module("keepers")


class Mood(enum.Enum):
    calm = 0
    angry = 1
    name_ = 2


class Member(enum.Enum):
    """Variants that the SDK's sums have as members."""

    index = 0
    type = 1


class Place(qsdb.Product):
    x: f32
    y: f32


class Cage(qsdb.Product):
    number_of: u16
    at: Place
    constructor: str = ""


class Nowhere(qsdb.Product):
    pass


class function(qsdb.Product):  # noqa: N801  a word that TypeScript reserves
    of_what: str


class Animal(qsdb.Row, module=zoo, public=True):
    animal_id: u64 = qsdb.primary_key(auto_inc=True)
    chip: uuid.UUID = qsdb.unique()
    species: str = qsdb.index()
    mood: Mood = Mood.calm
    lives: Cage | Nowhere = Nowhere()
    weight: f64 = 1.5
    photo: bytes = b""
    marks: tuple[tuple[u8, str | None], ...] = ()
    eats: tuple[str, ...] = ()
    place: Place | None = None
    keeper: Identity | None = None


class Number(qsdb.Row, module=zoo, public=True, primary_key=("a", "b")):
    a: i8
    b: i16
    c: i32 = qsdb.index("hash")
    d: i64
    e: i128
    f: i256
    g: u8
    h: u16
    i: u32
    j: u128
    k: u256
    yes: bool = True


class Odd(
    qsdb.Row,
    module=zoo,
    public=True,
    name="hit points → all",
    unique=[("first", "second")],
    indexes=[qsdb.BTree("second", "first", name="→")],
):
    first: u8 = qsdb.column(name="the first")
    second: u8 = qsdb.column(name="class")
    count: u32 = qsdb.unique()
    iter: u32 = qsdb.index()
    aB: u8 = 0  # noqa: N815
    a_b: u8 = 0
    what: function = function("?")
    member: Member = Member.index


class Height(qsdb.Row, module=zoo, public=True):
    metres: f64 = qsdb.primary_key()
    serial: u32 = qsdb.auto_inc()


class Weather(qsdb.Row, module=zoo, public=True):
    mood: Mood = qsdb.primary_key()
    since: Timestamp = qsdb.unique()
    lasts: TimeDuration = qsdb.unique()
    told_by: ConnectionId = qsdb.unique()


class Roar(qsdb.Row, module=zoo, public=True, event=True):
    animal_id: u64
    at: Timestamp


class Feeding(qsdb.Row, module=zoo, public=True, scheduled="feed"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


class Secret(qsdb.Row, module=zoo):
    text: str = qsdb.primary_key()


class Session(qsdb.Row, module=keepers, public=True):
    who: Identity = qsdb.primary_key()


@keepers.reducer
def log_in(ctx: qsdb.ReducerContext, name: str) -> None:
    """Say who one is."""


zoo.mount("keepers", keepers)


@zoo.reducer
def feed(ctx: qsdb.ReducerContext, feeding: Feeding) -> None:
    """Run when a feeding is due."""


@zoo.reducer
def buy_animal(
    ctx: qsdb.ReducerContext,
    species: str,
    cage: Cage | None,
    moods: list[Mood],
    class_: u8 = 3,
) -> u64:
    """Add an animal."""
    raise NotImplementedError


@zoo.reducer
def close(ctx: qsdb.ReducerContext) -> None:
    """Take no parameters."""


@zoo.reducer(private=True)
def open_all(ctx: qsdb.ReducerContext) -> None:
    """Be the owner's."""


@zoo.procedure
def weigh(ctx: qsdb.ProcedureContext, animal_id: u64) -> f64 | None:
    """Give the weight of an animal."""
    raise NotImplementedError


@zoo.procedure
async def wait_for(ctx: qsdb.ProcedureContext) -> None:
    """Give nothing."""


@zoo.procedure(private=True)
def count_all(ctx: qsdb.ProcedureContext) -> dict[str, int]:
    """Give what is no kind."""
    raise NotImplementedError


@zoo.view(public=True)
def my_animals(ctx: qsdb.ViewContext) -> list[Animal]:
    """Give those that the caller keeps."""
    raise NotImplementedError


@zoo.view(public=True)
def heaviest(ctx: qsdb.AnonymousViewContext, least: f64 = 0.0) -> Animal | None:
    """Give one for all callers."""
    raise NotImplementedError


@zoo.view
def angry(ctx: qsdb.AnonymousViewContext) -> list[Animal]:
    """Be the owner's."""
    raise NotImplementedError
