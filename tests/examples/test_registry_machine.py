"""Random calls on two servers' mods, against a plain twin, with power failing."""

import functools
import random
from collections.abc import Mapping

import pytest
from hypothesis import settings
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
from tests.examples.install_twin import NEEDS, PROJECTS, VERSIONS, InstallTwin
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
places = st.tuples(st.sampled_from(["east", "west"]), st.sampled_from(PROJECTS))
calls = st.sampled_from(["begin", "disable", "fail", "uninstall", *AHEAD.values()])
versions = st.sampled_from(VERSIONS)


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
        self.ids: dict[tuple[str, str], int] = {}
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

    def id_of(self, place: tuple[str, str]) -> int:
        return self.ids.get(place, 10_000)

    @rule(place=places, version=versions)
    def request(self, place: tuple[str, str], version: str) -> None:
        granted = self.twin.request(place, version)
        arguments = (place[0], PROJECT_IDS[place[1]], version)
        install_id = self.compare("mod_install_request", *arguments, granted=granted)
        if isinstance(install_id, int):
            self.ids[place] = install_id

    @rule(place=places, call=calls)
    def step(self, place: tuple[str, str], call: str) -> None:
        granted = self.twin.step(place, call)
        arguments = ("why",) if call == "fail" else ()
        name = f"mod_install_{call}"
        self.compare(name, self.id_of(place), *arguments, granted=granted)
        if granted and call == "mark_removed":
            del self.ids[place]

    @precondition(lambda self: self.ids)
    @rule(choice=st.randoms(use_true_random=False))
    def go_ahead(self, choice: random.Random) -> None:
        place = choice.choice([*self.ids])
        self.step(place, AHEAD[self.twin.mods[place]["status"]])

    @rule(place=places, version=versions)
    def update(self, place: tuple[str, str], version: str) -> None:
        granted = self.twin.update(place, version)
        self.compare("mod_install_update", self.id_of(place), version, granted=granted)

    @rule(place=places, token=st.sampled_from(["", "t1", "t2"]))
    def set_token(self, place: tuple[str, str], token: str) -> None:
        granted = self.twin.set_token(place, token)
        arguments = (self.id_of(place), "TOKEN", token)
        self.compare("mod_config_set", *arguments, granted=granted)

    @rule(place=places)
    def unset_token(self, place: tuple[str, str]) -> None:
        granted = self.twin.unset_token(place)
        self.compare("mod_config_unset", self.id_of(place), "TOKEN", granted=granted)

    @rule(place=places, who=st.sampled_from(["east", "west", "stranger"]))
    def report(self, place: tuple[str, str], who: str) -> None:
        granted = self.twin.report(place, who)
        self.compare(
            "mod_service_report",
            *(self.id_of(place), "healthy"),
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
    max_examples=max(8, (settings().max_examples - 100) // 4), stateful_step_count=40
)
