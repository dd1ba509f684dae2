"""Picture files from anybody: every format that is promised, and every way to be wrong, in one line and within bounds."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import draw
from PIL import Image

import scratchnet
from scratchnet.picture import UnreadablePicture
from scratchnet.picture_file import FORMATS, MOST_PIXELS, TooManyPixels, read_digit


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(content, **options):
    return read_digit(io.BytesIO(content), **options)


def png(width, height, depth, colour, rows=b"", *chunks):
    """A PNG file as its header says; what follows may be something else."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


THREE = draw(3, "plain").convert("RGB").resize((96, 96))
PLAIN = read(saved(THREE, "PNG"))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(kind, tmp_path):
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    (tmp_path / "three").write_bytes(saved(THREE, kind, **options))  # the name's end decides nothing
    digit = read_digit(tmp_path / "three")
    assert np.abs(np.int16(digit) - PLAIN).mean() < 3


def test_of_an_animation_the_first_picture_counts():
    one = draw(1, "plain").convert("RGB").resize((96, 96))
    for kind in ("GIF", "PNG", "TIFF"):
        content = saved(THREE, kind, save_all=True, append_images=[one])
        assert np.abs(np.int16(read(content)) - PLAIN).mean() < 3


def test_sixteen_bits_palettes_and_black_and_white():
    grey = np.asarray(THREE.convert("L"))
    sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
    whole = Image.fromarray(grey.astype(np.int32) * 257)
    parts = Image.fromarray(grey / np.float32(255))
    contents = [saved(sixteen, "PNG"), saved(whole, "TIFF"), saved(parts, "TIFF"), saved(THREE.quantize(16), "PNG")]
    contents += [saved(THREE.convert("1"), "PNG"), saved(THREE.convert("CMYK"), "TIFF"), saved(THREE.convert("LA"), "PNG")]
    for content in contents:
        assert np.abs(np.int16(read(content)) - PLAIN).mean() < 8


def test_a_float_picture_may_hold_anything():
    grey = np.asarray(THREE.convert("L")) / np.float32(255)
    grey[0, 0], grey[0, 1], grey[1, 0] = np.nan, np.inf, -np.inf
    with pytest.raises(UnreadablePicture):  # beside infinity all else is black
        read(saved(Image.fromarray(grey), "TIFF"))


REFUSED = {
    "empty": (b"", "not a picture that can be read; wanted PNG, JPEG"),
    "text": (b"hello", "not a picture"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "postscript, which would be run": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\nquit\n", "not a picture"),
    "pdf": (b"%PDF-1.4\n", "not a picture"),
    "one pixel": (saved(Image.new("L", (1, 1)), "PNG"), "too small or too narrow: 1 x 1"),
    "one row": (saved(Image.new("L", (200, 1)), "PNG"), "too small or too narrow"),
    "constant": (saved(Image.new("RGB", (90, 90), (7, 70, 200)), "PNG"), "blank"),
    "constant, 16 bits": (saved(Image.fromarray(np.full((60, 60), 40000, np.uint16)), "PNG"), "blank"),
    "all transparent": (saved(Image.new("RGBA", (60, 60)), "PNG"), "no ink found|blank|transparent"),
    "cut off": (saved(THREE, "PNG")[:300], "not a picture that can be used"),
    "cut off, JPEG": (saved(THREE, "JPEG")[:700], "not a picture that can be used: .*truncated"),
    "cut off, GIF": (saved(THREE, "GIF")[:900], "not a picture that can be used"),
    "no rows": (png(90, 90, 8, 2), "not a picture that can be used"),
    "a palette that is missing": (png(60, 60, 8, 3, bytes(61 * 60)), ""),
    "a header that promises too much": (png(2**31 - 1, 2**31 - 1, 8, 6), ""),
    "a bomb": (png(20_000, 20_000, 1, 0, bytes(20_000)), ""),
    "a bomb in a text": (png(60, 60, 8, 0, bytes(61 * 60), (b"zTXt", b"a\0\0" + zlib.compress(bytes(50 << 20)))), ""),
    "a bomb in a profile": (png(60, 60, 8, 0, bytes(61 * 60), (b"iCCP", b"a\0\0" + zlib.compress(bytes(50 << 20)))), ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_of_a_digit_is_refused_in_one_line(case):
    content, message = REFUSED[case]
    tracemalloc.start()
    try:
        with pytest.raises(UnreadablePicture, match=message or None) as error:
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert str(error.value).isprintable()
    assert 10 < len(str(error.value)) < 300


def test_only_the_formats_that_are_asked_for():
    with pytest.raises(UnreadablePicture, match="wanted PNG, GIF"):
        read(saved(THREE, "JPEG"), formats=("PNG", "GIF"))


def test_nothing_larger_than_is_allowed_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(TooManyPixels, match="8000 x 8000 pixels; 50 million"):
        read(png(8000, 8000, 8, 2))
    with pytest.raises(TooManyPixels, match="2000 x 2001 pixels; 4 million"):
        read(png(2000, 2001, 8, 2), most_pixels=4_000_000)
    assert MOST_PIXELS == 50_000_000


CHILD = """
import resource, sys
import numpy as np
from PIL import Image
from scratchnet.picture_file import read_digit

read_digit(sys.argv[1])  # what is imported on first use
pages = int(open("/proc/self/statm").read().split()[0])
most = pages * resource.getpagesize() + 20 * int(sys.argv[3]) + (100 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(read_digit(sys.argv[2]).shape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc; elsewhere a process can't be held to a limit")
@pytest.mark.parametrize("mode", ["RGBA", "P", "I;16"])
def test_a_picture_costs_twenty_bytes_a_pixel_and_a_hundred_megabytes(tmp_path, mode):
    """The whole process is held to that, with what Pillow allocates in C: with less, it ends in a MemoryError."""
    side = 2200
    large = THREE.resize((side, side), Image.Resampling.NEAREST)
    grey = np.asarray(large.convert("L"))
    large = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else large.convert(mode)
    small, file = tmp_path / "small", tmp_path / "large"
    large.resize((90, 90), Image.Resampling.NEAREST).save(small, "TIFF")
    large.save(file, "TIFF")
    command = [sys.executable, "-c", CHILD, str(small), str(file), str(side * side)]
    environment = os.environ | {"PYTHONPATH": str(Path(scratchnet.__file__).parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(28, 28)\n", "")


def test_a_large_photograph_is_decoded_smaller():
    content = saved(THREE.resize((4400, 4400), Image.Resampling.NEAREST), "JPEG")
    digit = read(content)
    assert np.abs(np.int16(digit) - PLAIN).mean() < 8
