"""Who may import whom: each line only from lines below it.

Every import counts, also those inside functions, those for type checkers only,
and `import_module` with a literal name. Inside a unit modules may import each
other as long as there is no cycle.
"""

import ast
import graphlib
from collections.abc import Iterator, Mapping

import pytest

from tests.support.sources import module_of, package_sources

LINES: tuple[frozenset[str], ...] = (
    frozenset({"forks", "excerpts", "front_doors"}),
    frozenset({"values", "errors", "files"}),
    frozenset({"codec", "logs"}),
    frozenset({"schema", "protocol"}),
    frozenset({"store", "log", "sql"}),
    frozenset({"live"}),
    frozenset({"recovery", "cache"}),
    frozenset({"runtime"}),
    frozenset({"server", "client", "testing"}),
    frozenset({"generate"}),
    frozenset({"cli"}),
    frozenset({"__init__", "__main__"}),
)
"""The table of layers, bottom to top: what stands on each line."""

LINE_OF = {unit: number for number, line in enumerate(LINES) for unit in line}


def unit_of(module: str) -> str:
    """Give the unit that a module belongs to; the front door is ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(source: str, known: frozenset[str]) -> set[str]:
    """Give the modules of qsdb that a source imports, by their dotted names.

    A name taken from a package is a module if `known` holds it, and else it is
    something that the package's ``__init__`` defines. A relative import gives a
    name that begins with a dot, which no unit has.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        found.update(_imports_of_node(node, known))
    return {name for name in found if name.startswith((".", "qsdb."))} | (
        found & {"qsdb"}
    )


def _imports_of_node(node: ast.AST, known: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=package, names=names, level=level):
            prefix = "." * level + (package or "")
            for alias in names:
                whole = f"{prefix}.{alias.name}"
                yield whole if whole in known else prefix
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__")
            | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name
        case _:
            pass


def layer_faults(graph: Mapping[str, set[str]]) -> list[str]:
    """Give a sentence for each module on no line, and each import not downwards.

    Args:
        graph: Each module → the modules that it imports.
    """
    faults: list[str] = []
    for module, targets in graph.items():
        for name in (module, *sorted(targets)):
            if unit_of(name) not in LINE_OF:
                faults.append(f"{name} (in {module}) stands on no line")
            elif _is_not_below(name, module):
                faults.append(f"{module} imports {name}, which is not below it")
    return faults


def _is_not_below(target: str, module: str) -> bool:
    there, here = unit_of(target), unit_of(module)
    return there != here and LINE_OF[there] >= LINE_OF.get(here, len(LINES))


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Give the modules of one import cycle, or none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return []


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Give each module → the modules of qsdb that it imports."""
    known = frozenset(map(module_of, sources))
    return {module_of(path): imports(text, known) for path, text in sources.items()}


def test_each_line_imports_lower_lines_only() -> None:
    faults = layer_faults(import_graph(package_sources()))

    assert faults == [], "\n".join(faults)


def test_there_is_no_import_cycle() -> None:
    cycle = find_cycle(import_graph(package_sources()))

    assert cycle == []


@pytest.mark.parametrize(
    "text",
    [
        "import qsdb.runtime.database",
        "import qsdb.runtime.database as other",
        "from qsdb.runtime import database",
        "from qsdb.runtime.database import Database",
        "def late():\n    from qsdb.runtime import database",
        "if TYPE_CHECKING:\n    from qsdb.runtime import database",
        "database = importlib.import_module('qsdb.runtime.database')",
        "database = import_module('qsdb.runtime.database')",
        "database = __import__('qsdb.runtime.database')",
    ],
)
def test_every_form_of_import_is_seen(text: str) -> None:
    graph = import_graph({"qsdb/store/rows.py": text, "qsdb/runtime/database.py": ""})

    assert graph["qsdb.store.rows"] == {"qsdb.runtime.database"}


def test_imports_from_elsewhere_are_passed_over() -> None:
    text = "import qsdb_tools\nfrom os import path\nimport_module(name)\nqsdb.start()"

    assert imports(text, frozenset()) == set()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("qsdb/store/rows.py", "import qsdb.live.routes", id="upwards"),
        pytest.param("qsdb/store/rows.py", "import qsdb.log.frames", id="same line"),
        pytest.param("qsdb/values/kinds.py", "import qsdb.errors", id="bottom line"),
        pytest.param("qsdb/store/rows.py", "from qsdb import Row", id="front door"),
        pytest.param("qsdb/store/rows.py", "import qsdb", id="front door whole"),
        pytest.param("qsdb/store/rows.py", "import qsdb.odds.ends", id="to no line"),
        pytest.param("qsdb/odds/ends.py", "", id="on no line"),
        pytest.param("qsdb/store/rows.py", "from . import undo", id="relative"),
        pytest.param("qsdb/store/rows.py", "from ..live import x", id="relative up"),
    ],
)
def test_a_planted_import_is_refused(path: str, text: str) -> None:
    faults = layer_faults(import_graph({path: text}))

    assert len(faults) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("qsdb/store/rows.py", "from qsdb.codec import bsatn\nimport qsdb.errors"),
        ("qsdb/store/rows.py", "from qsdb.store.undo import Undo"),
        ("qsdb/cli/serve.py", "import qsdb.server.http"),
        ("qsdb/__init__.py", "from qsdb.runtime.database import Database"),
    ],
)
def test_an_import_downwards_is_admitted(path: str, text: str) -> None:
    faults = layer_faults(import_graph({path: text}))

    assert faults == []


def test_a_planted_cycle_is_found() -> None:
    sources = {
        "qsdb/store/rows.py": "import qsdb.store.undo",
        "qsdb/store/undo.py": "def late():\n    from qsdb.store import indexes",
        "qsdb/store/indexes.py": "from qsdb.store.rows import Rows",
    }

    cycle = find_cycle(import_graph(sources))

    assert set(cycle) == {"qsdb.store.rows", "qsdb.store.undo", "qsdb.store.indexes"}
    assert layer_faults(import_graph(sources)) == []
