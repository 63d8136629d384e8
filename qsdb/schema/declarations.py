"""`Declarations`: what is declared on a module, and how it is compiled.

What is declared is gathered as it comes, unchecked, since classes and functions may
name others that come later. `compile_module` resolves it, with all mounted modules,
and tells every mistake at once.
"""

from __future__ import annotations

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.declared_tables import compile_tables
from qsdb.schema.functions import (
    DeclaredFunction,
    Reducer,
    compile_lifecycle,
    compile_reducer,
)
from qsdb.schema.http_routes import DeclaredRoute, compile_routes
from qsdb.schema.migrations import DeclaredMigration, compile_migrations
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.mounting import Parts, add_mounted, fault_of_mount
from qsdb.schema.procedures import compile_procedures
from qsdb.schema.row_filters import CheckFilters, FiltersByTable, give_filters
from qsdb.schema.rows import Row
from qsdb.schema.schedules import bind_schedules, require_functions
from qsdb.schema.tables import RowFilter, TableOptions
from qsdb.schema.views import DeclaredView, compile_views

__all__ = ["Declarations", "compile_module", "take_all"]


@attrs.define(eq=False)
class Declarations:
    """What was declared on one module; only ever more."""

    module: str
    """The module's name."""
    tables: list[tuple[type[Row], TableOptions]] = attrs.field(factory=list)
    reducers: list[DeclaredFunction] = attrs.field(factory=list)
    procedures: list[DeclaredFunction] = attrs.field(factory=list)
    views: list[DeclaredView] = attrs.field(factory=list)
    lifecycle: dict[str, DeclaredFunction] = attrs.field(factory=dict)
    migrations: list[DeclaredMigration] = attrs.field(factory=list)
    row_filters: list[RowFilter] = attrs.field(factory=list)
    http_routes: list[DeclaredRoute] = attrs.field(factory=list)
    mounts: list[tuple[str, Declarations]] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)
    """Mounts that were refused at once; told with all other mistakes."""

    def mount(self, name: str, other: Declarations) -> None:
        """Take another module in under a name, or note why not."""
        fault = fault_of_mount(name)
        if fault is None and any(name == each for each, _ in self.mounts):
            fault = "it is mounted twice"
        if fault is None and other.holds(self):
            fault = f"module {other.module} would be inside of itself"
        if fault is None:
            self.mounts.append((name, other))
        else:
            self.faults.append(f"mount {name}: {fault}")

    def holds(self, other: Declarations) -> bool:
        """Whether a module is this one, or is mounted in it."""
        return self is other or any(each.holds(other) for _, each in self.mounts)

    def scheduling(self) -> tuple[list[tuple[str, object]], list[str]]:
        """Give what each table has run, as given, and the names of functions."""
        scheduled = [
            (options.table_name(row_class.__name__), options.scheduled)
            for row_class, options in self.tables
        ]
        functions = (*self.reducers, *self.procedures)
        return scheduled, [each.function.__name__ for each in functions]

    @property
    def revision(self) -> tuple[object, ...]:
        """What changes with each declaration, also in what is mounted."""
        declared = (self.tables, self.reducers, self.procedures, self.lifecycle)
        others = (self.views, self.migrations, self.row_filters, self.http_routes)
        sizes = [len(each) for each in (*declared, *others, self.faults)]
        return (*sizes, *[each.revision for _, each in self.mounts])


def compile_module(declared: Declarations, check: CheckFilters | None) -> ModuleSchema:
    """Resolve a module.

    Args:
        declared: It.
        check: Checks row filters; without it there may be none.

    Raises:
        SchemaError: every mistake, each with its place.
    """
    mistakes: list[str] = []
    parts = _parts(declared, mistakes)
    lifecycle: dict[str, Reducer] = {}
    for turn, each in declared.lifecycle.items():
        function = compile_lifecycle(turn, each, mistakes)
        if function is not None:
            lifecycle[turn] = function
    named = [(each.schema.name, each.row_class) for each in parts.tables]
    migrations = compile_migrations(declared.migrations, named, mistakes)
    routes = compile_routes(declared.http_routes, mistakes)
    if parts.row_filters:
        give_filters(parts.tables, parts.row_filters, check, mistakes)
    if mistakes:
        raise SchemaError(*[f"module {declared.module}, {each}" for each in mistakes])
    return ModuleSchema(
        declared.module,
        tuple(parts.tables),
        parts.reducers,
        lifecycle,
        migrations,
        parts.procedures,
        parts.views,
        routes,
    )


def _parts(declared: Declarations, mistakes: list[str]) -> Parts:
    """Give what others may mount, with what is mounted."""
    tables = compile_tables(declared.tables, mistakes)
    reducers = _reducers(declared, mistakes)
    names = {each.function.__name__ for each in declared.reducers}
    procedures = compile_procedures(declared.procedures, names, mistakes)
    require_functions(*declared.scheduling(), mistakes)
    schedules = [(b.schema.name, b.schema.schedule, b.shape.kind) for b in tables]
    bind_schedules(schedules, reducers, procedures, mistakes)
    parts = Parts(tables, reducers, procedures, [*declared.row_filters])
    mistakes += declared.faults
    for name, module in declared.mounts:
        faults: list[str] = []
        inner = _parts(module, faults)
        faults += [
            f"{turn}: a module that is mounted has none; the outer one may call it"
            for turn in module.lifecycle
        ]
        if module.migrations:
            faults.append("migration functions belong to the outermost module")
        if module.http_routes:
            faults.append("only the outermost module answers HTTP")
        if any(each.function.__name__ == name for each in declared.views):
            faults.append(f"there is a view {name}")
        faults += add_mounted(parts, name, inner)
        mistakes += [f"mount {name}: {each}" for each in faults]
    # Last, as their rows may be those of a table that is mounted.
    taken = dict.fromkeys(parts.procedures, "procedure")
    taken |= dict.fromkeys(parts.reducers, "reducer")
    own = compile_views(declared.views, parts.tables, taken, mistakes)
    parts.views = own | parts.views
    return parts


def _reducers(declared: Declarations, mistakes: list[str]) -> dict[str, Reducer]:
    reducers: dict[str, Reducer] = {}
    names: set[str] = set()
    for each in declared.reducers:
        reducer, name = compile_reducer(each, mistakes), each.function.__name__
        if name in names:
            mistakes.append(f"reducer {name}: it is declared twice")
        elif reducer is not None:
            reducers[name] = reducer
        names.add(name)
    return reducers


def take_all(*_: object) -> tuple[FiltersByTable, list[str]]:
    """Check no row filter: for what does not depend on them."""
    return {}, []
