// Puts the page together: models, form, inputs, running, gallery, and the state in the address.
import { call, getKey, setKey } from "./api.js";
import { button, byId, element, keepFocus, openDialog } from "./dom.js";
import { reloadGallery, showNew, startGallery } from "./gallery.js";
import { MaskEditor } from "./mask.js";
import { chooseModel, showChosen } from "./models.js";
import { estimate, readParameters, showParameters } from "./parameters.js";
import { run } from "./results.js";
import { showCode } from "./snippets.js";

const TASKS = { generate: ["Generate", "v1/images/generations"], edit: ["Edit", "v1/images/edits"], vary: ["Vary", "v1/images/variations"] };
// Engines that send partial images; the service sends none.
const PREVIEWS = new Set(["local", "diffusers"]);
const state = { models: [], model: null, task: "generate", values: {}, inputs: [], editor: null };
const fitting = () => state.models.filter((one) => one.tasks.includes(state.task));

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
  for (const tab of byId("tasks").children) tab.ariaPressed = String(tab.value === state.task);
  byId("inputs").hidden = state.task === "generate";
  document.querySelector("#form button.main").textContent = TASKS[state.task][0];
  const fit = fitting();
  if (!fit.includes(state.model)) state.model = fit.find((one) => one.id === state.values.model) ?? fit[0];
  showModel();
}

function showModel() {
  const chosen = state.model;
  byId("model").disabled = !chosen;
  if (!chosen) return;
  showChosen(byId("model"), chosen);
  byId("about-model").textContent = chosen.backend === "local" ? `${chosen.description}. Here an illustrator draws the picture: no AI model runs.` : `${chosen.description}.`;
  showParameters(chosen, state.task, state.values);
  showInputs();
  changed();
}

function changed() {
  const chosen = state.model;
  if (!chosen) return;
  state.values = { ...readParameters() };
  const cost = estimate(chosen, state.values);
  byId("cost").textContent = cost ? `About $${cost.toFixed(5)}.` : "Costs nothing.";
  const query = new URLSearchParams({ task: state.task, model: chosen.id, ...state.values });
  if (byId("prompt").value) query.set("prompt", byId("prompt").value);
  history.replaceState(null, "", `?${query}`);
}

function showInputs() {
  const { max_input_images: most = 1, mask = "none" } = state.model ?? {};
  state.inputs.splice(most);
  byId("thumbs").replaceChildren(...state.inputs.map(thumbnail));
  const masked = state.editor && state.task === "edit" && mask !== "none";
  if (byId("mask-editor").firstChild !== (masked ? state.editor.element : null)) byId("mask-editor").replaceChildren(...(masked ? [state.editor.element] : []));
  byId("most-images").textContent = most > 1 ? `This model takes up to ${most} images: the one to change first, then references.` : "";
}

function thumbnail(input, index) {
  const name = index ? `Reference ${index + 1}` : "The image to change";
  const remove = button("Remove", () => keepFocus(() => removeInput(index), () => byId("file")));
  remove.ariaLabel = `Remove: ${name}`;
  return element("figure", {}, element("img", { src: input.url, alt: name }), remove);
}

function removeInput(index) {
  state.inputs.splice(index, 1);
  if (index) showInputs();
  else newEditor();
}

async function newEditor() {
  const [first] = state.inputs;
  state.editor = null;
  showInputs();
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
  key: askKey,
  edit: (path) => useAsInput(path, "edit"),
  vary: async (path, record) => {
    await useAsInput(path, "vary");
    byId("prompt").value = record.prompt ?? "";
    byId("form").requestSubmit();
  },
  again: (record) => {
    state.task = "generate";
    byId("prompt").value = record.prompt ?? "";
    showTask();
    state.model = fitting().find((one) => one.id === record.model) ?? state.model;
    state.values = { ...state.values, size: record.size ?? "", seed: record.seed ?? "" };
    showModel();
    byId("form").requestSubmit();
  },
};

function body() {
  const { n = 1, ...values } = readParameters();
  return [n, { prompt: byId("prompt").value, model: state.model.id, ...values, response_format: "url" }];
}

async function submit(event) {
  event.preventDefault();
  fail(null);
  if (!byId("prompt").value.trim() && state.task !== "vary") return fail(new Error("Write a prompt first."));
  if (state.task !== "generate" && !state.inputs.length) return fail(new Error("Choose an image first."));
  if (!state.model) return loadModels();
  const [n, fields] = body();
  if (!fields.prompt) delete fields.prompt;
  const mask = state.task === "edit" && state.model.mask !== "none" ? await state.editor?.file() : null;
  if (state.task === "edit" && state.model.mask === "required" && !mask) return fail(new Error("This model needs a mask: paint what is to change first."));
  const stream = PREVIEWS.has(state.model.backend);
  for (let index = 0; index < n; index += 1) {
    // Each image is a request of its own, so that each can be cancelled; a set seed counts up.
    const one = { ...fields, ...(fields.seed === undefined ? {} : { seed: (fields.seed + index) % 2 ** 32 }), ...(stream ? { stream, partial_images: 2 } : {}) };
    let sent = one;
    if (state.task !== "generate") {
      sent = new FormData();
      for (const [name, value] of Object.entries(one)) sent.append(name, value);
      for (const input of state.inputs) sent.append(state.inputs.length > 1 ? "image[]" : "image", input.blob, "image");
      if (mask) sent.append("mask", mask, "mask.png");
    }
    run({ path: TASKS[state.task][1], body: sent, stream, model: state.model.id, prompt: fields.prompt ?? "", before: state.inputs[0] && state.task === "edit" ? state.inputs[0].url : undefined, actions, done: showNew });
  }
  return undefined;
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
  byId("model").addEventListener("click", () => chooseModel(fitting(), state.model, (one) => { state.model = one; showModel(); }));
  byId("tasks").append(...Object.entries(TASKS).map(([task, [title]]) => {
    const tab = button(title, () => { state.task = task; showTask(); });
    tab.value = task;
    return tab;
  }));
  showTask();
  byId("set-key").addEventListener("click", askKey);
  byId("copy-code").addEventListener("click", () => state.model && showCode(TASKS[state.task][1], state.task, { ...body()[1], n: body()[0], ...(state.task === "generate" ? {} : { image: "https://example.com/image.png" }) }));
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
