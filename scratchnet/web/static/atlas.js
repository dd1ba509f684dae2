// An array drawn as small tiles on one canvas: feature maps, kernels, weights of a dense layer. Every value keeps its index,
// so that whoever points at a pixel learns which number it is.

import { largest, signed, theme } from "./colours.js";

/** How an array is laid out: `count` tiles of `height` x `width`, and which tile and pixel each index has. */
function layoutOf(shape, behind, lying) {
  if (shape.length === 3) {
    const [count, height, width] = shape;
    return { count, height, width, index: (t, i, j) => [t, i, j], place: ([c, i, j]) => [c, i, j] };
  }
  if (shape.length === 4) {
    const [filters, channels, height, width] = shape;
    return {
      count: filters * channels,
      height,
      width,
      across: channels > 1 ? channels : null,
      index: (t, i, j) => [Math.floor(t / channels), t % channels, i, j],
      place: ([f, c, i, j]) => [f * channels + c, i, j],
    };
  }
  if (behind && shape.length === 1) {
    const [count, height, width] = behind;
    const flat = (t, i, j) => (t * height + i) * width + j;
    const place = ([k]) => [Math.floor(k / (height * width)), Math.floor(k / width) % height, k % width];
    return { count, height, width, index: (t, i, j) => [flat(t, i, j)], place };
  }
  if (behind && shape.length === 2) {
    // the weights of each unit as the maps that they look at, side by side
    const [count, h, w] = behind;
    const across = even(count);
    const [height, width] = [Math.ceil(count / across) * h, across * w];
    const map = (i, j) => Math.floor(i / h) * across + Math.floor(j / w);
    return {
      count: shape[1],
      height,
      width,
      index: (t, i, j) => (map(i, j) < count ? [(map(i, j) * h + (i % h)) * w + (j % w), t] : null),
      place: ([k, t]) => {
        const [c, i, j] = [Math.floor(k / (h * w)), Math.floor(k / w) % h, k % w];
        return [t, Math.floor(c / across) * h + i, (c % across) * w + j];
      },
    };
  }
  const size = shape[0];
  const tiles = shape.length === 2 ? shape[1] : 1;
  const width = behind ? behind[2] : lying ? size : size <= 32 ? 1 : Math.round(Math.sqrt(size));
  const height = Math.ceil(size / width);
  const tail = (t) => (shape.length === 2 ? [t] : []);
  return {
    count: tiles,
    height,
    width,
    size,
    index: (t, i, j) => (i * width + j < size ? [i * width + j, ...tail(t)] : null),
    place: (index) => [index[1] ?? 0, Math.floor(index[0] / width), index[0] % width],
  };
}

/** How many of `count` tiles to put side by side: as near to a square as rows of the same length allow. */
function even(count) {
  const root = Math.sqrt(count);
  for (let across = Math.ceil(root); across <= 2 * root; across++) if (count % across === 0) return across;
  return Math.ceil(root);
}

/**
 * @param array   {shape, data}
 * @param options tall, wide: pixels to stay under; most: largest size of one value in pixels; behind: the (C, H, W) that
 *                features were flattened from; lying: features side by side, not one below the other; grey: values are drawn from black (smallest) to white
 */
export class Atlas {
  constructor({ shape, data }, { tall = 470, wide = Infinity, most = 8, least = 2, behind = null, lying = false, grey = false } = {}) {
    Object.assign(this, layoutOf(shape, behind, lying), { shape, data, grey });
    this.top = largest(data);
    this.gap = this.count > 1 ? 3 : 0;
    this.fit(tall, most, least);
    if (this.pixelWidth > wide) this.narrow(wide);
  }

  /** Tiles as large as they can be in no more than `tall` pixels; as many columns as it takes, which depends on their number alone where it can. */
  fit(tall, most, least) {
    const wanted = this.height > 20 ? 2 : this.height > 10 ? 4 : 6;
    this.columns = this.across ?? even(this.count);
    const rows = () => Math.ceil(this.count / this.columns);
    const scale = () => Math.floor(((tall + this.gap) / rows() - this.gap) / this.height);
    while (!this.across && rows() > 1 && scale() < least) this.columns += 1;
    this.rows = rows();
    this.scale = Math.max(least, Math.min(most, this.count > 1 ? wanted : most, scale()));
  }

  /** Fewer columns; where these mean something, as the channels of kernels do, smaller tiles. */
  narrow(wide) {
    if (this.across) {
      this.gap = 1;
      this.scale = Math.max(1, Math.min(this.scale, Math.floor((wide / this.across - this.gap) / this.width)));
    } else {
      this.columns = Math.max(1, Math.floor((wide + this.gap) / (this.width * this.scale + this.gap)));
      this.rows = Math.ceil(this.count / this.columns);
    }
  }

