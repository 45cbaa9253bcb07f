/* How things look: colours and patterns of stages and states, lines and grounds. */

import { lookOf } from "./colouring.js";
import { now } from "./months.js";
import { config, element, map, state } from "./view.js";

// From these zooms on: signs of late compounds, structures told apart by the pointer, the tick of
// finished ones, names.
export const FROM = { late: 14, structures: 14.5, finished: 15, names: 15.5 };

let printed = false;

/** Draw patterns while the page is printed, whatever is switched on. */
export function setPrinted(on) {
  printed = on;
}

const patterned = () => state.patterns || printed;
const tiles = new Map();

/** A pattern to be filled with: lines in `ink` on a ground. */
export function patternOf({ colour, path, ink }) {
  const name = `${colour} ${path}`;
  if (!tiles.has(name)) {
    const scale = Math.max(2, Math.ceil(window.devicePixelRatio || 1));
    const tile = element("canvas");
    tile.width = tile.height = config.tile * scale;
    const pen = tile.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, config.tile, config.tile);
    pen.strokeStyle = ink || config.ink;
    pen.lineWidth = 1.3;
    pen.lineCap = "round";
    pen.stroke(new Path2D(path));
    const pattern = pen.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / scale));
    tiles.set(name, pattern);
  }
  return tiles.get(name);
}

/** How bright a colour is, from 0 to 1. */
const brightness = (colour) =>
  [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => sum + part * Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16), 0) / 255;

export function compoundStyle(feature, told = now(feature.properties), look = lookOf(told)) {
  const near = map.getZoom() >= 12.5;
  // What is nearly as pale as the ground has to be shown by its outline.
  const edge = brightness(look.colour) > 0.8 ? { opacity: 0.95, weight: 1 } : { opacity: 0.55, weight: 0.8 };
  return {
    fill: true,
    fillColor: patterned() ? patternOf(look) : look.colour,
    fillOpacity: 0.95,
    color: "#4a4438",
    ...edge,
    ...(told.late ? { color: config.late, opacity: 1, weight: near ? 2.2 : 1.4 } : {}),
    // A speck keeps its colour: its outline is thin.
    ...(feature.properties.small || map.getZoom() < 11.5 ? { weight: 0.6 } : {}),
  };
}

/** From afar a structure is a speck that leaves the compound its colour, and its pointer. */
export function structureStyle(feature) {
  const look = config.states[feature.properties.state || ""];
  const away = map.getZoom() - FROM.structures;
  const near = away >= 0 || Boolean(state.filters.state);
  const radius = Math.max(1, 2.4 + away * (away < 0 ? 0.5 : 1.1));
  return {
    radius,
    color: look.colour,
    weight: away < 0 ? 0.6 : Math.min(2, radius / 2),
    fill: look.filled || near,
    fillColor: look.filled ? look.colour : "#ffffff",
    fillOpacity: look.filled ? 0.95 : 0.85,
    opacity: look.filled || near ? 1 : 0.6,
    interactive: near,
  };
}

export function officeStyle(feature) {
  const told = feature.properties;
  const mine = state.filters.street_office === told.code;
  const empty = state.filters.without_sites === "1" && !told.compounds;
  return {
    color: mine || empty ? "#16202a" : "#5c5346",
    weight: mine || empty ? 3.5 : 1.6,
    opacity: 0.9,
    dashArray: mine || empty ? null : "9 4 2 4",
    fill: empty,
    fillColor: "#e0b23c",
    fillOpacity: 0.3,
  };
}

export const facilityStyle = () => ({ color: "#34495e", weight: 1.4, dashArray: "3 3", fillOpacity: 0 });

export function backdropStyle(feature) {
  const { kind } = feature.properties;
  const line = feature.geometry.type.endsWith("LineString");
  const colour = config.backdrop[kind] || config.backdrop.block;
  const width = (kind === "road-major" ? 2.2 : 1) * 2 ** (map.getZoom() - 13.5);
  if (line) return { color: colour, weight: Math.min(Math.max(width, 0.8), 18), opacity: 1, fill: false };
  return { stroke: false, fill: true, fillColor: colour, fillOpacity: 1 };
}
