"""Fetching, against a server on this machine: what arrives is checked, what is bad never gets a good name."""

import contextlib
import gzip
import hashlib
import io
import itertools
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from scratchnet.datasets import fetch as fetching
from scratchnet.datasets import idx, mnist, synthetic
from scratchnet.datasets.door import open_source
from scratchnet.datasets.mnist import DataError, FetchError, fetch, load, verify

NAMES = list(fetching.FILES)
HTML = b"<!DOCTYPE html><title>Moved</title>"


def contents(name):
    """A small stand-in for one of the four files: 5 training images, 3 test images."""
    n = 5 if name.startswith("train") else 3
    array = np.full((n, 28, 28), n, np.uint8) if "images" in name else np.arange(n, dtype=np.uint8)
    target = io.BytesIO()
    idx.write(target, array)
    return target.getvalue()


GOOD = {f"{name}.gz": gzip.compress(contents(name), mtime=0) for name in NAMES}


def known(name):
    packed, plain = (hashlib.sha256(data).hexdigest() for data in (GOOD[f"{name}.gz"], contents(name)))
    return fetching.Known(len(GOOD[f"{name}.gz"]), packed, plain)


class Clock:
    """The time that the fetching code sees: it stands still, unless a server drips."""

    now = step = 0

    @classmethod
    def read(cls):
        cls.now += cls.step
        return cls.now


