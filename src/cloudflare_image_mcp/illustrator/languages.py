"""Other languages: a prompt is glossed into English words that the reader knows."""

from cloudflare_image_mcp.illustrator.vocabulary import Vocabulary


def translate(vocabulary: Vocabulary, prompt: str) -> tuple[str, list[str]]:
    """The prompt in English words, and what could not be translated, a sentence each."""
    return prompt, []
