// One step of SGD on the drawing: what it does to the probabilities and to the weights.

import { bytes, unpack } from "./api.js";
import { drawn } from "./about.js";
import { answersToExamples, examples } from "./memory.js";
import { Bars } from "./bars.js";
import { alertAbout, ask, emit, keepLab, on, prediction, state, stepsOf } from "./state.js";
import { element, number, percent } from "./dom.js";
import { paintDigit } from "./digit.js";

/** The box, at the end of `place`; `show(label)` and `compare(network)` keep it up to date. */
export function stepBox(place) {
  const exponent = element("input", {
    type: "range",
    min: "-4",
    max: "0",
    step: "0.1",
    value: "-2.3",
    id: "lr",
    "aria-label": "Learning rate",
  });
  const lr = () => 10 ** Number(exponent.value);
  const lrText = element("output", { for: "lr" });
  const take = element(
    "button",
    { type: "button", class: "main", id: "step", onclick: () => step(), disabled: true }, // until it is known towards what
    "Take one step",
  );
  const reset = element(
    "button",
    { type: "button", id: "reset", onclick: () => undo(), disabled: true },
    "Reset the weights",
  );
  const bars = new Bars(element("div", {}));
  const marks = element(
    "p",
    { class: "hint", hidden: true },
    "Black or white tick: the probability before the step.",
  );
  const result = element("div", { class: "result", role: "status" });
  const history = element("p", { class: "history" });
  const others = element("p", { class: "note", id: "others" });
  const pictures = element("div", { class: "neighbours" }); // the ten examples
  const table = element("div", { class: "scroll" });
  const moved = element("div", { class: "moved" });
  const about = element("p", { class: "hint" });
  const box = element(
    "section",
    { class: "sgd", "aria-label": "One step of SGD" },
    element("h3", {}, "One step of SGD (stochastic gradient descent): w ← w − lr · dw"),
    element(
      "p",
      {},
      "Teach your drawing to this network, here and for you alone. Every weight moves against its gradient dw, by lr (the learning rate) times it.",
    ),
    element("div", { class: "tools" }, element("label", {}, "lr ", exponent, " ", lrText), take, reset),
    about,
    element("div", { class: "detail" }, element("div", {}, bars.place, marks), element("div", {}, result, history, others, pictures, table)),
    moved,
  );
  place.append(box);
  let label = 0;
  let path = []; // p[label] after each step with this drawing and label
  let subject = null; // what the result on the page is about: {digit, label, model}
  let before = null;
  let weights = null; // of the network before the step that was just taken
  let current = null;

  const tell = () => {
    lrText.textContent = number(lr());
    exponent.setAttribute("aria-valuetext", number(lr()));
  };
  exponent.addEventListener("input", tell);
  tell();

  async function step() {
    take.disabled = true;
    const asked = { digit: state.digit, label, model: state.model };
    try {
      const answer = await ask("step", { label, lr: lr() });
      keepLab(answer.lab);
      state.steps.set(asked.model, answer.steps);
      if (!isAbout(asked)) {
        emit("lab"); // another drawing by now: the step was taken, but its result is no longer of interest
        emit("weights");
        return;
      }
      state.label = label; // the runner-up may be another one now
      subject = asked;
      before = answer.before.probabilities;
      if (path.length === 0) path = [before[label]];
      path.push(answer.after.probabilities[label]);
      const [p, q] = [answer.before.probabilities[label], answer.after.probabilities[label]];
      result.replaceChildren(
        element("p", {}, `p[${label}]: ${percent(p)} → `, element("b", { "data-before": p, "data-after": q }, percent(q))),
        element("p", {}, `loss: ${number(answer.before.loss)} → ${number(answer.after.loss)}`),
      );
      history.textContent = path.length > 2 ? `p[${label}] step by step: ${path.slice(-8).map(percent).join(", ")}` : "";
      table.replaceChildren(changes(answer.params));
      weights = current;
      alertAbout(null);
      emit("lab");
      emit("weights");
      await compareExamples(asked, q);
    } catch (error) {
      result.replaceChildren(element("p", { class: "message" }, error.message));
    } finally {
      take.disabled = false;
    }
  }

  async function undo() {
    try {
      await ask("reset");
    } catch (error) {
      alertAbout(error);
      return;
    }
    state.steps.delete(state.model);
    clear();
    emit("lab");
    emit("weights");
  }

  /** A step teaches one drawing; whether the others are still known is seen in the examples. */
  async function compareExamples(asked, p) {
    try {
      const [was, is] = await Promise.all([answersToExamples(asked.model, null), answersToExamples(asked.model, state.lab)]);
      if (subject !== asked) return;
      const right = (answers) => answers.filter((answer, digit) => answer === digit).length;
      pictures.replaceChildren(...(await examples()).map((digit, k) => answered(digit, k, was[k], is[k])));
      const moved = is.flatMap((answer, digit) => (answer === was[digit] ? [] : [`${digit} is now called ${answer}`]));
      others.textContent =
        `What this did to other digits: of the ten examples it named ${right(was)} before your steps, ${right(is)} now` +
        (moved.length
          ? ` (${moved.join(", ")}). It was taught one drawing, and forgets others.`
          : p < 0.99 // something is left to be learned, so that more of it may change more
            ? ". None of the ten answers is another one now: try more steps, or a larger lr."
            : ". None of the ten answers is another one now.");
    } catch (error) {
      others.textContent = error.message;
    }
  }

  const isAbout = ({ digit, label: k, model }) => digit === state.digit && k === label && model === state.model;

  /** What a step did belongs to its drawing, its label and its network. */
  function clear() {
    before = subject = weights = null;
    path = [];
    for (const part of [result, history, others, pictures, table, moved]) part.replaceChildren();
  }

  on("lab", () => {
    reset.disabled = stepsOf() === 0;
  });
  on("digit model", () => {
    if (subject && (subject.digit !== state.digit || subject.model !== state.model)) clear();
  });

  return {
    /** After a step: the kernels as they were, as they are, and what was added to them. */
    compare(network) {
      current = network;
      if (!weights) return;
      moved.replaceChildren(...network.stages.flatMap((stage) => kernels(stage, weights.byName.get(stage.name))));
      weights = null;
    },
    show(chosen) {
      label = chosen;
      if (subject && !isAbout(subject)) clear();
      take.textContent = `Take one step towards ${chosen}`;
      take.disabled = !state.labAllowed;
      about.textContent = state.labAllowed
        ? offHere(current)
        : "Steps that change weights are off on this server.";
      bars.show(prediction()?.probabilities ?? null, { before, label });
      marks.hidden = !before;
    },
  };
}

