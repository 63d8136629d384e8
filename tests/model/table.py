"""Ties the numbered features to tests, or to README.md.

``python -m tests.model.table`` writes `TABLE.md`, which `tests/model/test_table.py`
holds against the sources. It fails if there is a feature that no test bears the number
of and README.md does not name: nothing is forgotten silently, and nothing is put off.
"""

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from tests.model.rows import ROWS, FeatureRow
from tests.support.markdown import prose
from tests.support.sources import ROOT

__all__ = ["NotOffered", "Sources", "faults", "not_offered", "page", "sources"]

FOLDER = ROOT / "tests" / "model"
PAGE = FOLDER / "TABLE.md"
README_SECTION = "Not offered"

_TEST_NAME = re.compile(r"test_row_(\d{3})_")
_README_LINE = re.compile(r"\| (\d[\d, to]*?)(, in part)? \| (.+?) \| (.+?) \|$")

_HEAD = """\
# The model's features, and what became of each

Made by `python -m tests.model.table`; do not edit. Of {all} features {done} are done,
{refused} are not offered. Where one is done but for a part, the last column says so.

| no. | area | feature | status | tests, or why |
|---|---|---|---|---|
"""


@attrs.frozen
class NotOffered:
    """A line of the README's table.

    Attributes:
        numbers: Which features.
        is_part: Whether a part of each is meant, and the rest is done.
        what: What is not offered.
        reason: Why, and what to do instead.
    """

    numbers: tuple[int, ...]
    is_part: bool
    what: str
    reason: str


@attrs.frozen
class Sources:
    """What the table is made of.

    Attributes:
        tests: The names of tests → the file of each.
        refused: What the README says is not offered.
    """

    tests: Mapping[str, str]
    refused: tuple[NotOffered, ...]

    def tests_of(self, number: int) -> list[str]:
        """Give the names of the tests that bear a number."""
        return [name for name in self.tests if _number_of(name) == number]


def _number_of(name: str) -> int | None:
    found = _TEST_NAME.match(name)
    return int(found[1]) if found else None


def _numbers(text: str) -> Iterator[int]:
    """Read ``1, 3 to 5``."""
    for part in text.split(", "):
        first, _, last = part.partition(" to ")
        yield from range(int(first), int(last or first) + 1)


def not_offered(text: str) -> tuple[NotOffered, ...]:
    """Read the README's table.

    >>> not_offered("## Not offered\\n| 4, 7 to 8, in part | a thing | a reason |\\n")
    (NotOffered(numbers=(4, 7, 8), is_part=True, what='a thing', reason='a reason'),)
    """
    lines = map(_README_LINE.match, prose(text, README_SECTION).splitlines())
    return tuple(
        NotOffered(tuple(_numbers(line[1])), line[2] is not None, line[3], line[4])
        for line in lines
        if line
    )


@functools.cache
def sources() -> Sources:
    """Read the tests of this folder, and the README."""
    tests: dict[str, str] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_row"):
                tests[node.name] = path.name
    readme = ROOT.joinpath("README.md").read_text(encoding="utf-8")
    return Sources(tests, not_offered(readme))


def faults(rows: Iterable[FeatureRow], found: Sources) -> list[str]:
    """Give a sentence for each row that is not accounted for exactly once."""
    numbers = [row.number for row in rows]
    sentences = []
    if numbers != [*range(1, len(numbers) + 1)]:
        sentences.append("the rows are not numbered from 1, one after the other")
    for number in numbers:
        has = [
            *["tests"] * bool(found.tests_of(number)),
            *["README"] * _is_said(number, found.refused),
        ]
        if len(has) != 1:
            told = " and ".join(has) or "nothing: no test, and no line in README"
            sentences.append(f"row {number} has {told}")
    known = set(numbers)
    sentences += [
        f"{name} bears the number of no row"
        for name in found.tests
        if _number_of(name) not in known
    ]
    sentences += [
        f"{number} is named in a part, and is no row that is done"
        for number in _partial(found)
        if not found.tests_of(number)
    ]
    return sentences


def _is_said(number: int, refused: Iterable[NotOffered]) -> bool:
    return any(number in each.numbers and not each.is_part for each in refused)


def _partial(found: Sources) -> list[int]:
    lines = [each.numbers for each in found.refused if each.is_part]
    return [number for numbers in lines for number in numbers]


def _status(number: int, found: Sources) -> tuple[str, str]:
    """Give a row's status, and what it rests on."""
    lines = [each for each in found.refused if number in each.numbers]
    told = [
        f"`{found.tests[name]}`: `{name}`"  # in the order of the files
        for name in found.tests_of(number)
    ]
    if not told:
        return "not offered", lines[0].reason
    told += [f"not offered in part: {each.what}" for each in lines]
    return "done", "; ".join(told)


def page(rows: Sequence[FeatureRow], found: Sources) -> str:
    """Give the text of the table.

    Raises:
        ValueError: with a sentence for each row that is not accounted for.
    """
    if sentences := faults(rows, found):
        raise ValueError("; ".join(sentences))
    statuses = [_status(row.number, found) for row in rows]
    lines = [
        f"| {row.number} | {row.area} | {row.feature} | {status} | {why} |\n"
        for row, (status, why) in zip(rows, statuses, strict=True)
    ]
    done_count = len([status for status, _ in statuses if status == "done"])
    head = _HEAD.format(
        all=len(lines), done=done_count, refused=len(lines) - done_count
    )
    return head + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(ROWS, sources()), encoding="utf-8")
