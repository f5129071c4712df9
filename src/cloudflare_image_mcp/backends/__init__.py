"""The engines behind the gateway, siblings of equal shape: each makes one image a call."""
