"""The world: what all parts of a simulation share."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import qsdb
from examples.qsbridge.bridge import OfflineError
from examples.qsbridge.hub.refusals import refusal_class
from examples.qsbridge.simulation.agenda import Agenda
from examples.qsbridge.simulation.hub import Hub, HubDownError
from examples.qsbridge.simulation.people import Player

if TYPE_CHECKING:
    from examples.qsbridge.simulation.servers import GameServer

__all__ = ["World"]


class World:
    """Chance, time, the platform, servers and players.

    Attributes:
        agenda: What happens when.
        rng: All chance there is.
        hub: The platform.
        tally: What was done, by what it was.
        refused: What was refused, by what was wanted and why.
        servers: By their ids.
        players: By their ids.
        items_count: How many items there are; their numbers are below that.
    """

    def __init__(self, agenda: Agenda, hub: Hub, seed: int) -> None:
        """Begin without servers and players."""
        self.agenda = agenda
        self.hub = hub
        self.rng = random.Random(seed)  # noqa: S311  to be the same for the same seed
        self.tally: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.servers: dict[str, GameServer] = {}
        self.players: dict[str, Player] = {}
        self.items_count = 0

    def add_players(self, players: Iterable[Player]) -> None:
        """Have players in the world, with what they carry."""
        for player in players:
            self.players[player.player_id] = player
            self.items_count += len(player.items)

    def attempt(self, what: str, act: Callable[[], Any]) -> bool:
        """Do something that the platform may refuse, and count what came of it.

        Returns:
            Whether it was done. When the platform does not run, it was not, and that
            is counted too.
        """
        try:
            act()
        except qsdb.ReducerError as error:
            self.refused[what, refusal_class(str(error))] += 1
            return False
        except (HubDownError, OfflineError):
            self.refused[what, "Offline"] += 1
            return False
        self.tally[what] += 1
        return True
