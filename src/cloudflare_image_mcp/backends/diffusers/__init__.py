"""A diffusion model of the user's own, through Hugging Face's diffusers (the extra ``[diffusers]``)."""

from cloudflare_image_mcp.backends.diffusers.backend import DiffusersBackend

__all__ = ["DiffusersBackend"]
