"""An independent check: lists that are only appended to show their own history.

Every transaction reads lists and appends numbers that nobody else appends. So each list
that was read says which transactions had written it, and in which order; nothing has to
be believed of offsets. From that follow the edges between transactions:

* *ww*: the second has appended right after the first;
* *wr*: the second has read what the first appended last;
* *rw*: the first has read a list to which the second has appended next.

A history is serializable if no edges lead from a transaction back to itself (Adya). At
the level snapshot such a ring must have two rw edges at least, one after the other.

The idea is Elle's (Kingsbury and Alvaro, 2020), in a few lines.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import attrs

__all__ = ["Appending", "cycle_faults"]


@attrs.frozen
class Appending:
    """What one transaction that has committed did.

    Attributes:
        number: Of the transaction.
        reads: List → what was in it, before anything was appended here.
        appends: List → the numbers appended to it.
    """

    number: int
    reads: dict[int, tuple[int, ...]]
    appends: dict[int, tuple[int, ...]]


Edges = dict[int, set[int]]


def cycle_faults(
    committed: Sequence[Appending],
    last: Mapping[int, tuple[int, ...]],
    *,
    snapshot: bool,
) -> Iterator[str]:
    """Yield a sentence for each thing that cannot be.

    Args:
        committed: The transactions that have committed.
        last: The lists at the end.
        snapshot: Whether the level is that, and so some rings are allowed.
    """
    writer = {
        number: each.number
        for each in committed
        for numbers in each.appends.values()
        for number in numbers
    }
    wrong = [*_faults_of_lists(committed, last, writer)]
    yield from wrong
    if wrong:
        return
    follows, reads = _edges(committed, last, writer)
    for ring in _rings(follows, reads, snapshot=snapshot):
        shown = ", ".join(map(str, sorted(ring)[:9]))
        yield f"transactions come before each other: {shown} …"


def _faults_of_lists(
    committed: Sequence[Appending],
    last: Mapping[int, tuple[int, ...]],
    writer: dict[int, int],
) -> Iterator[str]:
    """Yield what cannot be, also without looking for rings."""
    for key, numbers in last.items():
        if len(set(numbers)) < len(numbers):
            yield f"list {key}: a number was appended twice: {numbers}"
        unknown = [number for number in numbers if number not in writer]
        if unknown:
            yield f"list {key}: nobody who committed has appended {unknown}"
    lost = set(writer).difference(*last.values())
    if lost:
        yield f"what was appended and is nowhere: {sorted(lost)}"
    for each in committed:
        for key, seen in each.reads.items():
            if last.get(key, ())[: len(seen)] != seen:
                yield f"transaction {each.number} read {seen}: no beginning of {key}"


def _edges(
    committed: Sequence[Appending],
    last: Mapping[int, tuple[int, ...]],
    writer: dict[int, int],
) -> tuple[Edges, Edges]:
    """Give the edges ww and wr, and those rw."""
    follows: Edges = defaultdict(set)
    reads: Edges = defaultdict(set)
    for numbers in last.values():
        writers = [writer[number] for number in numbers]
        for first, second in itertools.pairwise(writers):
            if first != second:
                follows[first].add(second)
    for each in committed:
        for key, seen in each.reads.items():
            before = writer[seen[-1]] if seen else each.number
            if before != each.number:
                follows[before].add(each.number)
            after = last.get(key, ())[len(seen) :]
            next_one = writer[after[0]] if after else each.number
            if next_one != each.number:
                reads[each.number].add(next_one)
    return follows, reads


def _rings(follows: Edges, reads: Edges, *, snapshot: bool) -> Iterator[set[int]]:
    """Yield sets of transactions that come before each other, and must not."""
    graph: Edges = defaultdict(set)
    for number in follows.keys() | reads.keys():
        ahead = follows.get(number, set())
        if snapshot:
            # An rw edge counts with the edge ww or wr behind it, and so never twice
            # in a row: a ring of these has no two rw edges one after the other.
            beyond = [follows.get(each, set()) for each in reads.get(number, ())]
            graph[number] = ahead.union(*beyond)
        else:
            graph[number] = ahead | reads.get(number, set())
    yield from _in_rings(graph)


def _in_rings(graph: Edges) -> Iterator[set[int]]:
    """Yield those that are in rings or between two of them, if there are any.

    Who follows nobody is in no ring, and is taken away until nobody is left so.
    """
    before: Edges = defaultdict(set)
    left: dict[int, int] = defaultdict(int)
    for number, ahead in graph.items():
        left[number] += len(ahead)
        for other in ahead:
            before[other].add(number)
            left[other] += 0
    free = [number for number, count in left.items() if not count]
    while free:
        number = free.pop()
        del left[number]
        for other in before[number]:
            left[other] -= 1
            if not left[other]:
                free.append(other)
    if left:
        yield set(left)
