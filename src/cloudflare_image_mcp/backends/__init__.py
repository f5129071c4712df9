"""Implementations of the port ``Backend``: each makes one image for each call."""
