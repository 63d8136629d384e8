"""TPC-C lite: what is loaded, what is drawn, and the twelve conditions of consistency.

Money is in cents, shares in hundredths of a percent. As in TPC-C a third of the orders
are not delivered at first, and only their lines have amounts.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator

from benchmarks.harness import require
from benchmarks.program import Sizes
from benchmarks.statements import Raw
from benchmarks.suites import Rows, Step

__all__ = [
    "DISTRICTS",
    "MIX",
    "PARTS",
    "SEED",
    "by_hand",
    "check",
    "draw_steps",
    "load",
]

SEED = 37
DISTRICTS, NAMES = 10, 100
MIX = {"new_order": 45, "payment": 43, "order_status": 4, "delivery": 4, "stock": 4}
OPENING = 1_000
"""What each customer has paid at first."""

PARTS = {
    "warehouse": 1,
    "district": 2,
    "customer": 3,
    "history": 1,
    "new_order": 3,
    "orders": 3,
    "order_line": 4,
    "item": 1,
    "stock": 2,
    "by_last": 3,
    "last_order": 3,
    "oldest": 2,
}
"""How many of the first columns are the key; the last three are indexes by hand."""


def load(sizes: Sizes) -> dict[str, list[Raw]]:
    """Draw the rows that are there at first."""
    chance = random.Random(SEED)
    warehouses, each, items = sizes["warehouses"], sizes["customers"], sizes["items"]
    rows: dict[str, list[Raw]] = {name: [] for name in list(PARTS)[:9]}
    rows["item"] = [
        (n, chance.randint(100, 10_000), f"item {n}") for n in range(1, items + 1)
    ]
    for w in range(1, warehouses + 1):
        tax = chance.randint(0, 2_000)
        rows["warehouse"].append((w, tax, DISTRICTS * each * OPENING))
        for n in range(1, items + 1):
            rows["stock"].append((w, n, chance.randint(10, 100), 0, 0))
        for d in range(1, DISTRICTS + 1):
            tax = chance.randint(0, 2_000)
            rows["district"].append((w, d, tax, each * OPENING, each + 1))
            for c in range(1, each + 1):
                discount, last = chance.randint(0, 5_000), chance.randrange(NAMES)
                paid = (-OPENING, OPENING, 1, 0)
                rows["customer"].append((w, d, c, last, discount, *paid, "x" * 200))
                rows["history"].append((len(rows["history"]) + 1, w, d, c, OPENING))
            _load_orders(chance, rows, (w, d), each, items)
    return rows


def _load_orders(
    chance: random.Random,
    rows: dict[str, list[Raw]],
    place: tuple[int, int],
    count: int,
    items: int,
) -> None:
    """Draw an order of each customer of a district."""
    delivered = count * 7 // 10
    for o, c in enumerate(chance.sample(range(1, count + 1), count), 1):
        lines, is_new = chance.randint(5, 15), o > delivered
        carrier = 0 if is_new else chance.randint(1, 10)
        rows["orders"].append((*place, o, c, 0, carrier, lines))
        if is_new:
            rows["new_order"].append((*place, o))
        for n in range(1, lines + 1):
            amount = chance.randint(1, 999_999) if is_new else 0
            line = (chance.randint(1, items), 5, amount, 0 if is_new else 1)
            rows["order_line"].append((*place, o, n, *line))


def by_hand(rows: Rows) -> dict[str, list[Raw]]:
    """Give what serves mappings as indexes."""
    names: dict[Raw, list[int]] = defaultdict(list)
    for w, d, c, last, *_ in rows["customer"]:
        names[w, d, last].append(c)
    last_order = {(w, d, c): o for w, d, o, c, *_ in rows["orders"]}
    oldest: dict[Raw, int] = {}
    for w, d, o in rows["new_order"]:
        oldest.setdefault((w, d), o)
    return {
        "by_last": [(*key, tuple(found)) for key, found in names.items()],
        "last_order": [(*key, o) for key, o in last_order.items()],
        "oldest": [(*key, o) for key, o in oldest.items()],
    }


def draw_steps(sizes: Sizes, rows: Rows) -> list[Step]:
    """Draw transactions."""
    chance, count = random.Random(SEED + 1), sizes["transactions"]
    names = sorted({(row[0], row[1], row[3]) for row in rows["customer"]})
    drawn = chance.choices([*MIX], [*MIX.values()], k=count)
    first = len(rows["history"]) + 1
    return [
        (name, _arguments(chance, name, sizes, (names, first + number)))
        for number, name in enumerate(drawn)
    ]


def _arguments(
    chance: random.Random, name: str, sizes: Sizes, more: tuple[list[Raw], int]
) -> Raw:
    names, number = more
    w, d = chance.randint(1, sizes["warehouses"]), chance.randint(1, DISTRICTS)
    c, last = chance.randint(1, sizes["customers"]), 0
    if name in ("payment", "order_status") and chance.random() < 0.6:
        w, d, last = chance.choice(names)
        c = 0
    match name:
        case "new_order":
            lines = chance.randint(5, 15)
            items = chance.sample(range(1, sizes["items"] + 1), lines)
            if chance.random() < 0.01:
                items[-1] = sizes["items"] + 1  # there is no such item
            return w, d, c, number, items, [chance.randint(1, 10) for _ in items]
        case "payment":
            return w, d, c, last, chance.randint(100, 500_000), number
        case "order_status":
            return w, d, c, last
        case "delivery":
            return w, chance.randint(1, 10), number
        case _:
            return w, d, chance.randint(10, 20)


def _by_district(rows: Rows) -> Iterator[tuple[Raw, dict[str, list[Raw]]]]:
    tables = ("customer", "history", "new_order", "orders", "order_line")
    parted: dict[Raw, dict[str, list[Raw]]] = {
        district[:2]: {table: [] for table in tables} for district in rows["district"]
    }
    for table in tables:
        for row in rows[table]:
            place = row[1:3] if table == "history" else row[:2]
            parted[tuple(place)][table].append(row)
    for district in rows["district"]:
        yield district, parted[district[:2]]


def check(rows: Rows) -> None:
    """See that the twelve conditions hold (TPC-C, 3.3.2)."""
    paid: Counter[int] = Counter()
    received: Counter[int] = Counter()
    for w, _, _, ytd, _ in rows["district"]:
        received[w] += ytd
    for _, w, _, _, amount in rows["history"]:
        paid[w] += amount
    for w, _, ytd in rows["warehouse"]:
        require(ytd == received[w], "1: a warehouse and its districts disagree")
        require(ytd == paid[w], "8: a warehouse and its history disagree")
    for district, parts in _by_district(rows):
        _check_orders(district, parts)
        _check_customers(district, parts)


def _check_orders(district: Raw, parts: Rows) -> None:
    numbers = [row[2] for row in parts["orders"]]
    waiting = [row[2] for row in parts["new_order"]]
    require(max(numbers) == district[4] - 1, "2: the next order has another number")
    require(not waiting or max(waiting) == max(numbers), "2: the newest is not new")
    gap = len(waiting) != len(range(min(waiting), max(waiting) + 1)) if waiting else 0
    require(not gap, "3: new orders have gaps")
    lines: dict[int, list[Raw]] = defaultdict(list)
    for row in parts["order_line"]:
        lines[row[2]].append(row)
    expected = sum([row[6] for row in parts["orders"]])
    require(len(parts["order_line"]) == expected, "4: lines are missing")
    new = set(waiting)
    for _, _, o, _, _, carrier, count in parts["orders"]:
        require((carrier == 0) == (o in new), "5: an order with a carrier is new")
        require(len(lines[o]) == count, "6: an order has other lines")
        wrong = [row for row in lines[o] if (row[7] == 0) != (carrier == 0)]
        require(not wrong, "7: a line is delivered and its order not")


def _check_customers(district: Raw, parts: Rows) -> None:
    paid: Counter[int] = Counter()
    for _, _, _, c, amount in parts["history"]:
        paid[c] += amount
    require(sum(paid.values()) == district[3], "9: a district and its history disagree")
    owner = {row[2]: row[3] for row in parts["orders"]}
    owed: Counter[int] = Counter()
    for _, _, o, _, _, _, amount, delivered in parts["order_line"]:
        owed[owner[o]] += amount if delivered else 0
    counts = 0
    for _, _, c, _, _, balance, ytd, _, deliveries, _ in parts["customer"]:
        require(balance == owed[c] - paid[c], "10: a balance is not what is owed")
        require(balance + ytd == owed[c], "12: a balance and what was paid disagree")
        counts += deliveries
    first = len(parts["customer"]) * 7 // 10
    done = len(parts["orders"]) - len(parts["new_order"])
    require(done == first + counts, "11: orders were delivered and not counted")
