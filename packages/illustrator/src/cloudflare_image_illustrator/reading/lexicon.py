"""The English words that the reader knows besides the artwork's own labels: one table a part of speech.

Each table maps a phrase to its canonical value. Phrases are lower case; plural and singular are both tried.
"""


def _table(**groups: str) -> dict[str, str]:
    """{"night": "night, midnight"} turned round: every phrase to its group's name ("_" stands for "-")."""
    return {phrase.strip(): name.replace("_", "-") for name, phrases in groups.items() for phrase in phrases.split(",")}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COLOURS = _table(
    red="red, crimson, scarlet, ruby, maroon, vermilion, cherry red, burgundy, dark red, bright red, reddish",
    orange="orange, tangerine, amber, coral, rust, dark orange, bright orange",
    yellow="yellow, lemon yellow, mustard, canary yellow, bright yellow, pale yellow, light yellow, blonde",
    lime="lime green, neon green, bright green, chartreuse",
    green="green, emerald, dark green, olive, forest green, sage, mint, mint green, light green, jade, greenish",
    teal="teal, turquoise, aquamarine, dark cyan",
    cyan="cyan, aqua, sky blue, light blue, baby blue, pale blue",
    blue="blue, azure, cobalt, sapphire, royal blue, bright blue, electric blue, bluish, dark blue",
    navy="navy, navy blue, indigo, midnight blue",
    purple="purple, violet, lavender, lilac, plum, mauve, amethyst, dark purple, light purple",
    magenta="magenta, fuchsia, hot pink",
    pink="pink, salmon, rose pink, light pink, pale pink, pastel pink, bright pink",
    brown="brown, chocolate brown, tan, bronze, copper, dark brown, light brown, brownish, ginger",
    beige="beige, cream, ivory, cream colored, khaki",
    gold="golden, gold",
    silver="silver, silvery, chrome",
    black="black, jet black, ebony, pitch black",
    gray="gray, grey, charcoal, dark gray, dark grey, light gray, light grey, slate",
    white="white, snow white, snowy white, pure white",
)

MATERIALS = _table(
    wood="wooden, wood",
    gold="made of gold, solid gold",
    rust="rusty, rusted, corroded",
    metal="metal, metallic, steel, iron, chrome plated",
    stone="stone, marble, granite, concrete, rocky",
    glass="glass, crystal, transparent, translucent, made of ice, icy, frozen",
    clay="clay, ceramic, porcelain, plush, paper, origami, felt",
)

COUNTS = {
    **{w: n for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 1)},
    "a": 1, "an": 1, "single": 1, "lone": 1, "pair of": 2, "a pair of": 2, "couple of": 2, "a couple of": 2, "both": 2,
    "few": 3, "a few": 3, "some": 3, "trio of": 3, "several": 4, "group of": 4, "a group of": 4, "bunch of": 5,
    "a bunch of": 5, "herd of": 6, "flock of": 6, "school of": 7, "swarm of": 9, "pack of": 4, "row of": 5, "a row of": 5,
    "many": 7, "lots of": 8, "a lot of": 8, "dozen": 12, "a dozen": 12, "half a dozen": 6, "crowd of": 9, "fleet of": 5,
    "a herd of": 6, "a flock of": 6, "a school of": 7, "a swarm of": 9, "a fleet of": 5, "a crowd of": 9,
}  # fmt: skip

SIZES = {
    "tiny": 0.45, "miniature": 0.45, "little": 0.7, "small": 0.62, "baby": 0.65, "short": 0.8, "big": 1.35, "large": 1.35,
    "tall": 1.3, "huge": 1.6, "giant": 1.75, "gigantic": 1.75, "enormous": 1.7, "massive": 1.7, "colossal": 1.8, "towering": 1.7,
}  # fmt: skip

RELATIONS = _table(
    on="on, on top of, atop, sitting on, standing on, lying on, perched on, sits on, resting on, stands on, sleeping on, placed on, upon, crossing, crosses, walking across, walking on, driving across, growing on",
    shoulder="on the shoulder of, on the shoulders of",
    under="under, below, beneath, underneath, sitting under, sleeping under, standing under, sits under, hiding under, lying under",
    over="over, above, flying over, hovering over, floating above, soaring over, flying above, hovering above, jumping over, high above, floating over",
    beside="next to, beside, near, by, alongside, close to, with, to the left of, to the right of, and, standing next to, accompanied by, together with, playing with, sitting next to, meeting, chasing, versus, facing, looking at, watching, leaning against, against, talking to, hugging, kissing, fighting, attacking, battling",
    front="in front of, before, standing in front of",
    behind="behind, in back of, hiding behind",
    riding="riding, riding on, rides, ride, driving, mounted on, on the back of, surfing on, riding a",
    holding="holding, carrying, holding up, wielding, with in hand, eating, reading, playing, drinking, holds, juggling, waving, gripping, using",
    wearing="wearing, dressed in, wears, in a hat",
    inside="inside, inside of, within, in",
    between="between, in between",
    around="surrounded by, around, among, amongst, circled by",
)

