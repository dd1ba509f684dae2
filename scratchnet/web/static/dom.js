// Making elements, and writing numbers.

/** element("p", {class: "hint", onclick: f}, "text", child, ...) */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A number as people read it: three digits that count, a true minus sign. */
export function number(value, digits = 3) {
  if (value === null || !Number.isFinite(value)) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 1e5 || size < 1e-3) {
    text = powers(value.toExponential(digits - 1));
  } else {
    text = value.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
  }
  return text.replaceAll("-", "−");
}

/** 3.2e-7 -> 3.2·10⁻⁷, wherever it stands in a text. */
const powers = (text) =>
  text.replace(/(\d)e([+-]?)0*(\d+)/g, (_, digit, sign, power) => {
    return `${digit}·10${sign === "-" ? "⁻" : ""}${[...power].map((k) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[k]).join("")}`;
  });

/** A text with numbers in it, which are written as `number` writes them. */
export const typeset = (text) => powers(text).replace(/(^|[\s(=[])-(?=[\w(])/g, "$1−");

/** A probability as people read it: never rounded to 0 or 1, and with two digits more where it is close to one of them. */
export const percent = (p) => {
  if (p === null) return "not finite";
  if (p > 0.9999) return "> 99.99 %";
  if (p < 0.0001) return "< 0.01 %";
  return `${(100 * p).toFixed(p < 0.1 || p >= 0.99 ? 2 : 1)} %`;
};

/** A message as a sentence. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const shapeText = (shape) => `(${shape.join(", ")}${shape.length === 1 ? ",)" : ")"}`;

/** Ten buttons, one of them pressed. */
export function digitChoice(name, chosen, choose) {
  const group = element("div", { class: "digits", role: "group", "aria-label": name });
  for (let k = 0; k < 10; k++) {
    const pressed = k === chosen;
    group.append(
      element("button", { type: "button", "aria-pressed": String(pressed), onclick: () => choose(k) }, String(k)),
    );
  }
  return group;
}
