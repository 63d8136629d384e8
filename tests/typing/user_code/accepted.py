"""Typed code of a user that mypy and pyright accept; checked, never run."""

import enum
import uuid
from pathlib import Path
from typing import assert_type

import qsdb
from qsdb import Identity, TimeDuration, Timestamp, f32, u8, u32, u64

chat = qsdb.Module("chat")


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: f32
    y: f32


class Circle(qsdb.Product):
    radius: f32


class Square(qsdb.Product):
    side: f32
    corner: Place = Place(0.0, 0.0)


class User(qsdb.Row, module=chat, public=True):
    identity: Identity = qsdb.primary_key()
    name: str | None = None
    online: bool = False
    mood: Mood = Mood.calm
    at: Place = Place(0.0, 0.0)


class Message(
    qsdb.Row,
    module=chat,
    public=True,
    indexes=[qsdb.BTree("room", "sent", name="by_room")],
):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    sender: Identity = qsdb.index("hash")
    sent: Timestamp
    text: str


class Tally(
    qsdb.Row,
    module=chat,
    name="tallies",
    primary_key=("count", "index"),
    unique=[("index", "label")],
    indexes=[qsdb.BTree("count", "label"), qsdb.Hash("label")],
):
    count: u32
    index: u32
    label: str = qsdb.column(default="")
    serial: u64 = qsdb.auto_inc()


class Drawing(qsdb.Row, module=chat):
    id: u32 = qsdb.primary_key()
    form: Circle | Square
    external: uuid.UUID = qsdb.unique()
    level: u8 = qsdb.index(default=3)
    outline: tuple[Place, ...] = ()
    size: tuple[u32, u32 | None] = (0, None)


class Profile(qsdb.Row, module=chat, renamed_from="account"):
    id: u64 = qsdb.primary_key(renamed_from="number")
    first: str = qsdb.column(fill=lambda old: old.name.split()[0])
    email: str = qsdb.unique(fill=lambda old: f"{old.id}@example.org")
    level: u8 = qsdb.index(default=3, renamed_from="rank", fill=lambda old: old.rank)
    serial: u64 = qsdb.auto_inc(renamed_from="n")


@chat.migration(from_="0123456789abcdef", tables=[Profile, "user"], drop=["account"])
def split_names(ctx: qsdb.MigrationContext) -> None:
    for old in ctx.old("account"):
        ctx.db[Profile].insert(Profile(old.id, old.name, old.email, level=1))


@chat.migration(from_=None, tables=[Profile])
def clear_all(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Profile].clear()


def show(plan: qsdb.MigrationPlan) -> None:
    assert_type(plan.steps, tuple[qsdb.MigrationStep, ...])
    assert_type(plan.breaking, list[qsdb.MigrationStep])
    assert_type(chat.schema_hash(), str)


@chat.init
def init(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Tally].insert(Tally(0, 0))


@chat.reducer
def send(ctx: qsdb.ReducerContext, room: str, text: str) -> u64:
    if not text:
        raise qsdb.ReducerError("empty message")
    row = ctx.db[Message].insert(
        Message(room=room, sender=ctx.sender, sent=ctx.timestamp, text=text)
    )
    return row.id


@chat.reducer(private=True)
def clean(ctx: qsdb.ReducerContext, rooms: list[str]) -> bool:
    with ctx.savepoint():
        for room in rooms:
            assert_type(ctx.db[Message].room.delete(room), int)
    ctx.log.info("cleaned %s", rooms)
    assert_type([ctx.new_uuid_v4(), ctx.new_uuid_v7()], list[uuid.UUID])
    return ctx.random.random() < 0.5


@chat.view(public=True)
def mine(ctx: qsdb.ViewContext) -> list[Message]:
    return list(ctx.db[Message].room.filter(ctx.sender.to_hex()))


@chat.view
def last(ctx: qsdb.AnonymousViewContext, room: str) -> Message | None:
    return next(ctx.db[Message].room.range(room, reverse=True), None)


