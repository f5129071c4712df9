"""Work on pixels over Pillow: limits, decoding, sizes, masks, composites, encoding."""

from cloudflare_image_mcp.imaging.pixels import PillowPixels

__all__ = ["PillowPixels"]
