"""A directory that writes down what is asked of it.

>>> from qsdb.testing.disk.simulated import SimulatedDirectory
>>> traced = TracedDirectory(SimulatedDirectory())
>>> file = traced.create("log")
>>> traced.calls.clear()
>>> file.write(0, b"frame")
5
>>> file.sync()
>>> traced.steps()
[('write', 'log', 0, 5), ('sync', 'log', 0, 0)]
"""

from collections.abc import Callable
from typing import TypeVar

from qsdb.files import Directory
from qsdb.testing.disk.interposed import Call, InterposedDirectory, Operation

__all__ = ["TracedDirectory"]

T = TypeVar("T")


class TracedDirectory(InterposedDirectory):
    """Writes down each call before it is done, also one that fails then.

    Attributes:
        calls: All calls since the beginning, or since a test cleared the list.
    """

    def __init__(self, inner: Directory) -> None:
        """Stand before a directory."""
        super().__init__(inner)
        self.calls: list[Call] = []

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        self.calls.append(call)
        return perform()

    def steps(self) -> list[tuple[Operation, str, int, int]]:
        """Give operation, name, position and size of each call, to be compared."""
        return [
            (call.operation, call.name, call.position, call.size)
            for call in list(self.calls)
        ]
