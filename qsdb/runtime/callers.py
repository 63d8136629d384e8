"""`Caller`: a database as one identity sees it."""

from collections.abc import Mapping

from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calling import Calling
from qsdb.runtime.procedures import Procedures
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.schema.results import Result

__all__ = ["Caller"]


class Caller(Calling):
    """A database as one identity sees it.

    Attributes:
        identity: It.
    """

    __slots__ = (
        "_calls",
        "_procedures",
        "_sender",
        "_subscriptions",
        "identity",
    )

    def __init__(
        self, procedures: Procedures, subscriptions: Subscriptions, sender: Sender
    ) -> None:
        """Act as `sender`."""
        self._calls = procedures.calls
        self._procedures = procedures
        self._subscriptions = subscriptions
        self._sender = sender
        self.identity = sender.identity

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a query as this identity; otherwise as `Database.sql`.

        Raises:
            AccessError: it changes something, and this is not the owner.
            QueryError, ArgumentError, ClosedError: as `Database.sql` does.
        """
        return self._subscriptions.queries.run(text, params, self.identity)
