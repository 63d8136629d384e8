"""How fast is TATP: seven tiny transactions of a mobile telephone exchange?

Four of five only read: GetSubscriberData 35 %, GetAccessData 35, GetNewDestination 10;
the others write: UpdateLocation 14, UpdateSubscriberData 2, Insert- and
DeleteCallForwarding 2 each. Many fail by design, since a row is missing or there
already: they answer 0 and change nothing. Afterwards there must be as many rows to
forward calls as there were, and were inserted, and were not deleted.

Not as in TATP: the flags of a subscriber are one, and a text for the other 29;
subscribers are drawn uniformly; a telephone number is an int.
"""

import random
from collections.abc import Iterator

import qsdb
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Execute, Raw, Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import u8, u16, u32, u64

SEED = 33
MIX = {
    "get_subscriber": 35,
    "get_new_destination": 10,
    "get_access_data": 35,
    "update_subscriber": 2,
    "update_location": 14,
    "insert_call_forwarding": 2,
    "delete_call_forwarding": 2,
}
TIMES = (0, 8, 16)
"""When calls may begin to be forwarded."""
FLAGS = "0123456789" * 3

exchange = qsdb.Module("tatp")


class Subscriber(qsdb.Row, module=exchange):
    """Has a number, and is somewhere."""

    s_id: u64 = qsdb.primary_key()
    number: u64 = qsdb.unique()
    bit_1: u8
    flags: str
    msc_location: u32
    vlr_location: u32


class AccessInfo(qsdb.Row, module=exchange, primary_key=("s_id", "ai_type")):
    """One to four for each subscriber."""

    s_id: u64
    ai_type: u8
    data1: u16
    data2: u16
    data3: str
    data4: str


class SpecialFacility(qsdb.Row, module=exchange, primary_key=("s_id", "sf_type")):
    """One to four for each subscriber."""

    s_id: u64
    sf_type: u8
    is_active: u8
    error_control: u8
    data_a: u16
    data_b: str


class CallForwarding(
    qsdb.Row, module=exchange, primary_key=("s_id", "sf_type", "start_time")
):
    """None to three for each special facility."""

    s_id: u64
    sf_type: u8
    start_time: u8
    end_time: u8
    numberx: str


def get_subscriber(db: qsdb.Database, s_id: int) -> int:
    """Read a row."""
    with db.read() as tx:
        row = tx[Subscriber].get(s_id)
    return 0 if row is None else row.vlr_location


def get_new_destination(
    db: qsdb.Database, s_id: int, sf_type: int, start: int, end: int
) -> str:
    """Find where calls go at a time: the first number, or none."""
    with db.read() as tx:
        facility = tx[SpecialFacility].get(s_id, sf_type)
        if facility is None or not facility.is_active:
            return ""
        get = tx[CallForwarding].get
        for time in TIMES:
            if time > start:
                break
            row = get(s_id, sf_type, time)
            if row is not None and row.end_time > end:
                return row.numberx
    return ""


def get_access_data(db: qsdb.Database, s_id: int, ai_type: int) -> str:
    """Read a row that may be missing."""
    with db.read() as tx:
        row = tx[AccessInfo].get(s_id, ai_type)
    return "" if row is None else f"{row.data1} {row.data2} {row.data3} {row.data4}"


@exchange.reducer
def update_subscriber(
    ctx: qsdb.ReducerContext, s_id: u64, bit: u8, sf_type: u8, data: u16
) -> u8:
    """Write two rows, if the second is there."""
    subscribers, facilities = ctx.db[Subscriber], ctx.db[SpecialFacility]
    row, facility = subscribers.get(s_id), facilities.get(s_id, sf_type)
    if row is None or facility is None:
        return 0
    subscribers.update(row.replace(bit_1=bit))
    facilities.update(facility.replace(data_a=data))
    return 1


@exchange.reducer
def update_location(ctx: qsdb.ReducerContext, number: u64, location: u32) -> u8:
    """Write a row that is found by its number."""
    subscribers = ctx.db[Subscriber]
    row = subscribers.number.find(number)
    if row is None:
        return 0
    subscribers.update(row.replace(vlr_location=location))
    return 1


