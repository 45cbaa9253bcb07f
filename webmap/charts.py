"""Charts as SVG: values in, markup out. Knows no request, no store and no language.

Lines over days and bars by name, drawn at a width so that their letters keep their size; every
colour has a pattern or a dash of its own, so that they read in grey. Presentation attributes
and classes only: nothing that the policy of the pages forbids.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from webmap import palette

#: Sizes in pixels: letters, a bar with its gap, and the room around a chart.
LETTER, BAR, GAP = 13, 18, 10
_TOP, _BOTTOM, _RIGHT = 40, 34, 64
_PLOT_HEIGHT = 260


class Look(NamedTuple):
    """How a part of a chart is drawn: its colour, and the pattern or dash that tells it in grey."""

    colour: str
    pattern: str = "blank"
    dash: str = ""


class Part(NamedTuple):
    """One part of a chart: its name, its look, and a value for each category or day (None: none)."""

    name: str
    look: Look
    values: Sequence[float | None]


class Words(NamedTuple):
    """What a screen reader says of a chart: its title and what it shows; ``name`` is unique on its page."""

    name: str
    title: str
    description: str


def bars(
    words: Words, names: Sequence[str], parts: Sequence[Part], ends: Sequence[str], width: int
) -> Markup:
    """Return horizontal bars, their parts one after the other.

    Args:
        words: the chart's title and description.
        names: of the bars, from above.
        parts: what each bar is made of, from the left.
        ends: what is written at the end of each bar.
        width: of the drawing, in pixels.
    """
    left = min(max((_wide(name) for name in names), default=0) + 12, width * 0.42)
    legend, below = _legend([(part.name, part.look) for part in parts], width, words.name)
    top = below + 8
    height = top + len(names) * (BAR + GAP) + 6
    room = width - left - _end_room(ends)
    most = max(
        (sum(filter(None, values)) for values in zip(*(p.values for p in parts), strict=True)), default=0
    )
    drawn = [
        piece
        for place, name in enumerate(names)
        for piece in _bar(words, name, parts, ends[place], place, (left, top, room / (most or 1)))
    ]
    axis = Markup('<path class="axis" d="M{0} {1}V{2}" stroke="{3}"/>').format(
        _n(left), top - 4, height - 4, palette.INK_LINE
    )
    return _svg(words, width, height, _patterns(words, [p.look for p in parts]), legend, *drawn, axis)


def _bar(
    words: Words, name: str, parts: Sequence[Part], end: str, place: int, frame: tuple[float, float, float]
) -> Iterator[Markup]:
    left, top, scale = frame
    y = top + place * (BAR + GAP)
    yield _text(left - 8, y + BAR - 5, _cut(name, left - 12), "end")
    x = left
    for number, part in enumerate(parts):
        long = (part.values[place] or 0) * scale
        if long:
            yield _box(x, y, long, part.look, f"{words.name}-{number}")
            x += long
    yield _text(x + 6, y + BAR - 5, end, "start", "value")


def lines(
    words: Words, days: Sequence[date], parts: Sequence[Part], labels: Sequence[str], on: date, width: int
) -> Markup:
    """Return lines over days, with a mark on one of them.

    Args:
        words: the chart's title and description.
        days: in order; a value of each part belongs to each.
        parts: the lines; one ends where its values do.
        labels: what is written below each day ("" for none).
        on: the day to mark.
        width: of the drawing, in pixels.
    """
    legend, below = _legend([(part.name, part.look) for part in parts], width, words.name)
    top, left = below + 10, 44.0
    height = top + _PLOT_HEIGHT + _BOTTOM
    most = _round_up(max((v for part in parts for v in part.values if v is not None), default=0))
    first, span = days[0], max((days[-1] - days[0]).days, 1)

    def at(day: date, value: float) -> tuple[float, float]:
        x = left + (day - first).days / span * (width - left - _RIGHT)
        return x, top + _PLOT_HEIGHT * (1 - value / most)

    drawn = [*_grid(at, days, labels, most, width), _today(at, on, top)]
    for part in parts:
        points = [at(day, v) for day, v in zip(days, part.values, strict=True) if v is not None]
        path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        drawn.append(_line(path, part.look))
        x, y = points[-1]
        last = next(v for v in reversed(part.values) if v is not None)
        drawn.append(_text(x + 7, y + 4, f"{last:,.0f}", "start", "value"))
    return _svg(words, width, height, legend, *drawn)


def _grid(at, days: Sequence[date], labels: Sequence[str], most: float, width: int) -> Iterator[Markup]:
    for step in range(5):
        value = most * step / 4
        x, y = at(days[0], value)
        yield Markup('<path class="grid" d="M{0} {1}H{2}" stroke="#d9d3c6"/>').format(
            _n(x), _n(y), _n(width - _RIGHT)
        )
        yield _text(x - 6, y + 4, f"{value:,.0f}", "end", "soft")
    for day, label in zip(days, labels, strict=True):
        if label:
            x, y = at(day, 0)
            yield _text(x, y + 20, label, "middle", "soft")


def _today(at, on: date, top: float) -> Markup:
    x, y = at(on, 0)
    return Markup('<path class="today" d="M{0} {1}V{2}" stroke="{3}" stroke-dasharray="2 3"/>').format(
        _n(x), _n(top - 4), _n(y), palette.CHOSEN
    )


def _line(path: str, look: Look) -> Markup:
    dash = Markup(' stroke-dasharray="{}"').format(look.dash) if look.dash else ""
    return Markup(
        '<path d="{0}" fill="none" stroke="{1}" stroke-width="2.5" stroke-linejoin="round"{2}/>'
    ).format(path, look.colour, dash)


def _box(x: float, y: float, long: float, look: Look, pattern: str) -> Markup:
    place = Markup('x="{0}" y="{1}" width="{2}" height="{3}"').format(_n(x), _n(y), _n(long), BAR)
    return Markup(
        '<rect {0} fill="{1}"/><rect {0} fill="url(#{2})"/>'
        '<rect {0} fill="none" stroke="#000" stroke-opacity=".35" stroke-width=".7"/>'
    ).format(place, look.colour, pattern)


def _patterns(words: Words, looks: Sequence[Look]) -> Markup:
    made = Markup("").join(
        Markup(
            '<pattern id="{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse">'
            '<path d="{2}" fill="none" stroke="{3}" stroke-width="1.3" stroke-linecap="round"/></pattern>'
        ).format(f"{words.name}-{number}", palette.TILE, palette.PATTERNS[look.pattern], palette.INK)
        for number, look in enumerate(looks)
    )
    return Markup("<defs>{}</defs>").format(made)


def _legend(entries: Sequence[tuple[str, Look]], width: int, name: str) -> tuple[Markup, float]:
    """Return the legend, in as many lines as it needs, and where it ends."""
    pieces, x, y = [], 0.0, 4.0
    for number, (text, look) in enumerate(entries):
        long = 34 + _wide(text) + 18
        if x and x + long > width:
            x, y = 0.0, y + 24
        if look.dash or look.pattern == "line":
            pieces.append(_line(f"M{_n(x)} {_n(y + 9)}h28", look))
        else:
            box = _box(x, y, 28, look, f"{name}-{number}")
            pieces.append(box)
        pieces.append(_text(x + 34, y + 13, text, "start"))
        x += long
    return Markup("").join(pieces), y + 26


def _svg(words: Words, width: int, height: float, *inside: Markup) -> Markup:
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {0} {1}"'
        ' width="{0}" height="{1}" role="img" aria-labelledby="{2}-title {2}-desc"'
        ' font-family="{3}" font-size="{4}" fill="{5}">'
        '<title id="{2}-title">{6}</title><desc id="{2}-desc">{7}</desc>{8}</svg>'
    ).format(
        width,
        _n(height),
        words.name,
        palette.FONTS,
        LETTER,
        palette.CHOSEN,
        words.title,
        words.description,
        Markup("").join(inside),
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> Markup:
    fill = Markup(' fill="#55606b"') if kind == "soft" else Markup("")
    return Markup('<text class="{0}" x="{1}" y="{2}" text-anchor="{3}"{4}>{5}</text>').format(
        kind, _n(x), _n(y), anchor, fill, text
    )


def _wide(text: str) -> float:
    """Return about how wide a text is drawn: Chinese signs are square, others narrower."""
    return sum(LETTER if ord(sign) > 0x2E80 else LETTER * 0.56 for sign in text)


def _cut(text: str, room: float) -> str:
    """Return as much of a text as fits."""
    if _wide(text) <= room:
        return text
    kept = text
    while kept and _wide(kept + "…") > room:
        kept = kept[:-1]
    return kept + "…"


def _end_room(ends: Sequence[str]) -> float:
    return max((_wide(end) for end in ends), default=0) + 14


def _round_up(most: float) -> float:
    """Return the least of 4, 8, 20, 40, 80, 200 … that holds the most: its quarters are whole."""
    step = 4
    while step < most:
        step = step * 5 // 2 if str(step).startswith("8") else step * 2
    return float(step)


def _n(value: float) -> str:
    """Return a coordinate with as many digits as are seen."""
    return f"{value:.1f}".removesuffix(".0")
