// TypeScript SDK 2.x. Arguments as for client_v1.mjs.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { workout } from "./workout.mjs";

const options = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${options.key}` };
const transport = options.url
  ? new StreamableHTTPClientTransport(new URL(options.url), { requestInit: { headers } })
  : new StdioClientTransport(options);
const client = new Client({ name: "tests", version: "1" }, { versionNegotiation: { mode: "auto" } });
await client.connect(transport);
await workout(client, { ...options, era: client.getNegotiatedProtocolVersion?.() ?? "unknown" });
await client.close();
