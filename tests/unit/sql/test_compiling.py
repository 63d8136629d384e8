"""Compiled expressions against a judge that walks the tree; and what it cannot tell."""

import itertools
import math
import operator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qsdb.errors import QueryError
from qsdb.sql.compiling import compile_predicate, compile_values
from qsdb.sql.patterns import is_like
from qsdb.sql.typed import (
    Argument,
    Between,
    Calculation,
    Cell,
    Comparison,
    Constant,
    IsNull,
    Like,
    Logic,
    Negation,
    Not,
    Typed,
    Within,
)
from qsdb.values.kinds import (
    BOOL,
    F32,
    F64,
    I8,
    NAN,
    STR,
    U8,
    FloatKind,
    IntKind,
    Kind,
)
from qsdb.values.singles import round_to_single
from tests.unit.sql.judge import TroubleError, holds, judged
from tests.unit.sql.test_checking import COLUMNS, typed

KINDS: tuple[Kind, ...] = (BOOL, I8, F64, F32, STR)
PLACES = [(kind, is_optional) for kind in KINDS for is_optional in (False, True)]
"""The columns of each of two tables."""

numbers = st.sampled_from([0.0, 0.5, -1.5, 3.0, math.inf, -math.inf, NAN])
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    BOOL: st.booleans(),
    I8: st.integers(-128, 127) | st.integers(-3, 3),
    F64: numbers,
    F32: numbers.map(round_to_single).map(
        lambda found: NAN if found != found else found
    ),
    STR: st.text("ab%_\n", max_size=3),
}
ARGUMENTS = {kind: f"a{number}" for number, kind in enumerate(KINDS)}

rows = st.tuples(
    *[
        VALUES[kind] | st.none() if is_optional else VALUES[kind]
        for kind, is_optional in PLACES
    ]
)
arguments = st.fixed_dictionaries(
    {name: VALUES[kind] for kind, name in ARGUMENTS.items()}
)


def leaves(kind: Kind) -> st.SearchStrategy[Typed]:
    cells = [
        Cell(source, place, kind, is_optional)
        for source in (0, 1)
        for place, (each, is_optional) in enumerate(PLACES)
        if each is kind
    ]
    constants: st.SearchStrategy[Typed] = VALUES[kind].map(
        lambda value: Constant(value, kind)
    )
    fixed: list[Typed] = [*cells, Argument(ARGUMENTS[kind], kind)]
    return st.sampled_from(fixed) | constants


def deeper(kind: Kind, depth: int) -> st.SearchStrategy[Typed]:
    """Draw an expression of a kind, some levels deep."""
    if depth == 0:
        return leaves(kind)
    same = st.deferred(lambda: deeper(kind, depth - 1))
    if isinstance(kind, IntKind | FloatKind):
        operators = "+-*/%" if isinstance(kind, IntKind) else "+-*/"
        rest = st.lists(
            st.tuples(st.sampled_from(operators), same), min_size=1, max_size=3
        )
        return (
            leaves(kind)
            | st.builds(Negation, same, st.just(kind))
            | st.builds(Calculation, same, rest.map(tuple), st.just(kind))
        )
    return leaves(kind) if kind is STR else predicates(depth)


def predicates(depth: int) -> st.SearchStrategy[Typed]:
    def one_less(kind: Kind) -> st.SearchStrategy[Typed]:
        return deeper(kind, depth - 1)

    truth = one_less(BOOL)
    of_any = st.sampled_from(KINDS).flatmap(
        lambda kind: st.builds(
            Comparison,
            st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
            deeper(kind, depth - 1),
            deeper(kind, depth - 1),
        )
    )
    within = st.sampled_from(KINDS).flatmap(
        lambda kind: st.builds(
            Within,
            deeper(kind, depth - 1),
            st.lists(deeper(kind, min(depth - 1, 1)), min_size=1, max_size=3).map(
                tuple
            ),
        )
    )
    between = st.sampled_from(KINDS).flatmap(
        lambda kind: st.builds(
            Between,
            deeper(kind, depth - 1),
            deeper(kind, depth - 1),
            deeper(kind, depth - 1),
        )
    )
    return (
        leaves(BOOL)
        | of_any
        | within
        | between
        | st.builds(Not, truth)
        | st.builds(IsNull, st.sampled_from(KINDS).flatmap(one_less))
        | st.builds(Like, deeper(STR, 0), deeper(STR, 0))
        | st.builds(
            Logic,
            st.sampled_from(["AND", "OR"]),
            st.lists(truth, min_size=2, max_size=3).map(tuple),
        )
    )


NAMES = sorted(ARGUMENTS.values())


