"""Random calls on two servers' mods, against a plain twin, with power failing.

Hypothesis draws how many calls are made between two losses of power, and the seed
of each such stretch of time; a failure shows the calls.
"""

import functools
import random
from collections.abc import Mapping

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import qsdb
from examples.qsbridge.mods import (
    ConfigType,
    InstalledMod,
    ModConfigValue,
    ModServiceState,
    registry,
)
from qsdb import Identity
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.examples.hub import START
from tests.examples.install_twin import (
    NEEDS,
    PROJECTS,
    VERSIONS,
    InstallTwin,
    Place,
)
from tests.examples.registry_desk import (
    EAST,
    EAST_LINE,
    STRANGER,
    WEST,
    WEST_LINE,
    Desk,
)
from tests.support.hoard import abandon

QUIET = qsdb.StorageOptions(has_threads=False)
BRIDGES = {"east": EAST, "west": WEST}
PROJECT_IDS = {slug: number for number, slug in enumerate(PROJECTS, start=1)}
AHEAD = {
    "pending": "begin",
    "installing": "mark_installed",
    "installed": "enable",
    "enabled": "disable",
    "disabled": "enable",
    "failed": "uninstall",
    "removing": "mark_removed",
}
CALLS = ("begin", "mark_installed", "enable", "disable", "uninstall", "mark_removed")
ACTS = {
    "go_ahead": 8,
    "request": 3,
    "update": 2,
    "step": 2,
    "token": 2,
    "report": 2,
    "fail": 1,
}
"""What is done, and how often."""


def opened(disk: SimulatedDirectory) -> Desk:
    """Open a registry whose commits are on the disk when calls return."""
    clock = FakeClock(START)
    db = qsdb.Database(registry, disk, clock=clock, durability="always", options=QUIET)
    return Desk(db, clock)


@functools.cache
def published() -> Mapping[str, bytes]:
    """Give the files of a registry that knows the servers and mods of the twin."""
    disk = SimulatedDirectory()
    desk = opened(disk)
    desk.mirror(EAST_LINE, WEST_LINE)
    for slug in PROJECTS:
        make = desk.service if slug == "bot" else desk.mod
        assert make(slug, *VERSIONS) == PROJECT_IDS[slug]
    ids = {
        (PROJECTS[row.project_id - 1], row.version): row.version_id
        for row in desk.db.sql("SELECT * FROM mod_version")
    }
    for version in VERSIONS:
        is_newest = version == VERSIONS[-1]
        desk.setting(
            ids["bot", version], "TOKEN", ConfigType.Secret, required=is_newest
        )
    for mod, needed in NEEDS.items():
        for slug, version_min in needed.items():
            desk.needs(ids[mod], PROJECT_IDS[slug], version_min)
    desk.db.close()
    return disk.snapshot_files()


