// TypeScript SDK 1.x. Arguments: one JSON object with {url, key} or {command, args, env}, and mask, folder.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { workout } from "./workout.mjs";

const options = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${options.key}` };
const transport = options.url
  ? new StreamableHTTPClientTransport(new URL(options.url), { requestInit: { headers } })
  : new StdioClientTransport(options);
const client = new Client({ name: "tests", version: "1" });
await client.connect(transport);
client.legacyOptions = true;
await workout(client, { ...options, era: transport.protocolVersion ?? "stdio" });
await client.close();
