/* The base map below ours, where the settings name one; one that is shifted is moved back as it is shown. */

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

/** Put what the map's foot tells into the map's corner. */
export function placeFoot() {
  const foot = document.querySelector(".map-foot");
  foot?.classList.add("leaflet-control");
  if (foot) map.getContainer().querySelector(".leaflet-bottom.leaflet-right").append(foot);
}

/** Draw the base map, where there is one, below all else on a map. */
export function drawBasemap(over) {
  const told = byId("basemap")?.dataset;
  if (!told) return;
  over.createPane("basemap").style.zIndex = 150;
  const Layer = told.system === "gcj02" ? Shifted() : L.TileLayer;
  new Layer(told.url, { pane: "basemap", maxNativeZoom: Number(told.deepest), maxZoom: 19 }).addTo(over);
}
