r"""Texts for people, made so that they can be sent whatever is in them.

The text of an error may be a user's, and hold lone surrogates, which have no bytes.

>>> with_bytes("a\ud800b"), with_bytes("Zoë")
('a\\ud800b', 'Zoë')
"""

__all__ = ["with_bytes"]


def with_bytes(text: str) -> str:
    """Give a text with what has no bytes written as escapes."""
    return text.encode(errors="backslashreplace").decode()
