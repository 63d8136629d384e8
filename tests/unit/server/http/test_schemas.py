"""Definitions of modules, as far as whoever asks may know."""

from typing import Any

import pytest

import qsdb
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.http.schemas import public_part
from tests.support.definition_judge import (
    judge_version_9,
    judge_version_10,
    sections_of,
)
from tests.support.http_server import bank_desk, client_of, owner_of

PATH = "/v1/database/bank/schema?version="


def names(section: Any) -> list[str]:
    return [each["source_name"] for each in section]


def test_a_stranger_is_told_what_is_public() -> None:
    with bank_desk() as desk:
        module = next(iter(desk.host)).access.module
        client = client_of(desk)
        judge_version_9(public_part(module), client.get(f"{PATH}9").json())
        data = client.get(f"{PATH}10").json()
        judge_version_10(public_part(module), data)
        found = sections_of(data)

    assert names(found["Tables"]) == ["branch"]
    functions = ["rename", "take_pin", "break_down"]
    assert names(found["Reducers"]) == functions
    assert names(found["Procedures"]) == [
        *("where", "slowly", "unsaid", "misgiven", "close_down")
    ]
    assert names(found["Views"]) == ["first_branches", "broken"]
    assert names(found["HttpHandlers"]) == ["hook", "odd"]
    hidden = {"Schedules", "LifeCycleReducers", "RowLevelSecurity"}
    assert not hidden & found.keys()


def test_the_owner_is_told_all() -> None:
    with bank_desk() as desk:
        module = next(iter(desk.host)).access.module
        owner = owner_of(desk)
        for _ in range(2):  # the second time it is kept
            judge_version_9(module, owner.get(f"{PATH}9").json())
            judge_version_10(module, owner.get(f"{PATH}10").json())


def test_what_reducers_give_is_told_if_it_is_asked_for() -> None:
    module = qsdb.Module("m")

    @module.reducer
    def number(_: qsdb.ReducerContext) -> qsdb.u64:
        return 7

    with qsdb.Database(module) as db, Desk(Host({"m": db}), Authority()) as desk:
        client = client_of(desk)
        path = "/v1/database/m/schema?version=10"
        given = [
            sections_of(client.get(f"{path}{asked}").json())["Reducers"][0]
            for asked in ("", "&returns=false", "&returns=true")
        ]
        wrong = client.get(f"{path}&returns=yes")

    unit: Any = {"Product": {"elements": []}}
    assert [each["ok_return_type"] for each in given] == [unit, unit, {"U64": []}]
    assert (wrong.status, wrong.text) == (400, "returns is true or false")


def test_a_module_that_was_published_has_another_schema() -> None:
    before, after = qsdb.Module("m"), qsdb.Module("m")

    class Thing(qsdb.Row, module=after, public=True):
        id: qsdb.u32 = qsdb.primary_key()

    with qsdb.Database(before) as db, Desk(Host({"m": db}), Authority()) as desk:
        client = client_of(desk)
        path = "/v1/database/m/schema?version=10"
        assert "Tables" not in sections_of(client.get(path).json())
        db.publish(after)
        assert names(sections_of(client.get(path).json())["Tables"]) == ["thing"]


@pytest.mark.parametrize("query", ["", "?version=", "?version=8", "?version=x"])
def test_a_schema_has_a_version(query: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(f"/v1/database/bank/schema{query}")

    assert (found.status, "is 9 or 10" in found.text) == (400, True)


def test_what_a_version_has_no_word_for_is_refused() -> None:
    outer, inner = qsdb.Module("outer"), qsdb.Module("inner")

    class Thing(qsdb.Row, module=inner):
        id: qsdb.u32 = qsdb.primary_key()

    outer.mount("hidden_inner", inner)
    with qsdb.Database(outer) as db, Desk(Host({"m": db}), Authority()) as desk:
        owner = client_of(desk, desk.authority.owner_token(db.owner))
        path = "/v1/database/m/schema?version=9"
        found = owner.get(path)
        assert (found.status, "hidden_inner is mounted" in found.text) == (400, True)
        assert client_of(desk).get(path).status == 200  # nothing of it is public