class Server:
    """Serves `files` at `url`; an answer is the body, or (status, body, Content-Length or a redirect's Location), or a
    function that is called with the handler and gives it. ``over`` is set when the test is: whoever stalls waits for it."""

    def __init__(self):
        self.files = dict(GOOD)
        self.asked, self.headers = [], []
        self.over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                outer.asked.append(self.path)
                outer.headers.append(self.headers)
                answer = outer.files.get(name, (404, b"no such file", None))
                if callable(answer):
                    answer(self)
                    return
                Clock.step = 0
                status, body, extra = answer if isinstance(answer, tuple) else (200, answer, None)
                self.send_response(status)
                if isinstance(extra, str):
                    self.send_header("Location", extra)
                if name.endswith(".gz") and "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.send_header("Content-Encoding", "gzip")  # as some servers do: the client would unpack it
                self.send_header("Content-Length", str(extra if isinstance(extra, int) else len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/mnist/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.over.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """The checksums of the stand-ins, and no proxy between us and the server."""
    for name in NAMES:
        monkeypatch.setitem(fetching.FILES, name, known(name))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SCRATCHNET_DATA", raising=False)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def second():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def dead():
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, so nobody else gets the port; not listening, so it refuses
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def everything_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failure(folder, *mirrors):
    with pytest.raises(FetchError) as caught:
        fetch(folder, progress=False, mirrors=mirrors)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, DataError)
    assert len(str(caught.value).splitlines()) == 1
    assert not [path for path in folder.iterdir() if path.is_dir()], "nothing left over"
    return str(caught.value)


def test_good(tmp_path, server, capfd):
    assert fetch(tmp_path, progress=False, mirrors=[server.url]) == tmp_path
    assert everything_in(tmp_path) == GOOD
    assert sorted(server.asked) == sorted(f"/mnist/{name}" for name in GOOD)
    assert capfd.readouterr() == ("", "")
    assert all(status.ok for status in verify(tmp_path))
    assert load(tmp_path, download=False).labels.tolist() == [0, 1, 2, 3, 4]


def test_fetched_files_can_be_read_by_everybody_who_may_read_others(tmp_path, server):
    (tmp_path / "other").touch()
    fetch(tmp_path, progress=False, mirrors=[server.url])
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1, "a temporary file's 0600 would shut out a class that shares the folder"


def test_progress_goes_to_stderr(tmp_path, server, capfd):
    fetch(tmp_path, mirrors=[server.url])
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err


def test_poochs_own_log_stays_silent_and_as_it_was(tmp_path, server, dead):
    import pooch

    heard = []
    logger, handler = pooch.get_logger(), logging.Handler()
    handler.emit = heard.append
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        fetch(tmp_path, progress=False, mirrors=[dead, server.url])
        assert heard == []
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def test_load_fetches_what_it_does_not_find(tmp_path, server, monkeypatch):
    monkeypatch.setattr(mnist, "fetch", lambda root, *, progress: fetch(root, progress=progress, mirrors=[server.url]))
    assert load(tmp_path, progress=False).labels.tolist() == [0, 1, 2, 3, 4]
    assert load(tmp_path, "test", progress=False).labels.tolist() == [0, 1, 2]
    assert len(server.asked) == 4


def test_load_completes_a_fetch_that_was_cut_short(tmp_path, server, monkeypatch):
    monkeypatch.setattr(mnist, "fetch", lambda root, *, progress: fetch(root, progress=progress, mirrors=[server.url]))
    (tmp_path / "mnist").mkdir()
    first = f"{NAMES[0]}.gz"
    (tmp_path / "mnist" / first).write_bytes(GOOD[first])
    assert load(tmp_path, progress=False).source == str(tmp_path / "mnist" / first)
    assert everything_in(tmp_path / "mnist") == GOOD
    assert len(server.asked) == 3


@pytest.mark.parametrize("spelling", ["{}.gz", "{}", "dotted"])
def test_good_files_are_not_fetched_again(tmp_path, server, spelling):
    for name in NAMES:
        path = tmp_path / (name.replace("-idx", ".idx") if spelling == "dotted" else spelling.format(name))
        path.write_bytes(GOOD[f"{name}.gz"] if path.suffix == ".gz" else contents(name))
    before = everything_in(tmp_path)
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert server.asked == []
    assert everything_in(tmp_path) == before


BAD = {
    "404": (404, b"gone", None),
    "html": HTML,
    "html, gzipped": gzip.compress(HTML),
    "truncated": (200, GOOD[f"{NAMES[2]}.gz"][:30], len(GOOD[f"{NAMES[2]}.gz"])),
    "cut, and says so": GOOD[f"{NAMES[2]}.gz"][:30],
    "empty": b"",
    "another file": GOOD[f"{NAMES[0]}.gz"],
    "server error": (503, b"", None),
}
REASONS = {"404": "404 ", "server error": "503 ", "truncated": "broken off"}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_an_error_and_leaves_nothing(tmp_path, server, case):
    server.files[f"{NAMES[2]}.gz"] = BAD[case]
    message = failure(tmp_path, server.url)
    assert f"could not download {NAMES[2]}.gz to {tmp_path}: {server.url}{NAMES[2]}.gz: " in message
    assert REASONS.get(case, "wrong contents") in message
    assert "SCRATCHNET_DATA" in message
    assert everything_in(tmp_path) == {f"{name}.gz": GOOD[f"{name}.gz"] for name in NAMES[:2]}, "the good ones are kept"


@pytest.mark.parametrize("case", BAD)
def test_the_second_mirror_is_asked_where_the_first_fails(tmp_path, server, second, case):
    server.files[f"{NAMES[2]}.gz"] = BAD[case]
    fetch(tmp_path, progress=False, mirrors=[server.url, second.url])
    assert everything_in(tmp_path) == GOOD
    assert second.asked == [f"/mnist/{NAMES[2]}.gz"]
    assert len(server.asked) == 4, "an answer, even a bad one, is no reason not to ask for the next file"


def test_a_dead_mirror_is_asked_once(tmp_path, server, dead, monkeypatch):
    import requests

    asked = []
    get = requests.get
    monkeypatch.setattr(requests, "get", lambda url, **kwargs: asked.append(url) or get(url, **kwargs))
    fetch(tmp_path, progress=False, mirrors=[dead, server.url])
    assert everything_in(tmp_path) == GOOD
    assert sum(url.startswith(dead) for url in asked) == 1
    assert len(server.asked) == 4


def test_all_dead(tmp_path, dead):
    message = failure(tmp_path, dead, f"{dead}again/")
    assert f"{dead}{NAMES[0]}.gz: no connection; {dead}again/{NAMES[0]}.gz: no connection. " in message
    assert everything_in(tmp_path) == {}
    assert "no mirrors" in failure(tmp_path)


def test_unreachable_before_is_a_reason(tmp_path, dead, server):
    del server.files[f"{NAMES[1]}.gz"]
    message = failure(tmp_path, dead, server.url)
    assert f"{dead}{NAMES[1]}.gz: unreachable before; {server.url}{NAMES[1]}.gz: 404" in message


# --- mirrors that mean no good -------------------------------------------------------------------------------------------


def begin(handler, length=None):
    """Status and headers; the body is up to the caller."""
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


THIRD = f"{NAMES[2]}.gz"
GOOD_BEFORE = {f"{name}.gz": GOOD[f"{name}.gz"] for name in NAMES[:2]}


def stalls(server):
    def answer(handler):
        begin(handler, len(GOOD[THIRD]))
        handler.wfile.write(GOOD[THIRD][:15])
        server.over.wait()

    return answer


def drips(server):
    def answer(handler):
        begin(handler, len(GOOD[THIRD]))
        Clock.step = 1000
        for i in range(len(GOOD[THIRD])):
            handler.wfile.write(GOOD[THIRD][i : i + 1])
            handler.wfile.flush()

    return answer


def never_ends(server):
    def answer(handler):
        begin(handler)
        with contextlib.suppress(OSError):  # when the other side has seen enough
            while not server.over.is_set():
                handler.wfile.write(bytes(1 << 12))

    return answer


def wants_ranges(server):
    def answer(handler):
        handler.send_error(416 if "Range" not in handler.headers else 206)

    return answer


FAULTS = {
    "stalls": (stalls, f"timed out after 15 of {len(GOOD[THIRD])} bytes"),
    "drips": (drips, "too slow ("),
    "never ends": (never_ends, f"wrong contents (more than the {len(GOOD[THIRD])} bytes"),
    "refuses whole files": (wants_ranges, "416 "),
    "redirects to a page": (lambda server: (302, b"", f"{server.url}page.html"), "404 "),
    "redirects to itself": (lambda server: (302, b"", f"{server.url}{THIRD}"), "broken off (TooManyRedirects)"),
    "redirects to this machine's files": (lambda server: (302, b"", "file:///etc/passwd"), "broken off (InvalidSchema)"),
    "redirects to nowhere": (lambda server: (302, b"", "http://"), "broken off ("),
}


@pytest.fixture
def impatient(monkeypatch):
    """Waits only a moment for the next bytes."""
    monkeypatch.setattr(fetching, "TIMEOUT", (1, 0.2))
    monkeypatch.setattr(fetching, "clock", Clock.read)
    Clock.step = 0


@pytest.mark.parametrize("case", FAULTS)
def test_a_mirror_that_means_no_good(tmp_path, server, second, impatient, case):
    fault, reason = FAULTS[case]
    server.files[THIRD] = fault(server)
    assert f"{server.url}{THIRD}: {reason}" in failure(tmp_path, server.url)
    assert everything_in(tmp_path) == GOOD_BEFORE, "what was verified, and nothing else"
    fetch(tmp_path, progress=False, mirrors=[server.url, second.url])
    assert everything_in(tmp_path) == GOOD
    assert all("Range" not in headers for headers in server.headers), "nobody goes on where another download ended"


def test_a_mirror_that_stalled_is_not_waited_for_again(tmp_path, server, second, impatient):
    server.files = dict.fromkeys(GOOD, stalls(server))
    fetch(tmp_path, progress=False, mirrors=[server.url, second.url])
    assert everything_in(tmp_path) == GOOD
    assert len(server.asked) == 1


def test_a_slow_mirror_that_is_fast_enough_is_waited_for(tmp_path, server, impatient, monkeypatch):
    monkeypatch.setattr(fetching, "SLOWEST", 1e-9)
    server.files[THIRD] = drips(server)
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert everything_in(tmp_path) == GOOD


CHILD = """
import sys
from pathlib import Path
from scratchnet.datasets import fetch as fetching

known, folder, *mirrors = sys.argv[1:]
fetching.FILES.update({name: fetching.Known(*entry) for name, entry in eval(known).items()})
fetching.fetch(folder, progress=False, mirrors=mirrors)
"""


def child(folder, *mirrors):
    """Another process that fetches into the folder."""
    entries = {name: tuple(known(name)) for name in NAMES}
    environment = os.environ | {"PYTHONPATH": str(Path(fetching.__file__).parents[2])}
    command = [sys.executable, "-c", CHILD, repr(entries), str(folder), *mirrors]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_two_processes_fetch_the_same_files_at_once(tmp_path, server):
    both = threading.Barrier(2)

    def answer(handler):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(60)  # until both have asked for the same file: each downloads all four
        name = handler.path.rpartition("/")[2]
        begin(handler, len(GOOD[name]))
        handler.wfile.write(GOOD[name])

    server.files = dict.fromkeys(GOOD, answer)
    children = [child(tmp_path, server.url) for _ in range(2)]
    for process in children:
        _, err = process.communicate()
        assert (process.returncode, err) == (0, "")
    assert len(server.asked) == 8
    assert everything_in(tmp_path) == GOOD, "no file was taken for somebody else's and put aside"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(GOOD)


def test_a_process_that_is_killed_leaves_whole_files_only(tmp_path, server):
    reached = threading.Event()

    def answer(handler):
        begin(handler, len(GOOD[THIRD]))
        handler.wfile.write(GOOD[THIRD][:15])
        reached.set()
        server.over.wait()

    server.files[THIRD] = answer
    process = child(tmp_path, server.url)
    assert reached.wait(60)
    process.kill()
    process.communicate()
    assert {name: data for name, data in everything_in(tmp_path).items() if "fetch" not in name} == GOOD_BEFORE
    (left,) = (path for path in tmp_path.iterdir() if path.is_dir())

    server.files = dict(GOOD)
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert left.exists(), "somebody may still be at work there"
    (tmp_path / f"{NAMES[0]}.gz").unlink()
    os.utime(left, (1, 1))
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert everything_in(tmp_path) == GOOD
    assert not left.exists()


def test_the_disk_is_full_in_the_middle_of_a_download(tmp_path, server, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "open", lambda path, mode: Full(), raising=False)
    assert "could not write to" in (message := failure(tmp_path, server.url))
    assert "No space left" in message
    assert everything_in(tmp_path) == {}


def test_the_disk_is_full_at_the_last_moment(tmp_path, server, monkeypatch):
    calls = itertools.count()
    fsync = os.fsync
    monkeypatch.setattr("os.fsync", lambda fd: fsync(fd) if next(calls) < 2 else refuse_space())
    assert "No space left" in failure(tmp_path, server.url)
    assert everything_in(tmp_path) == GOOD_BEFORE


def refuse_space():
    raise OSError(28, "No space left on device")


def fetching_from(monkeypatch, *mirrors):
    monkeypatch.setattr(mnist, "fetch", lambda root, *, progress: fetch(root, progress=progress, mirrors=mirrors))
    monkeypatch.setattr(synthetic, "make", lambda n, *, seed, split: (np.zeros((3, 28, 28), np.uint8), np.arange(3)))


@pytest.mark.parametrize("there", [0, 3])
def test_digits_are_drawn_where_mnist_can_not_be_had(tmp_path, dead, monkeypatch, there):
    fetching_from(monkeypatch, dead)
    for name in NAMES[:there]:
        (tmp_path / f"{name}.gz").write_bytes(GOOD[f"{name}.gz"])
    source = open_source("auto", tmp_path, progress=False)
    assert source.name == "synthetic"
    assert "NOT MNIST" in source.notice
    assert f"could not download {NAMES[there]}.gz" in source.notice
    assert source.load("train").labels.tolist() == [0, 1, 2]


def test_digits_are_drawn_even_where_nothing_can_be_written(tmp_path, server, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    fetching_from(monkeypatch, server.url)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    monkeypatch.setattr(synthetic, "write", refuse)
    source = open_source("auto", tmp_path, progress=False)
    assert f"could not write to {tmp_path}" in source.notice
    assert source.load("test").labels.tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_no_reason_to_draw_others(tmp_path, dead, monkeypatch):
    fetching_from(monkeypatch, dead)
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(HTML)
    with pytest.raises(FetchError):
        open_source("auto", tmp_path, progress=False)


# --- silence -------------------------------------------------------------------------------------------------------------


def test_silence_is_timed_out(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT", (1, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, never answers
        assert "timed out" in failure(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_redirects_are_followed(tmp_path, server, second):
    server.files = {name: (302, b"", f"{second.url}{name}") for name in GOOD}
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert everything_in(tmp_path) == GOOD


@pytest.mark.parametrize("bad", [b"", HTML, GOOD[f"{NAMES[1]}.gz"][:-3], b"\x1f\x8b"])
def test_a_bad_file_is_replaced_but_only_by_a_good_one(tmp_path, server, bad):
    target = tmp_path / f"{NAMES[1]}.gz"
    target.write_bytes(bad)
    server.files[target.name] = HTML
    failure(tmp_path, server.url)
    assert target.read_bytes() == bad
    server.files = dict(GOOD)
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert everything_in(tmp_path) == GOOD


def test_a_readable_file_with_other_contents_is_kept_aside(tmp_path, server):
    mine = tmp_path / f"{NAMES[1]}.gz"
    idx.write(mine, np.uint8([7, 7]))
    before = mine.read_bytes()
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert everything_in(tmp_path) == GOOD | {f"{mine.name}.bak": before}


def test_a_bad_file_in_another_spelling_does_not_hide_the_fetched_one(tmp_path, server):
    (tmp_path / NAMES[0]).write_bytes(b"bad")
    fetch(tmp_path, progress=False, mirrors=[server.url])
    assert load(tmp_path, download=False).labels.tolist() == [0, 1, 2, 3, 4]


def test_another_data_set_is_never_overwritten(tmp_path, server):
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    idx.write(folder / f"{NAMES[0]}.gz", np.uint8([1]))
    before = everything_in(folder)
    assert fetch(folder, progress=False, mirrors=[server.url]) == folder / "mnist"
    assert everything_in(folder) == before | {f"mnist/{name}".replace("/", os.sep): GOOD[name] for name in GOOD}


def test_a_folder_that_cannot_be_written(tmp_path, server, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    assert f"could not write to {tmp_path}: " in failure(tmp_path, server.url)
    assert server.asked == [], "found out before anything is downloaded"


def test_a_full_disk(tmp_path, server, monkeypatch):
    def refuse(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    assert "No space left" in failure(tmp_path, server.url)
    assert everything_in(tmp_path) == {}


def test_an_interrupt_leaves_nothing(tmp_path, server, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.hashes.file_hash", interrupt)  # the download is there, but not yet checked
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, progress=False, mirrors=[server.url])
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_without_pooch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert "downloading needs pooch, which is not installed" in failure(tmp_path, "http://127.0.0.1:9/")


def test_verify(tmp_path):
    statuses = verify(tmp_path)
    assert [status.name for status in statuses] == NAMES
    assert not any(status.ok or status.path for status in statuses)
    assert f"not found; looked in {tmp_path / 'mnist'}, " in statuses[0].message

    (tmp_path / f"{NAMES[0]}.gz").write_bytes(GOOD[f"{NAMES[0]}.gz"])
    (tmp_path / NAMES[1]).write_bytes(contents(NAMES[1])[:-1])
    idx.write(tmp_path / NAMES[2], np.zeros((3, 28, 28), np.uint8))
    ok, cut, other, missing = verify(tmp_path)
    assert (ok.ok, ok.path, ok.message) == (True, tmp_path / f"{NAMES[0]}.gz", "ok")
    assert (cut.ok, cut.path) == (False, tmp_path / NAMES[1])
    assert cut.message == "values: found 4 bytes, wanted 5 as the header says (5 uint8)"
    assert not other.ok
    assert "sha256" in other.message
    assert (missing.ok, missing.path) == (False, None)


def test_verify_takes_a_recompressed_file_for_what_it_holds(tmp_path):
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzip.compress(contents(NAMES[0]), 1, mtime=5))
    assert verify(tmp_path)[0].ok
