"""Checking the snapshots: their files, and that the log leads from one to the next."""

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.chunks import DIGEST_BYTES, Chunk
from qsdb.log.manifests import Snapshot, manifest_name
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.log.whole_files import read_file
from qsdb.recovery.log_checks import Tell
from qsdb.recovery.opening import Until, read_state
from qsdb.recovery.salvaging import FileFault, fault_of
from qsdb.recovery.state import State, TableState, read_snapshot_state

__all__ = ["SnapshotsFound", "check_snapshots", "compare_states", "replay_all"]


class SnapshotsFound(NamedTuple):
    """What there is of snapshots."""

    snapshots: Sequence[Snapshot]
    """Those whose manifests can be read, newest last."""
    chunks: Mapping[str, Chunk]
    """Name of a file → what these snapshots know of it."""
    is_complete: bool
    """Whether all manifests can be read."""


def check_snapshots(
    directory: Directory, database: bytes, tell: Tell
) -> SnapshotsFound:
    """Check all manifests, and that each chunk is there and hashes to its name.

    Args:
        directory: Of the database.
        database: Its id.
        tell: Takes each fault.

    Raises:
        FormatVersionError: a newer qsdb wrote one.

    Cost: one hash of each chunk.
    """
    found: list[Snapshot] = []
    offsets = list_snapshots(directory)
    for offset in offsets:
        try:
            found.append(read_snapshot(directory, offset, database=database))
        except (CorruptionError, OSError) as error:
            tell(fault_of(error, directory.describe(manifest_name(offset))))
    chunks = {chunk.name: chunk for each in found for chunk in each.chunks()}
    for name, chunk in chunks.items():
        reason = _fault_of_chunk(directory, chunk)
        if reason is not None:
            tell(FileFault(directory.describe(name), 0, reason))
    return SnapshotsFound(found, chunks, len(found) == len(offsets))


def _fault_of_chunk(directory: Directory, chunk: Chunk) -> str | None:
    try:
        data = read_file(directory, chunk.name)
    except FileNotFoundError:
        return f"it is missing, with {chunk.rows_count} rows of a snapshot"
    except OSError as error:
        return fault_of(error, "").reason
    digest = hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
    return None if digest == chunk.digest else "its content does not hash to its name"


def replay_all(
    directory: Directory,
    database: bytes,
    starts: Sequence[int],
    told: Collection[str],
    tell: Tell,
) -> State | None:
    """Replay the log from each start to the next, and compare with what is there.

    Args:
        directory: Of the database.
        database: Its id.
        starts: Offsets of snapshots, ascending, and 0 for the beginning of the log.
        told: Paths of which a fault is known; they get no other.
        tell: Takes each fault.

    Returns:
        What the last one leads to; None where it cannot be read.

    Cost: two times that of reading each snapshot, and one pass over the log.
    """
    state: State | None = None
    for start, stop in itertools.zip_longest(starts, starts[1:]):
        try:
            state = _replay(directory, start, stop)
            if stop is None or state.offset != stop:
                continue
            stored = read_snapshot_state(directory, stop, database)
        except (CorruptionError, OSError) as error:
            state = None
            fault = fault_of(error, directory.describe())
            # What the system cannot read, it could not before.
            if fault.path not in told and not (told and isinstance(error, OSError)):
                tell(fault)
            continue
        path = directory.describe(manifest_name(stop))
        for sentence in compare_states(state, stored):
            tell(FileFault(path, 0, f"{sentence}, replayed from offset {start}"))
    return state


def _replay(directory: Directory, start: int, stop: int | None) -> State:
    until: Until | None = None
    if stop is not None:
        until = lambda state, _: state.offset >= stop  # noqa: E731  typed so
    return read_state(directory, at_most=start, until=until).state


def compare_states(replayed: State, stored: State) -> Iterator[str]:
    """Yield a sentence for each table that is not the same in both.

    Cost: O(rows).
    """
    try:
        before, after = replayed.described(), stored.described()
    except ValueError as error:
        yield f"the catalogue: {error}"
        return
    for number in sorted({*before, *after}):
        if number not in before or number not in after:
            where = "in the snapshot" if number in after else "in the log"
            yield f"table {number} is {where} only"
        else:
            yield from _compare_tables(before[number], after[number])


def _compare_tables(replayed: TableState, stored: TableState) -> Iterator[str]:
    name, one, other = f"table {stored.schema.name}", replayed.rows, stored.rows
    if one != other:
        keys = one.keys() | other.keys()
        different = [key for key in keys if one.get(key) != other.get(key)]
        yield f"{name}: {len(different)} rows differ from the log"
    if replayed.sequences != stored.sequences:
        yield (
            f"{name}: the sequences are {stored.sequences}, those of the log "
            f"{replayed.sequences}"
        )
