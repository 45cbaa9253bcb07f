/* Lengths and areas on the ellipsoid of CGCS2000, in metres and square metres.
 *
 * The length of a leg is that of its geodesic (T. Vincenty, Survey Review 176, 1975), right to a
 * tenth of a millimetre. The area is that of the polygon on the authalic sphere, where areas are
 * those of the ellipsoid (J. P. Snyder, Map Projections, 1987, p. 16); its sides are great circles
 * there, which for a polygon of 100 km across changes less than a millionth.
 */

const AXIS = 6378137;
const FLAT = 1 / 298.257222101;
const POLAR = AXIS * (1 - FLAT);
const SQUARED = FLAT * (2 - FLAT); // the eccentricity, squared
const ECCENTRICITY = Math.sqrt(SQUARED);
const radians = (degrees) => (degrees * Math.PI) / 180;

/** The length of the geodesic between two places [lon, lat]; NaN for places at opposite ends of the earth. */
export function distance([lon1, lat1], [lon2, lat2]) {
  const [u1, u2] = [lat1, lat2].map((lat) => Math.atan((1 - FLAT) * Math.tan(radians(lat))));
  const [sin1, cos1, sin2, cos2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  const east = radians(lon2 - lon1);
  let turn = east;
  for (let round = 0; round < 100; round += 1) {
    const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
    const sinArc = Math.hypot(cos2 * sin, cos1 * sin2 - sin1 * cos2 * cos);
    if (!sinArc) return 0;
    const cosArc = sin1 * sin2 + cos1 * cos2 * cos;
    const arc = Math.atan2(sinArc, cosArc);
    const sinAzimuth = (cos1 * cos2 * sin) / sinArc;
    const flatter = 1 - sinAzimuth ** 2;
    const middle = flatter ? cosArc - (2 * sin1 * sin2) / flatter : 0;
    const c = (FLAT / 16) * flatter * (4 + FLAT * (4 - 3 * flatter));
    const next = east + (1 - c) * FLAT * sinAzimuth *
      (arc + c * sinArc * (middle + c * cosArc * (2 * middle ** 2 - 1)));
    const still = Math.abs(next - turn) < 1e-13;
    turn = next;
    if (!still) continue;
    const u = (flatter * (AXIS ** 2 - POLAR ** 2)) / POLAR ** 2;
    const a = 1 + (u / 16384) * (4096 + u * (-768 + u * (320 - 175 * u)));
    const b = (u / 1024) * (256 + u * (-128 + u * (74 - 47 * u)));
    const less = b * sinArc * (middle + (b / 4) * (cosArc * (2 * middle ** 2 - 1) -
      (b / 6) * middle * (4 * sinArc ** 2 - 3) * (4 * middle ** 2 - 3)));
    return POLAR * a * (arc - less);
  }
  return NaN;
}

/** The length of a way over places. */
export const length = (places) =>
  places.slice(1).reduce((sum, place, i) => sum + distance(places[i], place), 0);

function q(sine) {
  const part = ECCENTRICITY * sine;
  return (1 - SQUARED) * (sine / (1 - part ** 2) + Math.atanh(part) / ECCENTRICITY);
}

const Q_POLE = q(1);
const RADIUS_SQUARED = (AXIS ** 2 * Q_POLE) / 2;

/** The tangent of half the authalic latitude. */
function half(lat) {
  return Math.tan(Math.asin(q(Math.sin(radians(lat))) / Q_POLE) / 2);
}

/** The area of the polygon of places that does not cross itself; 0 for less than three. */
export function area(places) {
  let excess = 0;
  places.forEach(([lon, lat], i) => {
    const [lon2, lat2] = places[(i + 1) % places.length];
    const [one, two, turn] = [half(lat), half(lat2), Math.tan(radians(lon2 - lon) / 2)];
    excess += 2 * Math.atan2(turn * (one + two), 1 + one * two);
  });
  return Math.abs(excess) * RADIUS_SQUARED;
}
