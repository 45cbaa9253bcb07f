/* The months: where each compound stood at the end of each, by code. The shapes stay as they are. */

import { ask } from "./asking.js";
import { config, withQuery } from "./view.js";

const TICKED = 16, LATE = 8;
let each = null; // { ends, of, lateness, late_of } of all compounds, once it is asked for
let asking = null;
let shownDay = null; // the day that is shown over what the layers were loaded for

/** Ask once where each compound stood at the end of each month. */
export function fetchEach() {
  asking ??= ask("each", withQuery(config.addresses.months, { each: "1" }), "json").then((told) => {
    each = told;
    if (!told) asking = null;
    return told;
  });
  return asking;
}

/** Show another day from now on; null: what the layers were loaded for. Returns whether it is known. */
export function showDay(day) {
  shownDay = day && each?.ends.includes(day) ? day : null;
  return shownDay !== null;
}

/** The day that is shown over what the layers were loaded for, null: none. */
export const dayShown = () => shownDay;

/** What is told of a compound on the day that is shown: its stage, whether it is late and finished. */
export function now(told) {
  return shownDay === null ? told : onDay(told, shownDay);
}

/** How a compound stands, of its sign. */
export const readSign = (sign) => ({
  stage: Object.keys(config.stages)[sign % LATE],
  late: Boolean(sign & LATE),
  finished: Boolean(sign & TICKED),
});

function onDay(told, day) {
  const signs = each.of[told.code];
  if (!signs) return told;
  const place = each.ends.indexOf(day);
  return {
    ...told,
    ...readSign(Number.parseInt(signs[place], 32)),
    lateness: each.lateness[Number.parseInt(each.late_of[told.code][place], 32)],
  };
}
