"""`Talk`: chat in lines of text, over a connection in process or over the network."""

from collections.abc import Callable
from typing import Any

import qsdb
from examples.chat import LOBBY, Message, Room, User
from qsdb import Identity

__all__ = ["Talk"]

HELP = "/name NAME · /room ROOM · /rooms · /who · /quit; all else is said in the room"


class Talk:
    """One person's view of the chat, in one room at a time.

    Attributes:
        room: Where it is.
    """

    def __init__(
        self,
        connection: Any,  # noqa: ANN401  of either sort
        show: Callable[[str], object],
    ) -> None:
        """Listen, and come into the lobby.

        Args:
            connection: Of `qsdb.Database.connect` or `qsdb.client.connect`; both have
                the same methods.
            show: Takes lines.
        """
        self._connection = connection
        self._show = show
        self.room = LOBBY
        connection.db[User].on_update(self._user_changed)
        connection.db[Message].on_insert(self._message_came)
        connection.subscribe("SELECT * FROM user", "SELECT * FROM room")
        self._messages = self._enter(LOBBY)

    def say(self, line: str) -> bool:
        """Do what a line says; whether the talk goes on."""
        word, _, rest = line.strip().partition(" ")
        try:
            if word == "/quit":
                return False
            self._do(word, rest, line.strip())
        except qsdb.QsdbError as error:
            self._show(f"! {error}")
        return True

    def _do(self, word: str, rest: str, line: str) -> None:
        reducers, db = self._connection.reducers, self._connection.db
        match word:
            case "/name":
                reducers.set_name(rest)
            case "/room":
                reducers.open_room(rest)
                self._messages.close()
                self._messages = self._enter(rest.strip())
            case "/rooms":
                names = sorted(room.name for room in db[Room])
                self._show(_harmless(", ".join(names)))
            case "/who":
                there = [user for user in db[User] if user.online]
                self._show(_harmless(", ".join(sorted(map(_called, there)))))
            case "":
                pass
            case _ if word.startswith("/"):
                self._show(HELP)
            case _:
                reducers.send(self.room, line)

    def _enter(self, room: str) -> Any:  # noqa: ANN401  a subscription of either sort
        """Be told of the messages in a room, and see the last of them."""
        self.room = room
        subscription = self._connection.subscribe(
            "SELECT * FROM message WHERE room = :room", params={"room": room}
        )
        self._show(f"— {room} —")
        there = self._connection.db[Message].room.filter(room)
        for message in sorted(there, key=lambda each: each.id)[-20:]:
            self._show(self._line(message))
        return subscription

    def _message_came(self, event: qsdb.Event, message: Message) -> None:
        if event.kind != "applied":  # those that were there are shown on entering
            self._show(self._line(message))

    def _user_changed(self, _: qsdb.Event, old: User, new: User) -> None:
        if old.name != new.name:
            self._show(_harmless(f"* {_called(old)} is {_called(new)} now"))
        if old.online != new.online:
            what = "came" if new.online else "left"
            self._show(_harmless(f"* {_called(new)} {what}"))

    def _line(self, message: Message) -> str:
        return _harmless(f"{self._name(message.sender)}: {message.text}")

    def _name(self, identity: Identity) -> str:
        return _called(self._connection.db[User].get(identity) or User(identity))


def _called(user: User) -> str:
    """Give what somebody is called; the end of their identity without a name."""
    return user.name or f"…{user.identity.to_hex()[-6:]}"


def _harmless(text: str) -> str:
    """Give what strangers wrote without what a terminal would obey."""
    return "".join([each if each.isprintable() else "?" for each in text])
