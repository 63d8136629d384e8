"""The states of an install, and every step between them.

::

    pending -> installing -> installed <-> enabled <-> disabled

Each of the seven may fail, also one that failed already: the newest reason counts.
All but `removing` may be told to go; then it is `removing` until the gateway has
cleared the server, and the row is deleted.

An install that failed is removed and requested anew: there is no other way out.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.tables import InstalledMod

__all__ = [
    "DELETED",
    "DISABLED",
    "EDGES",
    "ENABLED",
    "FAILED",
    "INSTALLED",
    "INSTALLING",
    "PENDING",
    "PRESENT",
    "REMOVING",
    "check_status",
    "check_step",
]

PENDING: Final = "pending"
INSTALLING: Final = "installing"
INSTALLED: Final = "installed"
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
FAILED: Final = "failed"
REMOVING: Final = "removing"
DELETED: Final = "deleted"
"""The end; no row has it."""

EDGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PENDING: (INSTALLING, FAILED, REMOVING),
        INSTALLING: (INSTALLED, FAILED, REMOVING),
        INSTALLED: (ENABLED, FAILED, REMOVING),
        ENABLED: (INSTALLED, DISABLED, FAILED, REMOVING),
        DISABLED: (ENABLED, FAILED, REMOVING),
        FAILED: (FAILED, REMOVING),
        REMOVING: (FAILED, DELETED),
    }
)
"""Status → what it may become."""

PRESENT: Final = frozenset({PENDING, INSTALLING, INSTALLED, ENABLED, DISABLED})
"""The states of an install that other mods may count on: it is there, or comes."""


def check_step(install: InstalledMod, status: str) -> None:
    """Refuse a step that is not in the table."""
    if status not in EDGES[install.status]:
        may_become = ", ".join(EDGES[install.status])
        raise refusal(
            "WrongState",
            f"install {install.install_id} is {install.status} and cannot become "
            f"{status}, only {may_become}",
        )


def check_status(install: InstalledMod, admitted: tuple[str, ...], act: str) -> None:
    """Refuse what is done in some states only and leads to none."""
    if install.status not in admitted:
        raise refusal(
            "WrongState",
            f"install {install.install_id} is {install.status}; {act} is for one "
            f"that is {' or '.join(admitted)}",
        )
