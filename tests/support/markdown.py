"""Takes a Markdown page apart: its prose, code blocks, headings and links."""

import dataclasses
import re
from collections.abc import Iterator

_FENCE = re.compile(r"\s*```(\w*)\s*$")
_HEADING = re.compile(r"(#{1,6}) +(.*?)\s*$")
_MARK = re.compile(r"\s*<!-- *(.*?) *-->\s*$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        language: The word behind the opening fence, or empty.
        text: What stands between the fences.
        line: Number of the first line of `text`.
        section: The heading of second level above it, or empty.
        mark: The text of an HTML comment alone on the line before, or empty.
    """

    language: str
    text: str
    line: int
    section: str
    mark: str


@dataclasses.dataclass(frozen=True)
class Line:
    """A line outside fenced blocks, under the heading of second level above it."""

    text: str
    section: str


def parse(page: str) -> Iterator[Block | Line]:
    """Yield the fenced blocks and the other lines, from top to bottom."""
    lines = list(enumerate(page.splitlines(), start=1))
    section, mark = "", ""
    while lines:
        number, text = lines.pop(0)
        if fence := _FENCE.match(text):
            inner: list[str] = []
            while lines and not _FENCE.match(lines[0][1]):
                inner.append(lines.pop(0)[1])
            del lines[:1]
            code = "".join(f"{each}\n" for each in inner)
            yield Block(fence[1], code, number + 1, section, mark)
            mark = ""
        else:
            heading = _HEADING.match(text)
            if heading and len(heading[1]) == 2:
                section = heading[2]
            if text.strip():
                comment = _MARK.match(text)
                mark = comment[1] if comment else ""
            yield Line(text, section)


def blocks(page: str, *languages: str) -> list[Block]:
    """Give the fenced blocks in one of the languages."""
    found = [each for each in parse(page) if isinstance(each, Block)]
    return [block for block in found if block.language in languages]


def prose(page: str, section: str | None = None) -> str:
    """Give what is outside fenced blocks, of one section or of all."""
    lines = [each for each in parse(page) if isinstance(each, Line)]
    return "\n".join(
        line.text for line in lines if section is None or line.section == section
    )


def anchors(page: str) -> set[str]:
    """Give what the headings are called in a link: lower case, hyphens for blanks.

    >>> sorted(anchors("# One, two\\n## `Three` four\\n"))
    ['one-two', 'three-four']
    """
    headings = [_HEADING.match(line) for line in prose(page).splitlines()]
    titles = [heading[2].lower() for heading in headings if heading]
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}


def links(page: str) -> list[str]:
    """Give the targets of the links in the prose.

    >>> links("see [a page](a.md#top) and [the net](https://example.org)")
    ['a.md#top', 'https://example.org']
    """
    return _LINK.findall(prose(page))
