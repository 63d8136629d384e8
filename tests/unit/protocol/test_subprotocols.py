"""Which protocol is chosen."""

import pytest

from qsdb.protocol.subprotocols import (
    SUBPROTOCOLS,
    V1,
    V2,
    V3,
    Subprotocol,
    choose_subprotocol,
)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["v3.bsatn.spacetimedb, v2.bsatn.spacetimedb"], V3),
        (["v2.bsatn.spacetimedb,v3.bsatn.spacetimedb"], V3),
        (["v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb"], V3),
        (["v2.bsatn.spacetimedb"], V2),
        ([" v9.bsatn.spacetimedb ,  v2.bsatn.spacetimedb "], V2),
        (["V3.BSATN.spacetimedb"], None),
        (["v1.json.spacetimedb"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_server_takes_what_it_likes_best(
    offered: list[str], chosen: Subprotocol | None
) -> None:
    assert choose_subprotocol(offered) is chosen


def test_a_server_may_speak_older_protocols_too() -> None:
    offered = ["v1.bsatn.spacetimedb"]

    assert choose_subprotocol(offered, [*SUBPROTOCOLS, V1]) is V1
    assert choose_subprotocol(offered) is None


def test_only_v3_has_batches() -> None:
    assert [each.name for each in SUBPROTOCOLS if each.is_batched] == [V3.name]
