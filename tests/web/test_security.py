"""Who may ask, how much, and that nothing malformed does harm."""

import base64
import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
from pictures import draw
from PIL import Image
from web_case import METADATA, png, pooled

from scratchnet.layers import Conv2d, Dense, GlobalAvgPool, Sequential
from scratchnet.picture import UnreadablePicture
from scratchnet.serialize import save_model
from scratchnet.web import gallery as gallery_module
from scratchnet.web import labs, pictures
from scratchnet.web.app import MOST_JSON_BYTES, MOST_PICTURE_BYTES
from scratchnet.web.errors import ApiError
from scratchnet.web.gallery import Gallery
from scratchnet.web.security import is_loopback, own_names

MODEL = "run:pooled"


def code(response):
    return response.status_code, response.get_json()["error"]["code"]


# --- who may ask ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8028", "localhost:8028", "LOCALHOST", "[::1]:8028", "192.168.1.7"])
def test_our_own_names_and_addresses_in_numbers_are_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8028", "127.0.0.1.evil.example", "", "a b", "[::1", "x@127.0.0.1"]
)
@pytest.mark.parametrize("path", ["/", "/api/models", "/static/main.js"])
def test_other_names_are_refused(client, host, path):
    assert code(client.get(path, headers={"Host": host})) == (403, "bad-host")


def test_the_machine_s_name_is_known_where_the_page_is_served_to_others(make, runs):
    name = sorted(own_names("0.0.0.0") - {"localhost", "0.0.0.0"})[0]
    open_to_all = make(host="0.0.0.0", gallery=Gallery(runs))
    assert open_to_all.get("/", headers={"Host": f"{name}:8028"}).status_code == 200
    assert code(open_to_all.get("/", headers={"Host": "evil.example"})) == (403, "bad-host")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9", "http://127.0.0.1.evil.example:8028", "file://"]
)
def test_requests_from_other_pages_are_refused(client, digit, origin):
    headers = {"Host": "127.0.0.1:8028", "Origin": origin}
    answer = client.post("/api/predict", json={"digit": digit, "models": [MODEL]}, headers=headers)
    assert code(answer) == (403, "bad-origin")


def test_requests_from_our_page_are_answered(client, digit):
    headers = {"Host": "127.0.0.1:8028", "Origin": "http://127.0.0.1:8028", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/predict", json={"digit": digit, "models": [MODEL]}, headers=headers).status_code == 200
    headers["Sec-Fetch-Site"] = "cross-site"
    assert code(client.get("/api/models", headers={"Sec-Fetch-Site": "cross-site"})) == (403, "bad-origin")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_page_could_send_is_refused(client, digit, kind):
    body = json.dumps({"digit": digit, "models": [MODEL]})
    assert code(client.post("/api/predict", data=body, content_type=kind)) == (415, "bad-type")
    assert code(client.post("/api/digit", data=png(draw(1, "plain")), content_type=kind)) == (415, "bad-type")


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/models", "/api/nothing"])
def test_every_answer_forbids_what_the_page_does_not_need(client, path):
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Set-Cookie" not in headers


def test_the_page_holds_no_script_or_style_of_its_own_and_no_foreign_address(client):
    page = client.get("/").get_data(as_text=True)
    assert "<script>" not in page
    assert "style=" not in page
    assert "onclick" not in page
    for name in ("main.js", "style.css", "api.js"):
        text = client.get(f"/static/{name}").get_data(as_text=True)
        assert "http://" not in text
        assert "https://" not in text


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/"]
)
def test_no_path_leads_out_of_the_page_s_files(client, path):
    assert client.get(path).status_code in (404, 308)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "run:../pooled", "run:pooled/", "file:0", "/etc/passwd", "weights/cnn", ""]
)
def test_a_network_s_id_is_no_path(ask, digit, name):
    ask("forward", 404, digit=digit, model=name)


