// Puts the page together: models, form, inputs, running, gallery, and the state in the address.
import { call, getKey, loadImage, setKey } from "./api.js";
import { button, byId, element, openDialog } from "./dom.js";
import { reloadGallery, showNew, startGallery } from "./gallery.js";
import { addInputs, inputImages, maskFile, readImages, setInputs, showInputs, startInputs } from "./inputs.js";
import { chooseModel, showChosen } from "./models.js";
import { estimate, readParameters, showParameters } from "./parameters.js";
import { clearResults, run } from "./results.js";
import { showCode } from "./snippets.js";

const TASKS = { generate: ["Generate", "v1/images/generations"], edit: ["Edit", "v1/images/edits"], vary: ["Vary", "v1/images/variations"] };
// Engines that send partial images; the service sends none.
const PREVIEWS = new Set(["local", "diffusers"]);
const state = { models: [], model: null, task: "generate", values: {} };
let addressTimer;
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
  // A key may be limited to models that do not do every task.
  const able = (task) => state.models.length === 0 || state.models.some((one) => one.tasks.includes(task));
  if (!able(state.task)) state.task = Object.keys(TASKS).find(able);
  for (const tab of byId("tasks").children) {
    tab.ariaPressed = String(tab.value === state.task);
    tab.disabled = !able(tab.value);
  }
  byId("inputs").hidden = state.task === "generate";
  document.querySelector("#form button.main").textContent = TASKS[state.task][0];
  const fit = fitting();
  if (!fit.includes(state.model)) state.model = fit.find((one) => one.id === state.values.model) ?? fit[0];
  showModel();
}

// The model that makes the image: the service refuses the edits of some, which another model makes instead.
function runningModel() {
  const editor = state.task === "generate" ? null : state.model.edits_made_by?.model;
  return state.models.find((one) => one.id === editor) ?? state.model;
}

function describe(model) {
  const running = runningModel();
  const other = running === model ? "" : `${running.name} makes the image, because the service refuses this model's edits.`;
  const local = model.backend === "local" ? "Here an illustrator draws the picture: no AI model runs." : "";
  return [`${model.description}.`, other, local].filter(Boolean).join(" ");
}

function showModel() {
  const chosen = state.model;
  byId("model").disabled = !chosen;
  if (!chosen) return;
  showChosen(byId("model"), chosen);
  byId("about-model").textContent = describe(chosen);
  showParameters(chosen, state.task, state.values, runningModel());
  showInputs(chosen, state.task);
  changed();
}

function showCost() {
  const bitmaps = state.task === "generate" ? [] : inputImages().map((one) => one.bitmap);
  const size = state.values.size || (bitmaps.length && state.task === "edit" ? `${bitmaps[0].width}x${bitmaps[0].height}` : "");
  const cost = estimate(runningModel(), { ...state.values, size }, bitmaps);
  byId("cost").textContent = cost ? `About $${cost.toFixed(5)}` : Number.isNaN(cost) ? "The price is not known" : "Costs nothing";
}

function changed() {
  const chosen = state.model;
  if (!chosen) return;
  state.values = { ...readParameters() };
  showCost();
  // Safari allows 100 changes of the address in half a minute, and a prompt has more letters.
  clearTimeout(addressTimer);
  addressTimer = setTimeout(showAddress, 300);
}

function showAddress() {
  const query = new URLSearchParams({ task: state.task, model: state.model.id, ...state.values });
  if (byId("prompt").value) query.set("prompt", byId("prompt").value);
  history.replaceState(null, "", `?${query}`);
}

function switchTask(task) {
  state.task = task;
  showTask();
}

async function takeImages(blobs) {
  try {
    const read = await readImages(blobs);
    if (state.task === "generate") switchTask("edit");
    addInputs(read);
    fail(null);
  } catch (error) {
    fail(error);
  }
}

async function useAsInput(path, task) {
  const read = await readImages([await loadImage(path)]);
  switchTask(task);
  setInputs(read);
  byId("prompt").focus();
}

const actions = {
  key: askKey,
  edit: (path) => useAsInput(path, "edit").catch(fail),
  vary: async (path, record) => {
    try {
      await useAsInput(path, "vary");
    } catch (error) {
      return fail(error);
    }
    byId("prompt").value = record.prompt ?? "";
    return byId("form").requestSubmit();
  },
  again: (record) => {
    byId("prompt").value = record.prompt ?? "";
    switchTask("generate");
    state.model = fitting().find((one) => one.id === record.model) ?? state.model;
    state.values = { ...state.values, size: record.size ?? "", seed: record.seed ?? "" };
    showModel();
    byId("form").requestSubmit();
  },
};

// The number of images, and the request for one.
function request() {
  const { n = 1, ...values } = readParameters();
  return [n, { prompt: byId("prompt").value, model: state.model.id, ...values, response_format: "url" }];
}

// What the person has to do before the form can be sent; empty when it can.
function missing(mask) {
  if (!byId("prompt").value.trim() && state.task !== "vary") return "Write a prompt first.";
  if (state.task !== "generate" && !inputImages().length) return "Choose an image first.";
  if (state.task === "edit" && state.model.mask === "required" && !mask) return "This model needs a mask: paint what is to change first.";
  return "";
}

function form(fields, mask) {
  const sent = new FormData();
  for (const [name, value] of Object.entries(fields)) sent.append(name, value);
  for (const { blob } of inputImages()) sent.append(inputImages().length > 1 ? "image[]" : "image", blob, "image");
  if (mask) sent.append("mask", mask, "mask.png");
  return sent;
}

async function submit(event) {
  event.preventDefault();
  fail(null);
  if (!state.model) return loadModels();
  const mask = state.task === "edit" ? await maskFile() : null;
  if (missing(mask)) return fail(new Error(missing(mask)));
  const [n, fields] = request();
  if (!fields.prompt) delete fields.prompt;
  const stream = PREVIEWS.has(state.model.backend);
  for (let index = 0; index < n; index += 1) {
    // Each image is a request of its own, so that each can be cancelled; a set seed counts up.
    const one = { ...fields, ...(fields.seed === undefined ? {} : { seed: (fields.seed + index) % 2 ** 32 }), ...(stream ? { stream, partial_images: 2 } : {}) };
    const body = state.task === "generate" ? one : form(one, mask);
    const before = state.task === "edit" ? inputImages()[0].url : undefined;
    run({ path: TASKS[state.task][1], body, stream, model: state.model.id, prompt: fields.prompt ?? "", before, actions, done: showNew });
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

function showRequestAsCode() {
  if (!state.model) return;
  const [n, fields] = request();
  showCode(TASKS[state.task][1], state.task, { ...fields, n, ...(state.task === "generate" ? {} : { image: "https://example.com/image.png" }) });
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
  byId("tasks").append(...Object.entries(TASKS).map(([name, [title]]) => {
    const tab = button(title, () => switchTask(name));
    tab.value = name;
    return tab;
  }));
  showTask();
  byId("set-key").addEventListener("click", askKey);
  byId("copy-code").addEventListener("click", showRequestAsCode);
  byId("clear-results").addEventListener("click", clearResults);
  byId("prompt").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit(); });
  startInputs(takeImages, changed);
  loadModels();
  startGallery(actions);
}

start();
