"""The REST API: OpenAI's image routes over the core. All but ``server`` also runs inside a Worker."""
