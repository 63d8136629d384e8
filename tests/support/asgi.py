"""A client of applications of ASGI: a request is a call, and nothing else is needed."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import attrs
from starlette.types import ASGIApp, Message

SECONDS_MAX = 30
"""An answer that takes longer does not come."""


@attrs.frozen
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class AsgiClient:
    """Asks an application."""

    def __init__(
        self, application: ASGIApp, headers: Mapping[str, str] | None = None
    ) -> None:
        self._application = application
        self._headers = {**(headers or {})}

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answered:
        """Ask for something; a body of parts comes as parts."""
        parts = [body] if isinstance(body, bytes) else [*body]
        messages: list[Message] = [
            {"type": "http.request", "body": each, "more_body": True} for each in parts
        ]
        messages[-1]["more_body"] = False
        exchange = self.exchange(method, path, messages, headers)
        return asyncio.run(asyncio.wait_for(exchange, SECONDS_MAX))

    async def exchange(
        self,
        method: str,
        path: str,
        messages: list[Message],
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answered:
        """Ask with these messages; none follows them, for ever."""
        given = [*messages]
        sent: list[Message] = []

        async def receive() -> Message:
            if not given:
                await asyncio.Event().wait()
            return given.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        await self._application(self.scope(method, path, headers), receive, send)
        if not sent:
            return Answered(0, {}, b"")
        pairs = [(n.decode(), v.decode("latin-1")) for n, v in sent[0]["headers"]]
        body = b"".join([each.get("body", b"") for each in sent[1:]])
        return Answered(sent[0]["status"], dict(pairs), body)

    def scope(
        self, method: str, path: str, headers: Iterable[tuple[str, str]] = ()
    ) -> dict[str, Any]:
        raw, _, query = path.partition("?")
        pairs = [*self._headers.items(), *headers]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in pairs],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 3000),
        }

    def get(self, path: str, headers: Iterable[tuple[str, str]] = ()) -> Answered:
        return self.ask("GET", path, headers=headers)

    def post(
        self,
        path: str,
        body: bytes | str = b"",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answered:
        data = body.encode() if isinstance(body, str) else body
        return self.ask("POST", path, data, headers)

    def call(self, function: str, *args: object, database: str = "bank") -> Answered:
        path = f"/v1/database/{database}/call/{function}"
        kind = ("content-type", "application/json")
        return self.post(path, json.dumps(args), [kind])

    def sql(self, text: str, database: str = "bank") -> Answered:
        return self.post(f"/v1/database/{database}/sql", text)
