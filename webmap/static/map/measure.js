/* Measuring distance and area: points set by a press or the keyboard's cross, moved, taken back. */

import { area, length } from "./geodesic.js";
import { byId, config, element, map, state, writeAddress } from "./view.js";

const MU = 2000 / 3; // 亩, in square metres
const STEP = 1, STRIDE = 10; // pixels that an arrow key moves a point, and with the shift key
let line, vertices, box, canvas;

export const metres = (m) =>
  m < 1000 ? `${m.toFixed(1)} m` : `${(m / 1000).toLocaleString("en", { maximumFractionDigits: 3 })} km`;
const squares = (m2) => {
  const whole = (number, most) => number.toLocaleString("en", { maximumFractionDigits: most });
  const unit = config.texts.area_unit;
  const large = m2 >= 1e6 ? `${whole(m2 / 1e6, 3)} k${unit.replace("㎡", "m²")} · ` : "";
  return `${large}${whole(m2, m2 < 1000 ? 1 : 0)} ${unit} · ${whole(m2 / MU, 2)} ${config.texts.mu}`;
};

const leaflet = ([lon, lat]) => [lat, lon];
const rounded = ({ lng, lat }) => [Number(lng.toFixed(6)), Number(lat.toFixed(6))];

/** Begin measuring, or end it: the points are gone then. */
export function toggleMeasure(on = !state.measure) {
  state.measure = on ? state.measure || [] : null;
  byId("measure-tool")?.setAttribute("aria-pressed", String(on));
  byId("map-area").classList.toggle("measuring", on);
  map.doubleClickZoom[on ? "disable" : "enable"]();
  box.hidden = !on;
  redraw();
  if (on) map.getContainer().focus({ preventScroll: true });
}

function add(at) {
  const place = rounded(at);
  const last = state.measure.at(-1);
  if (last && last[0] === place[0] && last[1] === place[1]) return;
  state.measure.push(place);
  redraw();
}

function undo() {
  state.measure.pop();
  redraw();
}

/** Draw line, area and points anew, and say how long and how large they are. */
function redraw() {
  writeAddress();
  vertices.clearLayers();
  (state.measure || []).forEach((place, i) => vertices.addLayer(vertex(place, i)));
  redrawLine();
}

function redrawLine() {
  line.clearLayers();
  const places = state.measure || [];
  const look = { pane: "measure", renderer: canvas, interactive: false };
  if (places.length > 2) {
    line.addLayer(L.polygon(places.map(leaflet), { ...look, stroke: false, fillColor: "#1d5f8f", fillOpacity: 0.14 }));
    line.addLayer(L.polyline([places.at(-1), places[0]].map(leaflet), { ...look, color: "#1d5f8f", weight: 1.5, dashArray: "4 5" }));
  }
  line.addLayer(L.polyline(places.map(leaflet), { ...look, color: "#ffffff", weight: 5, opacity: 0.9 }));
  line.addLayer(L.polyline(places.map(leaflet), { ...look, color: "#1d5f8f", weight: 2.5, opacity: 1 }));
  tell(places);
}

function vertex(place, i) {
  const name = config.texts.point.replace("%(number)s", i + 1);
  const icon = L.divIcon({ className: "vertex", html: element("span"), iconSize: [16, 16] });
  const marker = L.marker(leaflet(place), { icon, draggable: true, autoPan: true, pane: "vertices", title: name });
  const move = (at) => {
    state.measure[i] = rounded(at);
    redrawLine();
  };
  marker.on("drag", () => move(marker.getLatLng()));
  marker.on("dragend", writeAddress);
  marker.on("add", () => {
    const spot = marker.getElement();
    spot.setAttribute("aria-label", name);
    spot.addEventListener("keydown", (event) => byKeyboard(event, marker, i, move));
  });
  return marker;
}

function byKeyboard(event, marker, i, move) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === "Delete" || event.key === "Backspace") {
    state.measure.splice(i, 1);
    redraw();
    map.getContainer().focus();
  } else if (way) {
    const by = L.point(way).multiplyBy(event.shiftKey ? STRIDE : STEP);
    marker.setLatLng(map.containerPointToLatLng(map.latLngToContainerPoint(marker.getLatLng()).add(by)));
    move(marker.getLatLng());
    writeAddress();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function tell(places) {
  byId("measure-length").textContent = places.length > 1 ? metres(length(places)) : "—";
  byId("measure-area").textContent = places.length > 2 ? squares(area(places)) : "—";
  byId("measure-undo").disabled = byId("measure-clear").disabled = !places.length;
}

function makeBox() {
  const texts = config.texts;
  box = element("section", undefined, "ruler");
  box.id = "measure-box";
  box.hidden = true;
  box.setAttribute("aria-label", texts.measure);
  const values = element("dl");
  for (const [id, name] of [["measure-length", texts.distance], ["measure-area", texts.ground]]) {
    const value = element("dd", "—");
    value.id = id;
    values.append(element("dt", name), value);
  }
  values.setAttribute("aria-live", "polite");
  const buttons = element("p");
  for (const [id, name, act] of [
    ["measure-undo", texts.undo, undo],
    ["measure-clear", texts.clear, () => { state.measure = []; redraw(); }],
    ["measure-end", texts.measure_end, () => toggleMeasure(false)],
  ]) {
    const button = element("button", name);
    button.type = "button";
    button.id = id;
    button.addEventListener("click", act);
    buttons.append(button);
  }
  box.append(values, element("small", `${texts.measure_how} ${texts.geodesic}`), buttons);
  byId("map-area").append(box);
}

/** Make the tool ready, and take up what the address says was measured. */
export function watchMeasure() {
  for (const [name, z] of [["measure", 630], ["vertices", 640]]) map.createPane(name).style.zIndex = z;
  map.getPane("measure").style.pointerEvents = "none";
  [line, vertices] = [L.layerGroup().addTo(map), L.layerGroup().addTo(map)];
  canvas = L.canvas({ pane: "measure", padding: 0.3 });
  makeBox();
  map.on("click", ({ latlng }) => state.measure && add(latlng));
  map.getContainer().addEventListener("keydown", (event) => {
    if (!state.measure || event.target !== map.getContainer()) return;
    if (event.key === "Enter") add(map.getCenter());
    else if (event.key === "Backspace") undo();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !state.measure) return;
    event.stopImmediatePropagation();
    toggleMeasure(false);
  }, true);
  if (state.measure) toggleMeasure(true);
}
