/* What lies at a place: by a press on the map, a long one, the keyboard's cross, or a search. */

import { ask } from "./asking.js";
import { copyButton } from "./copying.js";
import { asked } from "./layers.js";
import { FROM } from "./looks.js";
import { choose } from "./panel.js";
import { byId, config, day, element, map, state, withQuery, writeAddress } from "./view.js";

const PIXELS = 6; // so near the pointer a structure is meant
let popup = null, spot = null, before = null;

/** A map that tells what lies at its places: the map itself, its day, and how that is written where there are two. */
const HERE = { over: map, on: day, said: () => document.querySelector(".day-shown")?.textContent };

/** How many metres so many pixels are at a place. */
function metresOf(over, pixels, at) {
  const point = over.latLngToContainerPoint(at);
  return over.distance(at, over.containerPointToLatLng(point.add([pixels, 0])));
}

const placeOf = (at) => [Number(at.lng.toFixed(6)), Number(at.lat.toFixed(6))];

async function askHere({ over, on }, at, pixels) {
  const within = Math.min(2000, metresOf(over, pixels, at)).toFixed(2);
  return ask("here", withQuery(config.addresses.here, { ...asked("compounds"), at: placeOf(at).join(","), within, ...on() }), "json");
}

/** A press chooses the one compound that lies there; where several things are meant, all are told. */
async function press(way, at) {
  const told = await askHere(way, at, PIXELS);
  if (!told) return;
  const one = state.layers.has("compounds") ? told.compounds.filter((compound) => compound.asked) : [];
  const apart = map.getZoom() >= FROM.structures || state.filters.state;
  const structures = state.layers.has("illegal_structures") && apart ? told.illegal_structures : [];
  if (one.length === 1 && !structures.length) {
    closeHere();
    choose(one[0].code, { on: way.on });
  } else if (popup && !one.length && !structures.length) {
    closeHere();
  } else {
    show(way, at, told, false);
  }
}

/** Tell everything that lies at a place. */
export async function tellHere(at, focus = false, way = HERE) {
  const told = await askHere(way, at, PIXELS * 2);
  if (told) show(way, at, told, focus);
}

function show(way, at, told, focus) {
  const { over } = way;
  closeHere();
  if (focus) before = document.activeElement;
  state.here = placeOf(at);
  const icon = L.divIcon({ className: "spot", html: element("span"), iconSize: [0, 0] });
  spot = L.marker(at, { icon, interactive: false, keyboard: false }).addTo(over);
  const panel = byId("panel").hidden || over !== map ? 0 : 372;
  popup = L.popup({
    className: "here", minWidth: 250, maxWidth: 330, maxHeight: Math.max(180, over.getSize().y * 0.6),
    autoPanPaddingBottomRight: [matchMedia("(max-width: 760px)").matches ? 10 : 10 + panel, 10],
    autoPanPaddingTopLeft: [10, 10], offset: [0, 0], closeButton: false, autoClose: false, closeOnClick: false,
  });
  popup.setLatLng(at).setContent(told_(way, told)).openOn(over);
  const box = popup.getElement();
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", config.texts.here);
  writeAddress();
  if (focus) box.querySelector("h2").focus();
}

function closeHere() {
  if (!popup) return;
  const box = popup.getElement();
  popup.remove();
  box.remove(); // it would fade away under the next one
  spot.remove();
  popup = null;
  state.here = null;
  writeAddress();
  before?.focus();
  before = null;
}

function told_({ on, said }, told) {
  const box = element("div");
  const title = element("h2", [config.texts.here, said()].filter(Boolean).join(" · "));
  title.tabIndex = -1;
  const close = element("button", "×", "close");
  close.type = "button";
  close.setAttribute("aria-label", config.texts.close);
  close.addEventListener("click", closeHere);
  box.append(title, close);
  const office = told.street_offices.map((one) => one.name).join(" · ") || config.texts.no_office;
  box.append(element("p", office, "office-here"));
  list(box, "compounds", told.compounds.map((one) => [
    button(one.name, () => { closeHere(); choose(one.code, { focus: true, on }); }),
    `${one.stage}${one.late ? ` · ! ${config.texts.late}` : ""}${one.office ? ` · ${one.office}` : ""}`,
  ]));
  list(box, "illegal_structures", told.illegal_structures.map((one) => structureLine(one, on)), told.more && config.texts.more_here);
  list(box, "facilities", told.facilities.map((one) => [
    element("b", one.name),
    [one.kind, config.texts.away.replace("%(metres)s", Math.round(one.metres)),
      config.texts.reaches.replace("%(radius)s", one.radius_m)].filter(Boolean).join(" · "),
  ]));
  if (![told.compounds, told.illegal_structures, told.facilities].some((some) => some.length)) {
    box.append(element("p", config.texts.nothing_here, "note"));
  }
  const systems = element("dl", undefined, "systems");
  for (const { system, text } of told.systems) {
    const value = element("dd", text);
    value.append(" ", copyButton(text, system));
    systems.append(element("dt", system), value);
  }
  box.append(systems);
  L.DomEvent.disableClickPropagation(box);
  return box;
}

function structureLine(one, on) {
  const area = one.area_m2 === null ? "" : `${one.area_m2.toLocaleString("en")} ${config.texts.area_unit}`;
  const title = one.compound
    ? button(one.code, () => { closeHere(); choose(one.compound, { focus: true, on }); })
    : element("b", one.code);
  return [title, [one.state, one.kind, area, one.place].filter(Boolean).join(" · ")];
}

function button(text, act) {
  const made = element("button", text, "link");
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function list(box, layer, lines, note) {
  if (!lines.length) return;
  const items = element("ul");
  for (const [title, text] of lines) {
    const item = element("li");
    item.append(title, element("small", text));
    items.append(item);
  }
  box.append(element("h3", config.names[layer]), items);
  if (note) box.append(element("p", note, "note"));
}

/** Tell what lies where a map is pressed from now on, unless a tool is at work. */
export function watchPress(way) {
  way.over.on("click", ({ latlng }) => state.measure || press(way, latlng));
  way.over.on("contextmenu", ({ latlng, originalEvent }) => {
    originalEvent.preventDefault();
    if (!state.measure) tellHere(latlng, false, way);
  });
}

/** Tell what lies at a place of the map by a press, by the keyboard and by the address. */
export function watchHere() {
  watchPress(HERE);
  map.getContainer().setAttribute("aria-description", config.texts.crosshair);
  map.getContainer().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === map.getContainer() && !state.measure) {
      event.preventDefault();
      tellHere(map.getCenter(), true);
    }
  });
  // Before the panel hears of it: one press of Escape closes one thing.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !popup) return;
    event.stopImmediatePropagation();
    closeHere();
  }, true);
  if (state.here) tellHere(L.latLng(state.here[1], state.here[0]));
}
