"""Exceptions as a signal handler raises them: at one step of a block, then the next.

A step is where CPython looks whether a signal has come: after a call, at the
beginning of a function and at the end of a loop's round. A trace function raises
there. Run a block again and again, each time interrupted one step later, until
nothing was left to interrupt::

    for step in itertools.count(1):
        interrupter = Interrupter(step, places)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            ...
        if not interrupter.place:
            break
"""

import contextlib
import dis
import gc
import itertools
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

__all__ = ["Interrupter", "needs_steps"]

needs_steps = pytest.mark.skipif(
    sys.version_info >= (3, 13),
    reason="a trace function of CPython 3.13 misses the opcodes of a function's first "
    "run, so most steps are passed over",
)
"""Marks tests that interrupt: what they find does not depend on the interpreter."""

CHECKED_AFTER = ("CALL", "RESUME", "JUMP_BACKWARD")
"""The instructions at whose end CPython runs signal handlers, by their beginnings."""


class Interrupter:
    """Raises `KeyboardInterrupt` at one step of a block.

    Attributes:
        place: Function and line where it was raised; empty if it was not.
        count: How many steps there were.
    """

    def __init__(self, step: int, places: tuple[str, ...]) -> None:
        """Prepare.

        Args:
            step: At which step to raise, from 1.
            places: Parts of the file names whose code is stepped through.
        """
        self._step = step
        self._places = places
        self.count = 0
        self.place = ""
        # Where a frame goes on after a check, unless an exception came.
        self._expected: dict[FrameType, int | None] = {}

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "call":
            if not any(place in frame.f_code.co_filename for place in self._places):
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            expected = self._expected.get(frame)
            self._expected[frame] = _checked_at(frame.f_code).get(frame.f_lasti)
            if frame.f_lasti == expected:
                self.count += 1
                if self.count == self._step:
                    self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                    raise KeyboardInterrupt
        return self._trace

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count steps, and raise, for the length of a block.

        Nothing is collected in it: what earlier blocks have left is not interrupted,
        for there the exception goes nowhere.
        """
        before = sys.gettrace()
        was_enabled = gc.isenabled()
        gc.disable()
        # CPython 3.12 gives opcodes only if a frame wanted them when tracing begins.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)
            self._expected.clear()
            if was_enabled:
                gc.enable()


_checked: dict[CodeType, dict[int, int]] = {}


def _checked_at(code: CodeType) -> dict[int, int]:
    """Give for each instruction with a check the place where the code goes on."""
    if code not in _checked:
        instructions = list(dis.get_instructions(code))
        _checked[code] = {
            each.offset: each.argval if each.opname == "JUMP_BACKWARD" else after.offset
            for each, after in itertools.pairwise(instructions)
            if each.opname.startswith(CHECKED_AFTER)
        }
    return _checked[code]
