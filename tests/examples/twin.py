"""The platform's twin: dicts, and the rules of `reference/qsbridge.md` in a few lines.

It keeps where players are, their vaults and transfers, and of the rest only what
those depend on. Of a call that it judges it says every class with which the call
may be refused; none means that it is granted. Time is in microseconds.
"""

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Self

from qsdb import Identity

__all__ = ["OPEN", "SECOND", "Twin", "TwinServer", "TwinTransfer"]

SECOND = 1_000_000
OPEN = ("pending", "in_transit")

Refusals = set[str]


@dataclass(frozen=True)
class TwinServer:
    """What is known of a server."""

    bridge: Identity
    heard: int
    room: int
    status: str = "online"
    has_whitelist: bool = False
    gone: int | None = None
    """Since when, if it is offline because its bridge's connection has ended."""


@dataclass(frozen=True)
class TwinTransfer:
    """A row of the queue."""

    player: str
    origin: str
    goal: str
    status: str
    snapshot: str
    requested: int
    ended: int | None = None


@dataclass
class Twin:
    """All that is known, at one offset."""

    owner: Identity
    now: int = 0
    servers: dict[str, TwinServer] = field(default_factory=dict)
    clients: list[Identity] = field(default_factory=list)
    """Whose connections are open, one for each."""
    bans: list[tuple[str, int | None]] = field(default_factory=list)
    """Who is banned until when; unbanning takes them out."""
    whitelist: set[str] = field(default_factory=set)
    presence: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """Player → server, since when, heard of when."""
    vault: dict[int, tuple[str, str, int, str]] = field(default_factory=dict)
    """Id → player, item, slot, server."""
    transfers: dict[int, TwinTransfer] = field(default_factory=dict)
    moves: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Player, from, to, kind → how often."""
    deposited: set[str] = field(default_factory=set)
    """All items that ever were in a vault."""
    in_hands: set[str] = field(default_factory=set)
    """Those that were withdrawn."""

    def copied(self) -> Self:
        """Give a twin that later changes of this one leave alone."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list | set):
                setattr(other, name, value.copy())
        return other

    # Who and where.

    def server_of(self, who: Identity) -> str | None:
        found = [name for name, each in self.servers.items() if each.bridge == who]
        return found[0] if found else None

    def open_of(self, player: str) -> TwinTransfer | None:
        found = [
            each
            for each in self.transfers.values()
            if each.player == player and each.status in OPEN
        ]
        assert len(found) < 2
        return found[0] if found else None

    def is_in_transit(self, player: str) -> bool:
        found = self.open_of(player)
        return found is not None and found.status == "in_transit"

    def unwelcome(self, player: str, server: str) -> Refusals:
        banned = any(
            name == player and (until is None or until > self.now)
            for name, until in self.bans
        )
        unlisted = self.servers[server].has_whitelist and player not in self.whitelist
        return {"NotAuthorized"} if banned or unlisted else set()

    def full(self, server: str) -> Refusals:
        count = sum(place[0] == server for place in self.presence.values())
        return {"WrongState"} if count >= self.servers[server].room else set()

    def put(self, player: str, server: str, kind: str) -> None:
        """Have a player on a server, wherever he was."""
        origin = self.presence[player][0] if player in self.presence else ""
        self.presence[player] = (server, self.now, self.now)
        self.moves[player, origin, server, kind] += 1

    def drop(self, player: str) -> None:
        """Have a player on no server."""
        if player in self.presence:
            origin = self.presence.pop(player)[0]
            self.moves[player, origin, "", "leave"] += 1

    # Calls that are judged: what may be said, and what is done then.

    def join(self, who: Identity, player: str) -> Refusals:
        here = self.server_of(who)
        if here is None:
            return {"NotAuthorized"}
        if not player:
            return {"InvalidArgument"}
        refusals = self.unwelcome(player, here)
        there, since, heard = self.presence.get(player, ("", 0, 0))
        if there == here:
            if not refusals:
                self.presence[player] = (here, since, self.now)
            return refusals
        transfer = self.open_of(player)
        if transfer is not None and transfer.status == "in_transit":
            refusals |= {"Conflict"} if transfer.origin != here else set()
        if there and self.now - heard <= 90 * SECOND:
            refusals |= {"Conflict"}
        refusals |= self.full(here)
        if not refusals:
            self.put(player, here, "takeover" if there else "join")
        return refusals

    def beat(self, who: Identity, players: list[str]) -> Refusals:
        here = self.server_of(who)
        if here is None:
            return {"NotAuthorized"}
        for player, (there, since, _) in self.presence.items():
            if there == here and player in players:
                self.presence[player] = (here, since, self.now)
        return set()

    def leave(self, who: Identity, player: str) -> Refusals:
        here = self.server_of(who)
        if here is None:
            return {"NotAuthorized"}
        if not player:
            return {"InvalidArgument"}
        if player in self.presence and self.presence[player][0] == here:
            self.drop(player)
        return set()

    def _absent(self, who: Identity, player: str) -> Refusals:
        """Say why a player cannot use his vault."""
        here = self.server_of(who)
        if here is None:
            return {"NotAuthorized"}
        if not player:
            return {"InvalidArgument"}
        if player not in self.presence:
            return {"NotFound"}
        refusals = {"Conflict"} if self.presence[player][0] != here else set()
        return refusals | ({"WrongState"} if self.is_in_transit(player) else set())

    def deposit(self, who: Identity, player: str, slot: int | None) -> Refusals:
        refusals = self._absent(who, player)
        if slot is not None and slot > 99:
            refusals |= {"InvalidArgument"}
        taken = [each[2] for each in self.vault.values() if each[0] == player]
        return refusals | ({"AlreadyExists"} if slot in taken else set())

    def deposited_as(
        self, number: int, who: Identity, player: str, item: str, slot: int | None
    ) -> None:
        """Note an item that is in the vault now."""
        assert number not in self.vault
        taken = {each[2] for each in self.vault.values() if each[0] == player}
        free = min({*range(100)} - taken)
        here = self.server_of(who)
        assert here is not None
        self.vault[number] = (player, item, free if slot is None else slot, here)
        self.deposited.add(item)

    def withdraw(self, who: Identity, player: str, number: int) -> Refusals:
        refusals = self._absent(who, player)
        if number not in self.vault or self.vault[number][0] != player:
            refusals |= {"NotFound"}
        if not refusals:
            self.in_hands.add(self.vault.pop(number)[1])
        return refusals

    def request(self, who: Identity, player: str, goal: str) -> Refusals:
        here = self.server_of(who)
        if here is None and who != self.owner:
            return {"NotAuthorized"}
        if not player:
            return {"InvalidArgument"}
        if player not in self.presence:
            return {"NotFound"}
        origin = self.presence[player][0]
        refusals = set() if who == self.owner or here == origin else {"NotAuthorized"}
        if goal not in self.servers:
            return refusals | {"NotFound"}
        refusals |= {"InvalidArgument"} if goal == origin else set()
        refusals |= set() if self.servers[goal].status == "online" else {"WrongState"}
        refusals |= {"Conflict"} if self.open_of(player) is not None else set()
        return refusals | self.unwelcome(player, goal) | self.full(goal)

    def requested_as(self, number: int, player: str, goal: str) -> None:
        """Note a transfer that is pending now."""
        assert number not in self.transfers
        origin = self.presence[player][0]
        self.transfers[number] = TwinTransfer(
            player, origin, goal, "pending", "", self.now
        )

    def step(self, who: Identity, number: int, goal: str, text: str) -> Refusals:
        """Judge, and do, one step of a transfer to the state `goal`."""
        here = self.server_of(who)
        is_owner = who == self.owner and goal == "failed"
        if here is None and not is_owner:
            return {"NotAuthorized"}
        row = self.transfers.get(number)
        if row is None:
            return {"NotFound"}
        sides = {
            "in_transit": [row.origin],
            "completed": [row.goal],
            "failed": [row.origin, row.goal],
        }[goal]
        refusals = set() if is_owner or here in sides else {"NotAuthorized"}
        before = {"in_transit": ["pending"], "completed": ["in_transit"]}
        if row.status not in before.get(goal, OPEN):
            refusals |= {"WrongState"}
        if goal == "in_transit":
            refusals |= {"InvalidArgument"} if not text else set()
            there = self.presence.get(row.player, (row.origin, 0, 0))[0]
            refusals |= {"Conflict"} if there != row.origin else set()
        if not refusals:
            self._stepped(number, goal, text)
        return refusals

    def _stepped(self, number: int, goal: str, text: str) -> None:
        row = self.transfers[number]
        if goal == "in_transit":
            self.transfers[number] = replace(row, status=goal, snapshot=text)
            return
        self.transfers[number] = replace(row, status=goal, ended=self.now)
        if goal == "completed":
            self.put(row.player, row.goal, "transfer")

    def heartbeat(self, who: Identity) -> Refusals:
        here = self.server_of(who)
        if here is None:
            return {"NotAuthorized"}
        server = self.servers[here]
        self.servers[here] = replace(server, heard=self.now, status="online", gone=None)
        return set()

    # What other calls, time, and connections do.

    def set_whitelist(self, server: str, is_on: bool) -> None:  # noqa: FBT001
        self.servers[server] = replace(self.servers[server], has_whitelist=is_on)

    def set_room(self, server: str, room: int) -> None:
        self.servers[server] = replace(self.servers[server], room=room)

    def set_status(self, server: str, status: str) -> None:
        self.servers[server] = replace(self.servers[server], status=status, gone=None)

    def fail_of(self, player: str) -> None:
        """Have a player's open transfer fail."""
        for number, row in [*self.transfers.items()]:
            if row.player == player and row.status in OPEN:
                self._stepped(number, "failed", "")

    def sweep_servers(self) -> None:
        lost = {
            name
            for name, each in self.servers.items()
            if self.now - each.heard > 180 * SECOND
        }
        for name in lost:
            self.servers[name] = replace(self.servers[name], status="offline")
        for player, place in [*self.presence.items()]:
            if place[0] in lost:
                self.drop(player)
        lost |= {name for name, each in self.servers.items() if self.is_over(each)}
        for row in [*self.transfers.values()]:
            if row.status in OPEN and {row.origin, row.goal} & lost:
                self.fail_of(row.player)

    def is_over(self, server: TwinServer) -> bool:
        """Whether nobody waits for a server any more."""
        if server.status != "offline":
            return False
        return server.gone is None or self.now - server.gone > 90 * SECOND

    def sweep_presence(self) -> None:
        for player, (_, _, heard) in [*self.presence.items()]:
            if self.now - heard > 90 * SECOND:
                self.drop(player)

    def sweep_transfers(self) -> None:
        for row in [*self.transfers.values()]:
            most = {"pending": 60 * SECOND, "in_transit": 300 * SECOND}
            if row.status in OPEN and self.now - row.requested > most[row.status]:
                self.fail_of(row.player)

    def sweep_snapshots(self) -> None:
        for number, row in [*self.transfers.items()]:
            if row.ended is not None and self.now - row.ended > 7 * 86400 * SECOND:
                self.transfers[number] = replace(row, snapshot="")

    def sweep(self) -> None:
        self.sweep_servers()
        self.sweep_presence()
        self.sweep_transfers()
        self.sweep_snapshots()

    def disconnect(self, who: Identity) -> None:
        self.clients.remove(who)
        here = self.server_of(who)
        if here is None or who in self.clients:
            return
        server = self.servers[here]
        if server.status == "online":
            self.servers[here] = replace(server, status="offline", gone=self.now)
