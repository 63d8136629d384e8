"""Generates the operations of a table whose writes wait for the commit.

As `qsdb.store.operations`, but for what a write does in the end: a row goes to the
buffer (`_put`) and not to the table, whether its unique values are free is looked up
(`_require_free`), and generated numbers are drawn (`_draw`).
"""

from collections.abc import Iterator

from qsdb.store.mistakes import limiter
from qsdb.store.operations import Source
from qsdb.values.kinds import IntKind

__all__ = ["BufferedSource"]


class BufferedSource(Source):
    """Writes the source of one table's operations."""

    def insert_many(self) -> Iterator[str]:
        """``insert_many(rows)``: look at every row, then insert one by one."""
        yield from self._take_rows()
        yield from self._unpack("        ")
        yield from self._canonicalise("        ", keep_row=True)
        yield "        entered.append(row)"
        yield "    return self._insert_all(entered)"

    def _generate(self, indent: str, sequences: str, given: str) -> Iterator[str]:
        for number, place in enumerate(self.generated):
            kind = self.schema.columns[place].kind
            assert isinstance(kind, IntKind)
            limit = self.names.bind(f"limit{place}", limiter(self.schema, place))
            yield f"{indent}if _type(v{place}) is _int and v{place} == 0:"
            yield f"{indent}    v{place} = self._draw({number})"
            yield f"{indent}    if v{place} > {kind.greatest}: {limit}(self)"
            yield f"{indent}    stored = ({self.variables})"
            yield f"{indent}    row = _tuple_new(_row_class, stored)"

    def _check_unique(self, indent: str) -> Iterator[str]:
        for number, index in enumerate(self.schema.indexes):
            if index.algorithm == "unique":
                yield f"{indent}self._require_free({number}, stored, key)"

    def _store(self, indent: str, old: str) -> Iterator[str]:
        yield f"{indent}self._put(key, stored, {old})"

    def _advance_sequences(self, indent: str) -> Iterator[str]:
        for number, place in enumerate(self.generated):
            yield f"{indent}if v{place} >= self._least[{number}]:"
            yield f"{indent}    if self._hold.depth: self._note_least()"
            yield f"{indent}    self._least[{number}] = v{place} + 1"
