"""Who may import whom in QS-Bridge: each part only from lines below it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import examples.qsbridge

PACKAGE: Final = "examples.qsbridge"
LINES: Final = (
    frozenset({"hub", "wording"}),
    frozenset({"hub.documented"}),
    frozenset({"hub.suggested"}),
    frozenset({"bridge", "dashboard", "game", "hosting", "mods"}),
    frozenset({"evening", "simulation", "measure_bans"}),
    frozenset({"cli", "__init__"}),
    frozenset({"__main__"}),
)
"""Bottom to top: what stands on each line."""
HEIGHTS: Final = {part: height for height, line in enumerate(LINES) for part in line}


def part_of(module: str) -> str:
    """Give the part that a module of the package belongs to."""
    names = module.removeprefix(PACKAGE).removeprefix(".").split(".")
    two = ".".join(names[:2])
    return two if two in HEIGHTS else names[0] or "__init__"


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of the package that a source imports names from."""
    for node in ast.walk(tree):
        names = (
            [each.name for each in node.names] if isinstance(node, ast.Import) else []
        )
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name for name in names if name.startswith(PACKAGE))


def test_each_part_imports_only_from_below() -> None:
    folder = Path(examples.qsbridge.__file__).parent
    faults = []
    for file in sorted(folder.rglob("*.py")):
        relative = file.relative_to(folder).with_suffix("")
        part = part_of(".".join((PACKAGE, *relative.parts)))
        for module in imports(ast.parse(file.read_text(encoding="utf-8"))):
            other = part_of(module)
            if other != part and HEIGHTS[other] >= HEIGHTS[part]:
                faults.append(f"{relative} imports {module}")
    assert faults == []
