"""What can go wrong in the illustrator."""


class IllustratorError(Exception):
    """Input that cannot be drawn; the message is one sentence for the user."""


class ArtworkMissing(IllustratorError):
    """The packed artwork is not installed."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"the illustrator's artwork is not installed ({path}): run scripts/artwork once (it needs npm)"
        )


class Cancelled(IllustratorError):
    """The caller no longer wants the picture."""

    def __init__(self) -> None:
        super().__init__("the drawing was cancelled")
