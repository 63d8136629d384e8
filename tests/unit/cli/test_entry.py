"""Where the command line begins: with the libraries it needs, and without them."""

import errno
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qsdb.cli import entry, program
from qsdb.cli.entry import EXTRA_COMMANDS, main
from qsdb.cli.extras import load_part
from qsdb.errors import UsageError
from qsdb.recovery import commands
from tests.support.programs import run_python
from tests.unit.cli.shop import fill, run

CommandLine = Callable[..., int]


def missing(name: str) -> Callable[[str], Any]:
    """Give an import that lacks one library."""

    def import_module(_: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return import_module


def test_all_commands_are_there() -> None:
    assert [*program.program.commands] == [*EXTRA_COMMANDS, *commands.summaries()]


def test_the_help_names_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    told = capsys.readouterr().out
    for name in (*EXTRA_COMMANDS, *commands.summaries()):
        assert f"\n  {name} " in told


def test_wrong_use_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["polish"]) == 2
    assert "No such command 'polish'" in capsys.readouterr().err


@pytest.mark.parametrize("command", EXTRA_COMMANDS)
def test_every_command_has_a_help(command: str) -> None:
    done = run(command, "--help")

    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: program {command} [OPTIONS]")


def test_the_version_is_told() -> None:
    assert run("--version").stdout == "qsdb, version 0.1.0\n"


def test_commands_on_files_read_their_own_options(tmp_path: Path) -> None:
    fill(tmp_path / "data")

    done = run("verify", tmp_path / "data", "--deep")
    restored = run("restore", tmp_path / "data", tmp_path / "new", "--to-offset", "2")

    assert done.exit_code == 0
    assert "is sound, at offset 3" in done.stdout
    assert f"{tmp_path / 'new'} at offset 2" in restored.stdout


def test_their_failures_and_their_help_are_their_own(tmp_path: Path) -> None:
    assert run("verify", tmp_path / "none").exit_code == 1
    assert run("restore", "a").exit_code == 2
    assert run("verify", "--help").stdout.startswith("usage: python -m qsdb verify")


def test_what_the_system_refuses_is_1() -> None:
    done = run("generate", "tests.unit.cli.shop:shop", "--lang", "python", "--out", "/")

    assert done.exit_code == 1
    assert done.stderr.startswith("qsdb generate: [Errno ")


def test_a_reader_that_has_enough_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("qsdb.cli.generating.module_of", broken)

    done = run("generate", "x:y", "--lang", "python")

    assert (done.exit_code, done.stderr) == (1, "")


def test_the_shell_completes_commands_and_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, place, expected in (
        ("qsdb de", "1", ["plain,dev", "plain,describe"]),
        ("qsdb sql --js", "2", ["plain,--json"]),
    ):
        monkeypatch.setenv("_QSDB_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", place)

        assert main([]) == 0
        assert sorted(capsys.readouterr().out.split()) == sorted(expected)


# Without the extra.


def test_commands_on_files_need_no_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setattr(importlib, "import_module", missing("click"))

    assert main(["verify", str(tmp_path / "data")]) == 0
    assert "is sound" in capsys.readouterr().out


@pytest.mark.parametrize("library", ["click", "rich.table"])
def test_other_commands_say_which_extra_they_need(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib, "import_module", missing(library))

    assert main(["serve", "x:y"]) == 2
    assert capsys.readouterr().err == (
        "qsdb serve: it needs the extra cli: pip install 'qsdb[cli]'\n"
    )


def test_no_command_is_wrong_use_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib, "import_module", missing("click"))

    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err


def test_a_fault_of_qsdb_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", missing("qsdb.cli.program"))

    with pytest.raises(ModuleNotFoundError):
        main(["serve"])


@pytest.mark.slow
def test_files_are_verified_in_a_python_without_click(tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "click.py").write_text(
        "raise ModuleNotFoundError('No module named click', name='click')\n"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy; "

    for arguments, returncode in ((["verify", "data"], 0), (["call", "x"], 2)):
        run_it = f"sys.argv[1:] = {arguments}; runpy.run_module('qsdb')"
        run_it = run_it.replace("('qsdb')", "('qsdb', run_name='__main__')")
        done = run_python("-c", code + run_it, cwd=tmp_path)
        assert done.returncode == returncode, done.stderr


def test_the_program_ends_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["qsdb", "polish"])

    with pytest.raises(SystemExit) as caught:
        entry.run()

    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("code", "given"), [(None, 0), ("some text", 1), (0, 0), (3, 3)]
)
def test_whatever_ends_a_program_is_a_code(
    code: object, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object, **__: object) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(program.program, "main", end)

    assert program.run_program([]) == given


# Other extras.


def test_a_part_that_needs_another_extra_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib, "import_module", missing("starlette"))

    with pytest.raises(UsageError) as caught:
        load_part("qsdb.server.serving", "server")

    assert f"{caught.value}" == (
        "starlette is not installed, which needs the extra server: "
        "pip install 'qsdb[server]'"
    )


@pytest.mark.parametrize("name", ["qsdb", "qsdb.server.nothing"])
def test_a_missing_module_of_qsdb_is_a_fault(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", missing(name))

    with pytest.raises(ModuleNotFoundError):
        load_part("qsdb.server.nothing", "server")


def test_a_part_that_is_there_is_given() -> None:
    assert load_part("qsdb.errors", "none").UsageError is UsageError
