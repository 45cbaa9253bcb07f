/* The gaps of one kind of facility: land of the compounds shown that lies out of its reach, hatched. */

import { ask } from "./asking.js";
import { asked } from "./layers.js";
import { patternOf } from "./looks.js";
import { recount } from "./rail.js";
import { tellGaps } from "./tips.js";
import { byId, config, day, hear, map, state, withQuery, writeAddress } from "./view.js";

const drawn = new Map(); // map -> the layer on it, null: none
let data = null; // the gaps that are shown
let of = ""; // the address they came from

/** Draw the gaps on a map from now on, over its compounds. */
export function drawGaps(over) {
  over.createPane("gaps").style.zIndex = 405;
  over.getPane("gaps").style.pointerEvents = "none";
  drawn.set(over, null);
  draw(over);
}

function draw(over) {
  drawn.get(over)?.remove();
  const style = { fill: true, fillColor: patternOf(config.gap), fillOpacity: 1, color: config.gap.ink, weight: 1.2, opacity: 0.9 };
  const look = { pane: "gaps", renderer: L.canvas({ pane: "gaps", padding: 0.3 }), interactive: false, style };
  drawn.set(over, data && L.geoJSON(data, look).addTo(over));
}

/** Fetch the gaps of the kind that is chosen, in the compounds that the filters leave, unless they are here. */
async function load() {
  const url = state.gaps ? withQuery(config.addresses.gaps, { kind: state.gaps, ...asked("compounds"), ...day() }) : "";
  if (of === url) return;
  of = url;
  const found = url ? await ask("gaps", url, "json") : null;
  if (of !== url) return;
  if (url && !found) of = "";
  data = found;
  tellGaps(data?.features || []);
  for (const over of drawn.keys()) draw(over);
}

/** Show the gaps of the kind that the rail's list names. */
export function watchGaps() {
  drawGaps(map);
  const list = byId("gaps");
  if (!list) return;
  list.addEventListener("change", () => {
    state.gaps = list.value || null;
    writeAddress();
    recount();
    load();
  });
  hear("filtered", load);
  hear("drawn", (layer) => {
    if (layer === "compounds") load();
  });
  load();
}
