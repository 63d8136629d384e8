"""Connections by TLS to a proxy in front of the server, and bad certificates."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

import qsdb
import qsdb.client
from qsdb.client import NotConnectedError
from qsdb.client.addresses import address_of
from qsdb.client.settings import Settings
from qsdb.client.sockets import open_socket
from qsdb.client.tls import connecting_fault, tls_context
from qsdb.errors import ArgumentError
from qsdb.server.serving import Running
from tests.support.served_app import serving
from tests.support.tls_proxy import tls_proxy
from tests.unit.server.chatting import Line, chatting

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make an authority of the test's own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def authority_file(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Write its certificate into a file."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve a database; give the port."""
    with qsdb.Database(chatting) as db, serving({"chat": db}) as server:
        yield port_of(server)


def port_of(server: Running) -> int:
    found = urlsplit(server.address).port
    assert found is not None
    return found


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def secure(authority: trustme.CA, port: int) -> Iterator[int]:
    """Have a proxy with a good certificate in front; give its port."""
    certificate = authority.issue_cert("localhost")
    with tls_proxy(server_context(certificate), port) as found:
        yield found


def connect(port: int, trust: Any, host: str = "localhost") -> qsdb.client.Connection:
    return qsdb.client.connect(
        f"wss://{host}:{port}", "chat", module=chatting, tls=trust
    )


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_a_file_of_authorities_says_who_counts(
    scheme: str, secure: int, authority_file: Path
) -> None:
    url = f"{scheme}://localhost:{secure}"
    for trust in (authority_file, str(authority_file)):
        with qsdb.client.connect(url, "chat", module=chatting, tls=trust) as conn:
            conn.subscribe("SELECT * FROM line")
            given = conn.reducers.say(1, "hi")
            assert given in [each.id for each in conn.db[Line]]


def test_without_a_module_the_server_is_asked_by_tls(
    secure: int, authority_file: Path
) -> None:
    url = f"wss://localhost:{secure}"

    async def talk() -> int:
        async with await qsdb.client.connect_async(
            url, "chat", tls=authority_file
        ) as conn:
            return len((await conn.sql("SELECT * FROM room")).rows)

    assert asyncio.run(talk()) == 0


def test_a_context_says_who_counts_and_who_the_client_is(
    authority: trustme.CA, port: int
) -> None:
    asking = server_context(authority.issue_cert("localhost"))
    asking.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(asking)
    own = ssl.create_default_context()
    authority.configure_trust(own)
    with tls_proxy(asking, port) as strict:
        with pytest.raises(NotConnectedError, match="no answer from localhost"):
            connect(strict, own)
        authority.issue_cert("client@example.org").configure_cert(own)
        with connect(strict, own) as conn:
            assert conn.is_connected


def test_an_authority_that_nobody_knows_does_not_count(secure: int) -> None:
    with pytest.raises(NotConnectedError) as caught:
        connect(secure, None)

    assert f"no answer from localhost:{secure}/v1/database/chat/schema" in str(
        caught.value
    )
    assert "its certificate does not count: unable to get local issuer" in str(
        caught.value
    )
    assert str(caught.value).endswith("tls= names a file of authorities that count")
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_another_authority_does_not_count(secure: int, tmp_path: Path) -> None:
    path = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(path)

    with pytest.raises(NotConnectedError, match="its certificate does not count: "):
        connect(secure, path)


def test_a_certificate_of_another_host_does_not_count(
    authority: trustme.CA, port: int, authority_file: Path
) -> None:
    certificate = authority.issue_cert("elsewhere.example")
    with (
        tls_proxy(server_context(certificate), port) as proxy,
        pytest.raises(NotConnectedError) as caught,
    ):
        connect(proxy, authority_file)

    said = str(caught.value)
    assert "does not count: Hostname mismatch, certificate is not valid for" in said
    assert said.endswith("'localhost'")


def test_a_certificate_that_is_over_does_not_count(
    authority: trustme.CA, port: int, authority_file: Path
) -> None:
    certificate = authority.issue_cert(
        "localhost", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=1)
    )
    with (
        tls_proxy(server_context(certificate), port) as proxy,
        pytest.raises(NotConnectedError) as caught,
    ):
        connect(proxy, authority_file)

    assert str(caught.value).endswith("does not count: certificate has expired")


def test_a_server_without_tls_is_told_of(port: int, authority_file: Path) -> None:
    address = address_of(f"wss://localhost:{port}", "chat", authority_file)

    with pytest.raises(NotConnectedError, match="speaks no TLS there; ws:// does"):
        connect(port, authority_file)
    with pytest.raises(NotConnectedError, match="speaks no TLS there; ws:// does"):
        asyncio.run(open_socket(address, None, Settings()))


def test_tls_is_not_spoken_where_none_is_asked_for(secure: int) -> None:
    with pytest.raises(NotConnectedError):
        qsdb.client.connect(f"ws://localhost:{secure}", "chat", module=chatting)


def test_what_says_not_who_counts_is_refused(
    tmp_path: Path, authority_file: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    for trust, fault in [
        (empty, "empty.pem' gives no certificates in PEM: "),
        (tmp_path / "none.pem", "none.pem' gives no certificates in PEM: "),
        ("", "tls: '' gives no certificates in PEM: "),
        (7, "tls is an ssl.SSLContext or the path of a file of certificates, not 7"),
        (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "tls is a context for servers"),
    ]:
        with pytest.raises(ArgumentError, match=fault):
            connect(1, trust)
    with pytest.raises(ArgumentError, match="tls is given, and 'ws://h' speaks none"):
        qsdb.client.connect("ws://h", "chat", module=chatting, tls=authority_file)


def test_the_systems_authorities_count_if_none_are_named() -> None:
    context = tls_context(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ssl.SSLError(1, "Odd"), "TLS failed: odd"),
        (OSError("no route"), "no route"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_other_faults_are_told_as_they_are(error: Exception, said: str) -> None:
    assert connecting_fault(error) == said
