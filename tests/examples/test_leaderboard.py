"""The leaderboard: its reducers, and what is shown beside what is asked anew."""

import functools
import itertools
import os

import hypothesis
import pytest
from hypothesis import strategies as st

import qsdb
from examples.leaderboard import (
    Guild,
    Membership,
    Player,
    come_online,
    go_offline,
    join_guild,
    leaderboard,
    leave_guild,
    score,
)
from examples.leaderboard.frames import frame
from examples.leaderboard.meter import Meter
from examples.leaderboard.season import Season
from examples.leaderboard.watch import (
    BEST,
    FREE,
    FREE_COUNT,
    GUILDS,
    GuildCount,
    PatchedList,
    Picture,
    Watch,
)
from examples.terminal.lines import paint, width_of

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"


def asked_anew(db: qsdb.Database) -> Picture:
    """Give the picture without anything that is kept current."""
    return Picture(
        best=[*db.sql(BEST)],
        guilds=[GuildCount(*row) for row in db.sql(GUILDS)],
        free=[*db.sql(FREE)],
        free_count=next(iter(db.sql(FREE_COUNT))).n,
    )


def counted(db: qsdb.Database) -> Picture:
    """Give the picture by what Python finds in the tables, without a query."""
    with db.read() as tx:
        players = sorted(tx[Player], key=lambda each: (-each.score, each.id))
        guild_of = {each.player: each.guild for each in tx[Membership]}
    free = [each for each in players if each.online and each.id not in guild_of]
    guilds = [
        GuildCount(
            guild,
            sum(each == guild for each in guild_of.values()),
            sum(each.score for each in players if guild_of.get(each.id) == guild),
        )
        for guild in set(guild_of.values())
    ]
    guilds.sort(key=lambda each: (-each.members, each.guild))
    return Picture(players[:20], guilds, free[:5], len(free))


def follow(seed: int, players_count: int, deeds_count: int) -> None:
    """Play a season, and hold what is shown against what is asked, commit by commit."""
    with qsdb.Database(leaderboard) as db:
        season = Season(db, players_count, seed)
        with Watch(db) as watch:
            assert watch.picture() == asked_anew(db) == counted(db)
            for _ in range(deeds_count):
                offset = db.offset
                season.next()()

                assert db.offset == offset + 1
                assert watch.picture() == asked_anew(db) == counted(db)
        db.check()


@pytest.mark.slow
@hypothesis.settings(max_examples=300 if IS_NIGHTLY else 20)
@hypothesis.given(
    seed=st.integers(0, 2**32),
    players_count=st.sampled_from([1, 3, 30, 60]),
    deeds_count=st.integers(1, 30),
)
def test_what_is_patched_is_what_is_asked_after_each_commit(
    seed: int, players_count: int, deeds_count: int
) -> None:
    follow(seed, players_count, deeds_count)


def test_what_is_patched_is_what_is_asked() -> None:
    follow(seed=1, players_count=25, deeds_count=20)


