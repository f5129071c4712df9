"""API keys: who may use the gateway, and for what."""
