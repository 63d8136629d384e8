"""Specs of modules: what they mean, and what fails while importing."""

import sys
from pathlib import Path

import pytest

from qsdb.cli.specs import Spec, load_specs, parse_spec
from qsdb.cli.targets import RequestError
from qsdb.errors import ArgumentError
from tests.unit.cli.shop import SPEC, shop


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that modules are imported from, and forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    return tmp_path


def load(text: str) -> dict[str, tuple[Spec, object]]:
    return {**load_specs([parse_spec(text)])}


def test_a_database_is_called_like_its_module() -> None:
    assert load(SPEC) == {"toy-shop": (parse_spec(SPEC), shop)}


def test_a_name_goes_before() -> None:
    assert [*load(f"till={SPEC}")] == ["till"]


def test_an_object_may_be_inside_of_another(folder: Path) -> None:
    (folder / "inside.py").write_text(
        "import qsdb\nclass Outer:\n    module = qsdb.Module('x')\n"
    )

    assert [*load("inside:Outer.module")] == ["x"]


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":a", "a.b", "a:b:c", "a:b c", "a..b:c", "x=a"]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"is not \[NAME=\]PACKAGE:MODULE"):
        parse_spec(text)


@pytest.mark.parametrize("text", ["=a:b", "A=a:b", "a/b=a:b"])
def test_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="is no name of a database"):
        parse_spec(text)


def test_two_databases_have_two_names() -> None:
    specs = [parse_spec(SPEC), parse_spec(f"toy-shop={SPEC}")]

    with pytest.raises(ArgumentError) as caught:
        load_specs(specs)

    assert f"{caught.value}" == (
        f"two databases are called toy-shop, of {SPEC} and of {SPEC}; give one another "
        f"name: NAME={SPEC}"
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tests.unit.cli.shop:till", "has no till; its qsdb modules are: shop"),
        ("tests.unit.cli.http_server:till", "its qsdb modules are: none"),
        ("tests.unit.cli.shop:Toy", f"{SPEC[:-4]}Toy is no qsdb.Module but <class"),
    ],
)
def test_what_is_no_module_is_refused(text: str, error: str) -> None:
    with pytest.raises(ArgumentError, match=error):
        load(text)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import qsdb\n\nx = 1 / 0\n", "{file}:3: ZeroDivisionError: division by zero"),
        ("x = (\n", "{file}:1: SyntaxError: '(' was never closed"),
        ("import qsdb\nqsdb.Module('')\n", "{file}:2: SchemaError: a module's name"),
        (
            "import no_such_module\n",
            "{file}:1: ModuleNotFoundError: No module named 'no_such_module'",
        ),
    ],
)
def test_a_failed_import_tells_the_place(source: str, told: str, folder: Path) -> None:
    file = folder / "failing.py"
    file.write_text(source)

    with pytest.raises(RequestError) as caught:
        load("failing:x")

    assert f"{caught.value}".startswith(told.format(file=file))


def test_a_module_that_is_not_there_has_no_place() -> None:
    with pytest.raises(RequestError) as caught:
        load("nowhere_at_all:x")

    assert f"{caught.value}" == (
        "ModuleNotFoundError: No module named 'nowhere_at_all'"
    )


def test_the_working_directory_is_looked_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "here.py").write_text("import qsdb\nx = qsdb.Module('here')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(folder)])
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])

    assert [*load("here:x")] == ["here"]
    assert sys.path[0] == ""
