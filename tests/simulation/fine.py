"""Switch points between any two statements of what is done without a lock.

Readers look through notes while the writer moves them, the log thread and those who
commit look at each other's fields: there CPython may switch between any two steps, and
switch points at locks alone would never show it. So the functions of some modules have
a second code, with a call of `switch` before each statement, which a fine run puts in
their place. That code is made once, from the text that counts: with a planted bug, or
without.
"""

import ast
import contextlib
import functools
import types
from collections.abc import Iterator, Sequence

from qsdb.log import waiting, writing
from qsdb.runtime import delivery, subscriptions, writer
from qsdb.store import images, indexes, pins, reading, transactions
from qsdb.store import writing as store_writing
from tests.simulation.tasks import World
from tests.support.mutants import Mutant, codes_of, mutated, source_of
from tests.support.steps import STEPS, Step

__all__ = ["MODULES", "finely", "planting"]

MODULES: tuple[types.ModuleType, ...] = (
    *(images, indexes, pins, reading, transactions, store_writing),
    *(waiting, writing, delivery, subscriptions, writer),
)

_worlds: list[World] = []
_planted: dict[types.ModuleType, str] = {}


def switch() -> None:
    """Let others go on, perhaps."""
    world = _worlds[-1]
    if not world.is_doomed and world.current is not None:
        world.switch()


class _WithSwitches(ast.NodeTransformer):
    """Puts a switch before each statement of each function, but none into a step."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        # Nothing is to go on in the middle of a finalizer; and what is kept by a cache
        # is done in one run, and not in the next.
        is_cached = any(ast.unparse(each) == "derived" for each in node.decorator_list)
        if node.name != "__del__" and not is_cached:
            self._fill(node)
        return node

    def _fill(self, node: ast.AST) -> None:
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [*self._with_switches(statements)])
        for handler in getattr(node, "handlers", []):
            self._fill(handler)

    def _with_switches(self, statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        places = [each.place_in(statements) for each in self._steps]
        spans = [range(place[0], place[1] + 1) for place in places if place]
        for number, each in enumerate(statements):
            span = next((span for span in spans if number in span), None)
            if span is not None and number > span[0]:
                yield each
                continue
            if isinstance(each, ast.Nonlocal | ast.Global):
                yield each
                continue
            if not (
                isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
            ):
                call = ast.Call(ast.Name("_switch", ast.Load()), [], [])
                yield ast.copy_location(ast.Expr(call), each)
            if isinstance(each, ast.FunctionDef):
                yield each
                continue
            if span is None:
                self._fill(each)
            elif isinstance(each, ast.If):
                each.orelse = [*self._with_switches(each.orelse)]
            yield each


@functools.cache
def _fine_codes(
    module: types.ModuleType, source: str
) -> list[tuple[types.FunctionType, types.CodeType]]:
    return codes_of(module, source, _WithSwitches(STEPS.get(module, ())).visit)


@contextlib.contextmanager
def finely(world: World) -> Iterator[None]:
    """Have switch points between statements, for the length of a block."""
    before: list[tuple[types.FunctionType, types.CodeType]] = []
    _worlds.append(world)
    try:
        for module in MODULES:
            vars(module)["_switch"] = switch
            source = _planted.get(module) or source_of(module)
            for function, code in _fine_codes(module, source):
                before.append((function, function.__code__))
                function.__code__ = code
        yield
    finally:
        for function, code in before:
            function.__code__ = code
        for module in MODULES:
            vars(module).pop("_switch", None)
        _worlds.pop()


@contextlib.contextmanager
def planting(*mutants: Mutant) -> Iterator[None]:
    """Have fine runs know of bugs that are planted, for the length of a block."""
    for module in {mutant.module for mutant in mutants}:
        here = [mutant for mutant in mutants if mutant.module is module]
        _planted[module] = mutated(here)
    try:
        yield
    finally:
        _planted.clear()
