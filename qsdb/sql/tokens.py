"""From characters to tokens.

1. Reserved words are so in any letter case; names keep theirs. A name in double
   quotes is never a reserved word, and may hold anything; ``""`` is one quote in it.
2. A number has no sign and no letters after it; ``0x`` begins hex digits.
3. Strings end at a single quote; two are one inside. A backslash is an ordinary
   character. ``X'…'`` holds hex digits.
4. Comments run from ``--`` to the end of the line, or from ``/*`` to ``*/``, nested.
5. Semicolons may stand before and after the one statement.

Deep nesting is refused here, where it costs nothing, and so are too many SELECTs.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from qsdb.errors import QueryError

__all__ = [
    "NAMES_TOO",
    "NESTING_MAX",
    "RESERVED",
    "SELECTS_MAX",
    "TEXT_BYTES_MAX",
    "Token",
    "tokens_of",
]

TEXT_BYTES_MAX = 50_000
NESTING_MAX = 48
"""So many parentheses may be open at once, and CASEs that have not come to END."""
SELECTS_MAX = 64
"""So many SELECTs may be in one statement."""

_DROPPED = re.findall(
    r"\w+",
    """AND AS BETWEEN BY CROSS FROM GROUP HAVING IN INNER INTO IS LIKE LIMIT NATURAL
    OFFSET ON OR ORDER OUTER TO USING VALUES WHEN WHERE""",
)
_KEPT = re.findall(
    r"\w+",
    """ALL CASE DELETE DISTINCT EXCEPT FALSE FULL INSERT INTERSECT JOIN LEFT NOT NULL
    RIGHT SELECT SET SHOW TRUE UNION UPDATE""",
)
NAMES_TOO = (
    *("ASC", "CAST", "DESC", "ELSE", "END", "ESCAPE", "EXISTS", "EXPLAIN"),
    *("FIRST", "LAST", "NULLS", "OVER", "PARTITION", "QUALIFY", "THEN"),
)
"""Words that mean something where they are expected, and are names elsewhere."""

_WORDS = {
    **{word: f"_{word}" for word in _DROPPED},
    **{word: word for word in (*_KEPT, *NAMES_TOO)},
}
"""Word → terminal."""

RESERVED = frozenset(_WORDS) - {*NAMES_TOO}
"""Words that are no names unless they are quoted."""

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | --[^\n]* )
    | (?P<comment> /\* )
    | (?P<hex> 0x (?P<digits> [0-9a-fA-F]* ) | [xX]'(?P<quoted> [^']* )' )
    | (?P<number> (?: [0-9]+ \.? [0-9]* | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<name> "(?: [^"] | "" )*" )
    | (?P<text> '(?: [^'] | '' )*' )
    | :\s*(?P<parameter> [^\W\d][\w$]* )
    | (?P<operator> <= | >= | <> | != | == | \|\| | [=<>+\-*/%(),.;] )
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"/\*|\*/")
_LETTER = re.compile(r"[\w$]")

_END = "_END"

_OPERATORS = {
    "=": "EQUAL",
    "==": "EQUAL",
    **dict.fromkeys(("<>", "!=", "<", "<=", ">", ">="), "COMPARE"),
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "||": "JOINED",
    "/": "SLASH",
    "%": "PERCENT",
    "(": "_OPEN",
    ")": "_CLOSE",
    ",": "_COMMA",
    ".": "_DOT",
    ";": _END,
}


class Token(NamedTuple):
    """One token: which terminal of the grammar, what it says, and where it begins."""

    terminal: str
    text: str
    at: int


def tokens_of(query: str) -> Iterator[Token]:
    """Yield the tokens of one statement.

    Raises:
        QueryError: the text is too long, empty, holds more than one statement or
            something that is no token, or nests too deep.
    """
    length = len(query.encode("utf-8", "surrogatepass"))
    if length > TEXT_BYTES_MAX:
        fault = f"a query has at most {TEXT_BYTES_MAX:,} bytes, not {length:,}"
        raise QueryError(fault, query, _character_of(query, TEXT_BYTES_MAX))
    nesting, selects, has_begun, has_ended = _Nesting(), 0, False, False
    for token in _all_tokens(query):
        if token.terminal == _END:
            has_ended = has_begun
            continue
        if has_ended:
            raise QueryError("there is a second statement", query, token.at)
        has_begun = True
        if nesting.after(token.terminal) > NESTING_MAX:
            fault = f"more than {NESTING_MAX} parentheses and CASEs are open here"
            raise QueryError(fault, query, token.at)
        selects += token.terminal == "SELECT"
        if selects > SELECTS_MAX:
            fault = f"there are more than {SELECTS_MAX} SELECTs"
            raise QueryError(fault, query, token.at)
        yield token
    if not has_begun:
        raise QueryError("there is no statement", query)


def _character_of(query: str, byte: int) -> int:
    """Give the place of the character that a byte of a text is of."""
    encoded = query.encode("utf-8", "surrogatepass")[: byte + 1]
    return sum([each & 0xC0 != 0x80 for each in encoded]) - 1


class _Nesting:
    """What is open at some token: parentheses, and CASEs.

    END is a name too. It ends a CASE where that is what is open, and a value stands
    before it; nothing else may stand there.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._last = ""

    def after(self, terminal: str) -> int:
        """Take the next token, and say how much is open then."""
        is_open, last, self._last = self._open, self._last, terminal
        if terminal in ("_OPEN", "CASE"):
            is_open.append(terminal)
        elif terminal == "_CLOSE":
            while is_open and is_open.pop() != "_OPEN":
                pass
        elif terminal == "END" and last in _VALUE_ENDS and is_open[-1:] == ["CASE"]:
            is_open.pop()
        return len(is_open)


