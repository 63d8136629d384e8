"""A small shop, for tests of SQL: each kind of column, key and index in few tables."""

import enum
import uuid

import qsdb
from qsdb import (
    BTree,
    ConnectionId,
    Hash,
    Identity,
    ReducerContext,
    Result,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    f32,
    i32,
    u8,
    u64,
)

__all__ = [
    "ANN",
    "BOB",
    "NOON",
    "OWNER_ID",
    "Circle",
    "Customer",
    "Item",
    "Ledger",
    "Line",
    "Mood",
    "Odd",
    "Place",
    "Rich",
    "Secret",
    "Square",
    "buy",
    "filled_shop",
    "names",
    "shop",
]

ANN = Identity.from_bytes(bytes(31) + b"\1")
BOB = Identity.from_bytes(bytes(31) + b"\2")
OWNER_ID = Identity.from_bytes(bytes(31) + b"\3")
NOON = Timestamp.parse("2026-01-01T12:00:00Z")

shop = qsdb.Module("shop")


class Mood(enum.Enum):
    CALM = "z"
    ANGRY = "a"


class Place(qsdb.Product):
    x: i32
    at: Timestamp


class Circle(qsdb.Product):
    radius: i32


class Square(qsdb.Product):
    side: i32


class Item(
    qsdb.Row,
    module=shop,
    public=True,
    indexes=[BTree("kind", "price", name="by_kind"), Hash("kind", "name")],
):
    id: u64 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    kind: str = qsdb.index("hash")
    price: i32 = qsdb.index()
    stock: u8 = 3
    note: str | None = qsdb.index(default=None)
    on_sale: bool = qsdb.index("hash", default=False)


class Line(qsdb.Row, module=shop, public=True, primary_key=("customer", "item")):
    customer: Identity
    item: u64
    count: i32 = 1


class Customer(
    qsdb.Row, module=shop, public=True, indexes=[BTree("nick", "since", name="by_nick")]
):
    who: Identity = qsdb.primary_key()
    nick: str
    mood: Mood = qsdb.index(default=Mood.CALM)
    since: Timestamp = qsdb.index(default=NOON)


class Ledger(qsdb.Row, module=shop):
    text: str


class Secret(qsdb.Row, module=shop):
    id: u64 = qsdb.primary_key()
    pin: str


class Odd(qsdb.Row, module=shop, public=True, name="odd table"):
    first: i32 = qsdb.column(name="a b")
    second: i32 = qsdb.column(name="class")
    third: i32 = qsdb.column(name='qu"ote <b>')


class Rich(qsdb.Row, module=shop, public=True):
    id: i32 = qsdb.primary_key()
    flag: bool
    number: f32
    text: str
    raw: bytes
    mood: Mood
    place: Place
    shape: Circle | Square
    tags: tuple[Timestamp, ...]
    maybe: Place | None
    who: Identity
    conn: ConnectionId
    at: Timestamp
    lasts: TimeDuration
    due: ScheduleAt
    uid: uuid.UUID


@shop.reducer
def buy(ctx: ReducerContext, item: u64) -> i32:
    """Note the item for the caller, and give how many lines the caller has."""
    ctx.db.sql("INSERT INTO line VALUES (:sender, :item, 1)", {"item": item})
    found = ctx.db.sql("SELECT COUNT(*) AS n FROM line WHERE customer = :sender")
    number: int = found[0].n
    return number


def filled_shop() -> qsdb.Database:
    """Give a shop with some items, customers and lines."""
    db = qsdb.Database(shop, seed=1)
    with db.write() as tx:
        tx[Item].insert_many(
            [
                Item("axe", "tool", 10, note="sharp"),
                Item("saw", "tool", 20),
                Item("pea", "food", 1, on_sale=True),
                Item("nut", "food", 2, note="hard"),
                Item("oil", "food", 2),
            ]
        )
        tx[Customer].insert_many(
            [Customer(ANN, "ann"), Customer(BOB, "bob", Mood.ANGRY, Timestamp.EPOCH)]
        )
        tx[Line].insert_many([Line(ANN, 1), Line(ANN, 3, 5), Line(BOB, 3, 2)])
        tx[Secret].insert(Secret(1, "1234"))
    return db


def names(result: Result) -> list[object]:
    """Give the first column of a result, in order of value."""
    return sorted([next(iter(row)) for row in result], key=repr)
