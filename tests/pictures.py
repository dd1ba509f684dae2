"""Digits as a person would draw, scan or photograph them, made from pen strokes with NumPy and Pillow.

``draw(digit, kind, seed)`` returns a PIL image; ``KINDS`` names what it can look like. The strokes are written down here by
hand, two or three ways of writing per digit (no fonts, no data set); the seed chooses one and varies slant, rotation,
proportions, pressure and tremble. The same three arguments give the same picture.
"""

import io
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray
Rng = np.random.Generator

# A stroke is a list of points "x,y" in hundredths of the digit's height, x to the right and y down. The pen passes them
# smoothly, but for a "!" where it makes a corner. A way of writing is a list of strokes.
WRITING: dict[int, list[list[str]]] = {
    0: [
        ["55,3 28,10 12,48 24,88 48,98 74,85 84,48 72,12 46,4"],
        ["62,10 40,3 20,25 16,62 30,93 52,95 68,68 72,32 58,6 44,8"],
    ],
    1: [
        ["52,2 50,50 47,100"],
        ["36,22 46,13 54,2! 53,50 52,100"],
        ["34,20 50,2! 50,98", "28,98 50,97 74,98"],
    ],
    2: [
        ["14,24 30,5 60,3 78,22 66,52 36,80 10,97! 50,94 90,96"],
        ["20,18 42,2 70,12 70,38 46,72 22,93 10,90 18,78 40,84 64,97 92,88"],
    ],
    3: [
        ["18,12 46,2 74,14 70,35 40,47! 70,54 82,75 62,95 34,98 12,87"],
        ["18,5 48,6 78,4! 60,22 44,40! 72,48 80,72 60,95 30,98 14,90"],
    ],
    4: [
        ["26,4 18,30 12,56! 50,55 90,52", "70,10 66,55 62,100"],
        ["64,2 36,32 8,64! 50,63 92,62", "66,3 66,50 64,100"],
    ],
    5: [
        ["28,6 25,25 21,46! 48,38 76,54 78,78 52,97 16,92", "28,6 55,5 84,3"],
        ["80,5 55,5 32,7! 26,44! 54,40 76,60 68,88 40,99 16,90"],
        ["26,16 24,30 22,46! 50,42 74,58 72,84 46,98 18,93", "32,4 56,5 82,1"],
    ],
    6: [
        ["68,3 40,20 20,52 22,86 48,98 74,86 74,64 50,55 24,72"],
        ["50,2 32,30 22,64 32,94 58,96 74,78 60,60 40,66 27,84"],
    ],
    7: [
        ["12,8 48,7 84,5! 60,50 42,100"],
        ["14,20 16,6! 48,7 82,5! 62,38 50,70 46,100"],
        ["12,6 48,6 84,4! 60,50 40,100", "34,50 58,48 82,49"],
    ],
    8: [
        ["74,14 50,2 26,15 32,36 56,48 80,70 70,94 44,99 20,86 24,64 50,46 72,30 73,13"],
        ["50,3 30,12 30,36 50,46 70,36 72,14 52,3", "50,47 24,62 22,86 48,98 76,88 78,64 52,47"],
    ],
    9: [
        ["74,20 52,3 26,14 22,38 46,50 70,36 75,14! 74,55 68,100"],
        ["72,12 48,3 24,22 30,46 54,44 72,18! 72,55 64,88 44,99 24,92"],
    ],
}


# --- from strokes to coverage -----------------------------------------------------------------------------------------


def strokes(digit: int, rng: Rng) -> list[Array]:
    """Dense points (n, 2), x and y, of every stroke of one way of writing the digit, as one hand would vary it."""
    style = WRITING[digit][rng.integers(len(WRITING[digit]))]
    angle, slant = rng.normal(0, 0.05), rng.normal(-0.08, 0.10)
    stretch = rng.uniform(0.85, 1.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[stretch, slant], [0, 1]])
    out = []
    for stroke in style:
        points = np.array([point.rstrip("!").split(",") for point in stroke.split()], float) / 100
        moved = points + rng.normal(0, 0.012, points.shape)
        corners = [k for k, point in enumerate(stroke.split()) if point.endswith("!")]
        dense = np.concatenate([_smooth(piece) for piece in _cut(moved, corners)])
        wave = np.cumsum(rng.normal(0, 1, dense.shape), axis=0)
        dense = dense + 0.006 * (wave - wave.mean(0)) / (np.abs(wave).max() + 1e-9)
        out.append((dense - 0.5) @ matrix.T + 0.5)
    return out


def _cut(points: Array, corners: list[int]) -> list[Array]:
    """Pieces from corner to corner; both neighbours own the corner."""
    ends = [0, *corners, len(points) - 1]
    return [points[a : b + 1] for a, b in pairwise(ends)]


def _smooth(points: Array) -> Array:
    """A Catmull-Rom curve through points (n, 2), n > 1."""
    p = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, 25)[:, None]
    basis = np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3]) / 2
    return np.concatenate([basis @ p[k : k + 4] for k in range(len(points) - 1)])


