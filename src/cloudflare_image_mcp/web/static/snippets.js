// A request as code: curl, Python, JavaScript, an MCP tool call. A key is named, never shown.
import { getKey } from "./api.js";
import { button, element, openDialog } from "./dom.js";

// The arguments of the MCP tool run_model, which takes images where the REST API takes image.
function toolArguments(task, { response_format: _dropped, image, ...fields }) {
  return { operation: task, ...fields, ...(image ? { images: [image] } : {}) };
}

function snippets(path, task, body) {
  const url = new URL(path, document.baseURI).href;
  const json = JSON.stringify(body, null, 2);
  const key = Boolean(getKey());
  return {
    curl: `curl ${url} \\\n${key ? '  -H "Authorization: Bearer $API_KEY" \\\n' : ""}  -H "Content-Type: application/json" \\\n  -d '${json.replaceAll("'", "'\\''")}'`,
    Python: `import json\n${key ? "import os\n" : ""}\nimport requests\n\nbody = json.loads(${JSON.stringify(JSON.stringify(body))})\n${key ? 'headers = {"Authorization": "Bearer " + os.environ["API_KEY"]}\n' : ""}answer = requests.post(${JSON.stringify(url)}, json=body${key ? ", headers=headers" : ""})\nprint(answer.json())`,
    JavaScript: `const answer = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: { "Content-Type": "application/json"${key ? ", Authorization: `Bearer ${process.env.API_KEY}`" : ""} },\n  body: JSON.stringify(${json}),\n});\nconsole.log(await answer.json());`,
    MCP: JSON.stringify({ method: "tools/call", params: { name: "run_model", arguments: toolArguments(task, body) } }, null, 2),
  };
}

// Copies the text of an element. Browsers give the clipboard to pages over HTTPS or of this machine; elsewhere the text is
// selected, for Ctrl+C.
async function copy(code, control) {
  if (!navigator.clipboard) return getSelection().selectAllChildren(code);
  await navigator.clipboard.writeText(code.textContent);
  control.textContent = "Copied";
  return undefined;
}

export function showCode(path, task, body) {
  const code = element("pre", { tabIndex: 0 });
  const all = snippets(path, task, body);
  const show = (name) => {
    code.textContent = all[name];
    for (const tab of tabs.children) tab.ariaPressed = String(tab.textContent === name);
    copyButton.textContent = "Copy";
  };
  const copyButton = button("Copy", () => copy(code, copyButton));
  const tabs = element("div", { className: "tabs" }, ...Object.keys(all).map((name) => button(name, () => show(name))));
  const dialog = openDialog("This request as code", tabs, code, element("div", { className: "row" }, copyButton, button("Close", () => dialog.close())));
  show("curl");
}
