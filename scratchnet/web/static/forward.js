// The forward pass: every stage with all its maps; point at a value and see what made it.

import { bytes, newest } from "./api.js";
import { alertAbout, ask, emit, on, state } from "./state.js";
import { digitChoice, element, number, shapeText } from "./dom.js";
import { loadNetwork, unravel } from "./network.js";
import { probabilityColumn, Row } from "./row.js";
import { about, derivedIn, legend } from "./about.js";
import { readTerms, showTerms } from "./terms.js";

export function forwardView(place) {
  let network = null;
  let pointed = null; // {name, index}
  const last = probabilityColumn((k) => softmax(k));
  const hint = element(
    "p",
    { class: "lead" },
    "Your digit on its way through the network. ",
    element("span", { class: "for-mouse" }, "Point at any pixel of a map to see the numbers that made it; click to hold on to it."),
    element("span", { class: "for-touch" }, "Tap any pixel of a map to see the numbers that made it; swipe for the stages on the right."),
  );
  place.append(hint);
  const row = new Row(place, {
    label: "Stages of the forward pass",
    word: "value",
    point: (name, index) => point(name, index),
    select: (name) => point(name, largestOf(network.out(name)), true),
  });
  const terms = element("div", { class: "numbers", "aria-live": "off" });
  const facts = element("div", { class: "facts" });
  place.append(element("div", { class: "detail" }, terms, facts), legend("value below 0"));

  const refresh = newest(async () => {
    if (!state.digit || place.hidden) return;
    try {
      network = await loadNetwork();
    } catch (error) {
      alertAbout(error);
      return;
    }
    alertAbout(null);
    row.show(network, (name) => network.out(name), last.box);
    last.bars.show(network.probabilities);
    if (pointed?.name === SOFTMAX) {
      softmax(pointed.index[0] ?? null);
      return;
    }
    if (pointed && fits(pointed)) {
      point(pointed.name, pointed.index, pointed.isStrongest);
      return;
    }
    const { name, index } = strongest(network);
    point(name, index, true);
    row.reveal(name, true);
  });

  const fits = ({ name, index }) => {
    const out = name === "input" || network.byName.has(name) ? network.out(name) : null;
    return out !== null && index.length === out.shape.length && index.every((i, axis) => i < out.shape[axis]);
  };

  const load = newest(async (name, index) => {
    const asked = network;
    if (!state.digit) return;
    try {
      const answer = readTerms(await ask("terms", { stage: name, of: "out", index }));
      if (asked !== network || pointed?.name !== name) return; // another network by now, or softmax
      const stage = network.byName.get(name);
      const [top, left, height, width] = answer.field ?? [];
      emit("field", answer.field);
      row.highlight({
        name,
        index,
        windows: answer.sources.map((source) => ({ name: source, window: answer.window })),
        field: answer.field && { channel: null, top, left, height, width },
      });
      const behind = stage.x_shape.length === 1 ? network.behind(stage.sources[0]) : null;
      showTerms(terms, answer, `${stage.kind} ${name}: out[${index.join(", ")}]`, behind);
      const [source] = answer.sources;
      if (overhangs(answer.window, network.out(source).shape)) terms.append(hintOf(PADDED));
      terms.append(hintOf(seen(answer.field)));
      if (pointed.isStrongest) terms.append(hintOf(STRONGEST));
    } catch (error) {
      alertAbout(error);
    }
  });

  /** One probability in numbers; null for the largest. */
  function softmax(chosen) {
    if (!network) return;
    const { logits, probabilities } = network;
    const top = Math.max(...logits);
    const k = chosen ?? logits.indexOf(top);
    const powers = logits.map((z) => Math.exp(z - top));
    const sum = powers.reduce((a, b) => a + b, 0);
    pointed = { name: SOFTMAX, index: chosen === null ? [] : [chosen] };
    row.highlight(null);
    emit("field", null);
    terms.replaceChildren(
      element("h3", {}, element("code", {}, `softmax: p[${k}]`), " = exp(z) / sum of all ten = ", number(probabilities[k], 4)),
      digitChoice("Probability to look into", k, softmax),
      element(
        "p",
        { class: "total" },
        `exp(${number(logits[k], 4)} − ${number(top, 4)}) / ${number(sum, 4)} = ${number(powers[k], 4)} / ${number(sum, 4)} = `,
        element("b", { class: "result" }, number(powers[k] / sum, 4)),
      ),
      element(
        "p",
        { class: "hint" },
        "The largest logit is taken off all of them first: it cancels in the fraction, and exp can’t overflow.",
      ),
    );
    row.current(null);
    facts.replaceChildren(
      element(
        "div",
        { class: "about" },
        element("h3", {}, element("code", {}, "softmax")),
        element("pre", {}, "p[k] = exp(z[k]) / sum exp(z)"),
        element("p", { class: "hint" }, `z: the ten logits, ${logits.map((z) => number(z)).join(", ")}`),
        hintOf("They always add up to 1: every picture is called a digit, a scribble too, and often with a high p. So a high p is no promise."),
        derivedIn([4]),
      ),
    );
  }

  const hintOf = (text) => element("p", { class: "hint" }, text);
  const seen = (field) =>
    field
      ? `It sees ${field[2]} × ${field[3]} pixels of the image (framed, in the small picture too): its receptive field.`
      : "It depends on the whole image.";

  function point(name, index, isStrongest = false) {
    pointed = { name, index, isStrongest };
    describe(name);
    if (name === "input") {
      row.highlight({ name, index, windows: [], field: null });
      emit("field", [...index.slice(1), 1, 1]);
      const at = index[1] * network.input.shape[2] + index[2];
      const value = network.input.data[at];
      terms.replaceChildren(element("h3", {}, element("code", {}, `x[${index.join(", ")}] = ${number(value)}`)));
      terms.append(hintOf(normalised(bytes(state.digit)[at], value)));
      return;
    }
    load(name, index);
  }

  function describe(name) {
    row.current(name);
    if (name === "input")
      facts.replaceChildren(element("h3", {}, "Input"), element("p", {}, `x ${shapeText(network.input.shape)}`));
    else about(facts, network.byName.get(name), "forward");
  }

  on("digit weights tab", refresh);
  on("model", () => {
    pointed = null;
  });
}

