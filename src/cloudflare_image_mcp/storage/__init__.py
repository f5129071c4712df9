"""Implementations of the port ``ImageStore``: files, S3, memory, and R2 in a Worker."""
