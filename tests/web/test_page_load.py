"""Many visitors at once, over real sockets; and the command that serves them."""

import contextlib
import errno
import socket
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.page_load import ROOT, report, server, visit
from scratchnet import cli
from scratchnet.web.serve import PortTaken, serve


def test_twenty_visitors_at_once_are_all_answered():
    with server() as (port, _):
        tally = visit(port, visitors=20, rounds=1)
    assert tally.errors == []
    assert tally.answers == 20 * 13
    results = report(tally, 1.0, [100.0, 100.0, 110.0, 120.0, 120.0, 120.0])
    assert results["answers"] == tally.answers
    assert results["milliseconds"]["all"]["median"] > 0
    assert results["memory_mb"] == {"first_third": 100.0, "last_third": 120.0}


GOOD = (
    b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 14\r\n\r\n{"models": []}'
)
BROKEN = [
    b"",
    b"GET\r\n\r\n",
    b"\x00\xff\xfe" * 99,
    b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
    GOOD.replace(b"Content-Length: 14", b"Content-Length: -1"),
    GOOD.replace(b"Content-Length: 14", b"Content-Length: 99999999999"),
    GOOD.replace(b"Content-Length: 14", b"Content-Length: 1400"),  # and then nothing more
    GOOD.replace(b"Content-Length: 14", b"Transfer-Encoding: chunked"),
    GOOD.replace(b"Content-Length: 14", b"Content-Length: 14\r\nContent-Length: 1"),
    GOOD.replace(b"\r\nHost", b"\r\n" + b"X: y\r\n" * 5000 + b"Host"),
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
]


def answer_to(request, port):
    """All that comes back, maybe nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(request)
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the other side has closed it already
                raise
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""  # refused before all of it was sent


def test_broken_requests_are_refused_and_others_are_answered_as_before():
    rng = np.random.default_rng(0)
    for _ in range(60):
        request = bytearray(GOOD)
        for _ in range(rng.integers(1, 6)):
            request[rng.integers(len(request))] = rng.integers(256)
        BROKEN.append(bytes(request))
    with server() as (port, _):
        for request in BROKEN:
            answer = answer_to(request, port)
            assert not answer.startswith(b"HTTP/1.1 500"), (request, answer)
        tally = visit(port, visitors=1, rounds=1)
    assert tally.errors == []


def test_a_port_that_is_taken_is_said():
    with server() as (port, _):
        command = [sys.executable, "-m", "scratchnet", "draw", "--port", str(port), "--no-browser"]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr.startswith(f"scratchnet: error: can't listen on 127.0.0.1:{port}: ")
    assert "choose another --port" in second.stderr
    assert second.stderr.count("\n") == 1


def test_an_address_that_is_not_this_machine_s_is_said():
    with pytest.raises(PortTaken, match=r"can't listen on 203\.0\.113\.1:0"):
        serve(lambda *_: [], "203.0.113.1", 0, print)


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--port", "x"], ["--host"], ["--lab", "yes"]])
def test_misuse(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["draw", *arguments])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_model_file_that_can_not_be_used_is_said_at_once(tmp_path, capsys):
    assert cli.main(["draw", "--no-browser", "--model-file", str(tmp_path / "none.npz")]) == 1
    assert "none.npz: no such model file" in capsys.readouterr().err


def test_without_flask_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "flask", None)
    for name in [name for name in sys.modules if name.startswith("scratchnet.web.")]:
        monkeypatch.delitem(sys.modules, name)
    assert cli.main(["draw"]) == 1
    assert 'draw wants flask, which is not installed: python -m pip install -e ".[web]"' in capsys.readouterr().err


def test_by_default_only_this_machine_is_served_and_the_lab_is_open_to_it_alone(monkeypatch, capsys):
    served = []
    monkeypatch.setattr("scratchnet.web.serve.serve", lambda app, host, port, started: served.append((host, port)))
    monkeypatch.setattr("scratchnet.web.app.create_app", lambda settings: served.append(settings.lab))
    for arguments in ([], ["--host", "0.0.0.0", "--port", "80"], ["--host", "0.0.0.0", "--lab"], ["--no-lab"]):
        assert cli.main(["draw", *arguments]) == 0
    assert served == [
        True, ("127.0.0.1", 8028), False, ("0.0.0.0", 80), True, ("0.0.0.0", 8028), False, ("127.0.0.1", 8028),
    ]  # fmt: skip
