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

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.annotations import MistakeError, Scope, bind
from qsdb.schema.bindings import Binding
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
        is_private: Whether it is hidden from all but the owner.
        parameters: Once they are resolved; the scope has been let go then.
        returns: What it gives, if that has a kind, likewise.
    """

    function: Function
    scope: Scope
    is_private: bool = False
    parameters: Parameters | None = None
    returns: Binding | None = None


def declare(
    function: Function,
    *,
    depth: int,
    is_private: bool = False,
    check: Callable[[object], None] | None = None,
) -> DeclaredFunction:
    """Note a function.

    Args:
        function: It.
        depth: How many frames above the caller the declaration stands.
        is_private: Whether it is hidden from all but the owner.
        check: Raises SchemaError for what can never be run; that of reducers if not
            given.

    Raises:
        SchemaError: it can never run as one transaction.
    """
    (_check_reducer if check is None else check)(function)
    wrapped = inspect.unwrap(function)  # the annotations are those of its module
    scope = Scope(function.__qualname__, depth + 1, wrapped.__globals__)
    return DeclaredFunction(function, scope, is_private)


def _check_reducer(function: object) -> None:
    if not inspect.isfunction(function):
        raise SchemaError(f"a reducer is a plain function, not {function!r}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise SchemaError(
            f"reducer {function.__name__} is a coroutine; a reducer runs in one go "
            "under the writer lock and cannot await"
        )
    if inspect.isgeneratorfunction(function):
        raise SchemaError(
            f"reducer {function.__name__} is a generator; a call would run nothing"
        )


def compile_reducer(declared: DeclaredFunction, mistakes: list[str]) -> Reducer | None:
    """Resolve a reducer; None, and mistakes noted, where that cannot be."""
    parameters = resolved(declared, "reducer", mistakes)
    if parameters is None:
        return None
    function = declared.function
    return Reducer(
        function.__name__,
        function,
        parameters,
        declared.is_private,
        parameters.check,
        parameters.take,
        parameters.run,
        declared.returns,
    )


def resolved(
    declared: DeclaredFunction, sort: str, mistakes: list[str]
) -> Parameters | None:
    """Resolve the parameters of a function, once; None if there are mistakes.

    Args:
        declared: The function.
        sort: What it is, in a word, for what is said about it.
        mistakes: Takes what is wrong.
    """
    function = declared.function
    if not function.__name__.isidentifier():
        mistakes.append(f"{sort} {function.__name__}: it needs a name to be called by")
        return None
    if declared.parameters is None:
        declared.returns = _returned(function, declared.scope)
        try:
            parameters = resolve_parameters(function, declared.scope, find_record, sort)
        except SchemaError as error:
            mistakes += error.mistakes
            return None
        declared.parameters = parameters
        declared.scope.let_go()
    return declared.parameters


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
