"""From an annotation to a binding: ``tuple[Place, ...] | None`` and its like.

Annotations may be strings, may name classes that are defined later, and may
stand in classes and functions inside functions. So they are looked at as late
as possible: when a row is first made, or when a database is opened. Until then
a `Scope` remembers where names would be looked up: the module, and the frames
of the enclosing functions.

A kind that no column can have is a mistake: `MistakeError` carries the
sentence, and whoever knows the place puts it in front. So is a kind that nests too
deep: what looks into annotations and products knows how many levels stand around
it, and gives up beyond `LEVELS_COUNT_MAX`.
"""

import enum
import sys
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Annotated

import attrs

from qsdb.codec.layout import KIND_DEPTH_MAX, refuse_deep
from qsdb.errors import LimitError
from qsdb.schema.bindings import (
    ArrayBinding,
    Binding,
    EnumBinding,
    OptionBinding,
    PlainBinding,
    ProductBinding,
    SumBinding,
    TupleBinding,
    UuidBinding,
    WrappedBinding,
)
from qsdb.values import kinds
from qsdb.values.compounds import VARIANTS_COUNT_MAX, ArrayKind
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp

__all__ = [
    "DeepError",
    "MistakeError",
    "ProductLookup",
    "Scope",
    "annotation_text",
    "bind",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "i256",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "u256",
]

i8 = Annotated[int, kinds.I8]
i16 = Annotated[int, kinds.I16]
i32 = Annotated[int, kinds.I32]
i64 = Annotated[int, kinds.I64]
i128 = Annotated[int, kinds.I128]
i256 = Annotated[int, kinds.I256]
u8 = Annotated[int, kinds.U8]
u16 = Annotated[int, kinds.U16]
u32 = Annotated[int, kinds.U32]
u64 = Annotated[int, kinds.U64]
u128 = Annotated[int, kinds.U128]
u256 = Annotated[int, kinds.U256]
f32 = Annotated[float, kinds.F32]
f64 = Annotated[float, kinds.F64]

ProductLookup = Callable[[object, int], tuple[int, ProductBinding] | None]
"""Gives a product class's place in the order of definition and its binding; the
number is that of the levels around it."""

LEVELS_COUNT_MAX = KIND_DEPTH_MAX - 2
"""Most levels of kinds within kinds in a column or an argument.

A snapshot's rows put two more around it: the row, and the array of rows.
"""

_SIMPLE: Mapping[object, Binding] = {
    bool: PlainBinding(kinds.BOOL),
    int: PlainBinding(kinds.I64),
    float: PlainBinding(kinds.F64),
    str: PlainBinding(kinds.STR),
    bytes: PlainBinding(kinds.BYTES),
    Identity: WrappedBinding(kinds.IDENTITY, Identity),
    ConnectionId: WrappedBinding(kinds.CONNECTION_ID, ConnectionId),
    Timestamp: WrappedBinding(kinds.TIMESTAMP, Timestamp),
    TimeDuration: WrappedBinding(kinds.TIME_DURATION, TimeDuration),
    ScheduleAt: WrappedBinding(kinds.SCHEDULE_AT, ScheduleAt),
    uuid.UUID: UuidBinding(),
}

ADMITTED = (
    "bool, i8 … i256, u8 … u256, f32, f64, str, bytes, tuple[T, ...], tuple[A, B], "
    "T | None, an enum, a qsdb.Product or a union of them, Identity, ConnectionId, "
    "Timestamp, TimeDuration, ScheduleAt, uuid.UUID"
)


_READING_ERRORS = (SyntaxError, TypeError, ValueError, LookupError, AttributeError)
"""What evaluating a string may raise, besides a NameError."""


class MistakeError(Exception):
    """A mistake in a declaration; the text is for the user."""


class DeepError(MistakeError):
    """A kind nests too deep, which is told of the outermost column only."""

    def __init__(self) -> None:
        """Name the bound."""
        super().__init__(f"it nests kinds more than {LEVELS_COUNT_MAX} levels deep")


