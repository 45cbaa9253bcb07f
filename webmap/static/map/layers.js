/* The layers of a map: fetched for the filters, its day and the view, drawn, put on it and taken off. */

import { ask, drop } from "./asking.js";
import { canvasesOn, makersOn } from "./features.js";
import { backdropStyle, compoundStyle, officeStyle, structureStyle } from "./looks.js";
import { giveWay, tiled, watchTiles } from "./tiles.js";
import { compoundTip } from "./tips.js";
import { config, day, map, state, tell, withQuery } from "./view.js";

// What the filters of these names leave is another day something else.
const DATED = ["stage", "late", "lateness", "cleared", "cleared_area"];

/** Whether the filters leave other compounds on another day. */
export const filteredByDay = () => DATED.some((name) => state.filters[name]);

/** What is asked of a layer: the filters it follows, as they are called there. */
export const asked = (layer) => Object.fromEntries(
  Object.entries(config.filters[layer]).filter(([name]) => state.filters[name]).map(([name, its]) => [its, state.filters[name]]),
);

/** The view of a map and a quarter of it around, as an address says it. */
function viewBox(over) {
  const { _southWest: low, _northEast: high } = over.getBounds().pad(0.25);
  const sides = [Math.max(low.lng, -180), Math.max(low.lat, -90), Math.min(high.lng, 180), Math.min(high.lat, 90)];
  return sides.map((side) => Number(side.toFixed(5)));
}

const boundsOf = ([west, south, east, north]) => L.latLngBounds([south, west], [north, east]);

/** Whether what was sent will do for the view: nobody sees that outlines are less fine than they are; the box
 * it was sent for holds the view, and where it held more than is sent, features would not take their place. */
function suffices(over, { box, more, fine }) {
  const view = over.getBounds();
  if (fine && fine > (view.getEast() - view.getWest()) / over.getSize().x) return false;
  if (!box) return true;
  const held = boundsOf(box).contains(view);
  const wide = view.getEast() - view.getWest() > (box[2] - box[0]) / 2;
  return held && (wide || !more);
}

/**
 * The layers of one map, `shown` by name: Leaflet layers on (or off) it, each with its `data`.
 * Its questions carry `called` before their name; `on` tells its day; `looks` how its compounds look, what
 * the pointer is told of them and as of which day they are counted: { style, tip, counting }; `first` what the
 * page has asked for already; `news` is told what is "drawn" and "placed".
 */
