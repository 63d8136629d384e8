"""What the README shows works, and what it names exists.

How the README is written, so that it can be checked:

- Blocks marked ``python`` run from top to bottom in an empty folder: as a doctest
  where they hold ``>>>``, else as a program. The blocks of one section (a heading
  of second level) share their names. On the line before a block,
  ``<!-- fresh -->`` gives it names of its own and ``<!-- not run: why -->`` has it
  compiled only.
- Blocks marked ``sh`` hold commands, one on a line.
- The ``sh`` block under ``<!-- the test command -->`` is what ``.ci/run`` runs.
- In the section *Reading the source* each dotted name or path in backticks exists;
  ``qsdb.`` or ``qsdb/`` in front, ``.py`` and ``()`` behind may be left out.
"""

import doctest
import importlib
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.markdown import Block, anchors, blocks, links, prose
from tests.support.sources import ROOT

README = ROOT / "README.md"
PAGE = README.read_text(encoding="utf-8")

TEST_COMMAND = 'pip install -e ".[test]" && python -m pytest'
TEST_COMMAND_MARK = "the test command"
SOURCE_SECTION = "Reading the source"

COMMANDS = frozenset(
    {"cd", "coverage", "git", "mypy", "pip", "pytest", "python", "ruff"}
)
"""Programs that a reader has, or has after the installation."""

_MODULE_RUN = re.compile(r"\bpython[\d.]*(?: -\S+)*? -m ([\w.]+)")
_PATH = re.compile(
    r"(?<![\w/.-])((?:tests|qsdb|examples|benchmarks|\.ci)/[\w./-]*)(?![\w./*<{-])"
)
_SOURCE_NAME = re.compile(r"`(\w*[./][\w./]*)(?:\(\))?`")


def run_blocks(page_blocks: list[Block], names: dict[str, object], path: Path) -> None:
    """Run blocks of Python in the namespace `names`.

    Raises:
        AssertionError: a doctest fails, with the doctest's report.
        Exception: whatever else a block raises, its lines numbered as in the page.
    """
    builtin_names = dict(names)
    for block in page_blocks:
        if block.mark == "fresh":
            names.clear()
            names.update(builtin_names)
        if block.mark.startswith("not run: "):
            compile(block.text, path, "exec", dont_inherit=True)
        elif ">>>" in block.text:
            run_doctest(block, names, path)
        else:
            text = "\n" * (block.line - 1) + block.text
            exec(compile(text, path, "exec", dont_inherit=True), names)


def run_doctest(block: Block, names: dict[str, object], path: Path) -> None:
    """Run a block as a doctest in the namespace `names`."""
    parser = doctest.DocTestParser()
    case = parser.get_doctest(block.text, {}, path.name, str(path), block.line - 1)
    case.globs = names
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    result = runner.run(case, out=report.append, clear_globs=False)
    assert result.failed == 0, "".join(report)


def command_faults(page: str, root: Path) -> list[str]:
    """Give a sentence for each command in the page that nobody could run."""
    programs = {
        program
        for block in blocks(page, "sh")
        for line in block.text.replace("\\\n", " ").splitlines()
        for program in _programs(line)
    }
    faults = [
        f"there is no program {program}"
        for program in sorted(programs - COMMANDS)
        if not (root / program).is_file()
    ]
    modules = sorted(set(_MODULE_RUN.findall(page)))
    return faults + [f"cannot run {each}" for each in modules if not can_run(each)]


