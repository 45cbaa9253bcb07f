/* Where the map stands and what it is made to show. */

import { byId, config, map } from "./view.js";

const PHONE = matchMedia("(max-width: 760px)");

export function fit(bounds, maxZoom = 17) {
  const panel = !byId("panel").hidden;
  const rim = PHONE.matches ? 6 : 20;
  const corner = PHONE.matches ? [rim, panel ? map.getSize().y * 0.66 : rim] : [panel ? 392 : rim, rim];
  map.fitBounds(bounds, { paddingTopLeft: [rim, rim], paddingBottomRight: corner, maxZoom, animate: false });
}

export const wholeDistrict = () => {
  const [west, south, east, north] = config.bounds;
  return L.latLngBounds([south, west], [north, east]);
};

/** Where the map stands: east, north, zoom, as the address says it. */
export function placeNow() {
  const { lat, lng } = map.getCenter();
  return [Number(lng.toFixed(5)), Number(lat.toFixed(5)), Number(map.getZoom().toFixed(2))];
}
