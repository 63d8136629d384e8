"""A module, sorted by where it is mounted, as a definition has it.

What is mounted as ``auth`` has names that begin with ``auth.``. A definition of version
10 has *submodules*, in which names are those that the mounted module gave; one of
version 9 has none.
"""

from collections.abc import Iterator, Sequence

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.functions import Reducer
from qsdb.schema.http_routes import HttpRoute
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.schema.tables import RowFilter
from qsdb.schema.views import View
from qsdb.server.definition_names import fault_of_identifier
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind

__all__ = ["Part", "has_identifiers", "parts_of"]


@attrs.define
class Part:
    """What one module declared, or one that is mounted; names are its own.

    Attributes:
        tables: By name.
        reducers: By name.
        procedures: By name.
        views: By name.
        lifecycle: Turn of its life → what runs then.
        row_filters: In the order of its tables.
        http_routes: In the order of declaration.
        inner: Name by which it is mounted → another part.
    """

    tables: dict[str, BoundTable] = attrs.field(factory=dict)
    reducers: dict[str, Reducer] = attrs.field(factory=dict)
    procedures: dict[str, Procedure] = attrs.field(factory=dict)
    views: dict[str, View] = attrs.field(factory=dict)
    lifecycle: dict[str, Reducer] = attrs.field(factory=dict)
    row_filters: list[RowFilter] = attrs.field(factory=list)
    http_routes: list[HttpRoute] = attrs.field(factory=list)
    inner: "dict[str, Part]" = attrs.field(factory=dict)

    def at(self, names: Sequence[str]) -> "Part":
        """Give the part that is mounted by these names, one in another."""
        part = self
        for name in names:
            part = part.inner.setdefault(name, Part())
        return part


def parts_of(module: ModuleSchema) -> Part:
    """Sort what a module has.

    Raises:
        SchemaError: names that are no identifiers elsewhere, all of them.
    """
    whole = Part()
    for bound in module.tables:
        *names, name = bound.schema.name.split(".")
        whole.at(names).tables[name] = bound
        for each in bound.schema.row_filters:
            namespace = each.namespace.split(".") if each.namespace else []
            whole.at(namespace).row_filters.append(each)
    for reducer in module.reducers.values():
        *names, name = reducer.name.split(".")
        whole.at(names).reducers[name] = reducer
    for procedure in module.procedures.values():
        *names, name = procedure.name.split(".")
        whole.at(names).procedures[name] = procedure
    for view in module.views.values():
        *names, name = view.name.split(".")
        whole.at(names).views[name] = view
    whole.lifecycle = dict(module.lifecycle)
    whole.http_routes = [*module.http_routes]
    mistakes = list(dict.fromkeys(_faults(whole, "")))
    if mistakes:
        raise SchemaError(*mistakes)
    return whole


def has_identifiers(kind: Kind) -> bool:
    """Whether all names in a kind are identifiers elsewhere."""
    return not any(_kind_faults("", kind))


def _faults(part: Part, prefix: str) -> Iterator[str]:
    """Tell of every name that is no identifier."""
    for name, bound in part.tables.items():
        yield from _table_faults(f"table {prefix}{name}", name, bound)
    for name, view in part.views.items():
        yield from _table_faults(f"view {prefix}{name}", name, view.bound)
        yield from _parameter_faults(f"view {prefix}{name}", view.parameters)
    for name, reducer in part.reducers.items():
        yield from _parameter_faults(f"reducer {prefix}{name}", reducer.parameters)
    for name, procedure in part.procedures.items():
        where = f"procedure {prefix}{name}"
        yield from _parameter_faults(where, procedure.parameters)
        if procedure.returns is not None:
            returned = procedure.returns.kind
            yield from _kind_faults(f"{where}, what it returns", returned)
    for route in part.http_routes:
        name = route.handler.name
        yield from _told(f"handler {name}", name)
    for name, inner in part.inner.items():
        yield from _told(f"namespace {prefix}{name}", name)
        yield from _faults(inner, f"{prefix}{name}.")


def _told(where: str, name: str) -> Iterator[str]:
    fault = fault_of_identifier(name)
    if fault is not None:
        yield f"{where}: {fault}"


def _table_faults(where: str, name: str, bound: BoundTable) -> Iterator[str]:
    yield from _told(where, name)
    for column in bound.schema.columns:
        yield from _told(f"{where}, column {column.name}", column.name)
        yield from _kind_faults(f"{where}, column {column.name}", column.kind)
    for index in bound.schema.indexes:
        yield from _told(f"{where}, index {index.accessor}", index.accessor)


def _parameter_faults(where: str, parameters: Parameters) -> Iterator[str]:
    yield from _told(where, parameters.function_name)
    for each in parameters.parameters:
        yield from _told(f"{where}, parameter {each.name}", each.name)
        yield from _kind_faults(f"{where}, parameter {each.name}", each.binding.kind)


def _kind_faults(where: str, kind: Kind) -> Iterator[str]:
    match kind:
        case OptionKind():
            yield from _kind_faults(where, kind.inner)
        case ArrayKind():
            yield from _kind_faults(where, kind.item)
        case EnumKind():
            for name in kind.variants:
                yield from _told(f"{where}, {kind.class_name}.{name}", name)
        case ProductKind() | SumKind():
            fields = kind.fields if isinstance(kind, ProductKind) else kind.variants
            is_named = not (isinstance(kind, ProductKind) and kind.is_tuple)
            for field in fields:
                if is_named:
                    yield from _told(f"{where}, {kind.name}.{field.name}", field.name)
                yield from _kind_faults(where, field.kind)
        case _:
            pass