@exchange.reducer
def insert_call_forwarding(
    ctx: qsdb.ReducerContext, number: u64, sf_type: u8, start: u8, end: u8, to: str
) -> u8:
    """Insert a row, if its facility is there and it is not."""
    row = ctx.db[Subscriber].number.find(number)
    if row is None or ctx.db[SpecialFacility].get(row.s_id, sf_type) is None:
        return 0
    forwarding = ctx.db[CallForwarding]
    if forwarding.get(row.s_id, sf_type, start) is not None:
        return 0
    forwarding.insert(CallForwarding(row.s_id, sf_type, start, end, to))
    return 1


@exchange.reducer
def delete_call_forwarding(
    ctx: qsdb.ReducerContext, number: u64, sf_type: u8, start: u8
) -> u8:
    """Delete a row, if it is there."""
    row = ctx.db[Subscriber].number.find(number)
    if row is None:
        return 0
    return int(ctx.db[CallForwarding].delete_by_key(row.s_id, sf_type, start))


SCHEMA = """
CREATE TABLE subscriber (
    s_id INTEGER PRIMARY KEY, number BIGINT NOT NULL UNIQUE, bit_1 INTEGER NOT NULL,
    flags TEXT NOT NULL, msc_location BIGINT NOT NULL, vlr_location BIGINT NOT NULL
);
CREATE TABLE access_info (
    s_id INTEGER NOT NULL, ai_type INTEGER NOT NULL, data1 INTEGER NOT NULL,
    data2 INTEGER NOT NULL, data3 TEXT NOT NULL, data4 TEXT NOT NULL,
    PRIMARY KEY (s_id, ai_type)
) CLUSTERED;
CREATE TABLE special_facility (
    s_id INTEGER NOT NULL, sf_type INTEGER NOT NULL, is_active INTEGER NOT NULL,
    error_control INTEGER NOT NULL, data_a INTEGER NOT NULL, data_b TEXT NOT NULL,
    PRIMARY KEY (s_id, sf_type)
) CLUSTERED;
CREATE TABLE call_forwarding (
    s_id INTEGER NOT NULL, sf_type INTEGER NOT NULL, start_time INTEGER NOT NULL,
    end_time INTEGER NOT NULL, numberx TEXT NOT NULL,
    PRIMARY KEY (s_id, sf_type, start_time)
) CLUSTERED
"""


class InSql:
    """The transactions as statements; those of one are transactions of their own."""

    def __init__(self, execute: Execute) -> None:
        self.execute = execute

    def get_subscriber(self, s_id: int) -> int:
        """Read all columns of a row."""
        text = "SELECT * FROM subscriber WHERE s_id = ?"
        ((*_, location),) = self.execute(text, (s_id,))
        return int(location)

    def get_new_destination(
        self, s_id: int, sf_type: int, start: int, end: int
    ) -> object:
        """Join two tables."""
        text = (
            "SELECT c.numberx FROM special_facility f JOIN call_forwarding c "
            "ON c.s_id = f.s_id AND c.sf_type = f.sf_type "
            "WHERE f.s_id = ? AND f.sf_type = ? AND f.is_active = 1 "
            "AND c.start_time <= ? AND c.end_time > ? ORDER BY c.start_time LIMIT 1"
        )
        for (number,) in self.execute(text, (s_id, sf_type, start, end)):
            return number
        return ""

    def get_access_data(self, s_id: int, ai_type: int) -> str:
        """Read a row that may be missing."""
        text = (
            "SELECT data1, data2, data3, data4 FROM access_info "
            "WHERE s_id = ? AND ai_type = ?"
        )
        for data1, data2, data3, data4 in self.execute(text, (s_id, ai_type)):
            return f"{data1} {data2} {data3} {data4}"
        return ""

    def update_subscriber(self, s_id: int, bit: int, sf_type: int, data: int) -> int:
        """Write two rows, if the second is there."""
        execute = self.execute
        facility = (
            "UPDATE special_facility SET data_a = ? WHERE s_id = ? AND sf_type = ? "
            "RETURNING 1"
        )
        execute("BEGIN")
        found = list(execute(facility, (data, s_id, sf_type)))
        if found:
            execute("UPDATE subscriber SET bit_1 = ? WHERE s_id = ?", (bit, s_id))
        execute("COMMIT")
        return len(found)

    def update_location(self, number: int, location: int) -> int:
        """Write a row that is found by its number."""
        text = "UPDATE subscriber SET vlr_location = ? WHERE number = ? RETURNING 1"
        return len(list(self.execute(text, (location, number))))

    def insert_call_forwarding(
        self, number: int, sf_type: int, start: int, end: int, to: str
    ) -> int:
        """Insert a row, if its facility is there and it is not."""
        text = (
            "INSERT INTO call_forwarding SELECT f.s_id, f.sf_type, ?, ?, ? "
            "FROM subscriber s JOIN special_facility f ON f.s_id = s.s_id "
            "WHERE s.number = ? AND f.sf_type = ? "
            "ON CONFLICT DO NOTHING RETURNING 1"
        )
        return len(list(self.execute(text, (start, end, to, number, sf_type))))

    def delete_call_forwarding(self, number: int, sf_type: int, start: int) -> int:
        """Delete a row, if it is there."""
        text = (
            "DELETE FROM call_forwarding WHERE s_id = "
            "(SELECT s_id FROM subscriber WHERE number = ?) "
            "AND sf_type = ? AND start_time = ? RETURNING 1"
        )
        return len(list(self.execute(text, (number, sf_type, start))))


