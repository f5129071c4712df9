"""``python -m cloudflare_image_mcp``: the command line."""

from cloudflare_image_mcp.cli import main

main()
