"""`ModuleSchema`: a module as databases need it."""

from collections.abc import Mapping

import attrs

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.functions import Reducer
from qsdb.schema.http_routes import HttpRoute
from qsdb.schema.migrations import Migration
from qsdb.schema.procedures import Procedure
from qsdb.schema.schema_hashes import schema_hash
from qsdb.schema.views import View

__all__ = ["ModuleSchema"]


@attrs.frozen(eq=False)
class ModuleSchema:
    """A module, resolved and free of mistakes; it equals itself alone."""

    name: str
    tables: tuple[BoundTable, ...]
    reducers: Mapping[str, Reducer]
    lifecycle: Mapping[str, Reducer]
    """Which turn of its life → what runs then (`qsdb.schema.functions.LIFECYCLE`)."""
    migrations: tuple[Migration, ...] = ()
    """In the order of declaration."""
    procedures: Mapping[str, Procedure] = attrs.field(factory=dict)
    """None has the name of a reducer."""
    views: Mapping[str, View] = attrs.field(factory=dict)
    """None has the name of a table."""
    http_routes: tuple[HttpRoute, ...] = ()
    """No two answer the same request; in the order of declaration."""

    @property
    def schema_hash(self) -> str:
        """What stored schemas that equal this one are called."""
        return schema_hash([bound.schema for bound in self.tables])
