"""What a city asks of its facilities and how it weighs need: a data file, taken over into the store.

The store keeps it among its settings, so that every figure can be worked out again, and the
history tells which held when. data/seed/standards/sample.toml shows the form of the file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from geo.errors import RulesError
from layers import tables, tomlfiles
from layers.store import Store
from layers.tomlfiles import Part, Source

SETTING = "standards"

#: What a threshold can be of.
BASES = ("land", "households", "compounds")
#: Why a compound is needy, in the order in which the reasons are told.
REASONS = ("age", "facilities", "structures", "households")
_FARTHEST_M, _LARGEST = 50_000.0, 1e9
_KIND_KEYS = ("kind", "standard", "basis", "threshold")
_EXAMPLE = "data/seed/standards/sample.toml"


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
    """Do ``standards`` inside a transaction that is already open.

    Raises:
        RulesError: what is on record is not as it must be.
    """
    text = written_in(connection)
    try:
        return USUAL if text is None else _parsed(Part(Source(SETTING, ""), json.loads(text)))
    except (RulesError, ValueError, TypeError, AttributeError) as error:
        raise RulesError(
            "The standards on record are not as they must be; take them over anew: flask standards FILE."
        ) from error


def written_in(connection: Connection) -> str | None:
    """Return the standards as they are written in the store, None where there are none."""
    s = tables.settings.c
    return connection.scalar(select(s.value).where(s.key == SETTING))


def content_of(wanted: Standards) -> dict:
    """Return standards as a file holds them, and as the store keeps them."""
    need = {name: asdict(weight) for name, weight in wanted.need.items()}
    need["facilities"]["missing_below"] = wanted.missing_below
    kinds = [{**asdict(kind), "reach": [asdict(step) for step in kind.reach]} for kind in wanted.kinds]
    return {"title": wanted.title, "facility": kinds, "need": need}


def read_standards(path: Path) -> Standards:
    """Return the standards of a TOML file.

    Raises RulesError when it cannot be opened, and with line, key and mend when it is not as
    data/seed/standards/sample.toml is.
    """
    return _parsed(tomlfiles.read(path, _EXAMPLE))


def _parsed(top: Part) -> Standards:
    top.only("title", "facility", "need")
    title, parts = top.text("title"), top.parts("facility")
    kinds = tuple(_standard(part) for part in parts)
    tomlfiles.refuse_twice([standard.kind for standard in kinds], "kind", parts)
    need, missing_below = _need(top)
    return Standards(title, kinds, need, missing_below)


def _standard(part: Part) -> Standard:
    part.only(*_KIND_KEYS, "radius_m", "reach")
    kind, standard = part.text("kind"), part.text("standard")
    basis, threshold = part.one_of("basis", BASES), float(part.number("threshold", 0, 1, above=True))
    if "reach" in part and "radius_m" in part:
        raise RulesError(
            "%(file)s, line %(line)s: %(key)s and radius_m stand there both; leave one out.",
            **part.at("reach"),
        )
    steps = _steps(part) if "reach" in part else (Reach(0.0, _radius(part)),)
    return Standard(kind, standard, basis, threshold, steps)


def _steps(part: Part) -> tuple[Reach, ...]:
    steps = []
    for row in part.rows("reach", "[{ least_m2 = 5000, radius_m = 500 }]"):
        row.only("least_m2", "radius_m")
        steps.append(Reach(float(row.number("least_m2", 0, _LARGEST)), _radius(row)))
    return tuple(sorted(steps, key=lambda step: -step.least_m2))


def _radius(part: Part) -> float:
    return float(part.number("radius_m", 0, _FARTHEST_M, above=True))


def _need(top: Part) -> tuple[dict[str, Weight], float]:
    if "need" not in top:
        return dict(USUAL.need), USUAL.missing_below
    whole = top.part("need")
    whole.only(*REASONS)
    found, missing_below = {}, USUAL.missing_below
    for name in REASONS:
        part = whole.part(name)
        more = ("missing_below",) if name == "facilities" else ()
        part.only("weight", "none", "full", *more)
        bounds = {"weight": 100.0, "none": _LARGEST, "full": _LARGEST}
        found[name] = Weight(*(float(part.number(key, 0, most)) for key, most in bounds.items()))
        if found[name].none >= found[name].full:
            raise RulesError("%(file)s, line %(line)s: %(key)s must be more than none.", **part.at("full"))
        if more:
            missing_below = float(part.number("missing_below", 0, 1, above=True))
    total = sum(weight.weight for weight in found.values())
    if abs(total - 100) > 1e-9:
        raise RulesError(
            "%(file)s, line %(line)s: each %(key)s together must make 100, not %(value)s.",
            value=f"{total:g}",
            **whole.part(REASONS[0]).at("weight"),
        )
    return found, missing_below
