"""What the bundle's host starts: the MCP server on stdin and stdout."""

from cloudflare_image_mcp.cli import main

main(["mcp"])
