"""`Workshop`: a folder with the SDK, bindings and programs, where node runs them."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

import qsdb
from qsdb.generate.typescript import typescript_bindings
from qsdb.runtime.row_filters import check_filters
from tests.support.node import node_modules

__all__ = ["HEARING_SECONDS", "Program", "Workshop", "installed"]

HEARING_SECONDS = 120
"""Far more than a program needs to say something."""

INSTALLING_SECONDS = 300
_TRANSFORM = """
import { readFileSync, writeFileSync } from "node:fs";
import { transformSync } from "esbuild";
const [source, target] = process.argv.slice(1);
const { code } = transformSync(readFileSync(source, "utf8"), { loader: "ts" });
writeFileSync(target, code);
"""
"""Makes JavaScript of TypeScript."""

PROGRAMS = Path(__file__).parent / "programs"


class Missing(Exception):  # noqa: N818  it is no error where the SDK is not asked for
    """Packages cannot be had here."""


def installed(folder: Path, *packages: str) -> Path:
    """Install npm packages in a folder, once; give the folder.

    What the machine has already is used (`tests.support.node`).

    Raises:
        Missing: there is no node or npm, or no network.
    """
    npm = shutil.which("npm")
    if shutil.which("node") is not None and all(map(is_here, packages)):
        folder.joinpath("node_modules").symlink_to(node_modules())
        return folder
    if npm is None or shutil.which("node") is None:
        raise Missing("node or npm is not installed")
    folder.joinpath("package.json").write_text('{"private":true,"type":"module"}')
    options = [
        *("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"),
        *("--fetch-retries=1", "--fetch-retry-mintimeout=1000"),
        f"--cache={folder / 'npm'}",
    ]
    try:
        run = subprocess.run(
            [npm, "install", *options, *packages],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=INSTALLING_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"npm took over {INSTALLING_SECONDS} s for {packages}") from None
    if run.returncode:
        said = " ".join(run.stderr.split())[:300]
        raise Missing(f"npm cannot install {packages}: {said}")
    return folder


def is_here(package: str) -> bool:
    """Say whether the machine has a package, of the very version if that is told."""
    name, _, version = package.partition("@")
    told = node_modules() / name / "package.json"
    if not told.exists():
        return False
    found = json.loads(told.read_text(encoding="utf-8"))["version"]
    return not version[0].isdigit() or found == version


def or_skip(install: Callable[[], Path], what: str) -> Path:
    """Install; skip where that cannot be done, or fail where it has to be."""
    try:
        return install()
    except Missing as missing:
        reason = f"NOT TESTED against {what}: {missing}"
        if os.environ.get("QSDB_REQUIRE_SDK") == "1":
            pytest.fail(f"{reason} (QSDB_REQUIRE_SDK is 1)")
        pytest.skip(reason)


class Program:
    """A program that runs, and says what it sees."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._faults: list[str] = []
        self._threads = [
            threading.Thread(target=self._read_lines),
            threading.Thread(target=self._read_faults),
        ]
        for thread in self._threads:
            thread.start()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_faults(self) -> None:
        assert self._process.stderr is not None
        self._faults += self._process.stderr

    def hear(self, what: str) -> dict[str, Any]:
        """Give the next thing it says, which is to be called so."""
        line = self._lines.get(timeout=HEARING_SECONDS)
        if line is None:
            self._process.wait(HEARING_SECONDS)
            self._threads[1].join(HEARING_SECONDS)
            faults = "".join(self._faults)
            pytest.fail(f"the program ended before it said {what}:\n{faults}")
        said: dict[str, Any] = json.loads(line)

        assert said["what"] == what, said
        return said

    def tell(self, line: str = "") -> None:
        """Say something to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Wait for its good end."""
        self.hear("end")
        status = self._process.wait(HEARING_SECONDS)
        self._threads[1].join(HEARING_SECONDS)

        assert status == 0, "".join(self._faults)

    @property
    def faults(self) -> str:
        """What the package complained of, once it has ended."""
        return "".join(self._faults)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(HEARING_SECONDS)
        for thread in self._threads:
            thread.join(HEARING_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


class Workshop:
    """A folder where node runs programs against servers."""

    def __init__(self, folder: Path) -> None:
        """Begin with a folder where packages are installed."""
        self.folder = folder
        for program in PROGRAMS.glob("*.mjs"):
            shutil.copy(program, folder)

    def bind(self, module: qsdb.Module) -> None:
        """Write the bindings of a module, as JavaScript."""
        compiled = module.compiled(check_filters)
        text = typescript_bindings(compiled, command="the tests")
        source, target = self.folder / "bindings.ts", self.folder / "bindings.mjs"
        source.write_text(text, encoding="utf-8")
        subprocess.run(
            ["node", "--input-type=module", "--eval", _TRANSFORM, source, target],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            timeout=INSTALLING_SECONDS,
            check=True,
        )

    def run(self, program: str, *arguments: str) -> Program:
        """Begin to run a program."""
        process = subprocess.Popen(
            ["node", f"{program}.mjs", *arguments],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        return Program(process)
