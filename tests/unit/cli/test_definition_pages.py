"""Definitions as tables to look at."""

from collections.abc import Iterable

import pytest
from rich.console import Console
from rich.table import Table

import qsdb
from qsdb.cli.definition_pages import (
    all_grids,
    function_grids,
    table_grids,
    tables_grid,
    type_text,
)
from qsdb.cli.grids import print_csv
from qsdb.cli.targets import Answer
from qsdb.errors import NotFoundError
from qsdb.runtime.row_filters import check_filters
from qsdb.server.definitions import definition
from tests.unit.server.test_definitions import town

hall = qsdb.Module("hall")
club = qsdb.Module("club")


class Member(qsdb.Row, module=club, public=True):
    name: str


@club.reducer
def join(ctx: qsdb.ReducerContext, name: str) -> None:
    """Be in the club."""


hall.mount("club", club)

TOWN = definition(town.compiled(check_filters), 10)
HALL = definition(hall.compiled(), 10)


def text_of(pages: Iterable[Table]) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        for each in pages:
            console.print(each)
    lines = captured.get().splitlines()
    return "\n".join([" ".join(line.split()) for line in lines])


def test_tables_and_views_are_listed() -> None:
    text = text_of([tables_grid(TOWN)])

    assert "│ person │ public │ id, email, town, years, mood, at, " in text
    assert "│ shout │ public, event │ text, who, by │" in text
    assert "│ timer │ private, scheduled │ id, due_at │" in text
    assert "│ me │ public, view │ Person | None │" in text
    assert "│ everybody │ private, view │ list[Person] │" in text


def test_a_table_has_columns_and_indexes() -> None:
    text = text_of(table_grids(TOWN, "pair"))

    assert "pair (private)" in text
    assert "│ b_c │ btree │ b, c │ unique │" in text
    assert "│ c │ hash │ c │ │" in text
    assert "│ index │" not in text_of(table_grids(TOWN, "shout"))


def test_a_view_has_parameters() -> None:
    text = text_of(table_grids(TOWN, "everybody"))

    assert "│ everybody │ least: u8 │ list[Person] │ private │" in text


def test_what_is_mounted_has_a_prefix() -> None:
    text = text_of([*all_grids(HALL), tables_grid(HALL)])

    assert "club.member (public)" in text
    assert "│ club.join │ name: str │ │ │" in text
    assert "│ club.member │ public │ name │" in text
    assert "name │ str" in text_of(table_grids(HALL, "club.member"))
    assert "Procedures" not in text


def test_functions_tell_what_they_are() -> None:
    text = text_of(function_grids(TOWN))

    assert "│ start │ │ │ private │" in text
    assert "│ welcome │ │ │ lifecycle │" in text
    assert "│ count │ of: TupleU8U32 │ list[Place] │ │" in text


def test_types_tell_what_is_in_them() -> None:
    text = text_of(all_grids(TOWN))

    assert "│ Mood │ calm | angry │" in text
    assert "│ Place │ x: f64, y: f64 │" in text
    assert "│ Nowhere │ nothing │" in text


def test_an_empty_module_has_nothing_to_tell() -> None:
    empty = definition(qsdb.Module("empty").compiled(), 10)

    assert [*all_grids(empty)] == []
    with pytest.raises(NotFoundError, match="no table or view 'x'; there are: none"):
        [*table_grids(empty, "x")]


def test_types_of_strangers_are_written_too() -> None:
    pair: dict[str, object] = {"name": {"none": []}, "algebraic_type": {"U8": []}}

    assert type_text({"Ref": 7}, {}) == "type 7"
    assert type_text({"Product": {"elements": [pair, pair]}}, {}) == "(2 fields)"
    assert type_text({"Product": {"elements": []}}, {}) == "None"


def test_csv_has_json_for_what_has_parts(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [True, {"a": [1]}, None, 1.5]

    print_csv([Answer(["a", "b", "c", "d"], [cells])])

    assert capsys.readouterr().out == 'a,b,c,d\ntrue,"{""a"": [1]}",,1.5\n'
