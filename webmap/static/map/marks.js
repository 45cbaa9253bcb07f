/* Signs, names and rings of the compounds in view, and the outline of the one chosen. */

import { ask } from "./asking.js";
import { label } from "./features.js";
import { asked, canvases, shown } from "./layers.js";
import { FROM, compoundStyle } from "./looks.js";
import { now } from "./months.js";
import { config, day, hear, map, state, tell, withQuery } from "./view.js";

const MOST_MARKS = 250;
// So few compounds, drawn smaller than so many pixels, are easily overlooked: each gets a ring.
const FEW = 3, SMALL = 64;
let marks, outline, due = 0;

/** Draw them from now on, whenever the layers or the view change. */
export function watchMarks() {
  marks = L.layerGroup().addTo(map);
  // Once for all that is told before the next picture.
  hear("placed", () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      drawMarks();
    });
  });
  hear("drawn", (layer) => {
    if (layer === "compounds") drawOutline();
  });
}

/** The outline of the compound chosen, over its neighbours; dashed where the filters leave it out. */
export async function drawOutline() {
  outline?.remove();
  tell("outlined", null);
  const code = state.compound;
  if (!code) return;
  const here = (await whereShown(code)) || null;
  if (state.compound !== code) return;
  const data = here || await ask("outline", withQuery(config.addresses.layers.compounds, { code, ...day() }), "json");
  if (!data || state.compound !== code) return;
  outline?.remove();
  const line = { color: config.chosen, opacity: 1, weight: 4, fill: false };
  const style = (feature) => (here ? line : { ...compoundStyle(feature), ...line, fill: true, fillOpacity: 0.35, dashArray: "6 4" });
  outline = L.geoJSON(data, { pane: "offices", renderer: canvases.offices, interactive: false, style }).addTo(map);
  tell("outlined", { data, style });
}

/** The compound of this code where the filters leave it. */
async function whereShown(code) {
  const { data } = shown.compounds || {};
  const here = data?.features.find((feature) => feature.properties.code === code);
  if (here || !data || data.whole !== false) return here;
  const url = withQuery(config.addresses.layers.compounds, { ...asked("compounds"), code, ...day() });
  const found = asked("compounds").code ? null : await ask("outline", url, "json");
  return found?.features[0];
}

/** Signs and names of the compounds in view: ! late, ✓ finished, the name from close by. */
export function drawMarks() {
  marks.clearLayers();
  if (shown.compounds && map.hasLayer(shown.compounds)) {
    const { data } = shown.compounds;
    if (data.whole !== false && data.features.length <= FEW) shown.compounds.eachLayer(ring);
    signAndName(map, shown.compounds, marks, now);
  }
  thinLabels(map);
}

function ring(layer) {
  const bounds = layer.getBounds();
  const size = map.latLngToLayerPoint(bounds.getSouthEast()).distanceTo(map.latLngToLayerPoint(bounds.getNorthWest()));
  if (size >= SMALL || layer.feature.properties.code === state.compound) return;
  const look = { radius: size / 2 + 12, fill: false, interactive: false, pane: "offices", renderer: canvases.offices };
  for (const line of [{ color: "#ffffff", weight: 6 }, { color: config.chosen, weight: 3 }]) {
    marks.addLayer(L.circleMarker(bounds.getCenter(), { ...look, ...line, opacity: 1 }));
  }
}

/** Put signs and names of a map's compounds into a group; `on` tells what is told of one on the map's day. */
export function signAndName(over, compounds, group, on) {
  const zoom = over.getZoom();
  const view = over.getBounds();
  let left = zoom >= FROM.late ? MOST_MARKS : 0;
  compounds.eachLayer((layer) => {
    const told = on(layer.feature.properties);
    if (left <= 0) return;
    const at = layer.getBounds().getCenter();
    if (!view.contains(at)) return;
    const named = zoom >= FROM.names;
    const sign = told.late ? "late" : told.finished && zoom >= FROM.finished ? "finished" : "";
    if (sign) {
      const made = label(at, "sign", [sign === "late" ? "!" : "✓"]);
      made.options.icon.options.html.className = `is-${sign}${named ? " above" : ""}`;
      group.addLayer(made);
    }
    if (named) group.addLayer(label(at, "place", [told.name || told.code]));
    left -= 1;
  });
}

/** Names that would lie on another one are left out until there is room; street offices go first. */
export function thinLabels(over) {
  const kept = [];
  const pane = over.getPane("labels");
  for (const text of [...pane.querySelectorAll(".office span"), ...pane.querySelectorAll(".place span")]) {
    const box = text.getBoundingClientRect();
    const free = kept.every((other) => box.right < other.left || box.left > other.right ||
      box.bottom < other.top || box.top > other.bottom);
    text.style.visibility = free ? "" : "hidden";
    if (free) kept.push(box);
  }
}
