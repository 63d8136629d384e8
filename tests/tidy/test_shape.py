"""Sizes, names and places: the house rules that no linter knows.

Each rule is a function of one file's path and text that gives a sentence for
each fault.
"""

import ast
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import pytest

from tests.support.sources import ROOT, docstring_lines, package_sources

Rule = Callable[[str, str], Iterator[str]]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
METHODS_MAX = 20

MANY_METHODS = {
    "Database": "the facade has a method for all that users ask of it",
}
"""Classes that may have more methods than others → why."""

BANNED_MODULES = frozenset(
    {"utils", "helpers", "common", "core", "base", "misc", "types"}
)
BANNED_ENDINGS = ("Manager", "Helper", "Handler", "Util", "Impl", "Info")

FRONT_DOORS = {
    "qsdb/__init__.py": "what users import",
    "qsdb/testing/__init__.py": "users write qsdb.testing.FakeClock",
    "qsdb/client/__init__.py": "users write qsdb.client.connect",
}
"""Packages whose ``__init__`` gives names to users → why."""

TOP_LEVEL = {
    *("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"),
    *("benchmarks", "examples", "qsdb", "tests"),
}
"""What the project has at its top level, besides what begins with a dot."""

CODE_MAKERS = frozenset({"exec", "eval", "compile"})
CODE_MAKER = "qsdb/values/source.py"
"""The one module that makes code at run time."""

OS_MODULE = "qsdb/files.py"
"""The one module that touches the operating system."""

OS_EXCEPTIONS: dict[str, str] = {}
"""Other files that may touch the operating system → why."""


def file_size(path: str, text: str) -> Iterator[str]:
    """A file is one idea: a file that nears the limit is two."""
    lines_count = len(text.splitlines())
    if lines_count > FILE_LINES_MAX:
        yield f"{path} has {lines_count} lines, the bound is {FILE_LINES_MAX}"


def function_size(path: str, text: str) -> Iterator[str]:
    """A function fits a screen; its docstring, comments and blanks do not count."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        left_out = docstring_lines(node)
        span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        count = sum(_is_code(lines[n - 1]) for n in span if n not in left_out)
        if count > FUNCTION_LINES_MAX:
            yield f"{path}: {node.name} has {count} code lines of {FUNCTION_LINES_MAX}"


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def class_size(path: str, text: str) -> Iterator[str]:
    """A class has few methods; overloads and setters of one name count once."""
    for node in _classes(text):
        names = {
            each.name
            for each in ast.walk(node)
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            and _is_method(node, each)
        }
        if len(names) > METHODS_MAX and node.name not in MANY_METHODS:
            yield f"{path}: {node.name} has {len(names)} methods of {METHODS_MAX}"


def _is_method(owner: ast.ClassDef, function: ast.AST) -> bool:
    """Whether `function` stands in the class's body, also under an ``if``."""
    blocks: list[list[ast.stmt]] = [owner.body]
    while blocks:
        for statement in blocks.pop():
            if statement is function:
                return True
            if isinstance(statement, ast.If):
                blocks += [statement.body, statement.orelse]
    return False


def module_name(path: str, _text: str) -> Iterator[str]:
    """A module's name is its idea, not a drawer, and not its folder's again."""
    for part in PurePosixPath(path).with_suffix("").parts:
        if part in BANNED_MODULES:
            yield f"{path}: {part} says nothing of what is inside"
    file = PurePosixPath(path)
    if file.stem == file.parent.name:
        yield f"{path} stutters"


def class_name(path: str, text: str) -> Iterator[str]:
    """A class is a noun of the field."""
    for node in _classes(text):
        if node.name.endswith(BANNED_ENDINGS):
            yield f"{path}: {node.name} ends like a word for nothing"


def bare_package(path: str, text: str) -> Iterator[str]:
    """A sub-package's ``__init__`` is its docstring; names leave by the front door."""
    if path.endswith("/__init__.py") and path not in FRONT_DOORS:
        tree = ast.parse(text)
        if len(tree.body) > 1 or ast.get_docstring(tree) is None:
            yield f"{path} is not a docstring alone"


def module_docstring(path: str, text: str) -> Iterator[str]:
    """A module opens with what it owns."""
    if not ast.get_docstring(ast.parse(text)):
        yield f"{path} has no docstring"


def code_makers(path: str, text: str) -> Iterator[str]:
    """Code is made at run time in one place."""
    for node in ast.walk(ast.parse(text)):
        is_maker = isinstance(node, ast.Name) and node.id in CODE_MAKERS
        if is_maker and path != CODE_MAKER:
            yield f"{path}: {ast.unparse(node)} belongs to {CODE_MAKER}"


def os_access(path: str, text: str) -> Iterator[str]:
    """The operating system is touched in one place, which tests can exchange."""
    if path == OS_MODULE or path in OS_EXCEPTIONS:
        return
    for node in ast.walk(ast.parse(text)):
        for name in _doors_to_the_os(node):
            yield f"{path}: {name} belongs to {OS_MODULE}"


