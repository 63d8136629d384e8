"""Who shows a token: what counts, what does not, and what is said then."""

import asyncio
import base64
import json
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from qsdb import AccessError, ArgumentError, Identity
from qsdb.server.authority import Authority, Trust
from qsdb.server.credentials import Credentials
from qsdb.server.signing_keys import KEY_FILE
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.issuing import (
    ADDRESS,
    EC,
    NOW,
    Provider,
    claims,
    clock,
    ec_key,
    es256,
    rs256,
    rsa_key,
)

SECRET = b"s" * 32
SHOP = "https://shop.example"
"""It seals its tokens with a secret."""

TRUST = Trust(secrets={SHOP: SECRET}, issuers=(ADDRESS,))


def admit(authority: Authority, token: str) -> Credentials:
    return asyncio.run(authority.admit(token))


def authority_of(trust: Trust = TRUST) -> Authority:
    provider = Provider(rsa_key("r1"), ec_key("e1"))
    return Authority(None, trust, clock=clock(), fetch=provider.fetch)


def hs256(said: dict[str, object], secret: bytes = SECRET) -> str:
    return jwt.encode(said, secret, "HS256")


def shop(**said: object) -> dict[str, object]:
    return claims(iss=SHOP, **said)


def own(authority: Authority, said: dict[str, object]) -> str:
    return jwt.encode(said, authority._key.private, "ES256")


def test_somebody_new_is_admitted_with_the_token_made_for_them() -> None:
    authority = authority_of()
    someone, other = authority.anonymous(), authority.anonymous()

    again = admit(authority, someone.token)

    assert again == someone
    assert someone.identity != other.identity
    assert someone.claims["iss"] == "qsdb"
    assert someone.claims["hex_identity"] == someone.identity.to_hex()
    subject = str(someone.claims["sub"])
    assert someone.identity == Identity.from_claims("qsdb", subject)
    assert (subject[14], len(subject)) == ("4", 36)


def test_the_same_entropy_names_the_same_people() -> None:
    made = [Authority(clock=clock(), entropy=bytes).anonymous() for _ in range(2)]

    assert made[0].identity == made[1].identity


def test_the_clock_of_the_machine_and_no_trust_are_the_rule() -> None:
    authority = Authority()

    assert admit(authority, authority.anonymous().token).claims["aud"] == ["qsdb"]
    assert authority.trust == Trust()


def test_a_key_that_is_kept_makes_tokens_that_last() -> None:
    disk = SimulatedDirectory()
    token = Authority(disk, clock=clock()).anonymous().token

    found = admit(Authority(disk.kill(), clock=clock()), token)

    assert found.token == token
    with pytest.raises(AccessError, match="not valid here"):
        admit(Authority(clock=clock()), token)
    assert disk.is_private(KEY_FILE)


def test_anybody_may_check_tokens_with_the_public_key() -> None:
    authority = authority_of()
    token = authority.anonymous().token

    found = jwt.decode(
        token,
        authority.public_key_pem,
        ["ES256"],
        audience="qsdb",
        options={"verify_iat": False},
    )

    assert found["iss"] == "qsdb"
    assert "PRIVATE" not in authority.public_key_pem


def test_a_token_of_a_named_issuer_counts() -> None:
    authority = authority_of()
    alice = Identity.from_claims(ADDRESS, "alice")

    found = [
        admit(authority, token)
        for token in (rs256(claims(name="Alice")), es256(claims()))
    ]

    assert [each.identity for each in found] == [alice] * 2
    assert found[0].claims["name"] == "Alice"


def test_a_secret_speaks_for_the_users_of_its_issuer_alone() -> None:
    trust = Trust(secrets={SHOP: SECRET, "club": b"c" * 32}, issuers=(ADDRESS,))
    authority = authority_of(trust)

    found = admit(authority, hs256(shop()))

    assert found.identity == Identity.from_claims(SHOP, "alice")
    club = admit(authority, hs256(claims(iss="club"), b"c" * 32))
    assert club.identity == Identity.from_claims("club", "alice")
    foreign = [
        hs256(claims()),  # of an issuer that has keys
        hs256(shop(), b"c" * 32),
        hs256(claims(iss="club")),
        hs256(claims(iss="https://new.example")),
        hs256({"sub": "alice", "iat": NOW}),
        rs256(shop()),
        es256(shop()),
    ]
    for each in foreign:
        with pytest.raises(AccessError, match="not valid here"):
            admit(authority, each)


