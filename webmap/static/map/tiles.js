/* Layers that hold too much to be sent: drawn from vector tiles, in the looks that single features have. */

import { trouble } from "./asking.js";
import { compoundStyle, facilityStyle, structureStyle } from "./looks.js";
import { dayShown } from "./months.js";
import { classesShown, legendAsked, lookNamed } from "./colouring.js";
import { DEEPEST, dataZoom, fetcher, forget, note, tellMissing } from "./fetching.js";
import { cellTip, compoundTip, facilityTip, structureTip } from "./tips.js";
import { config, map } from "./view.js";

const NEAR = 4; // so many pixels around a point are still the point
const SPECK = 3.5; // so many pixels a side is what lies too far away to have a shape
const UNTOLD = "#b9b4a8"; // what is in none of the classes that are counted
let client = null; // the promise of the program that reads and draws tiles

const girth = ({ bbox }) => bbox.maxX - bbox.minX + bbox.maxY - bbox.minY;
const filled = ({ props }) => Number(Boolean(config.states[props.state || ""]?.filled));

/** How each layer looks, what lies above what, what the pointer is told, and how what is drawn as one is counted. */
const KINDS = {
  compounds: {
    style: compoundStyle, rank: (feature) => -girth(feature), tip: compoundTip, chosen: true,
    values: classesShown, look: (name) => lookNamed(name).colour, label: (name) => lookNamed(name).label,
    counting: () => (dayShown() ? { as_of: dayShown() } : {}),
  },
  illegal_structures: {
    style: structureStyle, rank: filled, tip: structureTip,
    values: () => Object.keys(config.states), look: (state) => config.states[state].colour, label: (state) => config.states[state].label,
  },
  facilities: {
    style: facilityStyle, rank: (feature) => -girth(feature), tip: facilityTip,
    values: () => [], look: () => "#34495e", label: (kind) => kind,
  },
};

/** The program that reads and draws tiles, asked for when the first layer needs it. */
export function drawing() {
  client ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = config.addresses.tile_script;
    script.addEventListener("load", () => resolve(window.protomapsL));
    script.addEventListener("error", () => {
      trouble(config.texts.failed, () => location.reload());
      reject(new Error(script.src));
    });
    document.head.append(script);
  });
  return client;
}

/** What the features of one cell are: pairs of value and number, in the order of the legend. */
function counted(kind, props) {
  const told = kind.values().map((value) => [value, props[`count_${value}`] || 0]).filter((pair) => pair[1]);
  const known = told.reduce((sum, pair) => sum + pair[1], 0);
  return known < props.count ? [...told, ["", props.count - known]] : told;
}

const middle = ({ bbox }) => [(bbox.minX + bbox.maxX) / 2, (bbox.minY + bbox.maxY) / 2];
// No wider than the strip that tiles tell of their neighbours: what reaches farther would be cut off.
const cellRadius = (count) => Math.min(8, 2 + 0.6 * Math.log2(count));

/** A cell is a round whose parts are as large as its counts. */
function drawCell(pen, kind, feature, larger) {
  const [x, y] = middle(feature);
  const radius = cellRadius(feature.props.count) / larger;
  let from = -Math.PI / 2;
  for (const [value, number] of counted(kind, feature.props)) {
    const to = from + (2 * Math.PI * number) / feature.props.count;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.arc(x, y, radius, from, to);
    pen.closePath();
    pen.fillStyle = value ? kind.look(value) : UNTOLD;
    pen.fill();
    from = to;
  }
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.strokeStyle = "#4a4438";
  pen.lineWidth = 1 / larger;
  pen.stroke();
}

function trace(pen, geometry, style, larger, isPoint) {
  pen.beginPath();
  for (const part of geometry) {
    if (isPoint) {
      const radius = (style.radius || 4) / larger;
      pen.moveTo(part[0].x + radius, part[0].y);
      pen.arc(part[0].x, part[0].y, radius, 0, 2 * Math.PI);
    } else {
      part.forEach((at, i) => (i ? pen.lineTo(at.x, at.y) : pen.moveTo(at.x, at.y)));
    }
  }
}

/** What is too small to be seen is a square as large as a speck. */
function traceSpeck(pen, feature, larger) {
  const [x, y] = middle(feature), side = SPECK / larger;
  pen.beginPath();
  pen.rect(x - side / 2, y - side / 2, side, side);
}

