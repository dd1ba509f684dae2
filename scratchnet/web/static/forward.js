// The forward pass: every stage with all its maps; point at a value and see what made it.

import { newest } from "./api.js";
import { alertAbout, ask, on, state } from "./state.js";
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
    "Your digit on its way through the network. Point at any pixel of a map to see the numbers that made it; click to hold on to it.",
  );
  place.append(hint);
  const row = new Row(place, {
    label: "Stages of the forward pass",
    word: "value",
    point: (name, index) => point(name, index),
    select: (name) => point(name, largestOf(network.out(name))),
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
    if (!pointed || !fits(pointed)) pointed = strongest(network);
    point(pointed.name, pointed.index);
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
      if (asked !== network && !fits({ name, index })) return;
      const stage = network.byName.get(name);
      const [top, left, height, width] = answer.field ?? [];
      row.highlight({
        name,
        index,
        windows: answer.sources.map((source) => ({ name: source, window: answer.window })),
        field: answer.field && { channel: null, top, left, height, width },
      });
      const behind = stage.x_shape.length === 1 ? network.behind(stage.sources[0]) : null;
      showTerms(terms, answer, `${stage.kind} ${name}: out[${index.join(", ")}]`, behind);
      terms.append(element("p", { class: "hint" }, seen(answer.field)));
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
    row.highlight(null);
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
        derivedIn([4]),
      ),
    );
  }

  const seen = (field) =>
    field
      ? `It sees ${field[2]} × ${field[3]} pixels of the image (framed): its receptive field.`
      : "It depends on the whole image.";

  function point(name, index) {
    pointed = { name, index };
    describe(name);
    if (name === "input") {
      row.highlight({ name, index, windows: [], field: null });
      const value = network.input.data[index[1] * network.input.shape[2] + index[2]];
      terms.replaceChildren(element("h3", {}, element("code", {}, `x[${index.join(", ")}] = ${value.toFixed(3)}`)));
      terms.append(
        element(
          "p",
          { class: "hint" },
          "A pixel of the image as the network takes it: (pixel / 255 − mean) / deviation of MNIST.",
        ),
      );
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