  get pixelWidth() {
    return this.columns * (this.width * this.scale + this.gap) - this.gap;
  }

  get pixelHeight() {
    return this.rows * (this.height * this.scale + this.gap) - this.gap;
  }

  /** The left upper corner of a pixel, in canvas pixels. */
  corner(t, i, j) {
    const x = (t % this.columns) * (this.width * this.scale + this.gap) + j * this.scale;
    const y = Math.floor(t / this.columns) * (this.height * this.scale + this.gap) + i * this.scale;
    return [x, y];
  }

  /** The index at a place of the canvas, null in a gap. */
  at(x, y) {
    const cell = [this.width * this.scale + this.gap, this.height * this.scale + this.gap];
    const [column, row] = [Math.floor(x / cell[0]), Math.floor(y / cell[1])];
    const [j, i] = [Math.floor((x - column * cell[0]) / this.scale), Math.floor((y - row * cell[1]) / this.scale)];
    const t = row * this.columns + column;
    const inside = column >= 0 && column < this.columns && t >= 0 && t < this.count && i >= 0 && i < this.height;
    return inside && j >= 0 && j < this.width ? this.index(t, i, j) : null;
  }

  /** The neighbour of an index in a direction, or in the next tile; null at the edge. */
  moved(index, { down = 0, right = 0, tile = 0 }) {
    const [t, i, j] = this.place(index);
    const to = [t + tile, i + down, j + right];
    const inside = to[0] >= 0 && to[0] < this.count && to[1] >= 0 && to[1] < this.height && to[2] >= 0 && to[2] < this.width;
    return inside ? this.index(...to) : null;
  }

  value(index) {
    return this.data[index.reduce((flat, i, axis) => flat * this.shape[axis] + i, 0)];
  }

  paint(canvas) {
    const ratio = Math.max(1, Math.min(3, Math.round(globalThis.devicePixelRatio || 1)));
    canvas.width = this.pixelWidth * ratio;
    canvas.height = this.pixelHeight * ratio;
    canvas.style.width = `${this.pixelWidth}px`;
    canvas.style.height = `${this.pixelHeight}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = false;
    const image = new ImageData(this.width, this.height);
    const small = new OffscreenCanvas(this.width, this.height);
    for (let t = 0; t < this.count; t++) {
      for (let i = 0, at = 0; i < this.height; i++) {
        for (let j = 0; j < this.width; j++, at += 4) {
          const index = this.index(t, i, j);
          const rgb = index === null ? null : this.colour(this.value(index));
          for (let k = 0; k < 3; k++) image.data[at + k] = rgb ? rgb[k] : 0;
          image.data[at + 3] = rgb ? 255 : 0;
        }
      }
      small.getContext("2d").putImageData(image, 0, 0);
      const [x, y] = this.corner(t, 0, 0);
      context.drawImage(small, x, y, this.width * this.scale, this.height * this.scale);
      context.strokeStyle = theme().edge;
      context.lineWidth = 0.5;
      context.strokeRect(x, y, this.width * this.scale, this.height * this.scale);
    }
  }

  colour(value) {
    if (!this.grey) return signed(value, this.top);
    this.low ??= Math.min(...this.data);
    this.high ??= Math.max(...this.data);
    const level = Math.round((255 * (value - this.low)) / (this.high - this.low || 1));
    return [level, level, level];
  }

  /** A frame around a window {channel, top, left, height, width}, in one tile or (channel null) in all. */
  mark(canvas, window, strong = false) {
    const context = canvas.getContext("2d");
    const { mark, halo } = theme();
    const width = strong ? 2 : 1.5;
    for (const t of window.channel === null ? Array(this.count).keys() : [window.channel]) {
      const [x, y] = this.corner(t, window.top, window.left);
      const [w, h] = [Math.max(window.width * this.scale, 3), Math.max(window.height * this.scale, 3)];
      context.save();
      context.beginPath(); // padding lies outside of the map: the frame is cut off there
      const [x0, y0] = this.corner(t, 0, 0);
      context.rect(x0 - 2, y0 - 2, this.width * this.scale + 4, this.height * this.scale + 4);
      context.clip();
      for (const [colour, extra] of [
        [halo, 1.5],
        [mark, 0],
      ]) {
        context.strokeStyle = colour;
        context.lineWidth = width + extra;
        context.strokeRect(x, y, w, h);
      }
      context.restore();
    }
  }
}
