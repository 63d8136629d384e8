"""The port: what a bridge needs of a connection, and all that it needs.

`qsdb.Connection` fits, and so does `network.RemotePort`. What a bridge does not rely
on: that the platform is in this process, that a call in the middle of a callback is
allowed, that a lost connection says so. One that does (`TellsLoss`) is heard.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import qsdb

__all__ = [
    "Connect",
    "OfflineError",
    "Port",
    "PortSubscription",
    "PortTables",
    "TellsLoss",
]


class OfflineError(Exception):
    """The platform is not reached, or was lost in the middle of a call.

    Attributes:
        may_have_run: Whether what was called may have been done all the same.
    """

    def __init__(self, sentence: str, *, may_have_run: bool) -> None:
        """Say what happened."""
        super().__init__(sentence)
        self.may_have_run = may_have_run


class PortTables(Protocol):
    """A cache: tables by row class."""

    def __getitem__(self, row_class: type[qsdb.Row], /) -> Any:  # noqa: ANN401  a table of those rows
        """Give a table, to be read and listened to."""


class PortSubscription(Protocol):
    """Queries that are kept current."""

    @property
    def is_active(self) -> bool:
        """Whether they still are."""


class Port(Protocol):
    """A connection."""

    @property
    def token(self) -> str:
        """What to connect with to be the same identity again."""

    @property
    def db(self) -> PortTables:
        """The cache; it can be read when the connection has ended, too."""

    def call(self, function: str, /, *args: object) -> Any:  # noqa: ANN401  what it gives
        """Call a reducer, and give what it returns."""

    def sql(self, text: str, params: Mapping[str, object]) -> Iterable[Any]:
        """Ask once."""

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[qsdb.Event], object],
        on_error: Callable[[qsdb.QueryError], object],
        params: Mapping[str, object],
    ) -> PortSubscription:
        """Ask, and have the cache kept current."""

    def close(self) -> None:
        """End."""


@runtime_checkable
class TellsLoss(Protocol):
    """A connection that says when it is lost."""

    def on_lost(self, callback: Callable[[], object]) -> None:
        """Have a function called then, on any thread; it must not call the platform."""


Connect = Callable[[str | None], Port]
"""Opens a connection as whoever has the token, or as somebody new (None).

Let it be a confirmed one where the platform is on a disk: then what a call has done is
still done after the power has failed, which matters when items are given out."""
