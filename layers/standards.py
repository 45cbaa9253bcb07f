"""What a city asks of its facilities and how it weighs need: a data file, taken over into the store.

The store keeps it among its settings, so that every figure can be worked out again, and the
history tells which held when. data/seed/standards/sample.toml shows the form of the file.
"""

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from geo.errors import FileError, FormatError
from layers import tables
from layers.store import Store

SETTING = "standards"

#: What a threshold can be of.
BASES = ("land", "households", "compounds")
#: Why a compound is needy, in the order in which the reasons are told.
REASONS = ("age", "facilities", "structures", "households")
_FARTHEST_M, _LARGEST = 50_000.0, 1e9
_KIND_KEYS = ("kind", "standard", "basis", "threshold")
_SYNTAX = re.compile(r"\s*\(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class Reach:
    """How far a facility of at least some size serves, in metres."""

    least_m2: float
    radius_m: float


@dataclass(frozen=True)
class Standard:
    """What is asked of one kind of facility; ``reach`` has the largest sizes first."""

    kind: str
    standard: str
    basis: str
    threshold: float
    reach: tuple[Reach, ...]

    @property
    def farthest_m(self) -> float:
        """How far the largest facilities of the kind serve."""
        return max(step.radius_m for step in self.reach)

    def radius_m(self, size_m2: float | None) -> float | None:
        """Return how far a facility of a size serves; None where it is too small to count.

        A facility of unknown size is taken to have none.
        """
        fits = (step.radius_m for step in self.reach if (size_m2 or 0.0) >= step.least_m2)
        return next(fits, None)


@dataclass(frozen=True)
class Weight:
    """How many points a reason gives: none up to ``none``, all from ``full`` on, evenly between."""

    weight: float
    none: float
    full: float

    def points(self, value: float | None) -> float:
        """Return the points of a value; an unknown one (None) has none.

        >>> Weight(40, 20, 50).points(35), Weight(40, 20, 50).points(70), Weight(40, 20, 50).points(None)
        (20.0, 40.0, 0.0)
        """
        if value is None:
            return 0.0
        return self.weight * min(1.0, max(0.0, (value - self.none) / (self.full - self.none)))


@dataclass(frozen=True)
class Standards:
    """A city's standards: its title, the kinds of facilities, and the weights of need by reason."""

    title: str
    kinds: tuple[Standard, ...]
    need: Mapping[str, Weight]
    missing_below: float

    def of(self, kind: str) -> Standard | None:
        """Return what is asked of a kind, None where the city says nothing of it."""
        return next((standard for standard in self.kinds if standard.kind == kind), None)


#: How need is weighed where the city has not said it.
USUAL = Standards(
    "",
    (),
    {
        "age": Weight(40.0, 20.0, 50.0),
        "facilities": Weight(30.0, 0.0, 6.0),
        "structures": Weight(20.0, 0.0, 10.0),
        "households": Weight(10.0, 0.0, 1000.0),
    },
    0.5,
)


def standards(store: Store) -> Standards:
    """Return the city's standards, or ``USUAL`` where none were taken over."""
    with store.reading() as connection:
        return standards_in(connection)


def standards_in(connection: Connection) -> Standards:
    """Do ``standards`` inside a transaction that is already open."""
    s = tables.settings.c
    text = connection.scalar(select(s.value).where(s.key == SETTING))
    return USUAL if text is None else _parsed(json.loads(text), _Source("", ""))


def content_of(wanted: Standards) -> dict:
    """Return standards as a file holds them, and as the store keeps them."""
    need = {name: asdict(weight) for name, weight in wanted.need.items()}
    need["facilities"]["missing_below"] = wanted.missing_below
    kinds = [{**asdict(kind), "reach": [asdict(step) for step in kind.reach]} for kind in wanted.kinds]
    return {"title": wanted.title, "facility": kinds, "need": need}


def read_standards(path: Path) -> Standards:
    """Return the standards of a TOML file.

    Raises FileError when it cannot be opened, and FormatError with line, key and mend when it is
    not as data/seed/standards/sample.toml is.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FileError(
            "%(file)s cannot be read: %(reason)s.", file=path.name, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError("%(file)s is not written in UTF-8: save it so.", file=path.name) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.search(str(error))
        raise FormatError(
            "%(file)s, line %(line)s: this is no TOML (%(reason)s); compare it with"
            " data/seed/standards/sample.toml.",
            file=path.name,
            line=found[1] if found else text.count("\n") + 1,
            reason=_SYNTAX.sub("", str(error)),
        ) from error
    return _parsed(content, _Source(path.name, text))


class _Source:
    """Where a file says what, for whoever must mend it."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.lines = file, text.splitlines()

    def place(self, header: str, number: int, key: str) -> dict[str, object]:
        """Return the file, the line and the key: in the numbered part under a header ("" the top)."""
        bare = [line.split("#")[0].strip() for line in self.lines]
        if (under := f"[{header.strip('[]')}.{key}]") in bare:
            return {"file": self.file, "line": bare.index(under) + 1, "key": key}
        heads = [i for i, line in enumerate(bare) if header and line == header]
        begin = heads[number] if number < len(heads) else 0
        for i in range(begin + bool(heads), len(bare)):
            if bare[i].startswith("["):
                break
            if re.match(rf'"?{re.escape(key)}"?\s*=', bare[i]):
                begin = i
                break
        return {"file": self.file, "line": begin + 1, "key": key}


class _Part:
    """One part of a file: its values, and where they stand."""

    def __init__(self, source: _Source, values: object, header: str = "", number: int = 0) -> None:
        self.source, self.header, self.number = source, header, number
        self.values = values if isinstance(values, dict) else {}

    def at(self, key: str) -> dict[str, object]:
        """Return where a key stands, or should."""
        return self.source.place(self.header, self.number, key)

    def only(self, *known: str) -> None:
        """Refuse a key that means nothing here."""
        for key in self.values:
            if key not in known:
                raise FormatError(
                    "%(file)s, line %(line)s: nothing is called %(key)s here; it may be one of: %(known)s.",
                    known=", ".join(known),
                    **self.at(key),
                )

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise FormatError("%(file)s, line %(line)s: write a text for %(key)s.", **self.at(key))
        return value.strip()

    def one_of(self, key: str, known: Collection[str]) -> str:
        """Return one of the words that are known."""
        value = self.values.get(key)
        if value not in known:
            raise FormatError(
                "%(file)s, line %(line)s: %(key)s must be one of: %(known)s.",
                known=", ".join(known),
                **self.at(key),
            )
        return value

    def number_of(self, key: str, least: float, most: float, *, above: bool = False) -> float:
        """Return a number within bounds; ``above``: more than the least."""
        value = self.values.get(key)
        good = type(value) in (int, float) and least <= value <= most and not (above and value == least)
        if not good:
            raise FormatError(
                "%(file)s, line %(line)s: write a number from %(least)s to %(most)s for %(key)s,"
                " not %(value)s.",
                least=f"{least:g}",
                most=f"{most:g}",
                value="–" if value is None else str(value),
                **self.at(key),
            )
        return float(value)


def _parsed(content: Mapping, source: _Source) -> Standards:
    top = _Part(source, content)
    top.only("title", "facility", "need")
    title = top.text("title")
    listed = content.get("facility", [])
    listed = listed if isinstance(listed, list) else [listed]
    kinds = [_standard(_Part(source, one, "[[facility]]", n)) for n, one in enumerate(listed)]
    for number, standard in enumerate(kinds):
        if standard.kind in {other.kind for other in kinds[:number]}:
            raise FormatError(
                "%(file)s, line %(line)s: the %(key)s %(value)s stands there twice; leave one out.",
                value=standard.kind,
                **source.place("[[facility]]", number, "kind"),
            )
    need, missing_below = _need(source, content.get("need"))
    return Standards(title, tuple(kinds), need, missing_below)


def _standard(part: _Part) -> Standard:
    part.only(*_KIND_KEYS, "radius_m", "reach")
    kind, standard = part.text("kind"), part.text("standard")
    basis, threshold = part.one_of("basis", BASES), part.number_of("threshold", 0, 1, above=True)
    if "reach" not in part.values:
        return Standard(
            kind,
            standard,
            basis,
            threshold,
            (Reach(0.0, part.number_of("radius_m", 0, _FARTHEST_M, above=True)),),
        )
    if "radius_m" in part.values:
        raise FormatError(
            "%(file)s, line %(line)s: %(key)s and radius_m stand there both; leave one out.",
            **part.at("reach"),
        )
    return Standard(kind, standard, basis, threshold, _steps(part))


def _steps(part: _Part) -> tuple[Reach, ...]:
    listed = part.values["reach"]
    if not isinstance(listed, list) or not listed:
        raise FormatError(
            "%(file)s, line %(line)s: write %(key)s as a list such as [{ least_m2 = 5000, radius_m = 500 }].",
            **part.at("reach"),
        )
    steps = []
    for one in listed:
        step = _Step(part, one)
        step.only("least_m2", "radius_m")
        steps.append(
            Reach(
                step.number_of("least_m2", 0, _LARGEST),
                step.number_of("radius_m", 0, _FARTHEST_M, above=True),
            )
        )
    return tuple(sorted(steps, key=lambda step: -step.least_m2))


class _Step(_Part):
    """One line of a ``reach``; all of them stand where it does."""

    def __init__(self, part: _Part, values: object) -> None:
        super().__init__(part.source, values, part.header, part.number)

    def at(self, key: str) -> dict[str, object]:
        """Return the place of the list, and the key in it."""
        return {**super().at("reach"), "key": key}


def _need(source: _Source, content: object) -> tuple[dict[str, Weight], float]:
    if content is None:
        return dict(USUAL.need), USUAL.missing_below
    whole = _Part(source, content, "[need]")
    whole.only(*REASONS)
    found, missing_below = {}, USUAL.missing_below
    for name in REASONS:
        part = _Part(source, whole.values.get(name), f"[need.{name}]")
        more = ("missing_below",) if name == "facilities" else ()
        part.only("weight", "none", "full", *more)
        found[name] = Weight(
            part.number_of("weight", 0, 100),
            part.number_of("none", 0, _LARGEST),
            part.number_of("full", 0, _LARGEST),
        )
        if found[name].none >= found[name].full:
            raise FormatError("%(file)s, line %(line)s: %(key)s must be more than none.", **part.at("full"))
        if more:
            missing_below = part.number_of("missing_below", 0, 1, above=True)
    total = sum(weight.weight for weight in found.values())
    if abs(total - 100) > 1e-9:
        raise FormatError(
            "%(file)s, line %(line)s: each %(key)s together must make 100, not %(value)s.",
            value=f"{total:g}",
            **source.place("[need.age]", 0, "weight"),
        )
    return found, missing_below
