"""Styles: painting, drawing and printing techniques, applied to the finished picture."""
