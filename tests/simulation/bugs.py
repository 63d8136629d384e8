"""Bugs of the engine that a simulation is to find, each planted alone.

The numbers are those of a list of planted bugs that a database of this kind should
notice; those without a number are of what this one has besides.
"""

from qsdb.live import engine, operators, routing
from qsdb.live.states import changes
from qsdb.log import end_notes, records, scanning, tail, whole_files, writing
from qsdb.recovery import mending
from qsdb.runtime import (
    bags,
    clients,
    delivery,
    due_runs,
    live_queries,
    procedure_contexts,
    retrying,
    snapshots,
    timers,
    view_refreshing,
    writer,
)
from qsdb.store import images, indexes, operations, pins, reading, transactions
from qsdb.store import writing as store_writing
from qsdb.store.optimistic import seen
from tests.support.mutants import Mutant

__all__ = ["BETWEEN_STATEMENTS", "BUGS", "MAKE_CODE", "RARELY_NOTICED"]

BUGS: dict[str, Mutant] = {
    "1 no sync at a commit": Mutant(
        whole_files,
        "write = file.write_synced if synced else file.write",
        "write = file.write",
    ),
    "2 no sync of the directory for a new segment": Mutant(
        tail, "    directory.sync(LOG_DIRECTORY)\n", ""
    ),
    "3 a commit returns before its sync": Mutant(
        writing,
        "                self._flush(sync=True)\n            finally:",
        "                self._flush(sync=False)\n"
        "                self.durable_offset = self._flushed_offset\n"
        "            finally:",
    ),
    "4 a chunk is not synced before its snapshot": Mutant(
        whole_files, "            file.sync()\n", ""
    ),
    "6 a sync that failed is tried again": Mutant(
        whole_files,
        "    taken = write(position, data)\n    while",
        "    try:\n        taken = write(position, data)\n"
        "    except OSError:\n        file.sync()\n        taken = len(data)\n"
        "    while",
    ),
    "8 a torn tail is refused": Mutant(
        scanning, "beyond.durable > position or not", "end > position or not"
    ),
    "11, 28 what was read is not synced, nor what was cut": Mutant(
        mending,
        "        file.sync()\n        directory.sync(LOG_DIRECTORY)\n",
        "        directory.sync(LOG_DIRECTORY)\n",
    ),
    "12 a rollback forgets the indexes": Mutant(
        images,
        "            if now is not None:\n                for index in indexes:",
        "            if now is not None:\n                for index in indexes[:1]:",
    ),
    "13 an update keeps old index entries": Mutant(
        operations,
        '            yield f"{indent}        indexes[{number}].remove(old)"\n',
        "",
    ),
    "14 numbers are given again after a crash": Mutant(
        records,
        'table.sequences[place] = int.from_bytes(following, "little")',
        "place = following",
    ),
    "15 the pre-image is stored after the row": Mutant(
        store_writing,
        "        if key not in self._pre:\n            self._pre[key] = old\n"
        "        try:\n            del self._rows[key]\n",
        "        try:\n            del self._rows[key]\n"
        "            for each in stored.indexes[:0]:\n                each.clear()\n"
        "            if key not in self._pre:\n                self._pre[key] = old\n",
    ),
    "16 a rollback does not merge its notes": Mutant(
        pins,
        "                if pins and touched:\n",
        "                if pins and offset > self.offset:\n",
    ),
    "17 what an older read needs goes with a newer one": Mutant(
        pins,
        "            self.pins[place - 1].take_over(pin)\n",
        "            pass\n",
    ),
    "18 what was read is not looked at again": Mutant(
        seen,
        "for key in seen if self._require_open().notes_reads else self._buffer:",
        "for key in self._buffer:",
    ),
    "what another one has written is written over": Mutant(
        seen,
        "if self._require_open().notes_reads else self._buffer:",
        "if self._require_open().notes_reads else ():",
    ),
    "that the number of rows was asked for is not noted": Mutant(
        seen, "if found is None and notes.has_size and", "if False and"
    ),
    "conditions on all rows are not noted": Mutant(
        seen, "            notes.predicates[condition] = test\n", "            pass\n"
    ),
    "a unique value that another one has taken is taken": Mutant(
        seen, "taken_value(stored, self._buffer)", "None"
    ),
    "that all rows were read is not noted": Mutant(
        seen, "notes.is_whole = True", "pass"
    ),
    "rows that are gone count as the same": Mutant(
        seen,
        "if now is not row and now != row:",
        "if now is not None and now != row:",
    ),
    "own writes are not seen by an index": Mutant(
        seen, "        if mine:\n", "        if False:\n"
    ),
    "19 a reader sees what is not committed": Mutant(
        reading,
        "        for images in reversed(stored.layers):\n"
        "            if key in images:\n                row = images[key]\n",
        "",
    ),
    "20 a rollback is told": Mutant(
        writer,
        "if transaction._undo(self.journal):\n                self.rollbacks += 1\n",
        "opened = [*transaction._opened.values()]\n"
        "            offset = self.directory.store.offset + 1\n"
        "            if self.audience is not None:\n"
        "                self.audience.committed(opened, offset, None)\n"
        "            if transaction._undo(self.journal):\n"
        "                self.rollbacks += 1\n",
    ),
    "21 rows that leave a result are not told": Mutant(
        routing, "found.setdefault(reader, []).append((old, None))", "pass"
    ),
    "22 what a full disk refused is written all the same": Mutant(
        writing,
        "            self._reserve(cost)\n",
        "            self._queue += (record,)\n"
        "            self._reserve(cost)\n"
        "            self._queue.pop()\n",
    ),
    "24 durable_offset is told before the sync returns": Mutant(
        writing,
        "        after = tail.write(body, synced=is_synced)\n",
        "        self.durable_offset += count * is_synced\n"
        "        after = tail.write(body, synced=is_synced)\n",
    ),
    "26 times are those of the clock": Mutant(
        writer, "if microseconds is not None:", "if microseconds == -1:"
    ),
    "the first note of the end need not last": Mutant(
        end_notes, "    directory.sync()\n", ""
    ),
    "a snapshot is ahead of the log": Mutant(
        snapshots, "        self._log.wait_durable(state.offset)\n", ""
    ),
    "a join reads its tables as they are in all terms": Mutant(
        operators, "was.append(before[name] or table)", "was.append(table)"
    ),
    "what came and went alike is told": Mutant(
        changes, "if not inserts or not deletes:", "if True:"
    ),
    "routes stay when the last one leaves": Mutant(
        engine, "            routes.remove(reader)\n", ""
    ),
    "a result is shared by all values": Mutant(
        engine,
        "result = template.results.get(values)",
        "result = next(iter(template.results.values()), None)",
    ),
    "rows keep what went": Mutant(bags, "if left.get(row):", "if False:"),
    "who has left is told": Mutant(
        live_queries,
        "        if self.result is None or self.error is not None:\n"
        "            return  # closed meanwhile\n",
        "",
    ),
    "the last message is told first": Mutant(
        delivery,
        "message = outbox[0]",
        "outbox.reverse()\n                message = outbox[0]",
    ),
    "what waits for the disk is told at once": Mutant(
        delivery,
        "                self._wait_durable(offset)\n            except",
        "                pass\n            except",
    ),
    "an alarm stays after it rang": Mutant(
        due_runs,
        "            if row is not None and self.scheduled.when(row) == self._when:\n"
        "                self._rows(transaction).delete(row)\n",
        "            del row\n",
    ),
    "alarms ring early": Mutant(
        timers,
        "    return Timestamp.from_stored(now.micros + micros)",
        "    return Timestamp.from_stored(now.micros + micros // 2)",
    ),
    "clients of a dead process stay": Mutant(
        clients,
        "        for client in clients:\n",
        "        for client in clients[1:]:\n",
    ),
    "an index of many is left as it was": Mutant(
        indexes, "            bucket.pop(key, None)\n", ""
    ),
    "views are not run again": Mutant(
        view_refreshing,
        "[each for each in concerned if instances.is_kept(each)]",
        "[each for each in concerned if instances.is_kept(each)][1:]",
    ),
    "a savepoint undoes nothing": Mutant(
        transactions,
        "            handle._pop(undo=undo)\n        self._depth -= 1",
        "            handle._pop(undo=False)\n        self._depth -= 1",
    ),
    "what a procedure leaves open stays open": Mutant(
        procedure_contexts,
        "if transaction is not None and transaction._leave():",
        "if transaction is not None and False:",
    ),
    "a coroutine that is cancelled commits": Mutant(
        retrying,
        "            result = await _begun(function, transaction)\n"
        "        except BaseException as error:\n"
        "            transaction._end()\n",
        "            result = await _begun(function, transaction)\n"
        "        except BaseException as error:\n"
        "            await transaction._commit_async()\n",
    ),
}

MAKE_CODE = frozenset({"13 an update keeps old index entries"})
"""Those in what makes code for a table, which is made again with them."""

BETWEEN_STATEMENTS = frozenset(
    {
        "15 the pre-image is stored after the row",
        "16 a rollback does not merge its notes",
        "17 what an older read needs goes with a newer one",
    }
)
"""Those that a reader meets between two statements of a writer: looked for in runs that
all have switch points there."""

RARELY_NOTICED = frozenset(
    {
        "11, 28 what was read is not synced, nor what was cut",
        "15 the pre-image is stored after the row",
        "16 a rollback does not merge its notes",
        "a snapshot is ahead of the log",
        "who has left is told",
        "conditions on all rows are not noted",
        "a unique value that another one has taken is taken",
        "17 what an older read needs goes with a newer one",
        "a result is shared by all values",
        "the last message is told first",
        "what waits for the disk is told at once",
        "24 durable_offset is told before the sync returns",
    }
)
"""Those that take a hundred seeds, or many hundreds."""
