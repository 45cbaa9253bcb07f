/* The view as a picture: the map as it is drawn, under a title, beside its legend, with scale and source. */

import { byId, config, element } from "./view.js";

const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Segoe UI", sans-serif';
const EDGE = 28, HEAD = 96, FOOT = 64, SIDE = 300, LINE = 26;
const DAY = 92, PART = 12; // as wide is another day's column of the legend, and so much lies between its parts
const PAPER = "#f6f3ec", INK = "#16202a", SOFT = "#55606b";

/** Make the picture of the view, twice as fine as the screen: { blob, whole }, a PNG and whether the base map is in it. */
export async function picture() {
  await drawnWhole();
  const size = frameOf(maps());
  const legend = legendLines();
  const height = Math.max(size.y, legend.length * LINE + legend.filter(({ heading }) => heading).length * PART + 60);
  const side = SIDE + (legend.some(({ counts }) => counts?.length > 1) ? DAY : 0);
  const [wide, high] = [EDGE * 2 + size.x + (legend.length ? side : 0), HEAD + height + FOOT];
  const canvas = element("canvas");
  const scale = Math.min(2, 16000 / Math.max(wide, high));
  [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(high * scale)];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = "#fffefb";
  pen.fillRect(0, 0, wide, high);
  drawHead(pen, wide);
  const whole = drawMaps(pen, size, canvas.width / wide);
  drawLegend(pen, legend, EDGE + size.x + 24, HEAD, side);
  drawFoot(pen, wide, high, size);
  return { whole, blob: await new Promise((done) => canvas.toBlob(done, "image/png")) };
}

/** The map, and the one of another day where there are two. */
const maps = () => [...document.querySelectorAll("#beside-map, .folium-map")];

