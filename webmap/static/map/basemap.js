/* The base map below ours, where the settings name one; one that is shifted is moved back as it is shown,
 * and one whose tiles lie by degrees is drawn anew in the grid of the map. */

import { drawing } from "./tiles.js";
import { byId, map } from "./view.js";

const AXIS = 6378245.0, ECCENTRICITY = 0.00669342162296594323; // of GCJ-02, as in geo/offsets.py

/** GCJ-02 of a place in WGS 84: longitude and latitude in degrees. */
export function toGcj02([lon, lat]) {
  if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
  const x = lon - 105, y = lat - 35;
  const sine = (halves) => Math.sin(halves * Math.PI);
  const ripple = ((20 * sine(6 * x) + 20 * sine(2 * x)) * 2) / 3;
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + ripple
    + ((20 * sine(x) + 40 * sine(x / 3) + 150 * sine(x / 12) + 300 * sine(x / 30)) * 2) / 3;
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + ripple
    + ((20 * sine(y) + 40 * sine(y / 3) + 160 * sine(y / 12) + 320 * sine(y / 30)) * 2) / 3;
  const turn = (lat * Math.PI) / 180;
  const root = 1 - ECCENTRICITY * Math.sin(turn) ** 2;
  return [
    lon + (east * 180) / ((AXIS / Math.sqrt(root)) * Math.cos(turn) * Math.PI),
    lat + (north * 180) / (((AXIS * (1 - ECCENTRICITY)) / (root * Math.sqrt(root))) * Math.PI),
  ];
}

/** WGS 84 of a place in GCJ-02. */
export function fromGcj02(place) {
  let guess = place;
  for (let round = 0; round < 8; round += 1) {
    const reached = toGcj02(guess);
    guess = [guess[0] + place[0] - reached[0], guess[1] + place[1] - reached[1]];
  }
  return guess;
}

/** Pictures of GCJ-02, each laid where its middle truly is. */
const Shifted = () => L.TileLayer.extend({
  _getTiledPixelBounds(centre) {
    const [lon, lat] = toGcj02([centre.lng, centre.lat]);
    return L.TileLayer.prototype._getTiledPixelBounds.call(this, L.latLng(lat, lon));
  },
  _getTilePos(coords) {
    const size = this.getTileSize();
    const middle = coords.scaleBy(size).add(size.divideBy(2));
    const { lng, lat } = this._map.unproject(middle, coords.z);
    const [lon, truly] = fromGcj02([lng, lat]);
    const away = this._map.project([truly, lon], coords.z).subtract(middle);
    return L.TileLayer.prototype._getTilePos.call(this, coords).add(away)._round();
  },
  _initTile(tile) {
    L.TileLayer.prototype._initTile.call(this, tile);
    // Neighbours are moved by a little more or less: a pixel wider, they leave no gap, and where they
    // meet one lies on the other (Leaflet would add up their light).
    const { x, y } = this.getTileSize();
    Object.assign(tile.style, { width: `${x + 1}px`, height: `${y + 1}px`, mixBlendMode: "normal" });
  },
});

const STRIPS = 4; // within so many parts of a tile the two grids differ by no tenth of a pixel

/** The latitude at the upper edge of a row of a grid of so many rows, in Web Mercator. */
const latitude = (row, rows) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / rows))) * 180) / Math.PI;

/** Pictures of the grid by degrees, drawn anew as the map's own grid has them. */
const Degrees = () => L.GridLayer.extend({
  createTile(coords, done) {
    const { x: side } = this.getTileSize();
    const tile = L.DomUtil.create("canvas", "leaflet-tile");
    [tile.width, tile.height] = [side, side];
    const columns = 2 ** coords.z;
    const place = (row) => ((90 - latitude(row, columns)) / 360) * columns; // in rows of the grid by degrees
    const [first, last] = [Math.floor(place(coords.y)), Math.ceil(place(coords.y + 1))];
    const wanted = Array.from({ length: last - first }, (_, i) => first + i);
    const address = (row) => L.Util.template(this.options.url, { z: coords.z, x: coords.x, y: row, s: "abc"[row % 3], r: "" });
    const pictures = wanted.map((row) => picture(address(row)));
    Promise.allSettled(pictures).then((found) => {
      found.forEach(({ value }, i) => value && drawStrips(tile, value, wanted[i], coords.y, place, side));
      done(found.some(({ value }) => value) ? null : new Error("no picture"), tile);
    });
    return tile;
  },
});

/** Draw the part of a tile that one picture, a row of the grid by degrees, holds. */
function drawStrips(tile, image, row, y, place, side) {
  const pen = tile.getContext("2d");
  for (let strip = 0; strip < STRIPS; strip += 1) {
    const [top, bottom] = [strip / STRIPS, (strip + 1) / STRIPS];
    const [from, to] = [place(y + top) - row, place(y + bottom) - row];
    const [upper, lower] = [Math.max(from, 0), Math.min(to, 1)];
    if (upper >= lower) continue;
    const at = (place) => (top + ((place - from) / (to - from)) * (bottom - top)) * side;
    pen.drawImage(image, 0, upper * image.height, image.width, (lower - upper) * image.height, 0, at(upper), side, at(lower) - at(upper));
  }
}

// Pictures of another host can be saved with the map only where that host allows it: it is asked to.
let allowed = true;
const isElsewhere = (url) => new URL(url, location.href).origin !== location.origin;

function picture(url) {
  const load = (asking) => new Promise((resolve, reject) => {
    const image = new Image();
    if (asking) image.crossOrigin = "anonymous";
    image.addEventListener("load", () => resolve(image));
    image.addEventListener("error", () => reject(new Error(url)));
    image.src = url;
  });
  if (!allowed || !isElsewhere(url)) return load(false);
  return load(true).catch(() => load(false).then((image) => {
    allowed = false;
    return image;
  }));
}

function pictures(url, told, options) {
  if (told.grid === "4490") return new (Degrees())({ ...options, url });
  const Layer = told.system === "gcj02" ? Shifted() : L.TileLayer;
  const layer = new Layer(url, { ...options, crossOrigin: isElsewhere(url) && "anonymous" });
  return layer.on("tileerror", ({ tile }) => {
    if (!tile.crossOrigin) return;
    tile.addEventListener("load", () => (layer.options.crossOrigin = false), { once: true });
    tile.removeAttribute("crossorigin");
    tile.src = tile.src;
  });
}

async function vector(url, deepest) {
  const program = await drawing();
  const lang = document.documentElement.lang === "en" ? "en" : "zh-Hans";
  return program.leafletLayer({ url, flavor: "white", lang, pane: "basemap", maxDataZoom: deepest, attribution: "" });
}

/** Put what the map's foot tells into the map's corner. */
export function placeFoot() {
  const foot = document.querySelector(".map-foot");
  foot?.classList.add("leaflet-control");
  if (foot) map.getContainer().querySelector(".leaflet-bottom.leaflet-right").append(foot);
}

/** Draw the base map, where there is one, below all else on a map. */
export async function drawBasemap(over) {
  const told = byId("basemap")?.dataset;
  if (!told) return;
  over.createPane("basemap").style.zIndex = 150;
  const deepest = Number(told.deepest);
  for (const url of told.urls.split(" ")) {
    const layer = told.kind === "vector"
      ? await vector(url, deepest)
      : pictures(url, told, { pane: "basemap", maxNativeZoom: deepest, maxZoom: 19 });
    layer.addTo(over);
  }
}
