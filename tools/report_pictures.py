"""Draws docs/pictures from reports: python -m tools.report_pictures FOLDER, with a folder FOLDER/NAME of each report.

A picture is the report's page in Chromium without its longer tables, 720 pixels wide.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops

from pipelines.reports.writing import KINDS

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH, HEIGHT = 720, 4_000  # pixels; what is empty below is cut off
MARGIN = 24
ROWS = 16  # of a table that is kept
COLOURS = 96
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)


def main() -> int:
    """Draw each; status 1 where there is no browser."""
    arguments = argparse.ArgumentParser(prog="python -m tools.report_pictures", description=__doc__)
    arguments.add_argument("folder", type=Path)
    folder: Path = arguments.parse_args().folder
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("there is no chromium to draw with\n")
        return 1
    for name in KINDS:
        draw(browser, (folder / name / "index.html").read_text(), PICTURES / f"report-{name}.png")
    return 0


def draw(browser: str, page: str, picture: Path) -> None:
    """Draw a page, down to where it ends."""
    with TemporaryDirectory(prefix="segue-picture-") as folder:
        short, drawn = Path(folder, "page.html"), Path(folder, "page.png")
        short.write_text(_TABLE.sub(lambda table: table[0] if table[0].count("<tr>") <= ROWS else "", page))
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={drawn}"]
        subprocess.run([browser, *words, *size, short.as_uri()], check=True, capture_output=True)
        whole = Image.open(drawn).convert("RGB")
    empty = Image.new("RGB", whole.size, whole.getpixel((0, HEIGHT - 1)))
    _, _, _, bottom = ImageChops.difference(whole, empty).getbbox() or (0, 0, 0, HEIGHT)
    whole.crop((0, 0, WIDTH, min(HEIGHT, bottom + MARGIN))).quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
