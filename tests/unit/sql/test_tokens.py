"""Tokens: words, names, numbers, strings, comments, and what is none of them."""

import pytest

from qsdb.errors import QueryError
from qsdb.sql.tokens import NESTING_MAX, SELECTS_MAX, TEXT_BYTES_MAX, Token, tokens_of


def spelt(query: str) -> list[tuple[str, str]]:
    return [(terminal, text) for terminal, text, _ in tokens_of(query)]


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("SeLeCt from", [("SELECT", "SeLeCt"), ("_FROM", "from")]),
        ("count Explain", [("NAME", "count"), ("EXPLAIN", "Explain")]),
        ("straße _a1$ naïve", [("NAME", each) for each in ("straße", "_a1$", "naïve")]),
        ('"select" "a ""b"" c"', [("NAME", "select"), ("NAME", 'a "b" c')]),
        (
            "0 12 1.5 .5 5. 1e3 1E+3 2.5e-7",
            [
                ("NUMBER", each)
                for each in ("0", "12", "1.5", ".5", "5.", "1e3", "1E+3", "2.5e-7")
            ],
        ),
        (
            "0xDEADbeef 0x X'ab' x''",
            [("HEX", each) for each in ("DEADbeef", "", "ab", "")],
        ),
        ("'O''Brien' 'a\\' ''", [("TEXT", each) for each in ("O'Brien", "a\\", "")]),
        ("'two\nlines'", [("TEXT", "two\nlines")]),
        (":sender : room", [("PARAMETER", "sender"), ("PARAMETER", "room")]),
        ("a.b", [("NAME", "a"), ("_DOT", "."), ("NAME", "b")]),
        ("= ==", [("EQUAL", "="), ("EQUAL", "==")]),
        ("a || b", [("NAME", "a"), ("JOINED", "||"), ("NAME", "b")]),
        (
            "<> != < <= > >=",
            [("COMPARE", each) for each in ("<>", "!=", "<", "<=", ">", ">=")],
        ),
        (
            "+-*/%(),",
            [
                *[("PLUS", "+"), ("MINUS", "-"), ("STAR", "*"), ("SLASH", "/")],
                *[("PERCENT", "%"), ("_OPEN", "("), ("_CLOSE", ")"), ("_COMMA", ",")],
            ],
        ),
        ("a -- b\nc --", [("NAME", "a"), ("NAME", "c")]),
        ("a /* b /* c */ d */ e", [("NAME", "a"), ("NAME", "e")]),
        ("a\u00a0\t\r\nb", [("NAME", "a"), ("NAME", "b")]),
        (" ; ;a; ;", [("NAME", "a")]),
    ],
)
def test_texts_become_tokens(query: str, tokens: list[tuple[str, str]]) -> None:
    assert spelt(query) == tokens


def test_a_token_knows_where_it_begins() -> None:
    assert [*tokens_of("é  'x'\n:y")] == [
        Token("NAME", "é", 0),
        Token("TEXT", "x", 3),
        Token("PARAMETER", "y", 7),
    ]


