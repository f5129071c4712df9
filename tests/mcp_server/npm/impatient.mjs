// TypeScript SDK 1.x with a request timeout: gives up on a run_model. Arguments: {url, prompt, timeout}.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { url, prompt, timeout } = JSON.parse(process.argv[2]);
const client = new Client({ name: "impatient", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
let progress = 0;
const options = { timeout, onprogress: () => { progress += 1; } };
try {
  await client.callTool({ name: "run_model", arguments: { prompt, size: "256x256" } }, undefined, options);
  console.log(JSON.stringify({ answered: true }));
} catch (error) {
  console.log(JSON.stringify({ answered: false, code: error.code, progress }));
}
await client.close();
