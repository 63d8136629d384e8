"""A server made of two lists, and a client that follows it, step by step.

The twin is naive: whatever the client knows must be what one of the states was that the
world has had, all tables of the same one, and each change must have been told.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from qsdb.client.client_errors import NotConnectedError
from qsdb.client.subscriptions import Subscription
from qsdb.protocol.client_messages import CallReducer, Subscribe, Unsubscribe
from qsdb.protocol.server_messages import (
    QuerySetUpdate,
    ReducerOk,
    ReducerResult,
    ServerMessage,
    TransactionUpdate,
    UnsubscribeApplied,
)
from tests.unit.client.talk import Talk, applied, encoder

__all__ = ["QUERIES", "World"]

Row = tuple[Any, ...]
Users = dict[int, Row]
Notes = Counter[Row]

QUERIES: dict[str, Callable[[Users, Notes], list[Row]]] = {
    "SELECT * FROM user": lambda users, _: [*users.values()],
    "SELECT * FROM note": lambda _, notes: [*notes],
    "SELECT * FROM user WHERE id < 2": lambda users, _: [
        row for key, row in users.items() if key < 2
    ],
    "SELECT name FROM user": lambda users, _: [(row[1],) for row in users.values()],
    "SELECT u.* FROM user u JOIN note n ON n.owner = u.id": lambda users, notes: [
        users[note[1]] for note in notes if note[1] in users
    ],
}
BASE = [*QUERIES][:2]


class World:
    """A server and a client.

    Attributes:
        talk: The client.
        subs: What it is subscribed to; the first two queries always.
        queue: What the server has said and the client has not heard.
    """

    def __init__(self) -> None:
        self.users: Users = {}
        self.notes: Notes = Counter()
        self.states = {self._state()}
        self.queue: list[ServerMessage] = []
        self.heard: list[Any] = []
        self.sets: dict[int, str] = {}
        self.talk = Talk()
        self.known: dict[str, set[Row]] = {"user": set(), "note": set()}
        self.replies: list[Future[Any]] = []
        self._listen()
        base, _ = self.talk.subscribe(*BASE)
        self.subs: list[tuple[tuple[str, ...], Subscription]] = [((*BASE,), base)]
        self.settle()

    def _state(self) -> tuple[frozenset[Row], frozenset[Row]]:
        return frozenset(self.users.values()), frozenset(self.notes)

    def _listen(self) -> None:
        for name, known in self.known.items():
            table = self.talk.conversation.cache.table(name)

            def came(_: object, row: Any, known: set[Row] = known) -> None:
                assert stored(row) not in known
                known.add(stored(row))
                self.look()

            def went(_: object, row: Any, known: set[Row] = known) -> None:
                known.remove(stored(row))

            def changed(_: object, old: Any, new: Any, known: set[Row] = known) -> None:
                assert old.id == new.id
                assert old != new
                known.remove(stored(old))
                known.add(stored(new))
                self.look()

            table.on_insert(came)
            table.on_delete(went)
            table.on_update(changed)

    # The server.

    def commit(self, change: Callable[[Users, Notes], None], request: int = -1) -> None:
        """Change something, and tell the client."""
        before = {n: Counter(self.result(text)) for n, text in self.sets.items()}
        change(self.users, self.notes)
        self.states.add(self._state())
        parts = []
        for number, text in self.sets.items():
            after = Counter(self.result(text))
            came = [*(after - before[number]).elements()]
            went = [*(before[number] - after).elements()]
            if came or went:
                encoded = encoder(text).changes(came, went)
                parts.append(QuerySetUpdate(number, (encoded,)))
        update = TransactionUpdate(tuple(parts))
        if request >= 0:
            self.queue.append(ReducerResult(request, 0, ReducerOk(b"", update)))
        elif parts:
            self.queue.append(update)

    def result(self, text: str) -> list[Row]:
        return QUERIES[text](self.users, self.notes)

    def hear(self, count: int = 1000) -> None:
        """Do what the client wants, up to some messages."""
        self.heard += self.talk.heard()
        due, self.heard = self.heard[:count], self.heard[count:]
        for message in due:
            match message:
                case Subscribe():
                    [text] = message.query_strings
                    self.sets[message.query_set_id] = text
                    self.queue.append(applied(message, self.result(text)))
                case Unsubscribe():
                    number = message.query_set_id
                    del self.sets[number]
                    self.queue.append(
                        UnsubscribeApplied(message.request_id, number, None)
                    )
                case _:
                    assert isinstance(message, CallReducer)
                    self.commit(_called, message.request_id)

    # What happens.

    def deliver(self, count: int) -> None:
        """Have the client hear some messages, in one frame."""
        due, self.queue = self.queue[:count], self.queue[count:]
        if due:
            self.talk.say(*due)

    def subscribe(self, *texts: str) -> None:
        if self.talk.conversation.phase == "online":
            sub, _ = self.talk.subscribe(*texts)
            self.subs.append((texts, sub))

    def end(self, place: int) -> None:
        if len(self.subs) > 1:
            _, sub = self.subs.pop(1 + place % (len(self.subs) - 1))
            sub.close()

    def call(self) -> None:
        if self.talk.conversation.phase == "online":
            self.replies.append(self.talk.call("quiet"))

    def lose(self) -> None:
        """Lose the connection; what was on its way is lost too."""
        self.queue.clear()
        self.heard.clear()
        self.sets.clear()
        self.talk.conversation.lost(NotConnectedError("cut"))
        self.subs = [
            each
            for each in self.subs
            if each[1] in self.talk.conversation._sets.subscriptions
        ]
        assert all(each.done() for each in self.replies)

    def open(self) -> None:
        if self.talk.conversation.phase == "away":
            self.talk.open()

    def settle(self) -> None:
        """Have both sides hear all that was said."""
        self.open()
        self.hear()
        while self.queue:
            self.deliver(len(self.queue))
            self.hear()
        assert not self.heard

    # The twin.

    def look(self) -> None:
        """Require that the client knows one of the states, and no mixture."""
        cache = self.talk.conversation.cache
        only_base = [texts for texts, _ in self.subs] == [(*BASE,)]
        if only_base:
            found = (
                frozenset(map(stored, cache.user)),
                frozenset(map(stored, cache.note)),
            )
            assert found in self.states

    def check(self) -> None:
        """Require that all that was told explains what is known."""
        for name, known in self.known.items():
            assert known == {*map(stored, self.talk.conversation.cache.table(name))}
        self.look()

    def check_settled(self) -> None:
        """Require that the client knows what the server has."""
        self.settle()
        self.check()
        assert self.known["user"] == {*self.users.values()}
        assert self.known["note"] == {*self.notes}
        for texts, sub in self.subs:
            expected = [row for text in texts for row in self.result(text)]
            assert sub.is_active
            assert Counter(map(stored, sub.rows)) == Counter(expected)
        assert {*self.sets.values()} == {t for texts, _ in self.subs for t in texts}
        assert all(each.done() for each in self.replies)


def _called(users: Users, notes: Notes) -> None:
    users[0] = (0, f"called {len(notes)}", 0, None)


def stored(row: Any) -> Row:
    """Give a row as it is stored."""
    return tuple.__getitem__(row, slice(None))