def reasoned_pragma(path: str, text: str) -> Iterator[str]:
    """Who leaves a line out of the coverage tells why, on that line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.rstrip().endswith("pragma: no cover"):
            yield f"{path}:{number} leaves out a line and does not tell why"


def _doors_to_the_os(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            imported = [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            imported = [module]
        case ast.Call(func=ast.Name(id="open")):
            return ["open"]
        case _:
            return []
    return [
        name
        for name in imported
        if name.partition(".")[0] in {"os", "pathlib", "shutil", "tempfile"}
    ]


def _classes(text: str) -> Iterator[ast.ClassDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            yield node


RULES: tuple[Rule, ...] = (
    file_size,
    function_size,
    class_size,
    module_name,
    class_name,
    bare_package,
    module_docstring,
    code_makers,
    os_access,
    reasoned_pragma,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    faults = [
        fault for path, text in package_sources().items() for fault in rule(path, text)
    ]

    assert faults == [], "\n".join(faults)


def test_every_exception_names_a_file() -> None:
    unknown = {CODE_MAKER, *OS_EXCEPTIONS} - set(package_sources())

    assert unknown == set()


def _function(lines_count: int) -> str:
    """Write a function of so many code lines, with more that do not count."""
    head = ['"""Doc."""', "def f():", '    """Say.', "", "    More.", '    """']
    return "\n".join([*head, "    # Why.", "", *["    pass"] * (lines_count - 1)])


def _class(name: str, methods_count: int) -> str:
    """Write a class of so many methods, with second definitions of each."""
    methods = [f"    def m{n}(self): ..." for n in range(methods_count)]
    return "\n".join(['"""Doc."""', f"class {name}:", *methods, *methods])


def _lines(count: int) -> str:
    """Write a file of so many lines."""
    return '"""Doc."""\n' + "x = 1\n" * (count - 1)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (file_size, "qsdb/a.py", _lines(401)),
        (function_size, "qsdb/a.py", _function(51)),
        (function_size, "qsdb/a.py", _function(51).replace("def f", "async def f")),
        (class_size, "qsdb/a.py", _class("Rows", 21)),
        (
            class_size,
            "qsdb/a.py",
            _class("Rows", 20) + "\n    if x:\n        def n(): 1",
        ),
        (module_name, "qsdb/store/utils.py", ""),
        (module_name, "qsdb/core/rows.py", ""),
        (module_name, "qsdb/store/types.py", ""),
        (module_name, "qsdb/store/store.py", ""),
        (class_name, "qsdb/a.py", "class RowManager: ..."),
        (class_name, "qsdb/a.py", "def f():\n    class TableInfo: ..."),
        (bare_package, "qsdb/store/__init__.py", '"""Doc."""\nfrom x import y'),
        (bare_package, "qsdb/store/__init__.py", ""),
        (module_docstring, "qsdb/a.py", "x = 1"),
        (module_docstring, "qsdb/store/__init__.py", ""),
        (code_makers, "qsdb/a.py", "exec('x')"),
        (code_makers, "qsdb/a.py", "run = eval"),
        (code_makers, "qsdb/a.py", "code = compile('x', 'x', 'exec')"),
        (os_access, "qsdb/a.py", "import os.path"),
        (os_access, "qsdb/a.py", "def f():\n    from pathlib import Path"),
        (os_access, "qsdb/a.py", "text = open('x').read()"),
        (reasoned_pragma, "qsdb/a.py", "x = 1  # pragma: no cover"),
    ],
)
def test_a_planted_fault_is_found(rule: Rule, path: str, text: str) -> None:
    faults = list(rule(path, text))

    assert len(faults) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("qsdb/store/rows.py", _lines(400)),
        ("qsdb/store/rows.py", _function(50)),
        ("qsdb/store/rows.py", _class("Rows", 20)),
        ("qsdb/store/rows.py", '"""Doc."""\nx = 1  # pragma: no cover  of 3.14'),
        ("qsdb/runtime/database.py", _class("Database", 60)),
        ("qsdb/store/__init__.py", '"""Doc."""\n'),
        ("qsdb/__init__.py", '"""Doc."""\nfrom qsdb.store.rows import Rows'),
        ("qsdb/store/rows.py", '"""Doc."""\nimport re\nre.compile(r"x")\nz.open(1)'),
        (CODE_MAKER, '"""Doc."""\nexec("x")'),
        (OS_MODULE, '"""Doc."""\nimport os\nopen("x")'),
    ],
)
def test_what_keeps_the_rules_is_admitted(path: str, text: str) -> None:
    faults = [fault for rule in RULES for fault in rule(path, text)]

    assert faults == []


# Needed: an unpacked archive is no repository, and only git knows what belongs to the
# project and what just lies there, as environments do. The gate runs on a clone.
@pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None,
    reason="there is no repository to ask, or no git",
)
def test_nothing_else_is_kept_at_the_top_level() -> None:
    # Also of a checkout that is somebody else's, as in a container.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = {path.partition("/")[0] for path in found.stdout.decode().split("\0")}
    assert {name for name in names if name and not name.startswith(".")} == TOP_LEVEL
