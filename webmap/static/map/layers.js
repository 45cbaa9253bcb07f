/* The layers: fetched for the filters and the day, drawn, put on the map and taken off it. */

import { ask, drop } from "./asking.js";
import { backdropStyle, compoundStyle, facilityStyle, officeStyle, structureStyle } from "./looks.js";
import { giveWay, tiled, watchTiles } from "./tiles.js";
import { compoundTip, facilityTip, kindLabel, structureTip } from "./tips.js";
import { config, day, element, map, state, tell, withQuery } from "./view.js";

export const shown = {}; // layer name -> Leaflet layer on (or off) the map
const loaded = {}; // layer name -> the address its features came from, and the box, where that is not all
const wanted = {}; // layer name -> the address last wanted, and the promise that it is drawn
export const canvases = {}; // what the layers are drawn on, from below: backdrop, shapes, offices

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

const DRAWN = {
  backdrop: (data) => L.geoJSON(data, {
    pane: "backdrop", renderer: canvases.backdrop, interactive: false, style: backdropStyle,
  }),
  compounds: (data) => L.geoJSON(smallestFirst(data), {
    renderer: canvases.shapes,
    style: compoundStyle,
  }).bindTooltip(compoundTip, { sticky: true }),
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
};

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

/** What is asked of a layer: the filters it follows, as they are called there. */
export const asked = (layer) => Object.fromEntries(
  Object.entries(config.filters[layer]).filter(([name]) => state.filters[name]).map(([name, its]) => [its, state.filters[name]]),
);

/** The view and a quarter of it around, as an address says it. */
function viewBox() {
  const { _southWest: low, _northEast: high } = map.getBounds().pad(0.25);
  const sides = [Math.max(low.lng, -180), Math.max(low.lat, -90), Math.min(high.lng, 180), Math.min(high.lat, 90)];
  return sides.map((side) => Number(side.toFixed(5)));
}

const boundsOf = ([west, south, east, north]) => L.latLngBounds([south, west], [north, east]);

/** The address to ask for a layer, and the box it is about: the first time what the page has asked for already. */
function question(layer, url) {
  const box = config.viewed.includes(layer) ? viewBox() : null;
  const { [layer]: first } = config.first;
  delete config.first[layer];
  if (first && (!box || boundsOf(first.box).contains(boundsOf(box)))) return { url: first.url, box };
  return { url: box ? withQuery(url, { bbox: box.join(","), few: config.few }) : url, box };
}

/** Whether what was sent will do for the view: nobody sees that outlines are less fine than they are; the box
 * it was sent for holds the view, and tiles would not give way to features. */
function suffices({ box, tiles, fine }) {
  const view = map.getBounds();
  if (fine && fine > (view.getEast() - view.getWest()) / map.getSize().x) return false;
  if (!box) return true;
  const held = boundsOf(box).contains(view);
  const wide = view.getEast() - view.getWest() > (box[2] - box[0]) / 2;
  return held && (wide || !tiles);
}

/** Draw what is wanted of a layer now; what was wanted before is not drawn, whenever it comes. */
export function load(layer) {
  const url = withQuery(config.addresses.layers[layer], layer === "backdrop" ? {} : { ...asked(layer), ...day() });
  if (wanted[layer]?.url !== url || (loaded[layer]?.url === url && !suffices(loaded[layer]))) {
    const wish = (wanted[layer] = { url });
    wish.drawn = fulfil(layer, wish);
  }
  return wanted[layer].drawn;
}

/** After the map has moved: ask for what the view holds now, of the layers that are not here as a whole. */
export function loadView() {
  for (const layer of ["street_offices", ...config.viewed]) if (state.layers.has(layer) && wanted[layer]) load(layer);
}

async function fulfil(layer, wish) {
  drop(layer);
  if (loaded[layer]?.url === wish.url && suffices(loaded[layer])) return place();
  const { url, box } = question(layer, wish.url);
  const data = await ask(layer, url, "json");
  if (wanted[layer] !== wish) return;
  if (!data) return void delete wanted[layer];
  const whole = !box || data.whole;
  const before = loaded[layer];
  const said = { url: wish.url, box: whole ? null : box, tiles: data.tiles, fine: data.fine };
  if (!(data.tiles && data.tiles === before?.tiles)) {
    const made = data.tiles ? await tiled(layer, data.tiles, `tiles-${layer}`) : DRAWN[layer](data);
    if (wanted[layer] !== wish) return;
    replace(layer, made);
  }
  loaded[layer] = said;
  shown[layer].data = data;
  if (data.bounds) shown[layer].getBounds = () => boundsOf(data.bounds);
  place();
  tell("drawn", layer);
}

/** Draw this instead of what was drawn. */
function replace(layer, made) {
  const before = shown[layer];
  shown[layer] = made;
  if (!before) return;
  if (state.layers.has(layer)) giveWay(before, made);
  else before.remove();
}

/** Put on the map what is switched on, in the right order. */
export function place() {
  for (const layer of Object.keys(DRAWN)) {
    const drawn = shown[layer];
    if (!drawn) continue;
    const wanted = state.layers.has(layer);
    if (wanted && !map.hasLayer(drawn)) drawn.addTo(map);
    if (!wanted && map.hasLayer(drawn)) drawn.remove();
  }
  raise();
  tell("placed");
}

export function restyle() {
  shown.compounds?.setStyle(compoundStyle);
  if (shown.illegal_structures?.views) shown.illegal_structures.setStyle();
  shown.illegal_structures?.eachLayer((layer) => {
    const style = structureStyle(layer.feature);
    layer.setStyle(style).setRadius(style.radius);
  });
  shown.backdrop?.setStyle(backdropStyle);
  tell("restyled");
}

/** Structures lie on compounds, and small compounds on large ones. */
function raise() {
  if (shown.compounds && map.hasLayer(shown.compounds)) shown.compounds.bringToBack();
}

/** Panes from below: backdrop, compounds and structures (Leaflet's own), office lines, labels. */
export function addPanes() {
  const tiles = [["tiles-compounds", 380], ["tiles-illegal_structures", 410], ["tiles-facilities", 420]];
  for (const [name, z] of [["backdrop", 350], ...tiles, ["offices", 450], ["labels", 620]]) {
    map.createPane(name).style.zIndex = z;
    map.getPane(name).style.pointerEvents = "none";
  }
  canvases.shapes = L.canvas({ padding: 0.1, tolerance: 3 });
  canvases.backdrop = L.canvas({ pane: "backdrop", padding: 0.1 });
  canvases.offices = L.canvas({ pane: "offices", padding: 0.1 });
  watchTiles(map, () => ["facilities", "illegal_structures", "compounds"].map((name) => shown[name])
    .filter((drawn) => drawn?.views && map.hasLayer(drawn)));
}

/** From now on draw more around the view, so that a map that is dragged has no bare edges. */
export function drawAround() {
  for (const canvas of Object.values(canvases)) canvas.options.padding = 0.3;
}
