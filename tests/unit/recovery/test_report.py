"""What opening found, as a page."""

from qsdb.recovery.report import Recovery, TornTailFound


def test_a_new_database_is_one_line() -> None:
    assert str(Recovery("data", is_created=True)) == "data: a new database"


def test_a_page_tells_what_there_is_and_no_more() -> None:
    assert str(Recovery("data", offset=7, records_count=1234)) == (
        "data at offset 7\n  log       1,234 commits replayed"
    )


def test_a_page_tells_all_that_was_found() -> None:
    torn = TornTailFound("data/log/1.log", 1064, 40, "a frame is cut off", None)
    recovery = Recovery(
        "data",
        offset=7,
        snapshot_offset=5,
        records_count=2,
        torn=torn,
        skipped=("the snapshot of offset 6: it fails its hash",),
    )

    assert str(recovery).splitlines() == [
        "data at offset 7",
        "  snapshot  of offset 5",
        "  passed    the snapshot of offset 6: it fails its hash",
        "  log       2 commits replayed",
        "  torn      40 bytes from byte 1,064 of data/log/1.log: a frame is cut off",
    ]


def test_a_page_tells_where_the_torn_tail_is_now() -> None:
    torn = TornTailFound("1.log", 64, 40, "a frame is cut off", "quarantine/1.torn")

    page = str(Recovery("data", torn=torn))

    assert "\n  cut       40 bytes from byte 64 of 1.log" in page
    assert page.endswith("\n            copied to quarantine/1.torn")
