/* The district map in the browser: draws the layers, keeps the address, opens the panel.
 *
 * guatu.attach(map, config) is called once by the page. Names out of the record reach the page
 * as text nodes only (textContent), or as fragments the server has escaped.
 */
"use strict";

const guatu = (() => {
  const byId = (id) => document.getElementById(id);
  const VIEW = ["at", "compound", "layers", "patterns", "on", "lang"];
  // From these zooms on: signs of late compounds, structures told apart by the pointer, the tick of
  // finished ones, names.
  const FROM = { late: 14, structures: 14.5, finished: 15, names: 15.5 };
  const MOST_MARKS = 250;
  // So few compounds, drawn smaller than so many pixels, are easily overlooked: each gets a ring.
  const FEW = 3, SMALL = 64;
  const PHONE = matchMedia("(max-width: 760px)");

  let map, config, canvas, state;
  const shown = {}; // layer name -> Leaflet layer on (or off) the map
  const loaded = {}; // layer name -> the address its features came from
  const wanted = {}; // layer name -> the address last wanted, and the promise that it is drawn
  let marks, outline, patternsPrinted = false;

  // ---- the address: everything that makes up the view --------------------------------------
  function readAddress() {
    const asked = new URLSearchParams(location.search);
    const filters = {};
    for (const [name, value] of asked) if (value && !VIEW.includes(name)) filters[name] = value;
    const at = (asked.get("at") || "").split(",").map(Number);
    return {
      filters,
      at: at.length === 3 && at.every(Number.isFinite) ? at : null,
      compound: asked.get("compound"),
      layers: new Set(asked.has("layers") ? asked.get("layers").split(",").filter(Boolean) : config.usual),
      patterns: asked.get("patterns") === "1",
      on: asked.get("on"),
      lang: asked.get("lang"),
    };
  }

  function address(changes = {}) {
    const now = { ...state, ...changes };
    const asked = new URLSearchParams(now.filters);
    const layers = Object.keys(config.addresses.layers).filter((name) => now.layers.has(name));
    const usual = layers.length === config.usual.length && config.usual.every((name) => now.layers.has(name));
    if (now.on) asked.set("on", now.on);
    if (now.at) asked.set("at", now.at.join(","));
    if (now.compound) asked.set("compound", now.compound);
    if (!usual) asked.set("layers", layers.join(","));
    if (now.patterns) asked.set("patterns", "1");
    if (now.lang) asked.set("lang", now.lang);
    const text = asked.toString().replaceAll("%2C", ",");
    return config.addresses.page + (text ? "?" + text : "");
  }

  function writeAddress() {
    history.replaceState(null, "", address());
    for (const link of document.querySelectorAll("a[data-keeps-view]")) {
      link.href = address({ lang: new URL(link.href).searchParams.get("lang") });
    }
  }

  function withQuery(base, asked) {
    const text = new URLSearchParams(asked).toString();
    return text ? base + "?" + text : base;
  }

  const day = () => (state.on ? { on: state.on } : {});

  // ---- fetching ----------------------------------------------------------------------------
  const running = new Map(); // what for -> AbortController: a newer question ends the older one

  async function ask(what, url, read) {
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
      trouble();
      return null;
    } finally {
      if (running.get(what) === control) running.delete(what);
      if (!running.size) byId("map-area").removeAttribute("aria-busy");
    }
  }

  function trouble() {
    const button = element("button", config.texts.retry);
    button.type = "button";
    button.addEventListener("click", () => location.reload());
    byId("trouble").replaceChildren(config.texts.failed, " ", button);
    byId("trouble").hidden = false;
  }

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  // ---- how things look ---------------------------------------------------------------------
  const patterned = () => state.patterns || patternsPrinted;
  const tiles = new Map();

  function patternOf(stage) {
    if (!tiles.has(stage)) {
      const { colour, path } = config.stages[stage];
      const scale = Math.max(2, Math.ceil(window.devicePixelRatio || 1));
      const tile = element("canvas");
      tile.width = tile.height = config.tile * scale;
      const pen = tile.getContext("2d");
      pen.scale(scale, scale);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, config.tile, config.tile);
      pen.strokeStyle = config.ink;
      pen.lineWidth = 1.3;
      pen.lineCap = "round";
      pen.stroke(new Path2D(path));
      const pattern = pen.createPattern(tile, "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / scale));
      tiles.set(stage, pattern);
    }
    return tiles.get(stage);
  }

  function compoundStyle(feature) {
    const told = feature.properties;
    const look = config.stages[told.stage] || config.stages.not_begun;
    const near = map.getZoom() >= 12.5;
    // What has not begun is nearly as pale as the ground: its outline has to show it.
    const edge = told.stage === "not_begun" ? { opacity: 0.95, weight: 1 } : { opacity: 0.55, weight: 0.8 };
    return {
      fill: true,
      fillColor: patterned() ? patternOf(told.stage) : look.colour,
      fillOpacity: 0.95,
      color: "#4a4438",
      ...edge,
      ...(told.late ? { color: config.late, opacity: 1, weight: near ? 2.2 : 1.4 } : {}),
    };
  }

  /** From afar a structure is a speck that leaves the compound its colour, and its pointer. */
  function structureStyle(feature) {
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

  function officeStyle(feature) {
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

  function backdropStyle(feature) {
    const { kind } = feature.properties;
    const line = feature.geometry.type.endsWith("LineString");
    const colour = config.backdrop[kind] || config.backdrop.block;
    const width = (kind === "road-major" ? 2.2 : 1) * 2 ** (map.getZoom() - 13.5);
    if (line) return { color: colour, weight: Math.min(Math.max(width, 0.8), 18), opacity: 1, fill: false };
    return { stroke: false, fill: true, fillColor: colour, fillOpacity: 1 };
  }

  // ---- what a pointer is told --------------------------------------------------------------
  function tip(title, ...lines) {
    const box = element("div");
    box.append(element("b", title));
    for (const line of lines.filter(Boolean)) box.append(element("div", line));
    return box;
  }

  function compoundTip({ feature }) {
    const told = feature.properties;
    const stage = config.stages[told.stage]?.label + (told.finished ? " ✓" : "");
    return tip(told.name || told.code, told.late ? `${stage} · ! ${config.texts.late}` : stage, told.street_office_name);
  }

  function structureTip({ feature }) {
    const told = feature.properties;
    const area = told.area_m2 === null ? "" : `${told.area_m2.toLocaleString("en")} ${config.texts.area_unit}`;
    return tip(config.states[told.state || ""].label, told.kind, area, told.code);
  }

  /** Kinds of facilities are names out of the record: the rail tells how they are said. */
  function kindLabel(kind) {
    const told = [...document.querySelectorAll("[data-kind]")].find((entry) => entry.dataset.kind === kind);
    return told ? told.lastChild.textContent : kind || config.texts.unknown;
  }

  function facilityTip({ feature }) {
    const told = feature.properties;
    return tip(told.name || told.code, kindLabel(told.kind), told.radius_m ? `${config.texts.radius} ${told.radius_m} m` : "");
  }

  // ---- layers ------------------------------------------------------------------------------
  /** Half the way round the box of a feature, in degrees: enough to sort by. */
  function girth({ geometry }) {
    const ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
    geometry.coordinates.flat(Infinity).forEach((number, i) => {
      const end = ends[i % 2];
      end[0] = Math.min(end[0], number);
      end[1] = Math.max(end[1], number);
    });
    return ends[0][1] - ends[0][0] + ends[1][1] - ends[1][0];
  }

  const sorted = (data, rank) =>
    data.features.map((feature) => [rank(feature), feature]).sort((one, two) => one[0] - two[0]).map((pair) => pair[1]);

  /** Compounds are sent to the back in this order (see raise): none lies hidden under a larger one. */
  const smallestFirst = (data) => sorted(data, girth);

  /** What still stands is drawn over what is cleared. */
  const clearedFirst = (data) => sorted(data, ({ properties: told }) => Number(config.states[told.state || ""].filled));

  const DRAWN = {
    backdrop: (data) => L.geoJSON(data, {
      pane: "backdrop", renderer: shown.backdropCanvas, interactive: false, style: backdropStyle,
    }),
    compounds: (data) => L.geoJSON(smallestFirst(data), {
      renderer: canvas,
      style: compoundStyle,
      onEachFeature: (feature, layer) => layer.on("click", () => choose(feature.properties.code)),
    }).bindTooltip(compoundTip, { sticky: true }),
    illegal_structures: (data) => L.geoJSON(clearedFirst(data), {
      renderer: canvas,
      style: structureStyle,
      pointToLayer: (feature, at) => L.circleMarker(at, { ...structureStyle(feature), renderer: canvas }),
    }).bindTooltip(structureTip),
    street_offices: (data) => {
      const lines = L.geoJSON(data, { pane: "offices", renderer: shown.officesCanvas, interactive: false, style: officeStyle });
      const names = [...data.features].sort((one, two) => two.properties.compounds - one.properties.compounds).map(officeLabel);
      return Object.assign(L.layerGroup([lines, L.layerGroup(names)]), { lines });
    },
    facilities: (data) => L.geoJSON(data, {
      renderer: canvas,
      style: { color: "#34495e", weight: 1.4, dashArray: "3 3", fillOpacity: 0 },
      pointToLayer: facilityLetter,
    }).bindTooltip(facilityTip),
  };

  function label(at, className, parts, interactive = false) {
    const text = element("span");
    text.append(...parts);
    const icon = L.divIcon({ className, html: text, iconSize: [0, 0] });
    return L.marker(at, { icon, interactive, keyboard: false, pane: interactive ? "markerPane" : "labels" });
  }

  function facilityLetter(feature, at) {
    return label(at, "facility", [kindLabel(feature.properties.kind).slice(0, 1)], true);
  }

  function officeLabel(feature) {
    const told = feature.properties;
    const parts = [told.name];
    if (state.filters.without_sites === "1" && !told.compounds) parts.push(element("small", config.texts.no_sites));
    return label([told.label_at[1], told.label_at[0]], "office", parts).setZIndexOffset(1000);
  }

  const asked = (layer) =>
    Object.fromEntries(config.filters[layer].filter((name) => state.filters[name]).map((name) => [name, state.filters[name]]));

  /** Draw what is wanted of a layer now; what was wanted before is not drawn, whenever it comes. */
  function load(layer) {
    const url = withQuery(config.addresses.layers[layer], layer === "backdrop" ? {} : { ...asked(layer), ...day() });
    if (wanted[layer]?.url !== url) {
      const wish = (wanted[layer] = { url });
      wish.drawn = fulfil(layer, wish);
    }
    return wanted[layer].drawn;
  }

  async function fulfil(layer, wish) {
    running.get(layer)?.abort();
    if (loaded[layer] === wish.url) return place();
    const data = await ask(layer, wish.url, "json");
    if (wanted[layer] !== wish) return;
    if (!data) return void delete wanted[layer];
    shown[layer]?.remove();
    shown[layer] = DRAWN[layer](data);
    shown[layer].data = data;
    loaded[layer] = wish.url;
    place();
    if (layer === "compounds") afterCompounds();
  }

  /** Put on the map what is switched on, in the right order. */
  function place() {
    for (const layer of Object.keys(DRAWN)) {
      const drawn = shown[layer];
      if (!drawn) continue;
      const wanted = state.layers.has(layer);
      if (wanted && !map.hasLayer(drawn)) drawn.addTo(map);
      if (!wanted && map.hasLayer(drawn)) drawn.remove();
    }
    raise();
    drawMarks();
  }

  /** Names that would lie on another one are left out until there is room; street offices go first. */
  function thinLabels() {
    const kept = [];
    const pane = map.getPane("labels");
    for (const text of [...pane.querySelectorAll(".office span"), ...pane.querySelectorAll(".place span")]) {
      const box = text.getBoundingClientRect();
      const free = kept.every((other) => box.right < other.left || box.left > other.right ||
        box.bottom < other.top || box.top > other.bottom);
      text.style.visibility = free ? "" : "hidden";
      if (free) kept.push(box);
    }
  }

  function restyle() {
    shown.compounds?.setStyle(compoundStyle);
    shown.illegal_structures?.eachLayer((layer) => {
      const style = structureStyle(layer.feature);
      layer.setStyle(style).setRadius(style.radius);
    });
    shown.backdrop?.setStyle(backdropStyle);
  }

  /** Structures lie on compounds, and small compounds on large ones. */
  function raise() {
    if (shown.compounds && map.hasLayer(shown.compounds)) shown.compounds.bringToBack();
  }

  /** The outline of the compound chosen, over its neighbours; dashed where the filters leave it out. */
  async function drawOutline() {
    outline?.remove();
    const code = state.compound;
    if (!code) return;
    const here = shown.compounds?.data.features.find((feature) => feature.properties.code === code);
    const data = here || await ask("outline", withQuery(config.addresses.layers.compounds, { code, ...day() }), "json");
    if (!data || state.compound !== code) return;
    outline?.remove();
    const line = { color: config.chosen, opacity: 1, weight: 4, fill: false };
    const style = (feature) => (here ? line : { ...compoundStyle(feature), ...line, fill: true, fillOpacity: 0.35, dashArray: "6 4" });
    outline = L.geoJSON(data, { pane: "offices", renderer: shown.officesCanvas, interactive: false, style }).addTo(map);
  }

  /** Signs and names of the compounds in view: ! late, ✓ finished, the name from close by. */
  function drawMarks() {
    marks.clearLayers();
    if (shown.compounds && map.hasLayer(shown.compounds)) {
      if (shown.compounds.data.features.length <= FEW) shown.compounds.eachLayer(ring);
      if (map.getZoom() >= FROM.late) signAndName();
    }
    thinLabels();
  }

  function ring(layer) {
    const bounds = layer.getBounds();
    const size = map.latLngToLayerPoint(bounds.getSouthEast()).distanceTo(map.latLngToLayerPoint(bounds.getNorthWest()));
    if (size >= SMALL || layer.feature.properties.code === state.compound) return;
    const look = { radius: size / 2 + 12, fill: false, interactive: false, pane: "offices", renderer: shown.officesCanvas };
    for (const line of [{ color: "#ffffff", weight: 6 }, { color: config.chosen, weight: 3 }]) {
      marks.addLayer(L.circleMarker(bounds.getCenter(), { ...look, ...line, opacity: 1 }));
    }
  }

  function signAndName() {
    const zoom = map.getZoom();
    const view = map.getBounds();
    let left = MOST_MARKS;
    shown.compounds.eachLayer((layer) => {
      const told = layer.feature.properties;
      const at = layer.getBounds().getCenter();
      if (left <= 0 || !view.contains(at)) return;
      const named = zoom >= FROM.names;
      const sign = told.late ? "late" : told.finished && zoom >= FROM.finished ? "finished" : "";
      if (sign) {
        const made = label(at, "sign", [sign === "late" ? "!" : "✓"]);
        made.options.icon.options.html.className = `is-${sign}${named ? " above" : ""}`;
        marks.addLayer(made);
      }
      if (named) marks.addLayer(label(at, "place", [told.name || told.code]));
      left -= 1;
    });
  }

  function afterCompounds() {
    fillList();
    drawOutline();
  }

  function fit(bounds, maxZoom = 17) {
    const panel = !byId("panel").hidden;
    const rim = PHONE.matches ? 6 : 20;
    const corner = PHONE.matches ? [rim, panel ? map.getSize().y * 0.66 : rim] : [panel ? 392 : rim, rim];
    map.fitBounds(bounds, { paddingTopLeft: [rim, rim], paddingBottomRight: corner, maxZoom, animate: false });
  }

  const wholeDistrict = () => {
    const [west, south, east, north] = config.bounds;
    return L.latLngBounds([south, west], [north, east]);
  };

  // ---- rail --------------------------------------------------------------------------------
  /** Take over every counting part of the rail from the server's fresh one; inputs stay as they are. */
  async function recount() {
    const url = new URL(address(), location.href);
    url.searchParams.set("part", "rail");
    const text = await ask("rail", url, "text");
    if (text === null) return;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of fresh.querySelectorAll("[data-live]")) {
      byId(part.id)?.replaceChildren(...part.childNodes);
    }
    nameHandle();
  }

  function nameHandle() {
    byId("rail-handle").firstElementChild.textContent = byId("summary").querySelector("strong").textContent;
  }

  function refresh() {
    writeAddress();
    recount();
    shown.street_offices?.lines.setStyle(officeStyle);
    for (const layer of state.layers) load(layer);
  }

  function filter(name, value) {
    // From now on the address names the place: a link made of it shows this view, not another one.
    state.at ??= placeNow();
    if (value) state.filters[name] = value;
    else delete state.filters[name];
    refresh();
    if (name === "street_office") showLeft();
  }

  /** Bring into view what the filters leave: the street office asked for, else the compounds. */
  async function showLeft() {
    const { at, filters: { street_office: code } } = state;
    await Promise.all([load("street_offices"), load("compounds")]);
    // Somebody has moved the map, or asked for another street office, in the meantime.
    if (state.at !== at || state.filters.street_office !== code) return;
    const office = shown.street_offices?.data.features.find((feature) => feature.properties.code === code);
    if (office) return void fit(L.geoJSON(office).getBounds());
    const left = narrowed() ? shown.compounds?.getBounds() : null;
    fit(left?.isValid() ? left : wholeDistrict(), left ? 14.5 : 17);
  }

  const narrowed = () => config.filters.compounds.some((name) => state.filters[name]);

  function watchRail() {
    const form = byId("filters");
    for (const box of form.querySelectorAll("[data-layer]")) {
      box.checked = state.layers.has(box.dataset.layer);
      box.disabled = false;
      box.addEventListener("change", () => {
        state.layers[box.checked ? "add" : "delete"](box.dataset.layer);
        writeAddress();
        if (box.checked) load(box.dataset.layer);
        place();
      });
    }
    const patterns = form.querySelector("[data-patterns]");
    patterns.checked = state.patterns;
    patterns.disabled = false;
    patterns.addEventListener("change", () => {
      state.patterns = patterns.checked;
      writeAddress();
      restyle();
    });
    form.addEventListener("change", (event) => {
      const field = event.target;
      if (field.name) filter(field.name, field.type === "checkbox" && !field.checked ? "" : field.value);
    });
    // A second press on the legend's entry lets go of it again.
    form.addEventListener("click", (event) => {
      const field = event.target;
      if (field.type !== "radio" || !field.value || field.value !== state.filters[field.name]) return;
      form.querySelector(`[name="${field.name}"][value=""]`).checked = true;
      filter(field.name, "");
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    byId("list").addEventListener("toggle", fillList);
    byId("rail-handle").addEventListener("click", () => {
      const open = byId("rail").classList.toggle("open");
      byId("rail-handle").setAttribute("aria-expanded", String(open));
    });
    byId("on").addEventListener("change", (event) => {
      if (event.target.value) location.assign(address({ on: event.target.value }));
    });
  }

  function fillList() {
    if (!byId("list").open || !shown.compounds) return;
    const rows = shown.compounds.data.features.map(({ properties: told }) => {
      const row = element("tr");
      const name = element("td");
      const button = element("button", told.name || told.code);
      button.type = "button";
      button.addEventListener("click", () => choose(told.code, { focus: true, show: true }));
      name.append(button);
      const sign = (told.finished ? " ✓" : "") + (told.late ? ` ! ${config.texts.late}` : "");
      row.append(name, element("td", (config.stages[told.stage]?.label || "") + sign));
      row.append(element("td", told.street_office_name || "—"));
      return row;
    });
    if (!rows.length) {
      const cell = element("td", config.texts.no_compounds);
      cell.colSpan = 3;
      rows.push(element("tr"));
      rows[0].append(cell);
    }
    byId("list-rows").replaceChildren(...rows);
  }

  // ---- panel -------------------------------------------------------------------------------
  let before = null; // where the keyboard was when the panel opened

  async function choose(code, { focus = false, show = false } = {}) {
    state.compound = code;
    writeAddress();
    restyle();
    drawOutline();
    const url = withQuery(config.addresses.compound.replace("CODE", encodeURIComponent(code)), { part: "panel", ...day() });
    const text = await ask("panel", url, "text");
    if (text === null || state.compound !== code) return;
    byId("panel-body").innerHTML = text; // escaped by the server's template
    openPanel(focus);
    if (show) fit(panelBounds(), 16);
  }

  function panelBounds() {
    const [west, south, east, north] = byId("panel-body").querySelector("article").dataset.bounds.split(",").map(Number);
    return L.latLngBounds([south, west], [north, east]);
  }

  function openPanel(focus) {
    byId("panel").hidden = false;
    byId("panel").scrollTop = 0;
    byId("map-area").classList.add("with-panel");
    if (focus) {
      before = document.activeElement;
      byId("panel").querySelector("h2").focus();
    }
  }

  function closePanel() {
    state.compound = null;
    byId("panel").hidden = true;
    byId("map-area").classList.remove("with-panel");
    writeAddress();
    restyle();
    drawOutline();
    before?.focus();
    before = null;
  }

  // ---- search ------------------------------------------------------------------------------
  function watchSearch() {
    const box = byId("search"), list = byId("found");
    let options = [], active = -1, timer;

    function close() {
      clearTimeout(timer);
      running.get("search")?.abort();
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

  // ---- map ---------------------------------------------------------------------------------
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

  /** Panes from below: backdrop, compounds and structures (Leaflet's own), office lines, labels. */
  function addPanes() {
    for (const [name, z] of [["backdrop", 350], ["offices", 450], ["labels", 620]]) {
      map.createPane(name).style.zIndex = z;
      map.getPane(name).style.pointerEvents = "none";
    }
    canvas = L.canvas({ padding: 0.3, tolerance: 3 });
    shown.backdropCanvas = L.canvas({ pane: "backdrop", padding: 0.3 });
    shown.officesCanvas = L.canvas({ pane: "offices", padding: 0.3 });
    marks = L.layerGroup().addTo(map);
  }

  /** Where the map stands: east, north, zoom, as the address says it. */
  function placeNow() {
    const { lat, lng } = map.getCenter();
    return [Number(lng.toFixed(5)), Number(lat.toFixed(5)), Number(map.getZoom().toFixed(2))];
  }

  function startView() {
    if (state.at) map.setView([state.at[1], state.at[0]], state.at[2], { animate: false });
    else if (state.compound && !byId("panel").hidden) fit(panelBounds(), 16);
    else fit(wholeDistrict());
    map.on("moveend", () => {
      state.at = placeNow();
      writeAddress();
      drawMarks();
    });
    map.on("zoomend", () => {
      restyle();
      place();
    });
  }

  function watchPrint() {
    const turn = (on) => () => {
      patternsPrinted = on;
      map.invalidateSize({ animate: false });
      restyle();
    };
    addEventListener("beforeprint", turn(true));
    addEventListener("afterprint", turn(false));
  }

  function attach(theMap, theConfig) {
    map = theMap;
    config = theConfig;
    state = readAddress();
    map.getContainer().setAttribute("role", "region");
    map.getContainer().setAttribute("aria-label", config.texts.map);
    addPanes();
    addControls();
    watchRail();
    watchSearch();
    watchPrint();
    nameHandle();
    byId("panel-close").addEventListener("click", closePanel);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !byId("panel").hidden && byId("found").hidden) closePanel();
    });
    if (!byId("panel").hidden) openPanel(false);
    startView();
    writeAddress();
    for (const layer of state.layers) if (config.addresses.layers[layer]) load(layer);
    if (narrowed() && !state.at && !state.compound) showLeft();
  }

  return { attach };
})();
