"""Implementations of the port ``ImageFetcher``: guarded HTTP, and ``fetch`` in a Worker."""
