"""The gateway as a Python Worker on Cloudflare: the same core, REST API and MCP server over Cloudflare's bindings.

Runs inside ``workerd`` alone: ``js``, ``pyodide`` and ``workers`` are modules of that runtime.
"""
