"""Figures."""

import qsdb
from qsdb.server.hosts import Host
from qsdb.server.metrics import Metrics
from qsdb.testing import SimulatedDirectory

shop = qsdb.Module("shop")


class Thing(qsdb.Row, module=shop, public=True):
    id: qsdb.u32 = qsdb.primary_key()


def test_a_closed_database_has_no_figures() -> None:
    with qsdb.Database(shop) as open_one, qsdb.Database(shop) as closed:
        metrics = Metrics(Host({"a": open_one, "b": closed}))
        closed.close()
        found = metrics.text().decode()

    assert 'qsdb_up{database="a"} 1.0' in found
    assert 'qsdb_up{database="b"} 0.0' in found
    assert 'qsdb_offset{database="a"} 1.0' in found
    assert 'qsdb_offset{database="b"}' not in found


def test_what_is_on_disk_is_counted_where_there_is_one() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(shop, disk) as db, qsdb.Database(shop) as other:
        found = Metrics(Host({"a": db, "b": other})).text().decode()

    assert 'qsdb_durable_offset{database="a"}' in found
    assert 'qsdb_durable_offset{database="b"}' not in found
    assert 'qsdb_log_bytes_total{database="a"}' in found


def test_what_goes_over_websockets_is_told() -> None:
    with qsdb.Database(shop) as db:
        host = Host({"a": db})
        metrics, traffic = Metrics(host), host.find("a").traffic
        traffic.clients += 1
        traffic.messages_in += 3
        traffic.bytes_out += 70
        traffic.closings[1011] += 1
        found = metrics.text(db.owner).decode()

    assert 'qsdb_websocket_clients{database="a"} 1.0' in found
    assert 'qsdb_websocket_messages_total{database="a",direction="in"} 3.0' in found
    assert 'qsdb_websocket_bytes_total{database="a",direction="out"} 70.0' in found
    assert 'qsdb_websocket_closings_total{code="1011",database="a"} 1.0' in found


def test_two_servers_count_for_themselves() -> None:
    with qsdb.Database(shop) as db:
        one, other = Metrics(Host({"a": db})), Metrics(Host({"a": db}))
        one.requests.labels("/x", "GET", "200").inc()

        assert b"/x" in one.text()
        assert b"/x" not in other.text()


def test_procedures_are_told_of_like_reducers() -> None:
    module = qsdb.Module("inn")

    @module.procedure
    def fetch(_: qsdb.ProcedureContext) -> None: ...

    @module.procedure(private=True)
    def hide(_: qsdb.ProcedureContext) -> None: ...

    with qsdb.Database(module) as db, db.connect():
        db.call(fetch)
        db.call(hide)
        metrics = Metrics(Host({"a": db}))
        found, all_of_it = [metrics.text(who).decode() for who in (None, db.owner)]

    called = 'qsdb_function_calls_total{database="a",function='
    assert f'{called}"fetch"}} 1.0' in found
    assert f'{called}"hide"' not in found
    assert f'{called}"hide"}} 1.0' in all_of_it
    assert 'qsdb_clients{database="a"} 1.0' in found
    assert 'qsdb_view_failures_total{database="a"} 0.0' in found
