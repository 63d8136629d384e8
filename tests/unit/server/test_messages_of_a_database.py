"""Messages made of what a database tells: whoever reads them has its rows."""

import random
from collections import Counter

import pytest

import qsdb
from qsdb.codec.bsatn import decoder
from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.server_messages import (
    QuerySetUpdate,
    SubscribeApplied,
    TransactionUpdate,
)
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V3
from qsdb.protocol.tables import (
    EncodedUpdate,
    PersistentTable,
    TableEncoder,
    read_table_rows,
    read_table_update,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import STR, U16, U32

BYTES_MAX = 1 << 20
KIND = ProductKind("spot", (Field("id", U32), Field("x", U16), Field("name", STR)))
MODULE = qsdb.Module("spots")


class Spot(qsdb.Row, module=MODULE):
    id: qsdb.u32 = qsdb.primary_key()
    x: qsdb.u16
    name: str


@MODULE.reducer
def move(ctx: qsdb.ReducerContext, number: qsdb.u32, x: qsdb.u16) -> None:
    spots = ctx.db[Spot]
    old = spots.get(number)
    if old is not None:
        spots.delete(old)
    if x:
        spots.insert(Spot(id=number, x=x, name="n" * (x % 3)))


class Reader:
    """A client that keeps the bytes of rows, as often as it was told of each."""

    def __init__(self) -> None:
        self.rows: Counter[bytes] = Counter()

    def read(self, message: bytes) -> None:
        (frame,) = FrameWriter(V3).frames([message])
        for each in read_server_frame(frame, V3, BYTES_MAX):
            if isinstance(each, SubscribeApplied):
                for part in each.rows:
                    self.rows.update(read_table_rows(part).rows.split())
            else:
                assert isinstance(each, TransactionUpdate)
                for query_set in each.query_sets:
                    self._follow(query_set)

    def _follow(self, query_set: QuerySetUpdate) -> None:
        for part in query_set.tables:
            for entry in read_table_update(part).rows:
                assert isinstance(entry, PersistentTable)
                self.rows.update(entry.inserts.split())
                self.rows.subtract(entry.deletes.split())


@pytest.mark.parametrize("seed", range(3))
def test_whoever_reads_the_messages_has_the_rows_of_the_database(seed: int) -> None:
    source = random.Random(seed)
    encoder = TableEncoder("spot", KIND, is_event=False)
    reader, told = Reader(), [EncodedUpdate(b"")]
    with qsdb.Database(MODULE) as db:
        for number in range(4):
            db.call(move, number, 1)

        def tell(update: qsdb.Update) -> None:
            told.append(encoder.update(update.difference))
            reader.read(TransactionUpdate((QuerySetUpdate(7, (told[-1],)),)).encode())

        query = db.subscribe("SELECT * FROM spot", tell)
        other = db.subscribe(
            "SELECT * FROM spot",
            lambda update: told.append(encoder.update(update.difference)),
        )
        rows = [tuple(row) for row in query.initial]
        reader.read(SubscribeApplied(0, 7, (encoder.rows(rows),)).encode())
        for _ in range(40):
            told.clear()
            db.call(move, source.randrange(6), source.randrange(4))
            assert len(told) in (0, 2)
            assert told[:1] == told[1:]
            assert len({id(part) for part in told}) == len(told) // 2
            with db.read() as reading:
                expected = Counter([tuple(row) for row in reading[Spot]])
            decode = decoder(KIND)
            assert {decode(each): n for each, n in reader.rows.items() if n} == expected
        other.close()
