import io

import numpy as np
import pytest
from pictures import KINDS, coverage, draw, image, on, photographed
from PIL import Image, ImageFilter, ImageOps

from scratchnet.picture import UnreadablePicture, digit_from_picture, to_rgb

# --- digit_from_picture: what comes out -------------------------------------------------------------------------------


def rng(seed=0):
    return np.random.default_rng(seed)


def ink_box(digit):
    i, j = np.nonzero(digit)
    return i.min(), i.max() + 1, j.min(), j.max() + 1


def centre_of_mass(digit):
    weight = digit / digit.sum()
    return float(weight.sum(1) @ np.arange(28)), float(weight.sum(0) @ np.arange(28))


def likeness(a, b):
    """1 for the same shape: cosine between two images, the best of nine neighbouring places."""
    a, b = np.float64(a), np.pad(np.float64(b), 1)
    shifted = [b[i : i + 28, j : j + 28] for i in range(3) for j in range(3)]
    return max(float((a * s).sum() / np.sqrt((a**2).sum() * (s**2).sum())) for s in shifted)


def dark_on_light(cover):
    return image(255 - 255 * cover)


def assert_looks_like_mnist(digit):
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    top, bottom, left, right = ink_box(digit)
    assert 18 <= max(bottom - top, right - left) <= 20  # fits the box, and fills it
    assert abs(centre_of_mass(digit)[0] - 14) <= 0.5
    assert abs(centre_of_mass(digit)[1] - 14) <= 0.5
    assert digit.max() == 255
    assert (digit[digit > 0] >= 250).mean() > 0.2  # the middle of the strokes is saturated, their edges are soft
    assert ((digit > 10) & (digit < 245)).mean() > 0.02
    assert 10 < digit.mean() < 70  # 99 % of MNIST's training images: 12.6 .. 62.7


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_an_mnist_image(kind):
    digit = 3 * KINDS.index(kind) % 10
    assert_looks_like_mnist(digit_from_picture(draw(digit, kind)))


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_becomes_an_mnist_image(digit):
    cover = coverage(digit, rng(digit), (120, 120), height=80, pen=9)
    assert_looks_like_mnist(digit_from_picture(dark_on_light(cover)))


def test_the_same_picture_gives_the_same_digit_and_is_left_alone():
    picture = draw(4, "coloured")
    before = np.array(picture)
    np.testing.assert_array_equal(digit_from_picture(picture), digit_from_picture(picture.copy()))
    np.testing.assert_array_equal(np.array(picture), before)
    array = before.copy()
    np.testing.assert_array_equal(digit_from_picture(array), digit_from_picture(picture))
    np.testing.assert_array_equal(array, before)


# --- digit_from_picture: what does not matter -------------------------------------------------------------------------


@pytest.mark.parametrize("digit", [0, 4, 8])
def test_dark_on_light_is_the_same_as_light_on_dark(digit):
    pixels = np.asarray(dark_on_light(coverage(digit, rng(), (150, 110), height=70, pen=8)))
    np.testing.assert_allclose(
        np.int16(digit_from_picture(pixels)), np.int16(digit_from_picture(255 - pixels)), rtol=0, atol=2
    )


def test_inverting_the_colours_of_a_photograph_changes_little():
    photo = draw(5, "photograph").resize((300, 400))
    assert likeness(digit_from_picture(photo), digit_from_picture(ImageOps.invert(photo))) > 0.95


@pytest.mark.parametrize("shift", [(0, 0), (-30, 20), (31, -25), (30, 30)])
def test_the_place_on_the_page_does_not_matter(shift):
    cover = np.pad(coverage(2, rng(), (90, 90), height=70, pen=7), 40)
    moved = digit_from_picture(dark_on_light(np.roll(cover, shift, (0, 1))))
    np.testing.assert_allclose(np.int16(moved), np.int16(digit_from_picture(dark_on_light(cover))), rtol=0, atol=8)


@pytest.mark.parametrize("size", [40, 64, 130, 300, 1100])
def test_the_size_hardly_matters(size):
    def at(size):
        return digit_from_picture(dark_on_light(coverage(6, rng(), (size, size), height=0.7 * size, pen=0.08 * size)))

    assert likeness(at(size), at(200)) > 0.92


def test_a_digit_at_the_very_edge_of_the_picture_is_kept():
    cover = coverage(3, rng(), (200, 200), height=140, pen=16)
    i, j = np.nonzero(cover)
    tight = cover[i.min() : i.max() + 1, j.min() : j.max() + 1]
    assert likeness(digit_from_picture(dark_on_light(tight)), digit_from_picture(dark_on_light(cover))) > 0.97


