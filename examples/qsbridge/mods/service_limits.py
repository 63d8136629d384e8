"""What a version may say of how it is run: it goes into a systemd unit.

So nothing is admitted that the unit would read as more than one word, as a path out
of the mod's directory, or as a specifier of systemd's.
"""

import re
from typing import Final

from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.limits import check_text

__all__ = ["check_cpu_quota", "check_entry", "check_health_check", "check_memory_max"]

ENTRY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
HEALTH_CHECK: Final = re.compile(r"https?://[^\s/]*\$\{PORT\}[^\s]*")
MEMORY_MAX: Final = re.compile(r"[1-9][0-9]{0,17}[KMGT]?")
CPU_QUOTA: Final = re.compile(r"[1-9][0-9]{0,5}%")
ENTRY_CHARS_MAX: Final = 255
HEALTH_CHECK_CHARS_MAX: Final = 512


def check_entry(what: str, value: str) -> None:
    """Check an executable: a path below the mod's directory, or empty."""
    check_text(what, value, ENTRY_CHARS_MAX)
    _check_form(what, value, ENTRY, "a path like bin/bot below the mod's directory")


def check_health_check(what: str, value: str) -> None:
    """Check the template of a URL: it says where the port goes, or is empty."""
    check_text(what, value, HEALTH_CHECK_CHARS_MAX)
    _check_form(what, value, HEALTH_CHECK, "a URL like http://localhost:${PORT}/health")


def check_memory_max(what: str, value: str) -> None:
    """Check a limit of memory: bytes, or with K, M, G or T, or empty."""
    _check_form(what, value, MEMORY_MAX, "a size like 256M")


def check_cpu_quota(what: str, value: str) -> None:
    """Check a share of one processor, which may be over 100 %, or empty."""
    _check_form(what, value, CPU_QUOTA, "a share like 25%")


def _check_form(what: str, value: str, form: re.Pattern[str], example: str) -> None:
    if value and form.fullmatch(value) is None:
        raise refusal("InvalidArgument", f"{what} {value!r} is not {example}")
