// A host for the gallery: a page in a real browser with the app in a sandboxed frame under the strictest policy that hosts
// apply (the Inspector's), its calls passed on to a real server. Arguments: {url, folder}. Prints what happened as JSON.
import { writeFileSync } from "node:fs";
import chromium from "@sparticuz/chromium";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import puppeteer from "puppeteer-core";

const POLICY = "default-src 'none'; connect-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'none'; font-src 'none'; media-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'none'; object-src 'none'; worker-src 'none'";
const LONGEST = 240000; // milliseconds within which anything happens, however busy the machine is
const { url, folder } = JSON.parse(process.argv[2]);
const seen = { calls: [], messages: [], requests: [], errors: [] };

const client = new Client({ name: "host", version: "1" }, { versionNegotiation: { mode: "auto" } });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const { tools } = await client.listTools();
const tool = tools.find(({ name }) => name === "run_model");
const app = (await client.readResource({ uri: tool._meta.ui.resourceUri })).contents[0];
const input = { prompt: "a red house on a green hill", model: "flux-2-klein-4b", size: "512x512", n: 2, seed: 7 };
const result = await client.callTool({ name: "run_model", arguments: input });
const unseen = await client.callTool({ name: "run_model", arguments: { ...input, n: 1, output: "link" } });
let reads = true; // whether the host reads resources, or finds them too large

const browser = await puppeteer.launch({
  args: [...chromium.args, "--no-sandbox"],
  executablePath: await chromium.executablePath(),
  headless: "shell",
  timeout: LONGEST,
  protocolTimeout: LONGEST,
});
const page = await browser.newPage();
page.setDefaultTimeout(LONGEST);
page.setDefaultNavigationTimeout(LONGEST);
await page.setViewport({ width: 900, height: 700 });
page.on("request", (request) => {
  if (!/^(data|about|blob):/.test(request.url())) seen.requests.push(request.url());
});
page.on("pageerror", (error) => seen.errors.push(error.message));
page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
await page.exposeFunction("serve", async ({ method, params }) => {
  seen.calls.push(method === "tools/call" ? `${method} ${params.name}` : method);
  if (method === "ui/initialize")
    return {
      protocolVersion: params.protocolVersion,
      hostInfo: { name: "host", version: "1" },
      hostCapabilities: { serverTools: {}, serverResources: {}, downloadFile: {}, updateModelContext: {}, message: {} },
      hostContext: { theme: "dark", availableDisplayModes: ["inline", "fullscreen"], styles: { variables: { "--color-background-primary": "rgb(1, 2, 3)" } } },
    };
  if (method === "tools/call") return client.callTool(params);
  if (method === "resources/read" && !reads) throw new Error("too large");
  if (method === "resources/read") return client.readResource(params);
  seen.messages.push({ method, params });
  return {};
});
await page.setContent(`<iframe sandbox="allow-scripts" style="width:860px;height:660px;border:0"></iframe><script>
  const frame = document.querySelector("iframe");
  window.said = [];
  addEventListener("message", async ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data.id === undefined) return said.push(data);
    try { frame.contentWindow.postMessage({ jsonrpc: "2.0", id: data.id, result: await serve(data) }, "*"); }
    catch (error) { frame.contentWindow.postMessage({ jsonrpc: "2.0", id: data.id, error: { code: -32000, message: error.message } }, "*"); }
  });
  window.send = (method, params) => frame.contentWindow.postMessage({ jsonrpc: "2.0", method, params }, "*");
</script>`);
const html = app.text.replace("<meta charset", `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta charset`);
await page.$eval("iframe", (frame, html) => { frame.srcdoc = html; }, html);
await page.waitForFunction(() => window.said.some(({ method }) => method === "ui/notifications/initialized"));
await page.evaluate((input) => send("ui/notifications/tool-input", { arguments: input }), input);
await page.evaluate((result) => send("ui/notifications/tool-result", result), result);
const view = await (await page.$("iframe")).contentFrame();

