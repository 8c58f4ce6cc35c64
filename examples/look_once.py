"""Many questions about one picture, and a batch that mixes tasks and pictures."""

from pathlib import Path

import palikit as pk

PICTURE = Path(__file__).with_name("scene.png")

vlm = pk.load("nano")
seen = vlm.look(PICTURE)
requests = [
    (seen, pk.Detect(["dog"])),
    (seen, pk.Answer("how many balloons?")),
    (PICTURE, pk.Caption(lang="de")),
]
for (_, task), answer in zip(requests, vlm.run(requests), strict=True):
    print(f"{task.prefix} -> {answer.to_dict()}")

print("streamed:", end=" ")
for piece in vlm.stream(seen, pk.Caption()):
    print(piece, end="", flush=True)
print()
