"""The command `generate`: where sources go, and how they are compared."""

from pathlib import Path

import pytest

from qsdb.generate.python_client import python_client
from qsdb.generate.typescript import typescript_bindings
from tests.unit.cli.shop import SPEC, run, shop

COMMAND = f"python -m qsdb generate --lang typescript {SPEC}"


def test_a_source_goes_to_standard_output() -> None:
    done = run("generate", "--lang", "typescript", SPEC)

    assert done.stdout == typescript_bindings(shop.compiled(), command=COMMAND)
    assert f"// Made by: {COMMAND}\n" in done.stdout


def test_what_is_private_is_in_it_if_asked_for() -> None:
    done = run("generate", "--lang", "python", SPEC, "--include-private")

    command = f"python -m qsdb generate --lang python {SPEC} --include-private"
    expected = python_client(shop.compiled(), command=command, private=True)
    assert done.stdout == expected
    assert "class Sold(" in expected


def test_a_file_is_written_and_compared(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bindings.ts"
    arguments = "generate", "--lang", "typescript", SPEC, "--out", file

    assert run(*arguments, "--check").exit_code == 1
    assert not file.exists()
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (0, "")
    assert file.read_text() == typescript_bindings(shop.compiled(), command=COMMAND)
    assert run(*arguments, "--check").exit_code == 0


def test_a_file_that_is_as_it_should_be_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "bindings.ts"
    arguments = "generate", "--lang", "typescript", SPEC, "--out", file
    run(*arguments)
    before = file.stat().st_ino

    run(*arguments)
    assert file.stat().st_ino == before

    file.write_text("old")
    done = run(*arguments, "--check")
    assert (done.exit_code, file.read_text()) == (1, "old")
    assert done.stderr == f"qsdb generate: {file} is not what {COMMAND} writes\n"
    assert run(*arguments).exit_code == 0
    assert file.read_text() != "old"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((SPEC,), "Missing option '--lang'"),
        (("shop", "--lang", "python"), "'shop' is not [NAME=]PACKAGE:MODULE"),
        ((SPEC, "--lang", "cobol"), "'cobol' is not one of 'typescript', 'python'"),
        ((SPEC, "--lang", "python", "--check"), "--check compares with a file"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], text: str) -> None:
    done = run("generate", *arguments)

    assert done.exit_code == 2
    assert text in done.stderr
