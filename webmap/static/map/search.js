/* The search box: names and codes, chosen by pointer or keyboard. */

import { ask, drop } from "./asking.js";
import { choose } from "./panel.js";
import { byId, config, day, element, withQuery } from "./view.js";

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

  function take(found) {
    close();
    box.value = found.name;
    choose(found.code, { focus: true, show: true });
  }

  async function look() {
    const text = box.value.trim();
    if (!text) return close();
    const answer = await ask("search", withQuery(config.addresses.search, { q: text, ...day() }), "json");
    if (!answer) return;
    options = answer.found.map((found, i) => {
      const option = element("div");
      option.id = `found-${i}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.append(element("span", found.name), element("small", `${found.code} ${found.office || ""}`.trim()));
      option.addEventListener("mousedown", (event) => event.preventDefault());
      option.addEventListener("click", () => take(found));
      option.take = () => take(found);
      return option;
    });
    const note = !options.length ? config.texts.nothing : answer.more ? config.texts.more : "";
    list.replaceChildren(...options, ...(note ? [element("div", note, "note")] : []));
    list.hidden = false;
    active = -1;
    box.setAttribute("aria-expanded", "true");
  }

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
