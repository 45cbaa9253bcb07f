/* Two days side by side: a second map that moves with the first and shows another day. */

import { ask } from "./asking.js";
import { drawBasemap } from "./basemap.js";
import { byStage, lookIn, readSigns } from "./colouring.js";
import { drawGaps } from "./gaps.js";
import { watchPress } from "./here.js";
import { filteredByDay, layersOn, shown } from "./layers.js";
import { compoundStyle } from "./looks.js";
import { signAndName, thinLabels } from "./marks.js";
import { tipOf } from "./tips.js";
import { byId, config, hear, map, state, withQuery } from "./view.js";

const CALLED = "beside "; // before the names of its questions
let other = null; // the second map
let there = null; // its layers
let table = null; // where each compound stood on the other day, and its class: code -> told
let tabled = ""; // the address it came from, or comes from
let outline = null; // of the compound chosen
let marks, due = 0; // signs and names of compounds, and whether they are about to be drawn

const otherDay = () => ({ on: state.beside });

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
  // Layers ask what the view holds.
  other.setView(map.getCenter(), map.getZoom(), { animate: false });
  drawBasemap(other);
  there = layersOn(other, {
    called: CALLED, on: otherDay, news: markSoon,
    looks: { style: styleOf, tip: tipHere, counting: () => ({ as_of: state.beside }) },
  });
  drawGaps(other, otherDay, CALLED);
  marks = L.layerGroup().addTo(other);
  follow();
  watchPress({ over: other, on: otherDay, said: () => document.querySelector(".earlier b").textContent });
  byId("beside").addEventListener("change", (event) => {
    const url = new URL(location.href);
    url.searchParams.set("beside", event.target.value);
    if (event.target.value) location.assign(url);
  });
  for (const news of ["drawn", "placed", "filtered"]) hear(news, draw);
  hear("restyled", restyle);
  hear("outlined", drawOutline);
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
  join(map, other);
  join(other, map);
  other.on("zoomend", restyle);
  other.on("moveend", () => there.loadView());
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

const toldOf = (told) => ({ ...told, ...table.get(told.code) });

function tipHere({ feature }) {
  const told = toldOf(feature.properties);
  return tipOf(told, byStage() ? "" : lookIn(told).label);
}

function styleOf(feature) {
  const told = toldOf(feature.properties);
  return compoundStyle(feature, told, lookIn(told));
}

/** Whether a layer is on the other day what the first map shows: it has no days, or none has changed it. */
function isSame(layer) {
  if (layer === "illegal_structures") return false;
  if (["compounds", "street_offices"].includes(layer) && !config.settled) return false;
  return layer !== "compounds" || !filteredByDay();
}

/** Draw what the first map shows, as it was on the other day. */
function draw() {
  if (!table) return;
  for (const layer of state.layers) {
    if (!config.addresses.layers[layer]) continue;
    if (!isSame(layer)) there.load(layer);
    else if (shown[layer]?.data) there.borrow(layer, shown[layer].data);
  }
  there.place();
}

/** The compound chosen has its outline here, too. */
function drawOutline(chosen) {
  outline?.remove();
  const look = { pane: "offices", renderer: there.canvases.offices, interactive: false };
  outline = chosen && L.geoJSON(chosen.data, { ...look, style: chosen.style }).addTo(other);
}

/** Draw anew what is drawn already: the colours are others, or lines are as wide as the zoom has them. */
function restyle() {
  draw();
  if (table) there.restyle();
}

/** Once for all that is told before the next picture. */
function markSoon() {
  due ||= requestAnimationFrame(() => {
    due = 0;
    drawMarks();
  });
}

/** Compounds carry their signs and names here, too. */
function drawMarks() {
  marks.clearLayers();
  if (table && state.layers.has("compounds") && there.shown.compounds) signAndName(other, there.shown.compounds, marks, toldOf);
  thinLabels(other);
}
