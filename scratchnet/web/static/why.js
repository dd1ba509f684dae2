// Why does it say so: maps over the drawing, and the training digits nearest to it in feature space.

import { legend } from "./about.js";
import { bytes, newest, unpack } from "./api.js";
import { ask, emit, on, prediction, state, stepsOf } from "./state.js";
import { digitChoice, element, number, sentence } from "./dom.js";
import { largest, signed } from "./colours.js";
import { outline, paintDigit } from "./digit.js";

const METHODS = {
  "grad-cam": ["Grad-CAM", "Where the last feature maps see what speaks for this digit. Coarse, since the maps are small."],
  saliency: [
    "Saliency",
    "The gradient of the score, taken all the way back to the pixels: orange where more ink would raise it, blue where it would lower it.",
  ],
  occlusion: [
    "Occlusion",
    "Cover 5 × 5 pixels with paper and see how far the score falls: orange where covering hurts. No gradient is used.",
  ],
  "integrated-gradients": [
    "Integrated gradients",
    "What each pixel adds to the score on the way from blank paper to your drawing. All of them add up to its rise:",
  ],
};
const SIDE = 224;

export function whyView(place) {
  const label = element("div", {});
  const maps = element("div", { class: "maps" });
  const near = element("div", { class: "neighbours" });
  place.append(
    element(
      "p",
      { class: "lead" },
      "Four answers to “which pixels made it say so?”, for the digit you choose. They answer different questions, so they may differ. The score is the digit’s logit, before softmax.",
    ),
    element("div", { class: "controls" }, element("span", { class: "ask" }, "What speaks for a"), label),
    maps,
    legend("speaks against it", "speaks for it", "each map on its own scale"),
    element("h3", {}, "Digits it learned from that look alike to it"),
    element(
      "p",
      { class: "hint", id: "near-hint" },
      "The nearest ones in feature space: by the values that the last layer decides on.",
    ),
    near,
  );
  const cards = new Map();

  const refresh = newest(async () => {
    if (!state.digit || place.hidden) return;
    const answerLabel = state.explained ?? prediction()?.digit ?? 0;
    label.replaceChildren(
      digitChoice("Digit to explain", answerLabel, (k) => {
        state.explained = k;
        emit("explained");
      }),
    );
    for (const method of state.methods) {
      if (!cards.has(method)) cards.set(method, card(maps, method));
    }
    await Promise.all(state.methods.map((method) => explain(cards.get(method), method, answerLabel)));
    await neighbours();
  });

  async function explain({ canvas, note, sum }, method, k) {
    try {
      const answer = await ask("why", { method, label: k });
      canvas.setAttribute("aria-label", `${METHODS[method]?.[0] ?? method} for ${k}`);
      note.textContent = answer.problem ? sentence(`${answer.problem}.`) : "";
      sum.textContent = method === "integrated-gradients" && answer.map ? addedUp(answer, k) : "";
      if (answer.map) paintOver(canvas, bytes(state.digit), answer);
      else canvas.getContext("2d").clearRect(0, 0, SIDE, SIDE);
    } catch (error) {
      note.textContent = error.message;
    }
  }

  async function neighbours() {
    try {
      const answer = await ask("neighbours");
      if (answer.problem) {
        near.replaceChildren(element("p", { class: "message" }, answer.problem));
        return;
      }
      near.replaceChildren(
        ...answer.neighbours.map(({ digit, label: k, distance }) => {
          const canvas = element("canvas", { width: 28, height: 28, role: "img", "aria-label": `a ${k}` });
          paintDigit(canvas, bytes(digit));
          return element(
            "figure",
            {},
            canvas,
            element("figcaption", {}, element("b", {}, String(k)), ` ${number(distance)}`),
          );
        }),
      );
      const name =
        answer.dataset === "mnist" ? "MNIST's" : answer.dataset === "synthetic" ? "the synthetic" : `${answer.dataset}'s`;
      const changed = stepsOf() ? " Your own steps are left out of account here." : "";
      document.getElementById("near-hint").textContent =
        `The nearest of ${answer.examples} of ${name} training digits in feature space: by the values that the last layer decides on. Below each, which digit it is and how far away.${changed}`;
    } catch (error) {
      near.replaceChildren(element("p", { class: "message" }, error.message));
    }
  }

  on("digit explained weights tab", refresh);
}

function card(place, method) {
  const [title, text] = METHODS[method] ?? [method, ""];
  const canvas = element("canvas", { width: SIDE, height: SIDE, role: "img", "data-method": method });
  const note = element("p", { class: "message" });
  const sum = element("p", { class: "sum" });
  place.append(
    element(
      "figure",
      { class: "map" },
      canvas,
      element("figcaption", {}, element("b", {}, title), element("span", {}, text), sum, note),
    ),
  );
  return { canvas, note, sum };
}

/** The sum of a map beside what it must be. */
function addedUp({ map, score, paper }, k) {
  const sum = unpack(map).data.reduce((so, value) => so + value, 0);
  return (
    `the pixels add up to ${number(sum)}; the score of a ${k} is ${number(paper)} for blank paper and ${number(score)} for` +
    ` your drawing, a rise of ${number(score - paper)}.`
  );
}

/** The map in colours, the digit in it as a shade of grey. */
function paintOver(canvas, digit, { map, signed: isSigned }) {
  const { data, shape } = unpack(map);
  const top = largest(data);
  const small = new OffscreenCanvas(shape[1], shape[0]);
  const image = new ImageData(shape[1], shape[0]);
  data.forEach((value, k) => {
    const colour = signed(isSigned ? value : Math.max(0, value), top);
    image.data.set([...colour, 255], 4 * k);
  });
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, SIDE, SIDE);
  outline(context, digit, SIDE / 28);
}
