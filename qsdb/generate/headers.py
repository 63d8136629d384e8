"""The lines above generated sources: what they are, and which command made them.

A command is told as it can be typed again, without where its output went, so that the
same module gives the same file wherever it is written.
"""

from collections.abc import Mapping
from typing import TypeVar

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.functions import Reducer
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.procedures import Procedure

__all__ = ["header_lines", "seen_functions", "seen_tables"]

F = TypeVar("F", Reducer, Procedure)


def header_lines(module: ModuleSchema, what: str, command: str) -> list[str]:
    """Give the lines, without the marks of a comment.

    Args:
        module: What the source is made of.
        what: What it is, in a few words.
        command: What made it.
    """
    shown = " ".join(command.split())  # it stays one line, whatever was typed
    name = " ".join(module.name.split())
    return [f"{what} of the module {name}.", f"Made by: {shown}", "Do not edit it."]


def seen_tables(module: ModuleSchema, *, private: bool) -> list[BoundTable]:
    """Give the tables and views that a source has.

    Args:
        module: It.
        private: Whether those are among them that only the owner sees.
    """
    bounds = [*module.tables, *[each.bound for each in module.views.values()]]
    return [each for each in bounds if private or each.schema.is_public]


def seen_functions(functions: Mapping[str, F], *, private: bool) -> list[F]:
    """Give the functions that a source has, likewise."""
    return [each for each in functions.values() if private or not each.is_private]
