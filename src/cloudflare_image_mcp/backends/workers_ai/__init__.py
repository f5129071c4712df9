"""Cloudflare Workers AI: one engine, and two transports that differ in how a request is sent.

``backend`` is the engine: it chooses an account (``accounts``), retries (``retry``), interprets errors (``errors``) and
counts neurons (``neurons``). ``request`` writes the request, ``reply`` reads the answer. ``rest_transport`` sends
requests to Cloudflare's REST API, ``binding`` through the AI binding of a Worker. The modules ``proxied_*`` do the same
for the models of other providers, ``discovery`` finds those that are newer than the release, and ``prompt_writer`` asks
a text model for a better prompt.
"""
