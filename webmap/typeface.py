"""The typeface of printed sheets: how wide its letters are, and which it lacks.

Read from the font files themselves, so that a sheet knows before it is set how much room a text
takes and that every character of it will be there. Names come from registers: what no typeface
can show (control characters) or ours does not hold is printed as 〓, the mark by which Chinese
printers say that a sort is missing, and the sheet tells which character it stands for.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from webmap.assets import VENDOR

FOLDER = VENDOR / "@expo-google-fonts" / "noto-sans-sc"
FAMILY = "Noto Sans SC"
REGULAR = FOLDER / "400Regular" / "NotoSansSC_400Regular.ttf"
BOLD = FOLDER / "700Bold" / "NotoSansSC_700Bold.ttf"

#: What stands for a character that cannot be shown.
MISSING = "〓"
#: A choice between forms of the character before it: ours has one form of each.
_SELECTORS = frozenset((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
#: Kinds of characters that are no letters: controls, directions, halves of pairs, private ones.
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Face(NamedTuple):
    """One weight: the advance of each character it holds, in ems, by code point."""

    advances: dict[int, float]

    def width(self, text: str, size: float = 1.0) -> float:
        """Return how wide a text is, set on one line at a size, without kerning.

        >>> face(BOLD).width("大观街道", 2.5)
        10.0
        """
        return size * sum(self.advances.get(ord(character), 1.0) for character in text)


@lru_cache(maxsize=2)
def face(path: Path = REGULAR) -> Face:
    """Return what is known of one weight of the typeface."""
    font = path.read_bytes()
    count = int.from_bytes(font[4:6], "big")
    tables = np.frombuffer(font, ">u4", count * 4, 12).reshape(-1, 4)
    at = {int(tag).to_bytes(4, "big"): int(offset) for tag, _, offset, _ in tables}
    units = int.from_bytes(font[at[b"head"] + 18 : at[b"head"] + 20], "big")
    measured = int.from_bytes(font[at[b"hhea"] + 34 : at[b"hhea"] + 36], "big")
    advances = np.frombuffer(font, ">u2", measured * 2, at[b"hmtx"]).reshape(-1, 2)[:, 0] / units
    codes, glyphs = _characters(font, at[b"cmap"])
    held = glyphs > 0
    widths = advances[np.minimum(glyphs[held], measured - 1)]
    return Face(dict(zip(codes[held].tolist(), widths.tolist(), strict=True)))


@lru_cache(maxsize=1 << 13)
def bold_ems(text: str) -> float:
    """Return how wide a text is in the bold weight, in ems."""
    return face(BOLD).width(text)


def _characters(font: bytes, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Return code points and their glyphs, from the font's table of segments (cmap format 12)."""
    count = int.from_bytes(font[at + 2 : at + 4], "big")
    listed = np.frombuffer(font, [("kind", ">u2", 2), ("offset", ">u4")], count, at + 4)
    starts = [at + int(offset) for offset in listed["offset"]]
    whole = next(start for start in starts if int.from_bytes(font[start : start + 2], "big") == 12)
    groups = int.from_bytes(font[whole + 12 : whole + 16], "big")
    first, last, glyph = np.frombuffer(font, ">u4", groups * 3, whole + 16).astype(int).reshape(-1, 3).T
    sizes = last - first + 1
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(first, sizes) + within, np.repeat(glyph, sizes) + within


@lru_cache(maxsize=1 << 16)
def _shown(character: str) -> bool:
    return ord(character) in face().advances and unicodedata.category(character) not in _UNSHOWN


@lru_cache(maxsize=1 << 13)
def _lacking(text: str) -> tuple[str, ...]:
    """Return the characters of one text that cannot be shown, each once, in the order they are met."""
    return tuple(dict.fromkeys(character for character in _plain(text) if not _shown(character)))


def lacking(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the characters of texts that cannot be shown, each once, in the order they are met.

    >>> lacking(["𬭁厂宿舍", "😀苑"])
    ('😀',)
    """
    return tuple(dict.fromkeys(character for text in texts for character in _lacking(text)))


def _plain(text: str) -> str:
    """Return a text on one line, without what chooses between the forms of a character."""
    if text.isalnum():
        return text
    spaced = (" " if c.isspace() else c for c in text if ord(c) not in _SELECTORS)
    return " ".join("".join(spaced).split())


@lru_cache(maxsize=1 << 13)
def printable(text: str) -> str:
    r"""Return a text as a sheet shows it: on one line, with 〓 for what cannot be shown.

    >>> printable("幸福\t里\x07😀")
    '幸福 里〓〓'
    """
    return "".join(c if _shown(c) else MISSING for c in _plain(text))
