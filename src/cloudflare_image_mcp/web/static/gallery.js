// The stored images: newest first, searched, a page at a time.
import { call, imagePath } from "./api.js";
import { button, byId, element, keepFocus, shownSize } from "./dom.js";
import { view } from "./viewer.js";

// Images in one answer of the server.
const PAGE = 60;
let images = [];
let actions = {};
let latest = 0;

const timeLeft = (expires) => {
  if (!expires) return "kept";
  const hours = (expires - Date.now() / 1000) / 3600;
  return hours >= 1 ? `${Math.floor(hours)} h left` : `${Math.max(0, Math.floor(hours * 60))} min left`;
};

const joined = (...facts) => facts.filter(Boolean).join(" · ");
const madeWith = (image) => joined(image.model?.split("/").pop(), shownSize(image.size));
const seedAndTime = (image) => joined(Number.isInteger(image.seed) ? `seed ${image.seed}` : "", timeLeft(image.expires));
const viewed = (image) => ({ path: imagePath(image.url), prompt: image.prompt, facts: joined(madeWith(image), seedAndTime(image)) });

function card(image) {
  const path = imagePath(image.url);
  const thumbnail = element("img", { src: path, alt: image.prompt ?? "", loading: "lazy", decoding: "async" });
  const open = button("", () => view(images.map(viewed), images.indexOf(image), thumbnail));
  open.className = "picture";
  open.ariaLabel = `Open: ${image.prompt ?? "image"}`;
  open.append(thumbnail);
  const again = button("Again", () => actions.again(image));
  again.title = "Again with this prompt, model and seed";
  const made = element("article", { className: "card" }, open, element("div", { className: "text" },
    element("p", { className: "prompt" }, image.prompt ?? "No prompt stored"),
    element("p", { className: "quiet" }, madeWith(image)), element("p", { className: "quiet" }, seedAndTime(image)),
    element("div", { className: "row" }, button("Edit", () => actions.edit(path, image)), button("Vary", () => actions.vary(path, image)), again, deleteButton(image, () => made))));
  return made;
}

// A button that deletes when it is pressed a second time: a deleted image is gone for good.
function deleteButton(image, cardOf) {
  let deleting = false;
  const control = button("Delete", async () => {
    if (control.textContent === "Delete") {
      control.textContent = "Sure?";
      control.classList.add("danger");
      return;
    }
    if (deleting) return;
    deleting = true;
    try {
      await call(`v1/images/${image.id}`, { method: "DELETE" });
      images = images.filter((one) => one !== image);
      const next = cardOf().nextElementSibling ?? cardOf().previousElementSibling;
      keepFocus(() => cardOf().remove(), () => next?.querySelector("button") ?? byId("search"));
      showState();
    } catch (error) {
      deleting = false;
      showState(error);
    }
  });
  control.addEventListener("blur", () => {
    control.textContent = "Delete";
    control.classList.remove("danger");
  });
  return control;
}

// Says why no image is shown: none is stored, none is found, or the error.
function showState(error) {
  const state = byId("gallery-state");
  state.classList.toggle("error", Boolean(error));
  if (error) return state.replaceChildren(`${error.message} `, button("Load again", () => load()));
  const empty = byId("search").value ? "No image matches the search." : "Nothing is stored yet. Images that you make appear here.";
  state.textContent = images.length ? "" : empty;
  return undefined;
}

async function load(after) {
  const mine = ++latest;
  const query = new URLSearchParams({ limit: PAGE, q: byId("search").value });
  if (after) query.set("after", after);
  try {
    const page = await call(`v1/images?${query}`);
    if (mine !== latest) return;
    if (!after) {
      images = [];
      byId("gallery").replaceChildren();
    }
    images.push(...page.data);
    byId("gallery").append(...page.data.map(card));
    byId("more").hidden = !page.has_more;
    showState();
  } catch (error) {
    if (mine === latest) showState(error);
  }
}

// Loads the gallery anew, as after a change of the key.
export const reloadGallery = () => load();

// Puts what was stored since in front; what is shown stays as it is.
export async function showNew() {
  if (!images.length || byId("search").value) return load();
  const mine = ++latest;
  const page = await call(`v1/images?limit=${PAGE}`).catch(() => null);
  if (!page || mine !== latest) return undefined;
  const known = new Set(images.map((one) => one.id));
  const fresh = page.data.filter((one) => !known.has(one.id));
  images.unshift(...fresh);
  byId("gallery").prepend(...fresh.map(card));
  return showState();
}

export function startGallery(given) {
  actions = given;
  const more = () => load(images.at(-1)?.id);
  byId("more").addEventListener("click", more);
  // Scrolled near the end: as if the button had been pressed.
  new IntersectionObserver(([end]) => { if (end.isIntersecting) more(); }, { rootMargin: "600px" }).observe(byId("more"));
  let wait;
  byId("search").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => load(), 200);
  });
  return load();
}