class InMaps:
    """The transactions over mappings; ``by_number`` is an index made by hand."""

    def __init__(self, tables: Tables) -> None:
        self.subscribers = tables["subscriber"]
        self.numbers = tables["by_number"]
        self.access = tables["access_info"]
        self.facilities = tables["special_facility"]
        self.forwarding = tables["call_forwarding"]

    def get_subscriber(self, s_id: int) -> object:
        """Read a row."""
        return self.subscribers[s_id][5]

    def get_new_destination(
        self, s_id: int, sf_type: int, start: int, end: int
    ) -> object:
        """Read up to four rows."""
        facility = self.facilities.get((s_id, sf_type))
        if facility is None or not facility[2]:
            return ""
        for time in TIMES:
            if time > start:
                break
            row = self.forwarding.get((s_id, sf_type, time))
            if row is not None and row[3] > end:
                return row[4]
        return ""

    def get_access_data(self, s_id: int, ai_type: int) -> str:
        """Read a row that may be missing."""
        row = self.access.get((s_id, ai_type))
        return "" if row is None else f"{row[2]} {row[3]} {row[4]} {row[5]}"

    def update_subscriber(self, s_id: int, bit: int, sf_type: int, data: int) -> int:
        """Write two rows, if the second is there."""
        facility = self.facilities.get((s_id, sf_type))
        if facility is None:
            return 0
        row = self.subscribers[s_id]
        self.subscribers[s_id] = (*row[:2], bit, *row[3:])
        self.facilities[s_id, sf_type] = (*facility[:4], data, facility[5])
        return 1

    def update_location(self, number: int, location: int) -> int:
        """Write a row that is found by its number."""
        s_id = self.numbers[number][1]
        self.subscribers[s_id] = (*self.subscribers[s_id][:5], location)
        return 1

    def insert_call_forwarding(
        self, number: int, sf_type: int, start: int, end: int, to: str
    ) -> int:
        """Insert a row, if its facility is there and it is not."""
        s_id = self.numbers[number][1]
        key = (s_id, sf_type, start)
        if (s_id, sf_type) not in self.facilities or key in self.forwarding:
            return 0
        self.forwarding[key] = (s_id, sf_type, start, end, to)
        return 1

    def delete_call_forwarding(self, number: int, sf_type: int, start: int) -> int:
        """Delete a row, if it is there."""
        key = (self.numbers[number][1], sf_type, start)
        if key not in self.forwarding:
            return 0
        del self.forwarding[key]
        return 1


def statements(peer: Statements) -> Functions:
    """Give the transactions in SQL."""
    engine = InSql(peer.execute)
    return {name: getattr(engine, name) for name in MIX}


def mapped(tables: Tables) -> Functions:
    """Give the transactions over mappings."""
    engine = InMaps(tables)
    return {name: getattr(engine, name) for name in MIX}


def telephone(s_id: int) -> int:
    """Give the number of a subscriber, which does not tell who it is."""
    return s_id * 7_919 % 1_000_003 * 1_000_003 + s_id


