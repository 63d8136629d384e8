"""Makes the databases of the corpus: always the same bytes, from seeds.

``python -m tests.corpus.making`` writes those of the present format to
``tests/corpus/v1_claims``. A format that has been released never changes, so they are
made once; when the format gets a new version, or something that older ones may pass
over, a folder is added and the old ones stay:

* ``v1``: nothing notes where the log ends;
* ``v1_end``: ``END`` does, and a flag in the header of each segment says so;
* ``v1_host``: there are tables ``st_client``, ``st_scheduled``, ``st_timer``,
  ``st_secret``, ``st_row_level_security``, ``st_view`` and ``st_procedure``;
* ``v1_claims``: there is a table ``st_connection_credentials``.
"""

import enum
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import qsdb
from qsdb import (
    ConnectionId,
    Identity,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    f32,
    i8,
    u8,
    u32,
    u64,
    u256,
)
from qsdb.log.end_notes import END_NAME
from qsdb.testing import FakeClock, SimulatedDirectory

HERE = Path(__file__).parent / "v1_claims"
MADE_BY = "0.1.0"
NOON = Timestamp.parse("2026-11-25T12:00:00Z")

corpus = qsdb.Module("corpus")


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: f32
    y: f32


class Ghost(qsdb.Product):
    age: u8


class Everything(qsdb.Row, module=corpus, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    who: Identity
    wire: ConnectionId
    when: Timestamp
    pause: TimeDuration
    next: ScheduleAt
    token: uuid.UUID = qsdb.unique()
    mood: Mood = Mood.calm
    at: Place = Place(0.5, -1.0)
    body: Place | Ghost = Ghost(3)
    name: str | None = qsdb.index(default=None)
    data: bytes = b"\x00\xff"
    tags: tuple[str, ...] = ()
    tiny: i8 = -128
    huge: u256 = (1 << 256) - 1
    weight: float = 0.1
    is_on: bool = True


class Pair(
    qsdb.Row,
    module=corpus,
    primary_key=("left", "right"),
    indexes=[qsdb.Hash("note")],
):
    left: u32
    right: str
    note: str = ""


class Line(qsdb.Row, module=corpus, name="the log"):
    text: str = qsdb.column(name="what was said")


@corpus.init
def init(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Line].insert(Line("made"))


@corpus.reducer
def add(ctx: qsdb.ReducerContext, number: u32, moods: list[Mood]) -> None:
    ctx.db[Everything].insert(
        Everything(
            ctx.sender,
            ConnectionId.from_bytes(number.to_bytes(16, "big")),
            ctx.timestamp,
            TimeDuration.from_micros(-number),
            ScheduleAt.interval(TimeDuration.from_seconds(number)),
            uuid.UUID(int=ctx.random.getrandbits(128)),
            mood=moods[number % len(moods)],
            name=None if number % 3 else f"n{number} ÄÖ",
            tags=("a",) * (number % 4),
        )
    )
    pairs = ctx.db[Pair]
    pairs.upsert(Pair(number % 5, "r", f"{number}"))
    if number % 7 == 0:
        pairs.delete_by_key(number % 5, "r")


def _opened(disk: SimulatedDirectory, segment_bytes: int) -> qsdb.Database:
    options = qsdb.StorageOptions(
        segment_bytes=segment_bytes, step_bytes=1, has_threads=False
    )
    clock = FakeClock(NOON)
    return qsdb.Database(
        corpus, disk, durability="always", clock=clock, seed=5, options=options
    )


def _fill(db: qsdb.Database, first: int, count: int) -> None:
    caller = db.caller(Identity.from_claims("corpus", "ann"))
    for number in range(first, first + count):
        caller.call(add, number, [Mood.angry, Mood.calm])


def log_alone(disk: SimulatedDirectory) -> None:
    with _opened(disk, 1 << 20) as db:
        _fill(db, 0, 20)


def many_segments(disk: SimulatedDirectory) -> None:
    with _opened(disk, 1024) as db:
        _fill(db, 0, 30)


def snapshot_and_log(disk: SimulatedDirectory) -> None:
    with _opened(disk, 2048) as db:
        _fill(db, 0, 15)
        db.snapshot()
        _fill(db, 15, 10)
        db.snapshot()
        _fill(db, 25, 5)
        db.compact()


def torn_tail(disk: SimulatedDirectory) -> None:
    db = _opened(disk, 1 << 20)
    _fill(db, 0, 10)
    name = f"log/{disk.list('log')[0]}"
    whole = disk.contents(name)
    _fill(db, 10, 1)
    longer, end = disk.contents(name), disk.contents(END_NAME)
    db.close()
    disk.replace_contents(END_NAME, end)
    disk.replace_contents(name, longer[: len(whole) + 40])


DATABASES: dict[str, Callable[[SimulatedDirectory], None]] = {
    "log_alone": log_alone,
    "many_segments": many_segments,
    "snapshot_and_log": snapshot_and_log,
    "torn_tail": torn_tail,
}


def make(name: str) -> dict[str, bytes]:
    """Give the files of one database: name → content."""
    disk = SimulatedDirectory()
    with mock.patch("qsdb.runtime.assembly.VERSION", MADE_BY):  # it is in the catalogue
        DATABASES[name](disk)
    return {
        path: content
        for path, content in disk.snapshot_files().items()
        if path != "LOCK"
    }


def rows_of(db: qsdb.Database) -> dict[str, list[str]]:
    """Give all rows of a database as texts, sorted."""
    with db.read() as tx:
        return {
            name: sorted(map(repr, tx.table(name)))
            for name in ("everything", "pair", "the log")
        }


def main() -> None:
    """Write the databases, and what is in them."""
    for name in DATABASES:
        files = make(name)
        for path, content in files.items():
            target = HERE / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        with qsdb.Database(corpus, SimulatedDirectory(files), read_only=True) as db:
            told = {"offset": db.offset, "rows": rows_of(db)}
        text = json.dumps(told, indent=1, ensure_ascii=False)
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(files)} files, {sum(map(len, files.values()))} bytes")


if __name__ == "__main__":
    main()
