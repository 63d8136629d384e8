"""Functions of a module: reducers, and those that run at turns of its life.

(Those that may wait are in `qsdb.schema.procedures`.)

A declaration is checked little where it stands; `compile_reducer` and
`compile_lifecycle` resolve its annotations when the module is compiled, and gather
mistakes. A *lifecycle function* is a reducer that takes the context alone, and that
nobody calls: the database does, when its turn has come.

=======================  =======================================================
lifecycle function       runs in the transaction
=======================  =======================================================
``init``                 that creates the database
``client_connected``     that notes a client which connects; raising refuses it
``client_disconnected``  that takes the note away, when the client has gone
=======================  =======================================================
"""

import inspect
from collections.abc import Callable
from typing import Any

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.annotations import MistakeError, Scope, annotation_text, bind
from qsdb.schema.bindings import Binding
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.parameters import Parameters, resolve_parameters
from qsdb.schema.rows import find_record

__all__ = [
    "CONNECTED",
    "DISCONNECTED",
    "INIT",
    "LIFECYCLE",
    "DeclaredFunction",
    "Function",
    "Reducer",
    "compile_lifecycle",
    "compile_reducer",
    "declare",
    "resolved",
    "resolved_parameters",
]

Function = Callable[..., object]

INIT, CONNECTED, DISCONNECTED = LIFECYCLE = (
    "init",
    "client_connected",
    "client_disconnected",
)
"""What a module has at most one function for."""


@attrs.frozen(eq=False)
class Reducer:
    """A function that runs as one transaction."""

    name: str
    function: Function
    parameters: Parameters
    is_private: bool
    check: Callable[..., tuple[object, ...]]
    take: Callable[[tuple[object, ...]], tuple[object, ...]]
    run: Callable[[object, tuple[object, ...]], object]
    """These are those of the parameters, at hand."""
    returns: Binding | None = None
    """What it gives, by its annotation; None where that is missing, or no kind: then
    there is nothing to tell to clients of a server."""


@attrs.define
class DeclaredFunction:
    """A function as it was declared.

    Attributes:
        function: It.
        scope: Where the names in its annotations are looked up.
        is_private: Whether it is hidden from all but the owner, as given.
        parameters: Once they are resolved; the scope has been let go then.
        returns: What it gives, if that has a kind, likewise.
    """

    function: Function
    scope: Scope
    is_private: object = False
    parameters: Parameters | None = None
    returns: Binding | None = None


def declare(
    function: Function,
    *,
    depth: int,
    is_private: object = False,
    sort: str = "reducer",
    check: Callable[[object], None] | None = None,
) -> DeclaredFunction:
    """Note a function.

    Args:
        function: It.
        depth: How many frames above the caller the declaration stands.
        is_private: Whether it is hidden from all but the owner, as given.
        sort: What it is, in a word, for what is said about it.
        check: Raises SchemaError for what can never be run; if not given, for what
            does not run in one go.

    Raises:
        SchemaError: it can never run as one transaction.
    """
    if check is None:
        _check_runs_in_one_go(function, sort)
    else:
        check(function)
    wrapped = inspect.unwrap(function)  # the annotations are those of its module
    scope = Scope(function.__qualname__, depth + 1, wrapped.__globals__)
    return DeclaredFunction(function, scope, is_private)


def _check_runs_in_one_go(function: object, sort: str) -> None:
    any_one = sort if sort in LIFECYCLE else f"a {sort}"
    if not inspect.isfunction(function):
        raise SchemaError(f"{any_one} is a plain function, not {brief(function)}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError(
            f"{sort} {function.__name__} is a coroutine; {any_one} runs in one go "
            "under the writer lock and cannot await"
        )
    if inspect.isgeneratorfunction(function):
        raise SchemaError(
            f"{sort} {function.__name__} is a generator; a call would run nothing"
        )


def compile_reducer(declared: DeclaredFunction, mistakes: list[str]) -> Reducer | None:
    """Resolve a reducer; None, and mistakes noted, where that cannot be."""
    parameters = resolved(declared, "reducer", ReducerContext, mistakes)
    if parameters is None:
        return None
    function = declared.function
    return Reducer(
        function.__name__,
        function,
        parameters,
        declared.is_private is True,
        parameters.check,
        parameters.take,
        parameters.run,
        declared.returns,
    )


def resolved(
    declared: DeclaredFunction,
    sort: str,
    context: type,
    mistakes: list[str],
) -> Parameters | None:
    """Resolve a function that is called by its name; None if there are mistakes.

    Args:
        declared: The function.
        sort: What it is, in a word, for what is said about it.
        context: The class of what it is given first.
        mistakes: Takes what is wrong.
    """
    name, is_private = declared.function.__name__, declared.is_private
    if not name.isidentifier():
        mistakes.append(f"{sort} {name}: it needs a name to be called by")
        return None
    parameters = resolved_parameters(declared, sort, context, mistakes)
    if type(is_private) is not bool:
        mistakes.append(f"{sort} {name}, private: {brief(is_private)} is not a bool")
        return None
    return parameters


def resolved_parameters(
    declared: DeclaredFunction,
    sort: str,
    context: type,
    mistakes: list[str],
) -> Parameters | None:
    """Resolve the parameters of a function, once, as `resolved` does."""
    function = declared.function
    if declared.parameters is None:
        declared.returns = _returned(function, declared.scope)
        try:
            parameters = resolve_parameters(function, declared.scope, find_record, sort)
        except SchemaError as error:
            mistakes += error.mistakes
            return None
        fault = _fault_of_context(declared, context)
        if fault is not None:
            mistakes.append(f"{sort} {function.__name__}, the context: {fault}")
            return None
        declared.parameters = parameters
        declared.scope.let_go()
    return declared.parameters


def _fault_of_context(declared: DeclaredFunction, context: type) -> str | None:
    """Say why a function cannot be given a context, by its annotation, or None.

    It needs none, and may have one that only type checkers understand.
    """
    first = next(iter(inspect.signature(declared.function).parameters.values()))
    if first.annotation is inspect.Parameter.empty:
        return None
    try:
        annotation = declared.scope.resolve(first.annotation)
    except MistakeError:
        return None
    given = getattr(annotation, "__origin__", annotation)
    is_open = given is Any or getattr(given, "_is_protocol", False)
    if is_open or not isinstance(given, type) or issubclass(context, given):
        return None
    return f"it is a qsdb.{context.__name__}, not {annotation_text(annotation)}"


def _returned(function: Function, scope: Scope) -> Binding | None:
    """Read what a function gives; it may be anything, since callers may be near."""
    annotation = inspect.signature(function).return_annotation
    if annotation is inspect.Signature.empty:
        return None
    try:
        return bind(scope.resolve(annotation), find_record, lists=True)
    except (MistakeError, SchemaError):
        return None


def compile_lifecycle(
    turn: str, declared: DeclaredFunction, mistakes: list[str]
) -> Reducer | None:
    """Resolve a lifecycle function, likewise.

    Args:
        turn: Which one of `LIFECYCLE`.
        declared: It.
        mistakes: Takes what is wrong.
    """
    found = compile_reducer(declared, mistakes)
    if found is not None and found.parameters.parameters:
        mistakes.append(f"{turn} {found.name}: it takes the context and nothing else")
    return found
