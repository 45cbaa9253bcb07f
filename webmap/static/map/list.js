/* The list of the compounds shown: the same as the map, in words. */

import { ask } from "./asking.js";
import { asked, shown } from "./layers.js";
import { now } from "./months.js";
import { choose } from "./panel.js";
import { byId, config, day, element, hear, map, withQuery } from "./view.js";

/** Fill the list whenever it is open and the compounds change. */
export function watchList() {
  byId("list").addEventListener("toggle", fillList);
  hear("drawn", (layer) => {
    if (layer === "compounds") fillList();
  });
  hear("coloured", fillList);
  map.on("moveend", () => {
    if (shown.compounds?.data.whole === false) fillList();
  });
}

function rowOf(properties) {
  const told = now(properties);
  const row = element("tr");
  const name = element("td");
  const button = element("button", told.name || told.code);
  button.type = "button";
  button.addEventListener("click", () => choose(told.code, { focus: true, show: true }));
  name.append(button);
  const sign = (told.finished ? " ✓" : "") + (told.late ? ` ! ${config.texts.late}` : "");
  row.append(name, element("td", (config.stages[told.stage]?.label || "") + sign));
  row.append(element("td", told.street_office_name || "—"));
  return row;
}

function note(content) {
  const row = element("tr");
  const cell = element("td");
  cell.colSpan = 3;
  cell.append(content);
  row.append(cell);
  return row;
}

function fillList() {
  if (!byId("list").open || !shown.compounds) return;
  const { data } = shown.compounds;
  if (data.whole === false) return void listView();
  const rows = data.features.map((feature) => rowOf(feature.properties));
  byId("list-rows").replaceChildren(...(rows.length ? rows : [note(config.texts.no_compounds)]));
}

/** Where not all compounds are here: a page of those in view, and a button for the next one. */
async function listView(after) {
  const { _southWest: low, _northEast: high } = map.getBounds();
  const box = [low.lng, low.lat, high.lng, high.lat].map((side) => side.toFixed(6)).join(",");
  const page = after ? { after } : {};
  const url = withQuery(config.addresses.list, { ...asked("compounds"), ...day(), bbox: box, ...page });
  const found = await ask("list", url, "json");
  if (!found) return;
  const rows = found.rows.map(rowOf);
  if (found.more) {
    const button = element("button", config.texts.more_in_view);
    button.type = "button";
    button.addEventListener("click", () => {
      button.closest("tr").remove();
      listView(found.rows.at(-1).code);
    });
    rows.push(note(button));
  }
  if (after) return void byId("list-rows").append(...rows);
  byId("list-rows").replaceChildren(...(rows.length ? rows : [note(config.texts.nothing_in_view)]));
}
