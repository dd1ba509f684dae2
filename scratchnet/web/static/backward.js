// The backward pass, a stage at a time.

import { newest, unpack } from "./api.js";
import { about, derivedIn, drawn, legend } from "./about.js";
import { alertAbout, announce, ask, chosenLabel, emit, on, state } from "./state.js";
import { digitChoice, element, number, shapeText } from "./dom.js";
import { loadNetwork, unravel } from "./network.js";
import { Row } from "./row.js";
import { stepBox } from "./step.js";
import { readTerms, showTerms } from "./terms.js";

const ALL = Infinity;
const PACE = 1400; // milliseconds from stage to stage when it plays

export function backwardView(place) {
  let network = null;
  let back = null; // what /api/backward answers, its stages by name
  let reached = 0; // stages that the gradient has gone back through
  let pointed = null;
  let isStrongest = false; // whether what is pointed at was chosen for its size, not by anybody
  let playing = null; // the timer

  // --- what there is on the page

  const label = element("div", {});
  const whose = element("span", {
    class: "hint",
    id: "whose",
  });
  const already = element("span", { class: "hint" });
  const lossText = element("p", { class: "loss" });
  const status = element("p", { class: "hint", role: "status" });
  const button = (text, go, kind = "") => element("button", { type: "button", class: kind, onclick: go }, text);
  const stepTo = (wanted) => {
    stop();
    reach(wanted);
  };
  const buttons = {
    all: button("All the way back", () => stepTo(ALL)),
    play: button("Play", () => (playing ? stop() : play())),
    back: button("◀ Back one stage", () => stepTo(reached + 1), "main"),
    undo: button("Undo a stage ▶", () => stepTo(reached - 1)),
    loss: button("To the loss", () => stepTo(0)),
  };
  const steps = element(
    "div",
    { class: "tools steps", role: "group", "aria-label": "Steps of the backward pass" },
    ...Object.values(buttons),
    element("div", { class: "where" }, status, lossText),
  );
  place.append(
    element(
      "p",
      { class: "lead" },
      "The gradient of the loss goes back, stage by stage: the dx of one stage is the dout of the stage before it. " +
        "Orange: if this number were larger, the loss would be larger. Blue: it would be smaller.",
    ),
    element("div", { class: "controls" }, element("span", { class: "ask" }, "Meant to be a"), label, whose, already),
    steps,
  );
  const lossColumn = element("section", { class: "stage last", "data-stage": "loss" });
  const lossBars = element("div", { class: "dlogits" });
  lossColumn.append(
    element("span", { class: "stage-name" }, "Loss"),
    element("span", { class: "shape" }, "dlogits = p − y"),
    lossBars,
  );
  const row = new Row(place, {
    label: "Stages of the backward pass",
    word: "gradient",
    point: (name, index) => point(name, index),
    select: (name) => select(name),
    thin: new Set(), // each step must be seen to lead somewhere
    origin: (name) => {
      const consumer = network.consumer(name);
      return consumer ? `= dx of ${consumer.kind} ${consumer.name}` : "= dlogits";
    },
  });
  row.learned = () => {
    const canvas = grads.querySelector("canvas");
    if (canvas) {
      canvas.focus({ preventScroll: true });
      canvas.scrollIntoView({ block: "nearest", inline: "nearest" }); // no further than it takes: the maps stay in view
    } else announce("This stage has no weights.");
  };
  const terms = element("div", { class: "numbers" });
  const facts = element("div", { class: "facts" });
  const grads = element("div", { class: "grads" });
  place.append(element("div", { class: "detail" }, terms, facts), legend("gradient below 0"));
  const sgd = stepBox(place);

  // --- asking

  const refresh = newest(async () => {
    if (!state.digit || place.hidden) return;
    const chosen = chosenLabel();
    try {
      const [ahead, answer] = await Promise.all([loadNetwork(), ask("backward", { label: chosen })]);
      network = ahead;
      back = { ...answer, dinput: unpack(answer.dinput), byName: new Map() };
      for (const stage of answer.stages)
        back.byName.set(stage.name, { ...stage, dout: unpack(stage.dout), dx: unpack(stage.dx) });
    } catch (error) {
      alertAbout(error);
      return;
    }
    alertAbout(null);
    sgd.compare(network);
    const digits = digitChoice("Label", chosen, (k) => {
      state.label = k;
      emit("label");
    });
    label.replaceChildren(digits);
    whose.textContent = state.label === null ? "(the runner-up: its second guess)" : "";
    lossText.replaceChildren("loss −log p[", String(chosen), "] = ", element("b", { id: "loss" }, number(back.loss, 4)));
    already.textContent =
      back.probabilities[chosen] > 0.99
        ? "The network says so already, so there is hardly a gradient, however strong the colours: look at the ± under the names."
        : "";
    showLoss(chosen);
    reach(reached, false);
    sgd.show(chosen);
  });

  function showLoss(chosen) {
    const top = Math.max(...back.dlogits.map(Math.abs)) || 1;
    lossBars.replaceChildren(
      ...back.dlogits.map((value, k) => {
        const fill = element("i", { class: value < 0 ? "negative" : "positive" });
        fill.style.width = `${(50 * Math.abs(value)) / top}%`;
        return element(
          "button",
          { type: "button", class: k === chosen ? "label" : "", onclick: () => pointLoss(k), title: `dlogits[${k}]` },
          element("span", { class: "key" }, String(k)),
          element("span", { class: "track" }, fill),
          element("span", { class: "value", "data-value": value }, number(value, 2)),
        );
      }),
    );
  }

  // --- going back

  const order = () => [...back.byName.keys()]; // the last stage first

  function reach(wanted, spoken = true) {
    if (!back) return;
    const names = order();
    const count = names.length + 1; // the loss, then each stage
    reached = Math.max(0, Math.min(wanted, count - 1));
    const shown = new Set(names.slice(0, reached));
    row.show(network, (name) => gradientOf(name, shown), lossColumn);
    const current = reached === 0 ? "loss" : names[reached - 1];
    for (const each of [buttons.all, buttons.back, buttons.play]) each.disabled = reached === count - 1;
    for (const each of [buttons.undo, buttons.loss]) each.disabled = reached === 0;
    if (reached === count - 1) stop();
    const here = network.byName.get(current);
    row.arrived(here ? here.sources[0] : null);
    lossColumn.classList.toggle("current", current === "loss");
    status.textContent = here
      ? `${reached} of ${count - 1}: back through ${called(current)}, to ${called(here.sources[0])} (framed)`
      : `0 of ${count - 1}: at the loss`;
    if (current === "loss") {
      row.highlight(null);
      row.reveal(null, !spoken);
      pointLoss(state.label ?? chosenLabel());
    } else {
      describe(current);
      const from = here.sources[0];
      row.reveal(from);
      if (!pointed || pointed.stage !== current) pointAtLargest(from);
      else point(pointed.name, pointed.index);
    }
    if (spoken)
      announce(status.textContent);
  }

  const called = (name) => (name === "input" ? "the input" : `${network.byName.get(name).kind} ${name}`);

  function play() {
    buttons.play.textContent = "Pause";
    playing = setInterval(() => reach(reached + 1), PACE);
    reach(reached + 1);
  }

  function stop() {
    clearInterval(playing);
    playing = null;
    buttons.play.textContent = "Play";
  }

  /** A stage's name was clicked: its backward pass, with the largest number of its dx, if the gradient has come that far. */
  function select(name) {
    if (name === "input") {
      if (reached === order().length) pointAtLargest("input");
      else notYet(order().length - reached);
      return;
    }
    describe(name);
    const missing = order().indexOf(name) + 1 - reached;
    if (missing > 0) notYet(missing);
    else {
      const { dx } = back.byName.get(name);
      isStrongest = true;
      load(name, "dx", largestOf(dx), network.byName.get(name).sources[0]);
    }
  }

  function notYet(missing) {
    row.highlight(null);
    const text = `The gradient is not here yet: ${missing} stage${missing === 1 ? "" : "s"} to go back.`;
    terms.replaceChildren(element("p", { class: "note" }, text));
  }

  /** The gradient of what comes out of a stage: there as soon as the stage that takes it has been gone through. */
  function gradientOf(name, shown) {
    const consumer = network.consumer(name);
    if (consumer === null) return { shape: back.byName.get(name).dout.shape, data: back.byName.get(name).dout.data };
    if (!shown.has(consumer.name)) return null;
    return name === "input" ? back.dinput : back.byName.get(name).dout;
  }

  function pointAtLargest(name) {
    point(name, largestOf(name === "input" ? back.dinput : back.byName.get(name).dout), true);
  }

  function point(name, index, chosenForSize = false) {
    isStrongest = chosenForSize;
    const consumer = network.consumer(name);
    if (consumer === null) return pointLoss(index[0]);
    pointed = { name, index, stage: consumer.name };
    describe(consumer.name);
    if (consumer.kind === "Residual" && name.startsWith(`${consumer.name}.`)) {
      row.highlight({ name, index, windows: [{ name: consumer.name, window: null }], field: null });
      terms.replaceChildren(element("p", {}, "A sum hands its gradient on unchanged, to both of its parts."));
      return undefined;
    }
    return load(consumer.name, "dx", index, name);
  }

  const load = newest(async (stage, of, index, name) => {
    if (!state.digit) return;
    try {
      const answer = readTerms(await ask("terms", { stage, of, index, label: chosenLabel() }));
      const { kind } = network.byName.get(stage);
      const written = of === "dx" ? "dx" : `d${of}`;
      if (of === "dx") row.highlight({ name, index, windows: [{ name: stage, window: answer.window }], field: null });
      showTerms(terms, answer, `${kind} ${stage}: ${written}[${index.join(", ")}]`, null);
      const behind = of === "dx" && index.length === 1 ? network.behind(name) : null;
      if (behind) {
        const [c, i, j] = unravel(index[0], behind);
        terms.append(element("p", { class: "hint" }, `Feature ${index[0]} is pixel [${c}, ${i}, ${j}] of the maps before Flatten.`));
      }
      if (isStrongest && of === "dx") {
        const text = `Shown because no value of this dx is farther from 0. As dout of ${called(name)} it goes on back.`;
        terms.append(element("p", { class: "hint" }, name === "input" ? text.split(". As")[0] + "." : text));
      }
    } catch (error) {
      alertAbout(error);
    }
  });

  async function pointLoss(k) {
    if (!state.digit) return;
    try {
      const answer = readTerms(await ask("terms", { stage: "loss", of: "dlogits", index: [k], label: chosenLabel() }));
      showTerms(terms, answer, `dlogits[${k}] = p[${k}] − y[${k}]`);
      describe("loss");
    } catch (error) {
      alertAbout(error);
    }
  }

  function describe(name) {
    row.current(name === "loss" ? null : name);
    if (name === "input") return;
    if (name === "loss") {
      facts.replaceChildren(
        element(
          "div",
          { class: "about" },
          element("h3", {}, "SoftmaxCrossEntropy"),
          element("pre", {}, "loss = −log p[label]\ndlogits = p − y        y is 1 at the label, 0 elsewhere"),
          element(
            "p",
            { class: "note" },
            "Every wrong digit is pushed down by the probability it got, the right one is pulled up by what it lacks.",
          ),
          derivedIn([4]),
        ),
      );
      return;
    }
    const stage = network.byName.get(name);
    about(facts, stage, "backward", back.byName.get(name));
    facts.append(grads);
    const learned = Object.entries(back.byName.get(name).grads);
    const hint = element("p", { class: "hint" }, "Point at a value (from the maps: press w, then arrow keys) to see what was added up.");
    grads.replaceChildren(...learned.map(([key, array]) => gradient(stage, key, array)), ...(learned.length ? [hint] : []));
  }

  /** d loss / d w as a map, next to w; pointing at it shows the products. */
  function gradient(stage, key, { shape, norm, values }) {
    const caption = element("figcaption", {}, `d${key} ${shapeText(shape)}, |d${key}| = ${number(norm)}`);
    const box = element("figure", { class: "learned", "data-grad": `${stage.name}.${key}` }, caption);
    if (!values) {
      box.append(element("p", { class: "hint" }, "too many values to show them all"));
      return box;
    }
    const behind = shape.length === 2 ? network.behind(stage.sources[0]) : null;
    const scroll = drawn(unpack(values), { behind });
    const canvas = scroll.firstChild;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `gradient of ${key} ${shapeText(shape)}; arrow keys move`);
    let at = null;
    const go = (index, spoken = false) => {
      if (!index) return;
      at = index;
      row.release();
      row.highlight(null);
      canvas.atlas.paint(canvas);
      const [channel, top, left] = canvas.atlas.place(index);
      canvas.atlas.mark(canvas, { channel, top, left, height: 1, width: 1 }, true);
      if (spoken) announce(`d${key} ${index.join(", ")}: ${number(canvas.atlas.value(index))}`);
      load(stage.name, key, index, null);
    };
    canvas.addEventListener("pointermove", (event) => go(canvas.atlas.at(event.offsetX, event.offsetY)));
    canvas.addEventListener("click", (event) => go(canvas.atlas.at(event.offsetX, event.offsetY)));
    canvas.addEventListener("focus", () => at ?? go(canvas.atlas.index(0, 0, 0), true));
    canvas.addEventListener("keydown", (event) => {
      const moves = {
        ArrowLeft: { right: -1 },
        ArrowRight: { right: 1 },
        ArrowUp: { down: -1 },
        ArrowDown: { down: 1 },
        PageUp: { tile: -1 },
        PageDown: { tile: 1 },
      };
      if (!(event.key in moves)) return;
      event.preventDefault();
      go(at ? canvas.atlas.moved(at, moves[event.key]) : canvas.atlas.index(0, 0, 0), true);
    });
    box.append(scroll);
    return box;
  }

  on("digit label weights tab", refresh);
  on("model", () => {
    stop();
    pointed = null;
    reached = 0;
  });
  on("tab", stop);
}

/** Where the value farthest from 0 is. */
function largestOf({ shape, data }) {
  const at = data.reduce((best, value, k) => (Math.abs(value) > Math.abs(data[best]) ? k : best), 0);
  return unravel(at, shape);
}
