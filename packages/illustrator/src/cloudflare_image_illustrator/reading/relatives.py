"""Animals and people that the artwork lacks, each with its nearest relative, which is drawn with a warning."""

from typing import Final

# The artwork's label -> the names of those it stands for.
_STANDS_FOR: Final[dict[str, str]] = {
    "seal": "sea lion, manatee, dugong, elephant seal",
    "parrot": "hummingbird, macaw, cockatoo, parakeet, budgie, bird of paradise",
    "toucan": "hornbill",
    "flamingo": "heron, ibis, egret, spoonbill, crane",
    "dodo": "ostrich, emu, kiwi bird, cassowary",
    "turkey": "pheasant, quail, grouse, partridge",
    "penguin": "puffin, auk",
    "black bird": "raven, magpie, jackdaw, rook bird",
    "bird": "cuckoo, swallow, starling, wren, thrush, lark, cardinal",
    "chipmunk": "marmot, prairie dog, groundhog, gopher, meerkat",
    "hedgehog": "porcupine, echidna",
    "otter": "weasel, ferret, mink, stoat, ermine, mongoose, platypus",
    "badger": "wolverine, anteater, aardvark, tapir, armadillo, honey badger",
    "raccoon": "red panda, lemur, coati, opossum",
    "kangaroo": "wallaby, quokka",
    "hamster": "guinea pig, gerbil, chinchilla",
    "mouse": "shrew, vole, mole",
    "wolf": "coyote, jackal, hyena, dingo",
    "fox": "fennec, fennec fox, arctic fox",
    "leopard": "ocelot, serval, caracal",
    "deer": "antelope, gazelle, impala, elk, reindeer, caribou",
    "llama": "alpaca, vicuna, guanaco",
    "goat": "ibex, chamois, mountain goat",
    "donkey": "mule",
    "gorilla": "yeti, bigfoot",
    "monkey": "gibbon, marmoset, tamarin, mandrill",
    "bear": "grizzly, grizzly bear",
    "orca": "killer whale",
    "spouting whale": "narwhal, beluga, humpback",
    "shark": "swordfish, marlin, barracuda, manta ray, stingray",
    "tropical fish": "seahorse, eel, piranha, anglerfish",
    "frog": "salamander, newt, axolotl, tadpole",
    "lizard": "chameleon, gecko, iguana, komodo dragon",
    "crocodile": "alligator, caiman",
    "snake": "cobra, python, viper, rattlesnake",
    "snail": "slug",
    "worm": "caterpillar, centipede, millipede, leech",
    "honeybee": "wasp, hornet, bumblebee",
    "cricket": "stick insect",
    "man": "monk, nomad, gladiator, blacksmith, beggar, butler, barber",
    "woman": "nun, maid, waitress, governess, shepherdess",
}  # fmt: skip
RELATIVES: Final[dict[str, str]] = {
    name.strip(): label for label, names in _STANDS_FOR.items() for name in names.split(",")
}