@pytest.mark.parametrize("dark", [0.2, 0.5])
def test_shading_and_noise_leave_no_trace(dark):
    cover = coverage(5, rng(), (300, 240), height=150, pen=13)
    clean = digit_from_picture(dark_on_light(cover))
    photo = digit_from_picture(image(photographed(on((225, 220, 210), (40, 40, 60), cover), rng(1), dark=dark)))
    assert likeness(photo, clean) > 0.95
    far = np.asarray(Image.fromarray(clean).filter(ImageFilter.MaxFilter(7))) == 0  # 3 pixels from any ink
    assert far.sum() > 200
    assert photo[far].max() == 0


def test_a_hard_shadow_leaves_no_trace():
    cover = coverage(2, rng(), (240, 240), height=120, pen=11)
    page = on((225, 220, 210), (40, 40, 60), cover)
    clean = digit_from_picture(image(page))
    page[:, 120:] *= 0.6  # the edge goes right through the digit
    assert likeness(digit_from_picture(image(page)), clean) > 0.9


def test_dust_is_dropped():
    pixels = np.asarray(dark_on_light(coverage(8, rng(), (200, 200), height=110, pen=10))).copy()
    clean = digit_from_picture(pixels)
    for i, j in [(5, 5), (12, 190), (100, 8), (195, 100), (190, 192), (20, 100)]:
        pixels[i : i + 2, j : j + 2] = 0
    np.testing.assert_allclose(np.int16(digit_from_picture(pixels)), np.int16(clean), rtol=0, atol=2)


@pytest.mark.parametrize("squared", [False, True])
def test_pale_ruled_lines_are_dropped(squared):
    cover = coverage(3, rng(), (200, 200), height=120, pen=11)
    page = np.full((200, 200, 3), 245.0)
    page[10::25] = (185, 205, 235)
    if squared:
        page[:, 10::25] = (185, 205, 235)
    ruled = digit_from_picture(image(on(page, (30, 30, 90), cover)))
    assert likeness(ruled, digit_from_picture(image(on((245, 245, 245), (30, 30, 90), cover)))) > 0.94


def test_the_detached_bar_of_a_five_is_kept():
    picture = Image.new("L", (100, 140), 255)
    picture.paste(0, (28, 52, 36, 80))  # the body: down, right, down, left
    picture.paste(0, (28, 72, 66, 80))
    picture.paste(0, (58, 72, 66, 112))
    picture.paste(0, (28, 104, 66, 112))
    body = ink_box(digit_from_picture(picture))
    picture.paste(0, (38, 30, 78, 38))  # the bar, 14 pixels above
    top, bottom, left, right = ink_box(digit_from_picture(picture))
    assert (bottom - top) / (right - left) == pytest.approx(82 / 50, abs=0.1)
    assert (body[1] - body[0]) / (body[3] - body[2]) == pytest.approx(60 / 38, abs=0.1)


def test_what_reaches_in_from_the_border_is_dropped():
    page = on((225, 222, 215), (30, 30, 50), coverage(3, rng(), (260, 260), height=120, pen=10))
    clean = digit_from_picture(image(page))
    page[:, :30] = (80, 60, 40)  # a table beside the sheet
    page[235:] = (200, 30, 30)
    assert likeness(digit_from_picture(image(page)), clean) > 0.97


@pytest.mark.parametrize("angle", [0, 7])
def test_a_sheet_on_a_dark_table_is_looked_into(angle):
    sheet = image(on((225, 222, 215), (30, 30, 50), coverage(6, rng(), (260, 200), height=110, pen=9)))
    clean = digit_from_picture(sheet.rotate(angle, fillcolor=(225, 222, 215), resample=Image.Resampling.BILINEAR))
    table = Image.new("RGB", (330, 360), (70, 50, 35))
    turned = sheet.convert("RGBA").rotate(angle, expand=True, resample=Image.Resampling.BILINEAR)
    table.paste(turned, (40, 35), turned)
    assert likeness(digit_from_picture(table), clean) > 0.95


def test_a_pen_of_the_papers_lightness_is_seen_by_its_colour():
    cover = coverage(9, rng(), (160, 160), height=110, pen=11)
    orange_on_blue = image(on((110, 160, 235), (235, 135, 40), cover))
    grey = np.asarray(orange_on_blue.convert("L"), float)
    assert np.ptp(grey) < 20  # nearly nothing to be seen in grey
    assert likeness(digit_from_picture(orange_on_blue), digit_from_picture(dark_on_light(cover))) > 0.98