SCENERY = _table(
    meadow="meadow, field, grass, grassland, park, garden, lawn, countryside, farm, pasture, prairie, backyard, savanna, savannah, wheat field, flower field, mud, muddy field, picnic, playground, village, landscape, nature, outdoors, outside, vineyard, plain",
    hills="hill, rolling hills, valley",
    mountains="mountain, mountain range, alps, peak, himalayas, summit, mountainside, mountain landscape, canyon, volcano landscape",
    cliff="cliff, sea cliff, clifftop, seaside cliff, headland, cliffside, cliffs of moher, edge of a cliff",
    forest="forest, woods, jungle, rainforest, tropical forest, tropical rainforest, tropical jungle, woodland, grove, trees, bamboo forest, pine forest, enchanted forest, swamp",
    desert="desert, dunes, sand dunes, sahara, mesa, wild west, oasis",
    beach="beach, shore, seaside, coast, sandy beach, tropical island, island, seashore, tropical beach, coastline, sand",
    ocean="ocean, sea, open sea, high seas, open ocean, waves, harbor, harbour, water, stormy sea, bay, pier, jetty, dock, boardwalk, wave, fishing port",
    lake="lake, river, pond, stream, lakeside, fjord, riverside, lagoon, waterhole, watering hole, waterfall, cascade, waterfalls",
    underwater="underwater, under water, under the sea, under the ocean, coral reef, coral, deep sea, seabed, ocean floor, beneath the waves, aquarium, fish tank",
    snow="snow, snowy, arctic, antarctica, ice, snowfield, tundra, iceberg, glacier, snow covered, snowy landscape, north pole, winter wonderland, ski slope, polar",
    city="city, street, downtown, cityscape, skyline, town, urban, metropolis, alley, new york, tokyo, manhattan, city street, neon city, skyscrapers, parking lot, london, paris, times square, sidewalk, market, marketplace, plaza, brick wall, red brick wall, stone wall, graffiti wall, boulevard, montmartre",
    interior="room, living room, bedroom, kitchen, office, indoors, inside a house, library, cafe, classroom, studio apartment, restaurant, hallway, museum, ballroom, palace hall, couch room, fireplace, cabin interior, bathroom, shop, window, carpet, rug, floor, wall, laboratory, garage, gym, nook, study, attic, basement, lobby, hall, empty room, bare room, school room, schoolroom, bookshop, bookstore, dance hall, castle hall, great hall, throne room, hospital room, hospital ward, operating room",
    table="table, desk, wooden table, kitchen table, countertop, counter, tabletop, workbench, dining table, wooden desk, tablecloth, windowsill, window sill, window ledge, sill",
    space="space, outer space, galaxy, cosmos, universe, nebula, deep space, starfield, orbit, milky way, solar system, interstellar",
    moon="lunar surface, moon surface, surface of the moon, on the moon, mars, alien planet, planet surface, on mars, surface of mars, alien landscape",
    sky="in the sky, clouds, above the clouds, among the clouds, in the clouds, the sky, sky, blue sky, cloudscape",
    studio="studio, plain background, simple background, white background, solid background, backdrop, product photo, product shot, isolated, studio lighting, minimal background, background, nothing else, seamless background, white backdrop",
    gradient="gradient background, gradient, color gradient, colour gradient, gradient wallpaper, abstract, abstract art, abstract background, abstract shapes, shapes",
    stage="stage, theater, theatre, concert, spotlight, nightclub, circus ring",
    cave="cave, cavern, dungeon, mine, grotto",
)