@chat.view(primary_key="id", on_error="abort")
def asked(ctx: qsdb.ViewContext, room: str) -> qsdb.Query[Message]:
    assert_type(mine(ctx), list[Message])
    assert_type(last(ctx, room), Message | None)
    return qsdb.Query("SELECT * FROM message WHERE room = :room", {"room": room})


def one_reducer_calls_another(ctx: qsdb.ReducerContext) -> None:
    assert_type(send(ctx, "lobby", "hi"), int)
    assert_type(clean(ctx, ["lobby"]), bool)


def make_rows(sender: Identity, sent: Timestamp) -> None:
    by_place = Message("lobby", sender, sent, "hi")
    by_name = Message(room="lobby", sender=sender, sent=sent, text="hi")
    assert_type(by_place.id, int)
    assert_type(by_place.room, str)
    assert_type(by_place.replace(id=7), Message)
    assert_type(by_place == by_name, bool)
    assert_type(User(sender).name, str | None)
    assert_type(User(sender, online=True).online, bool)
    assert_type(User(sender, mood=Mood.angry).at.x, float)
    tally = Tally(count=1, index=2)
    assert_type(tally.count, int)
    assert_type(tally.index, int)
    values: list[object] = [*tally]
    assert_type(len(values), int)
    assert_type(qsdb.asdict(tally), dict[str, object])


def width(drawing: Drawing) -> float:
    match drawing.form:
        case Circle(radius=radius):
            return 2 * radius
        case Square(side, corner):
            return side + corner.x


def use_table(ctx: qsdb.ReducerContext) -> None:
    messages = ctx.db[Message]
    assert_type(messages, qsdb.Table[Message])
    assert_type(messages.get(1), Message | None)
    assert_type(messages.upsert(Message("a", ctx.sender, ctx.timestamp, "b")), Message)
    assert_type(messages.insert_many([]), int)
    assert_type(messages.delete_by_key(1), bool)
    assert_type(messages.clear(), int)
    assert_type(len(messages), int)
    for message in messages:
        assert_type(message, Message)
        assert_type(message in messages, bool)
    assert_type(ctx.db[Tally].get(1, 2), Tally | None)


def use_indexes(ctx: qsdb.ReducerContext) -> None:
    messages = ctx.db[Message]
    assert_type(messages.id.find(1), Message | None)
    for message in messages.room.filter("lobby"):
        assert_type(message, Message)
    for message in messages.by_room.range(("lobby",), reverse=True):
        assert_type(message.sent, Timestamp)
    for message in messages.room.range("a", "b", include=(True, True)):
        assert_type(message.text, str)
    assert_type(messages.room.count("lobby"), int)
    for tally in ctx.db[Tally].index("count_label").filter(1):
        assert_type(tally.label, str)


@chat.procedure
def import_lines(ctx: qsdb.ProcedureContext, path: str) -> u32:
    with ctx.transaction() as tx:
        assert_type(tx[Message].get(1), Message | None)
        assert_type(tx.timestamp, Timestamp)
        with tx.savepoint():
            tx.message.clear()
    with ctx.read() as reading:
        assert_type(reading[Message].get(1), Message | None)
    assert_type(ctx.call(send, "lobby", path), int)
    assert_type(ctx.sender, Identity)
    return 7


@chat.procedure(private=True)
async def ask(ctx: qsdb.ProcedureContext, text: str = "") -> str:
    assert_type(import_lines(ctx, "."), int)
    return text


def use_procedures(db: qsdb.Database, sender: Identity) -> None:
    assert_type(db.call(import_lines, "."), int)
    assert_type(db.call(ask, text="?"), str)
    assert_type(db.caller(sender).call(ask), str)
    assert_type(db.start(import_lines, ".").result(), int)
    assert_type(db.start(ask, "?").result(), str)
    assert_type(db.start(send, "lobby", "hi").result(), int)
    db.start("ask", "?").cancel()


