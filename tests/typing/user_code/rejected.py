"""Mistakes of a user that mypy and pyright both find; checked, never run.

Each line that ends in ``# error: …`` must be reported, and no other.
"""

import qsdb
from qsdb import Identity, Timestamp, u8, u64

chat = qsdb.Module("chat")


class Place(qsdb.Product):
    x: float
    y: float


class User(qsdb.Row, module=chat):
    identity: Identity = qsdb.primary_key()
    at: Place = Place(0.0, 0.0)


class Message(qsdb.Row, module=chat):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    sent: Timestamp
    text: str


class Misspelt(qsdb.Row, module=chat, pubic=True):  # error: no such class keyword
    level: u8


class WronglyFilled(qsdb.Row, module=chat):
    level: u8 = qsdb.index(default="x")  # error: a str for an int
    name: str = 7  # error: an int for a str


@chat.reducer
def send(ctx: qsdb.ReducerContext, room: str) -> u64:
    return ctx.db[Message].room.count(room)


def take(*values: object) -> None:
    """Use values, so that no checker calls the expression useless."""


def make_rows(sent: Timestamp) -> None:
    take(Message(rom="lobby", sent=sent, text="hi"))  # error: no such column
    take(Message("lobby", sent))  # error: text is missing
    take(Message("lobby", sent, "hi", 1))  # error: one too many
    take(Message(1, sent, "hi"))  # error: an int for a str
    take(Message("lobby", 1.5, "hi"))  # error: a float for a Timestamp
    take(Place("a", 1.0))  # error: a str for a float


def use_row(row: Message, other: Message) -> None:
    take(row.txt)  # error: no such column
    row.id = 3  # error: rows are immutable
    row.text = "b"  # error: rows are immutable
    take(row[0])  # error: a row is no sequence
    take(len(row))  # error: a row is no sequence
    take(row < other)  # error: rows have no order
    take(row.text + 1)  # error: the column is a str


def use_product(user: User) -> None:
    user.at.x = 1.0  # error: products are immutable
    take(user.at.z)  # error: no such field


def use_table(ctx: qsdb.ReducerContext, user: User, message: Message) -> None:
    ctx.db[Message].insert(user)  # error: the row of another table
    ctx.db[Message].update(user)  # error: the row of another table
    ctx.db[Message].insert_many([message, user])  # error: the row of another table
    take(ctx.db[Message].get(1).text)  # error: it may be None
    for row in ctx.db[Message].room.filter("lobby"):
        take(row.txt)  # error: no such column


@chat.procedure
def fetch(ctx: qsdb.ProcedureContext, url: str) -> u64:
    take(ctx.db)  # error: a procedure has no tables of its own
    with ctx.transaction() as tx:
        tx[Message].insert(7)  # error: no row
    ctx.call(send, 1)  # error: an int for a str
    return len(url)


def start(db: qsdb.Database) -> None:
    db.call(fetch, 1)  # error: an int for a str
    db.start(fetch)  # error: url is missing
    take(db.start(fetch, "a").result().upper())  # error: the result is an int


def beside(db: qsdb.Database) -> None:
    db.optimistic("dirty")  # error: no such level
    db.optimistic()[Message].insert(7)  # error: no row
    db.transact(start)  # error: it takes a database
    take(db.transact(lambda tx: len(tx.message)).upper())  # error: the result is an int
    qsdb.TransactionLimits(written_rows="many")  # error: no int


def call(db: qsdb.Database, ctx: qsdb.ReducerContext) -> None:
    db.call(send, 1)  # error: an int for a str
    db.call(send)  # error: room is missing
    db.call(send, "lobby", "hi")  # error: one too many
    take(db.call(send, "lobby").upper())  # error: the result is an int
    send(ctx, 1)  # error: an int for a str
    send("lobby")  # error: the context is missing


def view(view: qsdb.ViewContext, for_all: qsdb.AnonymousViewContext) -> None:
    take(for_all.sender)  # error: nobody is known
    take(view.timestamp)  # error: a view knows no time
    view.db[Message].insert(5)  # error: no row
