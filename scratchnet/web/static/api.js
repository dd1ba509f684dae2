// The JSON interface: requests, errors, arrays. What is asked and answered stands in scratchnet/web/__init__.py.

/** An answer other than 200; `code` for programs, `message` for people. */
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** POST a JSON object, get one. */
export function post(path, values) {
  return ask(`/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values),
  });
}

/** POST a picture file. */
export function postPicture(blob, models, lab) {
  const query = new URLSearchParams({ models: models.join(",") });
  if (lab) query.set("lab", lab);
  return ask(`/api/digit?${query}`, {
    method: "POST",
    headers: { "Content-Type": blob.type || "application/octet-stream" },
    body: blob,
  });
}

export const getModels = () => ask("/api/models");

let pending = 0;

const ask = (path, options) => waiting(() => answerTo(path, options));

/** `work`, during which the page says that it waits: <body data-busy="true">. */
async function waiting(work) {
  pending += 1;
  document.body.dataset.busy = "true";
  try {
    return await work();
  } finally {
    // an answer often leads to the next question: look again when that had its chance
    setTimeout(() => {
      pending -= 1;
      document.body.dataset.busy = String(pending > 0);
    }, 30);
  }
}

async function answerTo(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError("no-server", "The server does not answer. Is scratchnet draw still running?");
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new ApiError("no-json", `The server answered with status ${response.status}.`);
  }
  if (!response.ok) throw new ApiError(answer.error.code, answer.error.message);
  return answer;
}

/** {shape, data} as the interface packs it -> {shape, data: Float32Array}. */
export function unpack(packed) {
  return { shape: packed.shape, data: new Float32Array(bytes(packed.data).buffer) };
}

/** base64 -> Uint8Array. */
export function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/**
 * `run` made to run once at a time: calls that come while it is busy are answered by one more run, with the last arguments.
 * So a page that draws sixty times a second asks as often as the server can answer, and always ends with the newest state.
 */
export function newest(run) {
  let busy = false;
  let next = null;
  return async function call(...args) {
    next = args;
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const current = next;
        next = null;
        await waiting(() => run(...current));
      }
    } finally {
      busy = false;
    }
  };
}