# Places with scenery of their own kind: the kind -> phrases of the table above.
PLACE_KINDS = _table(
    bare="empty room, bare room",
    kitchen="kitchen",
    classroom="classroom, school room, schoolroom",
    library="library, bookshop, bookstore, study",
    office="office",
    ballroom="ballroom, dance hall, palace hall",
    ward="hospital room, hospital ward, operating room",
    windowsill="windowsill, window sill, window ledge, sill",
    waterfall="waterfall, cascade",
    jungle="jungle, rainforest, tropical forest, tropical rainforest, tropical jungle",
    iceberg="iceberg",
    mud="mud, muddy field",
    pier="pier, jetty, dock, boardwalk",
    paris="paris, montmartre",
    **{
        "brick wall": "brick wall, red brick wall, stone wall, graffiti wall",
        "castle hall": "castle hall, great hall, throne room",
        "flower field": "flower field",
        "wheat field": "wheat field",
    },
)

TIMES = _table(
    dawn="dawn, sunrise, early morning, morning, daybreak, first light, at sunrise, at dawn",
    day="day, daytime, noon, midday, afternoon, daylight, sunny day, bright day, summer day, in the daytime",
    sunset="sunset, golden hour, evening, dusk, twilight, sundown, at sunset, setting sun, late afternoon",
    night="night, midnight, nighttime, night time, moonlit, moonlight, starry night, at night, starlit, moonlit night, night sky, nocturnal, after dark",
)

WEATHER = _table(
    rain="rain, raining, rainy, rainfall, drizzle, downpour, in the rain, rainy day, heavy rain, monsoon, wet",
    storm="storm, stormy, thunderstorm, lightning, thunder, tempest, hurricane, thunder and lightning, lightning storm",
    snowfall="snowing, snowfall, blizzard, snowstorm, falling snow, snowflakes, snow falling, snow storm",
    fog="fog, foggy, mist, misty, haze, hazy",
    cloudy="cloudy, overcast, gloomy sky, gray sky, grey sky, cloudy sky",
    clear="clear sky, clear, sunny, sunshine, cloudless, bright sunlight, sunlit, sunlight",
    windy="windy, wind, breeze, breezy",
)

SEASONS = _table(
    spring="spring, springtime, cherry blossoms, cherry blossom, in bloom",
    summer="summer, summertime",
    autumn="autumn, autumnal, fall leaves, falling leaves, fall colors, autumn leaves, in the fall, fall season, in fall",
    winter="winter, wintry, wintertime, christmas",
)

SKY = _table(
    sun="sun, the sun",
    moon="moon, full moon, the moon",
    crescent="crescent moon, half moon",
    stars="stars, starry sky, starry, the stars, constellations, shooting star",
    rainbow="rainbow",
    aurora="aurora, northern lights, aurora borealis, the northern lights",
    fireworks="fireworks",
)

STYLES = _table(
    watercolour="watercolor, watercolour, aquarelle, watercolor painting, watercolour painting, in watercolor, gouache",
    oil="oil painting, oil paint, oil on canvas, impressionist, impressionism, van gogh, painting, painterly, monet, acrylic, acrylic painting, impasto, impressionist painting",
    pencil="pencil, pencil sketch, pencil drawing, sketch, graphite, charcoal drawing, drawing, line drawing, hand drawn, charcoal sketch, sketched",
    ink="ink, ink drawing, line art, ink wash, pen and ink, woodcut, engraving, sumi-e, manga, etching, black and white drawing",
    pixel="pixel art, pixelated, 8-bit, 8 bit, 16-bit, 16 bit, retro game, pixel, pixelart",
    flat="flat, flat design, vector, vector art, flat illustration, vector illustration, minimalist, minimal, minimalistic, cartoon, clip art, icon, logo, sticker, emblem, mascot, app icon, logo design, flat style, studio ghibli, studio ghibli style, ghibli, ghibli style",
    isometric="isometric, isometric view, diorama, isometric style",
    poster="vintage poster, poster, travel poster, retro poster, retro style, vintage style, screen print, screenprint, art deco, propaganda poster, linocut, pop art",
    neon="neon, synthwave, cyberpunk, vaporwave, neon lights, outrun, neon glow, glowing neon, tron, neon style",
    low_poly="low poly, low-poly, lowpoly, polygonal, geometric, origami style, faceted, polygon art",
    photo="photo, photograph, photorealistic, realistic, photography, hyperrealistic, cinematic photo, dslr, photo realistic, photorealism",
    threed="3d, 3d render, 3d rendering, clay render, octane render, unreal engine, blender, pixar, pixar style",
    stained="stained glass, mosaic, stained glass window",
    comic="comic, comic book, comic style, comic book style, halftone, anime, anime style",
)

