"""Ways to change a file: blindly, byte by byte, or knowing its format, so that the change gets past the first check.

A mutation takes a ``random.Random`` and the bytes of a good or bad file, and gives other bytes. Where the bytes are not of
the format that it knows, it changes them blindly.
"""

import functools
import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

Mutation: TypeAlias = Callable[[random.Random, bytes], bytes]

MOST = 1 << 16  # bytes that a file may grow to
NUMBERS = (*range(5), 7, 8, 9, 10, 16, 27, 28, 29, 64, 127, 128, 255, 256, 1000, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1)
DICTIONARY = (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"\x1f\x8b\x08", b"\x93NUMPY", b"\0\0\x08\x03", b"<html>")
WORDS = (
    "cnn",
    "Dense",
    "Conv2d",
    "Sequential",
    "0.w",
    "metadata",
    "../../x",
    "/etc/x",
    "\x1b[2J",
    "a\nb",
    "\ud800",
    "é",
    "",
)
HUGE = (b"NaN", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"1e-999", b"0.1" + b"1" * 999, b"1.", b"01", b'"\\ud800"')
MEMBERS = ("../../evil.npy", "/tmp/x.npy", "0.w", "0.w.npy", "0.b.npy", "\x1b[2J.npy", "n\n.npy", "x" * 200 + ".npy")
TYPES = (
    b"|O",
    b"<f8",
    b"<f2",
    b">f4",
    b"<i4",
    b"|b1",
    b"<U9",
    b"|S4",
    b"<c8",
    b"<f16",
    b"<f3",
    b"|V8",
    b"<U999999999",
    b"<M8",
)
CHUNKS = (b"tRNS", b"PLTE", b"eXIf", b"gAMA", b"acTL", b"fcTL", b"fdAT", b"zTXt", b"iCCP", b"iTXt")


def blind(rng: random.Random, data: bytes) -> bytes:
    """A few changes that know nothing: bits, bytes, numbers of 2 to 8 bytes, pieces cut out, doubled, moved."""
    changed = bytearray(data)
    for _ in range(1 << rng.randrange(4)):
        at = rng.randrange(len(changed) + 1)
        if not changed or rng.random() < 0.1:
            changed[at:at] = rng.choice(DICTIONARY)
            continue
        at = min(at, len(changed) - 1)
        kind, length = rng.randrange(7), min(rng.choice((1, 2, 4, 16, 100)), len(changed) - at)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at] = rng.randrange(256)
        elif kind == 2:
            number = struct.pack(rng.choice("<>") + "Q", rng.choice(NUMBERS))
            size = rng.choice((2, 4, 8))
            changed[at : at + size] = number[-size:] if rng.random() < 0.5 else number[:size]
        elif kind == 3:
            del changed[at : at + length]
        elif kind == 4:
            changed[at:at] = changed[at : at + length]
        elif kind == 5:
            changed[at:at] = rng.randbytes(length)
        else:
            del changed[at:]
    return bytes(changed[:MOST])


def idx(rng: random.Random, data: bytes) -> bytes:
    """The header and the values of an IDX file, inside of its gzip if it has one."""
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.7:
        try:
            inner = zlib.decompressobj(31).decompress(data, MOST)
        except zlib.error:
            return blind(rng, data)
        packed = gzip.compress(idx(rng, inner), rng.choice((0, 1, 9)), mtime=0)
        return blind(rng, packed) if rng.random() < 0.1 else packed
    kind = rng.randrange(6)
    if kind == 0 or len(data) < 4:
        return blind(rng, data)
    if kind == 1:
        return gzip.compress(data, 1, mtime=0)
    ndim = data[3] if kind < 4 else rng.choice((0, 1, 1, 2, 3, 3, 4, 5, 63, 64, 65, 255))
    code = data[2] if kind != 2 else rng.choice((7, 8, 9, 10, 11, 12, 13, 14, 15))
    dims = [rng.choice((0, 1, 1, 2, 3, 5, rng.choice(NUMBERS))) for _ in range(ndim)]
    size = {11: 2, 12: 4, 13: 4, 14: 8}.get(code, 1)
    for dim in dims:
        size = min(size * dim, 2000)
    values = rng.randbytes(max(0, size + rng.choice((0, 0, 0, 0, 1, -1))))
    return bytes((0, 0, code, ndim)) + struct.pack(f">{ndim}I", *dims) + values


# --- JSON ------------------------------------------------------------------------------------------------------------


