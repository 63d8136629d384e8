"""Signatures of functions in a Python source: parameters, defaults, and results."""

from collections.abc import Sequence
from typing import TypeVar

from qsdb.generate.python_types import ClassDeclarations, NoLiteralError, literal
from qsdb.schema.functions import Reducer
from qsdb.schema.parameters import Parameter, Parameters
from qsdb.schema.procedures import Procedure
from qsdb.schema.specifiers import MISSING
from qsdb.schema.views import View

F = TypeVar("F", bound=Reducer | Procedure | View)

__all__ = ["inside", "own_name", "parameter_texts", "returned_text"]


def inside(functions: Sequence[F], path: str) -> list[F]:
    """Give the functions of what is mounted by a path; empty for the outermost."""
    return [each for each in functions if each.name.rpartition(".")[0] == path]


def returned_text(function: Reducer | Procedure, classes: ClassDeclarations) -> str:
    """Write what a function gives."""
    if function.returns is None:
        return "None"
    return classes.annotation(function.returns.kind, as_parameter=True)


def parameter_texts(parameters: Parameters, classes: ClassDeclarations) -> list[str]:
    """Write parameters, with the defaults that can be written."""
    given = parameters.parameters
    defaults = _defaults(given)
    return [
        f"{each.name}: "
        + classes.annotation(each.binding.kind, as_parameter=True)
        + ("" if default is None else f" = {default}")
        for each, default in zip(given, defaults, strict=True)
    ]


def own_name(parameters: Parameters) -> str:
    """Give the name of a method's first parameter, which no other has."""
    is_taken = any(each.name == "self" for each in parameters.parameters)
    return "_" if is_taken else "self"


def _defaults(parameters: Sequence[Parameter]) -> list[str | None]:
    """Give defaults as literals: of the last parameters, as far as all have one."""
    found: list[str | None] = [None] * len(parameters)
    for place in reversed(range(len(parameters))):
        default = parameters[place].default
        if default is MISSING:
            break
        try:
            found[place] = literal(default)
        except NoLiteralError:
            break
    return found
