"""Whether the server lives, and its figures."""

from qsdb.runtime.version import VERSION
from tests.support.http_server import bank_desk, client_of, owner_of


def test_a_server_says_what_it_is() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        assert (client.get("/v1/ping").status, client.get("/v1/ping").body) == (
            200,
            b"",
        )
        assert client.get("/v1/health").json() == {
            "package_name": "qsdb",
            "version": VERSION,
            "nodes": [0],
            "schedulable": True,
        }
        assert client.get("/v1/prometheus/sd_config").json() == [
            {
                "targets": ["localhost:3000"],
                "labels": {"__metrics_path__": "/v1/metrics"},
            }
        ]


def test_figures_are_told_to_all_and_more_to_the_owner() -> None:
    with bank_desk() as desk:
        stranger, owner = client_of(desk), owner_of(desk)
        stranger.call("rename", 1)
        stranger.call("rename", 9)
        owner.call("hidden_reducer", 1)

        public, whole = stranger.get("/v1/metrics"), owner.get("/v1/metrics")
        someone = client_of(desk, desk.authority.anonymous().token).get("/v1/metrics")

    assert public.headers["content-type"].startswith("text/plain; version=")
    line = 'qsdb_http_requests_total{method="POST",route='
    route = f'{line}"/v1/database/{{database}}/call/{{function}}",status="530"}} 1.0'
    assert route in public.text
    assert 'qsdb_up{database="bank"} 1.0' in public.text
    calls = 'qsdb_function_calls_total{database="bank",function="rename"} 2.0'
    rows = 'qsdb_table_rows{database="bank",table="branch"} 3.0'
    hidden = 'qsdb_table_rows{database="bank",table="hidden_account"} 1.0'
    for each in (public, someone, whole):
        assert (calls in each.text, rows in each.text) == (True, True)
        assert (hidden in each.text) == (each is whole)
