"""A function's parameters: resolved once, checked by generated code at each call.

For ``def transfer(ctx, source: u32, target: u32, amount: u64 = 1)`` the
generated check reads::

    def check(source, target, amount=_default_amount, /…):
        if <source is doubtful>: source = _admit(source)
        …
        return (source, target, amount,)

It takes arguments as Python does (by place, by keyword, with defaults), so a
call costs what calling a function costs; what is wrong with a call is worked
out only after one has failed. The function is then run on what the check gave by
generated code too, which costs half of ``function(context, *values)``::

    def run(_context, _values):
        source, target, amount = _values
        return _function(_context, source, target, amount)
"""

import inspect
from collections.abc import Callable
from typing import NoReturn

import attrs

from qsdb.errors import ArgumentError, SchemaError, brief
from qsdb.schema.annotations import (
    MistakeError,
    ProductLookup,
    Scope,
    annotation_text,
    bind,
)
from qsdb.schema.bindings import Binding
from qsdb.schema.specifiers import MISSING
from qsdb.values.kinds import MismatchError
from qsdb.values.source import Names, compile_source

__all__ = ["Parameter", "Parameters", "resolve_parameters"]


@attrs.frozen
class Parameter:
    """One parameter of a reducer."""

    name: str
    annotation: str
    """As the user would write it."""
    binding: Binding
    default: object
    """As users see it, or `MISSING`."""


@attrs.frozen
class Parameters:
    """The parameters of a reducer, behind its context."""

    function_name: str
    parameters: tuple[Parameter, ...]
    check: Callable[..., tuple[object, ...]]
    """Takes arguments as the function does, gives them canonical, by place.

    Raises `ArgumentError` for a value and TypeError for a wrong call;
    `explain` turns the latter into an `ArgumentError`.
    """
    run: Callable[[object, tuple[object, ...]], object]
    """Takes a context and what `check` gave, and runs the function."""

    def explain(self, error: TypeError, args: tuple[object, ...]) -> NoReturn:
        """Say what is wrong with a call.

        Raises:
            ArgumentError: always; `error` itself if it is one.
        """
        if isinstance(error, ArgumentError):
            raise error
        names = [
            f"{each.name}: {each.annotation}"
            + ("" if each.default is MISSING else f" = {each.default!r}")
            for each in self.parameters
        ]
        text = str(error).removeprefix("check() ").replace("check()", "it")
        raise ArgumentError(
            f"{self.function_name}({', '.join(names)}): {text}"
            + (f" ({len(args)} given by place)" if args else "")
        ) from None


def resolve_parameters(
    function: Callable[..., object],
    scope: Scope,
    find_product: ProductLookup,
    what: str = "reducer",
) -> Parameters:
    """Resolve all parameters but the context.

    Args:
        function: Whose.
        scope: Where the names in annotations are looked up.
        find_product: Knows the product classes.
        what: What the function is, for messages.

    Raises:
        SchemaError: one sentence for each mistake, each naming function and
            parameter.
    """
    name = function.__name__
    mistakes: list[str] = []
    found = list(inspect.signature(function).parameters.values())
    if not found or found[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        raise SchemaError(f"{what} {name}: the first parameter must be the context")
    parameters: list[Parameter] = []
    for given in found[1:]:
        try:
            parameters.append(_parameter(given, scope, find_product, what))
        except MistakeError as mistake:
            mistakes.append(f"{what} {name}, parameter {given.name}: {mistake}")
        except SchemaError as error:
            mistakes += [
                f"{what} {name}, parameter {given.name}: {each}"
                for each in error.mistakes
            ]
    if mistakes:
        raise SchemaError(*mistakes)
    check = _compile_check(name, parameters)
    run = _compile_run(function, parameters)
    return Parameters(name, tuple(parameters), check, run)


def _parameter(
    given: inspect.Parameter, scope: Scope, find_product: ProductLookup, what: str
) -> Parameter:
    if given.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise MistakeError(f"a {what} takes no {given.kind.description} parameter")
    if given.name.startswith("_"):
        raise MistakeError("a parameter's name cannot begin with an underscore")
    if given.annotation is inspect.Parameter.empty:
        raise MistakeError("it needs an annotation: arguments are checked by it")
    annotation = scope.resolve(given.annotation)
    binding = bind(annotation, find_product, lists=True)
    default: object = MISSING
    if given.default is not inspect.Parameter.empty:
        try:
            default = binding.admit(given.default)
        except MismatchError as mismatch:
            raise MistakeError(
                f"the default {brief(mismatch.value)} is not {mismatch.admitted}"
            ) from None
    return Parameter(given.name, annotation_text(annotation), binding, default)


def _compile_check(
    function_name: str, parameters: list[Parameter]
) -> Callable[..., tuple[object, ...]]:
    names = Names()
    signature: list[str] = []
    lines: list[str] = []
    for parameter in parameters:
        name, binding = parameter.name, parameter.binding
        admit = names.bind(f"admit_{name}", _admitter(function_name, parameter))
        signature.append(name)
        if parameter.default is not MISSING:
            signature[-1] += f"={names.bind(f'default_{name}', parameter.default)}"
        lines.append(f"    if {binding.doubt(name, names)}: {name} = {admit}({name})")
    lines.insert(0, f"def check({', '.join(signature)}):")
    values = "".join(f"{parameter.name}, " for parameter in parameters)
    lines.append(f"    return ({values})")
    title = f"arguments of {function_name}"
    check = compile_source(title, "\n".join(lines), names)["check"]
    assert callable(check)
    return check


def _compile_run(
    function: Callable[..., object], parameters: list[Parameter]
) -> Callable[[object, tuple[object, ...]], object]:
    names = Names(function=function)
    variables = "".join(f"{parameter.name}, " for parameter in parameters)
    unpacked = f"    {variables}= _values" if parameters else ""
    source = f"""
def run(_context, _values):
{unpacked}
    return _function(_context, {variables})
"""
    title = f"call of {function.__name__}"
    run = compile_source(title, source, names)["run"]
    assert callable(run)
    return run


def _admitter(function_name: str, parameter: Parameter) -> Callable[[object], object]:
    """Give the slow path for one parameter: make canonical, or refuse."""
    admit, name = parameter.binding.admit, parameter.name

    def admit_or_refuse(value: object) -> object:
        try:
            return admit(value)
        except MismatchError as mismatch:
            raise ArgumentError(
                f"{function_name}(), argument {name}: {brief(mismatch.value)} "
                f"is not {mismatch.admitted}"
            ) from None

    return admit_or_refuse
