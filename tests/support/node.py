"""Runs node with packages that the machine has; what is not there skips by name.

Packages are looked for in the folder that ``QSDB_NODE_MODULES`` names, and in
``node_modules`` of the checkout, which git ignores. Nothing is installed here, and
nothing of a package is kept.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.sources import ROOT

TIMEOUT_SECONDS = 180
"""Far more than any of them needs."""


def node_modules() -> Path:
    """Give the folder of packages."""
    return Path(os.environ.get("QSDB_NODE_MODULES", ROOT / "node_modules"))


def require_node(*packages: str) -> str:
    """Give the path of node; skip the test that asks where something is missing.

    Args:
        packages: Names of those that are needed.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    for name in packages:
        if not node_modules().joinpath(name, "package.json").exists():
            pytest.skip(f"the npm package {name} is not in {node_modules()}")
    return node


def run_tool(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run node, or a program of a package, in a folder where packages are found."""
    link = cwd / "node_modules"
    if not link.exists():
        link.symlink_to(node_modules(), target_is_directory=True)
    return subprocess.run(
        [str(each) for each in arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


_NODE = "--platform=node", "--external:undici"


def bundle(source: Path, target: Path, *, for_browser: bool = False) -> None:
    """Make one file of JavaScript of a source and all that it imports."""
    node = require_node("esbuild")
    arguments = (source, "--bundle", "--format=esm", f"--outfile={target}")
    platform = ("--platform=browser",) if for_browser else _NODE
    program = node_modules() / "esbuild" / "bin" / "esbuild"
    run = run_tool(node, program, *arguments, *platform, cwd=source.parent)
    if run.returncode:  # some install the program itself there
        run = run_tool(program, *arguments, *platform, cwd=source.parent)

    assert run.returncode == 0, run.stderr


def type_check(folder: Path, *sources: str) -> None:
    """Have the compiler of TypeScript check sources, as strictly as it can."""
    node = require_node("typescript")
    options = [
        *("--strict", "--noEmit", "--skipLibCheck", "--noImplicitOverride"),
        *("--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"),
        *("--lib", "es2023,dom,dom.iterable,esnext"),
    ]
    program = node_modules() / "typescript" / "bin" / "tsc"
    run = run_tool(node, program, *options, *sources, cwd=folder)

    assert run.returncode == 0, run.stdout
