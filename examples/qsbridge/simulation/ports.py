"""Ports: what bridges have of the platform, which tells them what is on its disk.

A connection with ``confirmed=True`` waits for the disk with every call, which takes
milliseconds. An hour has a hundred thousand calls, and nearly always somebody can know
what is not known to those who call: that the power stays on until their commit is on
the disk. For as long as that is so, a port tells at once what there is to tell.

It is not so in the last moments before the power is cut. Then the port is *held*. What
is called is done, in the memory of the platform, and no answer comes; nothing is heard
of what others do; and what was known is known still. That is what a confirmed
connection is like whose platform is about to lose what it has done.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import qsdb
from examples.qsbridge.bridge.port import OfflineError, PortSubscription, PortTables

__all__ = ["ConfirmedPort"]


class ConfirmedPort:
    """A connection in this process that hears of what is on the disk, and no more."""

    def __init__(
        self, db: qsdb.Database, token: str | None, lost: Counter[str]
    ) -> None:
        """Connect.

        Args:
            db: The platform's database.
            token: Of whom; None for somebody new.
            lost: Counts by their names the calls that nobody will know of.
        """
        self._db = db
        self._lost = lost
        self._told = self._asked = db.connect(token=token)
        """The connection of which the cache is, and that which is used for calls; they
        are two while the port is held."""

    @property
    def is_held(self) -> bool:
        """Whether it is held, and the platform still runs."""
        return self._asked is not self._told and not self._asked.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._asked.is_closed

    def hold(self) -> None:
        """Hear nothing more.

        The second connection is there before the first one ends, so that the platform
        does not think that the bridge has gone.
        """
        self._asked = self._db.connect(token=self._told.token)
        self._told.close()

    @property
    def token(self) -> str:
        """What to connect with to be the same identity again."""
        return self._told.token

    @property
    def db(self) -> PortTables:
        """The cache; it can be read when the connection has ended, too."""
        return self._told.db

    def call(self, function: str, /, *args: object) -> Any:  # noqa: ANN401  what it gives
        """Call a reducer, and give what it returns.

        Raises:
            OfflineError: the port is held, so no answer comes before the power is cut.
        """
        if not self.is_held:
            return self._asked.call(function, *args)
        with contextlib.suppress(qsdb.ReducerError):
            self._asked.call(function, *args)
            self._lost[function] += 1
        raise OfflineError("the platform lost its power", may_have_run=True)

    def sql(self, text: str, params: Mapping[str, object]) -> Iterable[Any]:
        """Ask once; that waits for no disk, as it changes nothing."""
        return self._asked.sql(text, params)

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[qsdb.Event], object],
        on_error: Callable[[qsdb.QueryError], object],
        params: Mapping[str, object],
    ) -> PortSubscription:
        """Ask, and have the cache kept current."""
        subscription = self._told.subscribe(
            *queries, on_applied=on_applied, on_error=on_error, params=params
        )
        return _Subscription(self, subscription)

    def close(self) -> None:
        """End; who is held waits for an answer, and cannot say good-bye."""
        if not self.is_held:
            self._asked.close()


class _Subscription:
    """Queries that are kept current, as far as who asked can know."""

    def __init__(self, port: ConfirmedPort, subscription: PortSubscription) -> None:
        self._port = port
        self._subscription = subscription

    @property
    def is_active(self) -> bool:
        return self._subscription.is_active or self._port.is_held
