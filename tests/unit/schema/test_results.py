"""`Result`: what a query gives, as rows, as dicts, as texts and for notebooks."""

import sys
import types
from collections import namedtuple
from typing import Any

import pytest

from qsdb import Result

Row = namedtuple("Row", ["name", "level"])  # noqa: PYI024  as queries make them

TWO = Result(("name", "level"), [Row("ann", 1), Row("bob <b>", None)])


def test_it_is_a_sequence_of_rows() -> None:
    assert [*TWO] == [Row("ann", 1), Row("bob <b>", None)]
    assert len(TWO) == 2
    assert TWO[1].name == "bob <b>"
    assert TWO.rows[0] is TWO[0]
    assert TWO.columns == ("name", "level")
    assert TWO.rows_affected is None


def test_dicts_have_the_names_of_the_columns() -> None:
    odd = Result(("a b", "class"), [(1, 2)])

    assert TWO.to_dicts()[0] == {"name": "ann", "level": 1}
    assert odd.to_dicts() == [{"a b": 1, "class": 2}]
    assert Result(("a",), []).to_dicts() == []


def test_repr_says_what_it_is() -> None:
    assert repr(TWO) == "<Result: 2 rows of name, level>"
    assert repr(Result(("n",), [(1,)])) == "<Result: 1 row of n>"
    assert repr(Result((), (), 1)) == "<Result: 1 row affected>"
    assert repr(Result((), (), 1234)) == "<Result: 1,234 rows affected>"


def test_str_is_a_table() -> None:
    assert str(TWO) == ("name     level\n───────  ─────\nann      1\nbob <b>  NULL")
    assert str(Result(("n",), [])) == "n\n─"
    assert str(Result(("n",), [("a\nb",)])) == "n\n───\na⏎b"
    assert str(Result((), (), 0)) == "0 rows affected"


def test_long_results_are_cut_where_they_are_shown() -> None:
    lines = str(Result(("n",), [(n,) for n in range(51)])).splitlines()
    longer = Result(("n",), [(n,) for n in range(5050)])

    assert lines[2:4] == ["0", "1"]
    assert lines[51:] == ["49", "… and 1 row more"]
    assert str(longer).endswith("\n… and 5,000 rows more")
    assert longer._repr_html_().endswith("</table><p>… and 5,000 rows more</p>")
    assert len(longer) == len(longer.to_dicts()) == 5050
    assert "…" not in str(Result(("n",), [(n,) for n in range(50)]))


def test_notebooks_get_a_table_without_anybodys_tags() -> None:
    result = Result(("a<b>", "c"), [("<script>&", 1)])

    assert result._repr_html_() == (
        "<table><tr><th>a&lt;b&gt;</th><th>c</th></tr>"
        "<tr><td>&lt;script&gt;&amp;</td><td>1</td></tr></table>"
    )
    assert Result((), (), 2)._repr_html_() == "<p>2 rows affected</p>"


class Stream:
    """A table of Arrow, as far as it is asked here."""

    def __init__(self, columns: dict[str, list[object]]) -> None:
        self.columns = columns

    def __arrow_c_stream__(self, schema: object) -> object:
        return self.columns, schema


def test_arrow_is_given_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in: Any = types.ModuleType("pyarrow")
    stand_in.table = Stream
    monkeypatch.setitem(sys.modules, "pyarrow", stand_in)

    columns = {"name": ["ann", "bob <b>"], "level": [1, None]}
    assert TWO.__arrow_c_stream__() == (columns, None)
    assert TWO.__arrow_c_stream__("wanted") == (columns, "wanted")
    assert Result(("n",), []).__arrow_c_stream__() == ({"n": []}, None)


def test_without_pyarrow_there_is_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert not hasattr(TWO, "__arrow_c_stream__")
    with pytest.raises(AttributeError, match="pyarrow"):
        TWO.__arrow_c_stream__()


def test_pyarrow_reads_it_where_it_is_installed() -> None:
    pyarrow = pytest.importorskip("pyarrow")

    table = pyarrow.table(TWO)
    assert table.to_pydict() == {"name": ["ann", "bob <b>"], "level": [1, None]}
