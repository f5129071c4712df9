// The seed: empty and unlocked means another one for each image; locked means this one again.
import { button, element } from "./dom.js";

const MAXIMUM = 2 ** 32 - 1;
let lastUsed;

export const rememberSeed = (seed) => { lastUsed = seed ?? lastUsed; };

export function seedField(row, value) {
  const seed = element("input", { type: "number", name: "seed", min: 0, max: row.maximum ?? MAXIMUM, step: 1, value: value ?? "", placeholder: "random each time", id: "p-seed" });
  const set = (next) => {
    seed.value = next;
    seed.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const random = () => crypto.getRandomValues(new Uint32Array(1))[0];
  const dice = button("Dice", () => set(random()));
  dice.title = "Take a random seed and keep it";
  const lock = button("Lock", () => set(seed.value === "" ? lastUsed ?? random() : ""));
  lock.title = "Locked: the same seed for each press of the button. Locking takes the seed of the last image.";
  const show = () => { lock.ariaPressed = String(seed.value !== ""); };
  seed.addEventListener("input", show);
  show();
  return element("div", { className: "field" }, element("label", { htmlFor: "p-seed" }, "Seed"), element("div", { className: "row" }, seed, dice, lock));
}
