/* What a pointer is told of the thing under it. */

import { classLabel } from "./colouring.js";
import { now } from "./months.js";
import { config, element } from "./view.js";

function tip(title, ...lines) {
  const box = element("div");
  box.append(element("b", title));
  for (const line of lines.filter(Boolean)) box.append(element("div", line));
  return box;
}

let gaps = new Map(); // code -> what is told of the gap in a compound, while gaps are shown

/** Tell the pointer of these gaps, too. */
export function tellGaps(features) {
  gaps = new Map(features.map(({ properties }) => [properties.code, properties]));
}

function gapLine(code) {
  const told = gaps.get(code);
  if (!told) return "";
  if (told.households === null) return config.texts.land_out.replace("%(area)s", Math.round(told.area_m2).toLocaleString("en"));
  return config.texts.homes_out.replace("%(households)s", Math.round(told.households).toLocaleString("en"));
}

export function compoundTip({ feature }) {
  const told = now(feature.properties);
  return tipOf(told, classLabel(told));
}

/** What is told of a compound: its name, stage, whether it is late, its class, its street office. */
export function tipOf(told, label) {
  const stage = config.stages[told.stage]?.label + (told.finished ? " ✓" : "");
  return tip(told.name || told.code, told.late ? `${stage} · ! ${config.texts.late}` : stage, label, told.street_office_name, gapLine(told.code));
}

export function structureTip({ feature }) {
  const told = feature.properties;
  const area = told.area_m2 == null ? "" : `${told.area_m2.toLocaleString("en")} ${config.texts.area_unit}`;
  return tip(config.states[told.state || ""].label, told.kind, area, told.code);
}

/** What lies too close together to be told apart: how many, and how many of what. */
export function cellTip(count, parts) {
  const lines = parts.map(([text, number]) => `${text || config.texts.unknown} ${number.toLocaleString("en")}`);
  return tip(`${config.texts.together} ${count.toLocaleString("en")}`, ...lines);
}

/** Kinds of facilities are names out of the record: the rail tells how they are said. */
export function kindLabel(kind) {
  const told = [...document.querySelectorAll("[data-kind]")].find((entry) => entry.dataset.kind === kind);
  return told ? told.lastChild.textContent : kind || config.texts.unknown;
}

export function facilityTip({ feature }) {
  const told = feature.properties;
  return tip(told.name || told.code, kindLabel(told.kind), told.radius_m ? `${config.texts.radius} ${told.radius_m} m` : "");
}