def _programs(line: str) -> Iterator[str]:
    """Yield the first word of each command on a line, variables passed over."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    is_first = True
    for word in lexer:
        if not word.strip("();|&"):
            is_first = True
        elif is_first and not re.match(r"\w+=", word):
            is_first = False
            yield word


def can_run(module: str) -> bool:
    """Whether ``python -m module`` finds something to run."""
    if not _exists(module):
        return False
    spec = importlib.util.find_spec(module)
    assert spec is not None
    is_package = spec.submodule_search_locations is not None
    return not is_package or _exists(f"{module}.__main__")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def path_faults(page: str, root: Path) -> list[str]:
    """Give a sentence for each path into the checkout that leads nowhere."""
    paths = {path.rstrip(".") for path in _PATH.findall(page)}
    return [
        f"there is no {path}" for path in sorted(paths) if not (root / path).exists()
    ]


def link_faults(page: str, root: Path) -> list[str]:
    """Give a sentence for each link to a file or heading that is not there."""
    return [
        f"the link to {target} leads nowhere"
        for target in links(page)
        if not _leads_somewhere(target, page, root)
    ]


def _leads_somewhere(target: str, page: str, root: Path) -> bool:
    if re.match(r"\w+:", target):
        return True
    file, _, anchor = target.partition("#")
    if file:
        return (root / file).exists()
    return anchor in anchors(page)


def source_faults(page: str, root: Path) -> list[str]:
    """Give a sentence for each name of the walk through the source that is stale."""
    names = sorted(set(_SOURCE_NAME.findall(prose(page, SOURCE_SECTION))))
    return [f"there is no {name}" for name in names if not source_exists(name, root)]


def source_exists(name: str, root: Path) -> bool:
    """Whether a path, or a dotted name, stands for something in the checkout."""
    if "/" in name or name.endswith(".py"):
        places = (root / name, root / "qsdb" / name, root / "qsdb" / f"{name}.py")
        return any(place.exists() for place in places)
    prefixes = ("", "qsdb.") if name.startswith("qsdb.") else ("qsdb.",)
    return any(map(_resolves, (prefix + name for prefix in prefixes)))


def _resolves(dotted: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    module, attributes = dotted, list[str]()
    while not _exists(module):
        module, dot, last = module.rpartition(".")
        attributes.insert(0, last)
        if not dot:
            return False
    value: object = importlib.import_module(module)
    for attribute in attributes:
        if not hasattr(value, attribute):
            return False
        value = getattr(value, attribute)
    return True


def _sections(page: str) -> list[str]:
    """Give the sections that hold Python, in order, each once."""
    return list(dict.fromkeys(block.section for block in blocks(page, "python")))


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Give the names of a new module, with an empty folder as working directory."""
    module = ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", module)
    monkeypatch.chdir(tmp_path)
    return vars(module)


@pytest.mark.parametrize("section", _sections(PAGE))
def test_python_runs(section: str, names: dict[str, object]) -> None:
    page_blocks = [each for each in blocks(PAGE, "python") if each.section == section]

    run_blocks(page_blocks, names, README)


def test_there_is_python_to_run() -> None:
    assert blocks(PAGE, "python") != []


def test_test_command_is_told() -> None:
    told = [each.text for each in blocks(PAGE, "sh") if each.mark == TEST_COMMAND_MARK]

    assert told == [f"{TEST_COMMAND}\n"]


def test_commands_can_be_run() -> None:
    assert command_faults(PAGE, ROOT) == []


def test_paths_exist() -> None:
    assert path_faults(PAGE, ROOT) == []


def test_links_lead_somewhere() -> None:
    assert link_faults(PAGE, ROOT) == []


def test_source_section_names_what_exists() -> None:
    assert _SOURCE_NAME.search(prose(PAGE, SOURCE_SECTION)) is not None
    assert source_faults(PAGE, ROOT) == []


def _python(*texts: str, mark: str = "") -> str:
    """Write a page with blocks of Python in one section."""
    fences = [f"{mark}\n```python\n{text}\n```\n" for text in texts]
    return "# Title\n\n## Section\n\n" + "\n".join(fences)


@pytest.mark.parametrize(
    ("page", "error"),
    [
        pytest.param(_python("assert 1 == 2"), AssertionError, id="assert"),
        pytest.param(_python(">>> 1 + 1\n3"), AssertionError, id="doctest"),
        pytest.param(_python("x = 1\n>>> x\n1"), AssertionError, id="mixed"),
        pytest.param(_python("x ="), SyntaxError, id="syntax"),
        pytest.param(
            _python("x =", mark="<!-- not run: a server -->"), SyntaxError, id="not run"
        ),
        pytest.param(
            _python("x = 1", "x", mark="<!-- fresh -->"), NameError, id="fresh"
        ),
    ],
)
def test_planted_python_fails(
    page: str, error: type[Exception], names: dict[str, object]
) -> None:
    with pytest.raises(error):
        run_blocks(blocks(page, "python"), names, README)


