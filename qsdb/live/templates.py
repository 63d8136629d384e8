"""Templates: queries without their constants, in one form for all that are equal.

A hundred thousand clients that ask ``WHERE room = 'a'``, ``room = 'b'``, … ask one
question with a hundred thousand answers. So a query is taken apart into a *template*,
in which constants and parameters are numbered places, and the *values* for these. All
that costs is made once for a template (plans, compiled loops), and what is the same in
template and values is one live query for all who ask it.

Texts that mean the same become the same template where that is cheap to see:

1. tables are known by their places in FROM, not by their aliases;
2. a comparison has its column on the left: ``3 < level`` is ``level > 3``;
3. what is joined by AND, OR and IN is sorted, and twice the same is once. Not so where
   a term can fail (arithmetic): there the order is the user's.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from qsdb.errors import QueryError
from qsdb.sql.checking import SENDER
from qsdb.sql.places import AnyPlace, NumberedError, NumberedPlace, failure
from qsdb.sql.queries import Output, Query, Source
from qsdb.sql.relations import (
    Compound,
    Derived,
    Group,
    Relation,
    Selected,
    mapped,
    with_leaves,
)
from qsdb.sql.syntax import CompareOperator
from qsdb.sql.typed import (
    Aggregate,
    Argument,
    Calculation,
    Call,
    Cell,
    Comparison,
    Constant,
    Like,
    Logic,
    Negation,
    Typed,
    Within,
    is_optional,
    parts_of,
    with_parts,
)
from qsdb.values.kinds import Kind, Stored

__all__ = ["Lifted", "lift"]

CHOICES_LIFTED_MAX = 8
"""Longer lists of IN are part of the template: one look into a set, and not so many
comparisons."""


@attrs.frozen
class Lifted:
    """A template, and where the values for its places come from.

    Attributes:
        query: The template; its parameters are named ``k0``, ``k1``, ….
        key: Equal for equal templates; to be a key of a dict.
        slots: For each place the constant, or the parameter that it was.
        places: Where in the text what can fail stands, by the numbers that the
            template has for it.
    """

    query: Selected
    key: object
    slots: tuple[Constant | Argument, ...]
    places: tuple[AnyPlace, ...] = ()

    def values(
        self, caller: bytes, arguments: Mapping[str, Stored]
    ) -> tuple[Stored, ...]:
        """Give the values for the places.

        Args:
            caller: What ``:sender`` is.
            arguments: The values of the other parameters.
        """
        return tuple([_value(slot, caller, arguments) for slot in self.slots])

    def placed(self, error: QueryError) -> QueryError:
        """Give an error of the template with the place in the text of this query."""
        if not isinstance(error, NumberedError):
            return error
        return failure(error.reason, self.places[error.number])


def _value(
    slot: Constant | Argument, caller: bytes, arguments: Mapping[str, Stored]
) -> Stored:
    if isinstance(slot, Constant):
        return slot.value
    return caller if slot.name == SENDER else arguments[slot.name]


def lift(query: Selected) -> Lifted:
    """Take a query apart into a template and its values."""
    return _lift_query(query) if isinstance(query, Query) else _lift_derived(query)


def _lift_query(query: Query) -> Lifted:
    lifter = _Lifter()
    conditions = _sorted([_normal(each) for each in query.conditions])
    lifted = tuple([lifter.lift(each) for each in conditions])
    outer = tuple([e.mapped(lambda x: lifter.lift(_normal(x))) for e in query.outer])
    outputs = tuple(
        [Output(each.name, lifter.lift(_normal(each.term))) for each in query.outputs]
    )
    parameters = lifter.parameters
    tables = tuple([each.schema for each in query.tables])
    count = len(query.sources)
    sources = tuple([Source(f"t{n}", each) for n, each in enumerate(tables)])
    template = attrs.evolve(
        query,
        sources=sources[:count],
        hidden=sources[count:],
        conditions=lifted,
        outputs=outputs,
        parameters=parameters,
        outer=outer,
    )
    key = (
        tables,
        count,
        lifted,
        outer,
        outputs if query.whole is None else query.whole,
        tuple(parameters.items()),
    )
    return Lifted(template, key, tuple(lifter.slots), tuple(lifter.places))


def _lift_derived(query: Derived) -> Lifted:
    """Take a query of several parts apart; its places are numbered through all."""
    lifter = _Lifter()
    root = lifter.lift_all(with_leaves(query.root, _normal_leaf))
    parameters = lifter.parameters

    def known(leaf: Query) -> Query:
        return attrs.evolve(leaf, parameters=parameters)

    key = (_key_of(root), query.whole, tuple(parameters.items()))
    derived = Derived(with_leaves(root, known), parameters, query.whole)
    return Lifted(derived, key, tuple(lifter.slots), tuple(lifter.places))


def _normal_leaf(leaf: Query) -> Query:
    """Give a part in the form that it has for all who ask the same."""
    tables = [Source(f"t{n}", each.schema) for n, each in enumerate(leaf.tables)]
    count = len(leaf.sources)
    return attrs.evolve(
        leaf.mapped(_normal),
        sources=tuple(tables[:count]),
        hidden=tuple(tables[count:]),
        conditions=tuple(_sorted([_normal(each) for each in leaf.conditions])),
    )


def _key_of(relation: Relation) -> tuple[object, ...]:
    """Give a tree as what has a hash; its parameters, which have none, come apart."""
    names = [each.name for each in attrs.fields(type(relation))]
    parts = [getattr(relation, name) for name in names if name != "parameters"]
    return (
        type(relation),
        *[_key_of(each) if isinstance(each, Relation) else each for each in parts],
    )


class _Lifter:
    """Puts numbered places where values are."""

    def __init__(self) -> None:
        self.slots: list[Constant | Argument] = []
        self.places: list[AnyPlace] = []

    @property
    def parameters(self) -> dict[str, Kind]:
        """The numbered places as parameters."""
        return {f"k{number}": slot.kind for number, slot in enumerate(self.slots)}

    def lift_all(self, relation: Relation) -> Relation:
        """Put numbered places into all expressions of a tree."""
        return self._with_aggregates(mapped(relation, self.lift))

    def _with_aggregates(self, relation: Relation) -> Relation:
        """Number the places of aggregates, whose terms are columns."""
        match relation:
            case Query():
                return relation
            case Group(aggregates=aggregates):
                numbered = [
                    attrs.evolve(each, places=self._numbered(each, 1))
                    for each in aggregates
                ]
                return attrs.evolve(relation, aggregates=tuple(numbered))
            case Compound(left=left, right=right):
                left = self._with_aggregates(left)
                right = self._with_aggregates(right)
                return attrs.evolve(relation, left=left, right=right)
            case _:
                below = self._with_aggregates(relation.input)
                return attrs.evolve(relation, input=below)

    def lift(self, node: Typed) -> Typed:
        match node:
            case Constant() | Argument():
                self.slots.append(node)
                name = f"k{len(self.slots) - 1}"
                return Argument(name, node.kind, is_optional(node))
            case Like(term=term, pattern=Constant()):  # a plan may use how it begins
                return attrs.evolve(node, term=self.lift(term))
            case Within(term=term, choices=choices) if _is_long(choices):
                return attrs.evolve(node, term=self.lift(term))
            case Calculation() | Negation() | Call():
                count = 1 if isinstance(node, Call) else len([*parts_of(node)])
                numbered = attrs.evolve(node, places=self._numbered(node, count))
                return with_parts(
                    numbered, [self.lift(each) for each in parts_of(node)]
                )
            case _:
                return with_parts(node, [self.lift(each) for each in parts_of(node)])

    def _numbered(
        self, node: Calculation | Negation | Call | Aggregate, count: int
    ) -> tuple[AnyPlace, ...]:
        """Keep the places of a node, also where they are not known, and number them."""
        begin = len(self.places)
        self.places += node.places or [None] * count
        return tuple([NumberedPlace(begin + number) for number in range(count)])


def _is_long(choices: Sequence[Typed]) -> bool:
    is_constant = all(isinstance(each, Constant) for each in choices)
    return len(choices) > CHOICES_LIFTED_MAX and is_constant


_MIRRORED: dict[CompareOperator, CompareOperator] = {
    "=": "=",
    "<>": "<>",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}


def _normal(node: Typed) -> Typed:
    """Give the one form of an expression."""
    node = with_parts(node, [_normal(each) for each in parts_of(node)])
    match node:
        case Logic(operator=operator, terms=terms):
            return _logic(operator, _flat(operator, terms), node)
        case Within(choices=choices):
            return attrs.evolve(node, choices=tuple(_sorted(choices)))
        case Comparison(operator=operator, left=left, right=right):
            if _place(right) < _place(left):
                mirrored = _MIRRORED[operator]
                return attrs.evolve(node, operator=mirrored, left=right, right=left)
        case _:
            pass
    return node


def _flat(operator: str, terms: Sequence[Typed]) -> Iterator[Typed]:
    for term in terms:
        if isinstance(term, Logic) and term.operator == operator:
            yield from term.terms
        else:
            yield term


def _logic(operator: str, terms: Iterator[Typed], node: Logic) -> Typed:
    ordered = _sorted([*terms])
    if len(ordered) == 1 and operator == node.operator:
        return ordered[0]
    return attrs.evolve(node, terms=tuple(ordered))


def _place(node: Typed) -> tuple[int, int, int]:
    """Say where an operand belongs: columns first, in the order of FROM."""
    if isinstance(node, Cell):
        return (0, node.source, node.place)
    return (1, 0, 0) if not isinstance(node, Constant | Argument) else (2, 0, 0)


def _sorted(terms: Sequence[Typed]) -> list[Typed]:
    """Sort terms and drop those that are there twice, if none can fail."""
    if any(map(_can_fail, terms)):
        return [*terms]
    unique = dict.fromkeys(terms)
    return sorted(unique, key=repr)


def _can_fail(node: Typed) -> bool:
    if isinstance(node, Calculation | Negation | Call):
        return True
    return any(map(_can_fail, parts_of(node)))
