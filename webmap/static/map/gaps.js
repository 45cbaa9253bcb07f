/* The gaps of one kind of facility: land of the compounds shown that lies out of its reach, hatched. */

import { ask } from "./asking.js";
import { asked } from "./layers.js";
import { patternOf } from "./looks.js";
import { recount } from "./rail.js";
import { tellGaps } from "./tips.js";
import { byId, config, day, hear, map, state, withQuery, writeAddress } from "./view.js";

const maps = []; // { over, on, called, of, data, drawn }: a map, its day, and the gaps on it

/** Draw the gaps on a map of a day from now on, over its compounds. */
export function drawGaps(over, on = day, called = "") {
  over.createPane("gaps").style.zIndex = 405;
  over.getPane("gaps").style.pointerEvents = "none";
  maps.push({ over, on, called, of: "", data: null, drawn: null });
  load(maps.at(-1));
}

function draw(shown) {
  shown.drawn?.remove();
  const style = { fill: true, fillColor: patternOf(config.gap), fillOpacity: 1, color: config.gap.ink, weight: 1.2, opacity: 0.9 };
  const look = { pane: "gaps", renderer: L.canvas({ pane: "gaps", padding: 0.3 }), interactive: false, style };
  shown.drawn = shown.data && L.geoJSON(shown.data, look).addTo(shown.over);
}

/** Fetch the gaps of the kind that is chosen, in the compounds that the filters leave, unless they are here. */
async function load(shown) {
  const url = state.gaps ? withQuery(config.addresses.gaps, { kind: state.gaps, ...asked("compounds"), ...shown.on() }) : "";
  if (shown.of === url) return;
  shown.of = url;
  const found = url ? await ask(`${shown.called}gaps`, url, "json") : null;
  if (shown.of !== url) return;
  if (url && !found) shown.of = "";
  shown.data = found;
  tellGaps(maps.flatMap(({ data }) => data?.features || []));
  draw(shown);
}

const loadAll = () => maps.forEach(load);

/** Show the gaps of the kind that the rail's list names. */
export function watchGaps() {
  drawGaps(map);
  const list = byId("gaps");
  if (!list) return;
  list.addEventListener("change", () => {
    state.gaps = list.value || null;
    writeAddress();
    recount();
    loadAll();
  });
  hear("filtered", loadAll);
  hear("drawn", (layer) => {
    if (layer === "compounds") loadAll();
  });
}
