/* The list of the compounds shown: the same as the map, in words. */

import { ask } from "./asking.js";
import { copy } from "./copying.js";
import { asked, shown } from "./layers.js";
import { now } from "./months.js";
import { choose } from "./panel.js";
import { byId, config, day, element, hear, map, withQuery } from "./view.js";

let order = null; // { by, down }: the column that the rows are sorted by

/** What a row is sorted by, column by column; late compounds come first in their stage. */
const KEYS = {
  name: (told) => told.name || told.code,
  stage: (told) => Object.keys(config.stages).indexOf(told.stage) * 2 + Number(!told.late),
  office: (told) => told.street_office_name || "",
};

/** Sort the rows that are here by a column, or the other way round if they are. */
function sortBy(by) {
  order = { by, down: order?.by === by && !order.down };
  for (const heading of document.querySelectorAll("#list [data-by]")) {
    if (heading.dataset.by === by) heading.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else heading.removeAttribute("aria-sort");
  }
  arrange();
}

const rowsHere = () => [...byId("list-rows").children].filter((row) => row.told);

function arrange() {
  if (!order) return;
  const key = KEYS[order.by];
  const compare = (one, two) => (typeof one === "number" ? one - two : one.localeCompare(two, document.documentElement.lang));
  const rows = rowsHere().sort((one, two) => compare(key(one.told), key(two.told)) * (order.down ? -1 : 1));
  byId("list-rows").prepend(...rows);
}

/** Copy the rows that are here, as a sheet takes them: a line a row, tabs between. */
function copyRows() {
  const plain = (text) => String(text ?? "").replace(/[\t\r\n]+/g, " ");
  const headings = [...document.querySelectorAll("#list thead th")].map((heading) => heading.textContent.trim());
  const lines = rowsHere().map(({ told: row }) => [
    row.code, row.name, config.stages[row.stage]?.label, row.late ? config.texts.late : "", row.street_office_name,
  ]);
  const [name, stage, office] = headings;
  const text = [[config.texts.code, name, stage, config.texts.late, office], ...lines];
  copy(text.map((line) => line.map(plain).join("\t")).join("\n"), config.texts.list_copied.replace("%(rows)s", lines.length));
}

/** Fill the list whenever it is open and the compounds change. */
export function watchList() {
  byId("list").addEventListener("toggle", fillList);
  hear("drawn", (layer) => {
    if (layer === "compounds") fillList();
  });
  hear("coloured", fillList);
  byId("list-copy").addEventListener("click", copyRows);
  for (const heading of document.querySelectorAll("#list [data-by]")) {
    heading.firstElementChild.addEventListener("click", () => sortBy(heading.dataset.by));
  }
  map.on("moveend", () => {
    if (shown.compounds?.data.whole === false) fillList();
  });
}

function rowOf(properties) {
  const told = now(properties);
  const row = Object.assign(element("tr"), { told });
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
  arrange();
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
  if (after) byId("list-rows").append(...rows);
  else byId("list-rows").replaceChildren(...(rows.length ? rows : [note(config.texts.nothing_in_view)]));
  arrange();
}
