"""Generates a table's hot operations: get, insert, update, upsert, insert_many.

The shape of the source, for ``id: u64 = primary_key(); balance: i64``::

    def update(self, row):
        if _type(row) is not _row_class: _refuse_row(self, row)
        v0, v1, = row
        stored = (v0, v1, )
        if <v0 or v1 is doubtful>:                   # v0 less so: it is looked up
            stored = _canonical(stored)              # or KindError
            v0, v1, = stored
            row = _tuple_new(_row_class, stored)
        key = v0
        find = self._find
        old = find(key)
        if old is None: _missing(stored)
        pre = self._pre
        if key not in pre: pre[key] = old            # rule 1: first the image,
        self._rows[key] = stored                     # then the row
        return row

`_find` is the bound ``rows.get``. When the transaction ends it is replaced by a
function that raises `ClosedError`, so the check that a handle is still open costs
nothing. The rest about rows is in `qsdb.store.writing`.

In a read transaction ``get`` takes the live row, and looks further where rule 6
of `qsdb.store.images` does not say that this row is right.
"""

from collections.abc import Callable, Iterator

from qsdb.errors import KindError
from qsdb.schema.modules import BoundTable, derived
from qsdb.schema.row_source import ALL
from qsdb.schema.specifiers import MISSING
from qsdb.store.mistakes import limiter, misser, refuser, refuser_of_rows, taker
from qsdb.store.orders import StoredRow, generated_key, key_source
from qsdb.values.kinds import IntKind, MismatchError
from qsdb.values.source import Names, compile_source

__all__ = ["Source", "canonical_row", "read_operations", "write_operations"]


def read_operations(bound: BoundTable, *, is_live: bool = False) -> dict[str, object]:
    """Generate what a table has that is only read: name → function.

    Args:
        bound: The table.
        is_live: Whether the live row is always the right one.
    """
    if not bound.schema.primary_key:
        return {}
    names = Names(MISSING=MISSING, row_class=bound.row_class, tuple_new=tuple.__new__)
    source = "\n".join(Source(bound, names).get(is_live=is_live))
    namespace = compile_source(f"table {bound.schema.name}, read", source, names)
    return {"get": namespace["get"]}


def write_operations(
    bound: BoundTable, writes: "type[Source] | None" = None
) -> dict[str, object]:
    """Generate what the write transaction has: name → function.

    Args:
        bound: The table.
        writes: What writes the source, if it is for another transaction.
    """
    schema, canonical = bound.schema, canonical_row(bound)
    names = Names(
        ALL=ALL,
        MISSING=MISSING,
        TypeError=TypeError,
        canonical=canonical,
        iter=iter,
        missing=misser(bound, canonical),
        refuse_row=refuser(bound),
        refuse_rows=refuser_of_rows(bound),
        row_class=bound.row_class,
        stored_of=tuple.__getitem__,
        taken=taker(bound),
        tuple_new=tuple.__new__,
    )
    writer = (writes or Source)(bound, names)
    lines = [*writer.insert("insert", generate=True), *writer.insert_many()]
    if writer.generated:
        lines += writer.insert("insert_given", generate=False)
    if schema.primary_key:
        lines += [*writer.get(is_live=True), *writer.update(), *writer.upsert()]
    namespace = compile_source(f"table {schema.name}", "\n".join(lines), names)
    operations = ("get", "insert", "insert_many", "update", "upsert")
    members = {name: namespace[name] for name in operations if name in namespace}
    as_given = namespace.get("insert_given", namespace["insert"])
    return {**members, "_insert_given": as_given}


