"""The report that is served while a run trains: one page, on this machine only, as new as the store."""

import http.client
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import pytest
from report_store import PROVENANCE, TIMING, UNDRAWN, make_store

from tpo_runs import load_config
from tpo_runs._cli import main


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A run whose last cell is missing."""
    root = tmp_path_factory.mktemp("watched")
    return make_store(root, points=1, seeds=2, steps=20, config=UNDRAWN)


@contextmanager
def watching(root):
    """The program while it serves the page of a store, and the address that it printed."""
    command = [sys.executable, "-m", "tpo_runs", "report", str(root), "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        try:
            yield program, program.stdout.readline().split()[0].decode()
        finally:
            program.kill()


@pytest.fixture(scope="module")
def url(store):
    with watching(store.root) as (_, url):
        yield url


def ask(url, **headers):
    """The status, headers and content of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def test_the_page_is_served_until_its_store_has_more(store, url):
    status, headers, page = ask(url)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "2 of 3 cells are complete" in page
    assert "connect-src 'self'" in page
    version = headers["ETag"]
    assert ask(url, **{"If-None-Match": version})[0] == 304

    cell = load_config(store.root.parent / "made_up.toml").cells[-1]
    errors = np.full((2, 20), 0.5, np.float32)
    store.write_block(cell, [0, 1], {"error": errors, "loss": errors}, PROVENANCE, TIMING)
    status, headers, page = ask(url, **{"If-None-Match": version})
    assert status == 200
    assert headers["ETag"] != version
    assert "3 of 3 cells are complete" in page


def test_nothing_else_is_served_and_to_nobody_else(url):
    port = urlsplit(url).port
    assert urlsplit(url).hostname == "127.0.0.1"
    assert ask(f"{url}run.json")[0] == 404
    assert ask(f"{url}../../etc/passwd")[0] == 404
    assert ask(url, Host=f"stranger.example:{port}")[0] == 403
    for method in ("POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, "/")
        assert connection.getresponse().status == 501
        connection.close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_damaged_store_is_told_and_the_server_goes_on(store, url):
    manifest = store.manifest_path.read_bytes()
    store.manifest_path.write_bytes(manifest.replace(b"Made up", b"Made do"))
    try:
        status, _, text = ask(url)
        assert status == 503
        assert "run.json: damaged" in text
    finally:
        store.manifest_path.write_bytes(manifest)
    assert ask(url)[0] == 200


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "8000"], "--port: needs --watch"),
        (["--watch", "--to", "a.html"], "--to: cannot be used with --watch"),
        (["--watch", "--port", "0"], "expected a port from 1 to 65535, found '0'"),
        (["--watch", "--port", "http"], "expected a port from 1 to 65535, found 'http'"),
    ],
)
def test_flags_that_do_not_fit_are_refused(words, message, store, capsys):
    assert main(["report", str(store.root), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_port_in_use_is_told_with_the_fix(store, url, capsys):
    port = str(urlsplit(url).port)
    assert main(["report", str(store.root), "--watch", "--port", port]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"port {port}: Address already in use; name another one" in line


def test_what_is_no_run_is_not_watched(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nowhere"), "--watch"]) == 2
    assert "expected the output directory of a run" in capsys.readouterr().err


def test_ctrl_c_ends_it_with_the_code_of_the_signal(store):
    with watching(store.root) as (program, url):
        assert ask(url)[0] == 200
        program.send_signal(signal.SIGINT)
        printed, errors = program.communicate(timeout=60)
    assert program.returncode == 130
    assert printed == b""  # the address was printed once
    (line,) = errors.decode().splitlines()
    assert line.startswith("stopped by SIGINT")
