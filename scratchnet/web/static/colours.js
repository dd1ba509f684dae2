// Numbers as colours: blue below 0, orange above (Okabe and Ito's, which people with any kind of colour vision tell apart).

const THEMES = {
  light: { zero: [255, 255, 255], negative: [0, 114, 178], positive: [213, 94, 0], mark: "#111820", halo: "#ffffff", line: "rgba(17,24,32,.55)", edge: "rgba(17,24,32,.25)" },
  dark: { zero: [13, 17, 23], negative: [98, 190, 245], positive: [255, 148, 66], mark: "#ffffff", halo: "#000000", line: "rgba(255,255,255,.5)", edge: "rgba(255,255,255,.25)" },
};

export const theme = () => THEMES[document.documentElement.dataset.theme] ?? THEMES.light;

/** The largest size of any value; 0 for none. */
export function largest(data) {
  let top = 0;
  for (const value of data) if (Math.abs(value) > top) top = Math.abs(value);
  return top;
}

/** [r, g, b] of a value, on a scale from -top to top. */
export function signed(value, top) {
  const { zero, negative, positive } = theme();
  const part = top > 0 ? Math.max(-1, Math.min(1, value / top)) : 0;
  const end = part < 0 ? negative : positive;
  const share = Math.sqrt(Math.abs(part)); // small values can still be seen
  return zero.map((from, k) => Math.round(from + (end[k] - from) * share));
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Black or white, whichever can be read on this colour. */
export const inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111820" : "#ffffff");
