"""What every hosting provider can do: five orders to a server.

`HostingProvider` is a protocol: a class with these methods is a provider, and need not
be derived from it. Two are at hand, `StarbaseProvider` over HTTP and `MemoryProvider`
for tests and simulations; `HostingDesk` works with either.
"""

import enum
from dataclasses import dataclass
from typing import Protocol

__all__ = ["HostingAction", "HostingAnswer", "HostingProvider", "ask"]


class HostingAction(enum.Enum):
    """What changes the state of a server; a console command is not one of these."""

    start = "start"
    stop = "stop"
    restart = "restart"
    wipe = "wipe"


@dataclass(frozen=True)
class HostingAnswer:
    """What a provider has to say to an order that it has carried out, or accepted.

    Attributes:
        hosting_id: The server, as the provider calls it.
        order: The action's name, or ``"command"``.
        text: What the provider said, for people, or what the console printed; often
            empty.
    """

    hosting_id: str
    order: str
    text: str = ""


class HostingProvider(Protocol):
    """Carries orders out; may take seconds, so never call it inside a transaction.

    Each method takes the provider's id of a server, and raises `HostingError`:
    `NothingDoneError` if the order was certainly not carried out, and otherwise
    `UnknownOutcomeError`. A provider may be used by several threads at once.
    """

    def start(self, hosting_id: str) -> HostingAnswer:
        """Start a server; one that runs already is left alone."""
        ...

    def stop(self, hosting_id: str) -> HostingAnswer:
        """Stop a server gracefully; one that stands still already is left alone."""
        ...

    def restart(self, hosting_id: str) -> HostingAnswer:
        """Stop a server and start it again."""
        ...

    def wipe(self, hosting_id: str) -> HostingAnswer:
        """Delete a server's world, for good."""
        ...

    def command(self, hosting_id: str, command: str) -> HostingAnswer:
        """Type a line into a server's console."""
        ...


def ask(
    provider: HostingProvider, action: HostingAction, hosting_id: str
) -> HostingAnswer:
    """Give the order for an action.

    Raises:
        HostingError: as the provider's method does.
    """
    match action:
        case HostingAction.start:
            return provider.start(hosting_id)
        case HostingAction.stop:
            return provider.stop(hosting_id)
        case HostingAction.restart:
            return provider.restart(hosting_id)
        case HostingAction.wipe:
            return provider.wipe(hosting_id)
