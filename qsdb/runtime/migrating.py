"""`Migrating`: what a database does with modules: plan one, and publish it.

`Database` is derived from it, so these are its methods.
"""

from collections.abc import Collection
from typing import Any, cast

from qsdb.errors import ArgumentError, ReadOnlyError, brief
from qsdb.runtime.on_disk import OnDisk
from qsdb.runtime.publishing import Publisher
from qsdb.runtime.read_only import ReadOnlyWriter
from qsdb.runtime.row_filters import check_filters
from qsdb.schema.modules import Module, ModuleSchema
from qsdb.schema.plans import MigrationPlan

__all__ = ["Migrating"]


class Migrating(OnDisk):
    """The part of a `Database` that has to do with its module."""

    _publisher: Publisher

    def plan(self, module: Module, *, drop: Collection[str] = ()) -> MigrationPlan:
        """Say what `publish` would do, and do nothing; ``print(plan)`` shows it.

        Args:
            module: The module.
            drop: Names of tables that may go although they have rows.

        Raises:
            SchemaError: it cannot be published; with everything that rules or the data
                have against it, and up to 10 offending groups of rows for each.
            ArgumentError: it is no module, or `drop` has no names.
            ClosedError: the database is closed.

        Cost: O(rows) where a rule looks at them, else O(columns).
        """
        schema, names = _checked(module, drop)
        self._require_open()
        return self._publisher.plan(schema, names)

    def publish(
        self,
        module: Module,
        allow_breaking: bool = False,  # noqa: FBT001, FBT002  the contract has it by place too
        *,
        drop: Collection[str] = (),
    ) -> MigrationPlan:
        """Have another module in the place of the one that there is, while it runs.

        In one commit the tables become those of the module, its migrations run, and
        from then on its functions are called; ``init`` is not run. Whoever reads goes
        on with the tables that they have. Live queries and connections go on, and know
        the new tables. If nothing changes that is stored, only functions are exchanged,
        and that is no commit. When it returns the commit is on the disk. A callback may
        publish too.

        Args:
            module: The module; several databases may have the same.
            allow_breaking: Whether it may have changes that clients cannot go on with.
                Then all connections are closed, and live queries end of which a table
                has other columns.
            drop: Names of tables that may go although they have rows.

        Returns:
            What was done.

        Raises:
            SchemaError: it cannot be, with everything that is against it, or it would
                disconnect clients. Here and below nothing has changed.
            Whatever a function of the module's migrations raises.
            ArgumentError: an argument is of a wrong kind.
            ReadOnlyError: the database is only read.
            DiskFull: there is no room for it.
            FailedError: it cannot be written; or it is published, and may not last.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.

        Cost: O(rows) of tables with other columns or indexes, in time and memory,
        under the writer lock; some milliseconds without.
        """
        schema, names = _checked(module, drop)
        _check_bool(allow_breaking)
        self._require_open()
        if isinstance(self._writer, ReadOnlyWriter):
            raise ReadOnlyError(
                "a database opened with read_only=True publishes nothing; its writer "
                "has to do it"
            )
        return self._publisher.publish(
            schema, allow_breaking=allow_breaking, drop=names
        )


def _check_bool(allow_breaking: object) -> None:
    if type(allow_breaking) is not bool:
        given = brief(allow_breaking)
        raise ArgumentError(f"allow_breaking is a bool, not {given}")


def _checked(module: object, drop: object) -> tuple[ModuleSchema, frozenset[str]]:
    if not isinstance(module, Module):
        raise ArgumentError(f"a database has a qsdb.Module, not {brief(module)}")
    is_list = isinstance(drop, Collection) and not isinstance(drop, str)
    names: list[Any] = [*cast(Collection[Any], drop)] if is_list else [drop]
    if not is_list or not all(isinstance(each, str) for each in names):
        raise ArgumentError(f"drop is a list of names of tables, not {brief(drop)}")
    return module.compiled(check_filters), frozenset(names)
