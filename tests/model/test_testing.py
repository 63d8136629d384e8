"""Row 199: what tests of a module have."""

import pytest

import qsdb
from qsdb import ReducerContext, Row, Timestamp, u8
from qsdb.testing import FakeClock, assert_no_change, database


def test_row_199_a_module_is_tested_with_a_clock_a_seed_and_no_files() -> None:
    module = qsdb.Module("dice")

    class Roll(Row, module=module):
        value: u8
        at: Timestamp

    @module.reducer
    def roll(ctx: ReducerContext, sides: u8) -> int:
        value = ctx.random.randint(1, sides)
        return ctx.db[Roll].insert(Roll(value, ctx.timestamp)).value

    clock = FakeClock(Timestamp.parse("2026-01-01T00:00:00Z"))
    with database(module, clock=clock, seed=4) as db, database(module, seed=4) as again:
        assert db.call(roll, 200) == again.call(roll, 200)
        clock.advance(60)
        db.call(roll, 200)
        times = [str(row.at) for row in db.sql("SELECT * FROM roll")]
        assert times == ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"]
        with assert_no_change(db), pytest.raises(qsdb.ArgumentError):
            db.call(roll, 256)
        with pytest.raises(AssertionError, match="1 commit"), assert_no_change(db):
            db.call(roll, 200)
        db.check()
