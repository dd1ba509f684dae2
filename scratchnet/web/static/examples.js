// Ten digits to begin with, and one that could be two of them, as pen strokes: points in hundredths of the drawing area, joined smoothly; "!" makes a corner.

const WRITTEN = [
  ["54,19 38,22 28,42 31,68 48,81 66,70 71,44 63,24 52,19"],
  ["40,30 53,19! 52,50 51,81"],
  ["31,34 38,21 56,19 66,32 58,50 42,66 30,79! 50,77 71,79"],
  ["32,26 47,18 64,26 60,41 46,48! 62,53 68,67 56,79 38,80 30,73"],
  ["42,19 36,38 31,54! 50,54 71,52", "60,38 58,60 57,82"],
  ["37,21 35,34 34,46! 50,42 65,51 64,70 50,80 32,76", "37,21 52,20 67,19"],
  ["60,19 44,32 34,54 38,75 52,81 64,71 60,57 48,54 37,63"],
  ["30,23 50,22 70,20! 58,46 48,82"],
  ["64,28 52,19 38,25 40,38 55,48 66,62 60,77 46,80 35,71 40,57 56,46 65,34 63,27"],
  ["64,30 52,20 38,28 38,42 52,48 63,38 65,24! 64,52 60,81"],
  ["40,33 52,23 62,22! 57,46 50,82"], // a one or a seven?
];
export const EXAMPLES = WRITTEN.length;

/** The strokes of an example: lists of [x, y] in parts of the area's side. The first ten are the digits in order. */
export function strokesOf(example) {
  return WRITTEN[example].map((stroke) => {
    const places = stroke.split(" ");
    const points = places.map((place) =>
      place
        .replace("!", "")
        .split(",")
        .map((text) => Number(text) / 100),
    );
    const corners = [0, ...places.flatMap((place, k) => (place.endsWith("!") ? [k] : [])), points.length - 1];
    return corners.slice(1).flatMap((end, k) => smooth(points.slice(corners[k], end + 1)));
  });
}

/** A Catmull-Rom curve through the points. */
function smooth(points) {
  const at = (k) => points[Math.max(0, Math.min(points.length - 1, k))];
  const curve = [];
  for (let k = 0; k < points.length - 1; k++) {
    const [a, b, c, d] = [at(k - 1), at(k), at(k + 1), at(k + 2)];
    for (let t = 0; t < 1; t += 0.1) {
      curve.push(
        [0, 1].map((axis) => {
          const [p, q, r, s] = [a[axis], b[axis], c[axis], d[axis]];
          return q + (t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * q - p - 3 * r + s)))) / 2;
        }),
      );
    }
  }
  return [...curve, points.at(-1)];
}
