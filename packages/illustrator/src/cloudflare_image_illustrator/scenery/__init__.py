"""Scenery: skies, landscapes, rooms, cities, water, light and weather, painted on a stage."""
