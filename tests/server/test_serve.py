"""The verb `explore`, from the first line that it prints to the last."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import uvicorn

from saeidioms import cli
from saeidioms.run import Run
from saeidioms.server.serve import redirecting, serve
from saeidioms.server.words import Words


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["explore", *map(str, arguments), "--no-browser"])
    assert caught.value.code == 2
    (line,) = re.findall("^saeidioms: .*", capsys.readouterr().err, flags=re.MULTILINE)
    return line


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path, capsys):
    assert "holds no run" in refused(capsys, tmp_path / "nowhere")


def test_a_run_without_report_is_refused_with_the_command_that_mends_it(folder, capsys):
    (folder / "report" / "manifest.json").unlink()
    assert f"has no report yet; write it with `saeidioms report {folder}`" in refused(
        capsys, folder
    )


def test_a_report_of_another_version_is_refused(folder, capsys):
    path = folder / "report" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["origin"]["version"] -= 1
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert "has a report of another version" in refused(capsys, folder)


def test_a_report_of_features_that_are_no_more_is_refused(folder, capsys):
    cli.main(["features", str(folder), "--seed", "5"])
    assert "has a report of other features than it holds now" in refused(capsys, folder)


def test_a_port_that_is_taken_or_none_is_refused(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"port is {port}, and cannot be had" in refused(capsys, folder, "--port", port)
    assert "no such port" in refused(capsys, folder, "--port", 99999)


def test_it_listens_until_ctrl_c_and_says_what_is_left_to_do(folder):
    said = {"place": "affirming", "label": "", "note": "", "version": ""}
    command = [sys.executable, "-m", "saeidioms", "explore", str(folder), "--no-browser"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,}", process.stdout.readline())
        with urllib.request.urlopen(address[0]) as answer:
            assert b"page/served.js" in answer.read()
        Words.of(Run(folder)).save(3, said)
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == f"Opening {folder}\n"
    assert f"saeidioms report {folder}" in out


def test_the_browser_is_not_given_the_key_where_other_users_see_it(tmp_path):
    address = "http://127.0.0.1:8765/?token=secret"
    with redirecting(address, tmp_path) as page:
        assert "secret" not in page
        file = Path(url2pathname(urlsplit(page).path))
        assert file.parent == tmp_path
        assert f"url={address}" in file.read_text(encoding="utf-8")
        if os.name == "posix":
            assert file.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_the_last_line_is_told_though_a_stage_is_being_made_again(folder, monkeypatch):
    def ended(server, sockets):
        (folder / "codebook" / "manifest.json").unlink()

    monkeypatch.setattr(uvicorn.Server, "run", ended)
    assert serve(folder, browser=False) == f"saeidioms report {folder}"
