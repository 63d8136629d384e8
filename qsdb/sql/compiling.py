"""Typed expressions as Python source, and as functions over stored rows.

For ``level > :most AND nick LIKE 'a%'`` over one table the code is::

    def bind(p_most):
        def test(r0):
            return (r0[2] > p_most) and ((x1 := r0[5]) is not None and _like(x1))

        return test

A predicate may be unknown, where values are absent. What is asked of it is never all
three answers at once, and so there are three ways of writing an expression, each as
long as the expression itself:

* *true*: whether it is true, of AND and OR with Python's own;
* *false*: whether it is false, what NOT turns *true* into;
* *value*: what it is, None where that is unknown or absent.

Python evaluates from the left and no further than it must, and so does this: in
``n <> 0 AND 10 / n > 2`` nothing is divided by 0.

Deep expressions are split into functions: Python takes some hundred parentheses.
"""

from collections.abc import Callable, Sequence

from qsdb.sql.calculating import write_worked
from qsdb.sql.comparing import write_float_test
from qsdb.sql.patterns import is_like, like_source, matcher
from qsdb.sql.typed import (
    Argument,
    Between,
    Calculation,
    Call,
    Cases,
    Cell,
    Coalesce,
    Comparison,
    Constant,
    Exists,
    IsNull,
    Like,
    Logic,
    Negation,
    Not,
    Typed,
    Within,
    is_optional,
    sources_of,
)
from qsdb.values.kinds import FloatKind, Kind
from qsdb.values.source import Names, compile_source

__all__ = [
    "Bind",
    "ExpressionWriter",
    "compile_predicate",
    "compile_values",
    "parameter_variable",
]

Bind = Callable[..., Callable[..., object]]
"""Takes the values of parameters by name, and gives a function of stored rows."""

_Test = Comparison | Within | Like  # IN with constants

_DEPTH_MAX = 8
"""So deep an expression goes on in a function of its own."""


def compile_predicate(
    predicate: Typed, parameters: Sequence[str], sources_count: int = 1
) -> Bind:
    """Compile whether a predicate is true.

    Args:
        predicate: Of kind bool.
        parameters: Names of all parameters that may be in it.
        sources_count: Number of tables, a row of each is an argument.

    Returns:
        What binds the parameters; the function it gives returns a bool.

    The function raises `QueryError` where a result has no room in its kind, and where
    something is divided by 0.

    Cost: a millisecond; then 0.1 µs a comparison.
    """
    writer = ExpressionWriter()
    source = writer.true(predicate)
    return _compile(writer, source, parameters, sources_count)


def compile_values(
    expressions: Sequence[Typed], parameters: Sequence[str], sources_count: int = 1
) -> Bind:
    """Compile what some expressions are, as a tuple; the rest is as above."""
    writer = ExpressionWriter()
    values = "".join([f"{writer.value(each)}, " for each in expressions])
    return _compile(writer, f"({values})", parameters, sources_count)


def _compile(
    writer: "ExpressionWriter",
    source: str,
    parameters: Sequence[str],
    sources_count: int,
) -> Bind:
    """Compile a function that returns an expression."""
    arguments = ", ".join(map(parameter_variable, parameters))
    rows = ", ".join([f"r{number}" for number in range(sources_count)])
    code = (
        f"def bind({arguments}):\n{''.join(writer.helpers)}"
        f"    def test({rows}):\n        return {source}\n    return test\n"
    )
    bind = compile_source("query", code, writer.names)["bind"]
    assert callable(bind)
    return bind


def parameter_variable(name: str) -> str:
    """Give a parameter's name in Python, where not every name of SQL is one."""
    is_plain = name.isascii() and name.isidentifier()
    return f"p_{name}" if is_plain else f"q_{name.encode().hex()}"


