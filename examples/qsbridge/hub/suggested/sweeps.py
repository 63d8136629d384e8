"""Sweeps: what time alone brings about, done by the database every 30 seconds.

`sweep` is scheduled by the row that `init` makes.
"""

import qsdb
from examples.qsbridge.hub.extensions import SweepSchedule
from examples.qsbridge.hub.tables import platform

__all__ = ["sweep"]


@platform.reducer(private=True)
def sweep(ctx: qsdb.ReducerContext, schedule: SweepSchedule) -> None:
    """Do all sweeps."""
