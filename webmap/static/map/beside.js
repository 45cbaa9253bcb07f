/* Two days side by side: a second map that moves with the first and shows another day. */

import { ask } from "./asking.js";
import { lookIn, readSigns } from "./colouring.js";
import { label, shown } from "./layers.js";
import { FROM, backdropStyle, compoundStyle, officeStyle } from "./looks.js";
import { tipOf } from "./tips.js";
import { byId, config, element, hear, map, state, tell, withQuery } from "./view.js";

let other = null; // the second map
let drawn = {}; // layer name -> Leaflet layer on it
let table = null; // where each compound stood on the other day, and its class: code -> told
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
  for (const [name, z] of [["backdrop", 350], ["offices", 450], ["labels", 620]]) {
    other.createPane(name).style.zIndex = z;
    other.getPane(name).style.pointerEvents = "none";
  }
  marks = L.layerGroup().addTo(other);
  names = L.layerGroup().addTo(other);
  follow();
  byId("beside").addEventListener("change", (event) => {
    const url = new URL(location.href);
    url.searchParams.set("beside", event.target.value);
    if (event.target.value) location.assign(url);
  });
  for (const news of ["drawn", "placed", "restyled"]) hear(news, draw);
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
  other.on("zoomend", draw);
}

async function fetchTable() {
  const colour = state.colour || "stage";
  const told = await ask("beside", withQuery(config.addresses.classes, { colour, on: state.beside, signs: "1" }), "json");
  if (!told || told.colour !== (state.colour || "stage")) return;
  table = readSigns(told);
  draw();
}

const toldOf = (feature) => ({ ...feature.properties, ...table.get(feature.properties.code) });

function styleOf(feature) {
  const told = toldOf(feature);
  return compoundStyle(feature, told, lookIn(told));
}

const MADE = {
  backdrop: (data) => L.geoJSON(data, { pane: "backdrop", renderer: L.canvas({ pane: "backdrop" }), interactive: false, style: backdropStyle }),
  compounds: (data) => L.geoJSON(data, {
    renderer: L.canvas({ tolerance: 3 }),
    style: styleOf,
    onEachFeature: (feature, layer) => layer.on("click", () => tell("choose", feature.properties.code)),
  }).bindTooltip(({ feature }) => tipOf(toldOf(feature), lookIn(toldOf(feature)).label), { sticky: true }),
  street_offices: (data) => L.geoJSON(data, {
    pane: "offices",
    renderer: L.canvas({ pane: "offices" }),
    interactive: false,
    style: officeStyle,
    onEachFeature: ({ properties: { name, label_at: [east, north] } }) => names.addLayer(label([north, east], "office", [name])),
  }),
};

/** Draw what the first map shows, as it was on the other day. */
function draw() {
  if (!table) return;
  for (const [layer, make] of Object.entries(MADE)) {
    const data = shown[layer]?.data;
    if (drawn[layer]?.data !== data || !state.layers.has(layer)) {
      drawn[layer]?.remove();
      if (layer === "street_offices") names.clearLayers();
      delete drawn[layer];
    }
    if (!data || !state.layers.has(layer)) continue;
    if (!drawn[layer]) drawn[layer] = Object.assign(make(data).addTo(other), { data });
    else drawn[layer].setStyle({ backdrop: backdropStyle, compounds: styleOf, street_offices: officeStyle }[layer]);
  }
  // Structures of the first map lie over its compounds; here nothing does.
  drawn.compounds?.bringToBack();
  drawMarks();
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
