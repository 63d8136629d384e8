"""What a row holds in place of a value that no column could hold."""

__all__ = ["Misfit"]


class Misfit:
    """A value that a row was given and that no column could hold.

    Constructors check nothing, yet a raw value must not pass for a wrapped one
    (32 bytes for an `Identity`). Such a value is kept in a Misfit, which
    attributes unpack again and table operations refuse.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        """Keep `value` as it is."""
        self.value = value

    def __eq__(self, other: object) -> bool:
        """Whether both were given the same; a misfit equals no right value."""
        if type(other) is not Misfit:
            return False
        return self.value is other.value or bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        """Show the value alone: the row's repr should read like the call."""
        return repr(self.value)
