// An image on the whole screen: arrows, before and after, download in three formats.
import { button, element } from "./dom.js";

async function download(path, type) {
  const bitmap = await createImageBitmap(await (await fetch(path)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const url = URL.createObjectURL(await canvas.convertToBlob({ type: `image/${type}`, quality: 0.92 }));
  element("a", { href: url, download: `image.${type === "jpeg" ? "jpg" : type}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// items: {path, prompt, before?}; shows items[index].
export function view(items, index) {
  const stage = element("div", { className: "stage" });
  const text = element("p", { className: "quiet" });
  const show = (next) => {
    index = (next + items.length) % items.length;
    const item = items[index];
    const picture = element("img", { src: item.path, alt: item.prompt || "Image" });
    stage.classList.toggle("compare", Boolean(item.before));
    stage.replaceChildren(picture);
    if (item.before) stage.append(element("img", { src: item.before, alt: "Before", className: "before" }));
    split.hidden = !item.before;
    text.textContent = item.prompt ?? "";
  };
  const split = element("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: "Before and after" });
  split.addEventListener("input", () => stage.style.setProperty("--split", `${split.value}%`));
  const dialog = element("dialog", { className: "viewer", ariaLabel: "Image" }, stage, element("div", { className: "field" }, split, text,
    element("div", { className: "row" }, button("← Previous", () => show(index - 1)), button("Next →", () => show(index + 1)),
      ...["png", "jpeg", "webp"].map((type) => button(type.toUpperCase(), () => download(items[index].path, type))),
      button("Close", () => dialog.close()))));
  dialog.addEventListener("keydown", (event) => {
    if (event.target === split) return;
    if (event.key === "ArrowLeft") show(index - 1);
    if (event.key === "ArrowRight") show(index + 1);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show(index);
  dialog.showModal();
}
