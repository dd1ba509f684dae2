// Numbers as colours: blue below 0, orange above (Okabe and Ito's, which people with any kind of colour vision tell apart).

const THEMES = {
  light: {
    zero: [255, 255, 255],
    negative: [0, 114, 178],
    positive: [213, 94, 0],
    mark: "#111820",
    halo: "#ffffff",
    line: "rgba(17,24,32,.55)",
    edge: "rgba(17,24,32,.25)",
  },
  dark: {
    zero: [13, 17, 23],
    negative: [98, 190, 245],
    positive: [255, 148, 66],
    mark: "#ffffff",
    halo: "#000000",
    line: "rgba(255,255,255,.5)",
    edge: "rgba(255,255,255,.25)",
  },
};

export const theme = () => THEMES[document.documentElement.dataset.theme] ?? THEMES.light;

/** The largest size of any value; 0 for none. */
export function largest(data) {
  let top = 0;
  for (const value of data) if (Math.abs(value) > top) top = Math.abs(value);
  return top;
}

const LEVELS = 255; // on either side of 0

/** [r, g, b] from the most negative to the most positive, for each theme; made once, since every pixel is looked up here. */
const palettes = new Map(Object.values(THEMES).map((each) => [each, palette(each)]));

function palette({ zero, negative, positive }) {
  return Array.from({ length: 2 * LEVELS + 1 }, (_, k) => {
    const end = k < LEVELS ? negative : positive;
    const share = Math.sqrt(Math.abs(k - LEVELS) / LEVELS); // small values can still be seen
    return zero.map((from, axis) => Math.round(from + (end[axis] - from) * share));
  });
}

/** [r, g, b] of a value, on a scale from -top to top. */
export function signed(value, top) {
  const part = top > 0 ? Math.max(-1, Math.min(1, value / top)) : 0;
  return palettes.get(theme())[Math.round(part * LEVELS) + LEVELS];
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Black or white, whichever can be read on this colour. */
export const inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111820" : "#ffffff");
