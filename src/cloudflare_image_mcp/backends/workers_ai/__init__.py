"""Cloudflare Workers AI over its REST wire.

``request`` (what is sent), ``errors`` (what refusals mean) and ``answer`` (what comes back) know no
transport; ``client`` is the one that speaks HTTP; ``accounts``, ``retry`` and ``neurons`` decide who is
asked, how often, and add up the cost; ``backend`` puts them together behind the core's ``Backend``.
"""
