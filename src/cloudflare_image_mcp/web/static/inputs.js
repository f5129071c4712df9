// The images of an edit or a variation: the first one is changed, with a mask painted over it; the others are references.
import { button, byId, element, keepFocus } from "./dom.js";
import { MaskEditor } from "./mask.js";

let images = [];
let editor = null;
let most = 1;
let masked = false;
let changed = () => {};

// {blob, url, bitmap} of each image, in order.
export const inputImages = () => images;

// The mask as a PNG; null where nothing was painted or the model takes none.
export const maskFile = async () => (masked && editor ? editor.file() : null);

// Reads image files; throws an Error that names the one that this browser cannot read.
export function readImages(blobs) {
  return Promise.all([...blobs].map(async (blob) => {
    const bitmap = await createImageBitmap(blob).catch(() => {
      throw new Error(`${blob.name ?? "This file"} is not an image that this browser can read.`);
    });
    return { blob, bitmap, url: URL.createObjectURL(blob) };
  }));
}

// Adds images that were read; in place of the one that is there, where the model takes one.
export function addInputs(read) {
  const room = images.length < most ? images : [];
  setInputs([...room, ...read]);
}

export function setInputs(next) {
  const first = images[0];
  images = next.slice(0, most);
  if (images[0] !== first) editor = images.length ? new MaskEditor(images[0].bitmap) : null;
  show();
  changed();
}

// Fits the images to what a model takes in a task.
export function showInputs(model, task) {
  most = model?.max_input_images ?? 1;
  masked = task === "edit" && (model?.mask ?? "none") !== "none";
  images.splice(most);
  show();
}

function show() {
  byId("thumbs").replaceChildren(...images.map(thumbnail));
  byId("drop-hint").hidden = images.length > 0;
  byId("drop").classList.toggle("filled", images.length > 0);
  const shown = masked && editor ? editor.element : null;
  if (byId("mask-editor").firstChild !== shown) byId("mask-editor").replaceChildren(...(shown ? [shown] : []));
  byId("most-images").textContent = most > 1 ? `Up to ${most} images: the one to change first, then references.` : "";
}

function thumbnail(image, index) {
  const name = index ? `Reference ${index + 1}` : "The image to change";
  const remove = button("×", () => keepFocus(() => setInputs(images.filter((one) => one !== image)), () => byId("file")));
  remove.ariaLabel = `Remove: ${name}`;
  return element("figure", {}, element("img", { src: image.url, alt: name }), remove);
}

// take(blobs) gets files that are chosen, pasted, or dropped on the form; onChange is called when the images change.
export function startInputs(take, onChange) {
  changed = onChange;
  const form = byId("form");
  const over = (on) => form.classList.toggle("over", on);
  byId("file").addEventListener("change", () => {
    take([...byId("file").files]);
    // The same file can be chosen again after it was removed.
    byId("file").value = "";
  });
  form.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  form.addEventListener("dragleave", (event) => { if (!form.contains(event.relatedTarget)) over(false); });
  form.addEventListener("drop", (event) => { event.preventDefault(); over(false); take(event.dataTransfer.files); });
  document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) take(event.clipboardData.files); });
}