class Scope:
    """Where the names in an annotation are looked up."""

    def __init__(
        self,
        qualified_name: str,
        depth: int,
        module_names: dict[str, object] | None = None,
    ) -> None:
        """Keep the frames of the functions and classes around a declaration.

        Args:
            qualified_name: `__qualname__` of the class or function declared.
            depth: How many frames above the caller the declaration stands.
            module_names: Globals of the declaration's module; those at `depth`
                if not given.
        """
        frame: types.FrameType | None = sys._getframe(depth + 1)  # noqa: SLF001  the only way
        assert frame is not None
        self._globals = frame.f_globals if module_names is None else module_names
        self._frames: list[types.FrameType] = []
        while frame is not None:
            is_around = qualified_name.startswith(f"{frame.f_code.co_qualname}.")
            if is_around and frame.f_globals is self._globals:
                self._frames.append(frame)
            frame = frame.f_back

    def let_go(self) -> None:
        """Drop the frames, and so what the functions around have in hand."""
        self._frames.clear()

    def resolve(self, annotation: object) -> object:
        """Evaluate strings, also inside, until something that is none is left.

        Raises:
            MistakeError: a name is unknown, or a text is no annotation.
            DeepError: it nests deeper than can be looked into.
        """
        local: dict[str, object] = {}
        for frame in reversed(self._frames):
            local.update(frame.f_locals)
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        try:
            hints = typing.get_type_hints(
                holder, self._globals, local, include_extras=True
            )
        except NameError as error:
            text = f"the annotation {annotation!r} names something unknown: {error}"
            raise MistakeError(text) from None
        except _READING_ERRORS as error:
            text = f"the annotation {annotation!r} cannot be read: {error}"
            raise MistakeError(text) from None
        except RecursionError:
            raise DeepError from None
        return hints["it"]


def bind(
    annotation: object,
    find_product: ProductLookup,
    *,
    lists: bool = False,
    depth: int = 0,
) -> Binding:
    """Give the binding of an evaluated annotation.

    Args:
        annotation: What `Scope.resolve` gave.
        find_product: Knows the product classes.
        lists: Whether ``list[T]`` is admitted, as it is for arguments.
        depth: How many levels stand around it.

    Raises:
        MistakeError: no column can be of this kind.
        DeepError: it nests more than `LEVELS_COUNT_MAX` levels deep. Names that
            stand for something else count, so that none stands for itself.
    """
    if depth >= LEVELS_COUNT_MAX:
        raise DeepError
    binding = _bind(annotation, _Place(find_product, lists, depth))
    if not depth and not isinstance(binding, PlainBinding):
        _refuse_deep(binding)
    return binding


def _refuse_deep(binding: Binding) -> None:
    """Look at all levels, also at those of products that were resolved before.

    Raises:
        DeepError: they are too many.
    """
    try:
        refuse_deep(ArrayKind(ArrayKind(binding.kind)))
    except LimitError:
        raise DeepError from None


@attrs.frozen
class _Place:
    """Where an annotation stands."""

    find_product: ProductLookup
    lists: bool
    depth: int

    def bind_inner(self, annotation: object) -> Binding:
        """Give the binding of an annotation inside this one."""
        return bind(
            annotation, self.find_product, lists=self.lists, depth=self.depth + 1
        )

    def product(self, annotation: object) -> tuple[int, ProductBinding] | None:
        """Give a product class's place in the order of definition and its binding."""
        return self.find_product(annotation, self.depth)


def _bind(annotation: object, place: _Place) -> Binding:
    try:
        simple = _SIMPLE.get(annotation)
    except TypeError:
        simple = None
    if simple is not None:
        return simple
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _bind_annotated(annotation, place)
    if origin is typing.Union or origin is types.UnionType:
        return _bind_union(typing.get_args(annotation), place)
    if origin in (tuple, list):
        return _bind_sequence(annotation, place)
    # What typing.NewType and, from Python 3.12 on, a type statement stand for.
    inner = getattr(annotation, "__supertype__", None) or _alias_value(annotation)
    if inner is not None:
        return place.bind_inner(inner)
    return _bind_class(annotation, place)


