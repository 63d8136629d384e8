"""An installation: all databases of one operator, in one process, tied together.

    DIR/platform    the hub: servers, bans, admins
    DIR/registry    mods
    DIR/survival    a game; any number of them

Each has a log of its own and none can be in a transaction with another. What ties a
game to the platform is a `Courier` (what it has to tell) and a `BanWatch` (what it has
to know). Both make good whatever a crash has left undone, as soon as they begin; so an
installation is opened after a crash as ever.
"""

import contextlib
import pathlib
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import qsdb
from examples.qsbridge.game.bans import BanWatch
from examples.qsbridge.game.courier import Courier
from qsdb.files import StrPath
from qsdb.testing import FakeClock

__all__ = ["PLATFORM", "REGISTRY", "Installation"]

PLATFORM: Final = "platform"
REGISTRY: Final = "registry"


class Installation:
    """The platform, the mod registry if there is one, and the games.

    Attributes:
        platform: The hub's database.
        registry: The mods'; None without one.
        games: Name → database.
        couriers: Name of a game → what brings its messages.
    """

    def __init__(
        self,
        platform: qsdb.Module,
        games: Mapping[str, qsdb.Module],
        registry: qsdb.Module | None = None,
        data: StrPath | None = None,
        *,
        clock: FakeClock | None = None,
        has_threads: bool = True,
    ) -> None:
        """Open all databases, or make them.

        Args:
            platform: The hub's module.
            games: Name → module, with the outbox and the reducers for bans. The name
                is the game's directory and its source in the inbox, so it must not be
                given to another game later.
            registry: The module of the mods.
            data: The directory of all directories; in memory if not given.
            clock: For simulations and tests; the machine's if not given.
            has_threads: Whether couriers go by themselves; if not, `carry` brings.

        Raises:
            ValueError: a game has the name of another database.
            OutboxSetBackError: the platform is ahead of a game.
            SchemaError, StorageError: as `qsdb.Database` does. Whatever is raised,
                none is open then.
        """
        if taken := {PLATFORM, REGISTRY} & {*games}:
            raise ValueError(f"a game is named {min(taken)!r}, as another database is")

        def opened(name: str, module: qsdb.Module) -> qsdb.Database:
            path = None if data is None else pathlib.Path(data) / name
            return opening.enter_context(qsdb.Database(module, path, clock=clock))

        self.games: dict[str, qsdb.Database] = {}
        self.couriers: dict[str, Courier] = {}
        with contextlib.ExitStack() as opening:
            self.platform = opened(PLATFORM, platform)
            self.registry = None if registry is None else opened(REGISTRY, registry)
            for name, module in games.items():
                game = self.games[name] = opened(name, module)
                opening.callback(BanWatch(game, self.platform).close)
                courier = self.couriers[name] = Courier(name, game, self.platform)
                if has_threads:
                    opening.callback(courier.close)
                    courier.start()
            self._closing = opening.pop_all()

    def carry(self) -> int:
        """Bring the messages of all games, on this thread; give how many.

        Raises:
            ReducerError, StorageError: as `Courier.carry` does.
        """
        return sum(courier.carry() for courier in self.couriers.values())

    def run_due(self) -> int:
        """Run what is due in all databases; give how many calls that were."""
        databases = (self.platform, self.registry, *self.games.values())
        return sum(each.run_due() for each in databases if each is not None)

    def close(self) -> None:
        """Close all, receivers last; twice is no error."""
        self._closing.close()

    def __enter__(self) -> Self:
        """Give the installation itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all."""
        self.close()
