"""What belongs together: things named by one word, containers and contents, parts and wholes, what is carried or worn."""

MOST = 12  # instances of one thing
MANY = 7  # instances where a place is full of them
WEARABLE = ("clothing",)
ON_THE_BODY = ("wearing", "holding", "riding")
# A word for several things of different kinds.
TOGETHER = {
    "family": ("man", "woman", "child"),
    "couple": ("woman", "man"),
    "parents": ("woman", "man"),
    "fruit": ("red apple", "banana", "grapes"),
    "vegetable": ("carrot", "tomato", "broccoli"),
    "pet": ("dog", "cat", "rabbit"),
}
# Places whose name says that buildings stand in them: which, and how many.
SETTLEMENTS = {"village": ("house", 3), "farm": ("barn", 1), "countryside village": ("house", 3)}
# Flowers whose fields are drawn with their own shape and colours; other fields are of mixed flowers.
FLOWER_FIELDS = {"tulip", "rose", "sunflower", "hyacinth"}
# Buildings that are shown from inside when someone is in them, as a room of what kind.
INTERIORS = {
    "hospital": "ward",
    "castle": "castle hall",
    "japanese castle": "castle hall",
    "school": "classroom",
    "office building": "office",
}
# What a person "on" them rides.
MOUNTS = {
    "horse", "camel", "two-hump camel", "donkey", "unicorn", "elephant", "llama", "zebra", "ox", "cow", "dragon", "bicycle", "motorcycle", "motor scooter",
}  # fmt: skip
# What holds what is said to be "of" it, and how: "a bowl of fruit", "a plate of cookies".
CONTAINERS = {
    "plate": "bearing",
    "bowl": "containing",
    "basket": "containing",
    "vase": "containing",
    "bucket": "containing",
    "box": "containing",
    "bouquet": "containing",
}
# Things that are served, poured or tied already: a container named before them is part of the drawing.
SERVED = {
    "spaghetti", "steaming bowl", "pot of food", "green salad", "curry rice", "cooked rice", "shallow pan of food", "bento box", "cooking", "custard",
    "oden", "bowl with spoon", "fish cake with swirl", "bouquet", "hot beverage", "teacup without handle", "potted plant", "popcorn",
}  # fmt: skip
# What one is on where other languages, or careless prompts, say "in".
SEATS = {"sofa", "couch and lamp", "bed", "chair", "bench", "plate", "throne"}
# Parts of living things and plants, which "with" gives to the thing before it; some of them cover it.
COVERING = {"leaves", "foliage", "petals", "feathers", "sails"}
PARTS = {"leaves", "foliage", "petals", "feathers", "sails", "eyes", "eye", "ears", "ear", "nose", "mouth", "teeth", "tongue", "legs", "leg", "feet",
         "foot", "hands", "hand", "wings", "wing", "tail", "horns", "beard", "mustache", "arms", "face", "smile", "claws", "paws", "latte art"}  # fmt: skip
# Worn or not, these are carried; kinds of thing that a person "with" them has in the hand.
CARRIED = {
    "purse",
    "handbag",
    "clutch bag",
    "shopping bags",
    "backpack",
    "briefcase",
    "folding hand fan",
    "lipstick",
    "umbrella",
    "luggage",
}
HANDY = ("tool", "musical-instrument", "book-paper", "office", "sport", "phone", "writing", "light-video", "game")
# What some are drawn with already.
EQUIPPED = {
    "knight": ("dagger", "crossed swords", "shield"),
    "samurai": ("dagger", "crossed swords"),
    "man mage": ("magic wand",),
    "woman mage": ("magic wand",),
    "mage": ("magic wand",),
    "man artist": ("paintbrush", "artist palette"),
    "man singer": ("microphone",),
    "woman singer": ("microphone",),
}
# Parts of a room, which make a place of it only where the prompt names no other.
ROOM_PARTS = {"window", "windows", "carpet", "rug", "floor", "wall"}
# Kinds of picture that show one thing on plain ground.
EMBLEMS = {"logo", "icon", "sticker", "clip art", "emblem", "mascot", "app icon", "logo design"}
# What is shut in the artwork, and how it looks with something inside.
OPENED = {"package": "open box", "teacup without handle": "empty cup", "hot beverage": "empty cup"}
# Places that a noun before them describes: "a tulip field".
GROUNDS = {
    "field",
    "forest",
    "garden",
    "beach",
    "farm",
    "park",
    "orchard",
    "market",
    "village",
    "room",
    "store",
    "island",
    "shop",
    "cafe",
    "street",
    "grove",
    "jungle",
    "swamp",
}
FLYING = {"flying", "floating", "hovering", "soaring", "falling", "levitating", "airborne"}
