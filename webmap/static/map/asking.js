/* Questions to the server: a newer one ends the older one, and trouble is said with a way out. */

import { byId, config, element } from "./view.js";

const running = new Map(); // what for -> AbortController: a newer question ends the older one

export async function ask(what, url, read) {
  running.get(what)?.abort();
  const control = new AbortController();
  running.set(what, control);
  byId("map-area").setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { signal: control.signal, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    return await answer[read]();
  } catch (error) {
    if (error.name === "AbortError") return null;
    trouble(config.texts.failed, () => location.reload());
    return null;
  } finally {
    if (running.get(what) === control) running.delete(what);
    if (!running.size) byId("map-area").removeAttribute("aria-busy");
  }
}

/** End what is still asked under this name. */
export const drop = (what) => running.get(what)?.abort();

/** Say what is missing, with a way to try again; what is missing as a whole is said before what is in part. */
export function trouble(text, again) {
  const box = byId("trouble");
  if (!box.hidden && [text, config.texts.failed].includes(box.dataset.said)) return;
  const button = element("button", config.texts.retry);
  button.type = "button";
  button.addEventListener("click", again);
  box.replaceChildren(text, " ", button);
  box.dataset.said = text;
  box.hidden = false;
}

/** What was said to be missing is here now. */
export function untrouble(text) {
  if (byId("trouble").dataset.said === text) byId("trouble").hidden = true;
}
