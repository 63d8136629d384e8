"""What is said to be one step is one: nothing comes into it.

**Strategy**: the instructions of each step are held against those of which it is known
that they neither call, nor loop, nor make objects that the collector looks at, on each
version of CPython that the tests run on. What such a step does is tried in
`tests.property.test_interleavings`.
"""

import ast
import dis
import inspect
import types
from collections.abc import Iterator

import pytest

from tests.support.steps import STEPS, Step, steps_in

KNOWN = {
    *("BINARY_OP", "BINARY_SUBSCR", "COMPARE_OP", "COPY", "IS_OP", "JUMP_FORWARD"),
    *("LOAD_ATTR", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_LOAD_FAST", "LOAD_GLOBAL"),
    *("POP_JUMP_FORWARD_IF_FALSE", "POP_JUMP_FORWARD_IF_TRUE"),  # 3.11
    *("POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "TO_BOOL"),  # later ones: forward too
    *("RETURN_CONST", "RETURN_VALUE", "STORE_ATTR", "SWAP"),
}
"""All that is added and compared is numbers, and what is taken out of are tuples."""


def instructions(module: types.ModuleType, step: Step) -> Iterator[str]:
    """Yield the names of a step's instructions."""
    source = inspect.getsource(module)
    statements = steps_in(module, ast.parse(source))[step]
    first, last = statements[0], statements[-1]
    if isinstance(last, ast.If):
        last = last.body[-1]
    begin, end = first.lineno, last.end_lineno
    assert end is not None
    codes = [compile(source, module.__name__, "exec")]
    while codes:
        code = codes.pop()
        codes += [each for each in code.co_consts if isinstance(each, types.CodeType)]
        for instruction in dis.get_instructions(code):
            positions = instruction.positions
            line = None if positions is None else positions.lineno
            if line is not None and begin <= line <= end:
                yield instruction.opname


@pytest.mark.parametrize(
    ("module", "step"),
    [(module, step) for module, steps in STEPS.items() for step in steps],
    ids=lambda each: each.begin if isinstance(each, Step) else each.__name__,
)
def test_nothing_comes_into_a_step(module: types.ModuleType, step: Step) -> None:
    found = {*instructions(module, step)}

    assert "STORE_ATTR" in found
    assert found <= KNOWN
