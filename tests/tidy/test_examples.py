"""Every example runs to its end and says something."""

from pathlib import Path

import pytest

from tests.support.programs import run_python
from tests.support.sources import ROOT


def example_modules(root: Path) -> list[str]:
    """Give the name by which ``python -m`` runs each example."""
    folder = root / "examples"
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    packages = [path.parent for path in folder.glob("*/__main__.py")]
    return sorted(f"examples.{path.stem}" for path in (*files, *packages))


def example_faults(module: str, cwd: Path, root: Path = ROOT) -> list[str]:
    """Run an example in `cwd` and give a sentence for each thing wrong."""
    run = run_python("-m", module, cwd=cwd, root=root)
    faults: list[str] = []
    if run.returncode != 0:
        faults.append(f"{module} ended with {run.returncode}: {run.stderr}")
    if not run.stdout.strip():
        faults.append(f"{module} printed nothing")
    return faults


@pytest.mark.slow
@pytest.mark.parametrize("module", example_modules(ROOT))
def test_example_runs_to_its_end(module: str, tmp_path: Path) -> None:
    faults = example_faults(module, tmp_path)

    assert faults == [], "\n".join(faults)


def test_there_are_examples() -> None:
    assert example_modules(ROOT) != []


def test_planted_examples_are_judged(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    (folder / "chat").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "good.py").write_text("print('done')")
    (folder / "silent.py").write_text("pass")
    (folder / "chat" / "__main__.py").write_text("print('x')\nassert 1 == 2")

    found = example_modules(tmp_path)
    faults = {name: len(example_faults(name, tmp_path, tmp_path)) for name in found}

    assert faults == {"examples.chat": 1, "examples.good": 0, "examples.silent": 1}
