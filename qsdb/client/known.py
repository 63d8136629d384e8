"""`Known`: what a client knows of a database: its tables and functions."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from qsdb.client.functions import RemoteFunction, remote_function
from qsdb.client.questions import Questions
from qsdb.errors import ArgumentError, NotFoundError, brief
from qsdb.runtime.row_filters import check_filters
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.modules import Module
from qsdb.schema.rows import Row
from qsdb.schema.system import system_tables
from qsdb.schema.views import ViewSchema

__all__ = ["Known", "known_of_module"]


@attrs.frozen(eq=False)
class Known:
    """What a client knows of a database.

    Attributes:
        name: Of the module.
        tables: Name → table or view, those of the system too.
        by_class: Row class → the table that was declared with it.
        functions: Name → function.
        by_function: The same, by the function that was declared.
        questions: Reads texts.
    """

    name: str
    tables: Mapping[str, BoundTable]
    by_class: Mapping[type[Row], BoundTable]
    functions: Mapping[str, RemoteFunction]
    by_function: Mapping[Callable[..., object], RemoteFunction]
    questions: Questions

    def function(self, given: object) -> RemoteFunction:
        """Find a function by its name, or by what was declared.

        Raises:
            NotFoundError: there is none.
            ArgumentError: it is neither a name nor a function.
        """
        found = None
        if isinstance(given, str):
            found = self.functions.get(given)
        elif callable(given):
            found = self.by_function.get(given)
        else:
            raise ArgumentError(
                f"a function is called by itself or by its name, not {brief(given)}"
            )
        if found is None:
            there = ", ".join(self.functions) or "none"
            raise NotFoundError(
                f"no reducer or procedure {brief(given)} in module {self.name}; there "
                f"are: {there}"
            )
        return found

    def names(self, *, reducers: bool) -> list[str]:
        """Give the names of the reducers, or procedures, that all may call."""
        return [
            name
            for name, each in self.functions.items()
            if each.is_reducer == reducers and not each.is_private
        ]

    def visible(
        self, *, private: bool
    ) -> tuple[Mapping[str, BoundTable], Mapping[type[Row], BoundTable]]:
        """Give what a cache may hold: tables by name, and by row class.

        Args:
            private: Whether private tables are among them.
        """
        by_name = {
            name: each
            for name, each in self.tables.items()
            if (private or each.schema.is_public) and not _takes_arguments(each)
        }
        by_class = {
            row_class: each
            for row_class, each in self.by_class.items()
            if each.schema.name in by_name
        }
        return by_name, by_class


def _takes_arguments(bound: BoundTable) -> bool:
    """Whether it is a view with arguments: its results may contradict each other."""
    return isinstance(bound.schema, ViewSchema) and bool(bound.schema.parameters)


def known_of_module(module: Module) -> Known:
    """Know what a module declares.

    Raises:
        SchemaError: the declaration is wrong.
    """
    compiled = module.compiled(check_filters)
    users = {bound.schema.name: bound for bound in compiled.tables}
    views = {name: view.bound for name, view in compiled.views.items()}
    system = {bound.schema.name: bound for _, bound in system_tables()}
    tables = {**users, **views, **system}
    declared: dict[str, Any] = {**compiled.reducers, **compiled.procedures}
    functions = {name: remote_function(name, each) for name, each in declared.items()}
    by_function: dict[Callable[..., object], RemoteFunction] = {}
    for name, each in declared.items():  # the module's own before those of others
        by_function.setdefault(each.function, functions[name])
    return Known(
        compiled.name,
        tables,
        _by_class(users),
        functions,
        by_function,
        Questions(tables),
    )


def _by_class(tables: Mapping[str, BoundTable]) -> Mapping[type[Row], BoundTable]:
    """Give the table that was declared with each class.

    It is the first of the module's own, or that of the only mounted module with any.
    """
    several: dict[type[Row], dict[str, BoundTable]] = {}
    for name, each in tables.items():
        namespace, _, _ = name.rpartition(".")
        several.setdefault(each.row_class, {}).setdefault(namespace, each)
    return {
        row_class: next(iter(found.values()))
        for row_class, found in several.items()
        if "" in found or len(found) == 1
    }
