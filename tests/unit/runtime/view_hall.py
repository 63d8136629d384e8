"""A module with views, for tests of them."""

from typing import Any

import qsdb
from qsdb import Identity, u8, u32, u64

__all__ = ["ANN", "BOB", "Count", "Note", "User", "hall", "opened", "put"]

hall = qsdb.Module("hall")
Anonymous = qsdb.AnonymousViewContext

ANN = Identity.from_claims("test", "ann")
BOB = Identity.from_claims("test", "bob")


class User(qsdb.Row, module=hall):
    identity: Identity = qsdb.primary_key()
    name: str
    age: u8 = qsdb.index(default=20)


class Note(qsdb.Row, module=hall, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    author: Identity
    text: str = qsdb.index()


class Bell(qsdb.Row, module=hall, event=True, public=True):
    text: str


class Count(qsdb.Product):
    of: str
    number: u32


class Odd(qsdb.Row):
    value: Any = None


@hall.view(public=True)
def me(ctx: qsdb.ViewContext) -> User | None:
    return ctx.db[User].get(ctx.sender)


@hall.view(public=True)
def of(ctx: Anonymous, who: Identity) -> User | None:
    return ctx.db[User].get(who)


@hall.view
def secret(ctx: Anonymous) -> list[User]:
    return list(ctx.db[User])


@hall.view(public=True)
def aged(ctx: Anonymous, least: u8, most: u8 = 99) -> list[User]:
    return list(ctx.db.user.age.range(least, most))


@hall.view(public=True, primary_key="of")
def counts(ctx: Anonymous, of: str | None = None) -> list[Count]:
    if of == "twice":
        return [Count("a", 1), Count("a", 2)]
    if of == "wrong":
        return [Count("a", -1)]
    return [Count("user", len(ctx.db[User])), Count("note", len(ctx.db[Note]))]


@hall.view(public=True)
def mine(_: qsdb.ViewContext) -> qsdb.Query[Note]:
    return qsdb.Query("SELECT * FROM note WHERE author = :sender")


@hall.view(public=True)
def asked(ctx: Anonymous, text: str) -> qsdb.Query[Count]:
    if text == "reads":
        return qsdb.Query(f"SELECT text, {len(ctx.db[Note])} FROM note")
    if text == "none":
        return None  # type: ignore[return-value]
    return qsdb.Query(text, {"a": 1} if ":a" in text else None)


@hall.view(public=True)
def by_name(ctx: qsdb.ViewContext, name: str) -> tuple[User, ...]:
    """Of the caller the own row, of others what has the name."""
    own = me(ctx)
    return (own,) if own and own.name == name else ()


@hall.view(public=True, on_error="abort")
def strict(ctx: Anonymous) -> list[User]:
    return [rude(each) for each in ctx.db[User]]


@hall.view(public=True)
def lax(ctx: Anonymous) -> list[User]:
    return [rude(each) for each in ctx.db[User]]


def rude(user: User) -> User:
    if user.name == "rude":
        raise ValueError("no such names")
    return user


@hall.reducer
def put(ctx: qsdb.ReducerContext, name: str, age: u8 = 20) -> None:
    ctx.db[User].upsert(User(ctx.sender, name, age))


@hall.reducer
def note(ctx: qsdb.ReducerContext, text: str) -> None:
    ctx.db[Note].insert(Note(ctx.sender, text))


@hall.reducer
def look(ctx: qsdb.ReducerContext, name: str) -> list[str]:
    """What a reducer sees of its own writes."""
    ctx.db[User].upsert(User(ctx.sender, name))
    return [row.name for row in ctx.db.sql("SELECT * FROM me")]


def opened() -> qsdb.Database:
    """Open it with a few rows: Ann of 30, Bob of 20, and a note of each."""
    db = qsdb.Database(hall, seed=1)
    for who, name, age in ((ANN, "ann", 30), (BOB, "bob", 20)):
        db.caller(who).call(put, name, age)
        db.caller(who).call(note, f"of {name}")
    return db
