// The models as cards: tasks, price, speed and abilities, from what /v1/models says.
import { button, element, openDialog } from "./dom.js";

const TASK_NAMES = { generate: "Generates", edit: "Edits", vary: "Varies" };
const MASKS = { optional: "Takes a mask", required: "Needs a mask" };
// A model's default number of diffusion steps up to which it counts as this fast.
const SPEEDS = [[8, "Fast"], [25, "Medium"], [Infinity, "Slow"]];

export function speed(model) {
  const steps = model.parameters.steps?.default;
  if (!steps) return "";
  return `${SPEEDS.find(([most]) => steps <= most)[1]} · ${steps} steps`;
}

// model.price is null on engines of this machine; its usd is 0 for models in free beta, null where no price is listed.
export function price(model) {
  if (model.price?.usd === null) return "Price not listed";
  return model.price?.usd ? `$${model.price.usd.toFixed(4)} an image` : "Costs nothing";
}

function abilities(model) {
  const images = model.max_input_images > 1 ? `Up to ${model.max_input_images} images` : "";
  const seed = model.parameters.seed?.supported ? "Seed" : "";
  const negative = model.parameters.negative_prompt?.supported ? "Negative prompt" : "";
  const beta = model.status === "beta" ? "Beta" : "";
  return [...model.tasks.map((task) => TASK_NAMES[task]), MASKS[model.mask], images, seed, negative, beta].filter(Boolean);
}

function card(model, chosen, choose) {
  const made = button("", () => choose(model));
  made.className = "model";
  made.ariaPressed = String(chosen);
  made.append(
    element("span", { className: "name" }, model.name),
    element("span", { className: "quiet" }, model.description),
    element("span", { className: "facts" }, [speed(model), price(model)].filter(Boolean).join(" · ")),
    element("span", { className: "badges" }, ...abilities(model).map((text) => element("span", { className: "badge" }, text))),
  );
  return made;
}

// What the button that opens the cards shows: the model's name, then speed and price.
export function showChosen(control, model) {
  control.replaceChildren(
    element("span", { className: "name" }, model.name),
    element("span", { className: "quiet" }, [speed(model), price(model)].filter(Boolean).join(" · ")),
  );
}

// Opens the cards; choose(model) is called with the one that is pressed.
export function chooseModel(models, chosen, choose) {
  const cards = models.map((model) => card(model, model === chosen, (one) => { dialog.close(); choose(one); }));
  const dialog = openDialog("Choose a model", element("div", { className: "models" }, ...cards), element("div", { className: "row end" }, button("Close", () => dialog.close())));
  dialog.classList.add("wide");
  cards[models.indexOf(chosen)]?.focus();
}
