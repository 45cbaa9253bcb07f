/* The rail: filters that are the legend too, switches of layers, counts kept fresh. */

import { ask } from "./asking.js";
import { fit, placeNow, wholeDistrict } from "./frame.js";
import { load, place, restyle, shown } from "./layers.js";
import { officeStyle } from "./looks.js";
import { address, byId, config, hear, state, tell, writeAddress } from "./view.js";

const OF_VIEW = ["colour", "gaps"]; // they filter nothing

/** Take over every counting part of the rail from the server's fresh one, which is returned; inputs stay as they are. */
export async function recount() {
  const url = new URL(address(), location.href);
  url.searchParams.set("part", "rail");
  const text = await ask("rail", url, "text");
  if (text === null) return null;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    byId(part.id)?.replaceChildren(...part.childNodes);
  }
  nameHandle();
  return fresh;
}

export function nameHandle() {
  byId("rail-handle").firstElementChild.textContent = byId("summary").querySelector("strong").textContent;
  byId("none-left").hidden = byId("summary").querySelector("small").dataset.count !== "0";
}

function refresh() {
  writeAddress();
  tell("filtered");
  recount();
  shown.street_offices?.lines.setStyle(officeStyle);
  for (const layer of state.layers) load(layer);
}

function filter(name, value) {
  // From now on the address names the place: a link made of it shows this view, not another one.
  state.at ??= placeNow();
  if (value) state.filters[name] = value;
  else delete state.filters[name];
  refresh();
  if (name === "street_office") showLeft();
}

/** Bring into view what the filters leave: the street office asked for, else the compounds. */
export async function showLeft() {
  const { at, filters: { street_office: code } } = state;
  await Promise.all([load("street_offices"), load("compounds")]);
  // Somebody has moved the map, or asked for another street office, in the meantime.
  if (state.at !== at || state.filters.street_office !== code) return;
  const office = shown.street_offices?.data.features.find((feature) => feature.properties.code === code);
  if (office) return void fit(L.geoJSON(office).getBounds());
  const left = narrowed() ? shown.compounds?.getBounds() : null;
  fit(left?.isValid() ? left : wholeDistrict(), left ? 14.5 : 17);
}

/** Say of street offices, while they are switched on, that the view holds too many of them to be outlined. */
function tellCrowded() {
  byId("offices-crowded").hidden = !(state.layers.has("street_offices") && shown.street_offices?.data?.crowded);
}

export const narrowed = () => Object.keys(config.filters.compounds).some((name) => state.filters[name]);

export function watchRail() {
  const form = byId("filters");
  for (const box of form.querySelectorAll("[data-layer]")) {
    box.checked = state.layers.has(box.dataset.layer);
    box.disabled = false;
    box.addEventListener("change", () => {
      state.layers[box.checked ? "add" : "delete"](box.dataset.layer);
      writeAddress();
      if (box.checked) load(box.dataset.layer);
      place();
    });
  }
  const patterns = form.querySelector("[data-patterns]");
  patterns.checked = state.patterns;
  patterns.disabled = false;
  patterns.addEventListener("change", () => {
    state.patterns = patterns.checked;
    writeAddress();
    restyle();
  });
  form.addEventListener("change", (event) => {
    const field = event.target;
    if (field.name && !OF_VIEW.includes(field.name)) filter(field.name, field.type === "checkbox" && !field.checked ? "" : field.value);
  });
  // A second press on the legend's entry lets go of it again.
  form.addEventListener("click", (event) => {
    const field = event.target;
    if (field.type !== "radio" || !field.value || field.value !== state.filters[field.name]) return;
    form.querySelector(`[name="${field.name}"][value=""]`).checked = true;
    filter(field.name, "");
  });
  hear("placed", tellCrowded);
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("rail-handle").addEventListener("click", () => {
    const open = byId("rail").classList.toggle("open");
    byId("rail-handle").setAttribute("aria-expanded", String(open));
  });
  byId("on").addEventListener("change", (event) => {
    if (event.target.value) location.assign(address({ on: event.target.value }));
  });
}