async def await_procedures(db: qsdb.Database) -> None:
    assert_type(await db.call_async(import_lines, "."), int)
    assert_type(await db.call_async(ask, "?"), str)
    assert_type(await db.call_async(send, "lobby", "hi"), int)
    await db.connect().call_async("ask")


def use_database(sender: Identity) -> None:
    with qsdb.Database(chat) as db:
        assert_type(db.call(send, "lobby", "hi"), int)
        assert_type(db.call(send, "lobby", text="hi"), int)
        assert_type(db.call(clean, ["lobby"]), bool)
        assert_type(db.caller(sender).call(send, "lobby", "hi"), int)
        db.call("send", "lobby", "hi")
        with db.write() as tx:
            assert_type(tx[Message].get(1), Message | None)
            tx.message.clear()
            tx.table("message").clear()
        with db.read() as reading:
            assert_type(reading[User].get(sender), User | None)
            assert_type(reading.offset, int)
        assert_type(db.offset, int)
        assert_type(db.plan(chat), qsdb.MigrationPlan)
        assert_type(db.plan(chat, drop=["message"]).breaking[0], qsdb.MigrationStep)
        assert_type(db.publish(chat, allow_breaking=True), qsdb.MigrationPlan)
        db.check()


def count(tx: qsdb.Transaction) -> int:
    return len(tx[Message])


async def count_late(tx: qsdb.Transaction) -> int:
    return len(tx[Message])


def use_optimistic(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        assert_type(tx[Message].get(1), Message | None)
        assert_type(tx.timestamp, Timestamp)
        with tx.savepoint():
            tx.message.clear()
    by_hand = db.optimistic(isolation="snapshot")
    assert_type(by_hand.offset, int)
    assert_type(by_hand.commit(), int)
    by_hand.rollback()
    assert_type(db.transact(count), int)
    assert_type(db.transact(lambda tx: tx.offset), int)
    assert_type(db.transact(lambda tx: tx[Message].get(1)), Message | None)
    assert_type(db.transact(count, retries=3, isolation="snapshot"), int)


async def await_optimistic(db: qsdb.Database) -> None:
    async with db.optimistic() as tx:
        assert_type(await tx.commit_async(), int)
    assert_type(await db.transact_async(count_late), int)


def use_limits() -> None:
    limits = qsdb.TransactionLimits(pinned_rows=None, pinned_seconds=60)
    qsdb.Database(chat, limits=limits).close()


def use_files(folder: Path, now: Timestamp) -> None:
    with qsdb.Database(
        chat,
        folder,
        durability="always",
        sync_interval=0.5,
        options=qsdb.StorageOptions(snapshots_kept=3),
    ) as db:
        assert_type(db.durable_offset, int)
        assert_type(db.wait_durable(timeout=1), bool)
        assert_type(db.snapshot(), int)
        assert_type(db.compact(), int)
        assert_type(db.backup(folder / "copy"), int)
        assert_type(db.backup("copy"), int)
        assert_type(db.recovery, qsdb.Recovery | None)
        assert_type(db.stats().durable_offset, int | None)
        assert_type(db.stats().snapshot_error, str | None)
    with qsdb.Database(chat, path="data", read_only=True) as reading:
        assert_type(reading.refresh(), int)
        assert_type(reading.refresh(timeout=0.5), int)
        with reading.read() as tx:
            assert_type(tx[Message].get(1), Message | None)
    qsdb.Database(chat, folder, read_only=True, at=7).close()
    qsdb.Database(chat, folder, read_only=True, at=now).close()


def use_files_without_a_module(folder: Path) -> None:
    with qsdb.Database(None, folder, read_only=True) as db, db.read() as tx:
        for row in tx.message:
            print(row.text, row[1], len(row), row._asdict())
        assert_type(len(tx.message), int)


def use_values(now: Timestamp, pause: TimeDuration) -> None:
    assert_type(now + pause, Timestamp)
    assert_type(now - now, TimeDuration)
    assert_type(now < now + pause, bool)
    assert_type(Identity.from_hex("00" * 32).to_hex(), str)
