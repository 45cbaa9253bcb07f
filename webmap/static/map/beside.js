/* Two days side by side: a second map that moves with the first and shows another day. */

import { ask } from "./asking.js";
import { drawBasemap } from "./basemap.js";
import { byStage, lookIn, readSigns } from "./colouring.js";
import { drawGaps } from "./gaps.js";
import { label, shown } from "./layers.js";
import { FROM, backdropStyle, compoundStyle, officeStyle } from "./looks.js";
import { choose } from "./panel.js";
import { foundAt, giveWay, tiled, watchTiles } from "./tiles.js";
import { tipOf } from "./tips.js";
import { byId, config, element, hear, map, state, withQuery } from "./view.js";

const PANES = [["backdrop", 350], ["tiles-compounds", 380], ["offices", 450], ["labels", 620]];
let other = null; // the second map
let drawn = {}; // layer name -> Leaflet layer on it
let drawnOf = {}; // layer name -> what that layer is drawn of: features, or the address of tiles
let table = null; // where each compound stood on the other day, and its class: code -> told
let tabled = ""; // the address it came from, or comes from
let marks, names; // signs of late compounds, names of street offices

/** Show the day of the address beside the other one, from now on. */
export function watchBeside() {
  byId("time-beside").addEventListener("click", (event) => {
    event.preventDefault();
    location.assign(event.currentTarget.href);
  });
  if (!state.beside) return;
  other = L.map(byId("beside-map"), {
    zoomControl: false, attributionControl: false, keyboard: false,
    ...Object.fromEntries(["maxZoom", "minZoom", "zoomSnap", "zoomDelta"].map((name) => [name, map.options[name]])),
  });
  for (const [name, z] of PANES) {
    other.createPane(name).style.zIndex = z;
    other.getPane(name).style.pointerEvents = "none";
  }
  drawBasemap(other);
  drawGaps(other);
  marks = L.layerGroup().addTo(other);
  names = L.layerGroup().addTo(other);
  follow();
  watchPointer();
  byId("beside").addEventListener("change", (event) => {
    const url = new URL(location.href);
    url.searchParams.set("beside", event.target.value);
    if (event.target.value) location.assign(url);
  });
  for (const news of ["drawn", "placed"]) hear(news, draw);
  hear("restyled", restyle);
  hear("coloured", fetchTable);
  fetchTable();
}

/** Each map goes where the other one goes. */
function follow() {
  let following = false;
  const join = (leader, follower) => leader.on("move zoom", () => {
    if (following) return;
    following = true;
    follower.setView(leader.getCenter(), leader.getZoom(), { animate: false });
    following = false;
  });
  other.setView(map.getCenter(), map.getZoom(), { animate: false });
  join(map, other);
  join(other, map);
  other.on("zoomend", restyle);
}

/** Tell the pointer what lies under it, and choose the compound that is pressed. */
function watchPointer() {
  const tiles = () => (drawn.compounds?.views ? [drawn.compounds] : []);
  watchTiles(other, tiles);
  other.on("click", ({ latlng }) => {
    const code = foundAt(tiles(), latlng)?.told.code;
    if (code) choose(code);
  });
}

async function fetchTable() {
  const colour = state.colour || "stage";
  const url = withQuery(config.addresses.classes, { colour, on: state.beside, signs: "1" });
  if (tabled === url) return;
  tabled = url;
  const told = await ask("beside", url, "json");
  if (tabled !== url) return;
  if (!told) return void (tabled = "");
  table = readSigns(told);
  restyle();
}

const toldOf = (feature) => ({ ...feature.properties, ...table.get(feature.properties.code) });
const tipHere = ({ feature }) => tipOf(toldOf(feature), byStage() ? "" : lookIn(toldOf(feature)).label);

function styleOf(feature) {
  const told = toldOf(feature);
  return compoundStyle(feature, told, lookIn(told));
}

const STYLES = { backdrop: backdropStyle, compounds: styleOf, street_offices: officeStyle };

const MADE = {
  backdrop: (data) => L.geoJSON(data, { pane: "backdrop", renderer: L.canvas({ pane: "backdrop" }), interactive: false, style: backdropStyle }),
  compounds: (data) => L.geoJSON(data, {
    renderer: L.canvas({ tolerance: 3 }),
    style: styleOf,
    onEachFeature: (feature, layer) => layer.on("click", () => choose(feature.properties.code)),
  }).bindTooltip(tipHere, { sticky: true }),
  street_offices: (data) => {
    names.clearLayers();
    for (const { properties: { name, label_at: [east, north] } } of data.features) names.addLayer(label([north, east], "office", [name]));
    return L.geoJSON(data, { pane: "offices", renderer: L.canvas({ pane: "offices" }), interactive: false, style: officeStyle });
  },
};

/** The compounds of the first map's tiles, as they stood on the other day. */
const tiledHere = (template) => tiled("compounds", template, "tiles-compounds", {
  style: styleOf, tip: tipHere, counting: () => ({ as_of: state.beside }),
});

/** Draw what the first map shows, as it was on the other day. */
function draw() {
  if (!table) return;
  for (const layer of Object.keys(MADE)) renew(layer);
  drawMarks();
}

async function renew(layer) {
  const data = state.layers.has(layer) ? shown[layer]?.data : null;
  const of = data?.tiles || data || null;
  if (drawnOf[layer] === of) return;
  drawnOf[layer] = of;
  if (layer === "street_offices") names.clearLayers();
  const made = data && (data.tiles ? await tiledHere(data.tiles) : MADE[layer](data));
  if (drawnOf[layer] !== of) return;
  const before = drawn[layer];
  drawn[layer] = made?.addTo(other);
  if (before) giveWay(before, made || {});
  // Structures of the first map lie over its compounds; here nothing does.
  if (layer === "compounds") made?.bringToBack();
}

/** Draw anew what is drawn already: the colours are others, or lines are as wide as the zoom has them. */
function restyle() {
  draw();
  if (table) for (const [layer, style] of Object.entries(STYLES)) drawn[layer]?.setStyle(style);
}

/** Late compounds carry their sign here, too. */
function drawMarks() {
  marks.clearLayers();
  if (other.getZoom() < FROM.late) return;
  const view = other.getBounds();
  drawn.compounds?.eachLayer((layer) => {
    const at = layer.getBounds().getCenter();
    if (!toldOf(layer.feature).late || !view.contains(at)) return;
    const sign = element("span", "!", "is-late");
    const icon = L.divIcon({ className: "sign", html: sign, iconSize: [0, 0] });
    marks.addLayer(L.marker(at, { icon, interactive: false, keyboard: false, pane: "labels" }));
  });
}
