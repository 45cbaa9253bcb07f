/* The district map in the browser: put together from the page's window.guatu. */

import { watchBeside } from "./beside.js";
import { drawBasemap, placeFoot } from "./basemap.js";
import { watchColouring } from "./colouring.js";
import { fit, placeNow, wholeDistrict } from "./frame.js";
import { watchGaps } from "./gaps.js";
import { watchHere } from "./here.js";
import { drawAround, load, loadView, place, restyle } from "./layers.js";
import { watchList } from "./list.js";
import { setPrinted } from "./looks.js";
import { watchMarks } from "./marks.js";
import { watchMeasure } from "./measure.js";
import { panelBounds, watchPanel } from "./panel.js";
import { nameHandle, narrowed, recount, showLeft, watchRail } from "./rail.js";
import { watchSearch } from "./search.js";
import { watchTime } from "./timeline.js";
import { addTools } from "./tools.js";
import { byId, config, element, hear, map, state, tell, writeAddress } from "./view.js";

function addControls() {
  const texts = config.texts;
  map.attributionControl.setPrefix(false);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  L.control.zoom({ position: "topright", zoomInTitle: texts.zoom_in, zoomOutTitle: texts.zoom_out }).addTo(map);
  const whole = L.control({ position: "topright" });
  whole.onAdd = () => {
    const bar = element("div", undefined, "leaflet-bar");
    const link = element("a", "⤢");
    link.href = "#";
    link.title = texts.whole;
    link.setAttribute("role", "button");
    link.setAttribute("aria-label", texts.whole);
    bar.append(link);
    L.DomEvent.disableClickPropagation(bar);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      fit(wholeDistrict());
    });
    return bar;
  };
  whole.addTo(map);
}

function startView() {
  if (state.at) map.setView([state.at[1], state.at[0]], state.at[2], { animate: false });
  else if (state.compound && !byId("panel").hidden) fit(panelBounds(), 16);
  else fit(wholeDistrict());
  map.on("moveend", () => {
    state.at = placeNow();
    writeAddress();
    tell("placed");
    loadView();
  });
  map.on("zoomend", () => {
    restyle();
    place();
  });
}

function watchPrint() {
  const turn = (on) => () => {
    setPrinted(on);
    map.invalidateSize({ animate: false });
    restyle();
  };
  addEventListener("beforeprint", turn(true));
  addEventListener("afterprint", turn(false));
}

function attach() {
  map.getContainer().setAttribute("role", "region");
  map.getContainer().setAttribute("aria-label", config.texts.map);
  drawBasemap(map);
  placeFoot();
  addControls();
  addTools(map);
  watchMarks();
  watchList();
  watchRail();
  watchGaps();
  watchSearch();
  watchPrint();
  nameHandle();
  watchPanel();
  hear("coloured", restyle);
  watchColouring(recount);
  startView();
  watchMeasure();
  watchHere();
  writeAddress();
  const drawn = [...state.layers].filter((layer) => config.addresses.layers[layer]).map(load);
  // What the first picture does not need waits for it.
  const calmly = window.requestIdleCallback || setTimeout;
  Promise.allSettled(drawn).then(() => calmly(() => {
    drawAround();
    watchTime();
  }));
  watchBeside();
  if (narrowed() && !state.at && !state.compound) showLeft();
}

attach();
