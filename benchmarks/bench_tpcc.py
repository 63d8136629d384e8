"""How fast is TPC-C lite: orders, payments and deliveries of a warehouse?

NewOrder 45 %, Payment 43, OrderStatus 4, Delivery 4, StockLevel 4, one after the
other, without time to think. Of orders one in a hundred names an item that does not
exist, and changes nothing; of payments and looks at orders six in ten name a customer
by the last name. Afterwards the twelve conditions of consistency of the standard must
hold.

Not as in TPC-C: fewer customers, items and columns; no other warehouse takes part; a
delivery is made at once. So these are no tpmC.
"""

from collections.abc import Iterator

import qsdb
from benchmarks.harness import Question
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.suites import Suite, questions_of
from benchmarks.tpcc_engines import SCHEMA, left_after, mapped, price, statements
from benchmarks.tpcc_rows import (
    DISTRICTS,
    PARTS,
    SEED,
    by_hand,
    check,
    draw_steps,
    load,
)
from qsdb import i64, u8, u32, u64

BOTH_ENDS = True, True
"""Of a range: all whose first columns are these."""

shop = qsdb.Module("tpcc")


class Warehouse(qsdb.Row, module=shop):
    """Has ten districts."""

    w: u32 = qsdb.primary_key()
    tax: u32
    ytd: i64


class District(qsdb.Row, module=shop, primary_key=("w", "d")):
    """Counts its orders."""

    w: u32
    d: u32
    tax: u32
    ytd: i64
    next_o: u32


class Customer(
    qsdb.Row,
    module=shop,
    primary_key=("w", "d", "c"),
    indexes=[qsdb.BTree("w", "d", "last", name="by_last")],
):
    """Orders and pays."""

    w: u32
    d: u32
    c: u32
    last: u32
    discount: u32
    balance: i64
    ytd: i64
    payments: u32
    deliveries: u32
    data: str


class History(qsdb.Row, module=shop):
    """A payment."""

    id: u64 = qsdb.primary_key()
    w: u32
    d: u32
    c: u32
    amount: i64


class NewOrder(
    qsdb.Row,
    module=shop,
    primary_key=("w", "d", "o"),
    indexes=[qsdb.BTree("w", "d", "o", name="in_order")],
):
    """An order that is not delivered."""

    w: u32
    d: u32
    o: u32


class Orders(
    qsdb.Row,
    module=shop,
    primary_key=("w", "d", "o"),
    indexes=[qsdb.BTree("w", "d", "c", "o", name="by_customer")],
):
    """An order."""

    w: u32
    d: u32
    o: u32
    c: u32
    entry: u64
    carrier: u32
    lines: u32


class OrderLine(qsdb.Row, module=shop, primary_key=("w", "d", "o", "n")):
    """An item of an order; its order knows how many there are."""

    w: u32
    d: u32
    o: u32
    n: u8
    i: u32
    quantity: u32
    amount: i64
    delivered: u64


class Item(qsdb.Row, module=shop):
    """What is sold."""

    i: u32 = qsdb.primary_key()
    price: u32
    name: str


class Stock(qsdb.Row, module=shop, primary_key=("w", "i")):
    """How much is left."""

    w: u32
    i: u32
    quantity: i64
    ytd: u64
    ordered: u32