@given(predicates(4), rows, rows, arguments)
@example(
    Within(Constant(1, I8), (Cell(0, 3, I8, is_optional=True), Constant(1, I8))),
    (False, None, 0, None, 0.0, None, 0.0, None, "", None),
    (False, None, 0, None, 0.0, None, 0.0, None, "", None),
    {"a0": False, "a1": 0, "a2": 0.0, "a3": 0.0, "a4": ""},
)
@example(  # not true whatever the upper end is, and False or unknown by that
    Between(
        Cell(0, 6, F32, is_optional=False),
        Cell(0, 7, F32, is_optional=True),
        Calculation(
            Cell(0, 6, F32, is_optional=False),
            (("/", Cell(0, 6, F32, is_optional=False)),),
            F32,
        ),
    ),
    (False, None, 0, None, 0.0, None, 0.0, None, "", None),
    (False, None, 0, None, 0.0, None, 0.0, None, "", None),
    {"a0": False, "a1": 0, "a2": 0.0, "a3": 0.0, "a4": ""},
)
def test_compiled_expressions_say_what_the_judge_says(
    predicate: Typed, first: tuple[Any, ...], second: tuple[Any, ...], given: Any
) -> None:
    bound = {f"p_{name}": value for name, value in given.items()}
    test = compile_predicate(predicate, NAMES, 2)(**bound)
    value = compile_values([predicate], NAMES, 2)(**bound)
    pair = first, second
    for function, judge in (
        (test, lambda: holds(predicate, pair, given)),
        (value, lambda: (judged(predicate, pair, given),)),
    ):
        try:
            expected = judge()
        except TroubleError:
            with pytest.raises(QueryError):
                function(*pair)
        else:
            assert function(*pair) == expected


X, Y = [Cell(n, 3, I8, is_optional=True) for n in (0, 1)]
"""Columns that may be absent, of two tables."""
ONE, TWO, TRUE = Constant(1, I8), Constant(2, I8), Constant(value=True, kind=BOOL)
SUM = Calculation(X, (("+", ONE),), I8)


@pytest.mark.parametrize(
    "predicate",
    [
        Between(SUM, ONE, TWO),
        Between(SUM, Y, TWO),
        Between(SUM, ONE, Y),
        Between(Calculation(ONE, (("+", ONE),), I8), Y, Y),
        Within(SUM, (Y, TWO)),
        Within(ONE, (X, Y)),
        Within(X, (ONE, TWO)),
        Logic("OR", (Comparison("=", X, ONE), Comparison("=", Y, ONE))),
        Logic("AND", (Comparison("=", X, ONE), Not(Comparison("=", Y, ONE)))),
    ],
    ids=repr,
)
def test_what_may_be_unknown_is_so_in_every_position(predicate: Typed) -> None:
    forms = [
        predicate,
        Not(predicate),
        IsNull(predicate),
        Comparison("=", predicate, TRUE),
        Not(Comparison("=", predicate, TRUE)),
        Logic("OR", (Comparison("=", predicate, TRUE), Comparison("=", X, TWO))),
    ]
    for form, x, y in itertools.product(forms, (None, 0, 1, 2), (None, 0, 1, 2)):
        rows = [(False, None, 0, each) for each in (x, y)]
        expected = judged(form, rows, {})
        found = compile_predicate(form, (), 2)()(*rows)
        assert found is (expected is True), (form, x, y)
        assert compile_values([form], (), 2)()(*rows) == (expected,), (form, x, y)


def single(*values: float) -> list[Constant]:
    return [Constant(round_to_single(value), F32) for value in values]


HUGE, TEN, FOUR, INFINITE = single(3e38, 10.0, 4.0, math.inf)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (Calculation(HUGE, (("*", TEN),), F32), math.inf),
        (Calculation(Negation(HUGE, F32), (("*", TEN),), F32), -math.inf),
        (Calculation(TEN, (("-", TEN),), F32), 0.0),
        (Calculation(INFINITE, (("-", INFINITE),), F32), NAN),
        (Calculation(Constant(math.inf, F64), (("*", Constant(0.0, F64)),), F64), NAN),
        (Calculation(TEN, (("/", FOUR),), F32), 2.5),
        (Negation(Constant(0.0, F64), F64), 0.0),
        (Calculation(Constant(-7, I8), (("/", Constant(2, I8)),), I8), -3),
        (Calculation(Constant(-7, I8), (("%", Constant(2, I8)),), I8), -1),
        (Calculation(Constant(7, I8), (("%", Constant(-2, I8)),), I8), 1),
        (Calculation(Constant(-7, I8), (("/", Constant(-2, I8)),), I8), 3),
    ],
)
def test_results_are_what_can_be_stored(expression: Typed, value: float) -> None:
    found = compile_values([expression], [])()(())
    assert repr(found) == f"({value!r},)"
    assert value is not NAN or found[0] is NAN  # type: ignore[index]
    assert judged(expression, [()], {}) == pytest.approx(value, nan_ok=True)


