/* How the features of each layer become a Leaflet layer: what lies above what, and on which canvas of a map. */

import { backdropStyle, facilityStyle, officeStyle, structureStyle } from "./looks.js";
import { facilityTip, kindLabel, structureTip } from "./tips.js";
import { config, element, state } from "./view.js";

/** Panes from below: backdrop, compounds and structures (Leaflet's own), office lines, labels. */
const PANES = [
  ["backdrop", 350], ["tiles-compounds", 380], ["tiles-illegal_structures", 410], ["tiles-facilities", 420],
  ["offices", 450], ["labels", 620],
];

/** What a map's layers are drawn on, from below: backdrop, shapes, offices. */
export function canvasesOn(over) {
  for (const [name, z] of PANES) {
    over.createPane(name).style.zIndex = z;
    over.getPane(name).style.pointerEvents = "none";
  }
  return {
    shapes: L.canvas({ padding: 0.1, tolerance: 3 }),
    backdrop: L.canvas({ pane: "backdrop", padding: 0.1 }),
    offices: L.canvas({ pane: "offices", padding: 0.1 }),
  };
}

/** Half the way round the box of a feature, in degrees: enough to sort by. */
function girth({ geometry }) {
  const ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
  geometry.coordinates.flat(Infinity).forEach((number, i) => {
    const end = ends[i % 2];
    end[0] = Math.min(end[0], number);
    end[1] = Math.max(end[1], number);
  });
  return ends[0][1] - ends[0][0] + ends[1][1] - ends[1][0];
}

const sorted = (data, rank) =>
  data.features.map((feature) => [rank(feature), feature]).sort((one, two) => one[0] - two[0]).map((pair) => pair[1]);

/** Compounds are sent to the back in this order (see raise): none lies hidden under a larger one. */
const smallestFirst = (data) => sorted(data, girth);

/** What still stands is drawn over what is cleared. */
const clearedFirst = (data) => sorted(data, ({ properties: told }) => Number(config.states[told.state || ""].filled));

/** What draws the features of each layer, from below; compounds have the looks of the day: { style, tip }. */
export const makersOn = (canvases, { style, tip }) => ({
  backdrop: (data) => L.geoJSON(data, {
    pane: "backdrop", renderer: canvases.backdrop, interactive: false, style: backdropStyle,
  }),
  compounds: (data) => L.geoJSON(smallestFirst(data), {
    renderer: canvases.shapes,
    style,
  }).bindTooltip(tip, { sticky: true }),
  illegal_structures: (data) => L.geoJSON(clearedFirst(data), {
    renderer: canvases.shapes,
    style: structureStyle,
    pointToLayer: (feature, at) => L.circleMarker(at, { ...structureStyle(feature), renderer: canvases.shapes }),
  }).bindTooltip(structureTip),
  street_offices: (data) => {
    const lines = L.geoJSON(data, { pane: "offices", renderer: canvases.offices, interactive: false, style: officeStyle });
    const names = [...data.features].sort((one, two) => two.properties.compounds - one.properties.compounds).map(officeLabel);
    return Object.assign(L.layerGroup([lines, L.layerGroup(names)]), { lines });
  },
  facilities: (data) => L.geoJSON(data, {
    renderer: canvases.shapes,
    style: facilityStyle,
    pointToLayer: facilityLetter,
  }).bindTooltip(facilityTip),
});

export function label(at, className, parts, interactive = false) {
  const text = element("span");
  text.append(...parts);
  const icon = L.divIcon({ className, html: text, iconSize: [0, 0] });
  return L.marker(at, { icon, interactive, keyboard: false, bubblingMouseEvents: true, pane: interactive ? "markerPane" : "labels" });
}

function facilityLetter(feature, at) {
  return label(at, "facility", [kindLabel(feature.properties.kind).slice(0, 1)], true);
}

function officeLabel(feature) {
  const told = feature.properties;
  const parts = [told.name];
  if (state.filters.without_sites === "1" && !told.compounds) parts.push(element("small", config.texts.no_sites));
  return label([told.label_at[1], told.label_at[0]], "office", parts).setZIndexOffset(1000);
}
