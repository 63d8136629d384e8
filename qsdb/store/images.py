"""Pre-images: the one structure behind rollback, net change and stable reads.

One writer at a time changes rows in place. Before it changes the row under a
key for the first time, it notes what was there::

    pre[key] = old row, or None where there was none       rule 1: first this,
    rows[key] = new row                                    then that

From this dict everything else follows. *Rollback* puts the noted rows back.
The *net change* of a transaction is each noted row beside the row that is there
now, equal pairs dropped. A *read transaction* sees rows as they were at its
offset by looking through the notes::

    rows ──► layers of the open transaction ──► undo of the newest pin ──► … ──► own pin
    newest                                                              oldest
         a reader looks from new to old, and the last hit wins                rule 2

A `Pin` stands for an offset that somebody reads at. When a transaction ends, its
notes go to the undo of the *newest* pin, since all who read at or before it need
them; without a pin they are dropped, so that nobody pays for readers that are
not there. When a pin is given up, its undo goes to the next older one.

Readers take no lock. They are right because information is copied to the older
place before it leaves the newer one:

3. at commit, notes are merged into the newest undo before `layers` is emptied;
4. on rollback too: rows are restored, notes merged, and only then is `layers`
   emptied, since a reader may hold a row that was never committed;
5. a pin that is given up is merged into the older one before it is unlinked;
6. a table that changed says so in `changed_at` before `layers` is emptied, on
   rollback too: a reader that took a live row, and after that finds no layers
   and no change since its offset, needs no notes.

A merge never replaces what the older place has: that is older and so right.
Every step on a shared dict is one C call, atomic under the interpreter lock
while keys are built-ins. The *publication lock* is held by whoever moves notes
or pins, for as long as that takes, and never while user code runs. Where it can be done
in one step it is done without, which is most of the time (`qsdb.store.pins`).

A savepoint is a layer more: what the block changes is noted in a dict of its
own, which is merged into the one below when the block ends, either way.

A pin may be *given up* while somebody reads there (`qsdb.store.limits`). Then rule 6
would be wrong for it, so all tables say that they have changed; and whoever looks
through the notes asks the pin at last whether it was given up meanwhile.

Who writes beside the one writer reads like this too, and is validated against the
same notes: `qsdb.store.optimistic`. Source: HyPer's undo buffers (SIGMOD 2015), with
one undo for each pin in place of one for each commit.
"""

from collections.abc import Iterator, Sequence

from qsdb.errors import KindError
from qsdb.schema.modules import BoundTable
from qsdb.schema.system import USER_IDS_FIRST
from qsdb.store.draws import Draws
from qsdb.store.indexes import HashIndex, OrderedIndex, UniqueIndex
from qsdb.store.operations import canonical_row
from qsdb.store.orders import StoredRow, index_functions, key_function

__all__ = ["AnyIndex", "Images", "StoredTable", "make_index", "merge"]

Images = dict[object, StoredRow | None]
"""Row key → the row that was there, or None."""

AnyIndex = UniqueIndex | HashIndex | OrderedIndex


def merge(older: Images, newer: Images) -> None:
    """Copy images to an older place, which keeps what it has."""
    if older:
        for key, image in newer.items():
            older.setdefault(key, image)
    else:
        older.update(newer)