def test_an_optional_truth_is_not_false_where_it_is_absent() -> None:
    truth = Cell(0, 0, BOOL, is_optional=True)
    for value, expected in ((True, False), (False, True), (None, False)):
        assert compile_predicate(Not(truth), [])()((value,)) is expected


def run(text: str, row: dict[str, Any], **given: Any) -> bool:
    """Compile a predicate over `player` of test_checking, and run it."""
    predicate = typed(text)
    bind = compile_predicate(predicate, [*given])
    found = bind(**{f"p_{name}": value for name, value in given.items()})(
        tuple([row.get(name) for name in COLUMNS])
    )
    assert type(found) is bool
    return found


def test_what_decides_is_looked_at_first() -> None:
    assert not run("score <> 0 AND 10 / score > 2", {"score": 0})
    assert run("score = 0 OR 10 / score > 2", {"score": 0})
    with pytest.raises(QueryError, match="something is divided by 0"):
        run("10 / score > 2", {"score": 0})


@pytest.mark.parametrize(
    ("text", "row", "fault"),
    [
        ("level + 1 > 5", {"level": 65535}, r"65536 is not u16 \(0 to 65535\)"),
        ("level - 1 > 5", {"level": 0}, "-1 is not u16"),
        ("-score > 5", {"score": -(2**31)}, "2147483648 is not i32"),
        ("score % 0 > 5", {"score": 1}, "something is divided by 0"),
        ("ratio / 0 > 5", {"ratio": 1.0}, "something is divided by 0"),
    ],
)
def test_what_has_no_result_ends_the_query(
    text: str, row: dict[str, Any], fault: str
) -> None:
    with pytest.raises(QueryError, match=fault):
        run(text, row)


def test_parameters_are_bound_once_for_many_rows() -> None:
    assert run("level = :wanted", {"level": 5}, wanted=5)
    assert not run("level = :wanted", {"level": 5}, wanted=6)


def test_patterns_may_come_from_columns() -> None:
    assert run("'abc' LIKE nick", {"nick": "a%"})
    assert not run("'abc' LIKE nick", {"nick": None})


@pytest.mark.parametrize("operator", ["AND", "OR"])
def test_long_chains_compile(operator: str) -> None:
    text = f" {operator} ".join([f"level = {n}" for n in range(1600)])
    assert run(text, {"level": 1599}) is (operator == "OR")


def test_long_sums_compile() -> None:
    assert run(" + ".join(["score"] * 3000) + " = 3000", {"score": 1})


def test_the_deepest_nesting_compiles() -> None:
    deepest = "score"
    for _ in range(48):
        deepest = f"(1 + -{deepest})"
    assert run(f"{deepest} = score", {"score": 1})
    truth = "online"
    for _ in range(48):
        truth = f"(NOT online = {truth})"
    assert run(truth, {"online": True}) is True
    truth = "online"
    for _ in range(24):
        truth = f"(age IS NULL OR (NOT {truth}) AND age = 1)"
    assert run(truth, {"online": True, "age": None}) is True
    assert run(truth, {"online": True, "age": 2}) is False


def short(characters: str, length: int) -> list[str]:
    """Give all texts of some characters up to a length."""
    every = [itertools.product(characters, repeat=n) for n in range(length + 1)]
    return ["".join(each) for some in every for each in some]


def follows(text: str, pattern: str) -> bool:
    """Say what LIKE says, plainly: by which beginnings of the text match so far."""
    reached = [True] + [False] * len(text)
    for each in pattern:
        if each == "%":
            reached = [*itertools.accumulate(reached, operator.or_)]
        else:
            pairs = zip(reached, text, strict=False)
            reached = [False, *[r and each in ("_", c) for r, c in pairs]]
    return reached[-1]


def test_like_is_exact_for_all_short_texts_and_patterns() -> None:
    for pattern in short("a_%", 5):
        for text in short("a\n", 4):
            assert is_like(text, pattern) == follows(text, pattern), (text, pattern)


def test_compiled_patterns_are_exact_in_every_form() -> None:
    texts = short("ab\n", 4)
    rows = [
        tuple([text if each == "name" else "%b" for each in COLUMNS]) for text in texts
    ]
    for pattern in short("a_%", 4):
        forms = {f"'{pattern}'": (), ":p": (pattern,), ":p || ''": (pattern,)}
        for form, values in forms.items():
            node = typed(f"name LIKE {form}")
            test = compile_predicate(node, ["p"] if values else [])(*values)
            for text, row in zip(texts, rows, strict=True):
                assert test(row) is follows(text, pattern), (text, pattern, form)


