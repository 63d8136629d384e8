"""`LiveResult`: a template with its values, which is what is kept current.

All who ask the same share one. What it is made of is its template's matter: a query on
tables (`qsdb.live.operators`), or a tree above several (`qsdb.live.derived`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from qsdb.live.differences import Difference
from qsdb.live.routing import Reader
from qsdb.live.tables import Before, Now, Pair
from qsdb.sql.readable import Readable
from qsdb.values.kinds import Stored

__all__ = ["AnyTemplate", "LiveResult"]


class AnyTemplate(Protocol):
    """What live queries share who ask the same but for constants.

    Attributes:
        key: Equal for equal templates.
        tables: The names of its tables.
        results: Values → the live query for them.
    """

    key: object
    tables: list[str]
    results: "dict[tuple[Stored, ...], LiveResult]"

    def wishes(self) -> set[tuple[str, int]]:
        """Give the indexes that it needs: table and column."""
        ...

    def readers(self, owner: "LiveResult") -> list[Reader]:
        """Give the readers of a live query, one for each table."""
        ...

    def begin(
        self, values: tuple[Stored, ...], now: Mapping[str, Readable]
    ) -> "LiveResult":
        """Make the live query for some values."""
        ...

    def change(
        self,
        values: tuple[Stored, ...],
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how a result changes with a commit."""
        ...

    def asked_twice(
        self,
        values: tuple[Stored, ...],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference | None:
        """Say the same by asking after the commit and before it; None if it cannot."""
        ...


class LiveResult:
    """A template with its values: what all who ask the same share.

    Attributes:
        template: The template.
        values: For its places.
        readers: Of its tables.
        takes_all: Whether it is rows of one table, and all that its reader is told
            concerns it.
        subscribers: Who is told; in the order in which they came.
        evaluations: In how many commits it was looked at.
        changes: How many of them changed it.
    """

    __slots__ = (
        *("__weakref__", "changes", "evaluations"),
        *("readers", "subscribers", "takes_all", "template", "values"),
    )

    def __init__(self, template: AnyTemplate, values: tuple[Stored, ...]) -> None:
        """Prepare; the engine enters the readers."""
        self.template = template
        self.values = values
        self.subscribers: dict[Any, None] = {}
        self.evaluations = self.changes = 0
        self.readers = template.readers(self)
        self.takes_all = False

    def change(
        self,
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how it changes with a commit: see `Template.change`."""
        return self.template.change(self.values, concerned, now, before)

    def doubt(self) -> None:
        """Take in that the last change may come again."""

    def drift(self, now: Mapping[str, Now]) -> str | None:
        """Say how what is kept differs from what is; None if it does not."""
        return None
