"""The errors of other providers' models that ``--faults`` can ask for. Cloudflare publishes few of their codes and
texts: the others are made up, and most come without a code.
"""

from __future__ import annotations

from typing import Final

from cloudflare_image_mcp.emulator.errors import ErrorRow

PROVIDER_KEY: Final = ErrorRow(2009, 401, "The provider rejected the credentials", "api")
PROVIDER_UNIFIED: Final = ErrorRow(503, 503, "The provider is not available", "provider", "provider-credentials")
NO_CREDIT: Final = ErrorRow(402, 402, "Insufficient credits: top up the account's AI Gateway credits", "provider")
KEY_NEEDED: Final = ErrorRow(400, 400, "This model is available with your own provider key (BYOK) only", "provider")
REFUSED: Final = ErrorRow(
    451, 400, "Your request was rejected as a result of our safety system", "provider", "provider-safety"
)
PROVIDER_RATE: Final = ErrorRow(429, 429, "Too many requests", "provider", "provider-rate")
UNKNOWN: Final = ErrorRow(418, 400, "The flux capacitor of {model} is out of line", "provider", "provider-unknown")

PROVIDER_ROWS: Final[dict[str, ErrorRow]] = {
    "2009": PROVIDER_KEY,
    "no-credit": NO_CREDIT,
    "own-key-needed": KEY_NEEDED,
    "provider-credentials": PROVIDER_UNIFIED,
    "provider-safety": REFUSED,
    "provider-rate": PROVIDER_RATE,
    "provider-unknown": UNKNOWN,
}
"""By the name of the fault."""
