"""What the registry's installs must do, written down once more and more simply.

Two servers, and three mods: a library, a service that needs it and has a token, and
a mod that needs the service. Each has the versions 1.0.0 and 2.0.0. Every method
gives whether the call must be granted, and does it if so.
"""

from typing import TypedDict

PROJECTS = ("lib", "bot", "hud")
VERSIONS = ("1.0.0", "2.0.0")
NEEDS = {
    ("bot", "1.0.0"): {"lib": "1.0.0"},
    ("bot", "2.0.0"): {"lib": "2.0.0"},
    ("hud", "1.0.0"): {"bot": "1.0.0"},
    ("hud", "2.0.0"): {"bot": "2.0.0"},
}
STATUSES = {
    *("pending", "installing", "installed", "enabled", "disabled", "failed"),
    "removing",
}
STEPS = {
    "begin": ({"pending"}, "installing"),
    "mark_installed": ({"installing"}, "installed"),
    "enable": ({"installed", "disabled"}, "enabled"),
    "disable": ({"enabled"}, "disabled"),
    "uninstall": (STATUSES - {"removing"}, "removing"),
    "fail": (STATUSES, "failed"),
}
Place = tuple[str, str]


class Mod(TypedDict):
    """An install."""

    status: str
    version: str
    port: int | None
    health: str | None
    token: str | None


class InstallTwin:
    """Installs by server and project."""

    def __init__(self) -> None:
        self.mods: dict[Place, Mod] = {}

    def request(self, place: Place, version: str) -> bool:
        if place in self.mods or not self.has_needed(place, version):
            return False
        port = None
        if place[1] == "bot":
            taken = [mod["port"] for mod in self.mods.values()]
            port = min({8900, 8901} - {*taken})
        self.mods[place] = Mod(
            status="pending",
            version=version,
            port=port,
            health=None if port is None else "unknown",
            token=None,
        )
        return True

    def step(self, place: Place, call: str) -> bool:
        mod = self.mods.get(place)
        if mod is None:
            return False
        if call == "mark_removed":
            if mod["status"] != "removing":
                return False
            del self.mods[place]
            return True
        before, status = STEPS[call]
        if mod["status"] not in before or not self.may(place, call):
            return False
        self.become(mod, status)
        return True

    def may(self, place: Place, call: str) -> bool:
        """Tell whether the other mods of the server, and the token, allow a step."""
        mod = self.mods[place]
        if call == "enable":
            needed = self.needed(place, mod["version"])
            lacks_token = (place[1], mod["version"]) == ("bot", "2.0.0") and (
                mod["token"] is None
            )
            return not lacks_token and all(
                other is not None
                and other["status"] == "enabled"
                and other["version"] >= version_min
                for other, version_min in needed
            )
        if call == "disable":
            return not self.needed_by(place, {"enabled"})
        if call == "uninstall" and mod["status"] != "failed":
            return not self.needed_by(place, None)
        return True

    def update(self, place: Place, version: str) -> bool:
        mod = self.mods.get(place)
        if mod is None or mod["version"] == version:
            return False
        if mod["status"] not in {"installed", "enabled", "disabled"}:
            return False
        if not self.has_needed(place, version):
            return False
        if any(version_min > version for version_min in self.needed_by(place, None)):
            return False
        if mod["status"] == "enabled":
            if self.needed_by(place, {"enabled"}):
                return False
            self.become(mod, "installed")
        mod["version"] = version
        return True

    def set_token(self, place: Place, token: str) -> bool:
        mod = self.mods.get(place)
        if mod is None or place[1] != "bot" or mod["status"] == "removing" or not token:
            return False
        mod["token"] = token
        return True

    def unset_token(self, place: Place) -> bool:
        mod = self.mods.get(place)
        if mod is None or mod["token"] is None or mod["status"] == "removing":
            return False
        if (mod["status"], mod["version"]) == ("enabled", "2.0.0"):
            return False
        mod["token"] = None
        return True

    def report(self, place: Place, who: str) -> bool:
        mod = self.mods.get(place)
        if mod is None or mod["port"] is None or who != place[0]:
            return False
        if mod["status"] != "enabled":
            return False
        mod["health"] = "healthy"
        return True

    def needed(self, place: Place, version: str) -> list[tuple[Mod | None, str]]:
        """Give what a version needs on that server, as it is there, and its minimum."""
        server, project = place
        return [
            (self.mods.get((server, slug)), version_min)
            for slug, version_min in NEEDS.get((project, version), {}).items()
        ]

    def has_needed(self, place: Place, version: str) -> bool:
        return all(
            other is not None
            and other["version"] >= version_min
            and other["status"] not in {"failed", "removing"}
            for other, version_min in self.needed(place, version)
        )

    def needed_by(self, place: Place, statuses: set[str] | None) -> list[str]:
        """Give the minima of the mods that need this one and are there, or come."""
        server, project = place
        return [
            NEEDS[other, mod["version"]][project]
            for (where, other), mod in self.mods.items()
            if where == server
            and project in NEEDS.get((other, mod["version"]), {})
            and mod["status"] not in {"failed", "removing"}
            and (statuses is None or mod["status"] in statuses)
        ]

    def become(self, mod: Mod, status: str) -> None:
        mod["status"] = status
        if mod["port"] is not None:
            mod["health"] = "unknown"