def test_planted_python_runs_and_shares_names(names: dict[str, object]) -> None:
    page = _python(
        "x = [1]\ndef f(): return x",
        ">>> x.append(2)\n>>> f()\n[1, 2]\n>>> y = 3",
        "class A: ...\nassert f() == [1, 2] and y == 3",
        "import sys\nassert getattr(sys.modules[A.__module__], 'A') is A",
    )

    run_blocks(blocks(page, "python"), names, README)

    assert names["y"] == 3


def test_an_error_has_the_line_of_the_page(names: dict[str, object]) -> None:
    page = _python("x = 1", "x = 2\nraise KeyError")

    with pytest.raises(KeyError) as caught:
        run_blocks(blocks(page, "python"), names, README)

    line = caught.traceback[-1].lineno + 1
    assert page.splitlines()[line - 1] == "raise KeyError"


@pytest.mark.parametrize(
    ("page", "faults_count"),
    [
        ("```sh\nmake test\n```", 1),
        ("```sh\nmypy && make test\n```", 1),
        ("```sh\npython -m examples.no_such_example\n```", 1),
        ("```sh\npython -m tests.support  # has nothing to run\n```", 1),
        ("Then `python -m qsdb.no_such_module serve`.", 1),
        ("```sh\ngit clone x\nA=1 python -X dev -m pytest\n.ci/run  # all\n```", 0),
        ('```sh\ncd a; (B=1 pip install \\\n  "x|y")\n```', 0),
        ("Then `python -m pytest -m slow`.", 0),
        ("```text\nmake test\n```", 0),
    ],
)
def test_planted_commands_are_judged(page: str, faults_count: int) -> None:
    assert len(command_faults(page, ROOT)) == faults_count


@pytest.mark.parametrize(
    ("page", "faults_count"),
    [
        ("Run `python examples/no_such_example.py`.", 1),
        ("```sh\npytest tests/no_such_folder\n```", 1),
        ("See tests/tidy, qsdb/values/, `tests/tidy/test_readme.py`.", 0),
        ("See tests/tidy/test_*.py and https://example.org/qsdb/no_such_page.", 0),
    ],
)
def test_planted_paths_are_judged(page: str, faults_count: int) -> None:
    assert len(path_faults(page, ROOT)) == faults_count


@pytest.mark.parametrize(
    ("page", "faults_count"),
    [
        ("[licence](LICENCE)", 1),
        ("[above](#no-such-heading)", 1),
        ("[licence](LICENSE) [net](https://example.org)", 0),
        ("## One, two\n\n[above](#one-two) [tests](tests/tidy#top)", 0),
        ("```text\n[licence](LICENCE)\n```", 0),
    ],
)
def test_planted_links_are_judged(page: str, faults_count: int) -> None:
    assert len(link_faults(page, ROOT)) == faults_count


@pytest.mark.parametrize(
    ("text", "faults_count"),
    [
        ("`values.no_such_module`", 1),
        ("`values.kinds.NoSuchKind`", 1),
        ("`values/no_such_module`", 1),
        ("`qsdb/values/no_such_module.py`", 1),
        ("`no_such_module.py`", 1),
        ("`qsdb.values.kinds` `values.kinds.Kind` `values.kinds.Kind.canonical()`", 0),
        ("`values/kinds` `qsdb/values/kinds.py` `values/` `errors.py` `.ci/run`", 0),
        ("`a row` and `pre[key] = old`\n```text\n`values.no_such_module`\n```\n", 0),
        ("\n## Another section\n`values.no_such_module`", 0),
    ],
)
def test_planted_source_names_are_judged(text: str, faults_count: int) -> None:
    page = f"# Title\n\n## {SOURCE_SECTION}\n\n{text}"

    assert len(source_faults(page, ROOT)) == faults_count
