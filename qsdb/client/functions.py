"""`RemoteFunction`: a reducer or procedure of the server, as a client calls it.

Arguments are checked here as in process, and so what is wrong with them is raised
before anything is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from qsdb.codec.bsatn import DecodeError, decoder, encoder
from qsdb.errors import SchemaError
from qsdb.schema.bindings import Binding
from qsdb.schema.functions import Reducer
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.values.compounds import Field, ProductKind

__all__ = ["RemoteFunction", "remote_function"]

Encode = Callable[[tuple[object, ...], Mapping[str, object]], bytes]


@attrs.frozen(eq=False)
class RemoteFunction:
    """A function of the server.

    Attributes:
        name: As the server knows it.
        is_reducer: Whether it is a reducer, and no procedure.
        is_private: Whether it is hidden from all but the owner.
        encode: Makes bytes of arguments; raises ArgumentError.
        decode: Reads what it gave; None of a function that does not say what it gives.
    """

    name: str
    is_reducer: bool
    is_private: bool
    encode: Encode
    decode: Callable[[bytes], Any]

    def result(self, data: bytes) -> Any:  # noqa: ANN401  what the function gives
        """Read what it gave; no bytes are None.

        Raises:
            SchemaError: it is of another kind than was expected.
        """
        if not data:
            return None
        try:
            return self.decode(data)
        except DecodeError as error:
            sort = "reducer" if self.is_reducer else "procedure"
            raise SchemaError(
                f"{sort} {self.name} gave what this client's module does not expect "
                f"of it: {error}"
            ) from None


def remote_function(name: str, function: Reducer | Procedure) -> RemoteFunction:
    """Give a function of a module as clients call it."""
    return RemoteFunction(
        name,
        isinstance(function, Reducer),
        function.is_private,
        _arguments_encoder(function.parameters),
        result_decoder(function.returns),
    )


def _arguments_encoder(parameters: Parameters) -> Encode:
    several = parameters.parameters
    fields = [Field(each.name, each.binding.kind) for each in several]
    encode = encoder(ProductKind(parameters.function_name, tuple(fields)))
    entering = [each.binding.enter for each in several]

    def encode_arguments(
        args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> bytes:
        try:
            values = parameters.check(*args, **kwargs)
        except TypeError as error:
            parameters.explain(error, args)
        pairs = zip(entering, values, strict=True)
        return encode(tuple([enter(value) for enter, value in pairs]))

    return encode_arguments


def result_decoder(returns: Binding | None) -> Callable[[bytes], Any]:
    """Give what reads what a function gave."""
    if returns is None:
        return lambda _: None
    decode, leave = decoder(returns.kind), returns.leave
    return lambda data: leave(decode(data))
