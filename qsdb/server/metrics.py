"""`Metrics`: the figures of a server, as Prometheus reads them.

What happens in the server is counted as it happens, by whoever does it; what databases
count themselves (`qsdb.runtime.stats`) is asked for when somebody reads.

Anybody may read figures, and so there are none in them of tables and functions that
only the owner may know of. Whoever reads with the token of an owner is told all of that
owner's databases.
"""

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from qsdb.errors import ClosedError
from qsdb.runtime.stats import Stats
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure
from qsdb.server.hosts import Host, Served
from qsdb.values.identity import Identity

__all__ = ["Metrics"]

Family = CounterMetricFamily | GaugeMetricFamily

_COUNTERS = {
    "commits": "Commits since it was opened",
    "rollbacks": "Transactions that were undone",
    "calls": "Calls of functions that began",
    "evaluations": "How often a live query was looked at after a commit",
    "changes": "How often the result of one changed",
    "view_runs": "How often a view was run",
    "view_failures": "How often a view failed",
    "runs": "How often a function was run because it was due",
    "run_failures": "How often one of these runs failed",
    "log_bytes": "What was written to the log",
}
_GAUGES = {
    "offset": "Number of the last commit",
    "durable_offset": "The last commit that is on the disk",
    "snapshot_offset": "The commit of the newest snapshot",
    "pins": "Offsets that read transactions keep readable",
    "undo_rows": "Old rows that are kept for them",
    "live_queries": "Queries that are kept current",
    "views": "Views that are kept current",
    "clients": "Clients that are connected",
}


class Metrics:
    """The figures of one server.

    Attributes:
        requests: Answers of HTTP, by route, method and status.
        request_seconds: How long they took, by route.
    """

    def __init__(self, host: Host) -> None:
        """Count for these databases, from nothing."""
        self._host = host
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self.requests = Counter(
            "qsdb_http_requests",
            "Answers",
            ["route", "method", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "qsdb_http_request_seconds",
            "How long answers took",
            ["route"],
            registry=registry,
        )

    def text(self, reader: Identity | None = None) -> bytes:
        """Give all figures in the text format of Prometheus.

        Takes as long as `Database.stats` of each database.

        Args:
            reader: Who reads; None for anybody.
        """
        databases = CollectorRegistry(auto_describe=False)
        databases.register(_Databases(self._host, reader))
        return generate_latest(self._registry) + generate_latest(databases)


class _Databases(Collector):
    """What databases count, for one who reads."""

    def __init__(self, host: Host, reader: Identity | None) -> None:
        self._host = host
        self._reader = reader

    def collect(self) -> Iterator[Family]:
        served = [*self._host]
        up = GaugeMetricFamily("qsdb_up", "Whether it is open", labels=["database"])
        found: list[tuple[Served, Stats]] = []
        for each in served:
            try:
                found.append((each, each.database.stats()))
                up.add_metric([each.name], 1)
            except ClosedError:
                up.add_metric([each.name], 0)
        yield up
        yield from _of_databases([(each.name, stats) for each, stats in found])
        yield from _of_websockets(served)
        shown = [
            (each, stats, self._reader == each.database.owner) for each, stats in found
        ]
        yield from _of_tables(shown)
        yield from _of_functions(shown)


def _of_databases(found: list[tuple[str, Stats]]) -> Iterator[Family]:
    families: dict[str, Family] = {
        name: CounterMetricFamily(f"qsdb_{name}", text, labels=["database"])
        for name, text in _COUNTERS.items()
    }
    for name, text in _GAUGES.items():
        families[name] = GaugeMetricFamily(f"qsdb_{name}", text, labels=["database"])
    for field, family in families.items():
        for name, stats in found:
            value = getattr(stats, field)
            if value is not None:
                family.add_metric([name], value)
        yield family


def _of_websockets(all_served: list[Served]) -> Iterator[Family]:
    """Give what went over WebSockets."""
    clients = GaugeMetricFamily(
        "qsdb_websocket_clients", "Open WebSockets", labels=["database"]
    )
    over = ["database", "direction"]
    messages = CounterMetricFamily("qsdb_websocket_messages", "Messages", labels=over)
    text = "Bytes of messages"
    sizes = CounterMetricFamily("qsdb_websocket_bytes", text, labels=over)
    text = "WebSockets that ended"
    closings = CounterMetricFamily(
        "qsdb_websocket_closings", text, labels=["database", "code"]
    )
    for served in all_served:
        name, traffic = served.name, served.traffic
        clients.add_metric([name], traffic.clients)
        messages.add_metric([name, "in"], traffic.messages_in)
        messages.add_metric([name, "out"], traffic.messages_out)
        sizes.add_metric([name, "in"], traffic.bytes_in)
        sizes.add_metric([name, "out"], traffic.bytes_out)
        for code, count in sorted(traffic.closings.items()):
            closings.add_metric([name, str(code)], count)
    yield from (clients, messages, sizes, closings)


Shown = list[tuple[Served, Stats, bool]]
"""Databases, and whether all of them may be told."""


def _of_tables(shown: Shown) -> Iterator[Family]:
    labels = ["database", "table"]
    rows = GaugeMetricFamily("qsdb_table_rows", "Rows", labels=labels)
    text = "Rows that commits have touched"
    written = CounterMetricFamily("qsdb_table_written_rows", text, labels=labels)
    for served, stats, is_owner in shown:
        public = frozenset(served.access.subscriptions.queries.public_names)
        for name, table in stats.tables.items():
            if is_owner or name in public:
                rows.add_metric([served.name, name], table.rows)
                written.add_metric([served.name, name], table.written)
    yield from (rows, written)


def _of_functions(shown: Shown) -> Iterator[Family]:
    labels = ["database", "function"]
    calls = CounterMetricFamily("qsdb_function_calls", "Calls", labels=labels)
    text = "Calls that raised"
    failures = CounterMetricFamily("qsdb_function_failures", text, labels=labels)
    text = "How long the function took, all in all"
    seconds = CounterMetricFamily("qsdb_function_seconds", text, labels=labels)
    text = "How long it took at most"
    longest = GaugeMetricFamily("qsdb_function_longest_seconds", text, labels=labels)
    for served, stats, is_owner in shown:
        module = served.access.module
        functions: list[Reducer | Procedure] = [
            *module.reducers.values(),
            *module.procedures.values(),
        ]
        public = {each.name for each in functions if not each.is_private}
        # A handler of HTTP may have the name of a reducer.
        called = stats.procedures
        procedures = {
            name: called[name] for name in module.procedures if name in called
        }
        for name, each in {**stats.reducers, **procedures}.items():
            if is_owner or name in public:
                key = [served.name, name]
                calls.add_metric(key, each.calls)
                failures.add_metric(key, each.failures)
                seconds.add_metric(key, each.seconds)
                longest.add_metric(key, each.longest)
    yield from (calls, failures, seconds, longest)
