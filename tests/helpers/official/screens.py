"""Screen2Words, Widget Captioning, SciCap, DOCCI."""

SCREEN2WORDS = {
    "split/test_screens.txt": "54137\n",
    "screen_summaries.csv": (
        'screenId,summary\n54137,page of a music app\n54137,"list, of songs"\n7,another screen\n'
    ),
}

WIDGETCAP = {
    "split/test.txt": "54137\n",
    "widget_captions.csv": (
        "screenId,nodeId,captions\n54137,0.1.0,close|go back\n9,0.0,in another split\n"
    ),
    "combined/54137.json": {
        "activity": {
            "root": {
                "bounds": [0, 0, 1440, 2560],
                "children": [
                    {"bounds": [0, 0, 1440, 84]},
                    {
                        "bounds": [0, 84, 1440, 2392],
                        "children": [{"bounds": [128, 256, 512, 640], "class": "Button"}, None],
                    },
                ],
            },
            "activity_name": "com.example/Main",
        }
    },
}

KEY = "1-lowercase-and-token-and-remove-figure-index"

SCICAP = {
    "List-of-Files-for-Each-Experiments/First-Sentence/No-Subfig/test/file_idx.json": [
        "1001.0025v1-Figure2-1.png"
    ],
    "SciCap-Caption-All/test/1001.0025v1-Figure2-1.json": {
        "contains-subfigure": False,
        "paper-ID": "1001.0025v1",
        "figure-ID": "1001.0025v1-Figure2-1.png",
        "figure-type": "Graph Plot",
        "0-originally-extracted": "Figure 2: Outage probability.",
        KEY: {
            "caption": "outage probability .",
            "sentence": ["outage probability ."],
            "token": ["outage", "probability", "."],
        },
        "2-normalized": {},
    },
}

DOCCI = {
    "docci_descriptions.jsonlines": [
        {
            "type": "image",
            "split": split,
            "image_file": f"{split}_00000.jpg",
            "description": "A high angle view of a white cup.",
            "example_id": f"{split}_00000",
        }
        for split in ("qual_dev", "test")
    ]
}

LAYOUTS = {
    "screen2words": SCREEN2WORDS,
    "widgetcap": WIDGETCAP,
    "scicap": SCICAP,
    "docci": DOCCI,
}
