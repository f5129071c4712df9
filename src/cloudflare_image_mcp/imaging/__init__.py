"""Implementations of the port ``Pixels``: Pillow, and Cloudflare Images in a Worker."""
