"""Phrases that are rewritten before a prompt is cut into tokens: idioms, and relations said by a verb."""

import re
from typing import Final

# Kinds of picture, which may be black and white as a whole.
PICTURES: Final = "photo|photograph|photography|picture|image|drawing|portrait|illustration|sketch|film|style|painting|engraving|comic|manga|art"
_REWRITTEN: Final[tuple[tuple[str, str], ...]] = (
    (r"\bin a (?:row|line|circle|group)\b", " "),
    (r"\b(?:leaning|propped)(?: up)? (?:against|on)\b", "next to"),
    (r"\b(?:balancing|perched|balanced|standing|sitting|seated) (?:up )?on\b", "on"),
    (r"\b(?:watering|feeding|painting|planting|fighting|chasing|greeting|petting)\b(?= (?:a|an|the|two|some|flowers))", "next to"),
    (r"\b(?:catching|eating|carrying|lifting|hugging)\b(?= (?:a|an|the|his|her|its|two)\b)", "holding"),
    (r"\bon (a|an|the|his|her) (\w+)['’]s shoulders?\b", r"on the shoulder of \1 \2"),
    (r"['’]s (?:shoulder|back|head|lap|hand|arm)s?\b", ""),
    (r"\blily ?pads?\b", "lotus"),
    (r"\b(?:wheat|corn|barley|rye|grain|rice) ?fields?\b", "wheat field"),
    (r"\bblack[ -]and[ -]white (?=(?:cow|panda|zebra|penguin|badger|skunk|orca)s?\b)", " "),
    (rf"\bblack[ -]and[ -]white (?!(?:{PICTURES})\b)(?=[a-z])", "black "),
    (r"\bsteaming (bowl|cup|mug|plate|pot)\b", r"\1"),
    (r"\b(cactus|plant|flower|tree|rose|tulip|herb|succulent|orchid)(s?) in a (?:clay |ceramic |flower ?)?pot\b", r"\1\2 in a flowerpot"),
    (r"\bon (?:a|the|his|her|their) (?:front )?porch\b", "in front of a house"),
    (r"\blavender fields?\b", "hyacinth field"),
    (r"\bstormy (sea|ocean|lake|sky|night)\b", r"storm \1"),
    (r"\b(?:foggy|misty) (lake|sea|ocean|forest|city|street)\b", r"fog \1"),
    (r"\berupting\b", " "),
)  # fmt: skip
REWRITTEN: Final = tuple((re.compile(pattern), instead) for pattern, instead in _REWRITTEN)


def paraphrase(text: str) -> str:
    """The text, in lower case, with its idioms in words that the reader knows."""
    for pattern, instead in REWRITTEN:
        text = pattern.sub(instead, text)
    return text
