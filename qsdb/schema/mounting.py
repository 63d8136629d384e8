"""Modules in modules: what another module has, below a name.

What is mounted as ``auth`` has that name and a dot before its own: the table
``session`` becomes ``auth.session``, in SQL, in the catalogue and for callers, and the
reducer ``login`` becomes ``auth.login``, as procedures and views do. Its functions see
none of that: they are run with a context in which their tables have the names that they
were declared with (`ReducerContext.within`). So a module is written once, and mounted
anywhere, also several times.

Lifecycle functions stay with the outermost module, which may call on others from its
own: in which order they run, and who may refuse a client, is for it to say. So do
migration functions, as a publication is of the whole.

*Source*: submodules of SpacetimeDB.
"""

import keyword
from collections.abc import Callable, Sequence

import attrs

from qsdb.errors import brief
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure, ProcedureContext
from qsdb.schema.tables import RowFilter
from qsdb.schema.views import View

__all__ = ["Parts", "add_mounted", "fault_of_mount"]

NAME_MAX = 63
"""So many characters has a name to mount by, at most."""

_RESERVED = frozenset(
    {
        *("public", "spacetimedb", "qsdb", "st"),
        *("close", "commit", "offset", "rollback", "savepoint", "sql", "table"),
        *("timestamp", "call"),
    }
)
"""Names with a meaning of their own where tables and reducers are reached."""

_Run = Callable[[object, tuple[object, ...]], object]


@attrs.define
class Parts:
    """What a module has, with all that is mounted in it.

    Attributes:
        tables: Its own first.
        reducers: By name.
        procedures: By name.
        row_filters: Each with the namespace of its names.
        views: By name.
    """

    tables: list[BoundTable]
    reducers: dict[str, Reducer]
    procedures: dict[str, Procedure]
    row_filters: list[RowFilter]
    views: dict[str, View] = attrs.field(factory=dict)


def fault_of_mount(name: object) -> str | None:
    """Say why nothing can be mounted by a name, or None."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        return f"{brief(name)} is no name of an attribute"
    if len(name) > NAME_MAX:
        return f"the name has {len(name)} characters; {NAME_MAX} is the most"
    if name.startswith(("_", "st_", "pg_")) or name in _RESERVED:
        return "the name is reserved"
    return None


def add_mounted(parts: Parts, name: str, inner: Parts) -> Sequence[str]:
    """Add the parts of a module below a name; give a sentence for each collision."""
    prefix = f"{name}."
    faults = []
    for what, names in (
        ("table", [each.schema.name for each in parts.tables]),
        ("reducer", [*parts.reducers]),
        ("procedure", [*parts.procedures]),
    ):
        faults += [
            f"there is a {what} {each}"
            for each in names
            if each == name or each.startswith(prefix)
        ]
    if not faults:
        parts.tables += [_table(prefix, each) for each in inner.tables]
        reducers = [_reducer(name, each) for each in inner.reducers.values()]
        parts.reducers |= {each.name: each for each in reducers}
        procedures = [_procedure(name, each) for each in inner.procedures.values()]
        parts.procedures |= {each.name: each for each in procedures}
        views = [_view(name, each) for each in inner.views.values()]
        parts.views |= {each.name: each for each in views}
        parts.row_filters += [_row_filter(name, each) for each in inner.row_filters]
    return faults


def _table(prefix: str, bound: BoundTable) -> BoundTable:
    schema = bound.schema
    schedule = schema.schedule
    if schedule is not None:
        schedule = attrs.evolve(schedule, function=prefix + schedule.function)
    schema = attrs.evolve(schema, name=prefix + schema.name, schedule=schedule)
    former = bound.renamed_from
    former = None if former is None else prefix + former
    return BoundTable(schema, bound.shape, bound.row_class, former)


def _reducer(name: str, reducer: Reducer) -> Reducer:
    run = _within(name, reducer.run)
    return attrs.evolve(reducer, name=f"{name}.{reducer.name}", run=run)


def _within(name: str, run: _Run) -> _Run:
    """Have a function run with the names of its own module."""

    def run_within(context: object, values: tuple[object, ...]) -> object:
        assert isinstance(context, ReducerContext | ProcedureContext)
        return run(context.within(name), values)

    return run_within


def _procedure(name: str, procedure: Procedure) -> Procedure:
    run = _within(name, procedure.run)
    return attrs.evolve(procedure, name=f"{name}.{procedure.name}", run=run)


def _view(name: str, view: View) -> View:
    """Give a view that is run on the tables of its own module."""
    bound = view.bound
    schema = attrs.evolve(bound.schema, name=f"{name}.{bound.schema.name}")
    return attrs.evolve(
        view,
        bound=BoundTable(schema, bound.shape, bound.row_class),
        namespace=_below(name, view.namespace),
    )


def _row_filter(name: str, row_filter: RowFilter) -> RowFilter:
    return attrs.evolve(row_filter, namespace=_below(name, row_filter.namespace))


def _below(name: str, namespace: str) -> str:
    return f"{name}.{namespace}" if namespace else name
