"""Names of rooms, places and perches in other languages, beyond the common ones in glosses.py.

One line a language, in the order of ENGLISH; "/" separates alternatives.
"""

from typing import Final

ENGLISH: Final = (
    "hill", "kitchen", "library", "classroom", "office", "waterfall", "jungle", "island", "village", "desk", "window", "market", "bridge", "farm",
    "field", "brick wall", "next to", "branch", "cage", "pier",
)  # fmt: skip
NAMES: Final[dict[str, str]] = {
    "de": "hügel/hügeln|küche|bibliothek|klassenzimmer|büro|wasserfall|dschungel/urwald|insel|dorf|schreibtisch|fenster|markt/marktplatz|brücke|bauernhof|feld|backsteinmauer/ziegelmauer|neben/am/bei|ast/zweig|käfig/vogelkäfig|steg/pier",
    "fr": "colline/collines|cuisine|bibliothèque|salle de classe|bureaux|cascade|jungle|île|village|bureau|fenêtre|marché|pont|ferme|champ|mur de briques|près du/près de la/près de l'/à côté du/à côté de la/au bord du/au bord de la|branche|cage|jetée/quai",
    "es": "colina|cocina|biblioteca|aula|oficina|cascada/catarata|selva/jungla|isla|pueblo/aldea|escritorio|ventana|mercado|puente|granja|campo|pared de ladrillo|junto al/al lado del/cerca del/cerca de la/junto a la|rama|jaula|muelle",
    "it": "collina|cucina|biblioteca|aula|ufficio|cascata|giungla|isola|villaggio/paese|scrivania|finestra|mercato|ponte|fattoria|campo|muro di mattoni|vicino al/vicino alla/accanto al/accanto alla/vicino all'|ramo|gabbia|molo",
    "pt": "colina|cozinha|biblioteca|sala de aula|escritório|cachoeira/cascata|selva|ilha|aldeia/vila|escrivaninha|janela|mercado|ponte|fazenda|campo|muro de tijolos|perto do/perto da/ao lado do/ao lado da/junto ao/junto à|galho/ramo|gaiola|cais/píer",
    "nl": "heuvel|keuken|bibliotheek|klaslokaal|kantoor|waterval|oerwoud|eiland|dorp|bureau|raam|markt|brug|boerderij|veld|bakstenen muur|naast/bij|tak|kooi|steiger/pier",
    "pl": "wzgórze/wzgórzu|kuchnia/kuchni|biblioteka/bibliotece|klasie/klasa|biuro/biurze|wodospad/wodospadem|dżungla/dżungli|wyspa/wyspie|wioska/wiosce/wieś|biurko/biurku|okno/oknie|targ/rynek/rynku|most/moście|farma/farmie|pole/polu|ceglany mur|przy/obok|gałąź/gałęzi|klatka/klatce|molo/pomost/pomoście",
    "ru": "холм/холме|кухня/кухне|библиотека/библиотеке|классе/класс|офис/офисе|водопад/водопада|джунгли/джунглях|остров/острове|деревня/деревне|письменный стол/письменном столе|окно/окне|рынок/рынке|мост/мосту|ферма/ферме|поле|кирпичная стена/кирпичной стены|рядом с/возле/у|ветка/ветке/ветви|клетка/клетке|причал/причале/пирсе",
    "zh": "山丘/小山|厨房|图书馆|教室|办公室|瀑布|丛林|岛|村庄|书桌|窗户|市场|桥|农场|田野|砖墙|旁边|树枝|鸟笼/笼子|码头",
    "ja": "丘|台所/キッチン|図書館|教室|オフィス|滝|ジャングル|島|村|机|窓|市場|橋|農場|畑|レンガの壁|そば/隣|枝|鳥籠/鳥かご|桟橋",
    "ko": "언덕|부엌/주방|도서관|교실|사무실|폭포|정글|섬|마을|책상|창문|시장|다리|농장|들판|벽돌 벽|옆/곁|나뭇가지|새장|부두",
}  # fmt: skip


def place_names(language: str) -> dict[str, str]:
    """Words of a language -> the English word for the place."""
    line = NAMES.get(language, "")
    found: dict[str, str] = {}
    for entry, english in zip(line.split("|"), ENGLISH, strict=False):
        for variant in entry.split("/"):
            if variant:
                found.setdefault(variant, english)
    return found
