"""An OpenAI-compatible image API and MCP server over Cloudflare Workers AI.

Importing this package imports none of its parts: each interface (``rest``, ``mcp_server``, ``cli``, ``worker``) imports
what it needs when it is used, so that ``--help`` and a cold start stay quick.
"""

__version__ = "0.1.0"
