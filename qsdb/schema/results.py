"""`Result`: what a query or a statement gives, for programs and for people."""

import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["Result"]

SHOWN_ROWS_MAX = 50
"""So many rows a result shows of itself; a program sees all."""


class Result:
    """Rows: of the table's class, where whole rows were asked for, or named tuples.

    Attributes:
        columns: The names of the columns, as the query has them.
        rows: The rows.
        rows_affected: How many rows a statement inserted, changed or deleted; None
            of a query.
    """

    __slots__ = ("columns", "rows", "rows_affected")

    def __init__(
        self,
        columns: tuple[str, ...],
        rows: Sequence[Any],
        rows_affected: int | None = None,
    ) -> None:
        """Keep what was found."""
        self.columns = columns
        self.rows = rows
        self.rows_affected = rows_affected

    def __iter__(self) -> Iterator[Any]:
        """Give the rows one by one."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.rows)

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401  a row of any class
        """Give the row at a place."""
        return self.rows[place]

    def to_dicts(self) -> list[dict[str, object]]:
        """Give each row as a dict: column → value as users see it."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def __repr__(self) -> str:
        """Say what it is."""
        if self.rows_affected is not None:
            return f"<Result: {_counted(self.rows_affected)} affected>"
        return f"<Result: {_counted(len(self.rows))} of {', '.join(self.columns)}>"

    def __str__(self) -> str:
        """Give a table to look at."""
        if self.rows_affected is not None:
            return f"{_counted(self.rows_affected)} affected"
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join([f"{cell:<{n}}" for cell, n in zip(row, widths, strict=True)])
            for row in cells
        ]
        lines.insert(1, "  ".join(["─" * width for width in widths]))
        lines += self._rest()
        return "\n".join([line.rstrip() for line in lines])

    def _repr_html_(self) -> str:
        """Give a table for notebooks."""
        if self.rows_affected is not None:
            return f"<p>{self}</p>"
        head, *body = [[html.escape(cell) for cell in row] for row in self._cells()]
        lines = [f"<tr>{''.join([f'<th>{cell}</th>' for cell in head])}</tr>"]
        lines += [
            f"<tr>{''.join([f'<td>{cell}</td>' for cell in row])}</tr>" for row in body
        ]
        rest = "".join([f"<p>{line}</p>" for line in self._rest()])
        return f"<table>{''.join(lines)}</table>{rest}"

    def _cells(self) -> list[list[str]]:
        """Give the head and the rows that are shown, as texts."""
        shown = self.rows[:SHOWN_ROWS_MAX]
        return [[*self.columns], *[[_cell(value) for value in row] for row in shown]]

    def _rest(self) -> list[str]:
        """Say how many rows are not shown."""
        left = len(self.rows) - SHOWN_ROWS_MAX
        return [f"… and {_counted(left)} more"] if left > 0 else []

    @property
    def __arrow_c_stream__(self) -> Callable[..., object]:
        """Give the rows to Arrow, by way of pyarrow.

        Raises:
            AttributeError: pyarrow is not installed; so `hasattr` tells.
        """
        try:
            import pyarrow  # type: ignore[import-not-found]  # noqa: PLC0415  few need it
        except ImportError:
            raise AttributeError("a Result streams to Arrow by pyarrow") from None
        columns = {
            name: [row[place] for row in map(tuple, self.rows)]
            for place, name in enumerate(self.columns)
        }
        give: Callable[..., object] = pyarrow.table(columns).__arrow_c_stream__
        return lambda requested_schema=None: give(requested_schema)


def _cell(value: object) -> str:
    return "NULL" if value is None else f"{value}".replace("\n", "⏎")


def _counted(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"