class InstallMachine(RuleBasedStateMachine):
    """Draws calls; the registry and the twin must agree on each."""

    @initialize()
    def begin(self) -> None:
        self.disk, self.twin = SimulatedDirectory(published()), InstallTwin()
        self.ids: dict[Place, int] = {}
        self.desk = opened(self.disk)

    def compare(
        self, name: str, *arguments: object, granted: bool, who: Identity | None = None
    ) -> object:
        """Make a call, which is granted or refused as the twin said."""
        caller = self.desk.db.caller(who or self.desk.db.owner)
        if granted:
            return caller.call(name, *arguments)
        offset = self.desk.db.offset
        with pytest.raises(qsdb.ReducerError):
            caller.call(name, *arguments)
        assert self.desk.db.offset == offset
        return None

    def id_of(self, place: Place) -> int:
        return self.ids.get(place, 10_000)

    @rule(seed=st.integers(0, 2**20), count=st.integers(1, 60))
    def live(self, seed: int, count: int) -> None:
        """Make calls, most of them such as a gateway makes."""
        rng = random.Random(seed)
        for act in rng.choices([*ACTS], [*ACTS.values()], k=count):
            place = (rng.choice(("east", "east", "west")), rng.choice(PROJECTS))
            if act == "go_ahead" and self.ids:
                place = rng.choice([*self.ids])
                call = AHEAD[self.twin.mods[place]["status"]]
                note(f"{place} {call}")
                self.step(place, call)
            elif act != "go_ahead":
                note(f"{place} {act}")
                getattr(self, act)(place, rng)
            self.both_hold_the_same()

    def request(self, place: Place, rng: random.Random) -> None:
        version = rng.choice(VERSIONS)
        granted = self.twin.request(place, version)
        arguments = (place[0], PROJECT_IDS[place[1]], version)
        install_id = self.compare("mod_install_request", *arguments, granted=granted)
        if isinstance(install_id, int):
            self.ids[place] = install_id

    def step(self, place: Place, call: str | random.Random) -> None:
        if isinstance(call, random.Random):
            call = call.choice(CALLS)
        granted = self.twin.step(place, call)
        arguments = ("why",) if call == "fail" else ()
        name = f"mod_install_{call}"
        self.compare(name, self.id_of(place), *arguments, granted=granted)
        if granted and call == "mark_removed":
            del self.ids[place]

    def fail(self, place: Place, _: random.Random) -> None:
        self.step(place, "fail")

    def update(self, place: Place, rng: random.Random) -> None:
        version = rng.choice(VERSIONS)
        granted = self.twin.update(place, version)
        arguments = (self.id_of(place), version)
        self.compare("mod_install_update", *arguments, granted=granted)

    def token(self, place: Place, rng: random.Random) -> None:
        install_id, token = self.id_of(place), rng.choice(("", "t1", "t2", None))
        if token is None:
            granted = self.twin.unset_token(place)
            self.compare("mod_config_unset", install_id, "TOKEN", granted=granted)
        else:
            granted = self.twin.set_token(place, token)
            self.compare("mod_config_set", install_id, "TOKEN", token, granted=granted)

    def report(self, place: Place, rng: random.Random) -> None:
        who = rng.choice((place[0], "east", "west", "stranger"))
        granted = self.twin.report(place, who)
        arguments = (self.id_of(place), "healthy")
        self.compare(
            "mod_service_report",
            *arguments,
            granted=granted,
            who=BRIDGES.get(who, STRANGER),
        )

    @precondition(lambda self: len(self.ids) >= 3)
    @rule(seed=st.integers(0, 99), policy=st.sampled_from(["kept", "dropped", "torn"]))
    def lose_power(self, seed: int, policy: qsdb.testing.Policy) -> None:
        abandon(self.desk.db)
        self.disk = self.disk.crash(random.Random(seed), policy)
        self.desk = opened(self.disk)
        self.desk.db.check()

    @invariant()
    def both_hold_the_same(self) -> None:
        if not hasattr(self, "twin"):
            return
        with self.desk.db.read() as tx:
            rows = {row.install_id: row for row in tx[InstalledMod]}
            states = {row.install_id: row for row in tx[ModServiceState]}
            tokens = {row.install_id: row for row in tx[ModConfigValue]}
        places = {install_id: place for place, install_id in self.ids.items()}
        assert rows.keys() == places.keys()
        assert states.keys() <= rows.keys()
        assert tokens.keys() <= rows.keys()
        held = {}
        for install_id, row in rows.items():
            state, token = states.get(install_id), tokens.get(install_id)
            assert (row.server_id, PROJECTS[row.project_id - 1]) == places[install_id]
            assert token is None or token.is_secret
            held[places[install_id]] = {
                "status": row.status,
                "version": row.version,
                "port": None if state is None else state.port,
                "health": None if state is None else state.health,
                "token": None if token is None else token.value,
            }
        assert held == self.twin.mods
        assert not self.desk.db.sql("SELECT * FROM mod_config_value", sender=EAST)

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.db.close()


TestInstalls = pytest.mark.slow(InstallMachine.TestCase)
TestInstalls.settings = settings(
    max_examples=max(8, settings().max_examples // 10 - 10), stateful_step_count=10
)
