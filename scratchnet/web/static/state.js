// What the views share: the drawing, the network, the label, the lab. Whoever changes it says so with `emit`.

import { ApiError, post } from "./api.js";

export const state = {
  models: [], // as /api/models lists them
  model: null, // the chosen one's id
  compared: [], // ids shown side by side
  methods: [],
  digit: null, // base64 of 28 x 28 bytes
  predictions: [], // of the chosen network and of those compared
  label: null, // what the drawing is meant to be, if anybody said so; null: gradients are about the runner-up
  explained: null, // the digit that Why is about; null: what the network says
  labAllowed: false,
  lab: null, // this visitor's name for weights that were changed
  steps: new Map(), // how many steps of SGD it has taken with each network
};

const listeners = new Map();

/** Call `listener` at each of the events: "models" (the list), "model" (the chosen one),
 * "digit", "predictions", "label", "weights", "lab", "compare", "tab", "theme",
 * "field" (the part of the image that what is pointed at sees: [top, left, height, width]; null for all of it, or nothing). */
export function on(events, listener) {
  for (const event of events.split(" ")) listeners.set(event, [...(listeners.get(event) ?? []), listener]);
}

export function emit(event, ...args) {
  for (const listener of listeners.get(event) ?? []) listener(...args);
}

/** Ask about the chosen network, as this visitor's lab has it. A forgotten lab is given up, and said. */
export async function ask(path, values = {}) {
  try {
    return await post(path, { digit: state.digit, model: state.model, lab: state.lab, ...values });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "lab-forgotten") throw error;
    forgetLab(error);
    return post(path, { digit: state.digit, model: state.model, ...values, lab: null });
  }
}

/** How many steps of SGD a network has taken, here. */
export const stepsOf = (model = state.model) => state.steps.get(model) ?? 0;

/** The weights that were changed are gone; `error` says why. */
export function forgetLab(error) {
  keepLab(null);
  state.steps.clear();
  alertAbout(error);
  emit("lab");
}

const LAB = "scratchnet-lab"; // the lab outlives a reload of the page, in this window alone

export function keepLab(name) {
  state.lab = name;
  try {
    if (name) sessionStorage.setItem(LAB, name);
    else sessionStorage.removeItem(LAB);
  } catch {
    // storage is off: a reload begins with the weights as trained
  }
}

export function remembered() {
  try {
    return sessionStorage.getItem(LAB);
  } catch {
    return null;
  }
}

/** Take an answer's predictions over, with what they say of the lab. */
export function told(predictions) {
  state.predictions = predictions;
  for (const { model, steps } of predictions) state.steps.set(model, steps);
  emit("lab");
}

/** Another drawing: nobody has said yet what it is meant to be. */
export function forgetLabel() {
  state.label = state.explained = null;
}

/** The chosen network's prediction, or null. */
export function prediction() {
  return state.predictions.find((each) => each.model === state.model) ?? null;
}

/** The label that gradients are about: the one chosen, or the network's second guess, which has more to teach. */
export function chosenLabel() {
  if (state.label !== null) return state.label;
  const probs = prediction()?.probabilities ?? [1, 0];
  return probs.indexOf([...probs].sort((a, b) => b - a)[1]);
}

/** Say what went wrong, at the top of the page; null takes it away. */
export function alertAbout(error) {
  const place = document.getElementById("alert");
  place.hidden = !error;
  place.textContent = error ? error.message : "";
}

/** Tell those who listen instead of looking. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
