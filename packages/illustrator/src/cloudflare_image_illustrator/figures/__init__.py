"""Figures: which drawing stands for a thing, its body, colour, size and place in the picture, and lettering."""
