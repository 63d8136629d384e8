"""What a simulation is to be: how many servers and players, how long, which seed."""

from dataclasses import dataclass

from examples.qsbridge.simulation.agenda import SECOND

__all__ = ["Settings"]

SERVERS_MAX = 1_000
PLAYERS_MAX = 1_000_000
MINUTES_MAX = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Settings:
    """A simulation's size and seed; equal settings give equal histories.

    Raises:
        ValueError: a number is out of its bounds.
    """

    servers: int = 100
    players: int = 10_000
    minutes: int = 60
    """Of simulated time."""
    seed: int = 1

    def __post_init__(self) -> None:
        for name, value, value_max in (
            ("servers", self.servers, SERVERS_MAX),
            ("players", self.players, PLAYERS_MAX),
            ("minutes", self.minutes, MINUTES_MAX),
        ):
            if not 1 <= value <= value_max:
                raise ValueError(f"{name} is {value}, not 1 to {value_max}")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed is {self.seed}, not 0 to {(1 << 64) - 1}")

    @property
    def length(self) -> int:
        """How long, in microseconds of simulated time."""
        return self.minutes * 60 * SECOND

    @property
    def capacity(self) -> int:
        """How many players a server takes: a fifth more than its share."""
        return max(2, -(-self.players * 6 // (self.servers * 5)))