const cards = () => view.$$eval("figure", (all) => all.map((card) => card.dataset.id));
const press = (card, text) => view.evaluate((card, text) => {
  [...document.querySelectorAll("figure")][card].querySelectorAll("button").forEach((one) => one.textContent === text && one.click());
}, card, text);
const settled = async () => { await view.waitForFunction(() => !document.querySelector("button:disabled"), { timeout: LONGEST }); };

await view.waitForFunction(() => document.querySelectorAll("figure canvas[data-drawn]").length === 2);
seen.colours = await view.$$eval("figure canvas", (all) => all.map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}));
seen.cards = await cards();
seen.status = await view.$eval("#status", (status) => status.textContent);
seen.buttons = await view.$$eval("figure:first-child .actions button", (all) => all.map((one) => one.textContent));
seen.ground = await view.$eval("body", (body) => getComputedStyle(body).backgroundColor);
seen.theme = await view.$eval("html", (html) => html.dataset.theme);
await page.screenshot({ path: `${folder}/gallery.png` });

await press(0, "Full size");
await settled();
await view.waitForFunction(() => document.querySelector("dialog").open && document.querySelector("dialog canvas[data-drawn]"));
seen.full = await view.$eval("dialog canvas", (canvas) => [canvas.width, canvas.height]);
seen.pixels = await view.$eval("dialog canvas", (canvas) => [...canvas.getContext("2d").getImageData(0, 0, 16, 1).data]);
await view.$eval("#close", (button) => button.click());
seen.closed = await view.$eval("dialog", (dialog) => !dialog.open);

await press(1, "Download");
await settled();
await press(0, "Use as input");
await settled();
seen.chosen = await view.$$eval("figure[aria-current=true]", (all) => all.map((card) => card.dataset.id));
await press(0, "Vary");
await settled();
seen.after = await cards();
await page.evaluate((result) => send("ui/notifications/tool-result", result), unseen);
await view.waitForFunction(() => document.querySelectorAll("figure canvas[data-drawn]").length === 4);
seen.unseen = [await cards(), unseen.structuredContent.images[0].id, unseen.content.map(({ type }) => type)];

reads = false;
await press(2, "Full size");
await settled();
seen.fallback = await view.evaluate(() => [document.querySelector("dialog").open, document.querySelector("#status").textContent]);
await view.$eval("#close", (button) => button.click());
const begun = await client.callTool({ name: "run_model", arguments: { ...input, n: 3, wait_seconds: 0 } });
const cancelled = { structuredContent: { ...begun.structuredContent, status: "cancelled", images: [] } };
await page.evaluate((result) => send("ui/notifications/tool-result", result), cancelled);
seen.cancelled = await view.waitForFunction(() => /^Cancelled/.test(document.querySelector("#status").textContent) && document.querySelector("#status").textContent).then((said) => said.jsonValue());
await page.evaluate(() => send("ui/notifications/tool-result", { isError: true, content: [{ type: "text", text: "steps must be 1" }] }));
await view.waitForFunction(() => document.querySelector("#status").dataset.kind === "error");
seen.error = await view.$eval("#status", (status) => status.textContent);

seen.sizes = await page.evaluate(() => said.filter(({ method }) => method === "ui/notifications/size-changed").length);
const saved = seen.messages.find(({ method }) => method === "ui/download-file")?.params.contents[0].resource;
if (saved) {
  writeFileSync(`${folder}/downloaded.png`, Buffer.from(saved.blob, "base64"));
  saved.blob = saved.blob.length;
}
seen.images = result.structuredContent.images;
const first = await client.readResource({ uri: seen.images[0].uri });
writeFileSync(`${folder}/first.png`, Buffer.from(first.contents[0].blob, "base64"));
console.log(JSON.stringify(seen));
await browser.close();
await client.close();