class Source:
    """Writes the source of one table's operations."""

    def __init__(self, bound: BoundTable, names: Names) -> None:
        self.bound = bound
        self.schema = bound.schema
        self.names = names
        self.key = key_source(self.schema).replace("row", "stored")
        self.variables = "".join(f"v{n}, " for n in range(len(self.schema.columns)))
        self.generated = [
            place for place, each in enumerate(self.schema.columns) if each.auto_inc
        ]

    def get(self, *, is_live: bool) -> Iterator[str]:
        """``get(key)``: one look-up, and a row of the user's class.

        Args:
            is_live: Whether the live row is always the right one.
        """
        places = self.schema.primary_key
        given = [f"k{n}" for n in range(len(places))]
        # One more than there are, to tell of it; but no *extra, which costs a tuple.
        entered, doubts, more = [], ["extra is not _MISSING"], []
        parameters = ", ".join(f"{each}=_MISSING" for each in (*given, "extra"))
        yield f"def get(self, {parameters}):"
        for variable, place in zip(given, places, strict=True):
            binding = self.bound.shape.columns[place].binding
            if not binding.is_plain:
                yield f"    e{variable} = {binding.enter_source(variable, self.names)}"
            entered.append(variable if binding.is_plain else f"e{variable}")
            doubts.append(f"({binding.kind.key_doubt(entered[-1], self.names)})")
            more.append(f"({binding.kind.suspicion(entered[-1], self.names)})")
        key = entered[0] if len(entered) == 1 else f"({', '.join(entered)})"
        yield f"    if not ({' or '.join(doubts)}):"
        if is_live:
            yield "        find = self._find"
            yield f"        row = find({key})"
        else:
            yield "        live = self._live"
            yield f"        row = live({key})"
            yield "        stored = self._stored"
            yield "        if stored.layers or stored.changed_at > self._offset:"
            yield f"            row = self._find({key})"
        yield "        if row is not None: return _tuple_new(_row_class, row)"
        # Of a key that no row has it is yet to be seen whether any could have it.
        yield f"        if not ({' or '.join(more)}): return None"
        yield f"    row = self._find(self._key(({', '.join(given)}, extra)))"
        yield "    return row if row is None else _tuple_new(_row_class, row)"

    def insert(self, name: str, *, generate: bool) -> Iterator[str]:
        """``insert(row)``; without `generate`, a generated column may stay 0."""
        yield f"def {name}(self, row):"
        yield from self._enter("    ", generate=generate)
        yield "    find = self._find"
        yield "    old = find(key)"
        yield "    if old is not None:"
        yield "        if old == stored: return row"
        yield "        _taken(key)"
        yield from self._check_unique("    ")
        yield from self._advance_sequences("    ")
        yield from self._store("    ", "None")
        yield "    return row"

    def update(self) -> Iterator[str]:
        """``update(row)``."""
        yield "def update(self, row):"
        yield from self._replace("_missing(stored)")

    def upsert(self) -> Iterator[str]:
        """``upsert(row)``; a row whose key is yet to be generated is a new one."""
        yield "def upsert(self, row):"
        zeros = [f" or v{place} == 0" for place in generated_key(self.schema)]
        yield from self._replace("return self.insert(row)", "".join(zeros))

    def _replace(self, otherwise: str, more: str = "") -> Iterator[str]:
        yield from self._enter("    ", generate=False, is_found=True)
        yield "    find = self._find"
        yield "    old = find(key)"
        yield f"    if old is None{more}: {otherwise}"
        yield from self._check_unique("    ")
        yield from self._advance_sequences("    ")
        yield from self._store("    ", "old")
        yield "    return row"

    def insert_many(self) -> Iterator[str]:
        """``insert_many(rows)``: look at every row before any is stored."""
        yield from self._take_rows()
        yield "        entered.append(_stored_of(row, _ALL))"
        if self.generated:
            yield "    sequences = self._stored.sequences[:]"
        yield "    batch = {}"
        yield "    put = batch.setdefault"
        yield "    for stored in entered:"
        yield f"        {self.variables}= stored"
        yield from self._generate("        ", "sequences", "stored")
        yield from self._canonicalise("        ", keep_row=False)
        yield f"        key = {self.key}"
        yield "        if put(key, stored) is not stored and batch[key] != stored:"
        yield "            _taken(key)"
        for number, place in enumerate(self.generated):
            yield f"        if v{place} >= sequences[{number}]:"
            yield f"            sequences[{number}] = v{place} + 1"
        last = "sequences" if self.generated else "()"
        yield f"    return self._insert_batch(batch, {last})"

    def _take_rows(self) -> Iterator[str]:
        """The head of ``insert_many``: a loop over what is given, ``row`` by row."""
        yield "def insert_many(self, rows):\n    self._require_open()"
        yield "    entered = []"
        yield "    try: given = _iter(rows)"
        yield "    except _TypeError as error: _refuse_rows(rows, error)"
        yield "    for row in given:"
        yield "        if _type(row) is not _row_class: _refuse_row(self, row)"

    def _enter(
        self, indent: str, *, generate: bool, is_found: bool = False
    ) -> Iterator[str]:
        """From a user's row to ``stored``, ``v0 …`` and ``key``.

        Args:
            indent: Before each line.
            generate: Whether to fill generated columns.
            is_found: Whether a key that no row has is looked at again.
        """
        yield f"{indent}if _type(row) is not _row_class: _refuse_row(self, row)"
        yield from self._unpack(indent)
        if generate:
            yield from self._generate(indent, "self._stored.sequences", "row")
        yield from self._canonicalise(indent, keep_row=True, is_found=is_found)
        yield f"{indent}key = {self.key}"

    def _unpack(self, indent: str) -> Iterator[str]:
        """From a user's row to ``stored`` and ``v0 …``.

        Where all columns are plain, a row iterates over its stored values;
        building the tuple anew then costs less than slicing it.
        """
        if all(column.binding.is_plain for column in self.bound.shape.columns):
            yield f"{indent}{self.variables}= row"
            yield f"{indent}stored = ({self.variables})"
        else:
            yield f"{indent}stored = _stored_of(row, _ALL)"
            yield f"{indent}{self.variables}= stored"

    def _generate(self, indent: str, sequences: str, given: str) -> Iterator[str]:
        """Fill generated columns that are 0."""
        for number, place in enumerate(self.generated):
            kind = self.schema.columns[place].kind
            assert isinstance(kind, IntKind)
            limit = self.names.bind(f"limit{place}", limiter(self.schema, place))
            yield f"{indent}if _type(v{place}) is _int and v{place} == 0:"
            yield f"{indent}    v{place} = {sequences}[{number}]"
            yield f"{indent}    if v{place} > {kind.greatest}: {limit}(self)"
            yield f"{indent}    stored = ({self.variables})"
            if given == "row":
                yield f"{indent}    row = _tuple_new(_row_class, stored)"

    def _canonicalise(
        self, indent: str, *, keep_row: bool, is_found: bool = False
    ) -> Iterator[str]:
        doubts: list[str] = []
        for place, column in enumerate(self.schema.columns):
            is_key = is_found and place in self.schema.primary_key
            doubt = column.kind.key_doubt if is_key else column.kind.suspicion
            doubts.append(f"({doubt(f'v{place}', self.names)})")
        yield f"{indent}if {' or '.join(doubts)}:"
        if keep_row:  # else it was asked before
            yield f"{indent}    self._require_open()"
        yield f"{indent}    stored = _canonical(stored)"
        yield f"{indent}    {self.variables}= stored"
        if keep_row:
            yield f"{indent}    row = _tuple_new(_row_class, stored)"

    def _check_unique(self, indent: str) -> Iterator[str]:
        for number, index in enumerate(self.schema.indexes):
            if index.algorithm == "unique":
                yield f"{indent}index = self._stored.indexes[{number}]"
                yield f"{indent}if index.is_taken(stored):"
                yield f"{indent}    self._refuse_taken({number}, stored)"

    def _store(self, indent: str, old: str) -> Iterator[str]:
        """Note the image, store the row, move the index entries."""
        yield f"{indent}pre = self._pre"
        yield f"{indent}if key not in pre: pre[key] = {old}"
        if not self.schema.indexes:
            yield f"{indent}self._rows[key] = stored"
            return
        yield f"{indent}indexes = self._stored.indexes"
        yield f"{indent}try:"
        yield f"{indent}    self._rows[key] = stored"
        if old == "old" and self.schema.indexes:
            yield f"{indent}    {self.variables.replace('v', 'o')}= old"
        for number, index in enumerate(self.schema.indexes):
            if old == "None":
                yield f"{indent}    indexes[{number}].add(stored)"
                continue
            moved = " or ".join(f"o{place} != v{place}" for place in index.columns)
            yield f"{indent}    if {moved}:"
            yield f"{indent}        indexes[{number}].remove(old)"
            yield f"{indent}        indexes[{number}].add(stored)"
        yield f"{indent}except BaseException:"
        yield f"{indent}    self._stored.is_interrupted = True"
        yield f"{indent}    raise"

    def _advance_sequences(self, indent: str) -> Iterator[str]:
        # Before the row is stored: an exception between the two may cost a
        # number, the other way round it would give one out twice.
        for number, place in enumerate(self.generated):
            yield f"{indent}sequences = self._stored.sequences"
            yield f"{indent}if v{place} >= sequences[{number}]:"
            yield f"{indent}    sequences[{number}] = v{place} + 1"


@derived
def canonical_row(bound: BoundTable) -> Callable[[StoredRow], StoredRow]:
    """Give the slow path: make a row canonical, or say which value is wrong."""
    schema = bound.schema

    def canonical(stored: StoredRow) -> StoredRow:
        values: list[object] = []
        for column, value in zip(schema.columns, stored, strict=True):
            try:
                values.append(column.kind.canonical(value))
            except MismatchError as mismatch:
                raise KindError(
                    schema.name, column.name, mismatch.value, mismatch.admitted
                ) from None
        return tuple(values)

    return canonical
