/* Copying to the clipboard, and saying what was done. */

import { byId, config, element } from "./view.js";

let wiping;

/** Say something for a moment, to eyes and to screen readers. */
export function say(text) {
  clearTimeout(wiping);
  byId("said").textContent = text;
  wiping = setTimeout(() => byId("said").replaceChildren(), 6000);
}

/** Copy a text and say so; where the browser does not let us, show it to be copied by hand. */
export async function copy(text, done) {
  if (await copied(text)) return say(done);
  const field = element("textarea");
  field.value = text;
  field.readOnly = true;
  field.setAttribute("aria-label", config.texts.copy);
  clearTimeout(wiping);
  byId("said").replaceChildren(config.texts.not_copied, field);
  field.addEventListener("blur", () => byId("said").replaceChildren());
  field.focus();
  return field.select();
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text); // an address without https has no clipboard
  }
}

function copiedTheOldWay(text) {
  const before = document.activeElement;
  const field = element("textarea", undefined, "sr");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}

/** A button that copies a text. */
export function copyButton(text, name) {
  const button = element("button", config.texts.copy, "copy");
  button.type = "button";
  button.setAttribute("aria-label", `${config.texts.copy}: ${name}`);
  button.addEventListener("click", () => copy(text, config.texts.copied));
  return button;
}
