"""A module for tests of sessions: rooms, lines, secrets, events, a view."""

import threading
from typing import Any

import qsdb
from qsdb import Identity, u16, u32, u64

chatting = qsdb.Module("chatting")


class Line(qsdb.Row, module=chatting, public=True):
    id: u32 = qsdb.primary_key(auto_inc=True)
    room: u16 = qsdb.index()
    text: str


class Room(qsdb.Row, module=chatting, public=True):
    id: u16 = qsdb.primary_key()
    level: qsdb.i32 = 0


class Secret(qsdb.Row, module=chatting):
    word: str = qsdb.primary_key()


class Knock(qsdb.Row, module=chatting, public=True, event=True):
    room: u16


class Visit(qsdb.Row, module=chatting, public=True):
    who: Identity = qsdb.primary_key()


@chatting.view(public=True)
def mine(ctx: qsdb.ViewContext) -> list[Visit]:
    found = ctx.db[Visit].get(ctx.sender)
    return [] if found is None else [found]


@chatting.reducer
def say(ctx: qsdb.ReducerContext, room: u16, text: str) -> u32:
    if not text:
        raise qsdb.ReducerError("nothing said")
    return ctx.db[Line].insert(Line(room=room, text=text)).id


@chatting.reducer
def edit(ctx: qsdb.ReducerContext, number: u32, text: str) -> None:
    lines = ctx.db[Line]
    found = lines.get(number)
    if found is None:
        raise qsdb.ReducerError(f"no line {number}")
    lines.update(found.replace(text=text))


@chatting.reducer
def wipe(ctx: qsdb.ReducerContext, room: u16) -> None:
    ctx.db[Line].room.delete(room)


@chatting.reducer
def open_room(ctx: qsdb.ReducerContext, room: u16, level: qsdb.i32) -> None:
    ctx.db[Room].upsert(Room(room, level))


@chatting.reducer
def knock(ctx: qsdb.ReducerContext, room: u16) -> None:
    ctx.db[Knock].insert(Knock(room))


@chatting.reducer
def visit(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Visit].upsert(Visit(ctx.sender))


@chatting.reducer
def break_down(ctx: qsdb.ReducerContext, word: str) -> None:
    ctx.db[Secret].insert(Secret(word))
    ctx.db[Secret].update(Secret("nobody has this word"))


NO_NUMBER: Any = "no number"


@chatting.reducer
def lie(ctx: qsdb.ReducerContext) -> u16:
    ctx.log.info("it will give something else")
    return NO_NUMBER  # type: ignore[no-any-return]


@chatting.reducer(private=True)
def hidden(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Secret].upsert(Secret("told"))


@chatting.procedure
def reverse(ctx: qsdb.ProcedureContext, text: str) -> str:
    with ctx.transaction() as tx:
        tx[Line].insert(Line(room=9, text=text))
    return text[::-1]


@chatting.procedure(private=True)
def inner(_: qsdb.ProcedureContext) -> None: ...


GATE = threading.Event()


@chatting.procedure
def stumble(_: qsdb.ProcedureContext, is_said: bool) -> u64:  # noqa: FBT001  as clients give it
    if is_said:
        raise qsdb.ReducerError("it stumbles")
    raise KeyError("where it is")


@chatting.procedure
def wait(_: qsdb.ProcedureContext) -> None:
    assert GATE.wait(30)