def json_text(rng: random.Random, data: bytes) -> bytes:
    """A JSON text: a value, a name, a piece of the tree; or what no tree can say, such as a name that stands there twice."""
    kind = rng.randrange(8)
    if kind == 0:
        return blind(rng, data)
    if kind == 1:
        deep = rng.choice((5, 31, 33, 500, 5000))
        nested = b"[" * deep + b"]" * deep if rng.random() < 0.5 else b'{"a":' * deep + b"1" + b"}" * deep
        at = data.rfind(b"}")
        return data[:at] + b', "x": ' + nested + data[at:]
    if kind == 2:
        raw = rng.choice(
            (
                b"NaN",
                b"-Infinity",
                b"1e999",
                b"-1e999",
                b"9" * 5000,
                b"1e-999",
                b"0.1" + b"1" * 999,
                b"1.",
                b"01",
                b'"\\ud800"',
            )
        )
        at = data.find(b":", rng.randrange(len(data) + 1))
        return data[: at + 1] + raw + data[at + 1 :].lstrip(b" -+.eE0123456789")
    tree = _tree(data)
    if tree is None:
        return blind(rng, data)
    if kind == 3:
        text = json.dumps(tree)
        return (text[:-1] + "," + text[1:]).encode("utf-8", "replace")
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        tree = _changed(rng, tree)
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    return text.encode(rng.choice(("utf-8",) * 10 + ("utf-8-sig", "utf-16")), "replace")[:MOST]


