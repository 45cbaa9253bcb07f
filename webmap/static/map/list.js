/* The list of the compounds shown: the same as the map, in words. */

import { shown } from "./layers.js";
import { now } from "./months.js";
import { choose } from "./panel.js";
import { byId, config, element, hear } from "./view.js";

/** Fill the list whenever it is open and the compounds change. */
export function watchList() {
  byId("list").addEventListener("toggle", fillList);
  hear("drawn", (layer) => {
    if (layer === "compounds") fillList();
  });
  hear("coloured", fillList);
}

function fillList() {
  if (!byId("list").open || !shown.compounds) return;
  const rows = shown.compounds.data.features.map(({ properties }) => {
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
  });
  if (!rows.length) {
    const cell = element("td", config.texts.no_compounds);
    cell.colSpan = 3;
    rows.push(element("tr"));
    rows[0].append(cell);
  }
  byId("list-rows").replaceChildren(...rows);
}
