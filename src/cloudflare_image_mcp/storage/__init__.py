"""Where finished images are kept: files, memory, or a bucket of R2, S3 or what else speaks S3's wire."""

from cloudflare_image_mcp.storage.opening import SETTING, open_store

__all__ = ["SETTING", "open_store"]