@pytest.mark.parametrize("pen", [1.2, 2, 3])
def test_thin_pens_are_thickened(pen):
    thin = digit_from_picture(dark_on_light(coverage(0, rng(), (300, 300), height=240, pen=pen)))
    assert_looks_like_mnist(thin)
    width = 2 * (thin > 127).sum() / perimeter(thin > 127)
    assert 1.8 < width < 4


def test_a_thick_marker_is_thinned_but_not_torn():
    thick = digit_from_picture(dark_on_light(coverage(0, rng(), (300, 300), height=160, pen=60)))
    top, _, left, _ = ink_box(thick)
    assert thick[14, 14] == 0  # the hole is still open
    assert (thick[:, 14] > 127)[top:14].sum() <= 6
    assert (thick[14] > 127)[left:14].sum() <= 6


def perimeter(mask):
    padded = np.pad(mask, 1).astype(int)
    return np.abs(np.diff(padded, axis=0)).sum() * 0.8 + np.abs(np.diff(padded, axis=1)).sum() * 0.8


# --- digit_from_picture: images that are MNIST's already ---------------------------------------------------------------


@pytest.mark.parametrize("digit", range(10))
def test_what_looks_like_mnist_stays_as_it_is(digit):
    mnist_like = digit_from_picture(dark_on_light(coverage(digit, rng(digit), (160, 160), height=110, pen=13)))
    again = digit_from_picture(mnist_like)
    assert np.abs(np.int16(again) - np.int16(mnist_like)).mean() < 1.5


@pytest.mark.mnist
def test_real_mnist_images_stay_as_they_are(mnist_dir):
    from scratchnet.datasets.mnist import load

    images = load(mnist_dir, "test").images[:200]
    changes = [np.abs(np.int16(digit_from_picture(x)) - np.int16(x)).mean() for x in images]
    assert np.median(changes) < 0.5
    assert np.mean(np.array(changes) < 2) > 0.9  # the others are shifted by a pixel, or have thickened hairs


# --- digit_from_picture: kinds of files ---------------------------------------------------------------------------------


def example():
    return dark_on_light(coverage(7, rng(), (120, 90), height=70, pen=8))


def transparent(ink):
    cover = coverage(7, rng(), (120, 90), height=70, pen=8)
    plane = np.full_like(cover, ink)
    return image(np.dstack([plane, plane, plane, 255 * cover]))


def with_hole_at_the_corner():
    picture = example().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 10, 10))
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        example().convert("RGB"),
        example().convert("1", dither=Image.Dither.NONE),
        example().convert("P"),
        example().convert("RGB").quantize(8),
        example().convert("LA"),
        example().convert("RGBA"),
        example().convert("CMYK"),
        example().convert("YCbCr"),
        example().convert("HSV"),
        example().convert("LAB") if hasattr(Image.core, "littlecms") else example(),
        Image.fromarray(np.asarray(example()).astype(np.uint16) * 257),
        Image.fromarray(np.asarray(example()).astype(np.int32) * 257),
        Image.fromarray(np.asarray(example()).astype(np.int32)),
        Image.fromarray(np.asarray(example()).astype(np.float32)),
        Image.fromarray(np.asarray(example()).astype(np.float32) / 255),
        np.asarray(example()),
        np.asarray(example().convert("RGB")),
        np.asarray(example().convert("RGBA")),
        np.asfortranarray(np.asarray(example())),
        transparent(0),
        transparent(255),
        transparent(60),
        transparent(210),
        with_hole_at_the_corner(),
    ],
    ids=lambda p: f"{p.mode}" if isinstance(p, Image.Image) else f"array-{p.shape}",
)
def test_every_mode(picture):
    assert likeness(digit_from_picture(picture), digit_from_picture(example())) > 0.97


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_note_that_says_which_side_is_up(orientation):
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = example().transpose(turn[orientation]) if orientation in turn else example()
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, "PNG", exif=exif)
    file.seek(0)
    with Image.open(file) as picture:
        np.testing.assert_array_equal(digit_from_picture(picture), digit_from_picture(example()))


@pytest.mark.parametrize(("w", "h", "reduced"), [(1024, 700, (700, 1024)), (1025, 40, (20, 513)), (3000, 2200, (734, 1000))])
def test_large_pictures_are_reduced_first(w, h, reduced):
    assert to_rgb(Image.new("L", (w, h))).shape == (*reduced, 3)


# --- digit_from_picture: what can't be read ----------------------------------------------------------------------------