@functools.lru_cache(maxsize=4096)
def _tree(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _changed(rng: random.Random, tree: Any) -> Any:
    """The tree with one place in it changed, wherever that is."""
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = rng.choice(list(tree))
        kind = rng.randrange(10)
        if kind == 0:
            return {k: v for k, v in tree.items() if k != key}
        if kind == 1:
            return tree | {rng.choice((rng.choice(WORDS), f"{key}x")): _value(rng)}
        return tree | {key: _changed(rng, tree[key])}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        at, kind = rng.randrange(len(tree)), rng.randrange(10)
        if kind == 0:
            return tree[:at] + tree[at + 1 :]
        if kind == 1:
            return (tree[:at] + tree[at : at + 1] * rng.choice((2, 2, 3, 50)) + tree[at + 1 :])[:2000]
        if kind == 2:
            return [*tree[:at], rng.choice(tree), *tree[at:]]
        return [*tree[:at], _changed(rng, tree[at]), *tree[at + 1 :]]
    if isinstance(tree, int | float) and not isinstance(tree, bool) and rng.random() < 0.5:
        return rng.choice((tree + 1, tree - 1, -tree, tree * 2, tree * 0.5 if abs(tree) < 2**63 else 0.5, tree * 1000))
    return _value(rng)


def _value(rng: random.Random) -> Any:
    return rng.choice(
        (
            *(rng.choice(NUMBERS), -1, rng.choice((2**63, 10**30, 10**400)), rng.random(), 1e308, -1e-320, 1e39),
            *(True, False, None, rng.choice(WORDS), "a" * 1000, [], {}, [1, 2], [3, [4]], {"type": rng.choice(WORDS)}),
        )
    )


# --- .npz ------------------------------------------------------------------------------------------------------------


def npz(rng: random.Random, data: bytes) -> bytes:
    """An archive of arrays: its members, their headers and values, how they are packed, and the metadata in one of them."""
    if rng.random() < 0.15:
        return blind(rng, data)
    members = list(_members(data))
    if not members:
        return blind(rng, data)
    for _ in range(rng.choice((1, 1, 2))):
        if not members:
            break
        at = rng.randrange(len(members))
        if rng.random() < 0.5:
            at = next((i for i, member in enumerate(members) if member[0] == "metadata.npy"), at)
        name, content, packed = members[at]
        kind = rng.randrange(9)
        if kind == 0:
            members.insert(rng.randrange(len(members) + 1), members[at])
        elif kind == 1:
            del members[at]
        elif kind == 2:
            name = rng.choice(
                (
                    "../../evil.npy",
                    "/tmp/x.npy",
                    "0.w",
                    "0.w.npy",
                    "0.b.npy",
                    "\x1b[2J.npy",
                    "n\n.npy",
                    f"{name}x.npy",
                    "a" * 200 + ".npy",
                )
            )
        elif kind == 3:
            packed = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        elif kind == 4:
            content = content[:128].ljust(128) + bytes(rng.choice((0, 1000, 60_000)))
            packed = zipfile.ZIP_DEFLATED
        elif kind == 5:
            content = _npy_header(rng, content)
        elif name == "metadata.npy":
            content = _metadata(rng, content)
        elif kind == 6:
            content = blind(rng, content)
        else:
            start = rng.randrange(128, max(129, len(content)))
            number = rng.choice((float("nan"), float("inf"), -1.0, 1e38, 1e-40, 3.5))
            content = content[:start] + struct.pack("<f", number) + content[start + 4 :]
        if kind > 1:
            members[at] = (name, content, packed)
    made = _archive(members)[:MOST]
    return blind(rng, made) if rng.random() < 0.05 else made


Member: TypeAlias = tuple[str, bytes, int]
"""A member of an archive: its name, what is in it, how it is packed."""


@functools.lru_cache(maxsize=4096)
def _members(data: bytes) -> tuple[Member, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return tuple((info.filename, archive.read(info), info.compress_type) for info in archive.infolist())
    except Exception:
        return ()


def _archive(members: list[Member]) -> bytes:
    """A zip file, as zipfile would write it, in a tenth of the time."""
    files, directory = bytearray(), bytearray()
    for name, content, how in members:
        raw, packed = name.encode("utf-8", "replace"), content
        if how == zipfile.ZIP_DEFLATED:
            compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
            packed = compressor.compress(content) + compressor.flush()
        about = struct.pack("<4HLLLHH", 0x800, how, 0, 33, zlib.crc32(content), len(packed), len(content), len(raw), 0)
        directory += b"PK\1\2" + struct.pack("<HH", 20, 20) + about + struct.pack("<HHHLL", 0, 0, 0, 0, len(files)) + raw
        files += b"PK\3\4" + struct.pack("<H", 20) + about + raw + packed
    count = len(members)
    return bytes(files + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(files), 0))


def _npy_header(rng: random.Random, content: bytes) -> bytes:
    """Another type, order or shape on the same values."""
    kind = rng.randrange(4)
    if kind == 0:
        descr = rng.choice(
            (
                b"|O",
                b"<f8",
                b"<f2",
                b">f4",
                b"<i4",
                b"|b1",
                b"<U9",
                b"|S4",
                b"<c8",
                b"<f16",
                b"<f3",
                b"|V8",
                b"<U999999999",
                b"<M8",
            )
        )
    else:
        descr = b"<f4"
    dims = [rng.choice((1, 2, 4, 10, 784))] * rng.randrange(4)
    if kind == 1:
        dims = [rng.choice(NUMBERS) for _ in range(rng.randrange(5))]
    shape = b", ".join(b"%d" % dim for dim in dims) + (b"," if len(dims) == 1 else b"")
    head = b"{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (descr, rng.choice((b"True", b"False")), shape)
    if kind == 3:
        head = rng.choice((b"(" * 3000, b"__import__('os').abort()", b"[1]*10**9", blind(rng, head), b"-" * 5000 + b"1"))
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + content[128:]


def _metadata(rng: random.Random, content: bytes) -> bytes:
    """Another text in an array of one string, with the header that belongs to it."""
    text = content[128:].decode("utf-32-le", "replace").encode("utf-8", "replace")
    changed = json_text(rng, text).decode("utf-8", "replace").rstrip("\0")
    head = f"{{'descr': '<U{len(changed)}', 'fortran_order': False, 'shape': (), }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + changed.encode("utf-32-le", "surrogatepass")


# --- pictures --------------------------------------------------------------------------------------------------------


def picture(rng: random.Random, data: bytes) -> bytes:
    """A picture file; a PNG chunk by chunk, each with the checksum that belongs to it."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or rng.random() < 0.2:
        return blind(rng, data)
    chunks, at = [], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return blind(rng, data)
    at, kind = rng.randrange(len(chunks)), rng.randrange(6)
    name, content = chunks[at]
    if kind == 0:
        del chunks[at]
    elif kind == 1:
        chunks.insert(at, rng.choice(chunks))
    elif kind == 2:
        extra = rng.choice(CHUNKS)
        value = rng.choice((b"", bytes(3), rng.randbytes(6), b"x\0\0" + zlib.compress(bytes(50_000))))
        chunks.insert(max(1, at), (extra, value))
    elif name == b"IHDR" and len(content) == 13:
        width, height, depth, colour = struct.unpack(">IIBB", content[:10])
        width, height = (rng.choice((side, side, 1, 3, 5, rng.choice(NUMBERS), 4000)) for side in (width, height))
        if rng.random() < 0.5:
            depth, colour = rng.choice((1, 2, 4, 8, 16)), rng.choice((0, 2, 3, 4, 6))
        chunks[at] = (name, struct.pack(">IIBB", width, height, depth, colour) + content[10:])
    elif name == b"IDAT" and kind < 5:
        try:
            pixels = zlib.decompressobj().decompress(content, 1 << 20)
        except zlib.error:
            return blind(rng, data)
        chunks[at] = (name, zlib.compress(blind(rng, pixels), 1))
    else:
        chunks[at] = (name, blind(rng, content))
    made = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return (data[:8] + b"".join(made))[: 4 * MOST]