def test_errors_do_not_tell_where_files_are(client, ask, digit, runs):
    message = ask("forward", 422, digit=digit, model="run:damaged")["error"]["message"]
    assert str(runs) not in message
    assert str(runs) not in client.get("/api/models").get_data(as_text=True)


def test_steps_are_off_where_they_are_not_allowed(make, runs, digit):
    client = make(lab=False, gallery=Gallery(runs))
    assert client.get("/api/models").get_json()["lab"] is False
    answer = client.post("/api/step", json={"digit": digit, "model": MODEL, "label": 1, "lr": 0.1})
    assert code(answer) == (403, "lab-off")


def test_loopback():
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.9.9.9")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.168.1.7")
    assert not is_loopback("example.org")


@pytest.mark.parametrize(
    "provenance",
    [
        [],
        "mine",
        {"metrics": []},
        {"metrics": {"test_accuracy": "<b>99</b>", "dataset": ["x"]}},
        {"metrics": {"dataset": "x" * 999}},
    ],
    ids=str,
)
def test_a_file_that_tells_nonsense_of_itself_is_listed_without_it(make, tmp_path, provenance):
    (tmp_path / "odd").mkdir()
    save_model(tmp_path / "odd" / "model.npz", pooled(), METADATA | {"provenance": provenance})
    listed = make(gallery=Gallery(tmp_path)).get("/api/models").get_json()["models"]
    (odd,) = (model for model in listed if model["id"] == "run:odd")
    assert odd["problem"] is None
    assert odd["accuracy"] is None
    assert len(odd["dataset"] or "") <= 40


def test_a_file_whose_network_asks_for_too_much_is_listed_as_unusable(make, tmp_path):
    (tmp_path / "greedy").mkdir()
    model = Sequential(
        Conv2d(1, 1, 1, pad=50_000, rng=np.random.default_rng(0)),
        GlobalAvgPool(),
        Dense(1, 10, rng=np.random.default_rng(0)),
    )
    save_model(tmp_path / "greedy" / "model.npz", model, METADATA)
    client = make(gallery=Gallery(tmp_path))
    (greedy,) = (model for model in client.get("/api/models").get_json()["models"] if model["id"] == "run:greedy")
    assert "is no network for 28 x 28 digits" in greedy["problem"]


# --- how much ------------------------------------------------------------------------------------------------------------


def test_pictures_and_requests_have_a_largest_size(client):
    large = client.post("/api/digit", data=b"\x89PNG" + bytes(MOST_PICTURE_BYTES), content_type="image/png")
    assert code(large) == (413, "too-large")
    large = client.post("/api/predict", data=b" " * (MOST_JSON_BYTES + 1), content_type="application/json")
    assert code(large) == (413, "too-large")