MOODS = _table(
    cozy="cozy, cosy, warm, comfortable, homely, hygge",
    dreamy="dreamy, magical, fantasy, whimsical, fairy tale, ethereal, surreal, enchanted, mystical, fairytale, pastel, pastel colors",
    dark="dark, moody, gloomy, grim, noir, dramatic, ominous, sinister",
    spooky="spooky, scary, creepy, haunted, eerie, halloween, horror, mysterious",
    cheerful="cheerful, happy, vibrant, colorful, colourful, fun, joyful, playful, bright, vivid, festive, cute",
    calm="calm, serene, peaceful, tranquil, quiet, relaxing, zen, soft",
    monochrome="monochrome, black and white, black-and-white, grayscale, greyscale, sepia",
    futuristic="futuristic, sci-fi, science fiction, scifi, high tech",
)

COMPOSITIONS = _table(
    close="close up, close-up, closeup, portrait, portrait of, macro, headshot, face of, up close, bust of, selfie",
    wide="wide shot, panorama, panoramic, wide angle, aerial view, vast, epic, from afar, in the distance, establishing shot",
    low="low angle, from below, heroic, worm's eye view",
)

# Words that carry nothing to draw: they are passed over without a warning.
FILLER = _words(
    """
    festival checkered checked plaid dotted velvet grumpy cub landing guarding
    board reflected reflecting feeding
    japanese chinese korean indian egyptian greek roman american british english french german italian spanish mexican russian african asian
    european scandinavian nordic victorian medieval gothic baroque renaissance steampunk dieselpunk tropical royal imperial antique sleek
    luxurious expensive fancy casual formal patch spell spells highway card greeting invitation mandala pattern
    casting glowing melting speeding leaping howling hiding relaxing resting swinging crawling sneaking splashing shining roaring hunting
    4k 8k a across add adorable aesthetic against all along also amazing ambient an ancient angry apply
    are art artistic ar v niji stylize artstation artwork as at atmosphere atmospheric award away background
    background-less baking be beautiful become becomes being best bit blooming blowing body bokeh
    bottom brave breathtaking built busy called center centre change chasing chimney cinematic classic clever
    climbing cold color colored colors colour coloured colours composition concept convert cooking cool
    couple-like cover create cup-like curly dancing day-time deep delete delicious dense depicting
    depicts depth design detailed digital distance distant down draw drawn drinking driving during each
    eating edition elegant empty erase every extremely falling famous far featuring fishing
    floating fluffy flying focus for foreground fresh friendly from front full funny furry fuzzy
    generate get gets give glassful glowing gorgeous graphic hair had hard has have having hd hdr he her high
    highly his holding-hands hot hovering hues i illustration image insert inspired into intricate is it
    its juicy jumping just keep kind labeled large-scale laughing lazy left lens let letters levitating
    light lighting lights like lit lonely long looking lot lovely lush lying made majestic make
    masterpiece me middle mighty modern mood moving my named narrow natural new nice no not of off old
    one's only onto original our out over-the-top paint painted palette parked part parts path
    photo-edit photo-like picture picture-of piece pile place plateful playing please portion pretty
    professional put quaint quality reading reads reference remove render rendered rendering replace
    resolution resting retro right ripe rising roof rough round running rustic sad sailing same sauce say
    saying says scene scenic set setting shape shaped sharp she shining shiny shot showing shows side
    silly single sitting size sized sleeping sleepy slice smiling smoke smooth so soaring soft some sparkling
    spinning square stack standing steam steaming straight stunning style styled sunlit super swap swimming
    tail tasty text texture textured than that the their theme themed then there these they thick thin
    this those through time tinted to tones too top toward towards towering-high trail trending turn
    type uhd ultra under-lit up use using version very vibe vibrant-looking view vintage volumetric
    walking wallpaper warm was we wearing-less when where which while who wide wild winning wise within
    without word words written young your
    """
)

IRREGULAR = {
    "mice": "mouse", "geese": "goose", "children": "child", "people": "person", "men": "man", "women": "woman", "wolves": "wolf", "knives": "knife",
    "leaves": "leaf", "feet": "foot", "teeth": "tooth", "oxen": "ox", "loaves": "loaf", "elves": "elf", "dwarves": "dwarf", "cacti": "cactus",
    "octopi": "octopus", "butterflies": "butterfly", "puppies": "puppy", "kitties": "kitty", "calves": "calf", "thieves": "thief", "fungi": "fungus",
}  # fmt: skip
