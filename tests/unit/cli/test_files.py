"""Commands on a database in files, without a server: from the option to the text."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qsdb
from qsdb import u64
from qsdb.cli.commit_lines import CommitLog
from qsdb.cli.grids import cell_text
from qsdb.errors import CorruptionError
from qsdb.files import open_directory
from tests.unit.cli.shop import SPEC, Toy, add, fill, run, sell, shop


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a directory with a shop of two toys."""
    path = tmp_path / "data"
    fill(path)
    return path


def writer(path: Path) -> qsdb.Database:
    """Open the database as another process would, with all commits on the disk."""
    return qsdb.Database(shop, path, durability="always")


def offset_of(path: Path) -> int:
    with qsdb.Database(shop, path, read_only=True) as db:
        return db.offset


# call


def test_a_reducer_is_called_and_its_result_printed(data: Path) -> None:
    done = run("call", "--data", data, SPEC, "add", '"doll"', "-1")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "3\n", "")
    with qsdb.Database(shop, data, read_only=True) as db:
        assert db.sql("SELECT price FROM toy WHERE name = 'doll'")[0].price == -1.0


def test_a_default_may_be_left_out(data: Path) -> None:
    assert run("call", "--data", data, SPEC, "add", '"doll"', "--json").stdout == "3\n"


def test_a_reducer_that_gives_nothing_prints_nothing(data: Path) -> None:
    assert run("call", "--data", data, SPEC, "sell", "1").stdout == ""
    assert run("call", "--data", data, SPEC, "sell", "2", "--json").stdout == "null\n"


def test_a_procedure_is_called(data: Path) -> None:
    assert run("call", "--data", data, SPEC, "count").stdout == "2\n"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("sell", "9"), 1, "qsdb call: there is no toy 9\n"),
        (("fall",), 1, "qsdb call: ZeroDivisionError: fallen\n"),
        (
            ("buy",),
            1,
            "no reducer or procedure 'buy'; there are: add, sell,",
        ),
        (("sell",), 1, "qsdb call: sell(toy: u32), arguments: 0 given, toy is missing"),
        (("sell", "-1"), 1, "argument toy: -1 is not an int from 0 to 4294967295"),
        (("add", "doll"), 2, "'doll' is no JSON value"),
        (("add", "doll"), 2, "a text is written '\"doll\"'"),
        (("add", "1,2"), 2, "'1,2' is no JSON value"),
        ((), 2, "Missing argument 'FUNCTION'"),
    ],
)
def test_a_call_that_fails_says_why(
    arguments: tuple[str, ...], code: int, text: str, data: Path
) -> None:
    done = run("call", "--data", data, SPEC, *arguments)

    assert done.exit_code == code
    assert text in done.stderr
    assert done.stdout == ""
    assert offset_of(data) == 3


# sql


def test_rows_are_a_table(data: Path) -> None:
    done = run("sql", "--data", data, SPEC, "SELECT name, price, seller FROM toy")

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[1].replace(" ", "") == "│name│price│seller│"
    assert lines[3].replace(" ", "") == "│ball│1.5│NULL│"
    assert lines[4] == "│ kite │  20.0 │ NULL   │"
    assert lines[-1] == "2 rows"


def test_rows_are_json(data: Path) -> None:
    done = run("sql", "--data", data, SPEC, "--json", "SELECT * FROM toy; ")

    assert json.loads(done.stdout) == [
        {"id": 1, "name": "ball", "price": 1.5, "size": "small", "seller": None},
        {"id": 2, "name": "kite", "price": 20.0, "size": "small", "seller": None},
    ]


def test_rows_are_csv(data: Path) -> None:
    with writer(data) as db:
        db.call(add, 'a "b", c\nd')

    done = run("sql", "--data", data, SPEC, "--csv", "SELECT name, seller FROM toy")

    assert [*csv.reader(io.StringIO(done.stdout))] == [
        ["name", "seller"],
        *[["ball", ""], ["kite", ""], ['a "b", c\nd', ""]],
    ]


def test_statements_run_one_after_the_other(data: Path) -> None:
    text = "UPDATE toy SET price = 3.0 WHERE id = 1;\nSELECT price FROM toy; "

    done = run("sql", "--data", data, SPEC, "--json", text=text)

    assert done.stdout.splitlines() == [
        '{"affected": 1}',
        '[{"price": 3.0}, {"price": 20.0}]',
    ]


