"""Pictures of every view of the page, to be looked at.

scratchnet draw --no-browser &
python tests/e2e/screenshots.py FOLDER              # each view at 360, 1280 and 1920 pixels, light and dark
python tests/e2e/screenshots.py --readme            # the two in README.md
"""

import argparse
import io
from pathlib import Path

from conftest import QUIET, browser_path
from PIL import Image
from playwright.sync_api import Page, sync_playwright

VIEWS = ("forward", "backward", "why", "models")
WIDTHS = {360: 740, 1280: 860, 1920: 1080}
README = Path(__file__).resolve().parents[2] / "lessons" / "pictures"


def settled(page: Page) -> None:
    page.locator("body[data-busy=false]").wait_for()
    page.wait_for_timeout(1200)  # scrolling comes to rest


def open_view(page: Page, address: str, view: str) -> None:
    """The view with something to see: the second convolution, or its gradient."""
    page.goto(f"{address}#view-{view}")
    page.reload()
    page.locator("#answer", has_text="3").wait_for()
    settled(page)
    if view == "forward":
        page.locator("#forward [data-stage='3'] canvas").click(position={"x": 112, "y": 70})
    if view == "backward":
        page.get_by_role("button", name="All the way back").click()
    settled(page)


def every_view(page: Page, address: str, folder: Path, name: str) -> None:
    for view in VIEWS:
        open_view(page, address, view)
        page.screenshot(path=folder / f"{view}-{name}.png", full_page=True)


def for_readme(page: Page, address: str) -> None:
    """Small files: half the size, 128 colours."""
    page.set_viewport_size({"width": 1440, "height": 960})
    for view in ("forward", "backward"):
        open_view(page, address, view)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        small = picture.resize((960, 640), Image.Resampling.LANCZOS).quantize(128, dither=Image.Dither.NONE)
        small.save(README / f"draw-{view}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("."))
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--address", default="http://127.0.0.1:8028/")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*QUIET, "--no-sandbox"])
        if args.readme:
            for_readme(browser.new_page(color_scheme="light"), args.address)
        else:
            for width, height in WIDTHS.items():
                for theme in ("light", "dark"):
                    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
                    every_view(page, args.address, args.folder, f"{width}-{theme}")
        browser.close()


if __name__ == "__main__":
    main()
