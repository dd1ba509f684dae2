// A 28 x 28 image as a picture, and its edge.

import { theme } from "./colours.js";

/** 28 x 28 bytes, white on black. */
export function paintDigit(canvas, digit) {
  const image = new ImageData(28, 28);
  digit.forEach((level, k) => image.data.set([level, level, level, 255], 4 * k));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The digit's edge, where it crosses half of full ink, on squares of `cell` pixels. */
export function outline(context, digit, cell) {
  const at = (i, j) => (i < 0 || j < 0 || i > 27 || j > 27 ? 0 : digit[28 * i + j]) > 110;
  context.strokeStyle = theme().mark;
  context.lineWidth = cell > 6 ? 1.5 : 1;
  context.beginPath();
  for (let i = 0; i < 28; i++) {
    for (let j = 0; j < 28; j++) {
      if (!at(i, j)) continue;
      const [x, y] = [j * cell, i * cell];
      if (!at(i - 1, j)) (context.moveTo(x, y), context.lineTo(x + cell, y));
      if (!at(i + 1, j)) (context.moveTo(x, y + cell), context.lineTo(x + cell, y + cell));
      if (!at(i, j - 1)) (context.moveTo(x, y), context.lineTo(x, y + cell));
      if (!at(i, j + 1)) (context.moveTo(x + cell, y), context.lineTo(x + cell, y + cell));
    }
  }
  context.stroke();
}
