"""The reverse proxy that the README shows: nginx speaks TLS, qsdb's server is behind.

Where nginx is not installed the test is skipped by name.
"""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

import qsdb
import qsdb.client
from qsdb.client import NotConnectedError
from tests.support.markdown import blocks
from tests.support.served_app import serving
from tests.support.sources import ROOT
from tests.unit.server.chatting import Line, chatting

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SECONDS = 30

AROUND = """
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
        {location}
    }}
}}
"""


def location_of_readme(target: str) -> str:
    """Give the block of the README, for a server at another port."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = blocks(page, "nginx")
    assert "http://127.0.0.1:3000" in block.text
    return block.text.replace("127.0.0.1:3000", target)


@contextlib.contextmanager
def nginx(folder: Path, target: str) -> Iterator[int]:
    """Run nginx, which goes on by itself as soon as it listens; give where."""
    assert NGINX is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    text = AROUND.format(folder=folder, port=port, location=location_of_readme(target))
    (folder / "nginx.conf").write_text(text)
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run(command, check=True, timeout=SECONDS, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        subprocess.run([*command, "-s", "stop"], check=True, timeout=SECONDS)


# A program of the system, which pip cannot bring; `test_tls` has a proxy of its own.
@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_proxy_of_the_readme_speaks_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for each in certificate.cert_chain_pems:
        each.write_to_path(tmp_path / "chain.pem", append=True)

    with (
        qsdb.Database(chatting) as db,
        serving({"chat": db}) as server,
        nginx(tmp_path, urlsplit(server.address).netloc) as port,
    ):
        url = f"wss://localhost:{port}"
        trust = tmp_path / "authority.pem"
        with qsdb.client.connect(url, "chat", module=chatting, tls=trust) as conn:
            conn.subscribe("SELECT * FROM line")
            assert conn.reducers.say(1, "hi") == 1
            assert conn.procedures.reverse("abc") == "cba"
            assert {each.text for each in conn.db[Line]} == {"hi", "abc"}
            assert len(conn.sql("SELECT * FROM line")) == 2
        with pytest.raises(NotConnectedError, match="certificate does not count"):
            qsdb.client.connect(url, "chat", module=chatting)
