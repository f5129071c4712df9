"""What the prompt of an edit asks for: to remove, replace, recolour or add something, or just a description."""

import re
from dataclasses import dataclass

REMOVE = re.compile(
    r"\b(?:remove|delete|erase|take away|take out|get rid of|clear)\s+(?:the |a |an |all |any |that )*(?P<what>[^,.]+)",
    re.IGNORECASE,
)
BACKDROP = re.compile(
    r"\b(?:replace|change|swap|set|make)\s+the\s+(?:background|backdrop|sky|scenery)\s+(?:with|to|by|into|for|be)?\s*(?P<what>[^,.]+)",
    re.IGNORECASE,
)
REPLACE = re.compile(
    r"\b(?:replace|swap|exchange|turn|change)\s+the\s+(?P<old>[\w -]+?)\s+(?:with|by|for|into|to)\s+(?P<what>(?:a|an|two|three|some|the)\b[^,.]+)",
    re.IGNORECASE,
)
TINT = re.compile(
    r"\b(?:make|turn|change|paint|colou?r|dye|recolou?r)\s+(?:the )?(?:colou?r of )?(?:the |it |this |her |his )?(?P<what>[\w -]*?)\s*(?:to |into |in )?(?P<colour>red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y|gold(?:en)?|silver|cyan|teal|turquoise|magenta|navy|beige|violet)\s*(?:$|[,.])",
    re.IGNORECASE,
)
ADD = re.compile(
    r"\b(?:add|put|place|insert|include|draw|give (?:it|him|her|them))\s+(?P<what>[^.]+?)(?:\s+(?P<relation>"
    r"on top of|onto|on|above|over|under|below|next to|beside|near|in front of)\s+(?:the|its|his|her|their)\s+"
    r"(?P<old>(?!sky|ground|grass|beach|water|sea|street|left|right|table|floor|wall|background|foreground|picture|image|top|bottom)[\w -]+))?\s*(?:[.]|$)",
    re.IGNORECASE,
)
RELATIONS = {
    "on top of": "on",
    "onto": "on",
    "on": "on",
    "above": "over",
    "over": "over",
    "under": "under",
    "below": "under",
    "in front of": "front",
}


@dataclass(slots=True)
class Instruction:
    """What an edit's prompt asks for."""

    kind: str  # remove | backdrop | replace | tint | add | describe
    what: str
    colour: str | None = None
    relation: str | None = None  # of what is added to what is in the picture


def instruction(prompt: str) -> Instruction:
    """The kind of edit, and the part of the prompt that says what."""
    for kind, pattern in (
        ("remove", REMOVE),
        ("backdrop", BACKDROP),
        ("tint", TINT),
        ("replace", REPLACE),
        ("add", ADD),
    ):
        match = pattern.search(prompt)
        if match is not None:
            found = match.groupdict()
            colour, link = found.get("colour"), found.get("relation")
            relation = RELATIONS.get(link.lower(), "beside") if link else None
            return Instruction(
                kind, match.group("what") + prompt[match.end() :], colour.lower() if colour else None, relation
            )
    return Instruction("describe", prompt)
