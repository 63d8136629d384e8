"""A function's parameters: resolved once, checked by generated code at each call.

For ``def transfer(ctx, source: u32, target: u32, amount: u64 = 1)`` the
generated check reads::

    def check(source, target, amount=_default_amount, /…):
        if <source is doubtful>: source = _admit(source)
        …
        return (source, target, amount,)

It takes arguments as Python does (by place, by keyword, with defaults), so a
call costs what calling a function costs; what is wrong with a call is worked
out only after one has failed. Most calls give all arguments by place, in a tuple
that is there already, and nothing is doubtful; ``check(*values)`` would cost them
twice that::

    def take(_values):
        try:
            source, target, amount = _values
        except ValueError:
            return _check(*_values)
        if <any is doubtful>: return _check(*_values)
        return _values

The function is then run on what the check gave by generated code too, which costs
half of ``function(context, *values)``::

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
    """One parameter of a function."""

    name: str
    annotation: str
    """As the user would write it."""
    binding: Binding
    default: object
    """As users see it, or `MISSING`."""


@attrs.frozen
class Parameters:
    """The parameters of a function, behind its context."""

    function_name: str
    parameters: tuple[Parameter, ...]
    check: Callable[..., tuple[object, ...]]
    """Takes arguments as the function does, gives them canonical, by place.

    Raises `ArgumentError` for a value and TypeError for a wrong call;
    `explain` turns the latter into an `ArgumentError`.
    """
    take: Callable[[tuple[object, ...]], tuple[object, ...]]
    """The same of arguments that all are given by place, as a tuple."""
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
    sort: str = "reducer",
) -> Parameters:
    """Resolve all parameters but the context.

    Args:
        function: It.
        scope: Where the names in its annotations are looked up.
        find_product: Finds what classes are as kinds.
        sort: What the function is, in a word, for what is said about it.

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
        raise SchemaError(f"{sort} {name}: the first parameter must be the context")
    parameters: list[Parameter] = []
    for given in found[1:]:
        try:
            parameters.append(_parameter(given, scope, find_product, sort))
        except MistakeError as mistake:
            mistakes.append(f"{sort} {name}, parameter {given.name}: {mistake}")
        except SchemaError as error:
            mistakes += [
                f"{sort} {name}, parameter {given.name}: {each}"
                for each in error.mistakes
            ]
    if mistakes:
        raise SchemaError(*mistakes)
    check, take = _compile_checks(name, parameters)
    run = _compile_run(function, parameters)
    return Parameters(name, tuple(parameters), check, take, run)


def _parameter(
    given: inspect.Parameter, scope: Scope, find_product: ProductLookup, sort: str
) -> Parameter:
    if given.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise MistakeError(f"a {sort} takes no {given.kind.description} parameter")
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


def _compile_checks(
    function_name: str, parameters: list[Parameter]
) -> tuple[Callable[..., tuple[object, ...]], Callable[..., tuple[object, ...]]]:
    names = Names(ValueError=ValueError)
    signature: list[str] = []
    lines: list[str] = []
    doubts: list[str] = []
    for parameter in parameters:
        name, binding = parameter.name, parameter.binding
        admit = names.bind(f"admit_{name}", _admitter(function_name, parameter))
        signature.append(name)
        if parameter.default is not MISSING:
            signature[-1] += f"={names.bind(f'default_{name}', parameter.default)}"
        doubts.append(f"({binding.doubt(name, names)})")
        lines.append(f"    if {doubts[-1]}: {name} = {admit}({name})")
    lines.insert(0, f"def check({', '.join(signature)}):")
    values = "".join(f"{parameter.name}, " for parameter in parameters)
    lines.append(f"    return ({values})")
    title = f"arguments of {function_name}"
    check = compile_source(title, "\n".join(lines), names)["check"]
    assert callable(check)
    names.bind("check", check)
    # Without parameters the pattern is an empty tuple, which takes an empty tuple.
    source = f"""
def take(_values):
    try:
        ({values}) = _values
    except _ValueError:
        return _check(*_values)
    if {" or ".join(doubts) or "False"}: return _check(*_values)
    return _values
"""
    take = compile_source(title, source, names)["take"]
    assert callable(take)
    return check, take


def _compile_run(
    function: Callable[..., object], parameters: list[Parameter]
) -> Callable[[object, tuple[object, ...]], object]:
    names = Names(function=function)
    variables = "".join(f"{parameter.name}, " for parameter in parameters)
    unpacked = f"    {variables}= _values" if parameters else ""
    given = "".join(f"{_given(parameter, names)}, " for parameter in parameters)
    source = f"""
def run(_context, _values):
{unpacked}
    return _function(_context, {given})
"""
    title = f"call of {function.__name__}"
    run = compile_source(title, source, names)["run"]
    assert callable(run)
    return run


def _given(parameter: Parameter, names: Names) -> str:
    """Give the source of what a function is given for an argument.

    Of what it can change it is given a copy, since the argument is logged when the
    function has run.
    """
    binding = parameter.binding
    if not binding.is_mutable:
        return parameter.name

    def copied(value: object) -> object:
        return binding.leave(binding.enter(value))

    return f"{names.bind(f'own_{parameter.name}', copied)}({parameter.name})"


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
