"""A module for tests of whole servers: writers that number their entries.

A writer's entries are numbered from 0 without a gap, and `Total` says how many there
have been. So what was lost, or was done twice, shows.
"""

import struct

import qsdb
from qsdb import u32, u64

__all__ = ["Entry", "Total", "arguments", "ledger"]

ledger = qsdb.Module("ledger")


class Entry(qsdb.Row, module=ledger, public=True, primary_key=("writer", "number")):
    writer: u32
    number: u32
    text: str


class Total(qsdb.Row, module=ledger, public=True):
    writer: u32 = qsdb.primary_key()
    count: u32


class Bell(qsdb.Row, module=ledger, public=True, event=True):
    writer: u32


class Hidden(qsdb.Row, module=ledger):
    word: str = qsdb.primary_key()


@ledger.view(public=True)
def beginnings(ctx: qsdb.AnonymousViewContext) -> list[Entry]:
    entries = ctx.db[Entry]
    found = [entries.get(total.writer, 0) for total in ctx.db[Total]]
    return [each for each in found if each is not None]


@ledger.client_connected
def connected(ctx: qsdb.ReducerContext) -> None:
    """Have clients noted."""


@ledger.client_disconnected
def disconnected(ctx: qsdb.ReducerContext) -> None:
    """Have them forgotten."""


@ledger.reducer
def write(ctx: qsdb.ReducerContext, writer: u32, number: u32, text: str) -> None:
    total = ctx.db[Total].get(writer) or Total(writer, 0)
    if total.count != number:
        raise qsdb.ReducerError(f"writer {writer} is at {total.count}, not {number}")
    ctx.db[Entry].insert(Entry(writer, number, text))
    ctx.db[Total].upsert(total.replace(count=number + 1))
    ctx.db[Bell].insert(Bell(writer))


@ledger.reducer
def erase(ctx: qsdb.ReducerContext, writer: u32, number: u32) -> None:
    if not ctx.db[Entry].delete_by_key(writer, number):
        raise qsdb.ReducerError(f"no entry {number} of writer {writer}")


@ledger.reducer
def fail(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Entry].clear()
    raise ValueError("as it is to")


@ledger.procedure
def count(ctx: qsdb.ProcedureContext, writer: u32) -> u64:
    with ctx.transaction() as tx:
        return sum(1 for each in tx[Entry] if each.writer == writer)


def arguments(*values: int | str) -> bytes:
    """Encode arguments of these functions: numbers and texts."""
    data = b""
    for value in values:
        if isinstance(value, int):
            data += struct.pack("<I", value)
        else:
            data += struct.pack("<I", len(value.encode())) + value.encode()
    return data
