"""The page of numbers about a database."""

import attrs
import pytest

import qsdb
from qsdb.runtime.stats import Stats


def test_the_page_has_a_line_for_each_sort_and_each_table() -> None:
    stats = Stats("chat", 7, 6, 1, 9, 2, 30, {"user": 2, "message": 1500})

    assert str(stats) == (
        "chat at offset 7\n"
        "  calls     9 · commits 6 · rollbacks 1\n"
        "  reading   2 offsets pinned · 30 old rows kept for them\n"
        "  table     rows\n"
        "  user         2\n"
        "  message  1,500"
    )


def test_large_numbers_have_commas() -> None:
    text = str(Stats("c", 1234567, 1234, 5678, 9012, 3456, 7890, {"t": 1234567890}))

    assert text == (
        "c at offset 1,234,567\n"
        "  calls     9,012 · commits 1,234 · rollbacks 5,678\n"
        "  reading   3,456 offsets pinned · 7,890 old rows kept for them\n"
        "  table             rows\n"
        "  t        1,234,567,890"
    )


def test_long_names_widen_the_page() -> None:
    text = str(Stats("c", 1, 1, 0, 0, 0, 0, {"a_rather_long_name": 5, "b": 10}))

    assert text.splitlines()[-3:] == [
        "  table              rows",
        "  a_rather_long_name    5",
        "  b                    10",
    ]


def test_a_database_without_tables_has_a_page() -> None:
    assert str(Stats("c", 1, 1, 0, 0, 0, 0, {})).splitlines()[-1] == "  table    rows"


def test_stats_are_values() -> None:
    stats = Stats("c", 1, 2, 3, 4, 5, 6, {"t": 7})

    assert stats == Stats("c", 1, 2, 3, 4, 5, 6, {"t": 7})
    assert (stats.module, stats.offset, stats.commits) == ("c", 1, 2)
    assert (stats.rollbacks, stats.calls, stats.pins) == (3, 4, 5)
    assert (stats.undo_rows, stats.rows["t"]) == (6, 7)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        stats.offset = 2  # type: ignore[misc]


def test_a_database_with_listeners_has_a_line_more() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, {}), live_queries=1, evaluations=2300, changes=40
    )

    assert str(stats).splitlines()[3] == (
        "  live      1 queries · 2,300 looked at · 40 changes told"
    )


def test_who_listens_is_counted() -> None:
    module = qsdb.Module("notes")

    class Note(qsdb.Row, module=module):
        text: str

    with qsdb.Database(module) as db:
        assert db.stats().live_queries == 0
        queries = [db.subscribe("SELECT * FROM note") for _ in range(2)]
        db.sql("INSERT INTO note VALUES ('milk')")
        stats = db.stats()
        assert (stats.live_queries, stats.evaluations, stats.changes) == (1, 1, 1)
        for query in queries:
            query.close()
        assert db.stats().live_queries == 0


def test_a_database_on_disk_has_lines_more() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, {}),
        durable_offset=1200,
        snapshot_offset=0,
        log_bytes=34567,
    )

    assert str(stats).splitlines()[3:-1] == [
        "  disk      offset 1,200 on it · 34,567 bytes of log written",
    ]
    stats = attrs.evolve(stats, snapshot_offset=1100, snapshot_error="OSError: full")
    assert str(stats).splitlines()[4:-1] == [
        "  snapshot  of offset 1,100",
        "  snapshot  failed: OSError: full",
    ]