/** The rectangle around elements: its left and upper side, its width and height. */
function frameOf(elements) {
  const boxes = elements.map((one) => one.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
  return { left, top, x: right - left, y: bottom - top };
}

/** Wait until all that the view asked for is drawn, or some seconds: a server may not answer. */
async function drawnWhole() {
  const missing = () => byId("map-area").hasAttribute("aria-busy")
    || document.querySelector(".leaflet-tile:not(.leaflet-tile-loaded)");
  for (let round = 0; round < 40 && missing(); round += 1) await new Promise((done) => setTimeout(done, 100));
}

function write(pen, text, x, y, { size = 13, weight = 400, colour = INK, align = "left", most } = {}) {
  pen.font = `${weight} ${size}px ${FONT}`;
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.textBaseline = "alphabetic";
  pen.fillText(text, x, y, most);
}

const said = (node) => (node?.textContent || "").replace(/\s+/g, " ").trim();

function drawHead(pen, wide) {
  const title = said(document.querySelector(".bar .home"));
  write(pen, title, EDGE, 46, { size: 26, weight: 700 });
  const invented = said(document.querySelector(".bar .invented"));
  const days = [...document.querySelectorAll(".dayname b")].map(said);
  const day = `${config.texts.as_of} ${days.join(" · ") || said(document.querySelector(".bar .on .day"))}`;
  write(pen, [day, invented].filter(Boolean).join(" · "), wide - EDGE, 44, { size: 15, align: "right", colour: SOFT });
  const chosen = [...document.querySelectorAll("#filters select")].filter((field) => field.value)
    .filter((field) => !["colour", "gaps"].includes(field.name))
    .map((field) => `${said(document.querySelector(`label[for="${field.id}"]`))} ${said(field.selectedOptions[0])}`);
  const checked = [...document.querySelectorAll("#filters input[name]:checked")].filter((field) => field.value)
    .map((field) => said(field.closest("label").querySelector(".name") || field.closest("label")));
  const chips = [...document.querySelectorAll("#chips li:not(.every) a")].map((chip) => said(chip).replace(/\s*×$/, ""));
  const told = [said(byId("summary").querySelector("em")), said(byId("summary").querySelector("strong")), said(byId("summary").querySelector("span")), ...chosen, ...checked, ...chips];
  write(pen, told.filter(Boolean).join(" · "), EDGE, 76, { size: 15, most: wide - EDGE * 2 });
}

/** The maps as they are drawn, from below: canvases, pictures of a base map, names and signs. Returns whether all is there. */
function drawMaps(pen, frame, scale) {
  pen.save();
  pen.translate(EDGE, HEAD);
  const whole = maps().map((container) => drawMap(pen, container, frame, scale)).every(Boolean);
  for (const name of document.querySelectorAll(".dayname b")) drawDay(pen, name, frame);
  pen.restore();
  return whole;
}

function drawMap(pen, container, frame, scale) {
  const box = container.getBoundingClientRect();
  let whole = true;
  pen.save();
  pen.beginPath();
  pen.rect(box.left - frame.left, box.top - frame.top, box.width, box.height);
  pen.clip();
  pen.fillStyle = PAPER;
  pen.fillRect(box.left - frame.left, box.top - frame.top, box.width, box.height);
  const panes = [...container.querySelectorAll(".leaflet-map-pane > .leaflet-pane:not(.leaflet-popup-pane, .leaflet-tooltip-pane)")];
  panes.sort((one, two) => Number(getComputedStyle(one).zIndex) - Number(getComputedStyle(two).zIndex));
  for (const pane of panes) {
    const below = pane.classList.contains("leaflet-basemap-pane");
    for (const drawn of pane.querySelectorAll("canvas, img.leaflet-tile")) {
      if (below && !readable(drawn)) whole = false;
      else drawCanvas(pen, drawn, frame, scale);
    }
    for (const text of pane.querySelectorAll(".leaflet-marker-icon span")) drawText(pen, text, frame);
  }
  pen.restore();
  pen.strokeStyle = "#8a8478";
  pen.lineWidth = 1;
  pen.strokeRect(box.left - frame.left + 0.5, box.top - frame.top + 0.5, box.width - 1, box.height - 1);
  return whole;
}

/** Whether the browser lets what is drawn be saved: pictures of a host that has not allowed it spoil all they lie in. */
function readable(drawn) {
  const probe = element("canvas");
  [probe.width, probe.height] = [1, 1];
  const pen = probe.getContext("2d");
  if (drawn.width) pen.drawImage(drawn, 0, 0, 1, 1);
  try {
    return Boolean(pen.getImageData(0, 0, 1, 1));
  } catch {
    return false;
  }
}

function drawCanvas(pen, drawn, frame, scale) {
  const box = drawn.getBoundingClientRect();
  if (!box.width || !drawn.width) return;
  // Tiles that meet in the midst of a pixel would let the ground through.
  const [left, right] = [box.left - frame.left, box.right - frame.left].map((x) => Math.round(x * scale) / scale);
  const [top, bottom] = [box.top - frame.top, box.bottom - frame.top].map((y) => Math.round(y * scale) / scale);
  pen.drawImage(drawn, left, top, right - left, bottom - top);
}

/** The day that one of two maps shows. */
function drawDay(pen, name, frame) {
  const box = name.closest(".dayname").getBoundingClientRect();
  const [x, y, text] = [box.left - frame.left, box.top - frame.top, said(name)];
  pen.font = `600 15px ${FONT}`;
  const width = pen.measureText(text).width + 24;
  pen.fillStyle = INK;
  pen.beginPath();
  pen.roundRect(x, y, width, 28, 4);
  pen.fill();
  write(pen, text, x + 12, y + 19, { size: 15, weight: 600, colour: "#ffffff" });
}

function drawText(pen, text, frame) {
  const look = getComputedStyle(text);
  if (look.visibility === "hidden" || text.closest(".leaflet-tooltip")) return;
  const box = text.getBoundingClientRect();
  const [x, y] = [box.left - frame.left, box.top - frame.top];
  const boxed = look.backgroundColor !== "rgba(0, 0, 0, 0)";
  if (boxed) {
    pen.fillStyle = look.backgroundColor;
    pen.strokeStyle = look.borderTopWidth === "0px" ? "#ffffff" : look.borderTopColor;
    pen.lineWidth = 1.2;
    pen.beginPath();
    pen.roundRect(x, y, box.width, box.height, parseFloat(look.borderTopLeftRadius) || 0);
    pen.fill();
    pen.stroke();
  }
  pen.font = `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.letterSpacing = look.letterSpacing === "normal" ? "0px" : look.letterSpacing;
  const lines = [...text.childNodes].map(said).filter(Boolean);
  lines.forEach((line, i) => {
    const at = [x + box.width / 2, y + (box.height * (i + 0.5)) / lines.length];
    if (!boxed) {
      pen.strokeStyle = "rgba(255, 255, 255, 0.9)";
      pen.lineWidth = 3;
      pen.lineJoin = "round";
      pen.strokeText(line, ...at);
    }
    pen.fillStyle = look.color;
    pen.fillText(line, ...at);
  });
  pen.letterSpacing = "0px";
}

/** The legend as the rail shows it: a heading with the days where there are two, or a line of colour, name and counts. */
function legendLines() {
  const lines = [];
  for (const legend of document.querySelectorAll("#filters .legend")) {
    const rows = [...legend.querySelectorAll(".row")].filter((row) => row.querySelector("svg") && row.offsetParent !== null);
    const layer = legend.querySelector("legend [data-layer]");
    if (!rows.length || (layer && !layer.checked)) continue;
    lines.push({ heading: said(legend.querySelector("legend")), days: [...legend.querySelectorAll(".days span")].map(said) });
    for (const row of rows) {
      const late = said(row.querySelector(".count .late"));
      lines.push({ swatch: row.querySelector("svg"), name: said(row.querySelector(".name")), late, counts: [...row.querySelectorAll(".count b")].map(said) });
    }
  }
  return lines;
}

function drawLegend(pen, lines, x, top, side) {
  const end = x + side - 24;
  let y = top + 18 - LINE - PART;
  lines.forEach(({ heading, days = [], swatch, name, late, counts = [] }) => {
    y += heading ? LINE + PART : LINE;
    if (heading) write(pen, heading, x, y, { size: 15, weight: 700, most: side - 24 - DAY * days.length });
    else {
      drawSwatch(pen, swatch, x, y - 13);
      write(pen, name, x + 40, y, { most: SIDE - 130 });
    }
    if (late) write(pen, late, end - 42, y, { align: "right", weight: 600, colour: config.late });
    const column = (place, many) => end - (many - 1 - place) * DAY;
    days.forEach((day, place) => write(pen, day, column(place, days.length), y, { size: 12, align: "right", colour: SOFT }));
    counts.forEach((count, place) => write(pen, count, column(place, counts.length), y, { align: "right", weight: 600 }));
  });
}

function drawSwatch(pen, swatch, x, y) {
  const shape = swatch.querySelector("rect, circle, path, line");
  if (!shape) return;
  const [fill, stroke] = [shape.getAttribute("fill"), shape.getAttribute("stroke")];
  pen.beginPath();
  if (shape.tagName === "circle") pen.arc(x + 14, y + 8, 5, 0, 2 * Math.PI);
  else pen.roundRect(x + 0.5, y + 0.5, 27, 15, 2);
  if (fill && fill !== "none" && !fill.startsWith("url")) {
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.strokeStyle = stroke && stroke !== "none" ? stroke : "rgba(0, 0, 0, 0.35)";
  pen.lineWidth = shape.tagName === "circle" ? 2 : 1;
  pen.stroke();
}

function drawFoot(pen, wide, high, size) {
  const y = high - FOOT + 26;
  const scale = document.querySelector(".leaflet-control-scale-line");
  const length = scale ? parseFloat(scale.style.width) : 0;
  if (length) {
    pen.strokeStyle = INK;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(EDGE, y - 6);
    pen.lineTo(EDGE, y);
    pen.lineTo(EDGE + length, y);
    pen.lineTo(EDGE + length, y - 6);
    pen.stroke();
    write(pen, said(scale), EDGE + length + 10, y);
  }
  drawNorth(pen, EDGE + size.x - 30, HEAD + 34);
  const measured = byId("measure-box");
  if (measured && !measured.hidden) {
    const told = [...measured.querySelectorAll("dt")].map((name) => `${said(name)} ${said(name.nextElementSibling)}`);
    write(pen, told.join("   "), wide / 2, y, { size: 15, weight: 600, align: "center" });
  }
  const now = new Date().toLocaleDateString(document.documentElement.lang, { year: "numeric", month: "long", day: "numeric" });
  const foot = [...document.querySelectorAll(".map-foot span")].map(said);
  const told = [config.texts.source, `${config.texts.drawn} ${now}`, ...foot].join(" · ");
  write(pen, told, EDGE, y + 24, { size: 12, colour: SOFT, most: wide - EDGE * 2 });
  const mark = said(document.querySelector(".map-foot b")) || config.texts.internal;
  pen.font = `700 15px ${FONT}`;
  const width = pen.measureText(mark).width + 24;
  pen.strokeStyle = "#c62828";
  pen.lineWidth = 1.5;
  pen.strokeRect(wide - EDGE - width, y - 14, width, 28);
  write(pen, mark, wide - EDGE - width / 2, y + 5, { size: 15, weight: 700, colour: "#c62828", align: "center" });
}

function drawNorth(pen, x, y) {
  pen.fillStyle = "rgba(255, 254, 251, 0.85)";
  pen.beginPath();
  pen.roundRect(x - 16, y - 22, 32, 54, 4);
  pen.fill();
  pen.fillStyle = INK;
  pen.beginPath();
  pen.moveTo(x, y - 14);
  pen.lineTo(x + 7, y + 8);
  pen.lineTo(x, y + 3);
  pen.lineTo(x - 7, y + 8);
  pen.fill();
  write(pen, "N", x, y + 24, { size: 13, weight: 700, align: "center" });
}
