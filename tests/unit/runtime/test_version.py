"""The version in the code is that of the package."""

import tomllib
from pathlib import Path

from qsdb.runtime.version import VERSION


def test_the_version_is_that_of_the_project() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"

    assert tomllib.loads(project.read_text())["project"]["version"] == VERSION
