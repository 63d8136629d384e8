"""Installs that are processes: their ports, their health, and who reports it.

The gateway polls the endpoint of each service; the bridge of the server says what
came of it.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ModServiceSpec
from examples.qsbridge.mods.finding import install_by_id
from examples.qsbridge.mods.guards import require_bridge_of
from examples.qsbridge.mods.kinds import ModKind
from examples.qsbridge.mods.lifecycle import ENABLED, check_status
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModProject,
    ModServiceState,
    ModVersion,
    registry,
)
from qsdb import u64

__all__ = [
    "HEALTH",
    "PORTS",
    "check_runnable",
    "forget_health",
    "give_port",
    "mod_service_report",
]

PORTS: Final = range(8_900, 9_900)
"""The ports of services, on all servers together."""
UNKNOWN: Final = "unknown"
"""Nobody has looked since the install came into its state."""
HEALTH: Final = ("healthy", "unhealthy")
"""What a bridge may report."""


@registry.reducer
def mod_service_report(ctx: qsdb.ReducerContext, install_id: u64, health: str) -> None:
    """Note how an enabled service is: healthy or unhealthy. For its server's bridge.

    Raises:
        ReducerError: NotFound, no such install, or it is no service; NotAuthorized,
            not the bridge of that server; InvalidArgument; WrongState, it is not
            enabled.
    """
    install = install_by_id(ctx.db, install_id)
    require_bridge_of(ctx, install)
    if health not in HEALTH:
        raise refusal(
            "InvalidArgument", f"health is {health!r}, not {' or '.join(HEALTH)}"
        )
    states = ctx.db[ModServiceState]
    state = states.get(install_id)
    if state is None:
        raise refusal("NotFound", f"install {install_id} is not a service")
    check_status(install, (ENABLED,), "a report")
    states.update(state.replace(health=health, last_check=ctx.timestamp))


def check_runnable(
    db: qsdb.Transaction, project: ModProject, version: ModVersion
) -> None:
    """Check that a service says what to run; other mods need not.

    Raises:
        ReducerError: WrongState.
    """
    if project.mod_kind is not ModKind.ProcessService:
        return
    spec = db[ModServiceSpec].get(version.version_id)
    if spec is None or not spec.entry:
        raise refusal(
            "WrongState",
            f"{project.slug} {version.version} is a ProcessService and has no entry "
            "to run",
        )


def give_port(db: qsdb.Transaction, project: ModProject, install: InstalledMod) -> None:
    """Give a service the lowest free port; other mods need none.

    Raises:
        ReducerError: Conflict, all are taken.

    Cost: O(services).
    """
    if project.mod_kind is not ModKind.ProcessService:
        return
    states = db[ModServiceState]
    taken = {state.port for state in states}
    port = next((each for each in PORTS if each not in taken), None)
    if port is None:
        raise refusal("Conflict", f"all ports from {PORTS[0]} to {PORTS[-1]} are taken")
    states.insert(ModServiceState(install.install_id, port, UNKNOWN, None))


def forget_health(db: qsdb.Transaction, install_id: int) -> None:
    """Forget what was reported of an install, if it is a service."""
    states = db[ModServiceState]
    state = states.get(install_id)
    if state is not None:
        states.update(state.replace(health=UNKNOWN, last_check=None))
