"""The fault tests notice planted bugs of what writes and reads files.

**Strategy**: plant one bug at a time (`tests.support.mutants`) and run the test that
is to notice it, in a small form.

**Invariants**: each planted bug makes its test fail; without one they pass, which
their own modules show.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from qsdb import files
from qsdb.log import end_notes, frames, records, scanning, tail, whole_files, writing
from qsdb.recovery import ends, mending, opening
from qsdb.runtime import snapshots as taking
from qsdb.runtime import writer
from tests.faults import (
    test_damage,
    test_errors,
    test_histories,
    test_interrupts_on_disk,
    test_power_loss,
    test_processes,
    test_syncs,
)
from tests.support.hoard import abandoning
from tests.support.mutants import Mutant, planted

pytestmark = [
    pytest.mark.slow,
    # Databases that failed in the middle of a test are closed by the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Check = Callable[[Path], object]


def lives(_: Path) -> None:
    for seed in range(300):
        test_power_loss.live(seed, crashes_max=4)


def boundaries(_: Path) -> None:
    test_power_loss.test_the_power_may_fail_at_any_moment("always")


def recoveries(_: Path) -> None:
    test_syncs.killed_and_opened(None)


def flips(_: Path) -> None:
    for is_closed in (False, True):
        sample = test_damage.written(
            1,
            has_snapshots=is_closed,
            steps_count=5,
            share=0.02,
            is_closed=is_closed,
        )
        test_damage.test_every_flipped_bit_is_told_or_harmless(sample)


def copies(_: Path) -> None:
    sample = test_damage.written(2, has_snapshots=False)
    test_damage.test_an_older_copy_of_a_file_is_refused(sample)
    test_damage.test_a_missing_segment_is_refused_by_name(sample)
    test_damage.test_a_segment_of_another_past_is_refused()


def full_disk(_: Path) -> None:
    test_errors.test_a_full_disk_undoes_one_transaction_and_the_next_one_works()


def failing_disk(_: Path) -> None:
    test_errors.test_a_sync_that_fails_and_takes_all_for_synced("always")


def clock(_: Path) -> None:
    test_histories.test_times_never_go_back_in_the_log()


def sizes(_: Path) -> None:
    test_histories.test_all_room_that_a_large_record_needs_is_there_before()


def histories(_: Path) -> None:
    test_histories.test_a_history_is_read_as_it_was_lived("interval")


def double_open(path: Path) -> None:
    test_processes.test_a_directory_is_open_once_in_a_process(path)


def stale_lock(path: Path) -> None:
    test_processes.test_a_directory_is_open_once_among_processes(path)


def forks(path: Path) -> None:
    code = test_processes.exit_code_of_child(str(path), is_in_flush=True)
    assert code == 0


def interrupted_rotation(_: Path) -> None:
    following = test_interrupts_on_disk.stock(2)
    test_interrupts_on_disk.interrupt("a commit that begins a segment", following, 2)


def interrupted_write(_: Path) -> None:
    following = test_interrupts_on_disk.stock(2)
    test_interrupts_on_disk.interrupt("a commit with its sync", following, 1)


def lost_ends(_: Path) -> None:
    for made in (test_syncs.left_open, test_syncs.killed_in_a_close):
        assert test_syncs.is_end_missed(made, test_syncs.recover, is_last_ignored=False)
    for go in (test_syncs.close, test_syncs.begin_a_segment):
        assert test_syncs.is_end_missed(test_syncs.left_open, go, is_last_ignored=False)


def cut_logs(_: Path) -> None:
    sample = test_damage.written(2, has_snapshots=False)
    test_damage.test_a_log_without_its_last_segments_is_refused_by_name(sample)
    test_damage.test_a_closed_log_cut_at_any_byte_is_refused(sample)
    test_damage.test_an_open_log_without_its_last_segment_is_refused_by_name()


def lost_notes(_: Path) -> None:
    sample = test_damage.written(2, has_snapshots=False)
    test_damage.test_a_missing_or_damaged_note_of_the_end_is_refused_by_name(sample)


BUGS: dict[str, tuple[Check, Mutant]] = {
    "1 no sync at a commit": (
        lives,
        Mutant(
            whole_files,
            "write = file.write_synced if synced else file.write",
            "write = file.write",
        ),
    ),
    "no sync of what waited without one": (
        lives,
        Mutant(
            tail,
            "        if self.synced < position:\n            self._file.sync()\n",
            "",
        ),
    ),
    "2 no sync of the directory for a new segment": (
        boundaries,
        Mutant(tail, "    directory.sync(LOG_DIRECTORY)\n", ""),
    ),
    "3 a commit returns before its sync": (
        lives,
        Mutant(
            writing,
            "                self._flush(sync=True)\n            finally:",
            "                self._flush(sync=False)\n"
            "                self.durable_offset = self._flushed_offset\n"
            "            finally:",
        ),
    ),
    "4 a chunk is not synced before its snapshot": (
        lives,
        Mutant(whole_files, "            file.sync()\n", ""),
    ),
    "5 the log is removed beyond the oldest snapshot": (
        histories,
        Mutant(taking, "if following > offset + 1:", "if following > offset + 9:"),
    ),
    "6 a sync that failed is tried again": (
        failing_disk,
        Mutant(
            whole_files,
            "    taken = write(position, data)\n    while",
            "    try:\n        taken = write(position, data)\n"
            "    except OSError:\n        file.sync()\n        taken = len(data)\n"
            "    while",
        ),
    ),
    "7 damage before the tail is cut off": (
        flips,
        Mutant(
            scanning,
            "beyond.durable > position or not self._is_last",
            "not self._is_last",
        ),
    ),
    "8 a torn tail is refused": (
        lives,
        Mutant(scanning, "beyond.durable > position or not", "end > position or not"),
    ),
    "9 no checksum over what frames hold": (
        flips,
        Mutant(
            frames, "if _CRC.unpack_from(buffer, stop) != (checksum,):", "if stop < 0:"
        ),
    ),
    "11, 28 what was read is not synced, nor what was cut": (
        recoveries,
        Mutant(
            mending,
            "        file.sync()\n        directory.sync(LOG_DIRECTORY)\n",
            "        directory.sync(LOG_DIRECTORY)\n",
        ),
    ),
    "14 numbers are given again after a crash": (
        histories,
        Mutant(
            records,
            'table.sequences[place] = int.from_bytes(following, "little")',
            "place = following",
        ),
    ),
    "22 what a full disk refused is written all the same": (
        full_disk,
        Mutant(
            writing,
            "            self._reserve(cost)\n",
            "            self._queue += (record,)\n"
            "            self._reserve(cost)\n"
            "            self._queue.pop()\n",
        ),
    ),
    "23 a lock that a dead process left is held": (
        stale_lock,
        Mutant(
            files,
            "descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)",
            "descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)",
        ),
    ),
    "23 a lock that is not the kernel's": (
        double_open,
        Mutant(files, "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),
    ),
    "24 durable_offset is told before the sync returns": (
        lives,
        Mutant(
            writing,
            "        after = tail.write(body, synced=is_synced)\n",
            "        self.durable_offset += count * is_synced\n"
            "        after = tail.write(body, synced=is_synced)\n",
        ),
    ),
    "25 a gap in the log is passed over": (
        copies,
        Mutant(
            opening, "            if first != expected:", "            if first < 0:"
        ),
    ),
    "25 a segment's past is not looked at": (
        copies,
        Mutant(
            opening, "                chain=chain,\n", "                chain=None,\n"
        ),
    ),
    "26 times are those of the clock": (
        clock,
        Mutant(writer, "if microseconds is not None:", "if microseconds == -1:"),
    ),
    "a segment is noted before it is there": (
        boundaries,
        Mutant(
            tail,
            '    directory.rename(f"{name}.tmp", name)\n',
            "    place = Place(SEGMENT_HEADER_BYTES, header.first_offset, 0)\n"
            "    write_end_note(directory, _note_of(header, place))\n"
            '    directory.rename(f"{name}.tmp", name)\n',
        ),
    ),
    "the end is noted before it is synced": (
        boundaries,
        Mutant(
            tail,
            "        self._cut()\n        with",
            "        self._note_end()\n        self._cut()\n        with",
        ),
    ),
    "no sync of what the end is noted in": (
        boundaries,
        Mutant(whole_files, "            file.sync()\n", ""),
    ),
    "no sync of the directory for the note of the end": (
        lost_ends,
        Mutant(end_notes, "    directory.sync()\n", ""),
    ),
    "the first note of the end need not last": (
        lives,
        Mutant(end_notes, "    directory.sync()\n", ""),
    ),
    "a note that was found need not last": (
        lost_ends,
        Mutant(mending, "        directory.sync()  #", "        #"),
    ),
    "no segment that was begun is noted": (
        cut_logs,
        Mutant(
            tail,
            "    try:\n        write_end_note(directory, note)\n    except",
            "    try:\n        pass\n    except",
        ),
    ),
    "no end is noted": (
        cut_logs,
        Mutant(tail, "            write_end_note(self._directory, note)\n", ""),
    ),
    "a missing note of the end is passed over": (
        lost_notes,
        Mutant(
            ends,
            "if not header.keeps_end or place is None or place.offset == 1:",
            "if header.keeps_end:",
        ),
    ),
    "a rotation that was cut off is forgotten": (
        interrupted_rotation,
        Mutant(tail, "self.is_ending = True", "pass"),
    ),
    "a frame is in the queue until all are written": (
        interrupted_write,
        Mutant(
            writing,
            "        # No call stands between these, so no signal handler does.\n"
            "        tail.place = after\n",
            "        tail.place = after\n        len(self._queue)\n",
        ),
    ),
    "a large record has the room of a small one": (
        sizes,
        Mutant(tail, "(1 + size // FRAME_BODY_MAX)", "1"),
    ),
    "a forked child waits for its parent's thread": (
        forks,
        Mutant(
            writing,
            "self._io, self.waiters, self.bell =",
            "self._spare, self.waiters, self.bell =",
        ),
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_noticed(name: str, tmp_path: Path) -> None:
    check, mutant = BUGS[name]
    failure = pytest.raises((Exception, pytest.fail.Exception))
    with planted(mutant), abandoning(), failure:
        check(tmp_path)
