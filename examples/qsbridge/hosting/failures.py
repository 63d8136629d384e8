"""What an order to a hosting provider fails with, sorted by what to do next.

::

    HostingError
    ├── NothingDoneError          the server is as it was; ask again when mended
    │   ├── UnreachableError        no connection: nothing was sent
    │   ├── KeyRefusedError         the API key is wrong, or may not do this
    │   ├── UnknownServerError      the provider has no such server
    │   ├── ProviderBusyError       too many requests; it may say how long to wait
    │   └── RequestRefusedError     refused for another reason
    └── UnknownOutcomeError       it may have been carried out; look before asking again
        ├── HostingTimeoutError     no answer in time
        ├── ConnectionCutError      the connection ended before the answer did
        ├── ProviderFailedError     an error on the provider's side
        └── BadAnswerError          an answer that contradicts itself, or is none

The difference matters most for a wipe, which must not be repeated because the first
answer was lost. Each error's text is a sentence for a person, and never has the API
key in it.
"""

__all__ = [
    "BadAnswerError",
    "ConnectionCutError",
    "HostingError",
    "HostingTimeoutError",
    "KeyRefusedError",
    "NothingDoneError",
    "ProviderBusyError",
    "ProviderFailedError",
    "RequestRefusedError",
    "UnknownOutcomeError",
    "UnknownServerError",
    "UnreachableError",
]


class HostingError(Exception):
    """An order to a hosting provider has failed."""


class NothingDoneError(HostingError):
    """The provider has certainly not carried the order out."""


class UnreachableError(NothingDoneError):
    """No connection to the provider could be made, so that nothing was sent."""


class KeyRefusedError(NothingDoneError):
    """The provider does not take the API key, or not for this."""


class UnknownServerError(NothingDoneError):
    """The provider has no server with this hosting id."""


class ProviderBusyError(NothingDoneError):
    """The provider takes no more requests at the moment.

    Attributes:
        wait_seconds: How long to wait, if the provider said so.
    """

    def __init__(self, sentence: str, wait_seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.wait_seconds = wait_seconds


class RequestRefusedError(NothingDoneError):
    """The provider refuses the order for a reason that has no class of its own."""


class UnknownOutcomeError(HostingError):
    """Whether the provider has carried the order out is not known."""


class HostingTimeoutError(UnknownOutcomeError):
    """The provider did not answer in time."""


class ConnectionCutError(UnknownOutcomeError):
    """The connection ended after the order was sent and before it was answered."""


class ProviderFailedError(UnknownOutcomeError):
    """The provider answered with an error on its own side."""


class BadAnswerError(UnknownOutcomeError):
    """The answer is no HTTP, leads elsewhere, or is done and tells of an error."""
