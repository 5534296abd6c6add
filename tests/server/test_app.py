import pytest
from starlette.testclient import TestClient

from saeidioms.server.app import make_app
from saeidioms.server.gate import MAX_BODY
from saeidioms.server.view import Opened

PORT, TOKEN = 8765, "key-of-the-tests"
HOME = f"http://127.0.0.1:{PORT}"
WORD = "/api/features/3/word"


@pytest.fixture
def stranger(folder):
    return TestClient(make_app(Opened(folder), port=PORT, token=TOKEN), base_url=HOME)


@pytest.fixture
def client(stranger):
    """A browser that opened the printed address, whose page speaks from its own origin."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 200
    stranger.headers["Origin"] = HOME
    return stranger


@pytest.fixture
def said(client):
    key = client.get("/api/state").json()["key"]
    return {"place": "affirming", "label": "praises", "note": "", "version": "", "key": key}


def test_without_the_key_everything_is_refused(stranger):
    for path in ("/", "/?token=wrong", "/api/state", "/api/units?text=a", "/page/served.js", "/x"):
        answer = stranger.get(path)
        assert answer.status_code == 403, path
        assert "Open the address" in answer.text
        assert "set-cookie" not in answer.headers
    assert stranger.put(WORD, json={}, headers={"Origin": HOME}).status_code == 403


def test_the_printed_address_gives_a_cookie_that_no_script_and_no_other_site_has(stranger):
    cookie = stranger.get(f"/?token={TOKEN}").headers["set-cookie"]
    assert cookie == f"saeidioms-{PORT}={TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    assert stranger.get("/").status_code == 200


def test_another_name_for_this_machine_is_refused(client):
    for host in ("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""):
        assert client.get("/api/state", headers={"Host": host}).status_code == 403, host
    own = {"Host": f"localhost:{PORT}", "Origin": f"http://localhost:{PORT}"}
    assert client.get("/api/state", headers=own).status_code == 200


def test_at_the_usual_port_browsers_name_no_port(folder):
    client = TestClient(make_app(Opened(folder), port=80, token=TOKEN), base_url="http://127.0.0.1")
    assert client.get(f"/?token={TOKEN}").status_code == 200
    assert client.get("/api/state", headers={"Origin": "http://127.0.0.1"}).status_code == 200


def test_cookies_of_other_programs_on_this_machine_are_passed_over(stranger):
    cookies = f'foo={{"a":1}}; =; b@d=x; saeidioms-{PORT}={TOKEN}'
    assert stranger.get("/api/state", headers={"Cookie": cookies}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", None])
def test_other_sites_may_not_write(client, said, origin):
    client.headers.pop("Origin")
    headers = {} if origin is None else {"Origin": origin}
    assert client.put(WORD, json=said, headers=headers).status_code == 403
    assert client.get("/api/state").json()["words"] == {}


def test_other_sites_may_not_read_or_embed(client):
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        assert client.get("/api/state", headers=headers).status_code == 403
    opens = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    client.headers.pop("Origin")
    assert client.get(f"/?token={TOKEN}", headers=opens).status_code == 200


def test_every_answer_is_protected(client):
    for path in ("/", "/api/state", "/page/served.js", "/nowhere", "/api/units?text="):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control")]


def test_the_page_admits_its_own_scripts_and_this_server_alone(client):
    answer = client.get("/")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    admitted = policy["script-src"].split()
    assert admitted[0] == "'self'"
    assert all(source.startswith("'sha256-") for source in admitted[1:])
    assert "http-equiv" not in answer.text


def test_what_is_saved_is_answered_with_its_version(client, said):
    answer = client.put(WORD, json=said)
    assert answer.status_code == 200
    word = answer.json()["words"]["3"]
    assert word["label"] == "praises"
    assert client.get("/api/state").json()["words"] == {"3": word}


def test_a_conflict_is_told_with_the_others_word(client, said):
    theirs = client.put(WORD, json=said).json()["words"]["3"]
    answer = client.put(WORD, json=said | {"label": "applauds"})
    assert answer.status_code == 409
    assert answer.json()["word"] == theirs
    assert "changed elsewhere" in answer.json()["error"]


def test_a_page_of_a_dictionary_that_is_gone_may_not_write(client, said):
    answer = client.put(WORD, json=said | {"key": "older"})
    assert answer.status_code == 409
    assert "reload the page" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        (b"[]", 400),
        (b"[" * 50_000, 400),
        (b"\xff\xfe", 400),
        (b"x" * (MAX_BODY + 1), 413),
    ],
)
def test_what_is_no_request_is_refused(client, body, status):
    assert client.put(WORD, content=body).status_code == status


@pytest.mark.parametrize("length", ["²", "-1", "9" * 5000])
def test_a_length_that_is_none_is_refused(client, length):
    headers = {"Content-Length": length.encode("latin-1")}
    assert client.put(WORD, content=b"{}", headers=headers).status_code == 413


def test_a_body_that_hides_its_length_is_cut_off(client):
    parts = (b"x" * 1024 for _ in range(MAX_BODY // 1024 + 1))
    assert client.put(WORD, content=parts).status_code == 413


def test_what_is_asked_wrongly_is_told_in_a_sentence(client):
    paths = ("/api/units?text=", "/api/units?text=a&start=x", "/api/features/99/examples")
    endless = "9" * 5000
    numbers = (f"/api/units/{endless}", f"/api/features/{endless}/examples", "/api/units/x")
    for path in (*paths, *numbers):
        answer = client.get(path)
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")


def test_files_beside_the_page_are_out_of_reach(client):
    for path in ("/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py"):
        assert client.get(path).status_code == 404


def test_a_run_that_is_made_again_is_shown_as_it_is_then(client, folder):
    before = client.get("/").text
    report = folder / "report" / "report.html"
    report.write_text(report.read_text(encoding="utf-8").replace("</h1>", " anew</h1>"))
    manifest = folder / "report" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8") + "\n")
    assert " anew</h1>" not in before
    assert " anew</h1>" in client.get("/").text


def test_while_a_stage_is_made_again_the_answer_is_a_sentence(client, folder):
    (folder / "report" / "manifest.json").unlink()
    answer = client.get("/api/state")
    assert answer.status_code == 503
    assert "has no report yet" in answer.json()["error"]
