"""`CallTable`: the functions of a module, as messages call them.

Arguments come as BSATN, which is compiled for each function when it is called first;
what a function gives goes back likewise. Functions that somebody may not call are, for
them, not there, and nothing of their arguments is looked at.
"""

from collections.abc import Callable
from typing import Any

import attrs

from qsdb.codec.bsatn import DecodeError, decoder, encoder
from qsdb.errors import ArgumentError, NotFoundError
from qsdb.schema.bindings import Binding
from qsdb.schema.functions import Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.server.texts import shown_name
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import MismatchError

__all__ = ["CallTable", "Remote"]

Function = Reducer | Procedure


@attrs.frozen(eq=False)
class Remote:
    """A function that messages call.

    Attributes:
        function: It.
        read: Takes arguments as bytes; gives them as users see them, by place.
        write: Takes what the function gave; gives bytes, or None if it is not what was
            declared.
        is_mute: Whether it is declared to give nothing.
    """

    function: Function
    read: Callable[[bytes], tuple[object, ...]]
    write: Callable[[object], bytes | None]
    is_mute: bool


class CallTable:
    """The functions of one module.

    Attributes:
        module: The module.
    """

    def __init__(self, module: ModuleSchema) -> None:
        """Compile nothing yet."""
        self.module = module
        self._reducers: dict[str, Remote] = {}
        self._procedures: dict[str, Remote] = {}

    def reducer(self, name: str, *, is_owner: bool) -> Remote:
        """Give a reducer.

        Raises:
            NotFoundError: there is none, or none for who asks.
        """
        found = self._reducers.get(name)
        if found is None:
            function = self.module.reducers.get(name)
            if function is None:
                raise _unknown("reducer", name)
            found = self._reducers[name] = _remote(function)
        if found.function.is_private and not is_owner:
            raise _unknown("reducer", name)
        return found

    def procedure(self, name: str, *, is_owner: bool) -> Remote:
        """Give a procedure.

        Raises:
            NotFoundError: there is none, or none for who asks.
        """
        found = self._procedures.get(name)
        if found is None:
            function = self.module.procedures.get(name)
            if function is None:
                raise _unknown("procedure", name)
            found = self._procedures[name] = _remote(function)
        if found.function.is_private and not is_owner:
            raise _unknown("procedure", name)
        return found


def _unknown(sort: str, name: str) -> NotFoundError:
    return NotFoundError(f"no such {sort}: {shown_name(name)}")


def _remote(function: Function) -> Remote:
    read, returns = _reader(function.parameters), function.returns
    return Remote(function, read, _writer(returns), is_mute=returns is None)


def _reader(parameters: Parameters) -> Callable[[bytes], tuple[object, ...]]:
    name, given = parameters.function_name, parameters.parameters
    fields = [Field(each.name, each.binding.kind) for each in given]
    decode = decoder(ProductKind(name, tuple(fields)))

    def read_stored(data: bytes) -> Any:  # noqa: ANN401  a tuple
        try:
            return decode(data)
        except DecodeError as error:
            where = f"{name}(), arguments, byte {error.position}"
            raise ArgumentError(f"{where}: {error.reason}") from None

    if all(each.binding.is_plain for each in given):
        return read_stored
    leaves = [each.binding.leave for each in given]

    def read(data: bytes) -> tuple[object, ...]:
        pairs = zip(leaves, read_stored(data), strict=True)
        return tuple([leave(value) for leave, value in pairs])

    return read


def _writer(binding: Binding | None) -> Callable[[object], bytes | None]:
    if binding is None:
        return lambda _: b""
    encode, kind, enter = encoder(binding.kind), binding.kind, binding.enter

    def write(value: object) -> bytes | None:
        try:
            return encode(kind.canonical(enter(value)))
        except MismatchError:
            return None

    return write
