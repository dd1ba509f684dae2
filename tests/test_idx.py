"""IDX: what is written reads back; what is damaged says so; nothing is allocated on a header's word."""

import gzip
import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scratchnet.datasets import idx
from scratchnet.datasets.idx import IdxError

# By hand, from the format's description: code, letter of struct, NumPy's native name.
TYPES = [(8, "B", "u1"), (9, "b", "i1"), (11, "h", "i2"), (12, "i", "i4"), (13, "f", "f4"), (14, "d", "f8")]
VALUES = {"B": [0, 1, 255], "b": [-128, 0, 127], "h": [-32768, 1, 32767], "i": [-(2**31), 1, 2**31 - 1]}


def pack(code, dims, data):
    return bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + data


def read(data):
    return idx.read(io.BytesIO(data))


GOOD = pack(8, (2, 3), bytes(range(6)))


@pytest.mark.parametrize(("code", "letter", "name"), TYPES)
def test_every_type_is_read_and_written_as_the_format_says(code, letter, name):
    values = VALUES.get(letter, [-1.5, 0.0, 3.25])
    data = pack(code, (3, 1), struct.pack(f">3{letter}", *values))
    array = read(data)
    assert array.dtype == np.dtype(name)
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.shape == (3, 1)
    assert array.ravel().tolist() == values
    for order in "<>":
        target = io.BytesIO()
        idx.write(target, np.array(values, order + name)[:, None])
        assert target.getvalue() == data


def test_values_are_in_c_order_whatever_the_memory_order():
    array = read(pack(8, (2, 3), bytes([1, 2, 3, 4, 5, 6])))
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    for view in (np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2]):
        target = io.BytesIO()
        idx.write(target, view)
        assert target.getvalue() == pack(8, (2, 3), bytes([1, 2, 3, 4, 5, 6]))


shapes = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


@given(kind=st.sampled_from(TYPES), shape=shapes, seed=st.integers(0, 2**32 - 1), packed=st.booleans())
def test_round_trip(kind, shape, seed, packed):
    size = int(np.prod(shape))
    bits = np.random.default_rng(seed).bytes(size * np.dtype(kind[2]).itemsize)  # any bits, NaNs too
    array = np.frombuffer(bits, kind[2], count=size).reshape(shape) if size else np.empty(shape, kind[2])
    target = io.BytesIO()
    idx.write(target, array)
    data = gzip.compress(target.getvalue()) if packed else target.getvalue()
    back = read(data)
    assert back.dtype == array.dtype
    assert back.shape == shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.c_contiguous


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz", "A.GZ", "a.bin", "a"])
def test_paths(tmp_path, name):
    path = tmp_path / name
    array = np.arange(6, dtype=np.int32).reshape(3, 2)
    idx.write(path, array)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.lower().endswith("gz")
    assert idx.read(path).tolist() == array.tolist()
    assert idx.read(str(path)).tolist() == array.tolist()
    idx.write(str(path), array[::-1])
    assert idx.read(path).tolist() == array[::-1].tolist()
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_gzip_is_seen_by_its_magic_not_its_name(tmp_path):
    (tmp_path / "a").write_bytes(gzip.compress(GOOD))
    (tmp_path / "b.gz").write_bytes(GOOD)
    assert idx.read(tmp_path / "a").tolist() == idx.read(tmp_path / "b.gz").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_gz_is_smaller(tmp_path):
    idx.write(tmp_path / "a.gz", np.zeros(10_000, np.uint8))
    assert (tmp_path / "a.gz").stat().st_size < 200


def test_gz_bytes_are_always_the_same(tmp_path):
    array = np.arange(100, dtype=np.uint8)
    for name in ("a.gz", "other.gz"):
        idx.write(tmp_path / name, array)
    data = (tmp_path / "a.gz").read_bytes()
    assert data == (tmp_path / "other.gz").read_bytes()
    assert data[3] == 0, "flags: no file name"
    assert data[4:8] == bytes(4), "no time stamp"


def test_file_objects(tmp_path):
    path = tmp_path / "a.gz"
    with open(path, "wb") as file:
        idx.write(file, np.uint8([1, 2]))
    assert path.read_bytes() == pack(8, (2,), b"\1\2")
    for buffering in (-1, 0):
        with open(path, "rb", buffering) as file:
            assert idx.read(file).tolist() == [1, 2]
            assert not file.closed
    with pytest.raises(TypeError, match="binary"):
        idx.read(io.StringIO("x"))
    with open(path, encoding="latin-1") as file, pytest.raises(TypeError, match="binary"):
        idx.read(file)


