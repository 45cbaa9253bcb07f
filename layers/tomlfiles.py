"""A city's own rules as TOML files, read with care: what is wrong is told by file, line, key and mend.

Score sheets, standards and timetables are such files. None is ever taken half: the first thing in
it that means nothing, or not what it must, is a RulesError.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from geo.errors import RulesError

_SYNTAX = re.compile(r"\s*\(at line (\d+), column \d+\)")


class Source:
    """Where a file says what, for whoever must mend it."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.lines = file, text.splitlines()

    def place(self, header: str, number: int, key: str) -> dict[str, object]:
        """Return the file, the line and the key: in the numbered part under a header ("" the top)."""
        bare = [line.split("#")[0].strip() for line in self.lines]
        under = ".".join(filter(None, (header.strip("[]"), key)))
        for head in (f"[{under}]", f"[[{under}]]"):
            if head in bare:
                return {"file": self.file, "line": bare.index(head) + 1, "key": key}
        heads = [i for i, line in enumerate(bare) if header and line == header]
        begin = heads[number] if number < len(heads) else 0
        for i in range(begin + bool(heads), len(bare)):
            if bare[i].startswith("["):
                break
            if re.match(rf'"?{re.escape(key)}"?\s*=', bare[i]):
                begin = i
                break
        return {"file": self.file, "line": begin + 1, "key": key}


class Part:
    """One part of a file: its values, and where they stand.

    ``header`` is that of the part ("" at the top), ``place`` tells those under the same header
    apart; ``within`` is the key of the list that a row of it stands in.
    """

    def __init__(
        self, source: Source, values: Mapping, header: str = "", place: int = 0, within: str = ""
    ) -> None:
        self.source, self.values, self.header, self.place = source, values, header, place
        self.within = within

    def __contains__(self, key: str) -> bool:
        """Return whether the part says anything of a key."""
        return key in self.values

    def at(self, key: str) -> dict[str, object]:
        """Return where a key stands, or should: file, line and key. A row stands where its list does."""
        return {**self.source.place(self.header, self.place, self.within or key), "key": key}

    def only(self, *known: str) -> None:
        """Refuse a key that means nothing here."""
        for key in self.values:
            if key not in known:
                raise RulesError(
                    "%(file)s, line %(line)s: nothing is called %(key)s here; it may be one of: %(known)s.",
                    known=", ".join(known),
                    **self.at(key),
                )

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise RulesError("%(file)s, line %(line)s: write a text for %(key)s.", **self.at(key))
        return value.strip()

    def one_of(self, key: str, known: Collection[str]) -> str:
        """Return one of the words that are known."""
        value = self.values.get(key)
        if value not in known:
            raise RulesError(
                "%(file)s, line %(line)s: %(key)s must be one of: %(known)s.",
                known=", ".join(known),
                **self.at(key),
            )
        return value

    def number(self, key: str, least: float, most: float, *, above: bool = False) -> float:
        """Return a number within bounds; ``above``: more than the least."""
        value = self.values.get(key)
        good = type(value) in (int, float) and least <= value <= most and not (above and value == least)
        if not good:
            raise RulesError(
                "%(file)s, line %(line)s: write a number from %(least)s to %(most)s for %(key)s,"
                " not %(value)s.",
                least=f"{least:g}",
                most=f"{most:g}",
                value=_said(value),
                **self.at(key),
            )
        return value

    def decimal(self, key: str, least: float, most: float, *, above: bool = False) -> Decimal:
        """Return a number within bounds exactly as it is written."""
        return Decimal(str(self.number(key, least, most, above=above)))

    def day(self, key: str) -> date:
        """Return a day."""
        value = self.values.get(key)
        if type(value) is not date:
            raise RulesError(
                "%(file)s, line %(line)s: write a day such as 2022-11-30 for %(key)s, not %(value)s.",
                value=_said(value),
                **self.at(key),
            )
        return value

    def part(self, key: str) -> "Part":
        """Return the part below this one that is called so; without values where there is none."""
        header = "[{}]".format(".".join(filter(None, (self.header.strip("[]"), key))))
        return Part(self.source, self._parts(key, [self.values.get(key, {})], header)[0], header)

    def parts(self, key: str) -> list["Part"]:
        """Return the parts under one header at the top of a file, in order; none where there are none."""
        listed, header = self.values.get(key, []), f"[[{key}]]"
        listed = listed if isinstance(listed, list) else [listed]
        found = enumerate(self._parts(key, listed, header))
        return [Part(self.source, one, header, place) for place, one in found]

    def rows(self, key: str, example: str) -> list["Part"]:
        """Return the rows of a list that stands on one line, or on a few."""
        listed = self.values.get(key)
        if not isinstance(listed, list) or not listed or not all(isinstance(row, dict) for row in listed):
            raise RulesError(
                "%(file)s, line %(line)s: write %(key)s as a list such as %(example)s.",
                example=example,
                **self.at(key),
            )
        return [Part(self.source, row, self.header, self.place, key) for row in listed]

    def _parts(self, key: str, found: list, header: str) -> list[Mapping]:
        if not all(isinstance(one, dict) for one in found):
            raise RulesError(
                "%(file)s, line %(line)s: %(key)s must be a part of its own, under %(header)s.",
                header=header,
                **self.at(key),
            )
        return found


def _said(value: object) -> str:
    return "–" if value is None else str(value)


def refuse_twice(values: Collection[object], key: str, parts: Collection[Part]) -> None:
    """Refuse that two parts say the same of a key that tells them apart."""
    for number, (value, part) in enumerate(zip(values, parts, strict=True)):
        if value in list(values)[:number]:
            raise RulesError(
                "%(file)s, line %(line)s: the %(key)s %(value)s stands there twice; leave one out.",
                value=value,
                **part.at(key),
            )


def read(path: Path, example: str) -> Part:
    """Return the top part of a TOML file; ``example`` names one of ours that shows its form.

    Raises:
        RulesError: it cannot be opened, is not written in UTF-8, or is no TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RulesError(
            "%(file)s cannot be read: %(reason)s.", file=path.name, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise RulesError("%(file)s is not written in UTF-8: save it so.", file=path.name) from error
    try:
        return Part(Source(path.name, text), tomllib.loads(text))
    except ValueError as error:
        found = _SYNTAX.search(str(error))
        raise RulesError(
            "%(file)s, line %(line)s: this is no TOML (%(reason)s); compare it with %(example)s.",
            file=path.name,
            line=found[1] if found else text.count("\n") + 1,
            reason=_SYNTAX.sub("", str(error)),
            example=example,
        ) from error
