"""`Client`: a conversation and its link, as both faces of a connection use them.

All of it belongs to one event loop, which is the user's or that of a thread.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from qsdb.client.client_errors import UnansweredError
from qsdb.client.conversation import Conversation
from qsdb.client.functions import RemoteFunction
from qsdb.client.links import Link
from qsdb.client.replies import Reply
from qsdb.client.subscriptions import AnySubscription
from qsdb.schema.results import Result

__all__ = ["Client", "unanswered"]


class Client:
    """A conversation that is kept connected.

    Attributes:
        conversation: It.
        link: What keeps it connected.
        settings: How.
    """

    def __init__(self, conversation: Conversation, link: Link) -> None:
        """Join them."""
        self.conversation = conversation
        self.link = link
        self.settings = link.settings

    def prepare(
        self, function: object, args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> tuple[RemoteFunction, bytes]:
        """Find a function, and check and encode its arguments; from any thread."""
        self.conversation.require_online()
        found = self.conversation.known.function(function)
        return found, found.encode(args, kwargs)

    async def call(self, function: RemoteFunction, arguments: bytes) -> Any:  # noqa: ANN401  what the function gives
        """Call a function, and wait for what it gives."""
        return await self._answer(
            lambda reply: self.conversation.call(function, arguments, reply),
            function.name,
        )

    async def sql(self, text: str, params: Mapping[str, object] | None) -> Result:
        """Ask a query, and wait for its result."""
        conversation = self.conversation
        conversation.require_online()
        question = conversation.known.questions.once(text, params)
        result: Result = await self._answer(
            lambda reply: conversation.ask(question, reply), "a query"
        )
        return result

    async def begin(self, subscription: AnySubscription) -> None:
        """Begin a subscription, and wait until it is applied."""
        conversation = self.conversation
        try:
            await self._answer(
                lambda reply: conversation.subscribe(subscription, reply),
                "a subscription",
            )
        except BaseException:
            self.end(subscription)
            raise

    async def _answer(self, ask: Callable[[Reply], None], what: str) -> Any:  # noqa: ANN401  of what was asked
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ask(reply)
        self.link.flush()
        seconds = self.settings.timeout
        try:
            async with asyncio.timeout(seconds):
                return await reply
        except TimeoutError:
            raise unanswered(what, seconds) from None

    def end(self, subscription: AnySubscription) -> None:
        """End a subscription; twice is no error."""
        self.conversation.end(subscription)
        self.link.flush()

    async def close(self) -> None:
        """End all of it; twice is no error."""
        self.conversation.close()
        await self.link.close()


def unanswered(what: str, seconds: float | None) -> UnansweredError:
    """Make the error for what was asked and has no answer yet."""
    return UnansweredError(
        f"{what}: no answer came within {seconds} seconds, so it is not known whether "
        "it was done, or will be"
    )
