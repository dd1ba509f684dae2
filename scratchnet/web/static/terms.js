// The terms of one number, as /api/terms answers them: patch, kernel, products and their sum, in numbers.

import { unpack } from "./api.js";
import { css, inkOn, largest, signed } from "./colours.js";
import { Atlas } from "./atlas.js";
import { element, number, typeset } from "./dom.js";

const TURNED =
  "Turned by 180°: an output to the left of the pixel used it with a weight on the right of the kernel, and so on.";
const MOST_CELLS = 64; // larger arrays are drawn, not written

/** An answer with its arrays unpacked and its products. */
export function readTerms(answer) {
  const left = unpack(answer.left);
  const right = answer.right && unpack(answer.right);
  const products = { shape: left.shape, data: left.data.map((value, k) => (right ? value * right.data[k] : value)) };
  const [patch, won] = [answer.patch, answer.won].map((array) => array && unpack(array));
  return { ...answer, left, right, products, patch, won };
}

/** @param name how the number is called, as "out[3, 5, 7]"; behind the (C, H, W) of features, or null */
export function showTerms(place, terms, name, behind = null) {
  const { left, right, products } = terms;
  const parts = element("div", { class: "terms" });
  const value = element("output", { "data-value": terms.value }, number(terms.value, 4));
  place.replaceChildren(element("h3", {}, element("code", {}, name), " = ", value), parts);
  if (terms.rule) parts.append(element("p", { class: "hint" }, typeset(terms.rule)));
  if (terms.words) parts.append(element("p", { class: "note" }, typeset(terms.words)));
  if (left.data.length === 0) return;
  if (terms.patch) {
    parts.append(pooled(terms));
    return;
  }
  if (terms.words && left.data.length === 1 && !terms.plus_name) return; // a sum of one term says less than the words

  const slices = left.shape.length === 3 && left.shape[0] > 1 ? left.shape[0] : 1;
  const size = left.data.length / slices;
  if (slices === 1) {
    parts.append(equation(terms, 0, size, behind));
  } else {
    const sums = Array.from({ length: slices }, (_, c) => add(products.data.subarray(c * size, (c + 1) * size)));
    const shown = element("div", {});
    const chips = element("div", { class: "chips", role: "group", "aria-label": "One sum for each channel" });
    const choose = (c) => {
      [...chips.children].forEach((chip, k) => chip.setAttribute("aria-pressed", String(k === c)));
      shown.replaceChildren(element("p", { class: "hint" }, `channel ${c} (of 0 … ${slices - 1})`), equation(terms, c, size, null));
    };
    const top = largest(sums);
    sums.forEach((sum, c) => {
      const chip = element(
        "button",
        { type: "button", "data-sum": sum, title: `channel ${c}`, onclick: () => choose(c) },
        number(sum),
      );
      paint(chip, sum, top);
      chips.append(chip);
    });
    parts.append(
      shown,
      element("p", { class: "hint" }, `the sums of all ${slices} channels (choose one to see it above)`),
      chips,
    );
    choose(sums.reduce((best, sum, c) => (Math.abs(sum) > Math.abs(sums[best]) ? c : best), 0));
  }
  parts.append(
    total(terms, right ? "sum of products" : left.data.length === 1 ? terms.left_name : "sum", add(products.data)),
  );
}

function add(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Max pooling's window with its winner; going back, what of the gradient lands where. */
function pooled({ of, patch, won, left }) {
  const figure = (array, caption, kind) => {
    const table = grid(array, kind);
    won.data.forEach((wins, k) => table.children[k].classList.toggle("won", wins === 1));
    return element("figure", {}, table, element("figcaption", {}, caption));
  };
  const box = element("div", { class: "equation" }, figure(patch, "x in the window, the winner framed", "left"));
  if (of !== "dx") return box;
  const landed = { shape: won.shape, data: won.data.map((wins) => wins * left.data[0]) };
  box.append(element("span", { class: "sign" }, "→"), figure(landed, "the gradient of the window", "product"));
  return box;
}

/** left * right = products, for one channel. */
function equation(terms, slice, size, behind) {
  const part = ({ shape, data }) => ({ shape: shape.slice(-2), data: data.subarray(slice * size, (slice + 1) * size) });
  const box = element("div", { class: "equation" });
  const figure = (array, caption, kind) => {
    const written = size <= MOST_CELLS && (array.shape.length === 2 || size <= 32);
    return element(
      "figure",
      {},
      written ? grid(array, kind) : picture(array, behind, kind),
      element("figcaption", {}, caption),
    );
  };
  box.append(figure(part(terms.left), terms.left_name, "left"));
  if (terms.right) {
    const then = (sign, shown) => element("div", { class: "then" }, element("span", { class: "sign" }, sign), shown);
    box.append(then("×", figure(part(terms.right), terms.right_name, "right")));
    box.append(then("=", figure(part(terms.products), "products", "product")));
    if (terms.right_name.endsWith("turned"))
      box.append(element("p", { class: "hint" }, TURNED));
  }
  return box;
}

/** Numbers in coloured cells. */
function grid({ shape, data }, kind) {
  const columns = shape.length === 2 ? shape[1] : Math.min(shape[0], innerWidth < 600 ? 5 : 10);
  const table = element("div", { class: "grid", "data-kind": kind });
  table.style.setProperty("--columns", columns);
  const top = largest(data);
  for (const value of data) {
    const cell = element("span", { "data-value": value }, number(value, 2));
    paint(cell, value, top);
    table.append(cell);
  }
  return table;
}

function paint(cell, value, top) {
  const colour = signed(value, top);
  cell.style.background = css(colour);
  cell.style.color = inkOn(colour);
}

/** Too many numbers to write: coloured pixels. */
function picture(array, behind, kind) {
  const canvas = element("canvas", { "data-kind": kind, role: "img", "aria-label": `${array.data.length} numbers` });
  const flat = array.shape.length === 1;
  const maps =
    flat && behind ? { shape: behind, data: array.data } : flat ? array : { shape: [1, ...array.shape], data: array.data };
  new Atlas(maps, { tall: 190, most: 6 }).paint(canvas);
  return canvas;
}

/** sum + bias = value. */
function total(terms, word, sum) {
  const line = element("p", { class: "total" }, `${word} `, element("b", { "data-sum": sum }, number(sum, 4)));
  if (terms.plus_name)
    line.append(
      ` + ${typeset(terms.plus_name)} `,
      element("b", { "data-plus": terms.plus }, number(terms.plus, 4)),
    );
  line.append(" = ", element("b", { class: "result" }, number(terms.value, 4)));
  return line;
}
