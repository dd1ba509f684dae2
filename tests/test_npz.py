"""Archives from strangers: what NumPy writes is read exactly; what promises too much, lies or hides code is refused."""

import io
import os
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from scratchnet import npz
from scratchnet.npz import NpzError

dtypes = st.sampled_from(["<f4", ">f8", "<f2", "|u1", "|i1", "<i8", ">i2", "|b1", "<c8", "<U5", "|S3"])
arrays = dtypes.flatmap(
    lambda d: arrays_of.arrays(d, arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
names = st.from_regex(r"[A-Za-z0-9_]{1,8}(\.[a-z]{1,3})?", fullmatch=True)


def archive(*members, packed=zipfile.ZIP_STORED):
    """A zip file of (name, bytes) in that order, a name that stands there twice included."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packed) as file, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            file.writestr(name, content)
    return target.getvalue()


def npy(array):
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def header(text, values=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + values


GOOD = npy(np.ones((4, 3), np.float32))


@given(st.dictionaries(names, arrays, max_size=4), st.booleans())
def test_what_numpy_writes_is_read_back(written, packed):
    target = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(target, **written)
    found = npz.read(target.getvalue())
    assert list(found) == list(written)
    for name, array in written.items():
        assert found[name].dtype.isnative
        assert found[name].flags.writeable
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape


def test_fortran_order_and_large_arrays_are_read_back():
    for array in (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(1 << 19, dtype=np.float32)):
        assert (npz.read(archive(("a.npy", npy(array))))["a"] == array).all()


def test_only_what_is_wanted_is_unpacked():
    bomb = header("{'descr': '|u1', 'fortran_order': False, 'shape': (50000000,), }", bytes(50_000_000))
    content = archive(("a.npy", GOOD), ("b.npy", bomb), packed=zipfile.ZIP_DEFLATED)
    assert list(npz.read(content, ("a", "missing"))) == ["a"]


SHAPE = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
HOSTILE = {
    "empty": (b"", "no .npz archive"),
    "a bare array": (GOOD, "no .npz archive"),
    "html": (b"<!DOCTYPE html>", "no .npz archive"),
    "a zip of something else": (archive(("readme.txt", b"hello")), "'readme.txt', which is no array's name"),
    "a path up": (archive(("../../evil.npy", GOOD)), "'../../evil.npy', which is no array's name"),
    "an absolute path": (archive(("/etc/evil.npy", GOOD)), "no array's name"),
    "a drive": (archive(("C:\\evil.npy", GOOD)), "no array's name"),
    "a name for terminals": (archive(("\x1b[2J\n.npy", GOOD)), r"'\\x1b\[2J\\n.npy', which is no array's name"),
    "a very long name": (archive(("a" * 60_000 + ".npy", GOOD)), "no array's name"),
    "no name": (archive((".npy", GOOD)), "no array's name"),
    "a name twice": (archive(("a.npy", GOOD), ("b.npy", GOOD), ("a.npy", GOOD)), "it has a twice"),
    "lzma": (archive(("a.npy", GOOD), packed=zipfile.ZIP_LZMA), "packed in a way"),
    "bzip2": (archive(("a.npy", GOOD), packed=zipfile.ZIP_BZIP2), "packed in a way"),
    "a bomb": (archive(("a.npy", GOOD + bytes(20 << 20)), packed=zipfile.ZIP_DEFLATED), "wanted at most 4 times"),
    "a huge shape": (archive(("a.npy", header(SHAPE % "(100000, 100000)", b"1234"))), "its header says 40000000000"),
    "an endless shape": (archive(("a.npy", header(SHAPE % f"({'9' * 19}, 9)"))), "its header says"),
    "nothing, but huge": (archive(("a.npy", header(SHAPE % f"(0, {'9' * 19})"))), "dimension|too large|too big"),
    "65 axes": (archive(("a.npy", header(SHAPE % f"({'1, ' * 65})", b"1234"))), "a holds 4 bytes|dimension|sequence"),
    "too few values": (archive(("a.npy", GOOD[:-1])), "a holds 47 bytes, its header says 48: 4 x 3 float32"),
    "too many values": (archive(("a.npy", GOOD + b"x")), "a holds 49 bytes"),
    "no header": (archive(("a.npy", GOOD[:20])), "no header of a plain array"),
    "no values": (archive(("a.npy", b"")), "no header of a plain array"),
    "code for a header": (archive(("a.npy", header("__import__('os').abort()"))), "no header of a plain array"),
    "a header that nests": (archive(("a.npy", header("(" * 60_000))), "no header of a plain array"),
    "a header that computes": (archive(("a.npy", header(SHAPE % "(9**9**9,)"))), "no header of a plain array"),
    "python objects": (
        archive(("a.npy", header(SHAPE.replace("<f4", "|O") % "(1,)", b"cos\nabort\n(tR."))),
        "Python objects",
    ),
    "records": (archive(("a.npy", npy(np.zeros(1, [("x", "<f4")])))), "no header of a plain array"),
    "dates": (archive(("a.npy", npy(np.zeros(1, "M8[s]")))), "no header of a plain array"),
    "a type that there is not": (
        archive(("a.npy", header(SHAPE.replace("<f4", "<f3") % "()", b"123"))),
        "type that there is not",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused_in_one_line(case):
    content, message = HOSTILE[case]
    with pytest.raises(NpzError, match=message) as error:
        npz.read(content)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


def test_python_objects_are_never_made(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    content = archive(("a.npy", npy(np.array([Trap()], object))))
    with pytest.raises(NpzError, match="Python objects"):
        npz.read(content)
    assert os.listdir(tmp_path) == []


def test_an_encrypted_member_is_refused():
    content = bytearray(archive(("a.npy", GOOD)))
    at = content.index(b"PK\1\2")
    content[at + 8] |= 1
    content[6] |= 1
    with pytest.raises(NpzError, match="encrypted"):
        npz.read(bytes(content))


def test_one_piece_quoted_by_many_members_counts_as_often():
    """Overlapping members: each directory entry names the same bytes, so that a small file has many large arrays."""
    array = npy(np.zeros(100_000, np.float32))
    plain = archive(("a.npy", array))
    start = plain.index(b"PK\1\2")
    entry = plain[start : plain.index(b"PK\5\6")]
    entries = b"".join(entry.replace(b"a.npy", b"%c.npy" % (97 + i)) for i in range(26))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 26, 26, len(entries), start, 0)
    with pytest.raises(NpzError, match=r"unpacks to 104\d+ bytes, wanted at most 4 times"):
        npz.read(plain[:start] + entries + end)


def test_a_flipped_bit_is_noticed():
    for packed in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = bytearray(archive(("a.npy", npy(np.arange(100.0))), packed=packed))
        content[250] ^= 1
        with pytest.raises(NpzError, match=r"Bad CRC|decompress|header"):
            npz.read(bytes(content))


def peak(content):
    tracemalloc.start()
    try:
        with pytest.raises(NpzError):
            npz.read(content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", HOSTILE)
def test_refusing_costs_no_more_memory_than_the_file_accounts_for(case):
    content, _ = HOSTILE[case]
    assert peak(content) < 64 * len(content) + (4 << 20)


def test_a_directory_of_nothing_but_names_costs_a_multiple_of_the_file():
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    entries = entry * 5000
    content = entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 5000, 5000, len(entries), 0, 0)
    assert peak(content) < 64 * len(content)
