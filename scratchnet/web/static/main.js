// The page: drawing, preview and answer on the left, the views on the right.

import { EXAMPLES } from "./examples.js";
import { bytes, getModels, newest, postPicture } from "./api.js";
import {
  alertAbout,
  announce,
  ask,
  emit,
  forgetLab,
  forgetLabel,
  keepLab,
  on,
  prediction,
  remembered,
  state,
  stepsOf,
  told,
} from "./state.js";
import { backwardView } from "./backward.js";
import { Bars } from "./bars.js";
import { element, percent, sentence } from "./dom.js";
import { forwardView } from "./forward.js";
import { modelsView } from "./models.js";
import { Pad } from "./pad.js";
import { sources, UNCHANGED } from "./sources.js";
import { paintDigit } from "./digit.js";
import { whyView } from "./why.js";

const part = (id) => document.getElementById(id);
const FIRST_EXAMPLE = 3;
const EXAMPLE_SAYS = ["An example. Draw your own.", "An example: a one or a seven? Draw your own."];

// --- dark and light

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  part("theme").textContent = name === "dark" ? "Light" : "Dark";
  emit("theme");
}
const wantsDark = matchMedia("(prefers-color-scheme: dark)");
setTheme(wantsDark.matches ? "dark" : "light");
wantsDark.addEventListener("change", () => setTheme(wantsDark.matches ? "dark" : "light"));
part("theme").addEventListener("click", () => {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  pad.show();
  emit("digit");
});

// --- drawing -> digit and probabilities

const bars = new Bars(part("bars"));
const say = (text) => (part("message").textContent = sentence(text));
const asked = () => [...new Set([state.model, ...state.compared])].filter(Boolean);

const pad = new Pad(part("pad"), {
  changed: () => sendDrawing(),
  started: () => camera.stopCamera(),
  replaced: forgetLabel,
});

const sendDrawing = newest(async () => {
  if (pad.backdrop) {
    await send(pad.file, "");
    return;
  }
  if (pad.isEmpty) {
    sent += 1;
    forgetLabel();
    noDigit("Draw a digit from 0 to 9.");
    return;
  }
  await send(await pad.picture(), pad.isExample ? EXAMPLE_SAYS[pad.exampleShown >= 10 ? 1 : 0] : "");
});

let sent = 0; // pictures and drawings are sent by turns: an answer that was overtaken is of no interest

/** @param isShown whether the pad shows it; if not (a file that is no picture), the answer is still that of what is shown */
async function send(blob, text, isShown = true) {
  const turn = ++sent;
  try {
    const answer = await postPicture(blob, asked(), state.lab);
    if (turn !== sent) return;
    if (answer.problem) {
      if (isShown) noDigit(advice(answer.problem));
      else say(`${answer.problem}. ${UNCHANGED}`);
      return;
    }
    say(text);
    state.digit = answer.digit;
    told(answer.predictions);
    emit("digit");
  } catch (error) {
    if (turn !== sent) return;
    if (error.code === "lab-forgotten") {
      forgetLab(error);
      await send(blob, text, isShown);
    } else if (isShown) {
      noDigit(error.message);
    } else {
      say(`${error.message}. ${UNCHANGED}`);
    }
  }
}

/** What to do about a picture in which there is no digit. */
function advice(problem) {
  if (pad.isEmpty) return `${problem}.`;
  return problem.includes("more than one digit") ? `${problem}: Undo or Clear.` : `Go on drawing: ${problem}.`;
}

/** There is nothing to look at, and what was there before is not shown as if it belonged to this. */
function noDigit(text) {
  state.digit = null;
  state.predictions = [];
  say(text);
  emit("digit");
}

/** The same digit, seen by another network or by other weights. */
const predictAgain = newest(async () => {
  if (!state.digit) return;
  try {
    const answer = await ask("predict", { models: asked() });
    told(answer.predictions);
    emit("predictions");
  } catch (error) {
    alertAbout(error);
  }
});

const camera = sources({
  say,
  take: (blob, shown) => {
    if (shown) pad.showPicture(shown, blob);
    send(blob, "", shown !== null);
  },
  takeFrame: (blob) => send(blob, ""),
});

function showAnswer() {
  const found = prediction();
  bars.show(found?.probabilities ?? null, { label: state.label });
  part("framed").hidden = !found || state.label === null;
  part("answer").textContent = found ? String(found.digit) : "–";
  part("sure").textContent = found ? percent(found.probabilities[found.digit]) : "";
  tell(found);
  const context = part("preview").getContext("2d");
  if (state.digit) paintDigit(part("preview"), bytes(state.digit));
  else context.clearRect(0, 0, 28, 28);
}

let toldOf = ""; // the answer that was last told to those who listen

function tell(found) {
  const answer = found ? `The network says ${found.digit}, ${percent(found.probabilities[found.digit]).replace(">", "more than")}.` : "";
  if (answer && answer !== toldOf) announce(answer);
  toldOf = answer;
}

