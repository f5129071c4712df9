"""Words of fifteen languages with the English word that the reader knows for each.

One line a language and a group, in the order of the group's English words; "/" separates alternatives, "*" ends a stem.
Things not listed here are found in emojibase's own labels and tags of that language, then by the sentence encoder.
"""

COLOURS = "red orange yellow green blue purple pink brown black white gray golden".split()
COUNTS = "one two three four five six".split()
SIZES = "big small".split()
PLACES = "forest|mountains|ocean|beach|city|street|desert|snow|space|sky|lake|river|meadow|garden|room|table|underwater".split("|")
MOMENTS = "night|sunset|sunrise|morning|evening|day|rain|storm|fog|winter|autumn|spring|summer".split("|")
LINKS = "on|under|in|next to|in front of|behind|with|over|and|riding|holding|wearing|without|flying".split("|")
STYLES = "watercolor|oil painting|pencil sketch|pixel art|ink drawing".split("|")
NOUNS = "cat|dog|horse|bird|fish|house|tree|flower|car|boat|apple|dragon|robot|astronaut|castle|star|moon|sun|man|woman|child|elephant|fox|bear|rabbit|lion|penguin".split("|")

GLOSSES: dict[str, tuple[str, ...]] = {
    "de": (
        "rot/rote*|orange*|gelb*|grün*|blau*|lila/violett*|rosa/pink*|braun*|schwarz*|weiß*/weiss*|grau*|golden*",
        "ein/eine/einen/einem/einer|zwei|drei|vier|fünf|sechs", "groß*/riesig*/gross*|klein*/winzig*",
        "wald/wäld*|berg/berge*/gebirg*|ozean/meer/see gehend|strand*|stadt*|straße*/strasse*|wüste*|schnee|weltraum/weltall/all|himmel|see|fluss*|wiese*/feld|garten*|zimmer/wohnzimmer|tisch*|unter wasser/unterwasser",
        "nacht/nachts|sonnenuntergang|sonnenaufgang|morgen/morgens|abend/abends|tag|regen/regnerisch*|sturm/gewitter|nebel*|winter*|herbst*|frühling*|sommer*",
        "auf/an|unter|in/im|neben|vor|hinter|mit|über|und|reitet/reitend*|hält/haltend*|trägt/mit hut|ohne|fliegt/fliegend*",
        "aquarell*|ölgemälde/öl gemälde|bleistiftzeichnung/bleistift*|pixelkunst/pixel*|tusche*/tinte*",
        "katze*/kater|hund*|pferd*|vogel/vögel*|fisch*|haus/häuser|baum/bäume*|blume*|auto*|boot*/segelboot|apfel/äpfel|drache*|roboter*|astronaut*|schloss/burg|stern*|mond|sonne|mann|frau|kind*|elefant*|fuchs|bär*|hase*/kaninchen|löwe*|pinguin*",
    ),
    "fr": (
        "rouge*|orange|jaune*|vert*|bleu*|violet*/pourpre*|rose*|marron*/brun*|noir*|blanc*|gris*|doré*",
        "un/une/l'|deux|trois|quatre|cinq|six", "grand*/gros*/énorme*|petit*",
        "forêt*|montagne*|océan/mer|plage*|ville*|rue*|désert*|neige*|espace/l'espace|ciel|lac*|rivière*|prairie*/champ*/pré|jardin*|chambre*/salon|table*|sous l'eau/sous-marin*",
        "nuit/la nuit|coucher de soleil/crépuscule|lever de soleil/aube|matin|soir|jour|pluie|tempête*/orage*|brouillard/brume|hiver|automne|printemps|été",
        "sur|sous|dans/au/à|à côté de/près de|devant|derrière|avec|au-dessus de/au dessus de/survolant|et|chevauchant/monte/à cheval sur|tenant/tient|portant/porte|sans|volant/vole",
        "aquarelle*|peinture à l'huile|dessin au crayon/crayon|pixel art|encre/dessin à l'encre",
        "chat*|chien*|cheval/chevaux|oiseau*|poisson*|maison*|arbre*|fleur*|voiture*|bateau*/voilier*|pomme*|dragon*|robot*|astronaute*|château*|étoile*|lune|soleil|homme*|femme*|enfant*|éléphant*|renard*|ours|lapin*|lion*|pingouin*/manchot*",
    ),
    "es": (
        "rojo*/roja*|naranja|amarill*|verde*|azul*|morad*/púrpura/violeta|rosa/rosad*|marrón/marrones/café|negr*|blanc*|gris*|dorad*",
        "un/una/el/la|dos|tres|cuatro|cinco|seis", "grande*/gran/enorme*|pequeñ*",
        "bosque*|montaña*|océano/mar|playa*|ciudad*|calle*|desierto*|nieve|espacio|cielo|lago*|río*|prado*/campo*|jardín*|habitación/sala|mesa*|bajo el agua/submarin*",
        "noche|atardecer/puesta de sol|amanecer|mañana|tarde|día|lluvia*|tormenta*|niebla|invierno|otoño|primavera|verano",
        "sobre/encima de|bajo/debajo de|en/dentro de|junto a/al lado de/cerca de|delante de/frente a|detrás de|con|por encima de|y|montando/monta/montado en|sosteniendo/sostiene|llevando/lleva/con sombrero|sin|volando/vuela",
        "acuarela*|pintura al óleo/óleo|dibujo a lápiz/lápiz|pixel art/arte pixel|tinta",
        "gato*/gata*|perro*/perra*|caballo*|pájaro*/ave|pez/peces|casa*|árbol*|flor/flores|coche*/carro*|barco*/velero*|manzana*|dragón/dragones|robot*|astronauta*|castillo*|estrella*|luna|sol|hombre*|mujer*|niño*/niña*|elefante*|zorro*|oso*|conejo*|león/leones|pingüino*",
    ),
    "it": (
        "rosso/rossa/rossi/rosse|arancione*|giall*|verd*|blu/azzurr*|viola|rosa|marron*|ner*|bianc*|grigi*|dorat*",
        "un/uno/una/un'|due|tre|quattro|cinque|sei", "grand*/enorme|piccol*",
        "foresta/bosco*|montagn*|oceano/mare|spiaggia|città|strada|deserto|neve|spazio|cielo|lago|fiume|prato/campo|giardino|stanza/soggiorno|tavol*|sott'acqua/sottomarin*",
        "notte|tramonto|alba|mattin*|sera|giorno|pioggia|tempesta/temporale|nebbia|inverno|autunno|primavera|estate",
        "su/sul/sulla/sopra|sotto|in/nel/nella|accanto a/vicino a|davanti a|dietro|con|al di sopra di|e|cavalca/a cavallo di|tiene/con in mano|indossa|senza|vola*/volante",
        "acquerello|dipinto a olio/olio|disegno a matita/matita|pixel art|inchiostro",
        "gatt*|cane/cani|cavall*|uccell*|pesce/pesci|casa/case|alber*|fior*|auto*/macchina|barc*|mel*|drag*|robot|astronaut*|castell*|stell*|luna|sole|uomo|donna|bambin*|elefant*|volp*|orso/orsi|conigli*|leon*|pinguin*",
    ),
    "pt": (
        "vermelh*|laranja|amarel*|verde*|azul/azuis|rox*/violeta|rosa/cor-de-rosa|marrom/castanh*|pret*/negr*|branc*|cinza/cinzent*|dourad*",
        "um/uma|dois/duas|três|quatro|cinco|seis", "grande*/enorme|pequen*",
        "floresta|montanh*|oceano/mar|praia|cidade|rua|deserto|neve|espaço|céu|lago|rio|prado/campo|jardim|quarto/sala|mesa|debaixo d'água/subaquátic*",
        "noite|pôr do sol|nascer do sol/amanhecer|manhã|anoitecer|dia|chuva|tempestade|nevoeiro/neblina|inverno|outono|primavera|verão",
        "sobre/em cima de|sob/debaixo de|em/no/na|ao lado de/perto de|em frente de/diante de|atrás de|com|acima de|e|montando/andando a|segurando|vestindo/usando|sem|voando",
        "aquarela|pintura a óleo/óleo|desenho a lápis/lápis|pixel art|tinta",
        "gat*|cachorr*/cão/cães|cavalo*|pássaro*|peixe*|casa*|árvore*|flor/flores|carro*|barco*|maçã*|dragão/dragões|robô*|astronauta*|castelo*|estrela*|lua|sol|homem|mulher|criança*|elefante*|raposa*|urso*|coelho*|leão|pinguim/pinguins",
    ),
    "nl": (
        "rood/rode|oranje|geel/gele|groen*|blauw*|paars*|roze|bruin*|zwart*|wit/witte|grijs/grijze|gouden",
        "een/één|twee|drie|vier|vijf|zes", "groot/grote|klein*",
        "bos|berg/bergen|oceaan/zee|strand|stad|straat|woestijn|sneeuw|ruimte|lucht/hemel|meer|rivier|weide/veld|tuin|kamer/woonkamer|tafel|onder water/onderwater",
        "nacht|zonsondergang|zonsopgang|ochtend|avond|dag|regen*|storm/onweer|mist|winter|herfst|lente|zomer",
        "op|onder|in|naast|voor|achter|met|boven|en|rijdt op/berijdt/rijdend op|houdt/met in de hand|draagt|zonder|vliegt/vliegende",
        "aquarel|olieverf*|potloodtekening/potlood|pixelart/pixel art|inkt*",
        "kat/katten/poes|hond/honden|paard*|vogel*|vis/vissen|huis/huizen|boom/bomen|bloem*|auto*|boot/boten|appel*|draak/draken|robot*|astronaut*|kasteel|ster/sterren|maan|zon|man|vrouw|kind*|olifant*|vos*|beer|konijn*|leeuw*|pinguïn*",
    ),
    "pl": (
        "czerwon*|pomarańczow*|żółt*|zielon*|niebiesk*|fioletow*|różow*|brązow*|czarn*|biał*|szar*|złot*",
        "jeden/jedna|dwa/dwie/dwóch|trzy/trzech|cztery|pięć|sześć", "duż*/wielk*|mał*",
        "las/lesie/lasu/lasem|gór*|ocean*/morz*|plaż*|miast*/mieście|ulic*|pustyni*|śnieg*|kosmos*/kosmosie|niebo/niebie|jezior*|rzek*|łąk*/pol*|ogr*|pokoj*|stol*/stół|pod wodą",
        "noc/nocy/nocą|zachód słońca/zachodzie słońca|wschód słońca/wschodzie słońca|ranek/rano|wieczór/wieczorem|dzień|deszcz*|burz*|mgł*|zim*|jesie*|wiosn*|lat*",
        "na|pod|w/we|obok|przed|za|z/ze|nad|i/oraz|jadąc* na/jedzie na|trzyma*|nosi*/w kapeluszu|bez|lecąc*/leci",
        "akwarel*|obraz olejny/olejn*|szkic ołówkiem/ołówek|pixel art|tusz*",
        "kot*|pies/psy/psa|koń/konie/koniu|ptak*|ryb*|dom*|drzew*|kwiat*|samoch*|łód*/żaglówk*|jabłk*|smok*|robot*|astronaut*|zam*|gwiazd*|księżyc*|słońce|mężczyzn*|kobiet*|dzieck*|sło*|lis/lisy/lisa|niedźwied*|królik*|lew/lwy|pingwin*",
    ),
    "ru": (
        "красн*|оранжев*|желт*/жёлт*|зелен*/зелён*|син*/голуб*|фиолетов*|розов*|коричнев*|черн*/чёрн*|бел*|сер*|золот*",
        "один/одна/одно|два/две|три|четыре|пять|шесть", "больш*/огромн*|маленьк*",
        "лес/лесу/леса/лесной|гор*|океан*/море/моря|пляж*|город*|улиц*|пустын*|снег*|космос*|неб*|озер*|рек*|луг*/пол*|сад*|комнат*|стол*|под водой/подводн*",
        "ноч*|закат*|рассвет*/восход*|утр*|вечер*|день/днем/днём|дожд*|бур*/гроз*/шторм*|туман*|зим*|осен*|весн*|лет*",
        "на|под|в/во|рядом с/возле/около|перед|за|с/со|над|и|верхом на/едет на|держит/держащ*|носит/в шляпе|без|летит/летящ*",
        "акварел*|картина маслом/масло/маслом|карандаш*|пиксельн*/пиксель-арт|тушь/тушью/чернил*",
        "кот*/кошк*|собак*/пес/пёс|лошад*/конь|птиц*|рыб*|дом*|дерев*|цвет*|машин*/автомобил*|лодк*/парусник*|яблок*|дракон*|робот*|космонавт*/астронавт*|зам*|звезд*/звёзд*|лун*|солнц*|мужчин*|женщин*|ребен*/ребён*|слон*|лис*|медвед*|кролик*|лев/льв*|пингвин*",
    ),
    "tr": (
        "kırmızı|turuncu|sarı|yeşil|mavi|mor|pembe|kahverengi|siyah|beyaz|gri|altın",
        "bir|iki|üç|dört|beş|altı", "büyük/dev|küçük",
        "orman*|dağ*|okyanus*/deniz*|plaj*/sahil*|şehir*/şehrin|sokak*/cadde*|çöl*|kar/karda|uzay*|gökyüzü*|göl*|nehir*|çayır*/tarla*|bahçe*|oda*|masa*|su altı*/sualtı*",
        "gece*|gün batımı*/günbatımı*|gün doğumu*/gündoğumu*|sabah*|akşam*|gündüz|yağmur*|fırtına*|sis*|kış*|sonbahar*|ilkbahar*|yaz/yazın",
        "üzerinde/üstünde|altında|içinde|yanında|önünde|arkasında|ile|üzerinde uçan|ve|süren/binen|tutan|giyen/takan|olmadan|uçan",
        "sulu boya/suluboya|yağlı boya*|karakalem/kurşun kalem|piksel sanatı/piksel|mürekkep",
        "kedi*|köpek*|at/atlar|kuş*|balık*|ev/evler/evi|ağaç*/ağac*|çiçek*/çiçeğ*|araba*|tekne*/yelkenli*|elma*|ejderha*|robot*|astronot*|kale*/şato*|yıldız*|ay/ayın|güneş*|adam*|kadın*|çocuk*|fil/filler|tilki*|ayı/ayılar|tavşan*|aslan*|penguen*",
    ),
    "ar": (
        "أحمر/حمراء/احمر|برتقالي/برتقالية|أصفر/صفراء/اصفر|أخضر/خضراء/اخضر|أزرق/زرقاء/ازرق|بنفسجي/بنفسجية|وردي/وردية|بني/بنية|أسود/سوداء/اسود|أبيض/بيضاء/ابيض|رمادي/رمادية|ذهبي/ذهبية",
        "واحد/واحدة|اثنان/اثنتان|ثلاثة/ثلاث|أربعة/أربع|خمسة/خمس|ستة/ست", "كبير/كبيرة|صغير/صغيرة",
        "غابة/الغابة|جبل/جبال/الجبال|محيط/المحيط/بحر/البحر|شاطئ/الشاطئ|مدينة/المدينة|شارع/الشارع|صحراء/الصحراء|ثلج/الثلج|الفضاء/فضاء|السماء/سماء|بحيرة/البحيرة|نهر/النهر|مرج/حقل/الحقل|حديقة/الحديقة|غرفة/الغرفة|طاولة/الطاولة|تحت الماء",
        "ليل/الليل/ليلا|غروب الشمس/الغروب/غروب|شروق الشمس/الشروق|صباح/الصباح|مساء/المساء|نهار/النهار|مطر/المطر|عاصفة/العاصفة|ضباب/الضباب|شتاء/الشتاء|خريف/الخريف|ربيع/الربيع|صيف/الصيف",
        "على|تحت|في|بجانب/بجوار|أمام|خلف/وراء|مع|فوق|و|يركب/تركب|يحمل/تحمل/يمسك|يرتدي/ترتدي|بدون|يطير/تطير",
        "ألوان مائية|لوحة زيتية|رسم بالقلم الرصاص|فن البكسل|رسم بالحبر",
        "قطة/قط/القطة/قطط|كلب/الكلب/كلاب|حصان/الحصان|طائر/عصفور/طيور|سمكة/سمك/أسماك|منزل/بيت|شجرة/الشجرة|زهرة/وردة|سيارة/السيارة|قارب/مركب|تفاحة/تفاح|تنين|روبوت|رائد فضاء|قلعة|نجمة/نجوم|قمر/القمر|شمس/الشمس|رجل|امرأة|طفل/طفلة|فيل|ثعلب|دب|أرنب|أسد|بطريق/بطاريق",
    ),
    "zh": (
        "红色/红|橙色/橘色|黄色/黄|绿色/绿|蓝色/蓝|紫色/紫|粉色/粉红色/粉红|棕色/褐色|黑色/黑|白色/白|灰色/灰|金色",
        "一只/一个/一条/一匹/一辆/一座/一艘/一朵/一棵/一头/一位/一名/一|两只/两个/两条/两匹/两辆/两朵/两棵/两头/两|三只/三个/三条/三匹/三辆/三朵/三棵/三头/三|四只/四个/四|五只/五个/五|六只/六个/六", "大/巨大|小",
        "森林/树林|山/山脉/群山|海洋/大海/海上/海|海滩/沙滩|城市|街道/街上|沙漠|雪地/雪中/雪|太空/宇宙|天空|湖/湖边|河/河边|草地/草原/田野|花园|房间/客厅|桌子/桌上/书桌|水下/海底",
        "夜晚/夜里/晚上/夜|日落/夕阳|日出|早晨/早上|傍晚|白天|下雨/雨中/雨|暴风雨/暴风|雾|冬天|秋天|春天|夏天",
        "上面/上|下面/下|里/中/在|旁边|前面/前|后面|和|飞过|与|骑着/骑|拿着/举着|戴着/穿着|没有|飞",
        "水彩画/水彩|油画|铅笔画/素描|像素画/像素|水墨画/水墨",
        "猫|狗/小狗|马|鸟|鱼|房子/屋子|树|花|汽车/车|船/帆船|苹果|龙|机器人|宇航员|城堡|星星|月亮|太阳|男人|女人|孩子|大象|狐狸|熊|兔子|狮子|企鹅",
    ),
    "ja": (
        "赤い/赤|オレンジ色|黄色い/黄色|緑の/緑色/緑|青い/青|紫の/紫色/紫|ピンクの/ピンク|茶色い/茶色の/茶色|黒い/黒|白い/白|灰色の/灰色|金色の/金の",
        "一匹の/一つの/一台の/一匹/一つ|二匹の/二つの/二台の/二羽の/二匹/二つ/2匹の|三匹の/三つの/三台の/三羽の/三匹/三つ/3匹の|四匹の/四つの|五匹の/五つの/五羽の|六匹の", "大きな/大きい/巨大な|小さな/小さい",
        "森の中/森|山々/山|海の上/海|ビーチ/砂浜|街/都市/町|通り|砂漠|雪の中/雪原/雪|宇宙|空|湖|川|草原/野原|庭|部屋|テーブル/机|海底/海の中/水中",
        "夜の/夜|夕焼け/夕日/日没|日の出|朝|夕方|昼|雨の中/雨の/雨|嵐|霧|冬|秋|春|夏",
        "の上に/の上で/の上|の下に/の下で/の下|の中で/の中に|の隣に/の横に|の前に/の前で|の後ろに|と|の上を飛ぶ|や|に乗った/に乗る|を持った/を持つ|をかぶった/を着た|なし|飛ぶ/飛んでいる",
        "水彩画/水彩|油絵|鉛筆画/鉛筆|ドット絵/ピクセルアート|水墨画/墨絵",
        "猫/ネコ/ねこ|犬/イヌ|馬|鳥|魚|家|木|花|車|船/ヨット|リンゴ/りんご|ドラゴン/竜|ロボット|宇宙飛行士|城|星|月|太陽|男の人/男性|女の人/女性|子供/子ども|象/ゾウ|狐/キツネ|熊/クマ|兎/ウサギ/うさぎ|ライオン|ペンギン",
    ),
    "ko": (
        "빨간/붉은/빨간색|주황색|노란/노란색|초록/녹색/초록색|파란/푸른/파란색|보라색/보라|분홍색/분홍|갈색|검은/검정|하얀/흰/흰색|회색|금색/황금",
        "한 마리/하나/한|두 마리/두|세 마리/세|네 마리/네|다섯 마리/다섯|여섯", "큰/거대한|작은",
        "숲속/숲|산|바다/해양|해변/바닷가|도시|거리|사막|눈밭/눈 속/눈|우주|하늘|호수|강|초원/들판|정원|방/거실|책상/탁자/테이블|물속/바닷속",
        "밤/밤에|일몰/노을|일출|아침|저녁|낮|비|폭풍|안개|겨울|가을|봄|여름",
        "위에/위의|아래에/밑에|안에/속에/에서|옆에|앞에|뒤에|와/과|위를|그리고|타는/탄|든/들고|쓴/입은|없는|나는/날아가는",
        "수채화|유화|연필 스케치/연필화|픽셀 아트|수묵화",
        "고양이|개/강아지|말|새|물고기|집|나무|꽃|자동차/차|배/돛단배|사과|드래곤/용|로봇|우주비행사|성|별|달|태양/해|남자|여자|아이|코끼리|여우|곰|토끼|사자|펭귄",
    ),
    "th": (
        "สีแดง/แดง|สีส้ม|สีเหลือง/เหลือง|สีเขียว/เขียว|สีน้ำเงิน/สีฟ้า|สีม่วง/ม่วง|สีชมพู/ชมพู|สีน้ำตาล|สีดำ/ดำ|สีขาว/ขาว|สีเทา|สีทอง",
        "หนึ่งตัว/หนึ่ง|สองตัว/สอง|สามตัว/สาม|สี่ตัว/สี่|ห้าตัว/ห้า|หก", "ใหญ่/ยักษ์|เล็ก",
        "ป่า|ภูเขา|มหาสมุทร/ทะเล|ชายหาด|เมือง|ถนน|ทะเลทราย|หิมะ|อวกาศ|ท้องฟ้า|ทะเลสาบ|แม่น้ำ|ทุ่งหญ้า|สวน|ห้อง|โต๊ะ|ใต้น้ำ/ใต้ทะเล",
        "กลางคืน|พระอาทิตย์ตก|พระอาทิตย์ขึ้น|ตอนเช้า|ตอนเย็น|กลางวัน|ฝน|พายุ|หมอก|ฤดูหนาว|ฤดูใบไม้ร่วง|ฤดูใบไม้ผลิ|ฤดูร้อน",
        "บน|ใต้|ใน|ข้าง|หน้า|หลัง|กับ|เหนือ|และ|ขี่|ถือ|สวม/ใส่|ไม่มี|บิน",
        "สีน้ำ|ภาพสีน้ำมัน|ภาพร่างดินสอ|พิกเซลอาร์ต|ภาพหมึก",
        "แมว|สุนัข/หมา|ม้า|นก|ปลา|บ้าน|ต้นไม้|ดอกไม้|รถยนต์/รถ|เรือ|แอปเปิล|มังกร|หุ่นยนต์|นักบินอวกาศ|ปราสาท|ดาว|พระจันทร์/ดวงจันทร์|ดวงอาทิตย์|ผู้ชาย|ผู้หญิง|เด็ก|ช้าง|สุนัขจิ้งจอก/จิ้งจอก|หมี|กระต่าย|สิงโต|เพนกวิน",
    ),
}  # fmt: skip
# Traditional Chinese: the characters of the table above that are written otherwise.
TRADITIONAL = str.maketrans("红黄绿蓝两条匹辆艘头龙马鸟鱼树机飞骑举边后汉画铅笔猫狗车苹员星阳宇狮鹅兔云桌书间厅岛没与里雾秋", "紅黃綠藍兩條匹輛艘頭龍馬鳥魚樹機飛騎舉邊後漢畫鉛筆貓狗車蘋員星陽宇獅鵝兔雲桌書間廳島沒與裡霧秋")
GROUPS = (COLOURS, COUNTS, SIZES, PLACES, MOMENTS, LINKS, STYLES, NOUNS)
UNSPACED = frozenset({"zh", "zh-hant", "ja", "ko", "th"})
# Languages whose adjectives follow the noun.
POSTPOSED = frozenset({"fr", "es", "it", "pt", "th", "ar"})
STOPWORDS = {
    "de": "der die das den dem des ein eine einen einem einer mit und im am ist von zu zum zur bei ein bild",
    "fr": "le la les un une des du de d' l' au aux et en dans sur avec est qui à une image",
    "es": "el la los las un una unos unas de del en y con es que al una imagen",
    "it": "il lo la i gli le un una di del della dei nel nella e con che è al alla un'immagine",
    "pt": "o a os as um uma de do da dos das no na em e com que é ao uma imagem",
    "nl": "de het een van in op en met is die dat aan bij een afbeelding",
    "pl": "i w na z ze do jest się po o obraz",
    "tr": "bir ve ile bu şu için de da resim",
}