/** Draw a feature as Leaflet draws it on its own canvas. */
function drawFeature(pen, kind, geometry, feature, larger) {
  const style = kind.style({ properties: feature.props });
  if (feature.geomType === 3 && girth(feature) * larger < 2 * SPECK) traceSpeck(pen, feature, larger);
  else trace(pen, geometry, style, larger, feature.geomType === 1);
  if (style.fill !== false && feature.geomType !== 2) {
    pen.globalAlpha = style.fillOpacity ?? 0.2;
    pen.fillStyle = style.fillColor || style.color;
    pen.fill("evenodd");
  }
  if (style.stroke !== false && style.weight) {
    pen.globalAlpha = style.opacity ?? 1;
    pen.strokeStyle = style.color;
    pen.lineWidth = style.weight / larger;
    pen.lineJoin = pen.lineCap = "round";
    pen.setLineDash((style.dashArray || "").split(" ").filter(Boolean).map((dash) => dash / larger));
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.globalAlpha = 1;
}

function ruleOf(name, kind, inTile) {
  const draw = (pen, geometry, zoom, feature) => {
    const larger = map.getZoomScale(map.getZoom(), zoom); // tiles of whole zooms are stretched to the view's
    if (feature.props.count) drawCell(pen, kind, feature, larger);
    else drawFeature(pen, kind, geometry, feature, larger);
  };
  return { dataLayer: inTile, symbolizer: { draw } };
}

const holdsCells = (found) => [...found.values()].some((features) => features.some(({ props }) => props.count));

/** A Leaflet layer that draws one of our layers from its tiles, whose addresses and bounds were told just now;
 * `changes` are to what KINDS tells of it. */
export async function tiled(name, { tiles: template, bounds }, pane, changes = {}) {
  const program = await drawing();
  const kind = { ...KINDS[name], ...changes };
  const address = () => {
    const asked = new URLSearchParams(kind.counting && { ...legendAsked(), ...kind.counting() }).toString();
    return asked ? template + (template.includes("?") ? "&" : "?") + asked : template;
  };
  let lies = bounds; // while the first tiles come; later somebody may have added something beyond
  const layer = program.leafletLayer({
    url: fetcher(address, () => lies), maxDataZoom: DEEPEST, attribution: "", pane, tileDelay: 0.01,
    paintRules: [ruleOf(name, kind, `${name}_areas`), ruleOf(name, kind, name)],
  });
  const { source, cache } = view(layer).tileCache;
  const get = source.get.bind(source);
  let asked = ""; // the address last asked
  source.get = async (at, size) => {
    const url = (asked = address()), place = `${at.z}/${at.x}/${at.y}`;
    const found = await get(at, size).catch((error) => {
      if (error.name !== "AbortError") note(layer, place, false);
      throw error;
    });
    note(layer, place, true);
    // Meanwhile other classes are shown, or another day: single features know theirs, cells must be counted anew.
    if (url !== address() && holdsCells(found)) return source.get(at, size);
    // What lies above comes last.
    for (const features of found.values()) features.sort((one, two) => kind.rank(one) - kind.rank(two));
    return found;
  };
  const setStyle = () => {
    if (asked !== address()) for (const [place, { data }] of cache) if (holdsCells(data)) cache.delete(place);
    layer.rerenderTiles();
  };
  layer.on("remove", () => forget(layer));
  layer.once("load", () => (lies = null));
  return Object.assign(layer, {
    name,
    kind,
    setStyle,
    eachLayer: () => {},
    bringToBack: () => {},
    getBounds: () => L.latLngBounds([]),
  });
}

/** Take a layer off for another one: tiles come one by one, and what was there stays until they are. */
export function giveWay(before, made) {
  if (!made.views) return void before.remove();
  const done = () => before.remove();
  made.once("load", done);
  setTimeout(done, 3000);
}

const view = (layer) => layer.views.get("");

/** What lies uppermost at a place: what it tells, or null. */
function uppermost(layer, at) {
  const { tileCache } = view(layer), over = layer._map;
  const zoom = dataZoom(over);
  const world = over.project(at, zoom).divideBy(256);
  const features = tileCache.cache.get(`${Math.floor(world.x)}:${Math.floor(world.y)}:${zoom}`)?.data;
  if (!features) return null;
  const larger = over.getZoomScale(over.getZoom(), zoom) / (tileCache.tileSize / 256);
  const x = (world.x % 1) * tileCache.tileSize, y = (world.y % 1) * tileCache.tileSize;
  const reach = (feature) => (feature.props.count ? cellRadius(feature.props.count) : NEAR) / larger;
  const close = (feature) => Math.hypot(middle(feature)[0] - x, middle(feature)[1] - y) <= reach(feature);
  const inside = new Set(layer.queryTileFeaturesDebug(at.lng, at.lat, 0).get("").map((found) => found.feature));
  for (const list of [...features.values()].reverse()) {
    for (const feature of [...list].reverse()) {
      const lies = feature.geomType === 3 && !feature.props.count && !feature.props.small ? inside.has(feature) : close(feature);
      if (lies) return feature.props;
    }
  }
  return null;
}

/** What lies at a place in layers that are drawn from tiles, given from above: { layer, told }, or null. */
export function foundAt(layers, at) {
  for (const layer of layers) {
    const told = uppermost(layer, at);
    const shy = told && !told.count && layer.kind.style({ properties: told }).interactive === false;
    if (told && !shy) return { layer, told };
  }
  return null;
}

/** Tell the pointer over a map what lies under it in the layers drawn from tiles; `drawn` gives those, from above. */
export function watchTiles(over, drawn) {
  const tip = L.tooltip({ sticky: true, offset: [8, 0] });
  over.on("mousemove", ({ latlng, originalEvent }) => {
    const here = originalEvent.target.closest?.(".leaflet-marker-icon") ? null : foundAt(drawn(), latlng);
    over.getContainer().classList.toggle("over", Boolean(here?.layer.kind.chosen && here.told.code));
    if (!here) return void tip.remove();
    const { kind } = here.layer;
    const content = here.told.count
      ? cellTip(here.told.count, counted(kind, here.told).map(([value, number]) => [value ? kind.label(value) : "", number]))
      : kind.tip({ feature: { properties: here.told } });
    tip.setLatLng(latlng).setContent(content);
    if (!over.hasLayer(tip)) tip.addTo(over);
  });
  over.on("mouseout zoomstart", () => tip.remove());
  over.on("moveend", tellMissing);
}
