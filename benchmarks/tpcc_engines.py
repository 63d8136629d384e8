"""TPC-C lite in SQL, and over mappings with indexes made by hand."""

from typing import Any

from benchmarks.keyed import Tables
from benchmarks.statements import Statements
from benchmarks.suites import Functions
from benchmarks.tpcc_rows import DISTRICTS, MIX

__all__ = ["SCHEMA", "left_after", "mapped", "price", "statements"]

SCHEMA = """
CREATE TABLE warehouse (w INTEGER PRIMARY KEY, tax INTEGER, ytd BIGINT);
CREATE TABLE district (
    w INTEGER, d INTEGER, tax INTEGER, ytd BIGINT, next_o INTEGER, PRIMARY KEY (w, d)
) CLUSTERED;
CREATE TABLE customer (
    w INTEGER, d INTEGER, c INTEGER, last INTEGER, discount INTEGER, balance BIGINT,
    ytd BIGINT, payments INTEGER, deliveries INTEGER, data TEXT, PRIMARY KEY (w, d, c)
) CLUSTERED;
CREATE INDEX by_last ON customer (w, d, last);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, w INTEGER, d INTEGER, c INTEGER, amount BIGINT
);
CREATE TABLE new_order (w INTEGER, d INTEGER, o INTEGER, PRIMARY KEY (w, d, o))
CLUSTERED;
CREATE TABLE orders (
    w INTEGER, d INTEGER, o INTEGER, c INTEGER, entry BIGINT, carrier INTEGER,
    lines INTEGER, PRIMARY KEY (w, d, o)
) CLUSTERED;
CREATE INDEX by_customer ON orders (w, d, c, o);
CREATE TABLE order_line (
    w INTEGER, d INTEGER, o INTEGER, n INTEGER, i INTEGER, quantity INTEGER,
    amount BIGINT, delivered BIGINT, PRIMARY KEY (w, d, o, n)
) CLUSTERED;
CREATE TABLE item (i INTEGER PRIMARY KEY, price INTEGER, name TEXT);
CREATE TABLE stock (
    w INTEGER, i INTEGER, quantity INTEGER, ytd BIGINT, ordered INTEGER,
    PRIMARY KEY (w, i)
) CLUSTERED
"""


def price(total: int, discount: int, taxes: int) -> int:
    """Give what a customer pays."""
    return total * (10_000 - discount) * (10_000 + taxes) // 100_000_000


def left_after(quantity: int, taken: int) -> int:
    """Give what is in stock after some was taken; a low stock is filled up."""
    return quantity - taken + (0 if quantity >= taken + 10 else 91)


