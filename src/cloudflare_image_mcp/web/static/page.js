// Puts the page together: models, form, inputs, running, gallery, and the state in the address.
import { call, getKey, setKey } from "./api.js";
import { button, byId, element, openDialog } from "./dom.js";
import { reloadGallery, startGallery } from "./gallery.js";
import { MaskEditor } from "./mask.js";
import { estimate, readParameters, showParameters } from "./parameters.js";
import { run } from "./results.js";
import { showCode } from "./snippets.js";

const TASKS = { generate: ["Generate", "v1/images/generations"], edit: ["Edit", "v1/images/edits"], vary: ["Vary", "v1/images/variations"] };
const state = { models: [], task: "generate", values: {}, inputs: [], editor: null };
const model = () => state.models.find((one) => one.id === byId("model").value);

function fail(error) {
  byId("form-error").textContent = error?.message ?? "";
  byId("form-error").hidden = !error;
  if (error?.status === 401) askKey();
}

function askKey() {
  if (document.querySelector("dialog[open]")) return;
  const input = element("input", { type: "password", value: getKey(), ariaLabel: "API key", autocomplete: "off" });
  const form = element("form", { method: "dialog", className: "field" }, element("p", { className: "quiet" }, "Kept until this tab is closed, and sent to this server alone."), input, element("button", { className: "main" }, "Use this key"));
  const dialog = openDialog("API key", form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setKey(input.value.trim());
    dialog.close();
    loadModels();
    reloadGallery();
  });
}

function showTask() {
  byId("tasks").replaceChildren(...Object.entries(TASKS).map(([task, [title]]) => {
    const tab = button(title, () => { state.task = task; showTask(); });
    tab.ariaPressed = String(task === state.task);
    return tab;
  }));
  byId("inputs").hidden = state.task === "generate";
  document.querySelector("#form button.main").textContent = TASKS[state.task][0];
  const chosen = byId("model").value || state.values.model;
  const fit = state.models.filter((one) => one.tasks.includes(state.task));
  byId("model").replaceChildren(...fit.map((one) => element("option", { value: one.id }, `${one.name} · ${one.backend === "local" ? "free" : `$${one.price.usd}`}`)));
  if (fit.some((one) => one.id === chosen)) byId("model").value = chosen;
  showModel();
}

function showModel() {
  const chosen = model();
  if (!chosen) return;
  const abilities = [chosen.tasks.join(", "), chosen.mask === "none" ? "" : `mask ${chosen.mask}`, chosen.max_input_images > 1 ? `up to ${chosen.max_input_images} images` : ""].filter(Boolean).join(" · ");
  const drawn = chosen.backend === "local" ? " Here an illustrator draws the picture: no AI model runs." : "";
  byId("about-model").textContent = `${chosen.description}. ${abilities}.${drawn}`;
  showParameters(chosen, state.task, state.values);
  showInputs();
  changed();
}

function changed() {
  const chosen = model();
  if (!chosen) return;
  state.values = { ...readParameters() };
  byId("cost").textContent = chosen.backend === "local" ? "Costs nothing." : `About $${estimate(chosen, state.values).toFixed(5)}.`;
  const query = new URLSearchParams({ task: state.task, model: chosen.id, ...state.values });
  if (byId("prompt").value) query.set("prompt", byId("prompt").value);
  history.replaceState(null, "", `?${query}`);
}

function showInputs() {
  const most = model()?.max_input_images || 1;
  state.inputs.splice(most);
  byId("thumbs").replaceChildren(...state.inputs.map((input, index) => element("div", {}, element("img", { src: input.url, alt: index ? `Reference ${index + 1}` : "The image to edit" }), button("Remove", () => { state.inputs.splice(index, 1); newEditor(); }))));
  byId("mask-editor").replaceChildren(...(state.editor && state.task === "edit" ? [state.editor.element] : []));
}

async function newEditor() {
  const [first] = state.inputs;
  state.editor = null;
  if (first) state.editor = new MaskEditor(await createImageBitmap(first.blob));
  showInputs();
}

async function addImages(blobs) {
  const known = state.inputs[0]?.blob;
  for (const blob of blobs) state.inputs.push({ blob, url: URL.createObjectURL(blob) });
  if (state.task === "generate") { state.task = "edit"; showTask(); }
  showInputs();
  if (known !== state.inputs[0]?.blob) await newEditor();
}

async function useAsInput(path, task) {
  state.inputs = [];
  state.task = task;
  showTask();
  await addImages([await (await fetch(path)).blob()]);
  byId("prompt").focus();
}

const actions = {
  edit: (path) => useAsInput(path, "edit"),
  vary: async (path, record) => {
    await useAsInput(path, "vary");
    byId("prompt").value = record.prompt ?? "";
    byId("form").requestSubmit();
  },
  again: (record) => {
    state.task = "generate";
    byId("prompt").value = record.prompt ?? "";
    if (record.model) state.values.model = record.model;
    showTask();
    if (state.models.some((one) => one.id === record.model)) byId("model").value = record.model;
    state.values = { ...state.values, size: record.size ?? "", seed: record.seed ?? "" };
    showModel();
    byId("form").requestSubmit();
  },
};

function body() {
  const { n = 1, ...values } = readParameters();
  return [n, { prompt: byId("prompt").value, model: byId("model").value, ...values, response_format: "url" }];
}

async function submit(event) {
  event.preventDefault();
  fail(null);
  if (!byId("prompt").value.trim() && state.task !== "vary") return fail(new Error("Write a prompt first."));
  if (state.task !== "generate" && !state.inputs.length) return fail(new Error("Choose an image first."));
  const [n, fields] = body();
  const mask = state.task === "edit" ? await state.editor?.file() : null;
  for (let index = 0; index < n; index += 1) {
    // Each image is a request of its own, so that each can be cancelled; a set seed counts up.
    const one = { ...fields, ...(fields.seed === undefined ? {} : { seed: (fields.seed + index) % 2 ** 32 }) };
    let sent = one;
    if (state.task !== "generate") {
      sent = new FormData();
      for (const [name, value] of Object.entries(one)) sent.append(name, value);
      for (const input of state.inputs) sent.append(state.inputs.length > 1 ? "image[]" : "image", input.blob, "image");
      if (mask) sent.append("mask", mask, "mask.png");
    }
    run({ path: TASKS[state.task][1], body: sent, prompt: fields.prompt, before: state.inputs[0] && state.task === "edit" ? state.inputs[0].url : undefined, actions, done: reloadGallery });
  }
}

async function loadModels() {
  try {
    state.models = (await call("v1/models")).data.filter((one) => !one.alias_of);
    fail(null);
    showTask();
  } catch (error) {
    fail(error);
  }
}

function start() {
  const { task, prompt, ...values } = Object.fromEntries(new URLSearchParams(location.search));
  if (task in TASKS) state.task = task;
  state.values = values;
  byId("prompt").value = prompt ?? "";
  byId("form").addEventListener("submit", submit);
  byId("form").addEventListener("input", changed);
  byId("form").addEventListener("change", changed);
  byId("model").addEventListener("change", showModel);
  byId("set-key").addEventListener("click", askKey);
  byId("copy-code").addEventListener("click", () => showCode(TASKS[state.task][1], { ...body()[1], n: body()[0], ...(state.task === "generate" ? {} : { image: "https://example.com/image.png" }) }));
  byId("file").addEventListener("change", () => addImages(byId("file").files));
  byId("prompt").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit(); });
  const drop = byId("form");
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => { event.preventDefault(); addImages(event.dataTransfer.files); });
  document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) addImages(event.clipboardData.files); });
  loadModels();
  startGallery(actions);
}

start();
