"""How things look: one set of colours and patterns for map, legend, table and, later, the wall.

The stages bring their own colours (``layers.stages``); this adds what lies around them. Every
pattern is one path of a tile, so that SVG (legend) and canvas (map) draw the same lines.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from layers.catalogue import CLEARED_STATES
from layers.mapping import TICKED as TICKED
from layers.stages import STAGES

#: The outline of whatever is late. It always comes with a sign: never only red.
LATE = "#c62828"

#: The outline of what is chosen, and the ring around what is easily overlooked.
CHOSEN = "#16202a"

#: Side of a pattern's tile in pixels, and the colour its lines are drawn in.
TILE = 8
INK = "rgba(20, 28, 36, 0.62)"

#: Pattern name → path of one tile (stroked, round caps: a line of no length is a dot).
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "blank": "",
        "dots": "M4 4h.01",
        "dense-dots": "M2 2h.01M6 6h.01M2 6h.01M6 2h.01",
        "horizontal": "M0 4h8",
        "vertical": "M4 0v8",
        "diagonal": "M-1 1l2-2M0 8l8-8M7 9l2-2",
        "cross-hatch": "M-1 1l2-2M0 8l8-8M7 9l2-2M-1 7l2 2M0 0l8 8M7-1l2 2",
        "solid": "M0 2h8M0 6h8M2 0v8M6 0v8",
    }
)


class StateLook(NamedTuple):
    """How a structure in one state is drawn: a full dot while it stands, a ring once cleared."""

    colour: str
    filled: bool


_STATE_COLOURS = {
    "found": "#c9a227",
    "verified": "#b8741a",
    "ordered": "#9a3b12",
    "demolished": "#3d7f5f",
    "deferred": "#6b6f76",
    "rebuilt": "#5e2a84",
    "closed": "#8a9299",
    "": "#a86b86",  # unknown
}
STATES: Mapping[str, StateLook] = MappingProxyType(
    {state: StateLook(colour, state not in CLEARED_STATES) for state, colour in _STATE_COLOURS.items()}
)

#: What lies faintly upon the ground everything is drawn on, by kind.
BACKDROP: Mapping[str, str] = MappingProxyType(
    {
        "block": "#f0ebe0",
        "road-minor": "#fbf9f4",
        "road-major": "#ffffff",
        "river": "#c9dce8",
        "water": "#c9dce8",
        "green": "#d5e4c8",
    }
)


#: Land out of the reach of a kind of facility: its ground, let through as much as the map needs, and lines.
GAP, GAP_LINE, GAP_ON_MAP = "#f3c9b2", "#9a3b12", "#f3c9b233"


class OfficeLook(NamedTuple):
    """How a street office is drawn on the map of a case: ground, lines and name, and its pattern."""

    number: int
    colour: str
    ink: str
    path: str


#: Colours without an order, told apart by colour-blind eyes and in grey; each with an ink for lines
#: and names on it, and a pattern.
KINDS = tuple(
    OfficeLook(number, colour, ink, PATTERNS[pattern])
    for number, (colour, ink, pattern) in enumerate(
        (
            ("#414eae", "#2a3378", "diagonal"),
            ("#f7e15a", "#6b5a00", "dots"),
            ("#59a88d", "#1f5a47", "horizontal"),
            ("#b069ac", "#6a2f66", "vertical"),
            ("#f79a57", "#7f3d0c", "cross-hatch"),
            ("#736e3a", "#4a461c", "dense-dots"),
            ("#b5caff", "#2f4a8c", "blank"),
            ("#612a5d", "#4a1d47", "solid"),
        )
    )
)
#: The street offices of one case. Six are enough to tell the neighbours on any map apart.
OFFICES = KINDS[:6]

#: The ground of small maps, the lines and names of street offices on them, and their letters.
PAPER = "#f6f3ec"
INK_LINE = "#3c4650"
FONTS = "PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"


class ClassLook(NamedTuple):
    """How the compounds of one class are drawn: ground, pattern, the colour of its lines."""

    colour: str
    pattern: str
    ink: str = INK

    @property
    def path(self) -> str:
        """The path of one tile of the pattern."""
        return PATTERNS[self.pattern]


#: Lines on a ground that is too dark for INK.
LIGHT_INK = "rgba(255, 255, 255, 0.72)"
#: Who is in no class: without a year, without a street office, without a date.
NO_CLASS = ClassLook("#d9d9d9", "blank")

#: How late: in time is pale and cool, late is warm and ever darker.
LATENESS: Mapping[str, ClassLook] = MappingProxyType(
    {
        "in_time": ClassLook("#cfe4f5", "blank"),
        "late_30": ClassLook("#efb02e", "dots"),
        "late_90": ClassLook("#dd7518", "diagonal"),
        "late_180": ClassLook("#a33f10", "cross-hatch", LIGHT_INK),
        "late_more": ClassLook("#561a0c", "solid", LIGHT_INK),
        "none": ClassLook("#c4c6c9", "horizontal"),
    }
)
#: Which share is cleared: the more, the darker. Where there is nothing to clear, the ground is white.
CLEARED: Mapping[str, ClassLook] = MappingProxyType(
    {
        "cleared_nothing": ClassLook("#f7ecae", "dots"),
        "cleared_some": ClassLook("#a9dab0", "horizontal"),
        "cleared_50": ClassLook("#41b0c0", "diagonal"),
        "cleared_80": ClassLook("#2c74b8", "cross-hatch"),
        "cleared_all": ClassLook("#253494", "solid", LIGHT_INK),
        "no_structures": ClassLook("#ffffff", "blank"),
        "area_unknown": ClassLook("#8f8a84", "vertical"),
    }
)
#: Years from the first to the last, light to dark.
YEARS = (
    ClassLook("#f6e868", "dots"),
    ClassLook("#f9ab3c", "dense-dots"),
    ClassLook("#ed7953", "horizontal"),
    ClassLook("#cc4778", "diagonal"),
    ClassLook("#9c179e", "vertical", LIGHT_INK),
    ClassLook("#5c01a6", "cross-hatch", LIGHT_INK),
    ClassLook("#160a6b", "solid", LIGHT_INK),
)


def year_look(place: int, years: int) -> ClassLook:
    """Return how the compounds of one of so many years are drawn.

    Few years lie as far apart as they can; where there are more than colours, two share one.

    >>> [YEARS.index(year_look(place, 3)) for place in range(3)]
    [0, 3, 6]
    """
    return YEARS[round(place * (len(YEARS) - 1) / max(1, years - 1))]


def kind_look(place: int) -> ClassLook:
    """Return how the compounds of the class at a place are drawn, where classes have no order."""
    look = KINDS[place % len(KINDS)]
    name = next(name for name, path in PATTERNS.items() if path == look.path)
    return ClassLook(look.colour, name, LIGHT_INK if look.number in _DARK else INK)


_DARK = {0, 7}


def stage_look(stage: str) -> ClassLook:
    """Return how the compounds of a stage are drawn."""
    return ClassLook(STAGES[stage].colour, STAGES[stage].pattern)


def stage_path(stage: str) -> str:
    """Return the pattern path of a stage.

    >>> stage_path("tender")
    'M4 0v8'
    """
    return PATTERNS[STAGES[stage].pattern]


def stage_colour(stage: str) -> str:
    """Return the colour of a stage.

    >>> stage_colour("handover")
    '#1b7a3d'
    """
    return STAGES[stage].colour
