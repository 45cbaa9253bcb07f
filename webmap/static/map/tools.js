/* The tools on the map: measure, share a link, save a picture. */

import { copy, say } from "./copying.js";
import { placeNow } from "./frame.js";
import { toggleMeasure } from "./measure.js";
import { picture } from "./picture.js";
import { address, config, element, state } from "./view.js";

const ICONS = {
  measure: "M2.5 13.5l9-9 4 4-9 9zM5 11l1.6 1.6M7.5 8.5l2.4 2.4M10 6l1.6 1.6",
  share: "M8 10a3 3 0 0 0 4.3.2l2.4-2.4a3 3 0 0 0-4.2-4.2L9.4 4.7M10 8a3 3 0 0 0-4.3-.2L3.3 10.2a3 3 0 0 0 4.2 4.2l1.1-1.1",
  picture: "M2.5 5.5h3L7 3.5h4l1.5 2h3v9h-13zM9 12.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4z",
};

async function savePicture() {
  const { blob, whole } = await picture();
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${document.title.replace(/[\\/:*?"<>|\s]+/g, " ").trim()}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(whole ? config.texts.saved : config.texts.saved_bare);
}

/** The link names the place, even where nobody has moved the map yet. */
function shareLink() {
  const at = state.at || placeNow();
  return copy(new URL(address({ at, lang: document.documentElement.lang.slice(0, 2) }), location.href).href, config.texts.link_copied);
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 18 18", width: 18, height: 18, "aria-hidden": "true" })) svg.setAttribute(name, value);
  const line = document.createElementNS(svg.namespaceURI, "path");
  for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linejoin": "round", "stroke-linecap": "round" })) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}

/** Put the tools on the map. */
export function addTools(map) {
  const control = L.control({ position: "topright" });
  control.onAdd = () => {
    const bar = element("div", undefined, "leaflet-bar tools");
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", config.texts.tools);
    const texts = config.texts;
    for (const [name, said, act] of [
      ["measure", texts.measure, () => toggleMeasure()], ["share", texts.share, shareLink], ["picture", texts.picture, savePicture],
    ]) {
      const button = element("button");
      button.type = "button";
      button.id = `${name}-tool`;
      button.title = said;
      button.setAttribute("aria-label", said);
      if (name === "measure") button.setAttribute("aria-pressed", "false");
      button.append(icon(ICONS[name]));
      button.addEventListener("click", act);
      bar.append(button);
    }
    L.DomEvent.disableClickPropagation(bar);
    return bar;
  };
  control.addTo(map);
}
