"""Clients that the benches send requests with."""