def test_a_short_lived_token_says_the_same_for_a_minute() -> None:
    time = clock()
    provider = Provider(rsa_key("r1"))
    authority = Authority(None, TRUST, clock=time, fetch=provider.fetch)
    shown = admit(authority, rs256(claims(name="Alice", exp=NOW + 3600)))

    short = authority.short_lived(shown)

    found = admit(authority, short)
    assert found.identity == shown.identity
    assert found.claims == {**shown.claims, "exp": NOW + 60}
    time.advance(60)
    with pytest.raises(AccessError, match="expired"):
        admit(authority, short)


def test_a_short_lived_token_ends_with_the_one_that_was_shown() -> None:
    time = clock()
    authority = Authority(clock=time)
    short = admit(authority, authority.short_lived(authority.anonymous()))
    time.advance(59)

    again = admit(authority, authority.short_lived(short))

    assert again.claims["exp"] == NOW + 60


def test_the_owner_of_a_database_has_a_token_of_the_own_key_alone() -> None:
    authority = authority_of()
    owner = Identity.from_claims("anything", "else")
    token = authority.owner_token(owner)

    found = admit(authority, token)
    short = admit(authority, authority.short_lived(found))

    assert found.identity == short.identity == owner
    forged = {**found.claims}
    for other in (hs256(forged), hs256({**forged, "iss": SHOP})):
        with pytest.raises(AccessError):
            admit(authority, other)


def with_header(token: str, **others: object) -> str:
    header, *rest = token.split(".")
    data = json.loads(base64.urlsafe_b64decode(header + "=="))
    return ".".join([encoded({**data, **others}), *rest])


def encoded(data: object) -> str:
    raw = json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def own_payload(authority: Authority, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, authority._key.private, "ES256")


def changed(token: str) -> str:
    header, _, seal = token.split(".")
    said = {"iss": "qsdb", "sub": "root", "iat": NOW}
    return f"{header}.{encoded(said)}.{seal}"


def forged_with_public_key(authority: Authority) -> str:
    # What a careless library takes: the public key as the secret of HS256.
    header, said = encoded({"alg": "HS256", "typ": "JWT"}), encoded(claims())
    signed = f"{header}.{said}"
    key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    seal = key.sign(signed.encode(), authority.public_key_pem.encode())
    return f"{signed}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


REFUSED: dict[str, Callable[[Authority], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "abc",
    "no parts": lambda _: "a.b.c",
    "no JSON": lambda _: "bm9uZQ.bm9uZQ.bm9uZQ",
    "long": lambda _: rs256(claims(name="x" * 9000)),
    "foreign secret": lambda _: hs256(shop(), b"t" * 32),
    "foreign issuer": lambda _: rs256(claims(iss="https://evil.example.com")),
    "no issuer": lambda _: rs256({"sub": "alice", "iat": NOW}),
    "foreign key": lambda _: jwt.encode(
        claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": "e1"}
    ),
    "unknown key": lambda _: rs256(claims(), "r2"),
    "name of a key no text": lambda _: with_header(rs256(claims()), kid=7),
    "of the own issuer": lambda _: hs256(claims(iss="qsdb")),
    "of two issuers in one": lambda _: hs256(claims(iss="https://a|b")),
    "claims no object": lambda a: own_payload(a, b"[]"),
    "claims no JSON": lambda a: own_payload(a, b"{"),
    "critical": lambda a: jwt.encode(
        claims(), a._key.private, "ES256", {"crit": ["x"], "x": 1}
    ),
    "critical and known": lambda a: with_header(
        a.anonymous().token, crit=["b64"], b64=True
    ),
    "none": lambda _: jwt.encode(claims(), "", "none"),
    "public key as secret": forged_with_public_key,
    "cut": lambda a: a.anonymous().token[:-2],
    "changed": lambda a: changed(a.anonymous().token),
    "without seal": lambda a: a.anonymous().token.rpartition(".")[0] + ".",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nobody_has_made_who_counts_is_refused(name: str) -> None:
    authority = authority_of()
    token = REFUSED[name](authority)

    with pytest.raises(AccessError) as caught:
        admit(authority, token)

    assert str(caught.value).isascii()
    assert "alice" not in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(AccessError, match="no token"):
        admit(authority_of(), 7)  # type: ignore[arg-type]


def test_without_a_secret_nothing_that_is_sealed_with_one_counts() -> None:
    authority = authority_of(Trust(issuers=(ADDRESS,)))

    with pytest.raises(AccessError, match="not valid here"):
        admit(authority, hs256(claims()))


def test_a_key_is_for_one_algorithm() -> None:
    # A provider whose key for RS256 has the name that a token says for ES256.
    provider = Provider(rsa_key("e1"))
    authority = Authority(None, TRUST, clock=clock(), fetch=provider.fetch)

    with pytest.raises(AccessError):
        admit(authority, jwt.encode(claims(), EC, "ES256", {"kid": "e1"}))


def test_tokens_of_others_are_for_the_audience_that_was_said() -> None:
    authority = authority_of(
        Trust(
            secrets={SHOP: SECRET},
            issuers=(ADDRESS,),
            audiences=("chat", "town"),
        )
    )

    for aud in ("chat", ["x", "town"]):
        assert admit(authority, rs256(claims(aud=aud))).claims["aud"] == aud
    for wrong in (None, "other", ["other"], [], 7, [["chat"]]):
        with pytest.raises(AccessError, match="another audience"):
            admit(authority, hs256(shop(aud=wrong)))
    assert admit(authority, authority.anonymous().token).claims["aud"] == ["qsdb"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"exp": NOW}, "expired"),
        ({"exp": NOW - 0.5}, "expired"),
        ({"exp": "soon"}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"iat": None}, "when it was made"),
        ({"iat": NOW + 61}, "not valid yet"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"sub": ""}, "1 to 128 bytes"),
        ({"sub": "x" * 129}, "1 to 128 bytes"),
        ({"sub": None}, "1 to 128 bytes"),
        ({"sub": ["alice"]}, "1 to 128 bytes"),
        ({"sub": "\ud800"}, "1 to 128 bytes"),
        ({"hex_identity": "00" * 32}, "hex_identity"),
        ({"hex_identity": 7}, "hex_identity"),
        ({"sub": "owner:zz", "hex_identity": "zz"}, "hex_identity"),
    ],
)
def test_claims_that_cannot_be_are_refused(said: dict[str, object], text: str) -> None:
    authority = authority_of()

    with pytest.raises(AccessError, match=text):
        admit(authority, hs256(shop(**said)))


