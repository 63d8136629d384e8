"""The arguments of a call, out of JSON: an array by place, or an object by name.

The body of ``POST /v1/database/…/call/send`` is ``["general", "hi"]`` or ``{"room":
"general", "text": "hi"}``. Parameters with a default may be left out: at the end of an
array, anywhere in an object. Nothing else is forgiven.

Errors name the function, the argument, the way to what is wrong inside of it, the value
and the bound: ``move(), argument path at [3].x: 300 is not an int from 0 to 255``.
"""

from collections.abc import Callable
from typing import NoReturn

from qsdb.codec.json_faults import JsonFaultError, shown_json
from qsdb.codec.json_leaves import JsonReader
from qsdb.codec.json_text import TEXT_BYTES_MAX, JsonTextError, read_json
from qsdb.codec.sats_json import json_reader
from qsdb.errors import ArgumentError, brief
from qsdb.schema.parameters import Parameter, Parameters
from qsdb.schema.specifiers import MISSING

__all__ = ["ArgumentsReader", "arguments_reader"]

ArgumentsReader = Callable[[bytes | str], tuple[object, ...]]
"""Takes the text of a call's arguments, and gives them by place, as users see them."""


def arguments_reader(
    parameters: Parameters, *, bytes_max: int = TEXT_BYTES_MAX
) -> ArgumentsReader:
    """Give the function that reads the arguments of a function of a module.

    It raises `ArgumentError`, and nothing else. What it gives is checked and canonical:
    what `Parameters.check` would give. Keep it as long as the module.

    Args:
        parameters: Of the function.
        bytes_max: How long a text may be.

    Raises:
        LimitError: a parameter's kind nests more than 64 levels deep.
    """
    function = parameters.function_name
    readers = [(each, json_reader(each.binding.kind)) for each in parameters.parameters]

    def read_arguments(text: bytes | str) -> tuple[object, ...]:
        try:
            data = read_json(text, bytes_max=bytes_max)
        except JsonTextError as error:
            raise ArgumentError(f"{function}(), arguments as JSON: {error}") from None
        match data:
            case list():
                given = _by_place(parameters, data)
            case dict():
                given = _by_name(parameters, data)
            case _:
                wrong = f"{shown_json(data)} is no array and no object of them"
                raise ArgumentError(f"{function}(), arguments as JSON: {wrong}")
        pairs = zip(readers, given, strict=True)
        return tuple(
            [_argument(function, each, read, value) for (each, read), value in pairs]
        )

    return read_arguments


def _by_place(parameters: Parameters, data: list[object]) -> list[object]:
    expected = parameters.parameters
    if len(data) > len(expected):
        _refuse(parameters, f"{len(data)} given, at most {len(expected)} are taken")
    rest = expected[len(data) :]
    for each in rest:
        if each.default is MISSING:
            _refuse(parameters, f"{len(data)} given, {each.name} is missing")
    return [*data, *[MISSING] * len(rest)]


def _by_name(parameters: Parameters, data: dict[str, object]) -> list[object]:
    expected = parameters.parameters
    names = [each.name for each in expected]
    for name in data:
        if name not in names:
            _refuse(parameters, f"there is no {brief(name)}")
    for each in expected:
        if each.default is MISSING and each.name not in data:
            _refuse(parameters, f"{each.name} is missing")
    return [data.get(name, MISSING) for name in names]


def _refuse(parameters: Parameters, reason: str) -> NoReturn:
    shown = [
        f"{each.name}: {each.annotation}"
        + ("" if each.default is MISSING else f" = {each.default!r}")
        for each in parameters.parameters
    ]
    call = f"{parameters.function_name}({', '.join(shown)})"
    raise ArgumentError(f"{call}, arguments: {reason}")


def _argument(
    function: str, parameter: Parameter, read: JsonReader, value: object
) -> object:
    """Read one argument, or give its default."""
    if value is MISSING:
        return parameter.default
    try:
        return parameter.binding.leave(read(value))
    except JsonFaultError as fault:
        at = f" at {fault.path}" if fault.steps else ""
        wrong = f"{shown_json(fault.value)} is not {fault.admitted}"
        where = f"{function}(), argument {parameter.name}{at}"
        raise ArgumentError(f"{where}: {wrong}") from None
