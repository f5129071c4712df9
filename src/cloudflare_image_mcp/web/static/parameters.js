// The part of the form that a model decides: size, number, seed and the parameters that /v1/models promises.
import { button, byId, element } from "./dom.js";
import { seedField } from "./seed.js";

const TITLES = { steps: "Steps", guidance: "Guidance", strength: "Strength", negative_prompt: "Negative prompt" };
const UNITS = { steps: "diffusion steps", guidance: "how closely to follow the prompt", strength: "how far from the image" };
const OWN_PLACE = new Set(["prompt", "seed", "width", "height", "size", "n", "image", "mask"]);

// A labelled input; range stands at the end of the label's line.
function field(id, title, input, range = "") {
  input.id = id;
  const label = element("label", { htmlFor: id }, title, range ? element("span", { className: "quiet" }, range) : "");
  return element("div", { className: "field" }, label, input);
}

function parameterField(name, row, value) {
  const title = TITLES[name] ?? name.replaceAll("_", " ");
  if (row.type === "string") return field(`p-${name}`, title, element("textarea", { rows: 2, value: value ?? "", name }));
  const bounded = row.minimum !== null && row.maximum !== null;
  const step = row.type === "integer" ? 1 : "any";
  const input = element("input", { type: "number", name, min: row.minimum ?? "", max: row.maximum ?? "", step, value: value ?? "", placeholder: row.default ?? "the model's own" });
  const range = [bounded ? `${row.minimum}–${row.maximum}` : "", UNITS[name]].filter(Boolean).join(", ");
  return field(`p-${name}`, title, input, range);
}

function backgroundField(value) {
  const options = [["", "As the picture has it"], ["transparent", "Transparent"]].map(([choice, text]) => element("option", { value: choice }, text));
  const select = element("select", { name: "background" }, ...options);
  select.value = value === "transparent" ? value : "";
  return field("p-background", "Background", select);
}

// Fills the container for a model and a task; values holds what the person entered before. Only what running, the model that
// makes the image, takes on this backend is shown.
export function showParameters(model, task, values, running) {
  const sizes = element("select", { name: "size" }, element("option", { value: "" }, task === "generate" ? "Automatic" : "As the image"));
  for (const size of model.sizes) sizes.append(element("option", { value: size }, size.replace("x", " × ")));
  if (values.size && !model.sizes.includes(values.size)) sizes.append(element("option", { value: values.size }, values.size));
  sizes.value = values.size ?? "";
  const free = button("Other…", () => {
    const limits = model.size.maximum ? `, ${model.size.minimum} to ${model.size.maximum} a side` : "";
    const typed = element("input", { value: sizes.value, placeholder: "1024x768", ariaLabel: "Width x height" });
    typed.addEventListener("change", () => {
      const size = typed.value.trim().toLowerCase();
      if (size) sizes.append(element("option", { value: size }, size));
      sizes.value = size;
      sizes.dispatchEvent(new Event("change", { bubbles: true }));
      typed.replaceWith(free);
      if (document.activeElement === document.body) free.focus();
    });
    free.replaceWith(typed);
    typed.title = `WIDTHxHEIGHT in pixels${limits}`;
    typed.focus();
  });
  sizes.id = "p-size";
  const n = element("input", { type: "number", name: "n", min: 1, max: model.max_images, value: values.n ?? 1 });
  const automatic = task === "generate" ? element("span", { className: "quiet" }, `automatic: ${model.size.default.replace("x", " × ")}`) : "";
  const size = element("div", { className: "field" }, element("label", { htmlFor: "p-size" }, "Size", automatic), element("div", { className: "row" }, sizes, free));
  const parts = [element("div", { className: "pair" }, size, field("p-n", "Images", n, `1–${model.max_images}`))];
  const taken = (name) => Boolean(running.parameters[name]?.supported);
  if (model.parameters.seed && taken("seed")) parts.push(seedField(model.parameters.seed, values.seed));
  const advanced = Object.entries(model.parameters)
    .filter(([name]) => taken(name) && !OWN_PLACE.has(name) && (name !== "strength" || task !== "generate"))
    .map(([name, row]) => parameterField(name, row, values[name]));
  if (task === "generate" && running.transparent_background) advanced.push(backgroundField(values.background));
  if (advanced.length) parts.push(element("details", {}, element("summary", {}, "Advanced"), ...advanced));
  byId("parameters").replaceChildren(...parts);
}

// What was entered, by parameter; what is empty is left out.
export function readParameters() {
  const values = {};
  for (const input of byId("parameters").querySelectorAll("[name]")) {
    if (input.value !== "") values[input.name] = input.type === "number" ? Number(input.value) : input.value;
  }
  return values;
}

const TILE = 512 * 512;
const MEGAPIXEL = 1024 * 1024;

// The estimated price in US dollars, from the rates that /v1/models gives; NaN where it is not listed or the size is none.
// inputs: {width, height} of each input image. Workers AI takes at most 512 x 512 pixels of one.
export function estimate(model, values, inputs) {
  if (model.price === null || model.price.usd === 0) return 0;
  if (model.price.usd === null) return NaN;
  const { rates, usd, neurons } = model.price;
  // Rates are in neurons, or in dollars where the price has none.
  const dollars = neurons ? usd / neurons : 1;
  const rate = (name) => rates[name] ?? 0;
  const [width, height] = (values.size || model.size.default).split("x").map(Number);
  const steps = values.steps ?? model.parameters.steps?.default ?? 0;
  const pixels = width * height;
  const inputPixels = inputs.reduce((sum, one) => sum + Math.min(512, one.width) * Math.min(512, one.height), 0);
  const total =
    rate("per_image") +
    inputs.length * rate("per_input_image") +
    (pixels / TILE) * (rate("per_output_tile") + rate("per_output_tile_step") * steps) +
    rate("first_output_megapixel") +
    Math.max(0, pixels / MEGAPIXEL - 1) * rate("further_output_megapixel") +
    (inputPixels / TILE) * (rate("per_input_tile") + rate("per_input_tile_step") * steps) +
    (inputPixels / MEGAPIXEL) * rate("per_input_megapixel");
  return total * dollars * (values.n ?? 1);
}
