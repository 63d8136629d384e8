"""Every benchmark runs small and gives JSON, so that none rots unseen."""

import ast
import json
from pathlib import Path

import pytest

from tests.support.programs import run_python
from tests.support.sources import ROOT


def benchmark_modules(root: Path) -> list[str]:
    """Give the name by which ``python -m`` runs each benchmark."""
    files = root.joinpath("benchmarks").glob("bench_*.py")
    return sorted(f"benchmarks.{path.stem}" for path in files)


def has_main(text: str) -> bool:
    """Whether a source defines a function `main` at its top level."""
    functions = [x for x in ast.parse(text).body if isinstance(x, ast.FunctionDef)]
    return "main" in {function.name for function in functions}


def benchmark_faults(module: str, cwd: Path, root: Path = ROOT) -> list[str]:
    """Run a benchmark small in `cwd` and give a sentence for each thing wrong."""
    faults: list[str] = []
    path = root / (module.replace(".", "/") + ".py")
    if not has_main(path.read_text(encoding="utf-8")):
        faults.append(f"{module} has no function main")
    run = run_python("-m", module, "--small", "--json", cwd=cwd, root=root)
    if run.returncode != 0:
        faults.append(f"{module} ended with {run.returncode}: {run.stderr}")
    elif not holds_figures(run.stdout):
        faults.append(f"{module} printed no JSON but {run.stdout[:200]!r}")
    return faults


def holds_figures(text: str) -> bool:
    """Whether a text is one JSON object or array that is not empty."""
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError:
        return False
    return isinstance(value, dict | list) and bool(value)


@pytest.mark.slow
@pytest.mark.parametrize("module", benchmark_modules(ROOT))
def test_benchmark_runs_small(module: str, tmp_path: Path) -> None:
    faults = benchmark_faults(module, tmp_path)

    assert faults == [], "\n".join(faults)


def test_there_are_benchmarks() -> None:
    assert benchmark_modules(ROOT) != []


MAIN = "def main(): {}\nmain()\n"


@pytest.mark.parametrize(
    ("text", "faults_count"),
    [
        pytest.param(MAIN.format("print('{\"a\": 1}')"), 0, id="good"),
        pytest.param(MAIN.format("print('1.5 s')"), 1, id="no JSON"),
        pytest.param(MAIN.format("print('{}')"), 1, id="empty JSON"),
        pytest.param(MAIN.format("raise SystemExit(1)"), 1, id="failing"),
        pytest.param("print('[1]')", 1, id="no main"),
        pytest.param(
            "import sys\n" + MAIN.format("print(sys.argv[1:] == 1)"), 1, id="not JSON"
        ),
    ],
)
def test_planted_benchmarks_are_judged(
    text: str, faults_count: int, tmp_path: Path
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "bench_planted.py").write_text(text)

    faults = benchmark_faults("benchmarks.bench_planted", tmp_path, tmp_path)

    assert len(faults) == faults_count
