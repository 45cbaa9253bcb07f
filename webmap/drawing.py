"""The district map as a Folium map that asks no other host for anything. Knows no request.

Folium makes the frame of the page: the map element, its options and the script that starts it.
What is on the map arrives later, by fetch, in ``static/map/main.js``; so the page has a fixed size.
"""

import re
from collections.abc import Callable, Mapping
from math import cos, floor, log2, radians
from typing import NamedTuple

import folium
from branca.element import MacroElement
from folium.template import Template
from jinja2.utils import htmlsafe_json_dumps

from geo.errors import RequestError
from webmap.assets import asset_path

#: Any address of another host. Folium's pages name ten of them; ours may name none.
_FOREIGN = re.compile(r"https?://|(?:src|href)\s*=\s*[\"']?//|url\(\s*[\"']?//", re.IGNORECASE)
_OPENING = re.compile(r"\{(?=[{%#])")
_MARKED = re.compile(r"<(script|style)(?=[\s>])")


class Parts(NamedTuple):
    """The three parts of a rendered map: links for the head, the element, the script."""

    header: str
    html: str
    script: str


#: Nobody need go farther away from a district than this; from a larger place as far as shows all of it in
#: the smallest window, so many pixels wide.
_FAR, _SMALLEST = 8, 300


def _farthest(bounds: tuple[float, float, float, float]) -> int:
    """Return the zoom from which all of the bounds is seen in the smallest window, at most _FAR.

    At zoom 0 the world's 360 degrees of longitude are 256 pixels wide, and away from the equator a
    degree of latitude is drawn longer.
    """
    west, south, east, north = bounds
    degrees = max(east - west, (north - south) / cos(radians(max(abs(south), abs(north)))))
    return _FAR if degrees == 0 else max(0, min(_FAR, floor(log2(_SMALLEST * 360 / (256 * degrees)))))


class DistrictMap(folium.Map):
    """A Folium map that loads only our own files and draws no background of its own."""

    def __init__(self, bounds: tuple[float, float, float, float], static: Callable[[str], str]) -> None:
        """Make the map of west, south, east, north in degrees; ``static`` tells a file's address."""
        west, south, east, north = bounds
        super().__init__(
            location=((south + north) / 2, (west + east) / 2),
            tiles=None,
            zoom_start=12,
            zoom_control=False,
            # Without a tile layer Leaflet knows no end to zooming in.
            maxZoom=19,
            minZoom=_farthest(bounds),
            # Fine enough to fill a small window, coarse enough to be written into an address.
            zoomSnap=0.05,
            zoomDelta=0.5,
            # What is there is shown at once: a fade draws the whole map again and again.
            fadeAnimation=False,
        )
        self._id = "district"
        self.default_js = [("leaflet", static(asset_path("leaflet")))]
        self.default_css = [("leaflet_css", static(asset_path("leaflet_css")))]

    def render(self, **kwargs: object) -> None:
        """Render into the figure, without Folium's own page styles.

        They forbid zooming by hand on phones and size the page for a map alone.
        """
        super().render(**kwargs)
        self.get_root().header._children.pop(self.get_name())


class Attach(MacroElement):
    """Hands the map and its settings to ``map/main.js``; the settings are written as safe JSON."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "window.guatu = {map: {{ this._parent.get_name() }}, config: {{ this.settings }}};"
        "{% endmacro %}"
    )

    def __init__(self, config: Mapping) -> None:
        """Keep the settings, any JSON value."""
        super().__init__()
        self._name = "Attach"
        # The figure takes what it is given for a template once more: no text may open one.
        self.settings = _OPENING.sub(r"\\u007b", htmlsafe_json_dumps(config))


def draw(
    bounds: tuple[float, float, float, float], config: Mapping, static: Callable[[str], str]
) -> DistrictMap:
    """Return the map of the district.

    Args:
        bounds: west, south, east, north of the district, degrees.
        config: what ``map/main.js`` is told: addresses, texts, colours.
        static: turns a path below static/ into the address of that file.
    """
    district = DistrictMap(bounds, static)
    district.add_child(Attach(config))
    return district


def parts(district: folium.Map, nonce: str) -> Parts:
    """Return the rendered parts of a map, every script and style marked with the answer's nonce.

    Raises:
        RequestError: something in it would ask another host.
    """
    figure = district.get_root()
    for child in list(figure._children.values()):
        child.render()
    # The page's own head says how it is encoded.
    figure.header._children.pop("meta_http", None)
    header, html, script = (part.render() for part in (figure.header, figure.html, figure.script))
    rendered = Parts(_mark(header, nonce), _mark(html, nonce), _mark(f"<script>{script}</script>", nonce))
    return Parts(*(refuse_foreign(text) for text in rendered))


def _mark(text: str, nonce: str) -> str:
    return _MARKED.sub(rf'<\1 nonce="{nonce}"', text)


def refuse_foreign(text: str) -> str:
    """Return the text; raise RequestError when it names an address of another host.

    >>> refuse_foreign('<script src="/static/map.js"></script>')
    '<script src="/static/map.js"></script>'
    """
    found = _FOREIGN.search(text)
    if found:
        place = text[found.start() : found.start() + 60]
        raise RequestError("The page would ask another host: %(place)s.", place=place)
    return text
