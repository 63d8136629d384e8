"""Which functions write records: plain ones at first, generated ones where often used.

A function that is generated for a table, or for a reducer and a table, writes a record
in a third of the time (`qsdb.log.packing`). Making it takes as long as a thousand
records, under the writer lock; so that is left until a table was written to some times.
"""

import abc
import functools
from typing import TypeVar

from qsdb.codec.bsatn import encoder
from qsdb.log.recording import (
    CallWriter,
    RecordWriter,
    SectionWriter,
    call_writer,
    plain_record_writer,
    plain_section_writer,
    record_writer,
    section_writer,
)
from qsdb.recovery.state import row_kind
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.functions import Reducer
from qsdb.schema.tables import TableSchema
from qsdb.store.images import StoredTable
from qsdb.values.kinds import Stored

__all__ = ["OFTEN", "Records", "Sections"]

OFTEN = 16
"""So often a plain function writes about a table before one is generated."""

W = TypeVar("W", RecordWriter, SectionWriter)


class _Writers(dict[StoredTable, W], abc.ABC):
    """Table → what writes about it; made when it is asked for, by one at a time."""

    def __init__(self) -> None:
        self._plain: dict[StoredTable, tuple[W, int]] = {}

    def __missing__(self, stored: StoredTable) -> W:
        plain, count = self._plain.get(stored) or (self._make_plain(stored), 0)
        if count >= OFTEN:
            try:
                self[stored] = write = self._generate(stored, plain)
            except RecursionError:  # the stack is deep; it will not always be
                return plain
            self._plain.pop(stored, None)
            return write
        self._plain[stored] = plain, count + 1
        return plain

    @abc.abstractmethod
    def _make_plain(self, stored: StoredTable) -> W: ...

    @abc.abstractmethod
    def _generate(self, stored: StoredTable, plain: W) -> W: ...


class Sections(_Writers[SectionWriter]):
    """What writes the sections of each table."""

    def _make_plain(self, stored: StoredTable) -> SectionWriter:
        return _plain_sections(stored.table_id, stored.bound.schema)

    def _generate(self, stored: StoredTable, _: SectionWriter) -> SectionWriter:
        return _sections(stored.table_id, stored.bound.schema)


class Records(_Writers[RecordWriter]):
    """What writes the calls of a reducer about each table.

    Attributes:
        call: Writes those about several tables.
    """

    def __init__(self, reducer: Reducer) -> None:
        """Prepare for the calls of a reducer."""
        super().__init__()
        self.call = _call_writer(reducer)
        self._reducer = reducer

    def _make_plain(self, stored: StoredTable) -> RecordWriter:
        sections = _plain_sections(stored.table_id, stored.bound.schema)
        return plain_record_writer(self.call, sections)

    def _generate(self, stored: StoredTable, plain: RecordWriter) -> RecordWriter:
        reducer, row = self._reducer, row_kind(stored.bound.schema)
        enter = [each.binding.enter_source for each in reducer.parameters.parameters]
        call = reducer.name, parameters_kind(reducer), enter
        return record_writer(call, (stored.table_id, row), plain)


# Made once for each schema, however often a module is published or opened.


@functools.lru_cache(maxsize=512)
def _plain_sections(table_id: int, schema: TableSchema) -> SectionWriter:
    return plain_section_writer(table_id, row_kind(schema), schema.primary_key)


@functools.lru_cache(maxsize=512)
def _sections(table_id: int, schema: TableSchema) -> SectionWriter:
    return section_writer(table_id, row_kind(schema), schema.primary_key)


def _call_writer(reducer: Reducer) -> CallWriter:
    """Give what writes calls with checked arguments, as the reducer gets them."""
    kind = parameters_kind(reducer)
    bindings = [each.binding for each in reducer.parameters.parameters]
    if all(binding.is_plain for binding in bindings):
        return call_writer(reducer.name, kind)
    encode = encoder(kind)

    def encode_arguments(values: tuple[object, ...]) -> bytes:
        entered: list[Stored] = [
            binding.enter(value)
            for binding, value in zip(bindings, values, strict=True)
        ]
        return encode(tuple(entered))

    return call_writer(reducer.name, kind, encode_arguments)