@pytest.mark.parametrize(
    ("pattern", "escape", "good", "bad"),
    [
        ("100!%", "!", ["100%"], ["100", "100!%", "1000"]),
        ("!_%", "!", ["_", "_a"], ["a", ""]),
        ("a!!b", "!", ["a!b"], ["a!!b", "ab"]),
        ("a!b", "!", ["ab"], ["a!b"]),
        ("%%", "%", ["%"], ["", "a", "%%"]),
        ("_%__", "_", ["%_"], ["a%b", "a_"]),
        ("a!", "!", ["a!"], ["a", "ab"]),
        ("%!%%", "!", ["%", "5 % of"], ["", "5"]),
        ("\\%", "\\", ["%"], ["\\", "\\%"]),
        ("''_", "'", ["'a"], ["''a"]),
    ],
)
def test_what_is_escaped_stands_for_itself(
    pattern: str, escape: str, good: list[str], bad: list[str]
) -> None:
    def like(given: str) -> str:
        quoted = escape.replace("'", "''")
        return f"name LIKE {given} ESCAPE '{quoted}'"

    quoted = pattern.replace("'", "''")
    constant, argument = typed(like(f"'{quoted}'")), typed(like(":p"))
    for text in [*good, *bad]:
        row = tuple([text if each == "name" else None for each in COLUMNS])
        expected = text in good
        assert is_like(text, pattern, escape) is expected
        for node, names in ((constant, []), (argument, ["p"])):
            test = compile_predicate(node, names)(*[pattern for _ in names])
            assert test(row) is expected
            assert judged(node, [row], {"p": pattern}) is expected


@pytest.mark.parametrize(
    "pattern",
    ["%a" * 2000 + "b", "%a_" * 1000 + "%b%", "%" * 5000 + "b", "%ab%" * 1000],
)
def test_like_with_many_signs_comes_to_an_end(pattern: str) -> None:
    assert not is_like("a" * 6000, pattern)
    assert is_like("ab" * 4000 + "b", "%a" * 2000 + "%b")


FLOATS = [-math.inf, -1.5, 0.0, 2.5, math.inf, NAN]
ORDERINGS: dict[Any, Any] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("kind", [F32, F64])
@pytest.mark.parametrize("spelt", ORDERINGS)
def test_all_pairs_of_floats_compare(spelt: Any, kind: Kind) -> None:
    def rank(number: float) -> tuple[bool, float]:
        return (math.isnan(number), 0.0 if math.isnan(number) else number)

    first = Cell(0, 0, kind, is_optional=False)
    for a, b in itertools.product(FLOATS, FLOATS):
        expected = ORDERINGS[spelt](rank(a), rank(b))
        for second in (
            Constant(b, kind),
            Argument("b", kind),
            Cell(0, 1, kind, is_optional=False),
            Cell(0, 1, kind, is_optional=True),
        ):
            node = Comparison(spelt, first, second)
            bound = compile_predicate(node, ["b"], 1)(b)
            assert bool(bound((a, b))) is expected, (a, b, second)


SMALL: dict[Kind, list[int]] = {
    I8: [-128, -127, -65, -3, -2, -1, 0, 1, 2, 3, 64, 126, 127],
    U8: [0, 1, 2, 3, 15, 16, 127, 128, 254, 255],
}
PYTHON: dict[Any, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: int(a / b),
    "%": math.fmod,
}


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("spelt", PYTHON)
def test_all_pairs_of_small_numbers_calculate(spelt: Any, kind: Kind) -> None:
    assert isinstance(kind, IntKind)
    first = Cell(0, 0, kind, is_optional=False)
    for a, b in itertools.product(SMALL[kind], SMALL[kind]):
        for second in (Constant(b, kind), Cell(0, 1, kind, is_optional=True)):
            node = Calculation(first, ((spelt, second),), kind)
            bound = compile_values([node], [], 1)()
            expected = None if spelt in "/%" and not b else PYTHON[spelt](a, b)
            if expected is None or not kind.least <= expected <= kind.greatest:
                with pytest.raises(QueryError):
                    bound((a, b))
            else:
                assert bound((a, b)) == (expected,), (a, b, second)


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
@pytest.mark.parametrize("spelt", PYTHON)
def test_a_total_without_a_sign_or_with_one_is_divided(spelt: Any, kind: Kind) -> None:
    assert isinstance(kind, IntKind)
    first, seven = Cell(0, 0, kind, is_optional=False), Constant(7, kind)
    divide: Any
    for a, b, divide in itertools.product(SMALL[kind], SMALL[kind], "/%"):
        node = Calculation(first, ((spelt, Constant(b, kind)), (divide, seven)), kind)
        bound = compile_values([node], [], 1)()
        total = None if spelt in "/%" and not b else PYTHON[spelt](a, b)
        if total is None or not kind.least <= total <= kind.greatest:
            with pytest.raises(QueryError):
                bound((a,))
        else:
            assert bound((a,)) == (PYTHON[divide](total, 7),), (a, b, divide)
