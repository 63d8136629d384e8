"""Steps of a plan, as people read them before they say yes.

A step is one thing that changes, on one line. What it costs stands behind it: that
clients are disconnected, or that data is given up.
"""

from collections.abc import Sequence

import attrs

from qsdb.values.source import printable

__all__ = ["MigrationStep", "step_lines"]


@attrs.frozen
class MigrationStep:
    """One thing that changes, in words."""

    subject: str
    """What it is about: ``"table user"``."""
    text: str
    """What becomes of it: ``"column name is removed"``."""
    breaks: str = ""
    """Why clients are disconnected; empty where they stay."""
    loses: str = ""
    """What data is given up; empty where none is."""

    @property
    def is_breaking(self) -> bool:
        """Whether clients are disconnected."""
        return bool(self.breaks)

    def __str__(self) -> str:
        """Give it as one sentence."""
        return printable(f"{self.subject}: {self.text}{self.price}")

    @property
    def price(self) -> str:
        """What it costs, in brackets."""
        parts = [f"loses {self.loses}"] if self.loses else []
        parts += [f"disconnects clients: {self.breaks}"] if self.breaks else []
        return f" ({'; '.join(parts)})" if parts else ""


def step_lines(steps: Sequence[MigrationStep]) -> list[str]:
    r"""Give a line for each step, texts below each other, a mark where it breaks.

    >>> steps = MigrationStep("table a", "is added"), MigrationStep("view bc", "is new")
    >>> print("\n".join(step_lines(steps)))
        table a  is added
        view bc  is new
    """
    width = max([len(printable(step.subject)) for step in steps], default=0)
    return [
        f"  {'!' if step.breaks else ' '} {printable(step.subject):{width}}  "
        f"{printable(step.text + step.price)}"
        for step in steps
    ]