def test_a_change_tells_how_many_rows(data: Path) -> None:
    statement = "DELETE FROM toy"

    assert run("sql", "--data", data, SPEC, statement).stdout == "2 rows affected\n"
    assert run("sql", "--data", data, SPEC, "--csv", statement).stdout == (
        "affected\n0\n"
    )


def test_reading_goes_on_while_another_process_writes(data: Path) -> None:
    with writer(data) as db:
        db.call(add, "doll")

        done = run("sql", "--data", data, SPEC, "--csv", "SELECT name FROM toy")
        refused = run("sql", "--data", data, SPEC, "DELETE FROM toy")

    assert done.stdout == "name\nball\nkite\ndoll\n"
    assert refused.exit_code == 1
    assert "qsdb sql: " in refused.stderr
    assert "open" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("SELECT x FROM toy",), 1, "qsdb sql: line 1, column 8: "),
        (("SELECT 1", "--json", "--csv"), 2, "--json and --csv: choose one"),
        (("  ;",), 2, "there is no statement to run"),
    ],
)
def test_sql_that_fails_says_why(
    arguments: tuple[str, ...], code: int, text: str, data: Path
) -> None:
    done = run("sql", "--data", data, SPEC, *arguments)

    assert done.exit_code == code
    assert text in done.stderr


def test_a_terminal_is_sent_no_escapes() -> None:
    assert cell_text("\x1b[2J\x07ok\x9b") == "\\x1b[2J\\x07ok\\x9b"
    assert cell_text(["\x1b"]) == '["\\u001b"]'
    assert cell_text({"a": "\x9b"}) == '{"a": "\\x9b"}'
    assert [*map(cell_text, [True, 1.5])] == ["true", "1.5"]


# describe


def test_describe_tells_of_all(data: Path) -> None:
    done = run("describe", "--data", data, SPEC)

    assert done.exit_code == 0
    for text in (
        *("toy (public)", "sold (private)", "primary key", "Identity | None"),
        *("generated", "hash", "small | large", "name: str, price: f64", "list[Toy]"),
        *("Reducers", "Procedures", "Views", "has a default"),
    ):
        assert text in done.stdout


def test_describe_tells_of_one_table(data: Path) -> None:
    done = run("describe", "--data", data, SPEC, "sold")

    assert "sold (private)" in done.stdout
    assert "toy (public)" not in done.stdout


def test_describe_prints_the_definition(data: Path) -> None:
    done = run("describe", "--data", data, SPEC, "--json")

    names = [name for part in json.loads(done.stdout)["sections"] for name in part]
    assert names[:3] == ["Typespace", "Types", "Tables"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("till",), 1, "no table or view 'till'; there are: toy, sold, cheap"),
        (("toy", "--json"), 2, "--json prints the whole definition, without NAME"),
    ],
)
def test_describe_says_what_is_wrong(
    arguments: tuple[str, ...], code: int, text: str, data: Path
) -> None:
    done = run("describe", "--data", data, SPEC, *arguments)

    assert done.exit_code == code
    assert text in done.stderr


