"""Sheets as a reader of PDF sees them: poppler's programs, which share nothing with who sets them."""

import re
import subprocess
from html import unescape
from typing import NamedTuple

_WORD = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>')
#: It looks for an object where the standard has a plain value.
_KNOWN = {b"Syntax Error: Suspects object is wrong type (boolean)"}
_PAGE = re.compile(r'<page width="(.*?)" height="(.*?)">(.*?)</page>', re.DOTALL)


class Word(NamedTuple):
    """A word of a page, and its box in points from the top left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


class Page(NamedTuple):
    """A page: width and height in points, and its words."""

    width: float
    height: float
    words: tuple[Word, ...]


def run(program: str, *arguments: str, pdf: bytes) -> bytes:
    """Return what a program of poppler says of a PDF; it complains of nothing in it."""
    found = subprocess.run([program, *arguments], input=pdf, capture_output=True, check=True)
    assert set(found.stderr.splitlines()) <= _KNOWN
    return found.stdout


def text(pdf: bytes) -> str:
    """Return the text of a PDF, page after page, as a reader copies it."""
    return run("pdftotext", "-", "-", pdf=pdf).decode()


def pages(pdf: bytes) -> list[Page]:
    """Return the pages of a PDF with the box of every word."""
    said = run("pdftotext", "-bbox", "-", "-", pdf=pdf).decode()
    return [
        Page(float(width), float(height), tuple(_word(found) for found in _WORD.findall(body)))
        for width, height, body in _PAGE.findall(said)
    ]


def _word(found: tuple[str, ...]) -> Word:
    left, top, right, bottom = map(float, found[:4])
    return Word(unescape(found[4]), left, top, right, bottom)


def fonts(pdf: bytes) -> list[tuple[str, bool]]:
    """Return the name of each font of a PDF without its subset's tag, and whether it is embedded."""
    lines = run("pdffonts", "-", pdf=pdf).decode().splitlines()[2:]
    return [(line.split()[0].partition("+")[2], line.split()[-5] == "yes") for line in lines]


def facts(pdf: bytes) -> dict[str, str]:
    """Return what a PDF says about itself."""
    lines = run("pdfinfo", "-", pdf=pdf).decode().splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
