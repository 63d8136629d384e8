"""From a text to its syntax tree, or to an error that points at the place.

>>> parse("SELECT * FROM message LIMIT 5").limit
Literal(at=28, form='number', text='5')
>>> parse("SELECT * FROM")
Traceback (most recent call last):
  ...
qsdb.errors.QueryError: line 1, column 14: the query ends where a name must follow
  SELECT * FROM
               ^
"""

import difflib
from collections.abc import Iterator

from qsdb.errors import QueryError, brief
from qsdb.sql.commands import Statement
from qsdb.sql.missing import reason_for
from qsdb.sql.tokens import NAMES_TOO, Token, tokens_of

__all__ = ["parse"]


def parse(query: str) -> Statement:
    """Parse one statement.

    Raises:
        QueryError: it does not follow the grammar.

    Cost: 0.4 ms for a short query, 25 µs a token; half a second the first time.
    """
    from qsdb.sql.building import Unexpected, build  # noqa: PLC0415  lark takes long

    try:
        return build(query)
    except Unexpected as unexpected:
        token, expected = unexpected.token, unexpected.expected
        following = _listed([*_shown(expected)])
        if token.type == "$END":
            fault = f"the query ends where {following} must follow"
            if "_CLOSE" in expected:
                fault = "the query ends where a parenthesis is open"
            raise QueryError(fault, query, len(query.rstrip())) from None
        at = token.start_pos or 0
        before = [each for each in tokens_of(query) if each.at < at]
        reason = reason_for(str(token), [each.text for each in before])
        meant = _meant_before(query, before[-1:], _LIKELY if reason is None else _SURE)
        if meant is not None:
            name = before[-1]
            fault = f"{brief(str(token))} cannot follow the name {brief(name.text)}"
            fault = f"{fault}; did you mean {meant}?"
            raise QueryError(fault, query, name.at) from None
        if reason is not None:
            fault = f"{brief(str(token))} has no meaning here: {reason}"
            raise QueryError(fault, query, at) from None
        fault = f"{brief(str(token))} is not expected here"
        meant = _near(str(token), expected, _LIKELY)
        hint = f"did you mean {meant}?" if meant else f"{following} may stand here"
        raise QueryError(f"{fault}; {hint}", query, at) from None


_LIKELY, _SURE = 0.66, 0.85
"""How near a word must be to another one, to be meant by it."""


def _meant_before(query: str, last: list[Token], nearness: float) -> str | None:
    """Give the word of the grammar that a name before a fault was meant to be.

    ``SELECT * FROM user WHRE x = 1`` would be right up to the x: WHRE is an alias.
    """
    from qsdb.sql.building import accepted_at  # noqa: PLC0415  lark takes long

    for token in last:
        if token.terminal == "NAME" and query[token.at] != '"':
            return _near(token.text, accepted_at(query, token.at), nearness)
    return None


def _near(word: str, terminals: frozenset[str], nearness: float) -> str | None:
    """Give the word of the grammar among terminals that is near another word."""
    words = sorted([e.removeprefix("_") for e in terminals - {*_SPELT, "NAME"}])
    found = difflib.get_close_matches(word.upper(), words, 1, nearness)
    return found[0] if found else None


_EXPRESSION = frozenset({"NUMBER", "TEXT", "HEX", "PARAMETER", "NAME", "_OPEN"})
_IN_EXPRESSIONS = _EXPRESSION | {
    *("CASE", "FALSE", "MINUS", "NOT", "NULL", "PLUS", "TRUE")
}
_COMPARE = frozenset({"EQUAL", "COMPARE"})
_NAMES = frozenset({"NAME", *NAMES_TOO})
_SPELT = {
    "STAR": "*",
    "SLASH": "/",
    "PERCENT": "%",
    "PLUS": "+",
    "MINUS": "-",
    "JOINED": "||",
    "PARAMETER": "a parameter",
    "_OPEN": "(",
    "_CLOSE": ")",
    "_COMMA": "a comma",
    "_DOT": "a dot",
    "EQUAL": "=",
    "COMPARE": "a comparison",
    "NUMBER": "a number",
    "TEXT": "a string",
    "$END": "the end",
}


def _shown(expected: frozenset[str]) -> Iterator[str]:
    """Yield what may follow, in words, several terminals as one where they are."""
    left = set(expected)
    if left >= _EXPRESSION:
        yield "an expression"
        left -= _IN_EXPRESSIONS | _NAMES
    if left >= _COMPARE:
        yield "a comparison"
        left -= _COMPARE
    if "NAME" in left:
        yield "a name"
        left -= _NAMES
    for terminal in sorted(left):
        yield _SPELT.get(terminal) or terminal.removeprefix("_")


def _listed(parts: list[str]) -> str:
    *before, last = parts
    return f"{', '.join(before)} or {last}" if before else last
