"""Which desk serves which database.

The platform is one module, and has its procedures whether or not a provider is at hand;
a provider is a matter of the process that runs the database, as its clock and its
directory are. So a process opens a desk at a database, by the database's identity, and
closes it before the database::

    with qsdb.Database(platform, path="data") as db, hosting_desk(db, provider):
        db.call(hosting_action, "Steam:76561198000000001", "us-east-pvp-1", "restart")

``python -m examples.qsbridge serve`` does so with the provider of its environment. The
API key is thus in the process that has the database, and in no row of it.
"""

import contextlib
import threading
from collections.abc import Iterator

import qsdb
from examples.qsbridge.hosting.desk import HostingDesk
from examples.qsbridge.hosting.provider import HostingProvider
from examples.qsbridge.hosting.starbase import KEY_VARIABLE, URL_VARIABLE
from examples.qsbridge.hub.refusals import refusal
from qsdb import Identity

__all__ = ["desk_of", "hosting_desk"]

_LOCK = threading.Lock()
_DESKS: dict[Identity, HostingDesk] = {}
"""Of this process: a database's identity → the desk that is open at it."""


@contextlib.contextmanager
def hosting_desk(db: qsdb.Database, provider: HostingProvider) -> Iterator[HostingDesk]:
    """Open a desk at a database for as long as the block runs.

    Orders that are being carried out when it ends are carried out to their end.

    Raises:
        ValueError: one is open there already.
    """
    desk = HostingDesk(provider)
    with _LOCK:
        if db.identity in _DESKS:
            raise ValueError("a hosting desk is open at this database already")
        _DESKS[db.identity] = desk
    try:
        yield desk
    finally:
        with _LOCK:
            del _DESKS[db.identity]


def desk_of(ctx: qsdb.ProcedureContext) -> HostingDesk:
    """Give the desk at the database in which a procedure runs.

    Raises:
        ReducerError: WrongState, none is open.
    """
    desk = _DESKS.get(ctx.identity)
    if desk is None:
        raise refusal(
            "WrongState",
            "no hosting provider is at hand in this process; python -m "
            f"examples.qsbridge serve has the one that {KEY_VARIABLE} and "
            f"{URL_VARIABLE} name",
        )
    return desk
