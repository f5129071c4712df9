// Makes an element: element("button", {type: "button", onclick}, "text", child).
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

export function button(text, onclick) {
  return element("button", { type: "button", onclick }, text);
}

// Opens a modal dialog with the children; it is removed when it closes.
export function openDialog(title, ...children) {
  const dialog = element("dialog", { ariaLabel: title }, element("h2", {}, title), ...children);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Runs change() and then puts the focus on fallback() if the element that had it is gone.
export function keepFocus(change, fallback) {
  const inside = document.activeElement !== document.body;
  change();
  if (inside && document.activeElement === document.body) fallback()?.focus();
}

// Runs change() as a view transition, where the browser has them and the person does not want less motion.
export function transition(change) {
  if (!document.startViewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches) return change();
  // A transition that the browser skips, as in a hidden tab, rejects ready; change() is called all the same.
  return document.startViewTransition(change).ready.catch(() => {});
}

export const shownSize = (size) => size?.replace("x", " × ");
