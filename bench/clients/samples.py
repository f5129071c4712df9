"""What the clients of the benches send: pictures, parameters, and requests that are refused."""

from __future__ import annotations

import io
from typing import Any, Final

from PIL import Image

LIGHTNING: Final = "stable-diffusion-xl-lightning"
KLEIN: Final = "flux-2-klein-9b"
"""The emulator's pictures of both follow the seed, so that it draws each one once and then has it in its cache."""
SIDE: Final = 256
FORMATS: Final = ("png", "jpeg", "webp")
PATH: Final = "/v1/images/"
JOBS: Final = f"{PATH}jobs"
CHAT: Final = "/v1/chat/completions"


def picture(mode: str, media_type: str = "PNG") -> bytes:
    """A picture to edit (RGB), or a mask whose middle is to be repainted (RGBA)."""
    data, image = io.BytesIO(), Image.new(mode, (SIDE, SIDE), (200, 120, 40) if mode == "RGB" else (0, 0, 0, 255))
    if mode == "RGBA":
        image.paste((0, 0, 0, 0), (64, 64, 192, 192))
    image.save(data, media_type)
    return data.getvalue()


BAD_REQUESTS: Final[tuple[tuple[str, str, Any, int, str], ...]] = (
    (f"{PATH}generations", "team", {}, 400, "None"),
    (f"{PATH}generations", "team", {"prompt": "a fox", "n": 99}, 400, "None"),
    (f"{PATH}generations", "team", b'{"prompt": ', 400, "None"),
    (f"{PATH}generations", "team", {"prompt": "a fox", "model": "no-such-model"}, 404, "model_not_found"),
    (f"{PATH}generations", "team", {"prompt": "naked", "model": LIGHTNING}, 400, "content_policy_violation"),
    (f"{PATH}generations", "narrow", {"prompt": "a fox", "model": LIGHTNING}, 403, "not_allowed"),
    (f"{PATH}generations", "no-such-key", {"prompt": "a fox"}, 401, "invalid_api_key"),
    (f"{PATH}edits", "team", {"prompt": "a fox", "image": "bm8gaW1hZ2U="}, 400, "invalid_image"),
    (f"{PATH}edits", "team", {"prompt": "a fox", "image": "http://127.0.0.1:9/a.png"}, 400, "invalid_image_url"),
    (CHAT, "team", {"messages": []}, 400, "None"),
    ("/v1/no/such/path", "team", {}, 404, "not_found"),
    ("/health", "team", {}, 405, "method_not_allowed"),
)
"""Path, name of the key, body, and the status and code of the answer."""
COUNTED: Final = frozenset({f"{PATH}generations", f"{PATH}edits", f"{PATH}variations", CHAT})
