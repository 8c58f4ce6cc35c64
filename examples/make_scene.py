"""Draw the bundled picture: python examples/make_scene.py examples/scene.png

A generated scene that nano was not trained on; any other index gives another one.
"""

import sys

from PIL import Image

from palikit.data.emoji_world import scene

SEED, INDEX = 12, 302

path = sys.argv[1] if len(sys.argv) > 1 else "scene.png"
one = scene(SEED, INDEX)
Image.fromarray(one.image).save(path)
print(f"{path}: {', '.join(thing.key for thing in one.objects)} on {one.background}")
