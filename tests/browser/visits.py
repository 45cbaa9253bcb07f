"""What the browser tests look with: a visit, its windows, and where and in which colours the map draws."""

import base64
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import shapely
from playwright.sync_api import Page

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


class Visit:
    """A page with what it asked for and what it complained about."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def go(self, path: str) -> Page:
        """Open a page of the server and wait until it asks for nothing more."""
        self.page.goto(self.address + path, wait_until="networkidle")
        return self.page

    def filters(self) -> dict[str, str]:
        """Return the address of the page, as it stands now."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}


def pixels(page: Page, pane: str = "overlay") -> set[str]:
    """Return the colours in a pane of the map, as #rrggbb."""
    return set(
        page.evaluate(
            """(pane) => {
              const found = new Set();
              for (const canvas of document.querySelectorAll(`.leaflet-${pane}-pane canvas`)) {
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const pen = copy.getContext("2d", { willReadFrequently: true });
                pen.drawImage(canvas, 0, 0);
                const { data } = pen.getImageData(0, 0, copy.width, copy.height);
                for (let i = 0; i < data.length; i += 4)
                  if (data[i + 3] > 240)
                    found.add("#" + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, "0")).join(""));
              }
              return [...found];
            }""",
            pane,
        )
    )


def spot(page: Page, lon: float, lat: float) -> list[float]:
    """Return where a place lies in the window."""
    return page.evaluate(
        """([lon, lat]) => { const p = map_district.latLngToContainerPoint([lat, lon]);
           const box = map_district.getContainer().getBoundingClientRect();
           return [box.left + p.x, box.top + p.y]; }""",
        [lon, lat],
    )


def inside(page: Page, code: str) -> list[float]:
    """Return a place in a compound, in degrees."""
    told = page.request.get(f"{page.url.split('/?')[0]}/map/compounds.geojson?code={code}").json()
    middle = shapely.geometry.shape(told["features"][0]["geometry"]).representative_point()
    return [middle.x, middle.y]


def distance(one: str, two: str) -> int:
    """Return how far two colours lie apart; what is drawn lets a little of the ground through."""
    return sum(abs(int(one[i : i + 2], 16) - int(two[i : i + 2], 16)) for i in (1, 3, 5))


def colours_at(page: Page, places: list[list[float]], pane: str = "overlay") -> list[str | None]:
    """Return the colour a pane of the map has at each place (lon, lat), as #rrggbb; None out of view."""
    return page.evaluate(
        """([places, pane]) => {
          const canvas = document.querySelector(`.leaflet-${pane}-pane canvas`);
          const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const pen = copy.getContext("2d", { willReadFrequently: true });
          pen.drawImage(canvas, 0, 0);
          const frame = map_district.getContainer().getBoundingClientRect();
          return places.map(([lon, lat]) => {
            const p = map_district.latLngToContainerPoint([lat, lon]);
            if (p.x < 2 || p.y < 2 || p.x > frame.width - 2 || p.y > frame.height - 2) return null;
            const x = (frame.left + p.x - box.left) * scale, y = (frame.top + p.y - box.top) * scale;
            const { data } = pen.getImageData(Math.round(x), Math.round(y), 1, 1);
            return "#" + [0, 1, 2].map((k) => data[k].toString(16).padStart(2, "0")).join("");
          });
        }""",
        [places, pane],
    )


def tiled_colours_at(page: Page, places: list[list[float]], holder: str = ".folium-map") -> list[str | None]:
    """Return the colour that the tiles of compounds on a map have at each place, as ``colours_at`` does."""
    return page.evaluate(
        """([places, holder]) => {
          const frame = document.querySelector(holder).getBoundingClientRect();
          const tiles = [...document.querySelectorAll(`${holder} .leaflet-tiles-compounds-pane canvas`)]
            .filter((canvas) => canvas.width)
            .map((canvas) => {
              const copy = new OffscreenCanvas(canvas.width, canvas.height);
              const pen = copy.getContext("2d", { willReadFrequently: true });
              pen.drawImage(canvas, 0, 0);
              const box = canvas.getBoundingClientRect();
              return { pen, box, scale: canvas.width / box.width };
            });
          return places.map(([lon, lat]) => {
            const p = map_district.latLngToContainerPoint([lat, lon]);
            if (p.x < 4 || p.y < 4 || p.x > frame.width - 4 || p.y > frame.height - 4) return null;
            const [x, y] = [frame.left + p.x, frame.top + p.y];
            const holds = ({ box }) => x >= box.left && x < box.right && y >= box.top && y < box.bottom;
            const found = tiles.filter(holds).at(-1);
            if (!found) return "#000000";
            const { pen, box, scale } = found;
            const { data } = pen.getImageData((x - box.left) * scale, (y - box.top) * scale, 1, 1);
            return "#" + [0, 1, 2].map((k) => data[k].toString(16).padStart(2, "0")).join("");
          });
        }""",
        [places, holder],
    )


def saved_picture(page: Page, path: Path) -> Path:
    """Save the view as a picture and return its file."""
    with page.expect_download() as download:
        page.locator("#picture-tool").click()
    download.value.save_as(path)
    return path


def in_picture(page: Page, path: Path, left: float = 0, right: float = 1) -> Counter[str]:
    """Return how many pixels of each colour lie between two shares of a picture's width, as #rrggbb."""
    told = page.evaluate(
        """async ([text, left, right]) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes]));
          const canvas = new OffscreenCanvas(image.width, image.height);
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0);
          const from = Math.round(left * image.width), to = Math.round(right * image.width);
          const { data } = pen.getImageData(from, 0, to - from, image.height);
          const found = {};
          for (let i = 0; i < data.length; i += 4) {
            const name = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
            found[name] = (found[name] || 0) + 1;
          }
          return found;
        }""",
        [base64.b64encode(path.read_bytes()).decode(), left, right],
    )
    return Counter({f"#{int(number):06x}": many for number, many in told.items()})