def bomb(side):
    """A PNG of side x side black pixels, in few bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    content = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_not_decoded(client, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    content = bomb(9000)
    assert len(content) < 20_000
    assert code(client.post("/api/digit", data=content, content_type="image/png")) == (413, "too-large")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"GIF89a",
        png(draw(3, "plain"))[:200],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe",
    ],
)
def test_what_is_no_picture_is_said(client, content):
    response = client.post("/api/digit", data=content, content_type="image/png")
    assert response.status_code == 200
    assert response.get_json()["digit"] is None
    assert "picture" in response.get_json()["problem"]


def test_a_picture_without_a_digit_is_said(client):
    response = client.post("/api/digit", data=png(Image.new("L", (96, 96), 255)), content_type="image/png")
    assert response.get_json() == {
        "digit": None,
        "predictions": [],
        "problem": "no ink found: the picture is blank (all pixels within 0 grey levels)",
    }


def test_only_a_few_formats_are_opened():
    file = io.BytesIO()
    draw(3, "plain").convert("RGB").save(file, "TIFF")
    with pytest.raises(UnreadablePicture, match="wanted PNG, JPEG"):
        pictures.digit_in(file.getvalue())
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        file = io.BytesIO()
        draw(3, "plain").convert("RGB").save(file, kind)
        assert pictures.digit_in(file.getvalue()).shape == (28, 28)


# --- labs are bounded ----------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_labs_not_used_for_long_are_forgotten():
    clock = Clock()
    found = labs.Labs(clock)
    one, two = found.name(None), found.name(None)
    found.open(one, "a", pooled())
    found.open(two, "a", pooled())
    clock.now = labs.MAX_AGE - 1
    found.name(two)
    clock.now = labs.MAX_AGE + 1
    found.name(two)
    with pytest.raises(ApiError, match="forgotten"):
        found.name(one)
    assert len(found) == 1


def test_there_are_only_so_many_labs_and_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(labs, "MOST_LABS", 3)
    found = labs.Labs(Clock())
    names = [found.name(None) for _ in range(3)]
    for name in names:
        found.open(name, "a", pooled())
    found.model(names[0], "a", pooled())  # used again
    found.name(None)
    with pytest.raises(ApiError):
        found.name(names[1])
    found.name(names[0])
    for model in "bcdef":
        found.open(names[0], model, pooled())
    assert len(found) == 3


def test_labs_hold_only_so_many_bytes(monkeypatch):
    size = sum(array.nbytes for array in pooled().params.values())
    monkeypatch.setattr(labs, "MOST_BYTES", 2 * size)
    found = labs.Labs(Clock())
    name = found.name(None)
    for model in "abcde":
        found.open(name, model, pooled())
    assert len(found) == 2


def test_a_lab_is_a_copy():
    model, found = pooled(), labs.Labs(Clock())
    lab = found.open(found.name(None), "a", model)
    for key, array in lab.model.params.items():
        assert not np.shares_memory(array, model.params[key])


def test_few_networks_are_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchnet.web.gallery.MOST_LOADED", 2)
    gallery = Gallery(tmp_path)
    for name in "abcd":
        (tmp_path / name).mkdir()
        save_model(tmp_path / name / "model.npz", pooled(), METADATA)
    for name in "abcd":
        gallery.get(f"run:{name}")
    assert len(gallery._loaded) == 2


def test_a_list_reads_only_files_that_have_changed(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        gallery_module, "_read", lambda entry, real=gallery_module._read: read.append(entry.id) or real(entry)
    )
    for name in "ab":
        (tmp_path / name).mkdir()
        save_model(tmp_path / name / "model.npz", pooled(), METADATA)
    gallery = Gallery(tmp_path)
    gallery.describe_all()
    assert {"run:a", "run:b"} <= set(read)
    read.clear()
    os.utime(tmp_path / "b" / "model.npz", ns=(1, 1))
    assert [each["id"] for each in gallery.describe_all()][-2:] == ["run:a", "run:b"]
    assert read == ["run:b"]


# --- anything at all -----------------------------------------------------------------------------------------------------


def random_value(rng, depth=0):
    """Any JSON value, likely and unlikely ones."""
    kind = rng.integers(12 if depth < 3 else 8)
    if kind == 8:
        return [random_value(rng, depth + 1) for _ in range(rng.integers(5))]
    if kind == 9:
        return {str(rng.integers(9)): random_value(rng, depth + 1) for _ in range(rng.integers(4))}
    some = [
        None, True, int(rng.integers(-5, 15)), float(rng.normal()), 10**40, -1, "", "x" * 40, "cnn", "\ud800",
        "0", "out", "dx", "w", 1e308, 0, 0.5, [0], [1, 2, 3], [10**30, 0, 0], [True], "AAAA", "grad-cam", "loss",
    ]  # fmt: skip
    return some[rng.integers(len(some))]


PATHS = ("predict", "forward", "backward", "terms", "step", "reset", "why", "neighbours", "digit", "models", "nothing")


def request(client, rng, digit):
    """One malformed request: a good one with fields changed, dropped or added; broken JSON; broken pictures; odd headers."""
    good = {
        "digit": digit, "model": MODEL, "models": [MODEL], "label": 3, "lr": 0.01, "stage": "0", "of": "out",
        "index": [0, 1, 2], "method": "saliency",
    }  # fmt: skip
    path = PATHS[rng.integers(len(PATHS))]
    kind = rng.integers(6)
    if kind <= 2:
        for key in rng.choice(list(good), rng.integers(1, 4)):
            good[key] = random_value(rng)
        for key in rng.choice(list(good), rng.integers(3)):
            good.pop(key, None)
        if rng.random() < 0.3:
            good["lab"] = random_value(rng)
        return client.post(f"/api/{path}", data=json.dumps(good), content_type="application/json")
    if kind == 3:
        body = bytearray(json.dumps(good).encode())
        for _ in range(rng.integers(1, 9)):
            body[rng.integers(len(body))] = rng.integers(256)
        body = [bytes(body), b"[" * 60_000, b'{"a":' * 12_000, b"null", b"1e999", b"\xff\xfe", b""][rng.integers(7)]
        return client.post(f"/api/{path}", data=body, content_type="application/json")
    if kind == 4:
        body = bytearray(PICTURE)
        for _ in range(rng.integers(1, 30)):
            body[rng.integers(len(body))] = rng.integers(256)
        body = bytes(body)[: rng.integers(len(body))]
        types = ["image/png", "image/jpeg", "image/", "application/octet-stream"]
        models = ["", "cnn", ",,", "cnn," * 20, "%00", "run:nobody"][rng.integers(6)]
        return client.post(f"/api/digit?models={models}", data=body, content_type=types[rng.integers(4)])
    values = ["", "\t", "x" * 2000, "127.0.0.1:99999", "http://[", "image/png;" * 50, "-1", "[::1]:8028", "é"]
    names = ["Host", "Origin", "Content-Type", "Sec-Fetch-Site", "Accept-Encoding", "X-Forwarded-For", "Range"]
    headers = {name: values[rng.integers(len(values))] for name in rng.choice(names, 3)}
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]
    return client.open(f"/api/{path}", method=methods[rng.integers(7)], data=b"x", headers=headers)


PICTURE = png(draw(3, "plain"), side=32)


def test_a_thousand_malformed_requests_and_no_server_error(client, digit):
    rng, seen = np.random.default_rng(0), set()
    for number in range(1000):
        response = request(client, rng, digit)
        seen.add(response.status_code)
        assert response.status_code < 500, (number, response.get_data(as_text=True))
        if response.status_code >= 400 and response.data:
            assert set(response.get_json()["error"]) == {"code", "message"}
            assert "\n" not in response.get_json()["error"]["message"]
    assert {200, 400, 403, 404, 405, 410, 415} <= seen


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"digit": base64.b64encode(bytes(783)).decode()}, "784 bytes, the 28 x 28 pixels, got 783"),
        ({"digit": None}, "digit must be the base64"),
        ({"digit": "*" * 1048}, "digit must be the base64"),
        ({"model": None}, "model must be a text"),
        ({"label": 10}, "label must be a whole number from 0 to 9"),
        ({"label": True}, "label must be a whole number"),
        ({"stage": "99"}, "this network has 0, 1, 2, 3, loss"),
        ({"of": "gamma"}, "of must be one of out, dx, w, b for Conv2d"),
        ({"index": [0, 28, 0]}, "below [4, 28, 28]"),
        ({"index": [0, 0]}, "index must be 3 whole numbers"),
    ],
)
def test_what_is_wrong_is_named(client, digit, changed, message):
    asked = {"digit": digit, "model": MODEL, "label": 3, "stage": "0", "of": "out", "index": [0, 0, 0], **changed}
    asked["of"] = "dx" if "label" in changed else asked["of"]
    asked["index"] = [0, 0, 0] if "label" in changed else asked["index"]
    response = client.post("/api/terms", json=asked)
    assert response.status_code in (400, 404)
    assert message in response.get_json()["error"]["message"]
