/* The time slider: months one after the other, by hand or played; the track shows how the stages
 * shared the compounds, and where the plans begin and end. */

import { ask } from "./asking.js";
import { fetchClasses } from "./colouring.js";
import { asked, filteredByDay, load } from "./layers.js";
import { fetchEach, showDay } from "./months.js";
import { choose } from "./panel.js";
import { recount } from "./rail.js";
import { address, byId, config, day, element, hear, state, tell, withQuery, writeAddress } from "./view.js";

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const STEP_MS = 420, CALM_STEP_MS = 1600;
const SVG = "http://www.w3.org/2000/svg";
let told = null; // the months of what the filters leave
let playing = null; // the timer while they are played

const slider = () => byId("time-month");
const place = () => Number(slider().value);
const written = (day) => new Intl.DateTimeFormat(
  document.documentElement.lang === "en" ? "en-GB" : "zh-CN",
  { day: "numeric", month: document.documentElement.lang === "en" ? "short" : "long", year: "numeric", timeZone: "UTC" },
).format(new Date(`${day}T00:00:00Z`));

/** Which month a day lies in, as a place on the track. */
function placeOf(day) {
  const month = told.ends.findIndex((end) => end.slice(0, 7) >= day.slice(0, 7));
  return month < 0 ? told.ends.length - 1 : month;
}

async function fetchMonths() {
  const fresh = await ask("months", withQuery(config.addresses.months, { ...asked("compounds"), ...day() }), "json");
  if (!fresh) return;
  told = fresh;
  slider().max = told.ends.length - 1;
  slider().value = placeOf(state.on || told.today);
  slider().disabled = byId("time-play").disabled = told.ends.length < 2;
  drawTrack();
  say();
}

function drawTrack() {
  const last = told.ends.length - 1 || 1;
  const whole = Math.max(1, ...told.counts.map((counts) => counts.reduce((sum, n) => sum + n, 0)));
  let below = told.ends.map(() => 0);
  const shapes = Object.values(config.stages).map(({ colour }, stage) => {
    const above = below.map((sum, month) => sum + told.counts[month][stage]);
    const line = (sums) => sums.map((sum, month) => `${(100 * month / last).toFixed(2)} ${(100 - 100 * sum / whole).toFixed(2)}`);
    const shape = document.createElementNS(SVG, "path");
    shape.setAttribute("d", `M${line(above).join("L")}L${line(below).reverse().join("L")}Z`);
    shape.setAttribute("fill", colour);
    below = above;
    return shape;
  });
  byId("time-mix").replaceChildren(...shapes);
  byId("time-marks").replaceChildren(...marks(last));
}

/** Where the plans end, with their year, and what is yet to come. */
function marks(last) {
  const at = (day) => `${100 * placeOf(day) / last}%`;
  const within = (day) => day && day >= told.ends[0].slice(0, 7) && day <= told.ends[last];
  const made = told.plans.filter(({ due }) => within(due)).map(({ year, start, due }) => {
    const mark = element("span", undefined, "plan");
    mark.style.left = within(start) ? at(start) : "0%";
    mark.style.right = `${100 - 100 * placeOf(due) / last}%`;
    const said = element("i", config.texts.plan.replace("YEAR", year));
    said.dataset.year = year;
    mark.append(said);
    return mark;
  });
  const ahead = element("span", undefined, "ahead");
  ahead.style.left = at(told.today);
  return [ahead, ...made];
}

/** Say in words what the month shows: the day, and how many stand at each stage. */
function say() {
  const month = place(), day = shownDay();
  const note = day > told.today ? config.texts.to_come : "";
  byId("time-told").firstElementChild.textContent = written(day);
  byId("time-note").textContent = note;
  const labels = Object.values(config.stages);
  const counts = told.counts[month];
  byId("time-counts").replaceChildren(...labels.map(({ label, colour }, stage) => {
    const entry = element("li");
    const box = element("i");
    box.style.background = colour;
    entry.append(box, element("span", label), element("b", counts[stage].toLocaleString("en")));
    entry.classList.toggle("nil", !counts[stage]);
    return entry;
  }), late(month));
  // Where there is no room for names, the colours and the numbers stay.
  byId("time-counts").classList.remove("short");
  byId("time-counts").classList.toggle("short", byId("time-counts").scrollWidth > byId("time-counts").clientWidth);
  const words = labels.map(({ label }, stage) => `${label} ${counts[stage]}`).concat(`${config.texts.late} ${told.late[month]}`);
  slider().setAttribute("aria-valuetext", `${written(day)}${note ? ` (${note})` : ""}: ${words.join(", ")}`);
}

function late(month) {
  const entry = element("li", undefined, "is-late");
  entry.classList.toggle("nil", !told.late[month]);
  entry.append(element("b", "!"), element("span", config.texts.late), element("b", told.late[month].toLocaleString("en")));
  return entry;
}

/** The day of the slider's month: the day asked for where it lies in it, else the month's last. */
function shownDay() {
  const end = told.ends[place()], asked = state.on || told.today;
  return asked.slice(0, 7) === end.slice(0, 7) ? asked : end;
}

/** Show the slider's month on the map, without asking for anything but, once, where each stood when. */
async function show() {
  say();
  if (!await fetchEach()) return;
  showDay(told.ends[place()]);
  tell("coloured");
  tell("placed");
}

/** Stay with the month: the address, the rail, and all that is told of the day. */
async function stay() {
  const end = told.ends[place()];
  state.on = end === told.today ? null : end;
  await show();
  writeAddress();
  byId("on").value = end;
  for (const text of document.querySelectorAll(".bar .on .day, .day-shown")) text.textContent = written(end);
  for (const link of document.querySelectorAll("[data-alone], #time-beside")) {
    const beside = new URL(link.href).searchParams.get("beside");
    link.href = address({ beside });
  }
  for (const link of document.querySelectorAll("a[data-keeps-day]")) {
    const url = new URL(link.href);
    if (state.on) url.searchParams.set("on", state.on);
    else url.searchParams.delete("on");
    link.href = url;
  }
  if (state.compound && !byId("panel").hidden) choose(state.compound);
  fetchClasses();
  recount();
  // Shapes are those of any day, unless the filters or the street offices are of this one; structures
  // come and go.
  const anew = !told.settled || filteredByDay() ? state.layers : ["illegal_structures"];
  for (const layer of anew) if (state.layers.has(layer)) load(layer);
}

function pause() {
  clearTimeout(playing);
  playing = null;
  const button = byId("time-play");
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", config.texts.play);
}

async function step() {
  if (place() >= placeOf(told.today)) {
    pause();
    return stay();
  }
  slider().value = place() + 1;
  await show();
  if (playing !== null) playing = setTimeout(step, CALM.matches ? CALM_STEP_MS : STEP_MS);
  return undefined;
}

function play() {
  const button = byId("time-play");
  button.setAttribute("aria-pressed", "true");
  button.setAttribute("aria-label", config.texts.pause);
  if (place() >= placeOf(told.today)) slider().value = 0;
  playing = setTimeout(step, 0);
  show();
}

/** Take over the slider and its button, and keep the track to what the filters leave. */
export function watchTime() {
  slider().addEventListener("input", () => {
    pause();
    show();
  });
  slider().addEventListener("change", stay);
  byId("time-play").addEventListener("click", () => {
    if (playing === null) return play();
    pause();
    return stay();
  });
  hear("filtered", () => {
    if (playing !== null) {
      pause();
      showDay(state.on || told.today);
    }
    fetchMonths();
  });
  fetchMonths();
}
