"""The file that wrangler starts from: the Worker itself is part of the package."""

from cloudflare_image_mcp.worker.entry import Default

__all__ = ["Default"]
