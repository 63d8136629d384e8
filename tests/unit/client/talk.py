"""A conversation with a server that tests play: what it says, and what came of it."""

import enum
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import qsdb
from qsdb import Identity, Timestamp, f64, u8, u32, u64
from qsdb.cache.events import Event
from qsdb.client.conversation import Conversation
from qsdb.client.known import known_of_module
from qsdb.client.subscriptions import Subscription
from qsdb.errors import QueryError
from qsdb.protocol.client_messages import read_client_frame
from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.server_messages import (
    InitialConnection,
    QuerySetUpdate,
    ServerMessage,
    SubscribeApplied,
    TransactionUpdate,
)
from qsdb.protocol.subprotocols import V3, Subprotocol
from qsdb.protocol.tables import TableEncoder
from qsdb.runtime.result_kinds import result_kind
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import check_statement

__all__ = [
    "KNOWN",
    "Hit",
    "Mood",
    "Note",
    "Secret",
    "Talk",
    "User",
    "applied",
    "encoder",
    "hall",
    "transaction",
]


class Mood(enum.Enum):
    calm = 0
    angry = 1


hall = qsdb.Module("hall")


class User(qsdb.Row, module=hall, public=True):
    id: u64 = qsdb.primary_key()
    name: str
    mood: Mood = Mood.calm
    age: u8 | None = None


class Note(qsdb.Row, module=hall, public=True):
    """A table without a primary key."""

    text: str
    owner: u64 = qsdb.index()


class Hit(qsdb.Row, module=hall, public=True, event=True):
    target: u64
    points: u32


class Secret(qsdb.Row, module=hall):
    id: u64 = qsdb.primary_key()


@hall.view(public=True)
def me(ctx: qsdb.ViewContext) -> User | None:
    return ctx.db[User].get(0)


@hall.view(public=True)
def near(ctx: qsdb.AnonymousViewContext, place: u64) -> list[User]:
    return [each for each in ctx.db[User] if each.id == place]


@hall.reducer
def rename(ctx: qsdb.ReducerContext, number: u64, name: str = "nobody") -> u64:
    return ctx.db[User].update(User(number, name)).id


@hall.reducer
def quiet(ctx: qsdb.ReducerContext) -> None:
    """Give nothing."""


@hall.reducer(private=True)
def clean(ctx: qsdb.ReducerContext) -> None:
    """Be hidden."""


@hall.procedure
def measure(ctx: qsdb.ProcedureContext, when: Timestamp) -> list[f64] | None:
    return None if when > ctx.timestamp else [1.0]


KNOWN = known_of_module(hall)


def encoder(text: str) -> TableEncoder:
    """Give what encodes the rows of a query, as the server does."""
    schemas = {name: each.schema for name, each in KNOWN.tables.items()}
    query = check_statement(text, parse(text), schemas)
    assert isinstance(query, Query | Derived)
    table, is_event = "#0", bool(query.events)
    if query.whole is not None:
        schema = query.sources[query.whole].schema
        table, is_event = schema.name, schema.is_event
    return TableEncoder(table, result_kind(query), is_event=is_event)


def transaction(
    *changes: tuple[int, str, Sequence[Any], Sequence[Any]],
) -> TransactionUpdate:
    """Give an update: number of the set, query, rows that came and that went."""
    return TransactionUpdate(
        tuple(
            [
                QuerySetUpdate(number, (encoder(text).changes(came, went),))
                for number, text, came, went in changes
            ]
        )
    )


class Talk:
    """A conversation, and the server's part of it.

    Attributes:
        conversation: It.
        told: What callbacks of the cache were told, in order.
    """

    def __init__(self, subprotocol: Subprotocol = V3, *, greet: bool = True) -> None:
        self.conversation = Conversation(KNOWN, None, 1 << 20)
        self.subprotocol = subprotocol
        self.told: list[tuple[object, ...]] = []
        self.listen("user", "note", "hit")
        self.conversation.listeners.add(
            "on_disconnect", lambda error: self.told.append(("disconnect", str(error)))
        )
        self.conversation.listeners.add(
            "on_reconnect", lambda: self.told.append(("reconnect",))
        )
        if greet:
            self.open()

    def listen(self, *tables: str) -> None:
        for name in tables:
            table = self.conversation.cache.table(name)
            for kind in ("insert", "delete", "update"):
                listen = getattr(table, f"on_{kind}")
                listen(self._note(kind))

    def _note(self, kind: str) -> Callable[..., None]:
        def note(event: Event, *rows: object) -> None:
            self.told.append((kind, event.kind, *rows))

        return note

    def open(self, token: str = "made", identity: int = 1) -> None:
        self.conversation.opened(self.subprotocol)
        who = Identity.from_bytes(identity.to_bytes(32, "big")).stored
        self.say(InitialConnection(who, bytes(15) + b"\1", token))

    def say(self, *messages: ServerMessage) -> None:
        """Let the server say something."""
        encoded = [each.encode() for each in messages]
        for frame in FrameWriter(self.subprotocol).frames(encoded):
            self.conversation.received(frame)

    def heard(self) -> list[Any]:
        """Give what the client has said since it was asked last."""
        frames = self.conversation.outgoing()
        return [m for each in frames for m in read_client_frame(each, self.subprotocol)]

    def subscribe(
        self,
        *texts: str,
        params: dict[str, object] | None = None,
        on_applied: Callable[[Event], object] | None = None,
        on_error: Callable[[QueryError], object] | None = None,
    ) -> tuple[Subscription, "Future[Any]"]:
        """Ask queries; the server has not answered."""
        questions = KNOWN.questions.live(texts, params)
        found = Subscription(_Ending(self), questions, on_applied, on_error)
        reply: Future[Any] = Future()
        self.conversation.subscribe(found, reply)
        return found, reply

    def joined(self, *texts_and_rows: tuple[str, Sequence[Any]]) -> Subscription:
        """Ask queries, and have the server answer with rows."""
        found, reply = self.subscribe(*[text for text, _ in texts_and_rows])
        asked = self.heard()
        self.answer(asked, [rows for _, rows in texts_and_rows])
        assert reply.done()
        self.told.clear()
        return found

    def answer(self, asked: Sequence[Any], results: Sequence[Sequence[Any]]) -> None:
        """Have the server answer what was asked."""
        pairs = zip(asked, results, strict=True)
        self.say(*[applied(each, rows) for each, rows in pairs])

    def call(self, name: str, *args: object) -> "Future[Any]":
        """Call a function; the server has not answered."""
        function = KNOWN.function(name)
        reply: Future[Any] = Future()
        self.conversation.call(function, function.encode(args, {}), reply)
        return reply

    def rows(self, table: str) -> list[Any]:
        return sorted(self.conversation.cache.table(table), key=repr)


def applied(asked: Any, rows: Sequence[Any]) -> SubscribeApplied:
    """Answer a Subscribe."""
    [text] = asked.query_strings
    part = encoder(text).rows(rows)
    return SubscribeApplied(asked.request_id, asked.query_set_id, (part,))


class _Ending:
    """The connection of a subscription, as far as that needs it."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def end(self, subscription: Subscription) -> None:
        self._talk.conversation.end(subscription)