export function layersOn(over, { called = "", on = day, looks, first = {}, news = () => {} }) {
  const canvases = canvasesOn(over), makers = makersOn(canvases, looks);
  const shown = {};
  const loaded = {}; // layer name -> the address its features came from, and the box, where that is not all
  const wanted = {}; // layer name -> the address last wanted, and the promise that it is drawn
  const coming = {}; // layer name -> what was told of it last: it is drawn, or about to be

  /** The address to ask for a layer, and the box it is about: the first time what the page has asked for already,
   * or what it knows to be said there. */
  function question(layer, url) {
    const box = config.viewed[layer] ? viewBox(over) : null;
    const { [layer]: known } = first;
    delete first[layer];
    if (known && (!box || boundsOf(known.box).contains(boundsOf(box)))) return { ...known, box };
    return { url: box ? withQuery(url, { bbox: box.join(","), ...config.viewed[layer] }) : url, box };
  }

  /** Draw what is wanted of a layer now; what was wanted before is not drawn, whenever it comes. */
  function load(layer) {
    const url = withQuery(config.addresses.layers[layer], layer === "backdrop" ? {} : { ...asked(layer), ...on() });
    if (wanted[layer]?.url !== url || (loaded[layer]?.url === url && !suffices(over, loaded[layer]))) {
      const wish = (wanted[layer] = { url });
      wish.drawn = fulfil(layer, wish);
    }
    return wanted[layer].drawn;
  }

  /** After the map has moved: ask for what the view holds now, of the layers that are not here as a whole. */
  function loadView() {
    for (const layer of new Set(["street_offices", ...Object.keys(config.viewed)])) if (state.layers.has(layer) && wanted[layer]) load(layer);
  }

  async function fulfil(layer, wish) {
    drop(called + layer);
    if (loaded[layer]?.url === wish.url && suffices(over, loaded[layer])) return place();
    const { url, box, said: known } = question(layer, wish.url);
    const data = known ? { ...known, features: [] } : await ask(called + layer, url, "json");
    if (wanted[layer] !== wish) return;
    if (!data) return void delete wanted[layer];
    const whole = !box || data.whole;
    const said = { url: wish.url, box: whole ? null : box, more: data.tiles || data.crowded, fine: data.fine };
    coming[layer] = data;
    await draw(layer, data, () => wanted[layer] === wish, () => {
      loaded[layer] = said;
    });
  }

  /** Draw what is told of a layer, if that is `still` wanted when it is ready. */
  async function draw(layer, data, still, done = () => {}) {
    if (!(data.tiles && data.tiles === shown[layer]?.data.tiles)) {
      const made = data.tiles
        ? await tiled(layer, data, `tiles-${layer}`, layer === "compounds" ? looks : {})
        : makers[layer](data);
      if (!still()) return;
      replace(layer, made);
    }
    done();
    shown[layer].data = data;
    if (data.bounds) shown[layer].getBounds = () => boundsOf(data.bounds);
    place();
    news("drawn", layer);
  }

  /** Draw what another map shows of a layer, instead of asking for it. */
  function borrow(layer, data) {
    if (coming[layer] === data) return;
    drop(called + layer);
    delete wanted[layer];
    delete loaded[layer];
    coming[layer] = data;
    draw(layer, data, () => coming[layer] === data && !wanted[layer]);
  }

  /** Draw this instead of what was drawn. */
  function replace(layer, made) {
    const before = shown[layer];
    shown[layer] = made;
    if (!before) return;
    if (state.layers.has(layer)) giveWay(before, made);
    else before.remove();
  }

  /** Put on the map what is switched on, in the right order. */
  function place() {
    for (const layer of Object.keys(makers)) {
      const drawn = shown[layer];
      if (!drawn) continue;
      if (state.layers.has(layer) && !over.hasLayer(drawn)) drawn.addTo(over);
      if (!state.layers.has(layer) && over.hasLayer(drawn)) drawn.remove();
    }
    // Structures lie on compounds, and small compounds on large ones.
    if (shown.compounds && over.hasLayer(shown.compounds)) shown.compounds.bringToBack();
    news("placed");
  }

  /** Draw in other colours, or in lines of another width, what is drawn. */
  function restyle() {
    shown.compounds?.setStyle(looks.style);
    if (shown.illegal_structures?.views) shown.illegal_structures.setStyle();
    shown.illegal_structures?.eachLayer((layer) => {
      const style = structureStyle(layer.feature);
      layer.setStyle(style).setRadius(style.radius);
    });
    shown.street_offices?.lines.setStyle(officeStyle);
    shown.backdrop?.setStyle(backdropStyle);
    news("restyled");
  }

  /** From now on draw more around the view, so that a map that is dragged has no bare edges. */
  function drawAround() {
    for (const canvas of Object.values(canvases)) canvas.options.padding = 0.3;
  }

  /** What is drawn from tiles, from above. */
  const fromTiles = () => ["facilities", "illegal_structures", "compounds"].map((name) => shown[name])
    .filter((drawn) => drawn?.views && over.hasLayer(drawn));
  watchTiles(over, fromTiles);
  return { shown, canvases, load, loadView, borrow, place, restyle, drawAround };
}

/** The layers of the map, and what is done with them. */
const here = layersOn(map, { looks: { style: compoundStyle, tip: compoundTip }, first: config.first, news: tell });
export const shown = here.shown;
export const canvases = here.canvases;
export const load = here.load;
export const loadView = here.loadView;
export const place = here.place;
export const restyle = here.restyle;
export const drawAround = here.drawAround;
