"""Row 172: the tables that describe all others."""

import pytest

import qsdb
from qsdb import Row, u8
from qsdb.testing import database


def test_row_172_system_tables_describe_the_module() -> None:
    module = qsdb.Module("described")

    class Item(Row, module=module, public=True):
        id: u8 = qsdb.primary_key(auto_inc=True)
        sku: str = qsdb.unique()
        shelf: str = qsdb.index("hash")

    @module.reducer
    def buy(ctx: qsdb.ReducerContext, sku: str) -> None: ...

    with database(module) as db, db.connect() as stranger:
        tables = db.sql("SELECT table_id, table_access FROM st_table").rows
        assert (4096, "public") in tables
        assert all(number < 4096 for number, _ in tables if number != 4096)
        columns = "SELECT col_name FROM st_column WHERE table_id = 4096"
        assert stranger.sql(columns).rows == [("id",), ("sku",), ("shelf",)]
        assert len(db.sql("SELECT * FROM st_sequence")) == 1
        assert len(db.sql("SELECT * FROM st_index WHERE table_id = 4096")) == 1
        assert len(db.sql("SELECT * FROM st_constraint WHERE table_id = 4096")) == 1
        assert db.sql("SELECT name FROM st_reducer").rows == [("buy",)]
        assert db.sql("SELECT module_name FROM st_module").rows == [("described",)]
        with pytest.raises(qsdb.QueryError):
            stranger.sql("SELECT * FROM st_secret")
        with pytest.raises(qsdb.QsdbError):
            db.sql("DELETE FROM st_table")