def test_a_list_that_forgets_the_places_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted fault of a screen that puts what comes at the end."""

    def careless(patched: PatchedList[Player], update: qsdb.Update) -> None:
        gone = update.deletes
        kept = [row for row in patched.rows if row not in gone]
        patched.rows[:] = [*kept, *update.inserts]

    monkeypatch.setattr(PatchedList, "_patch", careless)

    with pytest.raises(AssertionError):
        follow(seed=1, players_count=25, deeds_count=20)


def test_all_sorts_of_things_happen_in_a_season() -> None:
    with qsdb.Database(leaderboard) as db:
        season = Season(db, 40, seed=3)
        for _ in range(300):
            season.next()()
        reducers = db.stats().reducers

    names = ("score", "come_online", "go_offline", "join_guild", "leave_guild")
    calls = {each: reducers[each].calls for each in names}
    assert sum(calls.values()) == 300
    assert min(calls.values()) > 10, calls


def test_the_same_season_comes_of_the_same_seed() -> None:
    def end(seed: int) -> Picture:
        with qsdb.Database(leaderboard) as db:
            season = Season(db, 40, seed)
            for _ in range(100):
                season.next()()
            return asked_anew(db)

    assert end(1) == end(1) != end(2)


FRAME = """\
Leaderboard                                  24,876 commits/s · 20 µs per commit
╭─ Top 12 ────────────────────────────╮ ╭─ Guilds ─────────────────────────────╮
│  #  player     score                │ │ guild         members  score         │
│  1  Fenion-1  11,904  online        │ │ Amber Foxes         1  5,393         │
│  2  Corek-9    9,557  online        │ │ Elder Oaks          1  1,329         │
│  3  Belor-8    9,498  online        │ │ Grey Wardens        1  1,596         │
│  4  Belek-2    8,307                │ │ Iron Choir          1  8,307         │
│  5  Galra-12   7,754                │ ╰──────────────────────────────────────╯
│  6  Arion-7    6,152  online        │ ╭─ Online without guild: 5 ────────────╮
│  7  Arek-5     5,393  online        │ │ player     score                     │
│  8  Bela-11    4,964                │ │ Fenion-1  11,904                     │
│  9  Duna-3     2,903  online        │ │ Corek-9    9,557                     │
│ 10  Dunra-10   1,596  online        │ │ Belor-8    9,498                     │
│ 11  Belis-4    1,486                │ │ Arion-7    6,152                     │
│ 12  Arus-6     1,329  online        │ │ Duna-3     2,903                     │
╰─────────────────────────────────────╯ ╰──────────────────────────────────────╯
"""


def test_a_frame_of_a_seeded_season_is_this_one() -> None:
    assert "\n".join(drawn(80)) == FRAME.rstrip("\n")


@functools.cache
def small_season() -> tuple[Picture, Meter]:
    """Play a small one, by a clock that goes on 20 µs whenever it is read."""
    ticks = itertools.count()
    with qsdb.Database(leaderboard) as db:
        season = Season(db, 12, seed=7)
        with Watch(db) as watch:
            meter = Meter(lambda: min(next(ticks), 201) * 20e-6)
            for _ in range(100):
                meter.run(season.next())
            assert watch.picture() == asked_anew(db)
            return watch.picture(), meter


def drawn(width: int, height: int | None = None) -> list[str]:
    """Draw the end of the small season."""
    lines = frame(*small_season(), width, height)
    assert {width_of(each) for each in lines} == {width}
    return paint(lines, has_colours=False)


@pytest.mark.parametrize("width", [10, 39, 40, 79, 80, 120])
def test_a_frame_is_as_wide_and_high_as_the_terminal(width: int) -> None:
    whole = drawn(width)

    assert drawn(width, 8) == whole[:8]
    assert drawn(width, 1000) == whole


def test_a_frame_of_nobody_says_so() -> None:
    with qsdb.Database(leaderboard) as db, Watch(db) as watch:
        lines = frame(watch.picture(), Meter(lambda: 0.0), 100)

    text = "\n".join(paint(lines, has_colours=False))
    assert "0 commits/s · 0 µs per commit" in text
    assert "Online without guild: 0" in text


def test_who_has_left_is_told_nothing_more() -> None:
    with qsdb.Database(leaderboard) as db:
        season = Season(db, 5, seed=1)
        watch = Watch(db)
        before = watch.picture().best
        watch.close()
        watch.close()
        db.sql("UPDATE player SET score = score + 1")
        season.next()()

        assert db.stats().live_queries == 0
        assert [*watch._best.rows] == before


def game() -> qsdb.Database:
    """Two players, of whom the first is online and a Fox."""
    db = qsdb.Database(leaderboard)
    with db.write() as tx:
        tx[Guild].insert_many([Guild("Foxes"), Guild("Tide")])
        tx[Player].insert_many([Player(1, "Ann", 5, online=True), Player(2, "Bob")])
        tx[Membership].insert(Membership(1, "Foxes"))
    return db


def test_reducers_do_what_they_say() -> None:
    with game() as db:
        assert db.call(score, 1, 7) == 12
        db.call(come_online, 2)
        db.call(join_guild, 2, "Foxes")
        db.call(leave_guild, 1)
        db.call(go_offline, 1)

        assert {*db.sql("SELECT * FROM player")} == {
            Player(1, "Ann", 12),
            Player(2, "Bob", online=True),
        }
        assert [*db.sql("SELECT * FROM membership")] == [Membership(2, "Foxes")]


@pytest.mark.parametrize(
    ("reducer", "arguments", "why"),
    [
        ("score", (1, 0), "points are 1 to 1000, not 0"),
        ("score", (1, 1001), "points are 1 to 1000, not 1001"),
        ("score", (2, 1), "player 2 is offline, and scores nothing"),
        ("score", (3, 1), "there is no player 3"),
        ("come_online", (3,), "there is no player 3"),
        ("go_offline", (3,), "there is no player 3"),
        ("join_guild", (3, "Foxes"), "there is no player 3"),
        ("join_guild", (2, "Owls"), "there is no guild 'Owls'"),
        ("join_guild", (1, "Tide"), "player 1 is in a guild, 'Foxes'"),
        ("leave_guild", (2,), "player 2 is in no guild"),
    ],
)
def test_what_cannot_be_is_refused(
    reducer: str, arguments: tuple[object, ...], why: str
) -> None:
    with game() as db:
        offset = db.offset
        with pytest.raises(qsdb.ReducerError) as caught:
            db.call(reducer, *arguments)

        assert str(caught.value) == why
        assert db.offset == offset


def test_clients_cannot_give_themselves_points() -> None:
    with game() as db, db.connect() as somebody:
        with pytest.raises(qsdb.NotFoundError):
            somebody.call("score", 1, 7)
        assert somebody.sql(BEST).rows_affected is None
        assert len([*somebody.sql(BEST)]) == 2