def coverage(
    digit: int, rng: Rng, shape: tuple[int, int], *, height: float, pen: float, at: tuple[float, float] = (0.5, 0.5)
) -> Array:
    """Where the pen has been: float (H, W) in 0 .. 1.

    height and pen are in pixels, at is the middle of the digit as fractions of the picture (down, right).
    """
    h, w = shape
    sharper = 1 if max(shape) > 1200 else 2 if max(shape) > 300 else 4
    canvas = Image.new("L", (w * sharper, h * sharper), 0)
    pencil = ImageDraw.Draw(canvas)
    for points in strokes(digit, rng):
        xy = ((points - 0.5) * height + np.array([at[1] * w, at[0] * h])) * sharper
        pressure = pen * sharper * (1 + 0.12 * np.sin(np.linspace(0, rng.uniform(2, 7), len(xy)) + rng.uniform(0, 6)))
        for (x0, y0), (x1, y1), d in zip(xy, xy[1:], pressure, strict=False):
            pencil.line((x0, y0, x1, y1), fill=255, width=max(1, round(d)))
            if d > 2:
                pencil.ellipse((x1 - d / 2, y1 - d / 2, x1 + d / 2, y1 + d / 2), fill=255)
    return np.asarray(canvas.reduce(sharper) if sharper > 1 else canvas, np.float32) / 255


def on(page: Array | tuple[int, ...], ink: tuple[int, ...], cover: Array) -> Array:
    """Ink of one colour on a page of one colour, or of (H, W, 3): float (H, W, 3)."""
    return np.asarray(page, np.float32) * (1 - cover[..., None]) + np.array(ink, np.float32) * cover[..., None]


def photographed(scene: Array, rng: Rng, *, dark: float = 0.5, noise: float = 6, blur: float = 1.2) -> Array:
    """Light that falls off to one side and to the corners, a lens that is not quite sharp, a noisy sensor."""
    h, w, _ = scene.shape
    i, j = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None, :]
    direction = rng.uniform(0, 2 * np.pi)
    light = 1 - dark * (0.5 + 0.5 * (np.cos(direction) * i + np.sin(direction) * j) / 1.4) - 0.12 * (i**2 + j**2) / 2
    soft = np.asarray(image(scene * light[..., None]).filter(ImageFilter.GaussianBlur(blur)), np.float32)
    return soft + rng.normal(0, noise, scene.shape)


def image(pixels: Array) -> Image.Image:
    """Any numbers (H, W) or (H, W, 3 or 4) -> a picture, cut off at 0 and 255."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _as_file(picture: Image.Image, **options: object) -> Image.Image:
    """What comes back after saving as JPEG and opening again."""
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    reopened = Image.open(file)
    reopened.load()
    return reopened


# --- the kinds of pictures --------------------------------------------------------------------------------------------


def _plain(digit: int, rng: Rng) -> Image.Image:
    """Black on white, drawn in a square, as in a drawing program."""
    return image(on((255, 255, 255), (0, 0, 0), coverage(digit, rng, (280, 280), height=190, pen=20)))


def _inverted(digit: int, rng: Rng) -> Image.Image:
    """White on black."""
    return image(255 * coverage(digit, rng, (240, 320), height=180, pen=17))


def _photograph(digit: int, rng: Rng) -> Image.Image:
    """A ballpoint digit on white paper, photographed by lamp light."""
    cover = coverage(digit, rng, (800, 600), height=420, pen=24, at=(0.5, 0.48))
    return image(photographed(on((222, 216, 205), (40, 42, 60), cover), rng))


def _thin(digit: int, rng: Rng) -> Image.Image:
    """A fineliner: the stroke is a two-hundredth of the digit's height."""
    return image(on((250, 250, 248), (25, 25, 25), coverage(digit, rng, (1100, 900), height=820, pen=4)))


def _marker(digit: int, rng: Rng) -> Image.Image:
    """A broad marker that nearly fills the picture."""
    return image(on((240, 240, 235), (20, 20, 30), coverage(digit, rng, (400, 400), height=290, pen=66)))


def _small(digit: int, rng: Rng) -> Image.Image:
    """A small digit somewhere on a large page, with a few specks of dust."""
    cover = coverage(digit, rng, (1400, 1000), height=110, pen=9, at=(rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)))
    page = on((245, 244, 240), (50, 50, 60), cover)
    for i, j in rng.integers(20, 980, (12, 2)):
        page[i : i + 2, j : j + 2] = 90
    return image(page + rng.normal(0, 2, page.shape))


def _large(digit: int, rng: Rng) -> Image.Image:
    """A photograph of 3000 x 2200 pixels."""
    cover = coverage(digit, rng, (3000, 2200), height=1300, pen=55, at=(0.45, 0.55))
    i = np.linspace(0, 1, 3000, dtype=np.float32)[:, None]
    return image(on((230, 228, 220), (30, 30, 90), cover) * (1 - 0.35 * i)[..., None])


