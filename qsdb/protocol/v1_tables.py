"""`V1TableEncoder`: what one query gives, as bytes for all its subscribers of v1.

A part of an update is, for each query::

    table_id u32 │ table_name str │ num_rows u64 │ 1 │ 00 │ deletes │ inserts

Deletes stand first here, inserts in v2. The 00 says that the row lists are not
compressed; they never are. The 1 counts what follows it: in a message the parts of one
table are one (`joined`), for clients look at each by itself, and would take a row that
several queries have for one that changed several times. See `qsdb.protocol.tables` for
the idea.
"""

from collections.abc import Callable, Sequence
from typing import Any, NewType

from qsdb.codec.bsatn import encoder, reader
from qsdb.protocol.fields import product
from qsdb.protocol.row_lists import row_list_encoder
from qsdb.protocol.tables import UpdateEncoder
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import STR, U8, U32, U64, Stored

__all__ = ["V1EncodedUpdate", "V1TableEncoder", "joined"]

V1EncodedUpdate = NewType("V1EncodedUpdate", bytes)
"""How the rows of a table changed, for one query."""

_HEAD = {"id": U32, "name": STR, "rows": U64, "count": U32}
_encode_head = encoder(product("TableUpdate", **_HEAD, compression=U8))
_encode_joined_head = encoder(product("TableUpdate", **_HEAD))
_read_head: Callable[[bytes, int], tuple[Any, int]] = reader(
    product("TableUpdate", **_HEAD)
)


class V1TableEncoder(UpdateEncoder[V1EncodedUpdate]):
    """Encodes the rows of one query, each update once; see `TableEncoder` of v2."""

    __slots__ = ("_encode", "table", "table_id")

    def __init__(self, table_id: int, table: str, kind: ProductKind) -> None:
        """Compile.

        Args:
            table_id: A number for the table; clients only pass it on.
            table: The name of the table.
            kind: Of its rows.
        """
        self.table_id, self.table = table_id, table
        self._encode = row_list_encoder(kind)

    def changes(
        self, inserts: Sequence[Stored], deletes: Sequence[Stored]
    ) -> V1EncodedUpdate:
        """Encode rows that came and went."""
        count = len(inserts) + len(deletes)
        head = _encode_head((self.table_id, self.table, count, 1, 0))
        return V1EncodedUpdate(head + self._encode(deletes) + self._encode(inserts))


def joined(parts: Sequence[V1EncodedUpdate]) -> Sequence[V1EncodedUpdate]:
    """Give parts with those of one table as one, where the first of them was.

    Cost: nothing for a single part.
    """
    if len(parts) < 2:
        return parts
    by_table: dict[tuple[int, str], list[tuple[V1EncodedUpdate, int, int]]] = {}
    for part in parts:
        (table_id, table, rows, _), position = _read_head(part, 0)
        by_table.setdefault((table_id, table), []).append((part, rows, position))
    return [_joined(table, several) for table, several in by_table.items()]


def _joined(
    table: tuple[int, str], several: list[tuple[V1EncodedUpdate, int, int]]
) -> V1EncodedUpdate:
    rows = sum([rows for _, rows, _ in several])
    head = _encode_joined_head((*table, rows, len(several)))
    bodies = [part[position:] for part, _, position in several]
    return V1EncodedUpdate(b"".join([head, *bodies]))
