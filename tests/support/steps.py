"""What `qsdb.store.pins` says is done in one step, and where it stands.

CPython hands the interpreter over to another thread, and runs signal handlers, only
after calls and at the ends of loops. So a stretch of code without either is a step that
nothing comes into.
"""

import ast
from types import ModuleType

import attrs

from qsdb.store import pins, transactions

__all__ = ["STEPS", "Step", "steps_in"]


@attrs.frozen
class Step:
    """One such stretch.

    Attributes:
        begin: Something in the first line of its first statement, and in no other's.
        end: The same of its last one, if that is another.
        looks_at: The source of a dict that it looks at, besides the store.
    """

    begin: str
    end: str = ""
    looks_at: str = "None"

    def place_in(self, statements: list[ast.stmt]) -> tuple[int, int] | None:
        """Give the numbers of its first and last statement, if it is among these.

        What stands behind the ``else`` of its first one is none of it.
        """
        texts = [ast.unparse(each).partition("\n")[0] for each in statements]
        begins = [n for n, text in enumerate(texts) if self.begin in text]
        if not begins:
            return None
        (first,) = begins
        if not self.end:
            return first, first
        ends = [n for n, text in enumerate(texts) if self.end in text]
        return (first, ends[0]) if ends else None


STEPS: dict[ModuleType, tuple[Step, ...]] = {
    pins: (
        Step("if self.pin is not pin", "if pins and pins[-1] is pin", "pin.undo"),
        Step("and pin is self.spare"),
        Step("self.pins, self.spare =", "pin.offset = self.offset"),
    ),
    transactions: (Step("if not (store.pins or store.is_looked_at)"),),
}
"""All of them, by the module that they are in."""


def steps_in(module: ModuleType, tree: ast.Module) -> dict[Step, list[ast.stmt]]:
    """Find the statements of each step of a module; all are there."""
    found: dict[Step, list[ast.stmt]] = {}
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            statements = getattr(node, name, None)
            if not isinstance(statements, list):
                continue
            for step in STEPS.get(module, ()):
                place = step.place_in(statements)
                if place is not None:
                    found[step] = statements[place[0] : place[1] + 1]
    assert found.keys() == {*STEPS.get(module, ())}, "a step that is not there"
    return found