def test_claims_that_can_be_are_taken() -> None:
    authority = authority_of()
    hex_identity = Identity.from_claims(SHOP, "alice").to_hex()

    for said in (
        {"exp": None, "nbf": None},
        {"exp": NOW + 1, "nbf": NOW + 60, "iat": NOW + 59.5},
        {"hex_identity": hex_identity},
    ):
        assert admit(authority, hs256(shop(**said))).identity.to_hex() == hex_identity


def test_a_token_of_another_issuer_may_be_signed_by_the_own_key() -> None:
    authority = authority_of()

    found = admit(authority, own(authority, claims()))

    assert found.identity == Identity.from_claims(ADDRESS, "alice")
    owner = Identity.from_claims("a", "b").to_hex()
    foreign = claims(sub=f"owner:{owner}", hex_identity=owner)
    with pytest.raises(AccessError, match="hex_identity"):
        admit(authority, own(authority, foreign))


@pytest.mark.parametrize("issuer", ["", "x" * 129, "a|b"])
def test_a_server_has_a_name_that_a_claim_can_hold(issuer: str) -> None:
    with pytest.raises(ArgumentError, match="is none"):
        Trust(issuer)
    with pytest.raises(ArgumentError, match="is none"):
        Trust(secrets={issuer: SECRET})


def test_a_short_secret_is_refused_and_a_secret_is_not_shown() -> None:
    with pytest.raises(ArgumentError, match="'club' has 31 bytes; at least 32"):
        Trust(secrets={SHOP: SECRET, "club": b"s" * 31})

    assert "sss" not in repr(TRUST)
    assert "PRIVATE" not in repr(authority_of()._key)


def test_an_issuer_has_a_secret_or_keys_and_is_not_the_server_itself() -> None:
    with pytest.raises(ArgumentError, match="has a secret for HS256, and keys by"):
        Trust(secrets={SHOP: SECRET, ADDRESS: SECRET}, issuers=(ADDRESS,))
    for trusted in ("qsdb", "mine"):
        with pytest.raises(ArgumentError, match=f"'{trusted}' is this server"):
            Trust("mine", secrets={trusted: SECRET})
    with pytest.raises(ArgumentError, match="'https://mine' is this server"):
        Trust("https://mine", issuers=("https://mine",))


def test_secrets_that_are_changed_later_are_not_those_of_the_server() -> None:
    secrets = {SHOP: SECRET}
    trust = Trust(secrets=secrets)
    secrets["club"] = b""

    assert trust.secrets == {SHOP: SECRET}


def test_what_is_no_address_of_an_issuer_is_refused() -> None:
    for address in ("http://example.com", "https://a|b", "ftp://x", "https://u@h"):
        with pytest.raises(ArgumentError, match="begins with https"):
            Authority(None, Trust(issuers=(address,)))


def test_time_is_that_of_the_clock() -> None:
    time = FakeClock(clock().now())
    authority = Authority(clock=time)
    token = authority.anonymous().token

    time.advance(-3600)

    with pytest.raises(AccessError, match="not valid yet"):
        admit(authority, token)
