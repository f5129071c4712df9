// The stored images: newest first, searched, a page at a time.
import { call, imagePath } from "./api.js";
import { button, byId, element, keepFocus } from "./dom.js";
import { view } from "./viewer.js";

let images = [];
let actions = {};
let turn = 0;

const timeLeft = (expires) => {
  if (!expires) return "kept";
  const hours = (expires - Date.now() / 1000) / 3600;
  return hours >= 1 ? `${Math.floor(hours)} h left` : `${Math.max(0, Math.floor(hours * 60))} min left`;
};

function card(image) {
  const path = imagePath(image.url);
  const open = button("", () => view(images.map((one) => ({ path: imagePath(one.url), prompt: one.prompt })), images.indexOf(image)));
  open.className = "picture";
  open.ariaLabel = `Open: ${image.prompt ?? "image"}`;
  open.append(element("img", { src: path, alt: image.prompt ?? "", loading: "lazy", decoding: "async" }));
  const facts = [image.model?.split("/").pop(), image.size, image.seed === null || image.seed === undefined ? "" : `seed ${image.seed}`, timeLeft(image.expires)];
  let deleting = false;
  const remove = button("Delete", async () => {
    if (deleting) return;
    deleting = true;
    try {
      await call(`v1/images/${image.id}`, { method: "DELETE" });
      images = images.filter((one) => one !== image);
      const next = made.nextElementSibling ?? made.previousElementSibling;
      keepFocus(() => made.remove(), () => next?.querySelector("button") ?? byId("search"));
      say();
    } catch (error) {
      deleting = false;
      byId("gallery-state").textContent = error.message;
    }
  });
  const again = button("Again", () => actions.again(image));
  again.title = "Again with this prompt, model and seed";
  const made = element("article", { className: "card" }, open, element("div", { className: "text" },
    element("p", { className: "prompt" }, image.prompt ?? "No prompt stored"), element("p", { className: "quiet" }, facts.filter(Boolean).join(" · ")),
    element("div", { className: "row" }, button("Edit", () => actions.edit(path, image)), button("Vary", () => actions.vary(path, image)), again, remove)));
  return made;
}

function say() {
  const empty = byId("search").value ? "No image matches the search." : "Nothing is stored yet. Images that you make appear here.";
  byId("gallery-state").textContent = images.length ? "" : empty;
}

async function load(after) {
  const mine = ++turn;
  const query = new URLSearchParams({ limit: 60, q: byId("search").value });
  if (after) query.set("after", after);
  try {
    const page = await call(`v1/images?${query}`);
    if (mine !== turn) return;
    if (!after) {
      images = [];
      byId("gallery").replaceChildren();
    }
    images.push(...page.data);
    byId("gallery").append(...page.data.map(card));
    byId("more").hidden = !page.has_more;
    say();
  } catch (error) {
    if (mine === turn) byId("gallery-state").textContent = error.message;
  }
}

// Loads the gallery anew, as after a change of the key.
export const reloadGallery = () => load();

// Puts what was stored since in front; what is shown stays as it is.
export async function showNew() {
  if (!images.length || byId("search").value) return load();
  const mine = ++turn;
  const page = await call("v1/images?limit=60").catch(() => null);
  if (!page || mine !== turn) return undefined;
  const known = new Set(images.map((one) => one.id));
  const fresh = page.data.filter((one) => !known.has(one.id));
  images.unshift(...fresh);
  byId("gallery").prepend(...fresh.map(card));
  return say();
}

export function startGallery(given) {
  actions = given;
  byId("more").addEventListener("click", () => load(images.at(-1)?.id));
  let wait;
  byId("search").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => load(), 200);
  });
  return load();
}
