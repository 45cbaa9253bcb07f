/* What compounds are coloured by: the legend tells the looks, a table of codes the class of each. */

import { ask } from "./asking.js";
import { readSign } from "./months.js";
import { byId, config, day, state, tell, withQuery, writeAddress } from "./view.js";

const USUAL = "stage";
// Until its class has come, and where it has none, a compound has the ground's own colour.
const PLAIN = { label: "", colour: "#e4ded0", path: "", ink: "transparent" };
let looks = new Map(); // class -> { label, colour, path, ink }
let legendOf = USUAL; // whose classes they are
let table = null; // code -> class, where the map is not coloured by stage
let tabled = ""; // what the table is of

/** Take over the looks of the classes from the legend, as the page brought it. */
export function readLegend() {
  const rows = [...byId("legend").querySelectorAll("[data-class]")];
  legendOf = byId("legend").dataset.colouring;
  looks = new Map(rows.map((row) => {
    const { colour, path, ink } = row.dataset;
    return [row.dataset.class, { label: row.querySelector(".name").textContent, colour, path, ink }];
  }));
}

/** What of the legend the address of tiles tells: by which classes that which is drawn as one is counted. */
export const legendAsked = () => (legendOf === USUAL ? {} : { colour: legendOf });
/** The classes of the legend, and the look of one of them. */
export const classesShown = () => [...looks.keys()];
export const lookNamed = (name) => looks.get(name) || PLAIN;

export const byStage = () => !state.colour || state.colour === USUAL;

/** The look of what is told of a compound, by the colouring that is chosen. */
export function lookOf(told) {
  if (byStage()) return looks.get(told.stage) || config.stages[told.stage] || PLAIN;
  if (state.colour === "lateness" && told.lateness) return looks.get(told.lateness) || PLAIN;
  return looks.get(table?.get(told.code)) || PLAIN;
}

/** The look of what is told of a compound on another day, its class with it (see readSigns). */
export const lookIn = (told) => looks.get(byStage() ? told.stage : told.class) || PLAIN;

/** Of a table of classes that came with signs: code -> class, stage, late, finished. */
export function readSigns({ classes, of, signs }) {
  return new Map(Object.entries(of).map(([code, place]) => [code, { class: classes[place], ...readSign(signs[code]) }]));
}

/** What the colouring calls the class of a compound, "" where the map is coloured by stage. */
export const classLabel = (told) => (byStage() ? "" : lookOf(told).label);

/** Ask which class each compound is of, unless that is known; tells "coloured" when it has come. */
export async function fetchClasses() {
  const url = withQuery(config.addresses.classes, { colour: state.colour, ...day() });
  if (byStage() || tabled === url) return tell("coloured");
  const told = await ask("classes", url, "json");
  if (!told || told.colour !== state.colour) return undefined;
  table = new Map(Object.entries(told.of).map(([code, place]) => [code, told.classes[place]]));
  tabled = url;
  return tell("coloured");
}

/** Colour by something else from now on; `recount` brings the rail that goes with it. */
export function watchColouring(recount) {
  byId("colour").addEventListener("change", async (event) => {
    state.colour = event.target.value;
    writeAddress();
    // Both at once, but the colours change only when the legend does.
    const [rail] = await Promise.all([recount(), fetchClasses()]);
    if (!rail) return;
    for (const part of rail.querySelectorAll("[data-coloured]")) byId(part.id).replaceWith(part);
    readLegend();
    tell("coloured");
  });
  readLegend();
  fetchClasses();
}
