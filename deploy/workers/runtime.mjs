// Runs the built Worker in workerd, with R2, D1, rate limits, cron triggers and Images simulated by miniflare and the AI
// binding answered by a Workers AI REST service, such as `cloudflare-image-mcp emulate`.
//
//   node runtime.mjs --app DIR --ai URL [--port N] [--host H] [--state DIR] [--var NAME=VALUE]... [--without BINDING]...
//     [--isolates N] [--rate-limit N]
//
// Prints one line of JSON when the Worker answers: {"urls": […]}, one for each isolate, which share what they are bound
// to. Lines on its standard input print a line of JSON each: "objects" what is in the bucket, and since when (seconds
// since 1970): {"objects": {NAME: …}}; "sql STATEMENT" the rows that the database answers: {"rows": […]}. Ends with its
// standard input when that is a pipe, and not when it is a terminal or, in the background, /dev/null.
// /cdn-cgi/local/scheduled runs the cron trigger.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import readline from "node:readline";
import { parseArgs } from "node:util";
import { Miniflare, Log, LogLevel, convertV4MiniflareOptions } from "miniflare";
import { modulesOf, readConfig, workerdWrapper } from "./project.mjs";

const { values: options } = parseArgs({
  options: {
    app: { type: "string" },
    ai: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    state: { type: "string" },
    var: { type: "string", multiple: true, default: [] },
    without: { type: "string", multiple: true, default: [] },
    main: { type: "string" },
    "rate-limit": { type: "string" },
    isolates: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});

const app = path.resolve(options.app);
const config = readConfig(app);
const vars = { ...config.vars, ...Object.fromEntries(options.var.map((pair) => pair.split(/=(.*)/s).slice(0, 2))) };
const bound = (row) => row !== undefined && !options.without.includes(row.binding ?? row.name);

process.env.MINIFLARE_WORKERD_PATH = workerdWrapper();
const gate = await aiGate(options.ai);
const script = {
  modules: modulesOf(app, config, options.main),
  modulesRoot: path.join(app, "src"),
  compatibilityDate: config.compatibility_date,
  compatibilityFlags: [...config.compatibility_flags, "python_workers_development", "experimental"],
  bindings: vars,
  r2Buckets: Object.fromEntries(config.r2_buckets.filter(bound).map((row) => [row.binding, row.bucket_name])),
  d1Databases: Object.fromEntries(config.d1_databases.filter(bound).map((row) => [row.binding, row.database_name])),
  ratelimits: Object.fromEntries(config.ratelimits.filter(bound).map((row) => [row.name, rateLimit(row)])),
  ai: bound(config.ai) ? { binding: config.ai.binding, remoteProxyConnectionString: new URL(gate.url) } : undefined,
  images: bound(config.images) ? { binding: config.images.binding } : undefined,
  cronTriggers: config.triggers.crons,
};
const others = Array.from({ length: Number(options.isolates) - 1 }, (_, index) => `${config.name}-${index + 2}`);
const runtime = new Miniflare(
  convertV4MiniflareOptions({
    host: options.host,
    port: Number(options.port),
    workers: [
      { name: config.name, ...script },
      ...others.map((name) => ({ name, ...script, unsafeDirectSockets: [{ host: options.host, port: 0 }] })),
    ],
    unsafeTriggerHandlers: true,
    resourcePersistencePath: options.state ? path.resolve(options.state) : undefined,
    log: new Log(options.verbose ? LogLevel.DEBUG : LogLevel.ERROR),
  }),
);

function rateLimit({ namespace_id, simple }) {
  return { namespace_id, simple: { ...simple, limit: Number(options["rate-limit"] ?? simple.limit) } };
}

async function stop() {
  await runtime.dispose();
  gate.server.close();
  gate.server.closeAllConnections();
  process.exit(0);
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

const urls = [await runtime.ready, ...(await Promise.all(others.map((name) => runtime.unsafeGetDirectURL(name))))];
console.log(JSON.stringify({ urls: urls.map((url) => url.origin) }));

const lines = readline.createInterface({ input: process.stdin });
const input = fs.fstatSync(0);
lines.on("close", () => (input.isFIFO() || input.isSocket()) && stop());
lines.on("line", async (line) => {
  const [command, ...rest] = line.trim().split(" ");
  if (command === "objects") console.log(JSON.stringify({ objects: await objects() }));
  if (command === "sql") console.log(JSON.stringify({ rows: await rows(rest.join(" ")) }));
});

async function objects() {
  const bucket = await runtime.getR2Bucket(config.r2_buckets[0].binding);
  const found = {};
  let page;
  do {
    page = await bucket.list({ cursor: page?.cursor });
    for (const object of page.objects) found[object.key] = object.uploaded.getTime() / 1000;
  } while (page.truncated);
  return found;
}

async function rows(statement) {
  const database = await runtime.getD1Database(config.d1_databases[0].binding);
  return (await database.prepare(statement).all()).results;
}

// The AI binding's wire on one side, the REST wire on the other. What the binding sends: POST /run?version=3 with the
// model in a header and {"inputs", "options"} or a form as the body. What it takes: the bare result, the image, or
// {"internalCode", "message", "name", "description"} with an error status.
async function aiGate(service) {
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    answer(service, agent, request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(502, { "content-type": "application/json" });
      response.end(JSON.stringify({ internalCode: 3043, name: "AiError", description: `AiError: ${error.message}` }));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

async function answer(service, agent, request, response) {
  const model = request.headers["mf-header-cf-consn-model-id"];
  const type = request.headers["mf-header-content-type"] ?? request.headers["content-type"];
  let body = await collected(request);
  // Another provider's model is named in the body; over the binding it stands where Workers AI's models do.
  const proxied = !model.startsWith("@cf/");
  if (type.startsWith("application/json")) {
    const { inputs } = JSON.parse(body);
    body = JSON.stringify(proxied ? { model, input: inputs } : inputs);
  }
  const path = proxied ? "ai/run" : `ai/run/${model}`;
  const upstream = await post(new URL(`${service.replace(/\/$/, "")}/${path}`), agent, type, body);
  const content = await collected(upstream);
  const headers = { "content-type": upstream.headers["content-type"] };
  for (const name of ["cf-ai-neurons", "cf-ai-req-id", "retry-after", "cf-aig-log-id", "cf-aig-cache-status"])
    if (upstream.headers[name]) headers[name] = upstream.headers[name];
  if (!headers["content-type"]?.startsWith("application/json")) {
    response.writeHead(upstream.statusCode, headers).end(content);
    return;
  }
  const envelope = JSON.parse(content);
  headers["content-type"] = "application/json";
  if (upstream.statusCode < 400) {
    response.writeHead(upstream.statusCode, headers).end(JSON.stringify(envelope.result));
    return;
  }
  const { code, message } = envelope.errors[0];
  const error = { internalCode: code, message, name: "AiError", description: message.replace(/^AiError: /, "") };
  response.writeHead(upstream.statusCode, headers).end(JSON.stringify(error));
}

function post(url, agent, type, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": type, authorization: "Bearer local", "content-length": Buffer.byteLength(body) };
    http.request(url, { method: "POST", agent, headers }, resolve).on("error", reject).end(body);
  });
}

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
