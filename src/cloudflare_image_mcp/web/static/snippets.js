// A request as code: curl, Python, JavaScript, an MCP tool call.
import { button, element, openDialog } from "./dom.js";

function snippets(path, body) {
  const url = new URL(path, document.baseURI).href;
  const json = JSON.stringify(body, null, 2);
  return {
    curl: `curl ${url} \\\n  -H "Content-Type: application/json" \\\n  -d '${json.replaceAll("'", "'\\''")}'`,
    Python: `import json\nimport requests\n\nbody = json.loads(${JSON.stringify(JSON.stringify(body))})\nprint(requests.post(${JSON.stringify(url)}, json=body).json())`,
    JavaScript: `const answer = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: { "Content-Type": "application/json" },\n  body: JSON.stringify(${json}),\n});\nconsole.log(await answer.json());`,
    MCP: JSON.stringify({ method: "tools/call", params: { name: "run_model", arguments: body } }, null, 2),
  };
}

export function showCode(path, body) {
  const code = element("pre", { tabIndex: 0 });
  const all = snippets(path, body);
  const show = (name) => {
    code.textContent = all[name];
    for (const tab of tabs.children) tab.ariaPressed = String(tab.textContent === name);
  };
  const tabs = element("div", { className: "tabs" }, ...Object.keys(all).map((name) => button(name, () => show(name))));
  const dialog = openDialog("This request as code", tabs, code, element("div", { className: "row" },
    button("Copy", () => navigator.clipboard.writeText(code.textContent)), button("Close", () => dialog.close())));
  show("curl");
}
