/* The search box: places that coordinates can mean, and what is called so, by pointer or keyboard. */

import { ask, drop } from "./asking.js";
import { fit } from "./frame.js";
import { tellHere } from "./here.js";
import { choose } from "./panel.js";
import { byId, config, day, element, map, withQuery } from "./view.js";

/** A text with the part that matches marked, if any does. */
function withMark(text, [begin, end] = [0, 0]) {
  if (begin === end) return element("span", text);
  const line = element("span");
  line.append(text.slice(0, begin), element("mark", text.slice(begin, end)), text.slice(end));
  return line;
}

function lineOf(found) {
  const markedIn = (text) => withMark(text, found.told === text ? found.marked : undefined);
  const line = [markedIn(found.name)];
  const small = element("small");
  if (found.field) {
    small.append(`${found.field} `, withMark(found.told, found.marked));
  } else {
    small.append(markedIn(found.code), ` ${found.office}`);
  }
  return [...line, small];
}

function take(found) {
  if (found.layer === "compounds") return choose(found.code, { focus: true, show: true });
  const [west, south, east, north] = found.bounds;
  const box = L.latLngBounds([south, west], [north, east]);
  fit(box, 18);
  return found.layer === "street_offices" ? map.getContainer().focus() : tellHere(box.getCenter(), true);
}

function takePlace({ lon, lat }) {
  map.setView([lat, lon], Math.max(map.getZoom(), 17), { animate: false });
  tellHere(L.latLng(lat, lon), true);
}

export function watchSearch() {
  const box = byId("search"), list = byId("found");
  let options = [], active = -1, timer;

  function close() {
    clearTimeout(timer);
    drop("search");
    list.hidden = true;
    active = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function point(index) {
    active = (index + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    box.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  function option(parts, text, act) {
    const made = element("div");
    made.id = `found-${options.length}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    made.append(...parts);
    made.take = () => {
      close();
      box.value = text;
      act();
    };
    made.addEventListener("click", made.take);
    options.push(made);
    return made;
  }

  function group(name, made) {
    if (!made.length) return [];
    const box = element("div", undefined, "group");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", name);
    const title = element("div", name, "note");
    title.setAttribute("aria-hidden", "true");
    box.append(title, ...made);
    return [box];
  }

  async function look() {
    const text = box.value.trim();
    if (!text) return close();
    const answer = await ask("search", withQuery(config.addresses.search, { q: text, ...day() }), "json");
    if (!answer) return undefined;
    options = [];
    const places = answer.places.map((place) => option(
      [element("span", `${place.lon.toFixed(5)}, ${place.lat.toFixed(5)}`), element("small", place.system)],
      text, () => takePlace(place),
    ));
    const groups = group(config.texts.places, places);
    for (const [layer, name] of Object.entries(config.names)) {
      const found = answer.found.filter((one) => one.layer === layer);
      groups.push(...group(name, found.map((one) => option(lineOf(one), one.name, () => take(one)))));
    }
    const nothing = answer.outside ? config.texts.outside : config.texts.nothing;
    const note = !options.length ? nothing : answer.more ? config.texts.more : "";
    list.replaceChildren(...groups, ...(note ? [element("div", note, "note")] : []));
    list.hidden = false;
    active = -1;
    box.setAttribute("aria-expanded", "true");
    return undefined;
  }

  // The server makes its index ready while the first letter is on its way.
  box.addEventListener("focus", () => ask("ready", withQuery(config.addresses.search, { q: "", ...day() }), "json"), { once: true });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 150);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (event.key === "ArrowDown" && list.hidden) return look();
    if (list.hidden || !options.length) return undefined;
    if (event.key === "ArrowDown") point(active + 1);
    else if (event.key === "ArrowUp") point(active < 0 ? -1 : active - 1);
    else if (event.key === "Enter") options[Math.max(active, 0)].take();
    else return undefined;
    return event.preventDefault();
  });
  box.addEventListener("blur", close);
}