def unreadable(picture):
    """The message, which is one line and no programmer's."""
    with pytest.raises(UnreadablePicture) as info:
        digit_from_picture(picture)
    message = str(info.value)
    assert "\n" not in message
    assert 10 < len(message) < 120
    return message


def two_digits(a, b, gap):
    drawn = [coverage(d, rng(k), (160, 260), height=90, pen=9) for k, d in enumerate((a, b))]
    boxes = [np.flatnonzero(cover.any(axis=0)) for cover in drawn]
    shift = boxes[0][-1] + gap - boxes[1][0]
    return dark_on_light(np.roll(np.maximum(drawn[0], np.roll(drawn[1], shift, 1)), -shift // 2, 1))


@pytest.mark.parametrize("level", [0, 90, 255])
def test_blank(level):
    assert "no ink found: the picture is blank" in unreadable(np.full((60, 80), level, np.uint8))


def test_blank_says_how_blank():
    picture = np.full((60, 80, 3), 200, np.uint8)
    picture[::2] += 3
    assert unreadable(picture) == "no ink found: the picture is blank (all pixels within 3 grey levels)"


@pytest.mark.parametrize("size", [(28, 28), (150, 110)])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise(size, seed):
    r = rng(seed)
    messages = [
        unreadable(r.integers(0, 256, size, dtype=np.uint8)),
        unreadable(r.integers(0, 256, (*size, 3), dtype=np.uint8)),
        unreadable(image(r.normal(128, 12, size))),
        unreadable(image(255.0 * (r.random(size) < 0.02))),
    ]
    assert all(m.startswith(("no ink found", "no digit found")) for m in messages)
    assert any("noise" in m or "specks" in m for m in messages)


@pytest.mark.parametrize("seed", range(3))
def test_a_photograph_of_blank_paper(seed):
    blank = photographed(np.full((300, 240, 3), (225.0, 220, 210)), rng(seed))
    assert unreadable(image(blank)).startswith(("no ink found", "no digit found"))


def test_smooth_shading_alone_is_no_ink():
    assert "no ink found" in unreadable(np.linspace(0, 255, 200).astype(np.uint8)[None].repeat(150, 0))


def test_ruled_paper_without_a_digit():
    page = np.full((140, 140), 245, np.uint8)
    page[5::10] = 180
    assert "no digit found" in unreadable(page)


def test_a_solid_shape():
    square = np.full((60, 60), 255, np.uint8)
    square[15:45, 15:45] = 0
    assert "solid shape" in unreadable(square)


def test_ink_everywhere():
    page = np.full((64, 64), 255, np.uint8)
    page[4:60, 4:60] = 0
    assert unreadable(page) == "no digit found: ink nearly everywhere (77 % of the picture)"


@pytest.mark.parametrize(("a", "b"), [(1, 1), (4, 2), (1, 0), (7, 3), (8, 8)])
@pytest.mark.parametrize("gap", [14, 30, 60])
def test_two_digits(a, b, gap):
    assert "looks like more than one digit" in unreadable(two_digits(a, b, gap))


def test_two_digits_one_above_the_other():
    cover = coverage(2, rng(), (120, 100), height=70, pen=8)
    assert "looks like more than one digit" in unreadable(dark_on_light(np.vstack([cover, cover])))


def test_only_specks():
    page = np.full((300, 300), 255, np.uint8)
    page[100:102, 50:52] = 0
    page[200:202, 250:252] = 0
    assert "only specks" in unreadable(page)


def test_fully_transparent():
    assert "fully transparent" in unreadable(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))


@pytest.mark.parametrize("size", [(1, 1), (1, 28), (28, 1), (4, 4), (3000, 8)])
def test_too_small(size):
    assert "too small or too narrow" in unreadable(Image.new("L", size))


def test_a_block_too_small_for_a_rectangle_inside_is_no_sheet():
    """Found by the fuzzer: a rectangle without pixels was taken for one."""
    picture = np.zeros((4000, 30), np.uint8)
    picture[23:30, 2] = 183
    assert "no ink found" in unreadable(picture)


@pytest.mark.parametrize("shape", [(0, 0), (0, 28), (28, 0), (0, 5, 3)])
def test_empty_arrays(shape):
    assert "the picture is empty" in unreadable(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "array", [np.zeros((28, 28)), np.zeros((28, 28), bool), np.zeros(28, np.uint8), np.zeros((3, 28, 28), np.uint8)]
)
def test_arrays_that_are_no_pictures(array):
    with pytest.raises(ValueError, match=r"uint8 \(H, W\), \(H, W, 3\) or \(H, W, 4\), got") as info:
        digit_from_picture(array)
    assert not isinstance(info.value, UnreadablePicture)
