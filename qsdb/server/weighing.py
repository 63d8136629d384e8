"""How much a query looks at, in rows and in bytes: on which thread it is answered.

What is little is answered where the message is read, in the event loop, where all
others wait meanwhile. To look at thousands of rows takes too long for that, and so do
few rows that are long: they are compared, given to functions and copied.

Before a query begins it is known how much that can be at the worst. Of a small table
all rows are weighed, once after each commit that changes it; a join multiplies them.
Two things only the answer shows: what a view gives, and how long the one row of a large
table is that a key finds. Such an answer is weighed before it is encoded.
"""

import math
from collections.abc import Sequence

import attrs

from qsdb.runtime.prepared import PreparedQuery
from qsdb.runtime.table_counts import sizes_of
from qsdb.server.peers import Peer, SessionOptions
from qsdb.server.weights import weigh
from qsdb.sql.estimating import at_most
from qsdb.sql.planning import Plan
from qsdb.sql.readable import StoredRow

__all__ = ["Work", "is_long", "work_of"]


@attrs.frozen
class Work:
    """How much queries look at, at the worst.

    Attributes:
        rows: So many, combinations of them counted.
        bytes: What of them has no fixed size.
        is_known: Whether that is all; else the answer shows it.
    """

    rows: int = 0
    bytes: int = 0
    is_known: bool = True

    def __add__(self, other: "Work") -> "Work":
        """Give both together."""
        is_known = self.is_known and other.is_known
        return Work(self.rows + other.rows, self.bytes + other.bytes, is_known)

    def is_much(self, options: SessionOptions) -> bool:
        """Whether it takes so long that others should not wait for it."""
        return self.rows > options.inline_rows or self.bytes > options.inline_bytes


def work_of(peer: Peer, prepared: PreparedQuery) -> Work:
    """Say how much a query may look at; what is too many rows is not weighed."""
    plan, options = prepared.plan, peer.options
    sizes = sizes_of(plan, peer.access.subscriptions.queries.entries)
    rows = at_most(plan, sizes)
    if rows > options.inline_rows:
        return Work(rows)
    weights = peer.served.weights
    found = Work(rows)
    for part in (plan,) if isinstance(plan, Plan) else plan.plans:
        tables = [part.query.tables[step.source].schema.name for step in part.all_steps]
        steps = [*zip(part.all_steps, tables, strict=True)]
        combinations = math.prod([sizes[t] for step, t in steps if not step.finds_one])
        for step, table in steps:
            weight = weights.of(table, options.inline_rows, options.inline_bytes)
            if step.finds_one:
                each = weight.longest or 0
                is_known = weight.longest is not None
                found += Work(0, combinations * each, is_known)
            else:
                each = combinations // (sizes[table] or 1)
                found += Work(0, each * weight.total, weight.is_table)
    return found


def is_long(options: SessionOptions, results: Sequence[Sequence[StoredRow]]) -> bool:
    """Whether it takes long to encode results."""
    if sum(map(len, results)) > options.inline_rows:
        return True
    left = options.inline_bytes
    for rows in results:
        for row in rows:
            left -= weigh(row, left)
            if left < 0:
                return True
    return False
