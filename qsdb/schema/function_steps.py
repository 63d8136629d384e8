"""Steps for what is not data: functions of all sorts, and row filters.

Reducers and procedures may change in any way while clients are connected: a call that
does not fit any more is refused by itself. Of views, clients hold the results, and row
filters decide which rows they hold: both disconnect them. Functions that run at a turn
of the database's life, and handlers of HTTP, are not stored: there are steps for them
where the module that is served is at hand.
"""

from collections.abc import Iterator, Mapping

import attrs

from qsdb.schema.functions import INIT
from qsdb.schema.plan_steps import MigrationStep
from qsdb.schema.stored_schemas import StoredSchema

__all__ = ["function_steps"]


def function_steps(
    stored: StoredSchema, declared: StoredSchema
) -> Iterator[MigrationStep]:
    """Yield steps for functions and row filters."""
    yield from _signature_steps("reducer", stored.reducers, declared.reducers)
    yield from _signature_steps("procedure", stored.procedures, declared.procedures)
    for step in _signature_steps("view", stored.views, declared.views):
        if step.text == "is added":
            yield step
        else:
            yield attrs.evolve(step, breaks="they hold its result in the old form")
    yield from _name_steps("", stored.turns, declared.turns)
    yield from _name_steps("http ", stored.routes, declared.routes)
    breaks = "they may see other rows"
    for text in dict.fromkeys([*stored.row_filters, *declared.row_filters]):
        if text not in declared.row_filters:
            yield MigrationStep("row filter", f"{text} is removed", breaks)
        elif text not in stored.row_filters:
            yield MigrationStep("row filter", f"{text} is added", breaks)


def _signature_steps(
    what: str, stored: Mapping[str, str], declared: Mapping[str, str]
) -> Iterator[MigrationStep]:
    for name in stored:
        if name not in declared:
            yield MigrationStep(f"{what} {name}", "is removed")
    for name, signature in declared.items():
        old = stored.get(name)
        if old is None:
            yield MigrationStep(f"{what} {name}", "is added")
        elif old != signature:
            yield MigrationStep(f"{what} {name}", f"is {signature}, was {old}")


def _name_steps(
    what: str, stored: Mapping[str, str] | None, declared: Mapping[str, str] | None
) -> Iterator[MigrationStep]:
    """Yield steps for what the module has one function for at most."""
    if stored is None or declared is None:
        return
    for key in {**stored, **declared}:
        old, new = stored.get(key), declared.get(key)
        if old is None:
            never = ", which does not run, as the database is there" * (key == INIT)
            yield MigrationStep(f"{what}{key}", f"is added: {new}{never}")
        elif new is None:
            yield MigrationStep(f"{what}{key}", f"is removed: {old}")
        elif old != new:
            yield MigrationStep(f"{what}{key}", f"is {new}, was {old}")