_VALUE_ENDS = {
    *("NAME", "NUMBER", "TEXT", "HEX", "PARAMETER", "_CLOSE"),
    *("TRUE", "FALSE", "NULL"),
    *NAMES_TOO,
} - {"THEN", "ELSE"}
"""What a value may end with."""


def _all_tokens(query: str) -> Iterator[Token]:
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            raise QueryError(_fault(query[at]), query, at)
        group, end = found.lastgroup, found.end()
        if group in ("hex", "number") and _LETTER.match(query, end):
            raise QueryError(f"{found[0]}{query[end]} is no number", query, at)
        if group == "comment":
            end = _end_of_comment(query, at)
        elif group != "space":
            yield Token(*_terminal_of(found), at)
        at = end


def _terminal_of(found: re.Match[str]) -> tuple[str, str]:  # noqa: PLR0911  a table
    """Give the terminal and the text of a match that is neither space nor comment."""
    text = found.group()
    match found.lastgroup:
        case "hex":
            digits = found["digits"]
            return "HEX", found["quoted"] if digits is None else digits
        case "number":
            return "NUMBER", text
        case "word":
            return _WORDS.get(text.upper(), "NAME"), text
        case "name":
            return "NAME", text[1:-1].replace('""', '"')
        case "text":
            return "TEXT", text[1:-1].replace("''", "'")
        case "parameter":
            return "PARAMETER", found["parameter"]
        case _:
            return _OPERATORS[text], text


def _end_of_comment(query: str, at: int) -> int:
    depth = 0
    for found in _COMMENT.finditer(query, at):
        depth += 1 if found.group() == "/*" else -1
        if not depth:
            return found.end()
    raise QueryError("this comment does not end", query, at)


def _fault(character: str) -> str:
    match character:
        case "'":
            return "this string does not end"
        case '"':
            return "this quoted name does not end"
        case ":":
            return "a parameter's name must follow the colon"
        case "?":
            return "parameters have names: write :name in the place of ?"
        case _:
            return f"the character {character!r} means nothing here"
