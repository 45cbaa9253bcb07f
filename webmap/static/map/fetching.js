/* Tiles fetched from the server: the person is told of those that did not come, until they have. */

import { trouble, untrouble } from "./asking.js";
import { config, map } from "./view.js";

export const DEEPEST = 16; // there are no tiles of deeper zooms: theirs are drawn larger
const missing = new Map(); // layer drawn from tiles -> those of them, as z/x/y, that did not come

/** The zoom of the tiles that a map is drawn from: each is drawn in twice its size. */
export const dataZoom = (over) => Math.min(Math.round(over.getZoom()) - 1, DEEPEST);

/** Whether a tile lies so far beyond west, south, east and north that nothing in them reaches into it. */
const liesBeyond = ([west, south, east, north], z, x, y) => {
  const place = (lat, lng) => map.project([lat, lng], z).divideBy(256);
  const low = place(north, west), high = place(south, east), strip = 1 / 8; // twice what a tile tells of its neighbours
  return x + 1 + strip < low.x || y + 1 + strip < low.y || x - strip > high.x || y - strip > high.y;
};

/** What the program asks for tiles: an answer that says no is no empty tile. What `bounds` tells to be empty,
 * as long as it tells any, is not asked for. */
export const fetcher = (address, bounds) => ({
  async getZxy(z, x, y, signal) {
    if (bounds() && liesBeyond(bounds(), z, x, y)) return null;
    const url = address().replace("{z}", z).replace("{x}", x).replace("{y}", y);
    const answer = await fetch(url, { signal, credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status} ${url}`);
    return answer.status === 204 ? null : { data: await answer.arrayBuffer() };
  },
});

/** Keep in mind whether a tile of a layer has come. */
export function note(layer, place, came) {
  if (!came) missing.set(layer, (missing.get(layer) || new Set()).add(place));
  else if (!missing.get(layer)?.delete(place)) return;
  tellMissing();
}

/** Say no more of a layer that is taken off its map. */
export function forget(layer) {
  if (missing.delete(layer)) tellMissing();
}

/** Say that part of the map is missing, as long as the view holds it. */
export function tellMissing() {
  if ([...missing].some(([layer, places]) => [...places].some((place) => inView(layer, place)))) trouble(config.texts.partly, retry);
  else untrouble(config.texts.partly);
}

function inView({ _map: over }, place) {
  const [z, x, y] = place.split("/").map(Number);
  if (!over || z !== dataZoom(over)) return false;
  const { min, max } = over.getPixelBounds();
  const tiles = over.getZoomScale(z, over.getZoom()) / 256; // so many a pixel is
  return x + 1 > min.x * tiles && y + 1 > min.y * tiles && x < max.x * tiles && y < max.y * tiles;
}

/** Ask once more for what did not come. */
function retry() {
  for (const layer of missing.keys()) layer.rerenderTiles();
}

addEventListener("online", retry);