/** What is different here from training, for the layers that the network has. */
function offHere(network) {
  const has = (kind) => network?.stages.some((stage) => stage.kind.startsWith(kind));
  const said = [
    has("Dropout") ? "Dropout is off" : null,
    has("BatchNorm") ? "BatchNorm uses its running statistics, since a step on one image knows no batch" : null,
  ].filter(Boolean);
  return said.length ? `As everywhere on this page: ${said.join("; ")}.` : "";
}

/** One of the examples, with what it is called now, and was before where that is something else. */
function answered(digit, k, was, is) {
  const canvas = element("canvas", { width: 28, height: 28, role: "img", "aria-label": `the example of a ${k}` });
  paintDigit(canvas, bytes(digit));
  const told = was === is ? element("b", {}, String(is)) : element("b", { class: "other" }, `${was} → ${is}`);
  return element("figure", { "data-example": k }, canvas, element("figcaption", {}, told));
}

/** Three pictures of a convolution's kernels, if they are few enough to be seen. */
function kernels(stage, old) {
  if (stage.kind !== "Conv2d" || !stage.params.w.values || stage.params.w.shape[0] * stage.params.w.shape[1] > 64) return [];
  const [after, before] = [unpack(stage.params.w.values), unpack(old.params.w.values)];
  const change = { shape: after.shape, data: after.data.map((value, k) => value - before.data[k]) };
  const figure = (array, text) =>
    element("figure", { class: "learned" }, element("figcaption", {}, text), drawn(array, { tall: 130 }));
  return [
    element(
      "div",
      { class: "controls" },
      figure(before, `${stage.name}.w before`),
      figure(change, "− lr · dw, what was added (on a colour scale of its own)"),
      figure(after, `${stage.name}.w after`),
    ),
  ];
}

function changes(params) {
  const rows = Object.entries(params).map(([key, { norm, change }]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", title: `the array ${key.split(".").at(-1)} of stage ${key.split(".").slice(0, -1).join(".")}` }, key),
      element("td", {}, number(norm)),
      element("td", {}, number(change)),
      element("td", {}, norm ? `${number((100 * change) / norm, 2)} %` : "–"),
    ),
  );
  const head = element(
    "tr",
    {},
    ...["array", "|w|", "|lr · dw|", "changed by"].map((text) => element("th", { scope: "col" }, text)),
  );
  const caption = element("caption", {}, "0.w: the weights w of stage 0. |w|: the length of an array, the root of the sum of its squares.");
  return element("table", {}, caption, element("thead", {}, head), element("tbody", {}, ...rows));
}
