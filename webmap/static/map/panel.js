/* The panel: the facts of the compound chosen. */

import { ask } from "./asking.js";
import { fit } from "./frame.js";
import { restyle } from "./layers.js";
import { drawOutline } from "./marks.js";
import { byId, config, day, map, state, withQuery, writeAddress } from "./view.js";

let before = null; // where the keyboard was when the panel opened

export async function choose(code, { focus = false, show = false, on = day } = {}) {
  state.compound = code;
  writeAddress();
  restyle();
  drawOutline();
  const url = withQuery(config.addresses.compound.replace("CODE", encodeURIComponent(code)), { part: "panel", ...on() });
  const text = await ask("panel", url, "text");
  if (text === null || state.compound !== code) return;
  byId("panel-body").innerHTML = text; // escaped by the server's template
  openPanel(focus);
  if (show) fit(panelBounds(), 16);
}

export function panelBounds() {
  const [west, south, east, north] = byId("panel-body").querySelector("article").dataset.bounds.split(",").map(Number);
  return L.latLngBounds([south, west], [north, east]);
}

export function openPanel(focus) {
  byId("panel").hidden = false;
  byId("panel").scrollTop = 0;
  byId("map-area").classList.add("with-panel");
  if (focus) {
    before = document.activeElement;
    byId("panel").querySelector("h2").focus();
  }
}

function closePanel() {
  state.compound = null;
  byId("panel").hidden = true;
  byId("map-area").classList.remove("with-panel");
  writeAddress();
  restyle();
  drawOutline();
  before?.focus();
  before = null;
}

/** Close the panel by its button or Escape. */
export function watchPanel() {
  byId("panel-close").addEventListener("click", closePanel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("panel").hidden && byId("found").hidden) closePanel();
  });
  if (!byId("panel").hidden) openPanel(false);
}
