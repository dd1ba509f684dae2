// What there is to say of a stage: formula, shapes, learned arrays, lesson; and what the colours mean.

import { unpack } from "./api.js";
import { Atlas } from "./atlas.js";
import { element, number, shapeText, typeset } from "./dom.js";

const NOTEBOOKS = {
  4: "04_softmax_and_cross_entropy",
  5: "05_dense_and_relu",
  9: "09_convolution_by_loops",
  10: "10_im2col_and_col2im",
  11: "11_max_pooling_and_a_cnn",
  13: "13_batchnorm_dropout_augmentation",
  14: "14_resnet",
};

/** Where the formulas come from. */
export function derivedIn(lessons) {
  const files = lessons.filter((k) => k in NOTEBOOKS).map((k) => `lessons/${NOTEBOOKS[k]}.ipynb`);
  const text = `Derived in lesson${lessons.length > 1 ? "s" : ""} ${lessons.join(" and ")}`;
  return element("p", { class: "hint" }, files.length ? `${text}: ${files.join(", ")}` : `${text}.`);
}

/** @param direction "forward" or "backward": which formula is shown first */
export function about(place, stage, direction, back = null) {
  const shapes = `x ${shapeText(stage.x_shape)} → out ${shapeText(stage.out_shape)}`;
  const lines = [
    element("h3", {}, element("code", {}, `${stage.name}  ${stage.layer}`)),
    element(
      "p",
      { class: "shapes" },
      direction === "forward" ? shapes : `dout ${shapeText(stage.out_shape)} → dx ${shapeText(stage.x_shape)}`,
    ),
  ];
  const formula = direction === "forward" ? stage.formula : stage.backward_formula;
  if (formula) lines.push(element("pre", {}, formula));
  if (back) lines.push(element("p", { class: "note" }, typeset(back.note)));
  if (back)
    lines.push(
      element(
        "p",
        { class: "hint" },
        `|dout| = ${number(back.dout_norm)},  |dx| = ${number(back.dx_norm)}: the lengths, roots of the sums of squares`,
      ),
    );
  if (stage.lessons.length)
    lines.push(derivedIn(stage.lessons));
  const arrays = direction === "forward" ? Object.entries(stage.params).map(([key, array]) => learned(key, array)) : [];
  place.replaceChildren(
    element("div", { class: "about" }, ...lines),
    ...(arrays.length ? [element("div", {}, ...arrays)] : []),
  );
}

function learned(key, { shape, norm, values }) {
  const box = element(
    "figure",
    { class: "learned" },
    element("figcaption", {}, `${key} ${shapeText(shape)}, |${key}| = ${number(norm)}`),
  );
  box.append(
    values
      ? drawn(unpack(values))
      : element("p", { class: "hint" }, "Too many to show all: point at an output to see its own."),
  );
  return box;
}

/** A learned array, or its gradient, as a picture; its canvas knows its atlas. */
export function drawn(array, { behind = null, tall = 260 } = {}) {
  const canvas = element("canvas", { role: "img", "aria-label": `${array.data.length} values` });
  const short = array.shape.length === 1 && array.data.length <= 64;
  const atlas = new Atlas(array, { tall, wide: 290, most: short ? 12 : array.shape.length === 4 ? 7 : 6, behind, lying: short });
  atlas.paint(canvas);
  canvas.atlas = atlas;
  return element("div", { class: "scroll" }, canvas);
}

/** What the colours mean. */
export function legend(below, above = "above 0", scale = "each stage on its own scale: ± under its name is the strongest colour") {
  return element(
    "p",
    { class: "legend" },
    element("i", { class: "negative" }),
    below,
    element("i", { class: "zero" }),
    "0",
    element("i", { class: "positive" }),
    above,
    element("span", { class: "hint" }, scale),
  );
}
