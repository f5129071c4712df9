"""Fetches the images that requests name by URL, from where a stranger's URL may lead and nowhere else."""

from cloudflare_image_mcp.fetcher.guarded import GuardedFetcher

__all__ = ["GuardedFetcher"]
