/* What is looked at: the map, its settings, the state that the address keeps; and the news of it.
 *
 * The modules of this folder import one way: view, asking, fetching, copying, months, colouring, frame,
 * looks, tips, tiles, basemap, features, layers, marks, panel, list, rail, gaps, here, geodesic, measure,
 * picture, search, tools, timeline, beside, main. What lies lower learns of what happens above by `hear`.
 * Names out of the record reach the page as text nodes only (textContent), or as fragments the
 * server has escaped.
 */

/** The map and the settings that the page hands us. */
export const map = window.guatu.map;
export const config = window.guatu.config;

// ---- news --------------------------------------------------------------------------------
const news = new EventTarget();

/** Tell those who hear of it: "drawn" (a layer's name), "placed", "coloured", "filtered", "restyled",
 * "outlined" (what is chosen, and how it is drawn). */
export const tell = (what, detail) => news.dispatchEvent(new CustomEvent(what, { detail }));
export const hear = (what, heard) => news.addEventListener(what, (event) => heard(event.detail));

// ---- the page ----------------------------------------------------------------------------
export const byId = (id) => document.getElementById(id);
export function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// ---- the address: everything that makes up the view --------------------------------------
const VIEW = ["at", "compound", "layers", "patterns", "colour", "beside", "on", "lang", "gaps", "here", "measure"];
const numbers = (text) => text.split(",").map(Number);
const place = (text) => (numbers(text).length === 2 && numbers(text).every(Number.isFinite) ? numbers(text) : null);
function readAddress() {
  const asked = new URLSearchParams(location.search);
  const filters = {};
  for (const [name, value] of asked) if (value && !VIEW.includes(name)) filters[name] = value;
  const at = (asked.get("at") || "").split(",").map(Number);
  return {
    filters,
    at: at.length === 3 && at.every(Number.isFinite) ? at : null,
    compound: asked.get("compound"),
    here: place(asked.get("here") || ""),
    measure: asked.has("measure") ? asked.get("measure").split(";").map(place).filter(Boolean) : null,
    layers: new Set(asked.has("layers") ? asked.get("layers").split(",").filter(Boolean) : config.usual),
    patterns: asked.get("patterns") === "1",
    colour: asked.get("colour"),
    beside: asked.get("beside"),
    on: asked.get("on"),
    lang: asked.get("lang"),
    gaps: asked.get("gaps"),
  };
}

export const state = readAddress();

export function address(changes = {}) {
  const now = { ...state, ...changes };
  const asked = new URLSearchParams(now.filters);
  const layers = Object.keys(config.addresses.layers).filter((name) => now.layers.has(name));
  const usual = layers.length === config.usual.length && config.usual.every((name) => now.layers.has(name));
  if (now.on) asked.set("on", now.on);
  if (now.at) asked.set("at", now.at.join(","));
  if (now.compound) asked.set("compound", now.compound);
  if (now.here) asked.set("here", now.here.join(","));
  if (now.measure) asked.set("measure", now.measure.map((point) => point.join(",")).join(";"));
  if (!usual) asked.set("layers", layers.join(","));
  if (now.colour) asked.set("colour", now.colour);
  if (now.beside) asked.set("beside", now.beside);
  if (now.patterns) asked.set("patterns", "1");
  if (now.gaps) asked.set("gaps", now.gaps);
  if (now.lang) asked.set("lang", now.lang);
  const text = asked.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
  return config.addresses.page + (text ? "?" + text : "");
}

export function writeAddress() {
  history.replaceState(null, "", address());
  for (const link of document.querySelectorAll("a[data-keeps-view]")) {
    link.href = address({ lang: new URL(link.href).searchParams.get("lang") });
  }
}

export function withQuery(base, asked) {
  const text = new URLSearchParams(asked).toString();
  return text ? base + (base.includes("?") ? "&" : "?") + text : base;
}

export const day = () => (state.on ? { on: state.on } : {});
