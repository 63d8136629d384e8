"""Tells what happened, hour by hour, as it happens.

Each hour has its notable events, of each sort the first few, and a closing line
that counts the rest. Heartbeats and beats are told only by their absence.
"""

from collections import Counter

import qsdb
from examples.qsbridge.evening.cluster import Outcome
from examples.qsbridge.evening.events import (
    Ban,
    Heartbeat,
    Join,
    Leave,
    Register,
    Unban,
    format_time,
)
from examples.qsbridge.hub.refusals import refusal_class
from examples.qsbridge.hub.tables import (
    SILENCE_MAX,
    PlayerServerPresence,
    ServerRegistry,
)
from examples.qsbridge.wording import plain, short, span
from qsdb import Timestamp

__all__ = ["Story"]

HOUR_MICROS = 3_600_000_000
MOVE_MICROS_MAX = 60_000_000
"""Who joins another server within a minute of leaving one has moved."""

COUNTED = ("joins", "leaves", "moves", "refused")


class Story:
    """The state of the telling; `add` and `end` give the lines to print.

    Args:
        highlights_max: How many events of one sort are told each hour.
    """

    def __init__(self, highlights_max: int) -> None:
        self._highlights_max = highlights_max
        self._hour: int | None = None
        self._counts: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._players_count = 0
        # Server's id → when last heard; those heard longest ago come first.
        self._heard: dict[str, int] = {}
        self._silent: dict[str, int] = {}
        # Player's id → the server left last, and when.
        self._left: dict[str, tuple[str | None, int]] = {}

    def begin(self, db: qsdb.Database, now: Timestamp) -> None:
        """Take up what the tables say; needed where they are not empty.

        They do not say which server a player has left last.
        """
        with db.read() as tx:
            self._players_count = len(tx[PlayerServerPresence])
            servers = sorted(tx[ServerRegistry], key=lambda each: each.last_heartbeat)
        for server in servers:
            known = self._silent if server.is_degraded(now) else self._heard
            known[server.server_id] = server.last_heartbeat.micros

    def add(self, outcome: Outcome) -> list[str]:
        """Give the lines that one more outcome brings about."""
        lines = self._silences(outcome.event.at)
        lines += self._hours(outcome.event.at)
        sort, text = self._notable(outcome)
        if sort is not None:
            lines += self._highlight(outcome.event.at, sort, text)
        self._count(outcome)
        return lines

    def end(self) -> list[str]:
        """Give the last lines."""
        return [] if self._hour is None else self._close()

    def _silences(self, at: int) -> list[str]:
        """Tell which servers have fallen silent by now."""
        lines = []
        for server_id, heard in list(self._heard.items()):
            fallen = heard + SILENCE_MAX.micros
            if fallen >= at:
                break
            del self._heard[server_id]
            self._silent[server_id] = heard
            lines += self._hours(fallen)
            text = f"{short(server_id)} has not been heard for 90 s: degraded"
            lines += self._highlight(fallen, "silence", text)
        return lines

    def _hours(self, at: int) -> list[str]:
        """Close an hour that is over and open the one that `at` lies in."""
        hour = at // HOUR_MICROS
        if hour == self._hour:
            return []
        lines = [] if self._hour is None else self._close()
        self._hour = hour
        start = format_time(hour * HOUR_MICROS)
        return [*lines, f"{start[:10]} {start[11:16]}"]

    def _close(self) -> list[str]:
        """Give the line that sums an hour up, and begin to count anew."""
        parts = [f"{name} {self._counts[name]}" for name in COUNTED]
        missed = sum(
            max(0, told - self._highlights_max) for told in self._told.values()
        )
        if missed:
            parts.append(f"not told {missed}")
        players = f"players at the end {self._players_count}"
        self._counts.clear()
        self._told.clear()
        return [f"     in all  {', '.join(parts)}; {players}", ""]

    def _highlight(self, at: int, sort: str, text: str) -> list[str]:
        self._told[sort] += 1
        if self._told[sort] > self._highlights_max:
            return []
        return [plain(f"   {_clock(at)}  {text}")]

    def _notable(self, outcome: Outcome) -> tuple[str | None, str]:
        """Give the sort of a notable outcome, or None, and its text."""
        if outcome.refusal is not None:
            return _refused(outcome, outcome.refusal)
        match outcome.event:
            case Register() | Heartbeat():
                return self._sign_of_life(outcome)
            case Join() if outcome.is_takeover and outcome.presence is not None:
                age = span(outcome.event.at - outcome.presence.last_heartbeat.micros)
                return "takeover", (
                    f"{short(outcome.event.player)} is let into "
                    f"{short(str(outcome.server_id))}, last shown on "
                    f"{short(outcome.presence.server_id)} {age} ago"
                )
            case Ban(player=player, name=name, reason=reason, hours=hours):
                term = "for ever" if hours is None else f"for {hours} h"
                by = short(outcome.server_id or "the owner")
                who = f"{short(name)} ({short(player)})"
                return "ban", f"{who} is banned {term} by {by}: {reason}"
            case Unban(player=player):
                return "unban", f"{short(player)} is unbanned"
            case _:
                return None, ""

    def _sign_of_life(self, outcome: Outcome) -> tuple[str | None, str]:
        """Note that a server was heard, and tell of a start or a return."""
        server_id, event = outcome.server_id, outcome.event
        assert server_id is not None, "a granted sign of life has its server"
        heard = self._silent.pop(server_id, None)
        self._heard.pop(server_id, None)
        self._heard[server_id] = event.at
        back = "" if heard is None else f" after {span(event.at - heard)} of silence"
        if isinstance(event, Register):
            is_own = event.bridge == server_id
            bridge = "" if is_own else f" by bridge {short(str(event.bridge))}"
            return "register", (
                f"{short(server_id)} is registered{bridge}{back}: "
                f"{short(event.game_mode)} in {short(event.region)}, version "
                f"{short(event.version)}"
            )
        if heard is not None:
            return "silence", f"{short(server_id)} is back{back}"
        return None, ""

    def _count(self, outcome: Outcome) -> None:
        event = outcome.event
        if outcome.refusal is not None:
            self._counts["refused"] += 1
        elif isinstance(event, Join) and outcome.is_arrival:
            self._counts["joins"] += 1
            self._players_count += not outcome.is_takeover
            server_id, at = self._left.pop(event.player, (outcome.server_id, 0))
            has_moved = (
                server_id != outcome.server_id and event.at - at <= MOVE_MICROS_MAX
            )
            self._counts["moves"] += has_moved or outcome.is_takeover
        elif isinstance(event, Leave) and outcome.is_departure:
            self._counts["leaves"] += 1
            self._players_count -= 1
            self._left[event.player] = outcome.server_id, event.at


def _refused(outcome: Outcome, refusal: str) -> tuple[str | None, str]:
    """Give the sort and text of a refused call; a full server is no news."""
    event, why = outcome.event, refusal_class(refusal)
    if isinstance(event, Join) and why == "WrongState":
        return None, ""
    who = short(event.bridge or "the owner")
    return f"{event.kind} {why}", f"{event.kind} by {who} is refused, {refusal}"


def _clock(at: int) -> str:
    """Give the time of day, HH:MM:SS."""
    return format_time(at)[11:19]
