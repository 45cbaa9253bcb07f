"""Sheets as PDF: typst sets them from a source of ours and what is given to it as data.

A text out of the record is never part of a source: it goes in as JSON, where it cannot be taken
for anything but text. The sheets are set in our typeface alone, whatever the machine has, and
kept as PDF/A: an archive can read them in thirty years, and a character without a glyph is an
error instead of an empty box.
"""

import json
import tempfile
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import typst

from geo.errors import GuatuError
from webmap import typeface
from webmap.assets import CHECKOUT

#: Our sources; what several share is imported by them from beside them.
SOURCES = CHECKOUT / "webmap" / "templates"
STANDARD = "a-2u"
Made = TypeVar("Made")


class Files:
    """What the pages of a document share: drawings, each under a name of its own, and what is made once."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._made: dict[Hashable, object] = {}

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is the same on all pages for a key, made for the first of them."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def add(self, svg: str) -> str:
        """Keep a drawing; return its name."""
        if svg not in self._names:
            self._names[svg] = f"drawing-{len(self.files)}.svg"
            self.files[self._names[svg]] = svg
        return self._names[svg]


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Return the typeface, loaded once a process."""
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(typeface.FOLDER)]
    )


def source(name: str) -> str:
    """Return a source of ours, by the name of its file among the templates."""
    return (SOURCES / name).read_text(encoding="utf-8")


def data(value: object) -> bytes:
    """Return a value as the JSON that a source reads, with every text in it as a sheet can show it.

    >>> data({"name": "幸福里😀"}).decode()
    '{"name": "幸福里〓"}'
    """
    return json.dumps(_printable(value), ensure_ascii=False, allow_nan=False).encode()


def _printable(value: object) -> object:
    if isinstance(value, str):
        return typeface.printable(value)
    if isinstance(value, Mapping):
        return {name: _printable(one) for name, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list | tuple) else value


def typeset(source: str, files: Mapping[str, bytes | str], made_on: date, *, tagged: bool = True) -> bytes:
    """Return the PDF of a source; the same arguments give the same bytes.

    Args:
        source: typst, written by us; nothing out of the record is in it.
        files: what it may read, by name: data as JSON (see ``data``), drawings as SVG, other
            sources. It can read nothing else.
        made_on: the day the PDF says it was made on.
        tagged: with the order in which it is read aloud, which a sheet to be hung up has no use for.

    Raises:
        GuatuError: the source is wrong, or the typeface lacks a character of a text. What typst
            would only warn of is an error too.
    """
    with tempfile.TemporaryDirectory(prefix="guatu-sheet-") as root:
        for name, content in files.items():
            Path(root, name).write_bytes(content.encode() if isinstance(content, str) else content)
        compiler = typst.Compiler(root=root, font_paths=_fonts(), ignore_system_fonts=True)
        moment = datetime.combine(made_on, time(), UTC)
        try:
            pdf, warnings = compiler.compile_with_warnings(
                source.encode(),
                format="pdf",
                timestamp=moment,
                pdf_standards=[STANDARD],
                pdf_tags=tagged,
            )
        except typst.TypstError as error:
            raise GuatuError("The sheet could not be set: %(reason)s.", reason=_reason(error)) from error
    if warnings:
        raise GuatuError("The sheet could not be set: %(reason)s.", reason=_reason(warnings[0]))
    return pdf


def _reason(said: typst.TypstError | typst.TypstWarning) -> str:
    return " ".join(said.message.split()).rstrip(".")