def test_a_stream_that_cannot_seek_is_enough():
    reader, writer = os.pipe()
    with open(writer, "wb") as file:
        file.write(gzip.compress(GOOD))
    with open(reader, "rb", buffering=0) as file:
        assert idx.read(file).shape == (2, 3)


def test_a_stream_that_has_nothing_yet_is_taken_for_empty():
    class Silent:
        name = "pipe"

        def readinto(self, buffer):
            return None

    with pytest.raises(IdxError, match="pipe: magic: found an empty file"):
        idx.read(Silent())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.idx"
    idx.write(path, np.uint8([1]))
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        idx.write(path, np.uint8([2]))
    assert [p.name for p in tmp_path.iterdir()] == ["a.idx"]
    assert idx.read(path).tolist() == [1]


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, np.float16, bool, object, "U3", complex])
def test_types_idx_does_not_have(tmp_path, dtype):
    with pytest.raises(TypeError, match=r"IDX can't hold .*uint8 int8 int16 int32 float32 float64"):
        idx.write(tmp_path / "a", np.zeros(3, dtype))
    assert not list(tmp_path.iterdir())


def test_an_array_without_values_may_be_long_in_other_dimensions(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(pack(8, (0, 2**31, 2**31), b""))
    assert idx.read(path).shape == (0, 2**31, 2**31)


def test_shapes_idx_does_not_have():
    with pytest.raises(ValueError, match=r"shape \(\)"):
        idx.write(io.BytesIO(), np.uint8(3))
    with pytest.raises(ValueError, match=r"2\*\*32"):
        idx.write(io.BytesIO(), np.empty((2**32, 0), np.uint8))
    target = io.BytesIO()
    idx.write(target, np.empty((2**32 - 1, 0), np.uint8))  # the longest that it has
    assert target.getvalue() == pack(8, (2**32 - 1, 0), b"")


HTML = b"<!DOCTYPE html><title>404</title>"
DAMAGED = {
    "empty": (b"", "magic: found an empty file, wanted 4 bytes"),
    "one zero": (b"\0", "magic: found only 1 bytes"),
    "short magic": (b"\0\0\x08", "magic: found only 3 bytes"),
    "other magic": (b"\x89PNG", "magic: found 0x89504e47, wanted 0x0000 "),
    "one wrong byte": (b"\0\1\x08\1\0\0\0\0", "magic: found 0x00010801"),
    "html": (HTML, 'magic: found 0x3c21444f ("<!DO", looks like an HTML page), wanted 0x0000 '),
    "html after a blank line": (b"\r\n" + HTML, '("<!DO", looks like an HTML page)'),
    "html, gzipped": (gzip.compress(HTML), "looks like an HTML page"),
    "tab in it": (b"<a\t>", 'magic: found 0x3c61093e ("<a>", looks like an HTML page), wanted'),
    "gzipped twice": (gzip.compress(gzip.compress(GOOD)), "(gzipped twice?)"),
    "type code": (pack(7, (1,), b"1"), "type code: found 07, wanted one of 08 09 0b 0c 0d 0e"),
    "no dimensions": (pack(8, (), b"1"), "number of dimensions: found 0, wanted 1 to 64"),
    "many dimensions": (pack(8, (1,) * 65, b"1"), "number of dimensions: found 65, wanted 1 to 64"),
    "short header": (GOOD[:9], "dimensions: found 5 bytes, wanted 8 for 2 dimensions"),
    "no values": (GOOD[:12], "values: found 0 bytes, wanted 6 as the header says (2 x 3 uint8)"),
    "one value short": (GOOD[:-1], "values: found 5 bytes, wanted 6"),
    "half a value": (pack(12, (2,), bytes(7)), "values: found 7 bytes, wanted 8 as the header says (2 int32)"),
    "one byte more": (GOOD + b"\0", "end: found more bytes, wanted none after the 6 the header says (2 x 3 uint8)"),
    "too large": (pack(8, (2**32 - 1,) * 3, b""), "dimensions: found 4294967295 x 4294967295 x 4294967295 uint8"),
    "too large in bytes": (pack(14, (2**31, 2**31), b""), "dimensions: found 2147483648 x 2147483648 float64, wanted an"),
    "empty, but too large": (pack(8, (0, *(2**32 - 1,) * 3), b""), "dimensions: found 0 x 4294967295"),
    "one byte more after the first chunk": (pack(8, (idx.CHUNK + 5,), bytes(idx.CHUNK + 6)), "end: found more bytes"),
    "gzip cut off": (gzip.compress(GOOD)[:-9], "gzip: "),
    "gzip without its end": (gzip.compress(GOOD)[:-4], "gzip: "),
    "gzip without data": (gzip.compress(GOOD)[:10], "gzip: "),
    "only gzip's magic": (b"\x1f\x8b", "gzip: "),
    "gzip checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "gzip: "),
    "gzip and more": (gzip.compress(GOOD) + b"more", "gzip: "),
    "gzip twice in a row": (gzip.compress(GOOD) * 2, "end: found more bytes"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files(tmp_path, case):
    data, message = DAMAGED[case]
    path = tmp_path / "t10k.gz"
    path.write_bytes(data)
    with pytest.raises(IdxError) as caught:
        idx.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_corrupt_deflate_stream():
    data = bytearray(gzip.compress(bytes(1000)))
    data[10:14] = b"\xff" * 4
    with pytest.raises(zlib.error):
        gzip.decompress(data)
    with pytest.raises(IdxError, match=r"<bytes>: gzip: "):
        read(bytes(data))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        idx.read(tmp_path / "nowhere")


def peak(data):
    tracemalloc.start()
    try:
        with pytest.raises(IdxError):
            read(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_header_that_promises_too_much_costs_no_memory():
    promise = pack(8, (60000, 28, 280), bytes(100))
    assert peak(promise) < 3 * idx.CHUNK
    assert peak(gzip.compress(promise)) < 3 * idx.CHUNK


def test_a_gzip_bomb_costs_no_memory():
    assert peak(gzip.compress(pack(8, (10,), bytes(100 << 20)), 1)) < 3 * idx.CHUNK


def test_a_gzip_bomb_whose_header_tells_the_truth_costs_a_multiple_of_the_file():
    bomb = gzip.compress(pack(8, (20, 1000, 1000), bytes(20_000_000)))
    with pytest.raises(IdxError, match=r"gzip: found \d+ bytes in \d+, wanted at most 32 times as many"):
        read(bomb)
    assert peak(bomb) < 64 * len(bomb) + 4 * idx.CHUNK


def test_what_is_packed_well_is_no_bomb():
    bits = np.unpackbits(np.frombuffer(np.random.default_rng(0).bytes(3 * idx.CHUNK // 8), np.uint8))  # to a sixth or so
    data = gzip.compress(pack(8, bits.shape, bits.tobytes()), 1)
    assert 3 < bits.size / len(data) < 10
    assert (read(data) == bits).all()
    assert not read(gzip.compress(pack(8, (idx.CHUNK,), bytes(idx.CHUNK)))).any()  # a thousandth, but of little


def reads_or_says_why(data):
    try:
        array = read(data)
    except IdxError as error:
        lines = str(error).splitlines()
        assert len(lines) == 1, lines
        return
    target = io.BytesIO()
    idx.write(target, array)
    if data[:2] != b"\x1f\x8b":
        assert target.getvalue() == data, "there is one way only to write an array"


@given(st.binary(max_size=64))
@example(b"\x1f\x8b\x08\x04\0\0\0\0\0\0\xff")
def test_any_bytes(data):
    reads_or_says_why(data)
    reads_or_says_why(gzip.compress(data))


@given(
    code=st.sampled_from([8, 9, 11, 12, 13, 14]),
    dims=st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1)), max_size=5),
    data=st.binary(max_size=40),
)
def test_any_header(code, dims, data):
    reads_or_says_why(pack(code, dims, data))


@given(
    shape=shapes,
    packed=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 10**6),
    more=st.binary(max_size=3),
)
def test_any_mutation(shape, packed, edits, cut, more):
    data = pack(8, shape, bytes(int(np.prod(shape))))
    changed = bytearray(gzip.compress(data) if packed else data)
    for position, value in edits:
        changed[position % len(changed)] = value
    reads_or_says_why(bytes(changed[: len(changed) - cut % 3] + more))
