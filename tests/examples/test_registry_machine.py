"""Random calls on two servers' mods, against a plain twin, with power failing."""

import random

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


class InstallMachine(RuleBasedStateMachine):
    """Draws calls; the registry and the twin must agree on each."""

    def open(self) -> None:
        self.desk = Desk(
            qsdb.Database(
                registry,
                self.disk,
                clock=self.clock,
                durability="always",
                options=QUIET,
            ),
            self.clock,
        )

    @initialize()
    def begin(self) -> None:
        self.disk, self.clock = SimulatedDirectory(), FakeClock(START)
        self.twin = InstallTwin()
        self.ids: dict[tuple[str, str], int] = {}
        self.open()
        self.desk.mirror(EAST_LINE, WEST_LINE)
        assert self.desk.mod("lib", *VERSIONS) == PROJECT_IDS["lib"]
        assert self.desk.service("bot") == PROJECT_IDS["bot"]
        self.desk.setting(3, "TOKEN", ConfigType.Secret)
        assert self.desk.mod("hud", *VERSIONS) == PROJECT_IDS["hud"]
        self.publish_bot()

    def publish_bot(self) -> None:
        """Publish the bot's second version, and say what needs what."""
        version_id = self.desk.version(PROJECT_IDS["bot"], "2.0.0")
        spec = (version_id, "bin/run", "", "", "")
        self.desk.db.call("mod_service_spec_set", *spec)
        self.desk.setting(version_id, "TOKEN", ConfigType.Secret, required=True)
        ids = {
            (slug, row.version): row.version_id
            for slug in PROJECTS
            for row in self.desk.db.sql("SELECT * FROM mod_version")
            if row.project_id == PROJECT_IDS[slug]
        }
        for mod, needed in NEEDS.items():
            for slug, version_min in needed.items():
                self.desk.needs(ids[mod], PROJECT_IDS[slug], version_min)

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

    @rule(seed=st.integers(0, 99), policy=st.sampled_from(["kept", "dropped", "torn"]))
    def lose_power(self, seed: int, policy: qsdb.testing.Policy) -> None:
        abandon(self.desk.db)
        self.disk = self.disk.crash(random.Random(seed), policy)
        self.open()
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