class InSql:
    """The transactions as statements."""

    def __init__(self, peer: Statements) -> None:
        self.execute = peer.execute

    def _customer(self, w: int, d: int, c: int, last: int) -> int:
        """Find the customer in the middle of those with a name."""
        if c:
            return c
        text = "SELECT c FROM customer WHERE w = ? AND d = ? AND last = ? ORDER BY c"
        found = [row[0] for row in self.execute(text, (w, d, last))]
        return int(found[len(found) // 2])

    def new_order(
        self,
        w: int,
        d: int,
        c: int,
        entry: int,
        items: list[int],
        taken: list[int],
    ) -> int:
        """Order some items."""
        execute, total = self.execute, 0
        execute("BEGIN")
        ((w_tax,),) = execute("SELECT tax FROM warehouse WHERE w = ?", (w,))
        text = "SELECT discount FROM customer WHERE w = ? AND d = ? AND c = ?"
        ((discount,),) = execute(text, (w, d, c))
        text = (
            "UPDATE district SET next_o = next_o + 1 WHERE w = ? AND d = ? "
            "RETURNING tax, next_o - 1"
        )
        ((d_tax, o),) = execute(text, (w, d))
        order = (w, d, o, c, entry, 0, len(items))
        execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", order)
        execute("INSERT INTO new_order VALUES (?, ?, ?)", (w, d, o))
        for n, (i, quantity) in enumerate(zip(items, taken, strict=True), 1):
            found = [*execute("SELECT price FROM item WHERE i = ?", (i,))]
            if not found:
                execute("ROLLBACK")
                return 0
            amount = found[0][0] * quantity
            total += amount
            text = (
                "UPDATE stock SET ytd = ytd + ?, ordered = ordered + 1, quantity = "
                "quantity - ? + CASE WHEN quantity >= ? + 10 THEN 0 ELSE 91 END "
                "WHERE w = ? AND i = ?"
            )
            execute(text, (quantity, quantity, quantity, w, i))
            line = (w, d, o, n, i, quantity, amount, 0)
            execute("INSERT INTO order_line VALUES (?, ?, ?, ?, ?, ?, ?, ?)", line)
        execute("COMMIT")
        return price(total, discount, w_tax + d_tax)

    def payment(
        self, w: int, d: int, c: int, last: int, amount: int, number: int
    ) -> int:
        """Pay."""
        execute = self.execute
        execute("BEGIN")
        execute("UPDATE warehouse SET ytd = ytd + ? WHERE w = ?", (amount, w))
        text = "UPDATE district SET ytd = ytd + ? WHERE w = ? AND d = ?"
        execute(text, (amount, w, d))
        found = self._customer(w, d, c, last)
        text = (
            "UPDATE customer SET balance = balance - ?, ytd = ytd + ?, "
            "payments = payments + 1 WHERE w = ? AND d = ? AND c = ? "
            "RETURNING balance"
        )
        ((balance,),) = execute(text, (amount, amount, w, d, found))
        row = (number, w, d, found, amount)
        execute("INSERT INTO history VALUES (?, ?, ?, ?, ?)", row)
        execute("COMMIT")
        return int(balance)

    def order_status(self, w: int, d: int, c: int, last: int) -> int:
        """Read the last order of a customer."""
        execute = self.execute
        execute("BEGIN")
        found = self._customer(w, d, c, last)
        text = "SELECT max(o) FROM orders WHERE w = ? AND d = ? AND c = ?"
        ((o,),) = execute(text, (w, d, found))
        text = "SELECT amount FROM order_line WHERE w = ? AND d = ? AND o = ?"
        total: int = sum([row[0] for row in execute(text, (w, d, o))])
        execute("COMMIT")
        return total

    def delivery(self, w: int, carrier: int, now: int) -> int:
        """Deliver the oldest order of each district."""
        execute, done = self.execute, 0
        where = "WHERE w = ? AND d = ? AND o = ?"
        execute("BEGIN")
        for d in range(1, DISTRICTS + 1):
            text = "SELECT min(o) FROM new_order WHERE w = ? AND d = ?"
            ((o,),) = execute(text, (w, d))
            if o is None:
                continue
            execute(f"DELETE FROM new_order {where}", (w, d, o))
            text = f"UPDATE orders SET carrier = ? {where} RETURNING c"
            ((c,),) = execute(text, (carrier, w, d, o))
            execute(f"UPDATE order_line SET delivered = ? {where}", (now, w, d, o))
            ((total,),) = execute(
                f"SELECT sum(amount) FROM order_line {where}", (w, d, o)
            )
            text = (
                "UPDATE customer SET balance = balance + ?, deliveries = "
                "deliveries + 1 WHERE w = ? AND d = ? AND c = ?"
            )
            execute(text, (int(total), w, d, c))
            done += 1
        execute("COMMIT")
        return done

    def stock(self, w: int, d: int, low: int) -> int:
        """Count items of the last orders of which few are left."""
        text = (
            "SELECT count(DISTINCT s.i) FROM district t "
            "JOIN order_line l ON l.w = t.w AND l.d = t.d "
            "AND l.o >= t.next_o - 20 AND l.o < t.next_o "
            "JOIN stock s ON s.w = l.w AND s.i = l.i "
            "WHERE t.w = ? AND t.d = ? AND s.quantity < ?"
        )
        ((count,),) = self.execute(text, (w, d, low))
        return int(count)


class InMaps:
    """The transactions over mappings."""

    def __init__(self, tables: Tables) -> None:
        self.tables: Any = tables

    def _customer(self, w: int, d: int, c: int, last: int) -> int:
        if c:
            return c
        found = self.tables["by_last"][w, d, last][3]
        return int(found[len(found) // 2])

    def new_order(
        self,
        w: int,
        d: int,
        c: int,
        entry: int,
        items: list[int],
        taken: list[int],
    ) -> int:
        """Order some items, all of which must be there."""
        tables = self.tables
        prices = [tables["item"].get(i) for i in items]
        if None in prices:
            return 0
        stock, lines, total = tables["stock"], tables["order_line"], 0
        _, _, d_tax, ytd, o = tables["district"][w, d]
        tables["district"][w, d] = (w, d, d_tax, ytd, o + 1)
        tables["orders"][w, d, o] = (w, d, o, c, entry, 0, len(items))
        tables["new_order"][w, d, o] = (w, d, o)
        tables["last_order"][w, d, c] = (w, d, c, o)
        if (w, d) not in tables["oldest"]:
            tables["oldest"][w, d] = (w, d, o)
        for n, (item, quantity) in enumerate(zip(prices, taken, strict=True), 1):
            i, cost, _ = item
            amount = cost * quantity
            total += amount
            _, _, held, sold, ordered = stock[w, i]
            left = left_after(held, quantity)
            stock[w, i] = (w, i, left, sold + quantity, ordered + 1)
            lines[w, d, o, n] = (w, d, o, n, i, quantity, amount, 0)
        discount = tables["customer"][w, d, c][4]
        return price(total, discount, tables["warehouse"][w][1] + d_tax)

    def payment(
        self, w: int, d: int, c: int, last: int, amount: int, number: int
    ) -> int:
        """Pay."""
        tables = self.tables
        _, w_tax, w_ytd = tables["warehouse"][w]
        tables["warehouse"][w] = (w, w_tax, w_ytd + amount)
        _, _, d_tax, d_ytd, next_o = tables["district"][w, d]
        tables["district"][w, d] = (w, d, d_tax, d_ytd + amount, next_o)
        key = (w, d, self._customer(w, d, c, last))
        row = tables["customer"][key]
        balance, ytd, payments = row[5] - amount, row[6] + amount, row[7] + 1
        tables["customer"][key] = (*row[:5], balance, ytd, payments, *row[8:])
        tables["history"][number] = (number, *key, amount)
        return int(balance)

    def order_status(self, w: int, d: int, c: int, last: int) -> int:
        """Read the last order of a customer."""
        tables = self.tables
        o = tables["last_order"][w, d, self._customer(w, d, c, last)][3]
        lines, count = tables["order_line"], tables["orders"][w, d, o][6]
        return sum([lines[w, d, o, n][6] for n in range(1, count + 1)])

    def delivery(self, w: int, carrier: int, now: int) -> int:
        """Deliver the oldest order of each district."""
        tables, done = self.tables, 0
        orders, lines = tables["orders"], tables["order_line"]
        for d in range(1, DISTRICTS + 1):
            if (w, d) not in tables["oldest"]:
                continue
            o, total = tables["oldest"][w, d][2], 0
            del tables["new_order"][w, d, o]
            if (w, d, o + 1) in tables["new_order"]:
                tables["oldest"][w, d] = (w, d, o + 1)
            else:
                del tables["oldest"][w, d]
            *kept, c, entry, _, count = orders[w, d, o]
            orders[w, d, o] = (*kept, c, entry, carrier, count)
            for n in range(1, count + 1):
                line = lines[w, d, o, n]
                total += line[6]
                lines[w, d, o, n] = (*line[:7], now)
            row = tables["customer"][w, d, c]
            changed = (row[5] + total, row[6], row[7], row[8] + 1)
            tables["customer"][w, d, c] = (*row[:5], *changed, row[9])
            done += 1
        return done

    def stock(self, w: int, d: int, low: int) -> int:
        """Count items of the last orders of which few are left."""
        tables, stock = self.tables, self.tables["stock"]
        next_o, items = tables["district"][w, d][4], set()
        for o in range(max(next_o - 20, 1), next_o):
            for n in range(1, tables["orders"][w, d, o][6] + 1):
                items.add(tables["order_line"][w, d, o, n][4])
        return sum([stock[w, i][2] < low for i in items])


def statements(peer: Statements) -> Functions:
    """Give the transactions in SQL."""
    engine = InSql(peer)
    return {name: getattr(engine, name) for name in MIX}


def mapped(tables: Tables) -> Functions:
    """Give the transactions over mappings."""
    engine = InMaps(tables)
    return {name: getattr(engine, name) for name in MIX}