class StoredTable:
    """One table's rows, indexes and notes.

    Attributes:
        bound: Its schema and row class.
        table_id: Its number in the catalogue.
        rows: Row key → stored row. Never replaced, and changed by the writer.
        layers: The notes of the open transaction, savepoints last; else ().
        indexes: As in the schema, in its order. Replaced as a whole where an
            exception cut a write in two.
        sequences: The next value of each generated column, in column order.
        settled_sequences: The same at the last commit.
        draws: What is drawn of them by transactions that may not commit.
        count: Number of rows at the last commit.
        changed_at: While `layers` is empty, live rows are right for pins at
            this offset and at later ones.
        is_event: Whether rows are told with their commit, and never kept.
        is_interrupted: Whether an exception cut a write in two, so that indexes
            must be made anew.
        written: How many rows commits have touched since the database was opened.
    """

    __slots__ = (
        "bound",
        "changed_at",
        "count",
        "draws",
        "indexes",
        "is_event",
        "is_interrupted",
        "layers",
        "rows",
        "sequences",
        "settled_sequences",
        "table_id",
        "written",
    )

    def __init__(self, bound: BoundTable, table_id: int = 0) -> None:
        """Begin empty."""
        schema = bound.schema
        self.bound = bound
        self.table_id = table_id
        self.rows: dict[object, StoredRow] = {}
        self.layers: tuple[Images, ...] = ()
        self.indexes = tuple(_make_indexes(bound))
        columns = enumerate(schema.columns)
        self.draws = Draws([place for place, each in columns if each.auto_inc])
        self.sequences = [1] * len(self.draws.places)
        self.settled_sequences = tuple(self.sequences)
        self.is_event = schema.is_event
        self.count = self.changed_at = self.written = 0
        self.is_interrupted = False

    @property
    def is_system(self) -> bool:
        """Whether it is one of those that describe the others."""
        return 0 < self.table_id < USER_IDS_FIRST

    def adopt(self, rows: dict[object, StoredRow], sequences: Sequence[int]) -> None:
        """Begin with what was stored, while nobody reads; the dict is the table's."""
        self.rows = rows
        self.sequences[:] = sequences
        self.settled_sequences = tuple(sequences)
        self.count = len(rows)
        for index in self.indexes:
            index.add_many(rows.values())

    def restore(self, images: Images) -> None:
        """Put rows back as `images` has them, with their index entries."""
        rows = self.rows
        # An index that was cut in two may be past mending: it is made anew.
        indexes = () if self.is_interrupted else self.indexes
        # And if an exception cuts this in two, it will be.
        self.is_interrupted = True
        for key, old in images.items():
            now = rows.get(key)
            if now is old:
                continue
            if now is not None:
                for index in indexes:
                    index.remove(now)
            if old is None:
                rows.pop(key, None)
                continue
            rows[key] = old
            for index in indexes:
                index.add(old)
        if indexes is not self.indexes:
            self._rebuild_indexes()
        self.is_interrupted = False

    def _rebuild_indexes(self) -> None:
        """Put new indexes in the place of the old, which readers may be using."""
        indexes = tuple(_make_indexes(self.bound))
        for index in indexes:
            index.add_many(self.rows.values())
        self.indexes = indexes

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each broken rule; for a table nobody writes to."""
        name, schema = self.bound.schema.name, self.bound.schema
        broken = list(self._problems_of_rows())
        yield from broken
        # Entries of rows that are none may not even compare.
        indexes = zip(schema.indexes, self.indexes, strict=True)
        for index, each in () if broken else indexes:
            for problem in each.problems(self.rows.values()):
                yield f"table {name}, index {index.accessor}: {problem}"
        if self.count != len(self.rows):
            yield f"table {name}: {len(self.rows)} rows, counted {self.count}"
        if self.is_event and self.rows:
            yield f"table {name}: {len(self.rows)} rows, though it is an event table"
        if self.layers:
            yield f"table {name}: notes of a transaction that has ended"

    def _problems_of_rows(self) -> Iterator[str]:
        schema = self.bound.schema
        key_of, canonical = key_function(self.bound), canonical_row(self.bound)
        for key, row in self.rows.items():
            if (key_of(row),) != (key,):  # in a tuple, where NaN equals itself
                yield f"table {schema.name}: {row!r} stands under the key {key!r}"
            try:
                # By their texts, since 1 == 1.0 == True.
                is_canonical = repr(canonical(row)) == repr(row)
            except KindError as error:
                yield str(error)
                continue
            if not is_canonical:
                yield f"table {schema.name}: {row!r} is not in canonical form"


def make_index(bound: BoundTable, number: int) -> AnyIndex:
    """Make one of a table's indexes, empty."""
    index, function = bound.schema.indexes[number], index_functions(bound)[number]
    if index.algorithm == "btree":
        return OrderedIndex(function)
    if index.algorithm == "unique":
        return UniqueIndex(key_function(bound), function, len(index.columns))
    return HashIndex(key_function(bound), function)


def _make_indexes(bound: BoundTable) -> Iterator[AnyIndex]:
    for number in range(len(bound.schema.indexes)):
        yield make_index(bound, number)
