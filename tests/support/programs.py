"""Runs a program of the checkout as a user would: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.sources import ROOT

TIMEOUT_SECONDS = 120
"""Far more than any of them needs: a program that waits for ever is a failure."""


def run_python(
    *arguments: str, cwd: Path, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run Python with `arguments` in the folder `cwd`, with `root` importable.

    The process gets no standard input, so a program that asks would fail.
    """
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
