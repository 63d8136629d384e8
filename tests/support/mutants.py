"""Planted bugs: a library module with one piece of its text exchanged.

A mutant is compiled from the module's own text, and its code is put into the
functions and methods that are there already, so that whoever imported them gets
the planted bug and, when the block ends, the real thing again::

    with planted(Mutant(module, "a < b", "a <= b")):
        ...

The text must occur exactly once: a mutant that has gone stale says so, and does
not pass for one that was caught.

`patched` is the same for any change of the code, which is how the interleaving
tests look inside.
"""

import ast
import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Iterator

import attrs

from tests.support.optimized import StrippingLoader

__all__ = [
    "Mutant",
    "MutantError",
    "codes_of",
    "mutated",
    "patched",
    "planted",
    "source_of",
]

Change = Callable[[ast.Module], ast.Module]


class MutantError(Exception):
    """The planted bug does not fit the text that it is to be planted in."""


@attrs.frozen
class Mutant:
    """One bug: in `module`, `text` is replaced by `other`."""

    module: types.ModuleType
    text: str
    other: str


@contextlib.contextmanager
def planted(*mutants: Mutant) -> Iterator[None]:
    """Have the library wrong in these places for the length of a block.

    Raises:
        MutantError: a text does not occur exactly once, or changes no code.
    """
    with contextlib.ExitStack() as stack:
        for module in {mutant.module for mutant in mutants}:
            here = [mutant for mutant in mutants if mutant.module is module]
            stack.enter_context(patched(module, mutated(here)))
        yield


def mutated(mutants: list[Mutant]) -> str:
    """Give the text of a module with mutants of it planted."""
    source = source_of(mutants[0].module)
    for mutant in mutants:
        count = source.count(mutant.text)
        if count != 1:
            raise MutantError(
                f"{mutant.module.__name__} has this {count} times: {mutant.text!r}"
            )
        source = source.replace(mutant.text, mutant.other)
    return source


@contextlib.contextmanager
def patched(
    module: types.ModuleType, source: str, change: Change = lambda tree: tree
) -> Iterator[None]:
    """Put the code of another text into a module's functions and methods.

    Raises:
        MutantError: there is no difference.
    """
    pairs = codes_of(module, source, change)
    if not pairs:
        raise MutantError(f"{module.__name__} is the same as before")
    originals = [(function, function.__code__) for function, _ in pairs]
    try:
        for function, code in pairs:
            function.__code__ = code
        _forget_what_is_cached(module)
        yield
    finally:
        for function, code in originals:
            function.__code__ = code
        _forget_what_is_cached(module)


def _forget_what_is_cached(module: types.ModuleType) -> None:
    """Have what functions of a module gave before, or with a bug, made anew."""
    for each in vars(module).values():
        if isinstance(each, functools._lru_cache_wrapper):
            each.cache_clear()


def codes_of(
    module: types.ModuleType, source: str, change: Change = lambda tree: tree
) -> list[tuple[types.FunctionType, types.CodeType]]:
    """Give the functions and methods of a module that another text has otherwise."""
    tree = ast.fix_missing_locations(change(ast.parse(source)))
    other = types.ModuleType(module.__name__)
    other.__dict__.update(vars(module))
    optimize = 1 if isinstance(module.__loader__, StrippingLoader) else -1
    title = f"<mutant of {module.__name__}>"
    exec(compile(tree, title, "exec", optimize=optimize), other.__dict__)
    return [
        (function, code)
        for name, function in _functions(module)
        if not _is_same(function.__code__, code := _code_of(other, name))
    ]


@functools.cache
def source_of(module: types.ModuleType) -> str:
    """Give the text of a module."""
    return inspect.getsource(module)


def _functions(
    module: types.ModuleType,
) -> Iterator[tuple[tuple[str, ...], types.FunctionType]]:
    """Yield the functions and methods that a module defines, with their names."""
    for name, member in vars(module).items():
        if getattr(member, "__module__", None) != module.__name__:
            continue
        if isinstance(member, type):
            for attribute, each in vars(member).items():
                method = _bare(each)
                if method is not None:
                    yield (name, attribute), method
            continue
        function = _bare(member)
        if function is not None:
            yield (name,), function


def _bare(member: object) -> types.FunctionType | None:
    """Give the function inside a class member, if it is one of the module's."""
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, staticmethod | classmethod):
        member = member.__func__
    member = inspect.unwrap(member) if callable(member) else member
    return member if isinstance(member, types.FunctionType) else None


def _code_of(module: types.ModuleType, name: tuple[str, ...]) -> types.CodeType:
    member = vars(module)[name[0]]
    function = _bare(vars(member)[name[1]] if len(name) == 2 else member)
    assert function is not None
    return function.__code__


def _is_same(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two pieces of code do the same; where they stand is no matter."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_is_same_constant, one.co_consts, other.co_consts))
    )


def _is_same_constant(one: object, other: object) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return _is_same(one, other)
    return type(one) is type(other) and one == other