def find_customer(tx: qsdb.Transaction, w: int, d: int, c: int, last: int) -> Customer:
    """Find a customer by number, or in the middle of those with a last name."""
    if c:
        found = tx[Customer].get(w, d, c)
    else:
        rows = [*tx[Customer].by_last.filter(w, d, last)]
        found = sorted(rows, key=lambda row: row.c)[len(rows) // 2]
    if found is None:
        raise qsdb.ReducerError("no such customer")
    return found


@shop.reducer
def new_order(  # noqa: PLR0913, PLR0917  as the standard has it
    ctx: qsdb.ReducerContext,
    w: u32,
    d: u32,
    c: u32,
    entry: u64,
    items: list[u32],
    taken: list[u32],
) -> i64:
    """Order some items, all of which must be there."""
    db = ctx.db
    found = [db[Item].get(i) for i in items]
    warehouse, district = db[Warehouse].get(w), db[District].get(w, d)
    if warehouse is None or district is None:
        raise qsdb.ReducerError("no such district")
    if None in found:
        return 0
    o, total = district.next_o, 0
    db[District].update(district.replace(next_o=o + 1))
    db[Orders].insert(Orders(w, d, o, c, entry, 0, len(items)))
    db[NewOrder].insert(NewOrder(w, d, o))
    stock, insert = db[Stock], db[OrderLine].insert
    for n, (item, quantity) in enumerate(zip(found, taken, strict=True), 1):
        assert item is not None
        amount = item.price * quantity
        total += amount
        held = stock.get(w, item.i)
        assert held is not None
        left = left_after(held.quantity, quantity)
        stock.update(Stock(w, item.i, left, held.ytd + quantity, held.ordered + 1))
        insert(OrderLine(w, d, o, n, item.i, quantity, amount, 0))
    customer = find_customer(db, w, d, c, 0)
    return price(total, customer.discount, warehouse.tax + district.tax)


@shop.reducer
def payment(  # noqa: PLR0913, PLR0917  as the standard has it
    ctx: qsdb.ReducerContext,
    w: u32,
    d: u32,
    c: u32,
    last: u32,
    amount: i64,
    number: u64,
) -> i64:
    """Pay."""
    db = ctx.db
    warehouse, district = db[Warehouse].get(w), db[District].get(w, d)
    if warehouse is None or district is None:
        raise qsdb.ReducerError("no such district")
    db[Warehouse].update(warehouse.replace(ytd=warehouse.ytd + amount))
    db[District].update(district.replace(ytd=district.ytd + amount))
    row = find_customer(db, w, d, c, last)
    paid, count = row.ytd + amount, row.payments + 1
    balance = row.balance - amount
    db[Customer].update(row.replace(balance=balance, ytd=paid, payments=count))
    db[History].insert(History(number, w, d, row.c, amount))
    return balance


def order_status(db: qsdb.Database, w: int, d: int, c: int, last: int) -> int:
    """Read the last order of a customer."""
    with db.read() as tx:
        customer = find_customer(tx, w, d, c, last)
        key = w, d, customer.c
        orders = tx[Orders].by_customer
        (order,) = orders.range(key, key, BOTH_ENDS, reverse=True, limit=1)
        get, total = tx[OrderLine].get, 0
        for n in range(1, order.lines + 1):
            line = get(w, d, order.o, n)
            total += 0 if line is None else line.amount
    return total


@shop.reducer
def delivery(ctx: qsdb.ReducerContext, w: u32, carrier: u32, now: u64) -> u32:
    """Deliver the oldest order of each district."""
    db, done = ctx.db, 0
    for d in range(1, DISTRICTS + 1):
        waiting = db[NewOrder].in_order.range((w, d), (w, d), BOTH_ENDS, limit=1)
        oldest = next(waiting, None)
        if oldest is None:
            continue
        db[NewOrder].delete_by_key(w, d, oldest.o)
        order = db[Orders].get(w, d, oldest.o)
        assert order is not None
        db[Orders].update(order.replace(carrier=carrier))
        lines, total = db[OrderLine], 0
        for n in range(1, order.lines + 1):
            line = lines.get(w, d, order.o, n)
            assert line is not None
            total += line.amount
            lines.update(line.replace(delivered=now))
        row = find_customer(db, w, d, order.c, 0)
        changed = row.replace(
            balance=row.balance + total, deliveries=row.deliveries + 1
        )
        db[Customer].update(changed)
        done += 1
    return done


def stock(db: qsdb.Database, w: int, d: int, low: int) -> int:
    """Count items of the last orders of which few are left."""
    with db.read() as tx:
        district = tx[District].get(w, d)
        if district is None:
            raise qsdb.ReducerError("no such district")
        items, get = set(), tx[OrderLine].get
        for o in range(max(district.next_o - 20, 1), district.next_o):
            order = tx[Orders].get(w, d, o)
            assert order is not None
            for n in range(1, order.lines + 1):
                line = get(w, d, o, n)
                assert line is not None
                items.add(line.i)
        held = [tx[Stock].get(w, i) for i in items]
    return sum([each is not None and each.quantity < low for each in held])


def suite(sizes: Sizes) -> Suite:
    """Draw rows and transactions."""
    rows = load(sizes)
    return Suite(
        "TPC-C lite",
        shop,
        {
            "warehouse": Warehouse,
            "district": District,
            "customer": Customer,
            "history": History,
            "new_order": NewOrder,
            "orders": Orders,
            "order_line": OrderLine,
            "item": Item,
            "stock": Stock,
        },
        rows,
        PARTS,
        draw_steps(sizes, rows),
        {
            "new_order": new_order,
            "payment": payment,
            "delivery": delivery,
        },
        SCHEMA,
        statements,
        mapped,
        lambda found, _: check(found),
        readings={"order_status": order_status, "stock": stock},
        by_hand=by_hand(rows),
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines."""
    yield from questions_of(suite(sizes))


TPCC = Benchmark(
    "bench_tpcc",
    __doc__,
    full={"warehouses": 1, "customers": 300, "items": 10_000, "transactions": 10_000},
    small={"warehouses": 1, "customers": 10, "items": 50, "transactions": 100},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(TPCC, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
