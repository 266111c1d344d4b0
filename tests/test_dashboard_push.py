"""Pushing boards to Grafana, and the ``gjovik dashboards`` command.

Grafana itself cannot run in these tests: a small HTTP server answers as Grafana 12 does to what pushing asks of it.
"""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards.boards import load_boards
from dashboards.cli import TOKEN_VARIABLE, app
from dashboards.push import NotAcceptedError, RefusedError, UnreachableError, push_boards
from dashboards.render import render_all, render_board
from simulators.testbed.port import free_port

Json = dict[str, Any]


@dataclass
class Grafana:
    """A server that answers as Grafana 12 does where boards are pushed; Grafana itself cannot run in these tests.

    Attributes:
        url: Its address.
        token: The one that it knows.
        folders: Titles by uid.
        boards: What it was sent, by uid.
        provisioned: Boards that it has from files, and so refuses.
    """

    url: str = ""
    token: str = "glsa_right"  # noqa: S105 - of a server in this test
    folders: dict[str, str] = field(default_factory=dict)
    boards: dict[str, Json] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, body: Json) -> tuple[int, Json]:
        """Answer one request of a known user."""
        if method == "GET" and path.startswith("/api/folders/"):
            uid = path.rpartition("/")[2]
            if uid in self.folders:
                return 200, {"uid": uid, "title": self.folders[uid]}
            return 404, {"message": "folder not found", "status": "not-found"}
        if (method, path) == ("POST", "/api/folders"):
            self.folders[body["uid"]] = body["title"]
            return 200, {"uid": body["uid"], "title": body["title"], "version": 1}
        if (method, path) == ("POST", "/api/dashboards/db"):
            return self._save(body)
        return 404, {"message": "Not found"}

    def _save(self, body: Json) -> tuple[int, Json]:
        uid = body["dashboard"]["uid"]
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found", "status": "error"}
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard", "status": "error"}
        version = self.boards[uid]["version"] + 1 if uid in self.boards else 1
        if version > 1 and not body["overwrite"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        self.boards[uid] = {"dashboard": body["dashboard"], "folder": body["folderUid"], "version": version}
        return 200, {"id": 1, "uid": uid, "url": f"/d/{uid}/slug", "status": "success", "version": version}


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    state = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            if self.headers.get("Authorization") != f"Bearer {state.token}":
                status, answer = 401, {"message": "Invalid API key"}
            else:
                status, answer = state.answer(self.command, self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_request  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def test_pushing_makes_the_folder_and_puts_every_board_in_it(grafana: Grafana) -> None:
    pushed = push_boards(grafana.url, grafana.token, render_all())
    assert grafana.folders == {"gjovik": "Gjøvik"}
    expected = {board.uid: render_board(board) for board in load_boards().values()}
    assert {uid: saved["dashboard"] for uid, saved in grafana.boards.items()} == json.loads(json.dumps(expected))
    assert {saved["folder"] for saved in grafana.boards.values()} == {"gjovik"}
    assert [board.url for board in pushed] == [f"{grafana.url}/d/{board.uid}/slug" for board in pushed]


def test_pushing_again_updates_the_same_boards(grafana: Grafana) -> None:
    push_boards(grafana.url, grafana.token, render_all())
    pushed = push_boards(f"{grafana.url}/", grafana.token, render_all())
    assert {board.version for board in pushed} == {2}
    assert len(grafana.boards) == len(load_boards())


def test_a_wrong_token_is_named_and_nothing_is_pushed(grafana: Grafana) -> None:
    with pytest.raises(RefusedError, match="refused the token") as caught:
        push_boards(grafana.url, "glsa_wrong", render_all())
    assert "glsa_wrong" not in str(caught.value)
    assert grafana.boards == {}


def test_a_provisioned_board_is_named_with_what_grafana_said(grafana: Grafana) -> None:
    grafana.provisioned = {"gjovik-drift"}
    with pytest.raises(NotAcceptedError, match=r"drift\.json.*provisioned"):
        push_boards(grafana.url, grafana.token, render_all())


def test_no_answer_is_named_with_the_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnreachableError, match=url):
        push_boards(url, "glsa_right", render_all(), timeout_s=2.0)


def test_the_command_pushes_with_a_token_from_a_file(grafana: Grafana, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(f"{grafana.token}\n")
    result = CliRunner().invoke(app, ["push", "--url", grafana.url, "--token-file", str(token_file), "--json"])
    assert result.exit_code == 0, result.output
    assert {board["uid"] for board in json.loads(result.stdout)} == set(grafana.boards)


def test_the_command_takes_the_token_from_the_environment_and_says_what_failed(grafana: Grafana) -> None:
    result = CliRunner().invoke(app, ["push", "--url", grafana.url], env={TOKEN_VARIABLE: "glsa_wrong"})
    assert result.exit_code == 1
    assert "refused the token" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "localhost:3000",
        "ftp://grafana",
        "http://",
        "http://h:99999",
        "http://h:0",
        "http://[::1",
        "http://a b",
        "http://a\n",
    ],
)
def test_the_command_refuses_an_address_that_is_none(url: str) -> None:
    result = CliRunner().invoke(app, ["push", "--url", url], env={TOKEN_VARIABLE: "glsa_right"})
    assert result.exit_code == 2


def test_the_command_refuses_to_go_without_a_token() -> None:
    result = CliRunner().invoke(app, ["push", "--url", "http://127.0.0.1:1"], env={TOKEN_VARIABLE: ""})
    assert result.exit_code == 2


def test_the_command_says_how_to_install_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dashboards.push")
    monkeypatch.setitem(sys.modules, "grafana_client.api", None)
    result = CliRunner().invoke(app, ["push", "--url", "http://127.0.0.1:1"], env={TOKEN_VARIABLE: "glsa_right"})
    assert result.exit_code == 2
    assert "gjovik-sensors[grafana]" in result.stderr


def test_the_command_lists_every_board() -> None:
    result = CliRunner().invoke(app, ["list", "--json"])
    assert {entry["file"] for entry in json.loads(result.stdout)} == set(render_all())
    table = CliRunner().invoke(app, ["list"]).stdout
    assert all(board.uid in table for board in load_boards().values())
