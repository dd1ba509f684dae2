// The networks there are, and what several of them say to the same drawing.

import { Bars } from "./bars.js";
import { emit, on, state, stepsOf } from "./state.js";
import { element, percent } from "./dom.js";

/** @param limit how many can be shown side by side */
export function modelsView(place) {
  const list = element("div", { class: "model-list", role: "group", "aria-label": "Networks to show side by side" });
  const cards = element("div", { class: "model-cards" });
  place.append(
    element(
      "p",
      { class: "lead" },
      "The same drawing, seen by several networks. Train your own with scratchnet train: it appears here when it is done.",
    ),
    list,
    cards,
  );
  let shown = new Map();

  on("models", () => {
    list.replaceChildren(
      ...state.models.map((model) => {
        const box = element("input", {
          type: "checkbox",
          checked: state.compared.includes(model.id),
          disabled: Boolean(model.problem),
          onchange: () => toggle(model.id, box),
        });
        return element(
          "label",
          {},
          box,
          ` ${model.name}`,
          model.problem ? element("span", { class: "hint" }, ` – ${model.problem}`) : null,
        );
      }),
    );
    build();
  });

  function toggle(id, box) {
    if (box.checked && state.compared.length >= state.limits.compared) {
      box.checked = false;
      return;
    }
    state.compared = box.checked ? [...state.compared, id] : state.compared.filter((each) => each !== id);
    build();
    emit("compare");
  }

  function build() {
    shown = new Map();
    cards.replaceChildren(
      ...state.compared.map((id) => {
        const model = state.models.find((each) => each.id === id);
        const bars = new Bars(element("div", {}));
        const answer = element("strong", { class: "answer-small" }, "–");
        const facts = element("p", { class: "hint" });
        shown.set(id, { bars, answer, facts, model });
        return element(
          "section",
          { class: "model-card", "data-model": id },
          element("h3", {}, model.name, answer),
          facts,
          bars.place,
          element(
            "details",
            {},
            element("summary", {}, `${model.layers.length} layers`),
            element("pre", {}, model.layers.join("\n")),
          ),
        );
      }),
    );
    show();
  }

  function show() {
    for (const [id, { bars, answer, facts, model }] of shown) {
      facts.textContent = factsOf(model);
      const prediction = state.predictions.find((each) => each.model === id);
      bars.show(prediction?.probabilities ?? null);
      answer.textContent = prediction ? String(prediction.digit) : "–";
    }
  }

  on("digit weights predictions lab", show);
}

function factsOf({ id, parameters, accuracy, dataset }) {
  const size = `${parameters} parameters`;
  const steps = stepsOf(id);
  const measured = accuracy
    ? `${percent(accuracy)} right on ${dataset === "mnist" ? "MNIST's" : `${dataset}'s`} test images`
    : "";
  if (!steps) return measured ? `${size}; ${measured}` : size;
  const changed = `${size}; changed by you: ${steps} step${steps === 1 ? "" : "s"} of SGD`;
  return measured ? `${changed} (before: ${measured})` : changed;
}
