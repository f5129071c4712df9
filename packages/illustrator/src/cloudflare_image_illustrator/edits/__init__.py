"""Edits: instructions, masks, inpainting and variations of a given image."""
