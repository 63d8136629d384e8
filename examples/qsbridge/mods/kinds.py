"""What kinds of mods there are, and what kinds of settings they have.

The eight kinds of mods are documented (``modding/overview``). Of the types of
settings four are seen in the manifest's page; Integer, Float and Select are added.
"""

import enum

__all__ = ["ConfigType", "ModKind"]


class ModKind(enum.Enum):
    """What a mod is: it decides how the gateway installs it."""

    GameModule = 0
    """A shared library in the server's mod directory, preloaded."""
    EngineAdapter = 1
    """A shared library that the bridge is configured to load."""
    ProcessService = 2
    """A process of its own: a systemd unit, a port, a health endpoint."""
    StdbExtension = 3
    """Code that is merged into the game's module when that is built."""
    PanelExtension = 4
    """A React module, unpacked to ``/opt/qs-panel-ext/``."""
    ConfigPack = 5
    """Files of configuration, no code."""
    DataPack = 6
    """Files of data, no code."""
    Library = 7
    """A shared library for other mods, in ``/opt/qs-mods/lib/``."""


class ConfigType(enum.Enum):
    """What the value of a setting is; all are stored as text."""

    Secret = 0
    """A text that only the owner may read."""
    String = 1
    """Any text without control characters."""
    Color = 2
    """``#rrggbb``."""
    Boolean = 3
    """``true`` or ``false``."""
    Integer = 4
    """A whole number of 64 bits, with a sign."""
    Float = 5
    """A finite number."""
    Select = 6
    """One of the options that the setting lists."""
