// LangChain's MCP adapters: calls run_model and prints the content of the tool's message as one line of JSON.
import { MultiServerMCPClient } from "@langchain/mcp-adapters";

const { url, key } = JSON.parse(process.argv[2]);
const client = new MultiServerMCPClient({
  mcpServers: { images: { transport: "http", url, headers: { Authorization: `Bearer ${key}` } } },
});
const tools = await client.getTools();
const run = tools.find((tool) => tool.name.endsWith("run_model"));
const args = { prompt: "a red house on a green hill", size: "512x512", seed: 7 };
const message = await run.invoke({ name: run.name, args, id: "call_1", type: "tool_call" });
console.log(JSON.stringify(message.content));
await client.close();