def _alias_value(annotation: object) -> object:
    """Give what a ``type`` statement named, or None where there was none.

    Raises:
        MistakeError: it names something unknown.
    """
    if type(annotation).__name__ != "TypeAliasType":
        return None
    try:
        return annotation.__value__  # type: ignore[attr-defined]
    except NameError as error:
        raise MistakeError(
            f"the type {annotation} names something unknown: {error}"
        ) from None


def _bind_annotated(annotation: object, place: _Place) -> Binding:
    inner, *extras = typing.get_args(annotation)
    for extra in extras:
        if isinstance(extra, kinds.Kind):
            return PlainBinding(extra)
    return place.bind_inner(inner)


def _bind_union(members: tuple[object, ...], place: _Place) -> Binding:
    some = [member for member in members if member is not type(None)]
    if len(some) == 1:
        inner = place.bind_inner(some[0])
        return inner if isinstance(inner, OptionBinding) else OptionBinding(inner)
    products = [place.product(member) for member in some]
    known = [product for product in products if product is not None]
    if len(known) < len(products):
        names = ", ".join(
            annotation_text(member)
            for member, product in zip(some, products, strict=True)
            if product is None
        )
        raise MistakeError(f"a union is made of qsdb.Product classes; {names} is none")
    if len(known) > VARIANTS_COUNT_MAX:
        bound = f"at most {VARIANTS_COUNT_MAX}"
        raise MistakeError(f"a union of {len(known)} classes; {bound} are possible")
    ordered = [binding for _, binding in sorted(known, key=lambda each: each[0])]
    class_names = [each.product.__name__ for each in ordered]
    if len(set(class_names)) < len(class_names):
        twice = max(class_names, key=class_names.count)
        raise MistakeError(f"two classes of the union have the name {twice}")
    union = SumBinding(ordered)
    return OptionBinding(union) if len(some) < len(members) else union


def _bind_sequence(annotation: object, place: _Place) -> Binding:
    arguments = typing.get_args(annotation)
    if not arguments and annotation != tuple[()]:
        raise MistakeError(
            f"{annotation_text(annotation)} says not of what: write tuple[T, ...]"
        )
    if typing.get_origin(annotation) is list:
        item_name = annotation_text(arguments[0])
        if not place.lists:
            raise MistakeError(
                f"list[{item_name}] can change, and rows cannot: "
                f"write tuple[{item_name}, ...]"
            )
        return ArrayBinding(place.bind_inner(arguments[0]), make=list)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return ArrayBinding(place.bind_inner(arguments[0]))
    if len(arguments) < 2:
        raise MistakeError(
            f"{annotation_text(annotation)} is a tuple of {len(arguments)}: write "
            "tuple[T, ...] for many values of one kind"
        )
    return TupleBinding([place.bind_inner(argument) for argument in arguments])


def _bind_class(annotation: object, place: _Place) -> Binding:
    product = place.product(annotation)
    if product is not None:
        return product[1]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        count = len(annotation)
        if not 1 <= count <= VARIANTS_COUNT_MAX:
            bound = f"1 to {VARIANTS_COUNT_MAX} are possible"
            raise MistakeError(
                f"enum {annotation_text(annotation)} has {count} members; {bound}"
            )
        return EnumBinding(annotation)
    if annotation in (list, tuple):
        raise MistakeError(
            f"{annotation_text(annotation)} says not of what: write tuple[T, ...]"
        )
    raise MistakeError(
        f"{annotation_text(annotation)} is no column kind; there are: {ADMITTED}"
    )


def annotation_text(annotation: object) -> str:
    """Give an evaluated annotation as the user would write it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        kind = next((each for each in arguments if isinstance(each, kinds.Kind)), None)
        return annotation_text(arguments[0]) if kind is None else kind.name
    if origin is typing.Union or origin is types.UnionType:
        return " | ".join([annotation_text(each) for each in arguments])
    if annotation is type(None):
        return "None"
    if origin in (tuple, list) and arguments:
        inner = [
            "..." if each is Ellipsis else annotation_text(each) for each in arguments
        ]
        return f"{origin.__name__}[{', '.join(inner)}]"
    if isinstance(annotation, type) and origin is None:
        return annotation.__name__
    return str(annotation)
