// A card for each image that is being made: partial images or the elapsed time, cancel, then the image or the error.
import { call, callStream, dataUrl, imagePath } from "./api.js";
import { button, byId, element, keepFocus, shownSize } from "./dom.js";
import { rememberSeed } from "./seed.js";
import { view } from "./viewer.js";

function show(picture, path, prompt) {
  const image = picture.querySelector("img") ?? picture.appendChild(element("img", { alt: prompt }));
  image.src = path;
}

// For screen readers, which do not see the card change.
const announce = (text) => { byId("announcement").textContent = text; };

// Removes the cards of images that are done or failed; the images stay in the gallery.
export function clearResults() {
  for (const card of [...byId("results").children]) if (card.ariaBusy === "false") card.remove();
  byId("results-section").hidden = !byId("results").children.length;
  byId("gallery-title").focus();
}

// job: {path, body (an object or FormData), stream, prompt, before?, actions, done}
export async function run(job) {
  byId("results-section").hidden = false;
  const control = new AbortController();
  const picture = element("div", { className: "picture busy" });
  const text = element("p", { className: "quiet" }, "0 s");
  const buttons = element("div", { className: "row" }, button("Cancel", () => control.abort()));
  const card = element("article", { className: "card", ariaBusy: "true" }, picture, element("div", { className: "text" }, element("p", { className: "prompt" }, job.prompt || "Variation"), text, buttons));
  byId("results").prepend(card);
  card.scrollIntoView({ block: "nearest" });
  const offer = (...controls) => keepFocus(() => buttons.replaceChildren(...controls), () => controls[0]);
  const begun = performance.now();
  const clock = setInterval(() => { text.textContent = `${Math.round((performance.now() - begun) / 1000)} s`; }, 1000);
  try {
    const sent = { method: "POST", body: job.body, signal: control.signal, onPartial: (url) => show(picture, url, "Partial image") };
    const answer = await (job.stream ? callStream : call)(job.path, sent);
    const [image] = answer.data;
    rememberSeed(image.seed);
    const path = image.url ? imagePath(image.url) : dataUrl({ ...answer, ...image });
    const facts = [shownSize(answer.size), image.seed === undefined ? "" : `seed ${image.seed}`].filter(Boolean).join(" · ");
    const open = button("", () => view([{ path, prompt: job.prompt, before: job.before, facts }], 0, open.querySelector("img")));
    open.className = "picture";
    open.ariaLabel = `Open: ${job.prompt || "variation"}`;
    show(open, path, job.prompt);
    picture.replaceWith(open);
    text.textContent = [facts, ...(answer.warnings ?? [])].filter(Boolean).join(" · ");
    const record = { prompt: job.prompt, seed: image.seed, model: job.model, size: answer.size };
    offer(button("Edit", () => job.actions.edit(path, record)), button("Vary", () => job.actions.vary(path, record)), button("Again, same seed", () => job.actions.again(record)));
    announce(`Done: ${job.prompt || "variation"}`);
    job.done();
  } catch (error) {
    const cancelled = error.name === "AbortError";
    picture.replaceChildren();
    picture.className = "picture failed";
    text.textContent = cancelled ? "Cancelled." : error.message;
    text.className = cancelled ? "quiet" : "error";
    announce(text.textContent);
    offer(button("Try again", () => { card.remove(); run(job); }), button("Dismiss", () => keepFocus(() => card.remove(), () => byId("prompt"))));
    if (error.status === 401) job.actions.key();
  } finally {
    card.ariaBusy = "false";
    clearInterval(clock);
  }
}
