// What a network says to the ten built-in examples: whether it still knows them after it was taught something else.

import { post, postPicture } from "./api.js";
import { exampleStrokes, pictureOf } from "./pad.js";

let digits = null; // made once

/** The ten 28 x 28 images, in base64. */
export async function examples() {
  const drawings = [...Array(10).keys()].map((k) => pictureOf(exampleStrokes(k)));
  digits ??= await Promise.all(drawings.map(async (drawing) => (await postPicture(await drawing, [], null)).digit));
  return digits;
}

/** The ten answers of a network, as trained (lab null) or as a lab has it. */
export async function answersToExamples(model, lab) {
  const asked = (await examples()).map((digit) => post("predict", { digit, models: [model], lab }));
  return (await Promise.all(asked)).map(({ predictions }) => predictions[0].digit);
}
