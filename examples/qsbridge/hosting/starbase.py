"""`StarbaseProvider`: game servers that are rented at BisectHosting, over its API.

Documented are one account for all servers, its key in the environment variable
``BISECT_API_KEY``, and the routes ``POST /servers/{id}/start``, ``stop`` and
``restart``. Suggested here, since the public text ends before: ``wipe`` and ``command``
beside them, the key as a bearer token, and that in an answer which is a JSON object
``message`` (of a command: ``output``) is for people. The API's address is not public
either, so it is asked for: ``BISECT_API_URL``.
"""

import json
import os
import re
from collections.abc import Mapping
from typing import Final

from examples.qsbridge.hosting.answers import failure_of, text_of
from examples.qsbridge.hosting.api_keys import ApiKey
from examples.qsbridge.hosting.exchange import Endpoint
from examples.qsbridge.hosting.failures import UnknownServerError
from examples.qsbridge.hosting.provider import HostingAnswer, HostingProvider
from examples.qsbridge.hosting.retries import Retries

__all__ = ["KEY_VARIABLE", "URL_VARIABLE", "StarbaseProvider"]

KEY_VARIABLE: Final = "BISECT_API_KEY"
URL_VARIABLE: Final = "BISECT_API_URL"

HOSTING_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
"""A UUID, or what else needs no quoting: any bridge may register with any id, and
``../other`` would lead to another route."""

REPEATABLE: Final = frozenset({"start", "stop"})
"""Orders that may be given twice: the server is as it was after the first."""


class StarbaseProvider(HostingProvider):
    """Gives orders to servers of one account; may be used by several threads.

    Every order is one ``POST``, repeated as `Retries` says.
    """

    def __init__(
        self, key: ApiKey, endpoint: Endpoint, retries: Retries | None = None
    ) -> None:
        """Take an account's key and the address of the API."""
        self._key = key
        self._endpoint = endpoint
        self._retries = Retries() if retries is None else retries

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None
    ) -> "StarbaseProvider":
        """Take the key and the address from ``BISECT_API_KEY`` and ``BISECT_API_URL``.

        Args:
            environment: The variables; those of this process if not given.

        Raises:
            ValueError: one is missing or wrong. The text does not show the key.
        """
        variables = os.environ if environment is None else environment
        for name in (KEY_VARIABLE, URL_VARIABLE):
            if not variables.get(name):
                raise ValueError(f"the environment variable {name} is not set")
        return cls(ApiKey(variables[KEY_VARIABLE]), Endpoint(variables[URL_VARIABLE]))

    def __repr__(self) -> str:
        return f"StarbaseProvider({self._endpoint.url!r})"

    def start(self, hosting_id: str) -> HostingAnswer:
        return self._order(hosting_id, "start", {}, "message")

    def stop(self, hosting_id: str) -> HostingAnswer:
        return self._order(hosting_id, "stop", {}, "message")

    def restart(self, hosting_id: str) -> HostingAnswer:
        return self._order(hosting_id, "restart", {}, "message")

    def wipe(self, hosting_id: str) -> HostingAnswer:
        return self._order(hosting_id, "wipe", {}, "message")

    def command(self, hosting_id: str, command: str) -> HostingAnswer:
        return self._order(hosting_id, "command", {"command": command}, "output")

    def _order(
        self, hosting_id: str, order: str, content: dict[str, str], field: str
    ) -> HostingAnswer:
        """Give an order; `field` holds what its answer says.

        Raises:
            HostingError: it was not carried out, or nobody knows.
        """
        if HOSTING_ID.fullmatch(hosting_id) is None:
            raise UnknownServerError(f"{hosting_id!r} is no server id of the provider")
        path = f"/servers/{hosting_id}/{order}"
        headers = {
            **self._key.header(),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        body = json.dumps(content).encode()

        def attempt() -> HostingAnswer:
            answer = self._endpoint.post(path, headers, body)
            if not answer.is_success:
                raise failure_of(answer, hosting_id, self._key)
            text = text_of(answer, field, self._key)
            return HostingAnswer(hosting_id, order, text)

        return self._retries.run(attempt, may_repeat=order in REPEATABLE)
