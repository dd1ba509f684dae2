// The drawing area: strokes by mouse, pen, finger or keyboard; undo, clear; and the picture of them that is sent.

import { strokesOf } from "./examples.js";

const SENT = 96; // pixels a side of the picture that is sent: enough for 28 x 28, and quickly prepared
const MOST_KEPT = 100; // steps of Undo
const STEP = 0.025; // how far an arrow key moves the pen, of the area's side

/**
 * Strokes are {points: [[x, y], ...], width}, all in parts of the area's side.
 * `changed` is called after every change, `started` when a person begins to draw,
 * `replaced` when what was there makes way for another drawing.
 */
export class Pad {
  constructor(canvas, { changed, started, replaced = () => {} }) {
    this.canvas = canvas;
    this.changed = changed;
    this.started = started;
    this.replaced = replaced;
    this.strokes = [];
    this.width = 0.08;
    this.isExample = false;
    this.cursor = null; // of the keyboard
    this.penIsDown = false;
    this.backdrop = null; // a picture that was uploaded,
    this.file = null; // and its file
    this.past = []; // what was there before each stroke, picture, example, and Clear
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.follow(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.pointer = null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.lift());
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.keep();
    this.fresh();
    this.pointer = event.pointerId;
    this.strokes.push({ points: [this.place(event)], width: this.width });
    this.show();
    this.changed();
  }

  follow(event) {
    if (event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    const { points } = this.strokes.at(-1);
    for (const each of between.length ? between : [event]) points.push(this.place(each));
    this.show();
    this.changed();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** A person draws: the example, or the picture that was there, goes. */
  fresh() {
    if (this.isExample || this.backdrop) {
      this.strokes = [];
      this.isExample = false;
      this.backdrop = this.file = null;
      this.replaced();
    }
    this.started();
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const [x, y] = this.cursor ?? [0.5, 0.5];
      this.cursor = [Math.min(1, Math.max(0, x + dx * STEP)), Math.min(1, Math.max(0, y + dy * STEP))];
      if (this.penIsDown) {
        this.strokes.at(-1).points.push(this.cursor);
        this.changed();
      }
    } else if (event.key === " ") {
      this.penIsDown = !this.penIsDown;
      this.cursor ??= [0.5, 0.5];
      if (this.penIsDown) {
        this.keep();
        this.fresh();
        this.strokes.push({ points: [this.cursor], width: this.width });
        this.changed();
      }
    } else if (event.key === "Backspace") {
      this.undo();
    } else if (event.key === "Delete") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.show();
  }

  lift() {
    this.penIsDown = false;
    this.cursor = null;
    this.show();
  }

  /** Remember what is there, for Undo. */
  keep() {
    const { strokes, isExample, exampleShown, backdrop, file } = this;
    this.past.push({ strokes: [...strokes], isExample, exampleShown, backdrop, file });
    if (this.past.length > MOST_KEPT) this.past.shift();
  }

  keepAnything() {
    if (!this.isEmpty || this.backdrop) this.keep();
  }

  /** Back to what was there before the last stroke, picture, example, or Clear. */
  undo() {
    const was = this.past.pop();
    if (!was) return;
    this.penIsDown = false;
    const isOneStroke = !this.backdrop && !was.backdrop && !was.isExample && was.strokes.length === this.strokes.length - 1;
    Object.assign(this, was);
    if (!isOneStroke) this.replaced();
    this.show();
    this.changed();
  }

  clear() {
    this.keepAnything();
    this.penIsDown = false;
    this.backdrop = this.file = null;
    this.strokes = [];
    this.isExample = false;
    this.replaced();
    this.show();
    this.changed();
  }

  /** One of the written examples. */
  example(digit) {
    this.keepAnything();
    this.penIsDown = false;
    this.backdrop = this.file = null;
    this.strokes = exampleStrokes(digit);
    this.exampleShown = digit;
    this.isExample = true;
    this.replaced();
    this.show();
    this.changed();
  }

  /** Show a picture that somebody sent instead of strokes. */
  showPicture(picture, file) {
    this.keepAnything();
    this.strokes = [];
    this.isExample = false;
    this.backdrop = picture;
    this.file = file;
    this.replaced();
    this.show();
  }

  show() {
    const style = getComputedStyle(this.canvas);
    const side = this.canvas.width;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    if (this.backdrop) {
      const { width, height } = this.backdrop;
      const scale = Math.min(side / width, side / height);
      context.drawImage(
        this.backdrop,
        (side - width * scale) / 2,
        (side - height * scale) / 2,
        width * scale,
        height * scale,
      );
    }
    trace(context, side, style.color, this.strokes);
    if (this.cursor) {
      const [x, y] = this.cursor.map((part) => part * side);
      context.lineWidth = 3;
      context.strokeStyle = this.penIsDown ? style.getPropertyValue("--positive") : style.getPropertyValue("--accent");
      context.beginPath();
      context.arc(x, y, (this.width * side) / 2 + 4, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** The drawing as a small PNG, black on white. */
  picture() {
    return pictureOf(this.strokes);
  }
}

/** One of the written examples. */
export const exampleStrokes = (digit) => strokesOf(digit).map((points) => ({ points, width: 0.08 }));

/** Strokes as a small PNG, black on white. */
export function pictureOf(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SENT;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SENT, SENT);
  trace(context, SENT, "#000", strokes);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function trace(context, side, colour, strokes) {
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = context.fillStyle = colour;
  for (const { points, width } of strokes) {
    context.lineWidth = width * side;
    context.beginPath();
    const [first, ...others] = points.map(([x, y]) => [x * side, y * side]);
    context.moveTo(...first);
    if (others.length === 0) others.push(first.map((part) => part + 0.01)); // a dot
    for (let k = 0; k < others.length - 1; k++) {
      const middle = [0, 1].map((axis) => (others[k][axis] + others[k + 1][axis]) / 2);
      context.quadraticCurveTo(...others[k], ...middle);
    }
    context.lineTo(...others.at(-1));
    context.stroke();
  }
}