def load(subscribers: int) -> dict[str, list[Raw]]:
    """Draw the rows that are there at first."""
    chance = random.Random(SEED)
    rows: dict[str, list[Raw]] = {
        "subscriber": [],
        "access_info": [],
        "special_facility": [],
        "call_forwarding": [],
    }
    for s_id in range(1, subscribers + 1):
        where = chance.randrange(1 << 32), chance.randrange(1 << 32)
        rows["subscriber"].append((s_id, telephone(s_id), s_id % 2, FLAGS, *where))
        for ai_type in chance.sample(range(1, 5), chance.randint(1, 4)):
            byte = chance.randrange(256)
            rows["access_info"].append((s_id, ai_type, byte, 255 - byte, "ABC", "DEF"))
        for sf_type in chance.sample(range(1, 5), chance.randint(1, 4)):
            is_active = int(chance.random() < 0.85)
            facility = (s_id, sf_type, is_active, 0, chance.randrange(256), "ABCDE")
            rows["special_facility"].append(facility)
            for start in chance.sample(TIMES, chance.randint(0, 3)):
                end = start + chance.randint(1, 8)
                rows["call_forwarding"].append(
                    (s_id, sf_type, start, end, f"{s_id:015}")
                )
    return rows


def draw_steps(subscribers: int, count: int) -> list[Step]:
    """Draw transactions."""
    chance = random.Random(SEED + 1)

    def step(name: str) -> Step:
        s_id, kind = chance.randint(1, subscribers), chance.randint(1, 4)
        start, number = chance.choice(TIMES), telephone(s_id)
        end = start + chance.randint(1, 8)
        arguments: dict[str, Raw] = {
            "get_subscriber": (s_id,),
            "get_new_destination": (s_id, kind, start, chance.randint(1, 24)),
            "get_access_data": (s_id, kind),
            "update_subscriber": (s_id, end % 2, kind, chance.randrange(256)),
            "update_location": (number, chance.randrange(1 << 32)),
            "insert_call_forwarding": (number, kind, start, end, f"{number:015}"),
            "delete_call_forwarding": (number, kind, start),
        }
        return name, arguments[name]

    return [step(name) for name in chance.choices([*MIX], [*MIX.values()], k=count)]


def suite(sizes: Sizes) -> Suite:
    """Draw rows and transactions, and say what must hold."""
    subscribers = sizes["subscribers"]
    rows, steps = load(subscribers), draw_steps(subscribers, sizes["transactions"])

    def check(found: Rows, answers: Answers) -> None:
        done = dict.fromkeys(MIX, 0)
        for (name, _), answer in zip(steps, answers, strict=False):
            done[name] += bool(answer)
        expected = len(rows["call_forwarding"])
        expected += done["insert_call_forwarding"] - done["delete_call_forwarding"]
        there = len(found["call_forwarding"])
        require(there == expected, f"{there} to forward calls, {expected} are right")
        facilities = {row[:2] for row in found["special_facility"]}
        without = [row for row in found["call_forwarding"] if row[:2] not in facilities]
        require(not without, "calls are forwarded without a facility")
        for name in ("subscriber", "access_info", "special_facility"):
            require(len(found[name]) == len(rows[name]), f"{name} has other rows")

    return Suite(
        "TATP",
        exchange,
        {
            "subscriber": Subscriber,
            "access_info": AccessInfo,
            "special_facility": SpecialFacility,
            "call_forwarding": CallForwarding,
        },
        rows,
        {
            "subscriber": 1,
            "access_info": 2,
            "special_facility": 2,
            "call_forwarding": 3,
            "by_number": 1,
        },
        steps,
        {
            "update_subscriber": update_subscriber,
            "update_location": update_location,
            "insert_call_forwarding": insert_call_forwarding,
            "delete_call_forwarding": delete_call_forwarding,
        },
        SCHEMA,
        statements,
        mapped,
        check,
        readings={
            "get_subscriber": get_subscriber,
            "get_new_destination": get_new_destination,
            "get_access_data": get_access_data,
        },
        by_hand={"by_number": [(row[1], row[0]) for row in rows["subscriber"]]},
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines."""
    yield from questions_of(suite(sizes))


TATP = Benchmark(
    "bench_tatp",
    __doc__,
    full={"subscribers": 100_000, "transactions": 100_000},
    small={"subscribers": 50, "transactions": 400},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(TATP, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
