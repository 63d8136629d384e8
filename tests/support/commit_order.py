"""The direct check: a history replayed in the order of its commits, on a plain dict.

An embedded database says in which order transactions have committed, so nothing needs
to be searched for. Each transaction is recorded as it runs: at which offset it began,
each operation with what it gave, and how it ended. Then all commits are replayed, and

1. what a transaction read is what was there when it began, with its own writes;
2. if it has written, the rows that it wrote are just before its commit what they were
   when it began: nothing is overwritten that it has not seen;
3. if it is serializable too, the same operations give the same just before its commit:
   it is as if it had run there, alone;
4. one that was refused or rolled back has left no trace;
5. one that was refused breaks rule 2 or 3: nobody is refused for nothing;
6. one that has only read is never refused, and offsets of commits follow each other.

The rows are numbers under numbers: ``(id, value)``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

__all__ = ["READS", "Operation", "Record", "State", "faults", "run_on"]

State = dict[int, int]
Operation = tuple[str, tuple[int, ...]]
"""A name and numbers: ``("put", (1, 11))``."""

READS: Mapping[str, Callable[..., object]] = {
    "get": lambda rows, key: rows.get(key),
    "all": lambda rows: sorted(rows.items()),
    "len": len,
    "range": lambda rows, low, high: sorted(
        (value, key) for key, value in rows.items() if low <= value < high
    ),
    "where": lambda rows, n: sorted(
        (key, value) for key, value in rows.items() if value % n == 0
    ),
}
"""What operations that read give of some rows."""


@attrs.define
class Record:
    """One transaction.

    Attributes:
        name: For messages.
        level: Its isolation; or "serial".
        began: The offset at which it read.
        events: Its operations, each with what it gave.
        ended: "committed", "refused" or "rolled back".
        before: The last offset when it came to its end.
        offset: What its commit gave.
    """

    name: str
    level: str
    began: int
    events: list[tuple[Operation, object]] = attrs.Factory(list)
    ended: str = "rolled back"
    before: int = 0
    offset: int = 0

    @property
    def written(self) -> set[int]:
        """The keys of the rows that it has written; of none that it only looked for."""
        return {
            operation[1][0]
            for operation, given in self.events
            if _is_write(operation, given)
        }


def _is_write(operation: Operation, given: object) -> bool:
    """Whether something was written: not if what was to be deleted was not there."""
    return operation[0] not in READS and given is not False


def run_on(rows: State, operation: Operation) -> object:
    """Do an operation to rows, and give what comes out."""
    name, numbers = operation
    if name in READS:
        return READS[name](rows, *numbers)
    key = numbers[0]
    if name == "put":
        rows[key] = numbers[1]
        return None
    if name == "add":
        rows[key] = rows.get(key, 0) + numbers[1]
        return rows[key]
    assert name == "delete"
    return rows.pop(key, None) is not None


def faults(
    first: int, rows: State, records: Sequence[Record], last: State
) -> Iterator[str]:
    """Yield a sentence for each rule that a history breaks.

    Args:
        first: The offset at which it begins.
        rows: The rows at that offset.
        records: Its transactions, in the order in which they ended.
        last: The rows at its end.
    """
    states = {first: dict(rows)}
    offset = first
    ended = [each for each in records if each.ended == "committed" and each.written]
    for record in ended:
        if record.before != offset:
            yield f"{record.name}: offset {record.before} came after {offset}"
            return
        after = _after(record, states[offset])
        wanted = offset + (after != states[offset])
        if record.offset != wanted:
            yield f"{record.name}: its commit is {record.offset}, not {wanted}"
        offset = wanted
        states[offset] = after
    if states[offset] != last:
        yield f"the rows at the end are {last}, not {states[offset]}"
    for record in records:
        yield from _faults_of(record, states)


def _after(record: Record, state: State) -> State:
    """Give the rows with what a transaction has written."""
    after = dict(state)
    for operation, given in record.events:
        if _is_write(operation, given):
            run_on(after, operation)
    return after


def _faults_of(record: Record, states: Mapping[int, State]) -> Iterator[str]:
    if not _is_repeated(record, states[record.began]):
        yield f"{record.name}: it read something else than what was there: {record}"
    if record.ended == "rolled back":
        return
    may_commit = not record.written or _may_commit(record, states)
    if record.ended == "refused" and may_commit:
        yield f"{record.name}: it was refused for nothing: {record}"
    if record.ended == "committed" and not may_commit:
        yield f"{record.name}: others were faster, and it has committed: {record}"


def _may_commit(record: Record, states: Mapping[int, State]) -> bool:
    began, before = states[record.began], states[record.before]
    are_seen = all(before.get(key) == began.get(key) for key in record.written)
    return are_seen and (record.level == "snapshot" or _is_repeated(record, before))


def _is_repeated(record: Record, state: State) -> bool:
    """Whether the operations give the same on another state."""
    rows = dict(state)
    return all(run_on(rows, operation) == given for operation, given in record.events)
