"""`MigrationDeclaring`: the part of a `Module` by which it has migrations."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, overload

from qsdb.errors import SchemaError
from qsdb.schema.declarations import Declarations
from qsdb.schema.migrations import MigrationContext, declare_migration
from qsdb.schema.rows import Row
from qsdb.schema.specifiers import MISSING

__all__ = ["MigrationDeclaring"]

_Migrate = Callable[[MigrationContext], None]


class MigrationDeclaring:
    """What functions are declared on that fill tables from the old ones."""

    _declared: Declarations

    @overload
    def migration(
        self,
        /,
        *,
        from_: str | Sequence[str] | None,
        tables: Sequence[type[Row] | str] = ...,
        drop: Sequence[str] = ...,
    ) -> Callable[[_Migrate], _Migrate]: ...

    @overload
    def migration(self, function: _Migrate, /) -> NoReturn: ...

    def migration(
        self,
        function: object = None,
        /,
        *,
        from_: Any = MISSING,
        tables: Any = (),
        drop: Any = (),
    ) -> Any:
        """Have a function run once, when a database is migrated to this module.

        It fills tables with what no rule can make of the old rows:
        `qsdb.schema.migrations` says when it runs, and what it finds.

        Args:
            function: None: the decorator does not stand without brackets.
            from_: The hash of the stored schema that it leads from, or several;
                None for any from which one of `tables` cannot be converted.
            tables: The tables that it fills, by class or name. They begin empty.
            drop: Names of stored tables that the module has no more: they may go
                with their rows.

        Raises:
            SchemaError: the function is a coroutine or a generator, or it stands in
                the place of the words. Other mistakes are told when a database is
                opened.
        """
        if function is not None:
            name = getattr(function, "__name__", function)
            raise SchemaError(
                f"migration {name}: write @module.migration(from_=…, tables=[…]); it "
                "must say from which schema it leads"
            )

        def note(function: _Migrate) -> _Migrate:
            declared = declare_migration(function, from_, tables, drop)
            self._declared.migrations.append(declared)
            return function

        return note