class ExpressionWriter:
    """Writes expressions as Python source.

    A row of the table number n is ``r{n}`` there, and a parameter is what
    `parameter_variable` says.

    Attributes:
        names: What the source refers to besides.
        helpers: Functions that it calls, to be defined before it, inside of a function.
    """

    def __init__(self, write_exists: Callable[[Exists], str] | None = None) -> None:
        """Begin without helpers.

        Args:
            write_exists: Writes whether rows exist; only for whoever has tables.
        """
        self.names = Names()
        self._write_exists = write_exists
        self.helpers: list[str] = []
        self._count = 0

    def _apart(self, write: Callable[[Typed, int], str], node: Typed) -> str:
        """Write a node in a function of its own, and give the call."""
        source, name = write(node, 0), self.variable("e")
        rows = ", ".join([f"r{number}" for number in sorted(sources_of(node))])
        self.helpers.append(f"    def {name}({rows}):\n        return {source}\n")
        return f"{name}({rows})"

    def variable(self, letter: str = "x") -> str:
        """Give a name that nothing has yet."""
        self._count += 1
        return f"{letter}{self._count}"

    # Whether it is true, and whether it is false.

    def true(self, node: Typed, depth: int = 0) -> str:
        """Write whether a predicate is true."""
        if depth > _DEPTH_MAX:
            return self._apart(self.true, node)
        match node:
            case Logic(operator=operator, terms=terms):
                return self._joined(operator.lower(), self.true, terms, depth)
            case Not(term=term):
                return self.false(term, depth + 1)
            case Within() | Between():
                return self._member(node, depth, is_negated=False)
            case Comparison() | Like():
                return self._test(node, depth, is_negated=False)
            case _:
                value = self.value(node, depth)
                return f"({value} is True)" if is_optional(node) else value

    def false(self, node: Typed, depth: int) -> str:
        """Write whether a predicate is false."""
        if depth > _DEPTH_MAX:
            return self._apart(self.false, node)
        match node:
            case Logic(operator=operator, terms=terms):
                contrary = "or" if operator == "AND" else "and"
                return self._joined(contrary, self.false, terms, depth)
            case Not(term=term):
                return self.true(term, depth + 1)
            case Within() | Between():
                return self._member(node, depth, is_negated=True)
            case Comparison() | Like():
                return self._test(node, depth, is_negated=True)
            case _:
                value = self.value(node, depth)
                return f"({value} is False)" if is_optional(node) else f"(not {value})"

    def _joined(
        self,
        operator: str,
        write: Callable[[Typed, int], str],
        terms: Sequence[Typed],
        depth: int,
    ) -> str:
        return f"({f' {operator} '.join([write(e, depth + 1) for e in terms])})"

    def _test(self, node: _Test, depth: int, *, is_negated: bool) -> str:
        """Write a test that is unknown where an operand is absent."""
        operands, test = self._operands_and_test(node)
        named, spelt = self._named(operands, depth)
        found = f"not {test(spelt)}" if is_negated else test(spelt)
        return f"({' and '.join([*[f'{e} is not None' for e in named], found])})"

    def _member(self, node: Within | Between, depth: int, *, is_negated: bool) -> str:
        """Write whether a value is among others, or is not; it is worked out once."""
        if isinstance(node, Within) and _is_constant(node):
            return self._test(node, depth, is_negated=is_negated)
        known, tests, _ = self._tests(node, depth)
        if is_negated is isinstance(node, Within):  # no test is true
            each = [f"{present}not {test}" for present, test in tests]
            return f"({known} and {' and '.join(each)})"
        each = [f"{present}{test}" for present, test in tests]
        return f"({known} and ({' or '.join(each)}))"

    def _member_value(self, node: Within | Between, depth: int) -> str:
        """Write whether a value is among others, None where that is unknown."""
        known, tests, optional = self._tests(node, depth)
        decisive = isinstance(node, Within)
        found = " or ".join([f"{present}{test}" for present, test in tests])
        absent = " or ".join([f"{each} is None" for each in optional])
        unknown = f"None if {absent} else " if absent else ""
        otherwise = f"{decisive} if {found} else {unknown}{not decisive}"
        return f"(None if not ({known}) else {otherwise})"

    def _tests(
        self, node: Within | Between, depth: int
    ) -> tuple[str, list[tuple[str, str]], list[str]]:
        """Write the tests of which one is true of a value that is among others.

        For BETWEEN they are those of which one is true of a value that is not.

        Returns:
            What gives the value a variable, and tells whether it is there; each test,
            with what must be true before it; and the variables of what may be absent.
        """
        kind, variable = node.term.kind, self.variable()
        known = f"({variable} := {self.value(node.term, depth + 1)}) is not None"
        if isinstance(node, Between):
            pairs = [("<", node.low), (">", node.high)]
        else:
            pairs = [("==", each) for each in node.choices]
        tests, optional = [], []
        for operator, other in pairs:
            named, [spelt] = self._named([other], depth)
            first, second = [self._ordered(kind, e) for e in (variable, spelt)]
            present = "".join([f"{each} is not None and " for each in named])
            tests.append((present, f"({first} {operator} {second})"))
            optional += [spelt] if named else []
        return known, tests, optional

    def _named(
        self, operands: Sequence[Typed], depth: int
    ) -> tuple[list[str], list[str]]:
        """Write operands; those that can be absent get variables.

        Returns:
            What gives the variables their values, and how all operands are spelt once
            they have them.
        """
        named, spelt = [], []
        for operand in operands:
            source = self.value(operand, depth + 1)
            if is_optional(operand):
                variable = self.variable()
                named.append(f"({variable} := {source})")
                source = variable
            spelt.append(source)
        return named, spelt

    def _operands_and_test(
        self, node: _Test
    ) -> tuple[list[Typed], Callable[[list[str]], str]]:
        """Give the operands of a test, and what writes it of their values."""
        match node:
            case Comparison(operator=operator, left=left, right=right):
                spelt = {"=": "==", "<>": "!="}.get(operator, operator)

                def compare(sources: list[str]) -> str:
                    if isinstance(left.kind, FloatKind):
                        return write_float_test(spelt, sources, right, self.variable)
                    first, second = [self._ordered(left.kind, e) for e in sources]
                    return f"({first} {spelt} {second})"

                return [left, right], compare
            case Within(term=term, choices=choices):
                return [term], self._within_constants(term.kind, choices)
            case Like(term=term, pattern=Constant(value=value), escape=escape):
                test = like_source(str(value), escape, self.names)
                return [term], lambda given: test.format(given[0])
            case Like(term=term, pattern=Argument(is_optional=False) as pattern):
                match = self._matcher(pattern, node.escape)
                return [term], lambda given: f"(not not {match}({given[0]}))"
            case _:
                like = self.names.bind("is_like", is_like)
                escape = f", {node.escape!r})"
                operands = [node.term, node.pattern]
                return operands, lambda given: f"{like}({', '.join(given)}{escape}"

    def _matcher(self, pattern: Argument, escape: str | None) -> str:
        """Write what looks whether texts follow a pattern, once for all of them."""
        name, make = self.variable("like"), self.names.bind("matcher", matcher)
        given = f"{parameter_variable(pattern.name)}, {escape!r}"
        self.helpers.append(f"    {name} = {make}({given})\n")
        return name

    def _within_constants(
        self, kind: Kind, choices: Sequence[Typed]
    ) -> Callable[[list[str]], str]:
        values = [each.value for each in choices if isinstance(each, Constant)]
        keys = frozenset(map(kind.order, values))
        choice = self.names.bind("choices", keys)
        return lambda sources: f"({self._ordered(kind, sources[0])} in {choice})"

    def _ordered(self, kind: Kind, source: str) -> str:
        """Write what orders a value among others, and is equal where they are."""
        return kind.order_source(source, self.names)

    # What it is.

    def value(self, node: Typed, depth: int = 0) -> str:
        """Write what an expression is; None where it is absent or unknown."""
        if depth > _DEPTH_MAX:
            return self._apart(self.value, node)
        match node:
            case Cell(source=source, place=place):
                found = f"r{source}[{place}]"
            case Argument(name=name):
                found = parameter_variable(name)
            case Constant(value=value):
                found = self.names.bind("value", value)
            case IsNull(term=term):
                found = f"({self.value(term, depth + 1)} is None)"
            case Calculation() | Negation() | Call() | Coalesce() | Cases():
                found = write_worked(self, node, depth)
            case Exists():
                assert self._write_exists is not None
                found = self._write_exists(node)
            case _:
                found = self._truth(node, depth)
        return found

    def _truth(self, node: Typed, depth: int) -> str:
        """Write what a predicate is."""
        if not is_optional(node):
            return self.true(node, depth)
        match node:
            case Logic(operator=operator, terms=terms):
                decisive = operator == "OR"
                variables = [self.variable() for _ in terms]
                decided = " or ".join(
                    f"({variable} := {self.value(each, depth + 1)}) is {decisive}"
                    for variable, each in zip(variables, terms, strict=True)
                )
                unknown = f"None if None in ({', '.join(variables)},)"
                otherwise = f"{unknown} else {not decisive}"
                return f"({decisive} if {decided} else {otherwise})"
            case Not(term=term):
                variable = self.variable()
                source = self.value(term, depth + 1)
                return f"(None if ({variable} := {source}) is None else not {variable})"
            case Between():
                return self._member_value(node, depth)
            case Within() if not _is_constant(node):
                return self._member_value(node, depth)
            case _:
                assert isinstance(node, Comparison | Within | Like)
                return self.of_known(*self._operands_and_test(node), depth)

    def of_known(
        self, operands: Sequence[Typed], write: Callable[[list[str]], str], depth: int
    ) -> str:
        """Write something of values that is absent where one of them is."""
        named, spelt = self._named(operands, depth)
        absent = [f"{each} is None" for each in named]
        found = write(spelt)
        return f"(None if {' or '.join(absent)} else {found})" if absent else found


def _is_constant(node: Within) -> bool:
    """Whether it is a look-up in a set."""
    return all(isinstance(each, Constant) for each in node.choices)