const SOFTMAX = "softmax";
const PADDED = "The window reaches over the edge of the map (pad): what lies outside counts as 0.";
const STRONGEST = "Shown because it is the largest value of this stage; point at any other.";
const MNIST = { mean: 0.1307, deviation: 0.3081 };

/** What was done to a pixel, a byte, to give `value`. */
function normalised(pixel, value) {
  const { mean, deviation } = MNIST;
  const isUsual = Math.abs((pixel / 255 - mean) / deviation - value) < 1e-3;
  const sum = `(${pixel} / 255 − ${mean}) / ${deviation} = ${number(value)}`;
  return isUsual
    ? `The pixel as the network takes it, minus MNIST’s mean, divided by its deviation: ${sum}. Black paper, 0, becomes −0.424.`
    : "The pixel as the network takes it: its brightness minus a mean, divided by a deviation.";
}

/** Whether a window holds padding: rows or columns outside of a (C, H, W). */
function overhangs(window, shape) {
  if (!window || shape.length !== 3) return false;
  const { top, left, height, width } = window;
  return top < 0 || left < 0 || top + height > shape[1] || left + width > shape[2];
}

/** The largest value of the first convolution, or of the first layer that computes something. */
function strongest(network) {
  const stage =
    network.stages.find(({ kind }) => kind === "Conv2d") ??
    network.stages.find(({ kind }) => kind === "Dense") ??
    network.stages[0];
  return { name: stage.name, index: largestOf(stage.out) };
}

/** Where the largest value of an array is. */
function largestOf({ shape, data }) {
  const at = data.reduce((best, value, k) => (value > data[best] ? k : best), 0);
  return unravel(at, shape);
}
