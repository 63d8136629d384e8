"""A proxy that forwards bytes, and loses them or cuts all connections if it shall."""

import contextlib
import socket
import threading
from typing import Self

__all__ = ["CuttingProxy", "Valve"]


class Valve:
    """Bytes of one direction: they pass, or are lost.

    Attributes:
        is_shut: Whether they are lost.
        has_lost: Set when some were.
    """

    def __init__(self) -> None:
        self.is_shut = False
        self.has_lost = threading.Event()

    def lets_pass(self) -> bool:
        if self.is_shut:
            self.has_lost.set()
        return not self.is_shut


class CuttingProxy:
    """Forwards connections to a port of this machine.

    Attributes:
        port: Where it listens.
        requests: What clients send.
        answers: What the server sends.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.requests, self.answers = Valve(), Valve()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for each in self._threads:
            each.join(20)

    def _begin(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return  # it was closed
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # the server is away
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            self._begin(self._forward, near, far, self.requests)
            self._begin(self._forward, far, near, self.answers)

    def _forward(
        self, source: socket.socket, target: socket.socket, valve: Valve
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if valve.lets_pass():
                    target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()

    def cut(self) -> None:
        """Cut all connections, in the middle of whatever they carry; lose no more."""
        self.requests.is_shut = self.answers.is_shut = False
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
