"""Draw the sheet of emoji that the scene generator pastes.

    sudo apt install fonts-noto-color-emoji && pip install emoji
    python -m recipes.emoji_sprites /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf

Writes `palikit/assets/emoji/sprites.png` and `sprites.json`. Names come from the PyPI package
`emoji`; where its name is longer than what people say ("red apple", "automobile"), the table below
has the short one.
"""

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

CELL, COLUMNS, STRIKE = 96, 8, 109
LANGUAGES = ("en", "de", "fr", "es")
ASSETS = Path(__file__).parents[1] / "palikit/assets/emoji"

# character, key (English), plural, German, German plural, German gender
KNOWN = """
🐈 cat cats Katze Katzen f
🐕 dog dogs Hund Hunde m
🐘 elephant elephants Elefant Elefanten m
🐧 penguin penguins Pinguin Pinguine m
🐢 turtle turtles Schildkröte Schildkröten f
🐟 fish fishes Fisch Fische m
🦋 butterfly butterflies Schmetterling Schmetterlinge m
🦀 crab crabs Krebs Krebse m
🍎 apple apples Apfel Äpfel m
🍌 banana bananas Banane Bananen f
🍓 strawberry strawberries Erdbeere Erdbeeren f
🥕 carrot carrots Karotte Karotten f
🍕 pizza pizzas Pizza Pizzen f
🍄 mushroom mushrooms Fliegenpilz Fliegenpilze m
🌻 sunflower sunflowers Sonnenblume Sonnenblumen f
🌵 cactus cactuses Kaktus Kakteen m
🚗 car cars Auto Autos n
🚲 bicycle bicycles Fahrrad Fahrräder n
✈ airplane airplanes Flugzeug Flugzeuge n
🚀 rocket rockets Rakete Raketen f
🏠 house houses Haus Häuser n
⭐ star stars Stern Sterne m
❤ heart hearts Herz Herzen n
🔑 key keys Schlüssel Schlüssel m
🎸 guitar guitars Gitarre Gitarren f
🎈 balloon balloons Luftballon Luftballons m
☂ umbrella umbrellas Regenschirm Regenschirme m
👑 crown crowns Krone Kronen f
⏰ clock clocks Wecker Wecker m
📕 book books Buch Bücher n
"""
NEW = """
🦉 owl owls Eule Eulen f
🐝 bee bees Biene Bienen f
🐙 octopus octopuses Oktopus Oktopusse m
🍍 pineapple pineapples Ananas Ananas f
🍒 cherry cherries Kirsche Kirschen f
🚜 tractor tractors Traktor Traktoren m
🚌 bus buses Bus Busse m
🎩 hat hats Zylinder Zylinder m
🔔 bell bells Glocke Glocken f
✂ scissors scissors Schere Scheren f
"""


def main(font_path: str) -> None:
    """Draw and name every class."""
    import emoji

    for lang in LANGUAGES:
        emoji.config.load_language(lang)

    font = ImageFont.truetype(font_path, STRIKE)
    rows = [
        (known, line.split())
        for known, table in ((True, KNOWN), (False, NEW))
        for line in table.split("\n")
        if line
    ]
    sheet = Image.new("RGBA", (COLUMNS * CELL, -(-len(rows) // COLUMNS) * CELL))
    described = []
    for i, (known, (character, key, plural, german, german_plural, gender)) in enumerate(rows):
        sheet.paste(_draw(character, font), (i % COLUMNS * CELL, i // COLUMNS * CELL))
        full = emoji.EMOJI_DATA.get(character + "\ufe0f") or emoji.EMOJI_DATA[character]
        names = {lang: full[lang].strip(":").replace("_", " ") for lang in LANGUAGES}
        described.append(
            {
                "key": key,
                "known": known,
                "character": character,
                "plural": plural,
                "german": german,
                "german_plural": german_plural,
                "german_feminine": gender == "f",
                "names": names,
            }
        )
    ASSETS.mkdir(parents=True, exist_ok=True)
    sheet.save(ASSETS / "sprites.png", optimize=True)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in described)
    (ASSETS / "sprites.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _draw(character: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """One emoji, cut to its ink and scaled so that its long side fills a cell."""
    large = Image.new("RGBA", (2 * STRIKE, 2 * STRIKE))
    ImageDraw.Draw(large).text((20, 20), character, font=font, embedded_color=True)
    ink = large.crop(large.getbbox())
    scale = (CELL - 2) / max(ink.size)
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    cell = Image.new("RGBA", (CELL, CELL))
    cell.paste(
        ink.resize(size, Image.Resampling.LANCZOS), ((CELL - size[0]) // 2, (CELL - size[1]) // 2)
    )
    return cell


if __name__ == "__main__":
    main(sys.argv[1])