def _coloured(digit: int, rng: Rng) -> Image.Image:
    """A coloured pen on coloured paper of about the same lightness."""
    pairs = [
        ((255, 236, 130), (235, 80, 60)),
        ((170, 215, 160), (210, 120, 190)),
        ((250, 190, 200), (60, 160, 90)),
        ((120, 170, 230), (240, 130, 40)),
    ]
    paper, ink = pairs[rng.integers(len(pairs))]
    page = on(paper, ink, coverage(digit, rng, (500, 500), height=300, pen=26, at=(0.48, 0.53)))
    return image(page + rng.normal(0, 4, page.shape))


def _transparent(digit: int, rng: Rng) -> Image.Image:
    """Strokes on nothing: an RGBA picture, black ink or white."""
    cover = coverage(digit, rng, (256, 256), height=170, pen=15)
    level = np.full(cover.shape, 255.0 if rng.random() < 0.5 else 0.0)
    return image(np.dstack([level, level, level, 255 * cover]))


def _ruled(digit: int, rng: Rng) -> Image.Image:
    """On ruled or squared school paper, printed in pale blue."""
    page = np.full((600, 600, 3), (246, 246, 240), np.float32)
    lines = np.arange(rng.integers(10, 40), 600, 60 if rng.random() < 0.5 else 40)
    for k in lines:
        page[k : k + 2] = (190, 205, 230)
        if lines[1] - lines[0] == 40:
            page[:, k : k + 2] = (190, 205, 230)
    page = on(page, (35, 40, 110), coverage(digit, rng, (600, 600), height=330, pen=20))
    return image(photographed(page, rng, dark=0.25, noise=4))


def _jpeg(digit: int, rng: Rng) -> Image.Image:
    """Compressed hard: blocks, and ringing around the strokes."""
    picture = image(on((235, 235, 235), (60, 60, 60), coverage(digit, rng, (240, 240), height=150, pen=12)))
    return _as_file(picture, quality=12)


def _exif(digit: int, rng: Rng) -> Image.Image:
    """Stored lying on its side, with a note that says how to turn it, as telephones do."""
    upright = image(on((225, 225, 220), (30, 30, 40), coverage(digit, rng, (640, 480), height=360, pen=26)))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to see it upright
    return _as_file(upright.transpose(Image.Transpose.ROTATE_90), quality=85, exif=exif)


def _shadow(digit: int, rng: Rng) -> Image.Image:
    """A photograph with the shadow of a hand across one corner."""
    cover = coverage(digit, rng, (700, 700), height=330, pen=22)
    i, j = np.linspace(-1, 1, 700)[:, None], np.linspace(-1, 1, 700)[None, :]
    shadow = 1 - 0.4 / (1 + np.exp(-(i * rng.choice([-1, 1]) + j * rng.choice([-1, 1]) - 0.55) / 0.06))
    return image(photographed(on((225, 220, 212), (35, 35, 50), cover) * shadow[..., None], rng, dark=0.2))


def _pencil(digit: int, rng: Rng) -> Image.Image:
    """Pale pencil with grain in its stroke, photographed."""
    cover = coverage(digit, rng, (800, 800), height=450, pen=14)
    grain = np.clip(0.75 + 0.35 * rng.standard_normal((400, 400)), 0, 1).repeat(2, 0).repeat(2, 1)
    return image(photographed(on((228, 226, 220), (120, 120, 122), cover * grain), rng, dark=0.35, noise=5))


def _chalk(digit: int, rng: Rng) -> Image.Image:
    """Chalk on a green board."""
    cover = coverage(digit, rng, (600, 800), height=400, pen=26, at=(0.5, 0.45))
    grain = np.clip(0.8 + 0.4 * rng.standard_normal((300, 400)), 0, 1).repeat(2, 0).repeat(2, 1)
    return image(photographed(on((45, 80, 62), (225, 228, 220), cover * grain), rng, dark=0.3, noise=5))


def _bilevel(digit: int, rng: Rng) -> Image.Image:
    """A fax: one bit a pixel."""
    return _plain(digit, rng).convert("1", dither=Image.Dither.NONE)


def _tiny(digit: int, rng: Rng) -> Image.Image:
    """An icon of 18 x 18 pixels."""
    cover = coverage(digit, rng, (18, 18), height=14, pen=1.8)
    return image(255 - 225 * cover)


_DRAW: dict[str, Callable[[int, Rng], Image.Image]] = {
    "plain": _plain,
    "inverted": _inverted,
    "photograph": _photograph,
    "thin": _thin,
    "marker": _marker,
    "small": _small,
    "large": _large,
    "coloured": _coloured,
    "transparent": _transparent,
    "ruled": _ruled,
    "jpeg": _jpeg,
    "exif": _exif,
    "shadow": _shadow,
    "pencil": _pencil,
    "chalk": _chalk,
    "bilevel": _bilevel,
    "tiny": _tiny,
}

KINDS: tuple[str, ...] = tuple(_DRAW)


def draw(digit: int, kind: str, seed: int = 0) -> Image.Image:
    """A picture of one digit 0 .. 9, of one of KINDS; another seed is another hand."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 100 * KINDS.index(kind) + digit]))
    return _DRAW[kind](digit, rng)