@pytest.mark.parametrize(
    ("query", "line", "column", "reason"),
    [
        ("", 1, 1, "there is no statement"),
        (" \t\r\n ", 1, 1, "there is no statement"),
        (";;", 1, 1, "there is no statement"),
        ("-- nothing", 1, 1, "there is no statement"),
        ("a; b", 1, 4, "there is a second statement"),
        ("a\n'b", 2, 1, "this string does not end"),
        ('a "b', 1, 3, "this quoted name does not end"),
        ("a /* /* */", 1, 3, "this comment does not end"),
        ("a : = b", 1, 3, "a parameter's name must follow the colon"),
        ("a $ b", 1, 3, r"the character '\$' means nothing here"),
        ("a = ?", 1, 5, r"parameters have names: write :name in the place of \?"),
        ("a = 1_000", 1, 5, "1_ is no number"),
        ("a = 0XAB", 1, 5, "0X is no number"),
        ("a = 0xAG", 1, 5, "0xAG is no number"),
        ("a = 1e", 1, 5, "1e is no number"),
    ],
)
def test_what_is_no_token_is_pointed_at(
    query: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(QueryError, match=reason) as caught:
        spelt(query)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_text_has_a_length() -> None:
    assert spelt(f"'{'é' * (TEXT_BYTES_MAX // 2 - 1)}'")
    with pytest.raises(QueryError, match="at most 50,000 bytes, not 50,002") as caught:
        spelt(f"'{'é' * (TEXT_BYTES_MAX // 2)}'")
    assert (caught.value.line, caught.value.column) == (1, TEXT_BYTES_MAX // 2 + 1)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("query", "excerpt"),
    [
        ("", "  \n  ^"),
        ("a\n" + " " * TEXT_BYTES_MAX + "b", f"  {' ' * 52}b\n  {' ' * 50}^"),
        ("é" * (TEXT_BYTES_MAX // 2) + "x", f"  {'é' * 50}x\n  {' ' * 50}^"),
        ("x" * (TEXT_BYTES_MAX - 1) + "é", f"  {'x' * 50}é\n  {' ' * 50}^"),
    ],
)
def test_a_text_that_is_empty_or_too_long_is_shown(query: str, excerpt: str) -> None:
    with pytest.raises(QueryError) as caught:
        spelt(query)
    assert str(caught.value).split("\n", 1)[1] == excerpt


def test_lone_surrogates_count_as_their_bytes() -> None:
    assert spelt("'\ud800'") == [("TEXT", "\ud800")]


def test_parentheses_nest_so_deep() -> None:
    deepest = "(" * NESTING_MAX + ")" * NESTING_MAX
    assert len(spelt(deepest + deepest)) == 4 * NESTING_MAX
    with pytest.raises(QueryError, match=OPEN) as caught:
        spelt("(" * 10_000)
    assert caught.value.column == NESTING_MAX + 1


OPEN = "more than 48 parentheses and CASEs are open here"


def nested(count: int, before: str = "CASE WHEN ", behind: str = " THEN 1 END") -> str:
    """Give CASEs one in the other."""
    return before * count + "a" + behind * count


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("CASE WHEN ", " THEN 1 END"),
        ("CASE WHEN a THEN ", " ELSE NULL END"),
        ("CASE WHEN a THEN ", " END"),
        ("CASE WHEN t.end > end THEN ", " ELSE end END"),  # a name
    ],
)
def test_cases_nest_so_deep(before: str, behind: str) -> None:
    deepest = nested(NESTING_MAX, before, behind)
    assert spelt(f"{deepest} = {deepest}")
    with pytest.raises(QueryError, match=OPEN) as caught:
        spelt(nested(NESTING_MAX + 1, before, behind))
    assert caught.value.column == NESTING_MAX * len(before) + 1


def test_cases_and_parentheses_nest_in_each_other() -> None:
    half = NESTING_MAX // 2
    assert spelt(nested(half, "(CASE WHEN ", " THEN 1 END)"))
    with pytest.raises(QueryError, match=OPEN):
        spelt(nested(half + 1, "(CASE WHEN ", " THEN 1 END)"))
    # A parenthesis ends what is open in it; END ends none, nor does one without CASE.
    assert spelt("(CASE a) " * (NESTING_MAX + 1))
    assert spelt("a END) " * (NESTING_MAX + 1))
    with pytest.raises(QueryError, match=OPEN):
        spelt("(a END " * (NESTING_MAX + 1))


def test_too_many_selects_are_pointed_at() -> None:
    part = "SELECT a FROM t"
    assert (
        len([*tokens_of(" UNION ".join([part] * SELECTS_MAX))]) == SELECTS_MAX * 5 - 1
    )
    with pytest.raises(QueryError, match=f"more than {SELECTS_MAX} SELECTs") as caught:
        [*tokens_of(" UNION ".join([part] * (SELECTS_MAX + 1)))]
    assert caught.value.column == SELECTS_MAX * len(f"{part} UNION ") + 1
