"""Chat: rooms, and who is there; the module that the clients of this folder talk to.

``python -m qsdb serve examples.chat:chat --data data`` serves it.
"""

import qsdb
from qsdb import ConnectionId, Identity, Timestamp, u64

__all__ = ["Message", "Room", "User", "chat", "open_room", "send", "set_name"]

LOBBY = "lobby"
NAME_CHARACTERS_MAX = 40
TEXT_CHARACTERS_MAX = 2000

chat = qsdb.Module("chat")


class User(qsdb.Row, module=chat, public=True):
    """Whoever has been here; online as long as one of their connections is open."""

    identity: Identity = qsdb.primary_key()
    name: str | None = None
    online: bool = False


class Room(qsdb.Row, module=chat, public=True):
    """A place to write in."""

    name: str = qsdb.primary_key()
    opened: Timestamp


class Message(qsdb.Row, module=chat, public=True):
    """A text that somebody wrote in a room."""

    id: u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    sender: Identity
    sent: Timestamp
    text: str


class Session(qsdb.Row, module=chat):
    """A connection of a user, who may have several; nobody else's business."""

    connection: ConnectionId = qsdb.primary_key()
    user: Identity = qsdb.index()


@chat.init
def init(ctx: qsdb.ReducerContext) -> None:
    """Open the room that everybody comes into."""
    ctx.db[Room].insert(Room(LOBBY, ctx.timestamp))


@chat.client_connected
def connected(ctx: qsdb.ReducerContext) -> None:
    """Have a user, and have them online."""
    if ctx.connection_id is not None:
        ctx.db[Session].insert(Session(ctx.connection_id, ctx.sender))
    user = ctx.db[User].get(ctx.sender) or User(ctx.sender)
    ctx.db[User].upsert(user.replace(online=True))


@chat.client_disconnected
def disconnected(ctx: qsdb.ReducerContext) -> None:
    """Have a user offline, if that was their last connection."""
    if ctx.connection_id is not None:
        ctx.db[Session].delete_by_key(ctx.connection_id)
    user = ctx.db[User].get(ctx.sender)
    if user is not None and not ctx.db[Session].user.count(ctx.sender):
        ctx.db[User].update(user.replace(online=False))


@chat.reducer
def set_name(ctx: qsdb.ReducerContext, name: str) -> None:
    """Be called by a name from now on; it need not be one's own alone."""
    name = _words(name, "name", NAME_CHARACTERS_MAX)
    user = ctx.db[User].get(ctx.sender) or User(ctx.sender)
    ctx.db[User].upsert(user.replace(name=name))


@chat.reducer
def open_room(ctx: qsdb.ReducerContext, name: str) -> None:
    """Open a room; one that is open is no mistake."""
    name = _words(name, "name of a room", NAME_CHARACTERS_MAX)
    if ctx.db[Room].get(name) is None:
        ctx.db[Room].insert(Room(name, ctx.timestamp))


@chat.reducer
def send(ctx: qsdb.ReducerContext, room: str, text: str) -> u64:
    """Write in a room, and give the number of the message."""
    if ctx.db[Room].get(room) is None:
        raise qsdb.ReducerError(f"there is no room {room!r}")
    text = _words(text, "message", TEXT_CHARACTERS_MAX)
    message = Message(room=room, sender=ctx.sender, sent=ctx.timestamp, text=text)
    return ctx.db[Message].insert(message).id


def _words(text: str, what: str, characters_max: int) -> str:
    """Give a text without the blanks around it, if there is something left."""
    text = text.strip()
    if not 1 <= len(text) <= characters_max:
        raise qsdb.ReducerError(
            f"a {what} has 1 to {characters_max} characters, not {len(text)}"
        )
    return text
