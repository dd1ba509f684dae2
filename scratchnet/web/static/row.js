// The network as a row of stages, each with all its maps on one canvas; what is pointed at, and the lines to what made it.

import { Atlas } from "./atlas.js";
import { Bars } from "./bars.js";
import { theme } from "./colours.js";
import { announce, on } from "./state.js";
import { element, number, shapeText } from "./dom.js";
import { outline } from "./digit.js";

const THIN = new Set(["Flatten", "Dropout"]); // what they give is what they got
const SVG = "http://www.w3.org/2000/svg";

export class Row {
  /**
   * @param label  what a screen reader calls the row
   * @param word   what the values are ("out", "gradient")
   * @param point  called with (name, index) when a person points at a value
   * @param select called with (name) when a person chooses a stage
   * @param thin   kinds of layers that are drawn as a line, without maps
   * @param origin name -> where the values of a column come from, or "" if that goes without saying
   */
  constructor(place, { label, word, point, select, thin = THIN, origin = () => "" }) {
    Object.assign(this, { word, point, select, thin, origin });
    this.columns = new Map(); // by stage: {box, canvas, atlas, cursor}
    this.content = element("div", { class: "row-content" });
    this.lines = document.createElementNS(SVG, "svg");
    this.lines.setAttribute("aria-hidden", "true");
    this.lines.classList.add("lines");
    this.place = element("div", { class: "row", role: "group", "aria-label": label }, this.content);
    this.held = element(
      "p",
      { class: "held", hidden: true },
      "Held. Click anywhere else, or press Escape, to let go.",
    ); // where nothing hovers, nothing need be held, and the page does not say so
    this.overview = element("div", { class: "overview", role: "group", "aria-label": `${label}: go to` });
    this.frame = element("div", { class: "row-frame" }, this.place);
    place.append(this.overview, this.frame, this.held);
    const edges = () => this.showEdges();
    this.place.addEventListener("scroll", edges, { passive: true });
    new ResizeObserver(edges).observe(this.place);
    document.addEventListener("click", (event) => {
      if (this.pinned && !event.target.closest(".row canvas, .numbers button")) this.release();
    });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.release());
    this.learned = null; // what the key w does: go to the gradients of the weights
    this.pinned = false;
    this.marks = null;
    this.marked = new Set(); // stages with a frame on them
    on("theme", () => this.repaint());
  }

  /**
   * @param network a Network
   * @param arrayOf name -> {shape, data}, or null where there is nothing to show yet: the forward values stay, faintly
   * @param last    what the last column shows: an element
   */
  show(network, arrayOf, last) {
    this.network = network;
    const signature = JSON.stringify(network.stages.map(({ name, layer, out_shape }) => [name, layer, out_shape]));
    if (signature !== this.signature) {
      this.signature = signature;
      this.build(network, last);
    }
    const ink = network.input.data; // the image again as bytes, for its outline
    const [low, high] = [Math.min(...ink), Math.max(...ink)];
    this.ink = ink.map((value) => (255 * (value - low)) / (high - low || 1));
    for (const [name, column] of this.columns) {
      if (!column.canvas) continue;
      const ready = arrayOf(name);
      const array = ready ?? network.out(name);
      column.waiting = ready === null;
      column.box.classList.toggle("waiting", column.waiting);
      const small = array.data.length <= 20;
      column.atlas = new Atlas(array, {
        tall: tallest(),
        most: name === "input" ? 5 : small ? 26 : 7,
        grey: name === "input" && this.word === "value",
        behind: array.shape.length === 1 && !small ? network.behind(name) : null,
      });
      const { grey, top } = column.atlas;
      const comma = this.word === "gradient" ? ", " : "";
      column.scale.textContent = grey || column.waiting ? "" : `${comma}± ${number(top, 2)}`;
    }
    this.repaint();
    this.showEdges();
  }

  /** The row goes on where a shadow lies, and the overview shows which stages are in view. */
  showEdges() {
    const { scrollLeft, scrollWidth, clientWidth } = this.place;
    this.frame.classList.toggle("more-left", scrollLeft > 4);
    this.frame.classList.toggle("more-right", scrollLeft + clientWidth < scrollWidth - 4);
    for (const [name, { box }] of this.columns) {
      const middle = box.offsetLeft + box.offsetWidth / 2;
      const isSeen = middle > scrollLeft && middle < scrollLeft + clientWidth;
      this.links.get(name)?.classList.toggle("in-view", isSeen);
    }
  }

  release() {
    this.pinned = false;
    this.held.hidden = true;
  }

  build(network, last) {
    this.columns.clear();
    this.marked.clear();
    this.pinned = false;
    this.marks = null;
    for (const side of ["width", "height"]) this.lines.removeAttribute(side); // of another network's row
    this.content.replaceChildren(this.lines);
    this.place.scrollLeft = 0;
    this.last = last;
    this.column("input", "Input", network.input.shape);
    for (const stage of network.stages) this.column(stage.name, stage.kind, stage.out_shape, stage);
    if (last) this.content.append(last);
    this.links = new Map();
    for (const [name, { title }] of this.columns) {
      this.links.set(name, element("button", { type: "button", onclick: () => this.reveal(name) }, title));
    }
    this.overview.replaceChildren(...this.links.values());
    this.end = element("button", { type: "button", onclick: () => this.reveal(null) }, this.word === "gradient" ? "loss" : "softmax");
    if (last) this.overview.append(this.end);
  }

  column(name, title, shape, stage = null) {
    const box = element("section", { class: "stage", "data-stage": name });
    const id = stage ? `${name} ${stage.layer}` : "the image, normalised";
    const heading = element(
      "button",
      { type: "button", class: "stage-name", title: id, onclick: () => this.select(name) },
      title,
    );
    const origin = this.origin(name);
    const isGradient = this.word === "gradient";
    const of = isGradient ? (stage ? "dout " : "dx ") : "";
    const shapes = element("span", { class: "shape" }, `${of}${shapeText(shape)}`);
    if (isGradient) shapes.title = "The gradient of the loss with respect to what comes out here";
    if (origin) shapes.append(element("br"), origin);
    if (stage && this.thin.has(stage.kind)) {
      box.classList.add("thin");
      box.append(heading, shapes);
      this.columns.set(name, { box, title });
    } else {
      const canvas = element("canvas", {
        tabindex: "0",
        role: "application",
        "aria-roledescription": "feature maps",
        "aria-label": `${title} ${name}, ${this.word}s ${shapeText(shape)}. Arrow keys move the pixel, page up and down the map.`,
      });
      const column = { box, title, canvas, atlas: null, cursor: null };
      canvas.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.hover(name, event));
      canvas.addEventListener("click", (event) => this.click(name, event));
      canvas.addEventListener("keydown", (event) => this.key(name, event));
      column.scale = element("span", { class: "scale", title: "the strongest colour stands for this" });
      shapes.append(isGradient ? "" : element("br"), column.scale);
      box.append(heading, shapes, canvas);
      this.columns.set(name, column);
    }
    this.content.append(box);
  }

  hover(name, event) {
    if (this.pinned) return;
    const index = this.columns.get(name).atlas?.at(event.offsetX, event.offsetY);
    if (index) this.go(name, index);
  }

  click(name, event) {
    const { atlas, canvas } = this.columns.get(name);
    const index = atlas?.at(event.offsetX, event.offsetY);
    if (!index || this.columns.get(name).waiting) {
      this.release();
      return;
    }
    canvas.focus({ preventScroll: true });
    const isSame = this.marks?.name === name && String(this.marks.index) === String(index);
    this.pinned = !(this.pinned && isSame);
    this.go(name, index);
  }

  key(name, event) {
    const column = this.columns.get(name);
    if (!column.atlas) return;
    const moves = {
      ArrowLeft: { right: -1 },
      ArrowRight: { right: 1 },
      ArrowUp: { down: -1 },
      ArrowDown: { down: 1 },
      PageUp: { tile: -1 },
      PageDown: { tile: 1 },
    };
    if (event.key === "Escape") {
      this.release();
    } else if (event.key === "w" && this.learned) {
      this.learned();
    } else if (event.key in moves || event.key === "Enter") {
      const start = column.cursor ?? column.atlas.index(0, column.atlas.height >> 1, column.atlas.width >> 1);
      const index = column.cursor && event.key !== "Enter" ? column.atlas.moved(start, moves[event.key]) : start;
      this.pinned = true;
      if (index) this.go(name, index, true);
    } else {
      return;
    }
    event.preventDefault();
  }

  go(name, index, spoken = false) {
    const column = this.columns.get(name);
    if (column.waiting) return;
    column.cursor = index;
    if (spoken) announce(`${name} ${index.join(", ")}: ${this.word} ${number(column.atlas.value(index))}`);
    this.point(name, index);
  }

  /** @param marks {name, index, windows: [{name, window}], field: window in the image or null}; window null: all of it */
  highlight(marks) {
    this.marks = marks;
    this.repaint([...this.marked]);
  }

  /** Show which stage is being looked at; null for what comes after the last one. */
  current(name) {
    this.last?.classList.toggle("current", name === null);
    this.end.classList.toggle("current", name === null);
    for (const [other, { box }] of this.columns) {
      box.classList.toggle("current", other === name);
      this.links.get(other).classList.toggle("current", other === name);
    }
  }

  /** Show which stage the last step led to; null for none. */
  arrived(name) {
    for (const [other, { box }] of this.columns) box.classList.toggle("arrived", other === name);
  }

  /** Scroll so that a stage can be seen; the end of the row for null. */
  reveal(name, calmly = false) {
    const { box } = this.columns.get(name) ?? {};
    const left = box ? box.offsetLeft - (this.place.clientWidth - box.offsetWidth) / 2 : this.content.scrollWidth;
    const calm = calmly || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.place.scrollTo({ left, behavior: calm ? "auto" : "smooth" });
  }

  /** @param names the stages to draw anew; those with frames must be among them */
  repaint(names = [...this.columns.keys()]) {
    this.held.hidden = !this.pinned;
    for (const name of names) {
      const { canvas, atlas } = this.columns.get(name);
      if (!atlas) continue;
      atlas.paint(canvas);
      if (name === "input" && !atlas.grey) outline(canvas.getContext("2d"), this.ink, atlas.scale);
    }
    this.marked.clear();
    this.lines.replaceChildren();
    if (!this.marks) return;
    const { name, index, windows, field } = this.marks;
    const target = this.columns.get(name);
    if (!target?.atlas) return;
    if (field) {
      const { canvas, atlas } = this.columns.get("input");
      if (atlas) atlas.mark(canvas, field);
      this.marked.add("input");
    }
    const [t, i, j] = target.atlas.place(index);
    for (const { name: from, window } of windows) {
      const shown = this.shown(from);
      const source = this.columns.get(shown);
      if (!source?.atlas || source === target) continue;
      if (window) {
        source.atlas.mark(source.canvas, window);
        this.marked.add(shown);
      }
      const { height, width } = source.atlas;
      this.connect(source, window ?? { channel: null, top: 0, left: 0, height, width }, target, [t, i, j]);
    }
    this.marked.add(name);
    target.atlas.mark(target.canvas, { channel: t, top: i, left: j, height: 1, width: 1 }, true);
  }

  /** The stage whose maps are those that a stage hands on, where it has none of its own on the page. */
  shown(name) {
    const column = this.columns.get(name);
    return !column || column.canvas ? name : this.shown(this.network.byName.get(name).sources[0]);
  }

  connect(source, window, target, [t, i, j]) {
    this.lines.setAttribute("width", this.content.scrollWidth);
    this.lines.setAttribute("height", this.content.scrollHeight);
    const [x, y] = target.atlas.corner(t, i, j);
    const isLeft = source.box.offsetLeft < target.box.offsetLeft;
    const end = [
      target.canvas.offsetLeft + x + (isLeft ? 0 : target.atlas.scale),
      target.canvas.offsetTop + y + target.atlas.scale / 2,
    ];
    const tiles = window.channel === null ? [...Array(source.atlas.count).keys()] : [window.channel];
    for (const tile of tiles) {
      const [left, top] = source.atlas.corner(tile, window.top, window.left);
      const side = isLeft ? window.width * source.atlas.scale : 0;
      const start = [
        source.canvas.offsetLeft + left + side,
        source.canvas.offsetTop + top + (window.height * source.atlas.scale) / 2,
      ];
      const bend = (start[0] + end[0]) / 2;
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("d", `M${start} C${bend},${start[1]} ${bend},${end[1]} ${end}`);
      line.setAttribute("stroke", theme().line);
      this.lines.append(line);
    }
  }
}

/** Pixels of height for the maps: low enough that the numbers below them are seen at the same time. */
const tallest = () => Math.max(177, Math.min(470, Math.round(0.23 * innerHeight)));

/** The last column of the forward row: the probabilities. `choose` is called with the one pointed at, null for the largest. */
export function probabilityColumn(choose) {
  const heading = element("button", { type: "button", class: "stage-name", onclick: () => choose(null) }, "softmax");
  const place = element("div", { class: "pointable" });
  const bars = new Bars(place);
  bars.rows.forEach(({ row }, k) => row.addEventListener("click", () => choose(k)));
  const box = element("section", { class: "stage last" }, heading, element("span", { class: "shape" }, "probabilities"), place);
  return { box, bars };
}
