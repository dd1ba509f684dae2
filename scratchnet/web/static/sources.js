// Pictures that are not drawn: from a file, dropped, pasted, or from the camera.

const LARGEST = 6 * 2 ** 20; // larger files are made smaller before they are sent
const SIDE = 1024;
const FRAME = 256; // pixels a side of a camera's frame

export const UNCHANGED = "What you see is still what was there before.";

/**
 * @param take      called with each picture, a Blob, and what there is to show of it (an ImageBitmap, or null if the browser
 *                  can't read it; the server then says what is wrong)
 * @param takeFrame called with each camera frame, a Blob; the next is taken when its promise is fulfilled
 * @param say       called with a message for people
 */
export function sources({ take, takeFrame, say }) {
  const part = (id) => document.getElementById(id);
  const file = part("file");

  async function picture(blob) {
    if (!blob) return;
    if (blob.type && !blob.type.startsWith("image/")) {
      say(`Not a picture: ${blob.name ?? blob.type}. PNG, JPEG, WebP, GIF and BMP can be read. ${UNCHANGED}`);
      return;
    }
    stopCamera();
    let shown = null;
    try {
      shown = await createImageBitmap(blob);
    } catch {
      // the server says why
    }
    take(shown && blob.size > LARGEST ? await smaller(shown) : blob, shown);
  }

  part("upload").addEventListener("click", () => file.click());
  file.addEventListener("change", async () => {
    await picture(file.files[0]);
    file.value = "";
  });

  document.addEventListener("paste", (event) => {
    const found = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (found) picture(found);
  });
  document.addEventListener("dragover", (event) => {
    if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
    document.body.classList.add("dropping");
  });
  for (const end of ["dragleave", "drop"]) {
    document.addEventListener(end, () => document.body.classList.remove("dropping"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    picture(event.dataTransfer.files[0]);
  });

  // --- camera

  const video = part("video");
  let stream = null;
  let isLive = false;

  async function startCamera() {
    try {
      if (!navigator.mediaDevices) throw new Error("a camera needs this page at 127.0.0.1, or over https");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: 640, height: 640 } });
    } catch (error) {
      say(`No camera: ${error.message}.`);
      return;
    }
    video.srcObject = stream;
    await video.play();
    showCamera(true);
    say("Hold one digit, dark on white paper, into the picture.");
  }

  function stopCamera() {
    isLive = false;
    part("live").setAttribute("aria-pressed", "false");
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
    showCamera(false);
  }

  function showCamera(isOn) {
    for (const id of ["video", "shoot", "live"]) part(id).hidden = !isOn;
    part("camera").textContent = isOn ? "Stop camera" : "Camera";
  }

  part("camera").addEventListener("click", () => (stream ? stopCamera() : startCamera()));
  part("shoot").addEventListener("click", async () => picture(await frame(video)));
  part("live").addEventListener("click", async () => {
    isLive = !isLive;
    part("live").setAttribute("aria-pressed", String(isLive));
    while (isLive && stream) {
      await takeFrame(await frame(video));
      await new Promise(requestAnimationFrame);
    }
  });

  return { stopCamera };
}

/** The middle square of what the camera sees now, as a PNG. */
function frame(video) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  return drawn(FRAME, FRAME, (context) => context.drawImage(video, x, y, side, side, 0, 0, FRAME, FRAME));
}

function smaller(bitmap) {
  const scale = SIDE / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  return drawn(width, height, (context) => context.drawImage(bitmap, 0, 0, width, height));
}

function drawn(width, height, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  draw(canvas.getContext("2d"));
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