/** The part of the image that is looked at, framed in the small picture. */
on("field", (field) => {
  const frame = part("field");
  frame.hidden = !field;
  if (!field) return;
  const [top, left, height, width] = field.map((pixels) => `${(100 * pixels) / 28}%`);
  Object.assign(frame.style, { top, left, height, width });
});

/** Without a drawing there is nothing to look at, and the page says so. */
function showNothing() {
  for (const panel of document.querySelectorAll(".panel")) panel.inert = !state.digit && panel.id !== "models";
  part("nothing").hidden = state.digit !== null || !part("models").hidden;
  if (!state.digit) emit("field", null);
}
on("digit", showNothing);
on("tab", (name) => {
  if (name !== "forward") emit("field", null);
  showNothing();
});
on("digit predictions label", showAnswer);
on("weights compare", predictAgain);

part("undo").addEventListener("click", () => pad.undo());
part("clear").addEventListener("click", () => pad.clear());
let nextExample = FIRST_EXAMPLE;
part("example").addEventListener("click", () => {
  camera.stopCamera();
  nextExample = (nextExample + 1) % EXAMPLES;
  pad.example(nextExample);
});
part("pen").addEventListener("input", (event) => (pad.width = Number(event.target.value) / 100));

// --- networks

part("model").addEventListener("change", (event) => {
  state.model = event.target.value;
  emit("model");
  predictAgain().then(() => emit("digit"));
});

on("lab", () => {
  const steps = stepsOf();
  part("changed").hidden = steps === 0;
  part("changed").textContent = `your weights: ${steps} step${steps === 1 ? "" : "s"} of SGD`;
  for (const option of part("model").options) option.textContent = titleOf(state.models.find(({ id }) => id === option.value));
});

/** A network's kind, how good it is, its name; one that was changed here is not the one that was measured. */
function titleOf(model) {
  const isRun = model.name.startsWith("runs/");
  const kind = isRun ? model.name.slice(5).replace(/^\d{8}-\d{6}-/, "") : model.name;
  const accuracy = model.accuracy ? percent(model.accuracy) : "";
  const changed = stepsOf(model.id) > 0;
  const measured = accuracy && changed ? ` (was ${accuracy})` : accuracy && ` – ${accuracy}`;
  return `${kind}${changed ? ", changed by you" : ""}${measured}${isRun ? ` – ${model.name}` : ""}`;
}

async function loadModels() {
  const answer = await getModels();
  Object.assign(state, { models: answer.models, methods: answer.methods, labAllowed: answer.lab, limits: answer.limits });
  const usable = answer.models.filter((model) => !model.problem);
  state.model ??= (usable.find((model) => model.id === answer.default) ?? usable[0])?.id ?? null;
  if (state.compared.length === 0) state.compared = usable.slice(0, 3).map((model) => model.id);
  part("model").replaceChildren(
    ...answer.models.map((model) => {
      return element(
        "option",
        { value: model.id, disabled: Boolean(model.problem), selected: model.id === state.model },
        titleOf(model),
      );
    }),
  );
  emit("models");
}
on("tab", (name) => {
  if (name === "models") loadModels().then(predictAgain).catch(alertAbout); // one may have been trained meanwhile
});

// --- views

const tabs = [...document.querySelectorAll("[role=tab]")];
function openTab(tab, focus = false) {
  for (const each of tabs) {
    const isOpen = each === tab;
    each.setAttribute("aria-selected", String(isOpen));
    each.tabIndex = isOpen ? 0 : -1;
    part(each.getAttribute("aria-controls")).hidden = !isOpen;
  }
  if (focus) tab.focus();
  history.replaceState(null, "", `#view-${tab.getAttribute("aria-controls")}`);
  emit("tab", tab.getAttribute("aria-controls"));
}
tabs.forEach((tab, k) => {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (move) openTab(tabs[(k + move + tabs.length) % tabs.length], true);
  });
});

// On a narrow screen the views lie below the drawing: a button says so while they are out of sight.
part("more").addEventListener("click", () => document.querySelector(".tabs").scrollIntoView({ block: "start" }));
new IntersectionObserver(([{ isIntersecting, boundingClientRect }]) => {
  part("more").hidden = isIntersecting || boundingClientRect.top < 0;
}).observe(document.querySelector(".tabs"));

forwardView(part("forward"));
backwardView(part("backward"));
whyView(part("why"));
modelsView(part("models"));

try {
  keepLab(remembered());
  await loadModels();
  const wanted = tabs.find((tab) => location.hash === `#view-${tab.getAttribute("aria-controls")}`);
  if (wanted) openTab(wanted);
  pad.example(FIRST_EXAMPLE);
  announce("Ready. An example is drawn.");
} catch (error) {
  alertAbout(error);
}
