// A card for each image that is being made: elapsed time, cancel, then the image or the error.
import { call, imagePath } from "./api.js";
import { button, byId, element } from "./dom.js";
import { view } from "./viewer.js";

// job: {path, body (an object or FormData), prompt, before?, actions, done}
export async function run(job) {
  byId("results-section").hidden = false;
  const control = new AbortController();
  const picture = element("div", { className: "picture busy" });
  const text = element("p", { className: "quiet" }, "0 s");
  const buttons = element("div", { className: "row" }, button("Cancel", () => control.abort()));
  const card = element("article", { className: "card" }, picture, element("div", { className: "text" }, element("p", { className: "prompt" }, job.prompt), text, buttons));
  byId("results").prepend(card);
  const begun = performance.now();
  const clock = setInterval(() => { text.textContent = `${Math.round((performance.now() - begun) / 1000)} s`; }, 1000);
  try {
    const answer = await call(job.path, { method: "POST", body: job.body, signal: control.signal });
    const [image] = answer.data;
    const path = image.url ? imagePath(image.url) : `data:image/${answer.output_format};base64,${image.b64_json}`;
    const item = { path, prompt: job.prompt, before: job.before };
    const open = button("", () => view([item], 0));
    open.className = "picture";
    open.ariaLabel = `Open: ${job.prompt}`;
    open.append(element("img", { src: path, alt: job.prompt }));
    picture.replaceWith(open);
    text.textContent = [answer.size, image.seed === undefined ? "" : `seed ${image.seed}`, ...(answer.warnings ?? [])].filter(Boolean).join(" · ");
    const record = { prompt: job.prompt, seed: image.seed, model: answer.model, size: answer.size };
    buttons.replaceChildren(button("Edit", () => job.actions.edit(path, record)), button("Variations", () => job.actions.vary(path, record)), button("Again with this seed", () => job.actions.again(record)));
    job.done();
  } catch (error) {
    picture.classList.remove("busy");
    text.textContent = error.name === "AbortError" ? "Cancelled." : error.message;
    text.className = error.name === "AbortError" ? "quiet" : "error";
    buttons.replaceChildren(button("Try again", () => { card.remove(); run(job); }), button("Dismiss", () => card.remove()));
  } finally {
    clearInterval(clock);
  }
}