# subscribe


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Give what has functions run, each when the command looks for changes."""
    steps: list[Callable[[], object]] = []
    real = qsdb.Database.refresh

    def refresh(self: qsdb.Database, timeout: float | None = None) -> int:
        if steps and timeout is not None:
            steps.pop(0)()
        return real(self, 0)

    monkeypatch.setattr(qsdb.Database, "refresh", refresh)
    yield lambda *given: steps.extend(given)
    assert steps == []


def test_subscribe_follows_what_another_process_commits(
    data: Path, meanwhile: Callable[..., None]
) -> None:
    db = writer(data)
    meanwhile(lambda: db.call(add, "doll"), lambda: db.call(sell, 1))

    with db:
        done = run(
            *("subscribe", "--data", data, SPEC, "--json", "--count", "4"),
            "SELECT id, name FROM toy",
        )

    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"change": "initial", "offset": 3, "row": {"id": 1, "name": "ball"}},
        {"change": "initial", "offset": 3, "row": {"id": 2, "name": "kite"}},
        {"change": "insert", "offset": 4, "row": {"id": 3, "name": "doll"}},
        {"change": "delete", "offset": 5, "row": {"id": 1, "name": "ball"}},
    ]


def test_subscribe_shows_signs_and_ends_with_an_interrupt(
    data: Path, meanwhile: Callable[..., None]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    db = writer(data)
    meanwhile(lambda: db.call(sell, 1), lambda: db.call(add, "x\ny"), interrupt)

    with db:
        done = run("subscribe", "--data", data, SPEC, "SELECT name FROM toy")

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        *("  name=ball", "  name=kite", "- name=ball", "+ name=x⏎y")
    ]


def test_a_query_that_ends_says_why(data: Path, meanwhile: Callable[..., None]) -> None:
    db = writer(data)
    meanwhile(lambda: db.call(add, "doll"))

    with db:
        done = run("subscribe", "--data", data, SPEC, "SELECT 4 / (3 - id) FROM toy")

    assert done.exit_code == 1
    assert done.stderr.startswith("qsdb subscribe: ")
    assert "divided by 0" in done.stderr


def test_a_query_that_is_wrong_is_refused(data: Path) -> None:
    done = run("subscribe", "--data", data, SPEC, "SELECT x FROM toy")

    assert done.exit_code == 1
    assert done.stderr.startswith("qsdb subscribe: line 1, column 8: ")


# logs


def test_logs_tell_which_call_made_each_commit(data: Path) -> None:
    done = run("logs", "--data", data, SPEC, "--json", "--lines", "2")

    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {
        "offset": 2,
        "ts": 1709211600000000,
        "time": "2024-02-29T13:00:00Z",
        "rows": 1,
        "function": "add",
        "sender": first["sender"],
        "arguments": {"name": "ball", "price": 1.5},
    }
    assert second["offset"] == 3
    assert second["arguments"] == {"name": "kite", "price": 20.0}


def test_logs_are_lines_to_look_at(data: Path) -> None:
    with writer(data) as db, db.write() as tx:
        tx[Toy].insert(Toy("doll", 2.0))

    done = run("logs", "--data", data, SPEC)

    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith(
        '2024-02-29T13:00:00Z 2 add {"name": "ball", "price": 1.5} by '
    )
    assert lines[3].endswith(" 4 without a call (1 rows)")


def test_logs_of_a_connection_name_it(data: Path) -> None:
    with writer(data) as db, db.connect() as client:
        client.call("add", "doll")
        connection = client.connection_id.to_hex()

    done = run("logs", "--data", data, SPEC, "--json", "-n", "1")

    assert json.loads(done.stdout)["connection"] == connection


def test_logs_go_on_with_what_comes(data: Path, meanwhile: Callable[..., None]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    db = writer(data)
    meanwhile(lambda: db.call(sell, 2), interrupt)

    with db:
        done = run("logs", "--data", data, SPEC, "--json", "-n", "0", "--follow")

    [line] = done.stdout.splitlines()
    assert json.loads(line)["function"] == "sell"


def test_arguments_of_another_time_are_left_out(data: Path) -> None:
    other, another = qsdb.Module("other"), qsdb.Module("another")

    @other.reducer
    def add(ctx: qsdb.ReducerContext, name: u64, of: str) -> None:
        """Take others than before."""

    for module in (other, another):
        log = CommitLog(open_directory(data), module.compiled())
        lines = [*log.lines(2, 3)]

        assert [line["function"] for line in lines] == ["add", "add"]
        assert ["arguments" in line for line in lines] == [False, False]
        assert [*log.lines(3, 2)] == []


def test_a_commit_that_is_none_is_damage(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "qsdb.cli.commit_lines.logged_records", lambda *_: iter([(2, b"\xff")])
    )
    log = CommitLog(open_directory(data), shop.compiled())

    with pytest.raises(CorruptionError, match="the commit at offset 2: a record of"):
        [*log.lines(2, 2)]


# Which database.


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "which database? --database NAME of a server, or --data DIR"),
        (
            ("--data", "x", SPEC, "--database", "y"),
            2,
            "--data and --database name two databases",
        ),
        (("--database", "No!"), 2, "'No!' is no name of a database"),
        (("--database", "a", "--server", "x"), 2, "a server is at http://HOST:PORT"),
        (("--data", "x", "shop"), 2, "'shop' is not [NAME=]PACKAGE:MODULE"),
        (("--data", "x", SPEC), 1, "there is no database in"),
    ],
)
def test_which_database_is_said_clearly(
    arguments: tuple[str, ...],
    code: int,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    done = run("sql", *arguments, "SELECT 1")

    assert done.exit_code == code
    assert text in done.stderr.replace("\n", " ")
    assert [*tmp_path.iterdir()] == []


def test_a_module_of_another_schema_is_refused(data: Path) -> None:
    done = run("sql", "--data", data, "tests.support.zoo:zoo", "SELECT 1")

    assert done.exit_code == 1
    assert "qsdb sql: " in done.stderr
