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


class OfficeLook(NamedTuple):
    """How a street office is drawn on the map of a case: ground, lines and name, and its pattern."""

    number: int
    colour: str
    ink: str
    path: str


#: The street offices of one case, told apart by colour (also by colour-blind eyes) and by pattern.
OFFICES = tuple(
    OfficeLook(number, colour, ink, PATTERNS[pattern])
    for number, (colour, ink, pattern) in enumerate(
        (
            ("#3b8bc2", "#1d4f73", "diagonal"),
            ("#e6a02a", "#7a4e00", "dots"),
            ("#3aa08a", "#145a4c", "horizontal"),
            ("#b56aa8", "#6d2f62", "vertical"),
            ("#d9694a", "#7f2c14", "cross-hatch"),
            ("#8a8f3c", "#4a4e12", "dense-dots"),
        )
    )
)

#: The ground of small maps, the lines and names of street offices on them, and their letters.
PAPER = "#f6f3ec"
INK_LINE = "#3c4650"
FONTS = "PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"


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
