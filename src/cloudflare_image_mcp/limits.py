"""Every limit on what a caller may send, in one place. Checked before the work, never after."""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1024 * 1024

MAX_IMAGES: Final = 8
"""Images in one request, from the API document."""
MAX_INPUT_IMAGES: Final = 16
"""Input images in one request, from OpenAI's description."""
MAX_IMAGE_BYTES: Final = 25 * MEBIBYTE
"""One input image, as a file."""
MAX_IMAGE_PIXELS: Final = 40_000_000
"""Width times height of one input image, read from its header before a pixel is decoded."""
MAX_WEBP_PIXELS: Final = 4_096 * 3_072
"""The same for WebP, whose decoder holds four copies of the picture: 16 bytes a pixel, from a file of 40
bytes.
"""
MAX_IMAGE_SIDE: Final = 16_383
"""The longest side of any input image: WebP's own limit, the lowest of the formats."""
MAX_PICTURE_BYTES: Final = 176 * MEBIBYTE
"""Memory of all pictures that are being decoded or drawn at the same time. A single one may take more: it then runs
alone.
"""
MAX_BODY_BYTES: Final = 64 * MEBIBYTE
"""One request's body: an image and a mask at their limit, in base64, fit."""
MAX_TOTAL_BYTES: Final = 128 * MEBIBYTE
"""Request bodies and fetched images of all requests being processed, together."""
MIN_BODY_RATE: Final = 1024
"""Bytes a second below which a body that takes longer than READ_TIMEOUT is given up."""
READ_TIMEOUT: Final = 30.0
"""Seconds without data after which a request is given up; the setting READ_TIMEOUT changes it."""
MAX_JSON_LISTS: Final = 100_000
MAX_JSON_VALUES: Final = 2_000_000
"""In one JSON body: an image of 2 MB as a list of numbers, which is Workers AI's own way, fits."""
MAX_JSON_KEYS: Final = 1_000
"""In one JSON object."""
MAX_JSON_COLONS: Final = 20_000
"""In one JSON body, in texts too: keys of all its objects together."""
MAX_FORM_PARTS: Final = 128
MAX_NAME_LENGTH: Final = 200
"""A model's name, a user's identifier and their like."""
MAX_PARTIAL_IMAGES: Final = 3
"""From OpenAI's description."""
MAX_URL_LENGTH: Final = 2_048

FETCH_TIMEOUT: Final = 20.0
"""Seconds for the whole of one image fetched from a URL in a request, redirects and all."""
MAX_RESULT_BYTES: Final = 40 * MEBIBYTE
"""The image of a model's answer, fetched from its URL: 4096 x 4096 pixels as a PNG take up to 30 MB."""
RESULT_FETCH_TIMEOUT: Final = 60.0
"""Seconds for fetching it."""
FETCH_REDIRECTS: Final = 3
