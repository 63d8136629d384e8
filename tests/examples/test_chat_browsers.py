"""Two browsers chat live, over SpacetimeDB's own SDK and a server of ours.

It leaves a picture, ``.artefacts/chat.png`` in the checkout, to look at.
"""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import qsdb
from examples.chat import chat
from tests.support.node import bundle, node_modules, require_node
from tests.support.served_app import serving
from tests.support.sources import ROOT

pytestmark = pytest.mark.slow

WEB = ROOT / "examples" / "chat" / "web"
PROGRAM = Path(__file__).with_name("chat_browsers.mjs")
PICTURE = ROOT / ".artefacts" / "chat.png"
SECONDS = 120


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """Build the page, and serve it."""
    for name in ("bindings.ts", "main.ts", "index.html"):
        shutil.copy(WEB / name, tmp_path)
    bundle(tmp_path / "main.ts", tmp_path / "main.js", for_browser=True)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{files.server_port}/index.html"
        files.shutdown()


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        assert os.environ.get("QSDB_REQUIRE_BROWSER") != "1", "chromium is missing"
        pytest.skip("chromium is not installed")
    return found


def test_two_browsers_chat(page: str, tmp_path: Path) -> None:
    browser = _chromium()
    node = require_node("spacetimedb", "esbuild", "playwright-core")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.unlink(missing_ok=True)
    shutil.copy(PROGRAM, tmp_path)
    if not (tmp_path / "node_modules").exists():
        (tmp_path / "node_modules").symlink_to(node_modules())
    with qsdb.Database(chat) as db, serving({"chat": db}) as server:
        place = quote(server.address.replace("http:", "ws:"), safe="")
        ran = subprocess.run(
            [node, PROGRAM.name, browser, f"{page}?server={place}", str(PICTURE)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        said = [row.text for row in db.sql("SELECT * FROM message")]

    one, other = json.loads(ran.stdout)
    assert one == other == ["Ada: Is anybody there?", "Bob: <b>Here I am</b>"]
    assert sorted(said) == ["<b>Here I am</b>", "Is anybody there?"]
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
