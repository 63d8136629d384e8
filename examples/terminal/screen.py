"""A screen: frames onto a terminal without flicker, or the last one into a file.

On a terminal frames go to the alternate screen, so that what stood there comes back at
the end, with the last frame below it. Only lines that have changed are written, in one
piece. Whatever is no terminal gets the last frame, as text without escape sequences.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self, TextIO

from examples.terminal.lines import Line, paint

__all__ = ["Screen"]

SIZE_OF_NONE: Final = (100, 24)
"""Where nothing tells how wide it is; `COLUMNS` does."""
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""The alternate screen, without a cursor, empty."""
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
AT_ONCE: Final = "\x1b[?2026h"
"""From here on hold back what is shown, where the terminal can."""
NOW: Final = "\x1b[?2026l"
ASCII: Final = str.maketrans(
    {**dict.fromkeys("╭╮╰╯", "+"), "─": "-", "│": "|", "·": ".", "…": "~", "µ": "u"}
    | dict.fromkeys("█▉▊▋▌", "#")
    | dict.fromkeys("▍▎▏", ".")
)


class Screen:
    """Shows frames; leave it by `with` or `close`, so that the terminal is restored.

    Attributes:
        is_terminal: Whether frames are seen while they come.
    """

    def __init__(
        self, out: TextIO, environment: Mapping[str, str] = os.environ
    ) -> None:
        """Look at what is written to; nothing is written yet.

        Args:
            out: Where frames go.
            environment: `NO_COLOR` (not empty) forbids colours, `TERM=dumb` everything
                that takes a terminal.
        """
        self._out = out
        self.is_terminal = out.isatty() and environment.get("TERM") != "dumb"
        self._has_colours = self.is_terminal and not environment.get("NO_COLOR")
        self._last: Sequence[Line] = ()
        self._shown: list[str] = []
        self._size = (0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def width(self) -> int:
        """Its cells in a line."""
        return shutil.get_terminal_size(SIZE_OF_NONE).columns

    @property
    def height(self) -> int | None:
        """Its lines; None where there is no end to them."""
        if not self.is_terminal:
            return None
        return shutil.get_terminal_size(SIZE_OF_NONE).lines

    def show(self, lines: Sequence[Line]) -> None:
        """Show a frame in place of the last one."""
        self._last = lines
        if not self.is_terminal:
            return
        texts = self._texts()
        pieces = []
        size = shutil.get_terminal_size(SIZE_OF_NONE)
        if size != self._size:
            pieces.append("\x1b[2J" if self._shown else ENTER)
            self._size, self._shown = size, []
        for number, text in enumerate(texts):
            if number >= len(self._shown) or self._shown[number] != text:
                pieces.append(f"\x1b[{number + 1};1H{text}\x1b[K")
        if len(self._shown) > len(texts):
            pieces.append(f"\x1b[{len(texts) + 1};1H\x1b[J")
        if pieces:
            self._out.write("".join([AT_ONCE, *pieces, NOW]))
            self._out.flush()
        self._shown = texts

    def close(self) -> None:
        """Restore the terminal, and leave the last frame where it can be read.

        Again is no error.
        """
        if self._shown:
            self._out.write(LEAVE)
        for text in self._texts():
            self._out.write(f"{text}\n")
        self._out.flush()
        self._last, self._shown, self._size = (), [], (0, 0)

    def _texts(self) -> list[str]:
        """Paint the last frame, with what the stream's encoding has."""
        texts = paint(self._last, has_colours=self._has_colours)
        try:
            "╭█…".encode(self._out.encoding or "utf-8")
        except UnicodeEncodeError:
            return [text.translate(ASCII) for text in texts]
        return texts
