// An image on the whole screen: arrow keys or a swipe for the next one, before and after, download in three formats.
import { button, element, transition } from "./dom.js";

// Pixels that a finger moves sideways for the next image.
const SWIPE = 60;

async function download(path, type) {
  const bitmap = await createImageBitmap(await (await fetch(path)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  if (type === "jpeg") {
    // It has no transparency: what is transparent would be black.
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.drawImage(bitmap, 0, 0);
  const url = URL.createObjectURL(await canvas.convertToBlob({ type: `image/${type}`, quality: 0.92 }));
  element("a", { href: url, download: `image.${type === "jpeg" ? "jpg" : type}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// The image in a frame of its shape; with item.before, a slider uncovers the image before the edit.
async function frame(item) {
  const picture = element("img", { src: item.path, alt: item.prompt || "Image" });
  const readable = await picture.decode().then(() => true, () => false);
  if (!readable) return element("p", {}, "This image cannot be loaded. It may have expired.");
  const figure = element("figure", {}, picture);
  figure.style.setProperty("--ratio", picture.naturalWidth / picture.naturalHeight);
  if (!item.before) return figure;
  const split = element("input", { type: "range", min: 0, max: 100, step: "any", value: 50, ariaLabel: "Before and after" });
  split.addEventListener("input", () => figure.style.setProperty("--split", `${split.value}%`));
  figure.append(element("img", { src: item.before, alt: "Before", className: "before" }), element("span", { className: "tag" }, "Before"), element("span", { className: "tag" }, "After"), split);
  return figure;
}

function listen(dialog, stage, step) {
  let from;
  dialog.addEventListener("keydown", (event) => {
    if (event.target.type === "range") return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  stage.addEventListener("pointerdown", (event) => { from = event.pointerType === "touch" && event.target.type !== "range" ? event.clientX : undefined; });
  stage.addEventListener("pointerup", (event) => {
    const moved = event.clientX - from;
    if (Math.abs(moved) > SWIPE) step(moved < 0 ? 1 : -1);
  });
  dialog.addEventListener("close", () => dialog.remove());
}

// items: {path, prompt, facts?, before?}; opens items[index]. It grows out of the element thumbnail, if there is one.
export async function view(items, index, thumbnail) {
  const stage = element("div", { className: "stage" });
  const prompt = element("p", { className: "prompt" });
  const facts = element("p", { className: "quiet" });
  const several = items.length > 1;
  const show = async (next) => {
    index = (next + items.length) % items.length;
    const item = items[index];
    prompt.textContent = item.prompt ?? "";
    facts.textContent = [several ? `${index + 1} of ${items.length}` : "", item.facts].filter(Boolean).join(" · ");
    const shown = await frame(item);
    // Another one may have been asked for while this one was being decoded.
    if (item === items[index]) stage.replaceChildren(shown);
  };
  const step = (by) => { if (several) show(index + by); };
  const arrow = (text, label, by) => element("button", { type: "button", className: "arrow", ariaLabel: label, hidden: !several, onclick: () => step(by) }, text);
  const close = button("Close", () => dialog.close());
  close.autofocus = true;
  const dialog = element("dialog", { className: "viewer", ariaLabel: "Image" }, arrow("‹", "Previous", -1), stage, arrow("›", "Next", 1),
    element("div", { className: "bar" }, element("div", { className: "about" }, prompt, facts),
      element("div", { className: "row", role: "group", ariaLabel: "Download as" }, ...["png", "jpeg", "webp"].map((type) => button(type.toUpperCase(), () => download(items[index].path, type)))),
      close));
  listen(dialog, stage, step);
  await show(index);
  const name = (value) => { if (thumbnail) thumbnail.style.viewTransitionName = value; };
  name("picture");
  transition(() => {
    name("");
    document.body.append(dialog);
    dialog.showModal();
  });
}
