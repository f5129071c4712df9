"""Reading an English prompt: quotes, refusals and switches are taken out, the rest goes from words to tokens to a reading."""

import re

from cloudflare_image_illustrator.reading.completion import complete, take_some_of_them
from cloudflare_image_illustrator.reading.ideas import IDEAS
from cloudflare_image_illustrator.reading.mention import Reading
from cloudflare_image_illustrator.reading.paraphrases import paraphrase
from cloudflare_image_illustrator.reading.parser import MentionParser
from cloudflare_image_illustrator.reading.tokens import Tokeniser
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary

QUOTED = re.compile(
    r'"([^"]{1,60})"|“([^”]{1,60})”|„([^“”]{1,60})[“”]|«([^»]{1,60})»|「([^」]{1,60})」|(?<!\w)\'([^\']{1,60})\'(?!\w)'
)
MOST_FIGURES = 40  # in one picture: the time of the layout grows with the square of their number
# What other generators read as switches and weights: "--ar 16:9", "<lora:x:0.8>", ":1.3".
SWITCHED_OFF = re.compile(r"--no\s+(.+?)(?=\s--|$)", re.IGNORECASE)
MARKUP = re.compile(r"--(?!no\b)[a-z]+(?:\s+[^\s,-]+)?|<[^>]*>|:\d+(?:\.\d+)?")


class Reader:
    """Turns prompts into readings."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.tokeniser = Tokeniser(vocabulary)

    def read(self, prompt: str) -> Reading:
        """A reading of an English prompt."""
        reading = Reading()
        text = QUOTED.sub(lambda m: self._quote(m, reading), prompt)
        text = SWITCHED_OFF.sub(lambda m: f" without {m[1].replace(',', ', without ')} ", text)
        text, reading.refused = split_refusals(MARKUP.sub(" ", text.lower()))
        text, some = take_some_of_them(paraphrase(text))
        tokens = self.tokeniser.tokens(text)
        MentionParser(reading, self.vocabulary).run(tokens)
        complete(reading, self.vocabulary, some, text)
        _leave_out_the_rest(reading)
        if reading.ideas and not reading.mentions and not reading.scenery:
            idea = reading.ideas[0]
            pictured = self.read(re.sub(rf"\b{re.escape(idea)}\b", IDEAS[idea], prompt, count=1, flags=re.IGNORECASE))
            pictured.warnings.append(f'"{idea}" cannot be seen itself; it was pictured as {IDEAS[idea]}')
            return pictured
        for mention in reading.mentions:
            if mention.lettering is not None and reading.lettering:
                mention.lettering, *rest = reading.lettering
                reading.titles = rest
                break
        else:
            reading.titles = list(reading.lettering)
        return reading

    def _quote(self, match: re.Match[str], reading: Reading) -> str:
        reading.lettering.append(next(group for group in match.groups() if group))
        return " , "


def _leave_out_the_rest(reading: Reading) -> None:
    """Keeps the first things of a prompt that names more than a picture can hold."""
    total = 0
    for index, mention in enumerate(reading.mentions):
        total += mention.count
        if total > MOST_FIGURES and index:
            named = len(reading.mentions)
            del reading.mentions[index:]
            reading.warnings.append(
                f"the prompt names {named} things; the first {index} were drawn, which are {MOST_FIGURES} figures at most"
            )
            return


def split_refusals(text: str) -> tuple[str, str]:
    """ "a park without trees" as ("a park", "trees"): what the prompt says is absent joins the negative prompt."""
    refused: list[str] = []

    def take(match: re.Match[str]) -> str:
        refused.append(match.group(1).strip())
        return " "

    kept = re.sub(
        r"(?:\b|--)(?:without(?: any)?|no|not a|not any)\s+([\w' -]+?)(?=,|\.|;|$| in | on | at | under | but | with )",
        take,
        text,
        flags=re.IGNORECASE,
    )
    return kept, ", ".join(refused)
