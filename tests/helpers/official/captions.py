"""COCO, NoCaps, TextCaps, COCO-35L, XM3600."""

from palikit.eval.benchmarks.languages import XM3600 as LANGUAGES

KARPATHY = {
    "images": [
        {
            "filepath": "val2014",
            "sentids": [770337, 771687],
            "filename": "COCO_val2014_000000391895.jpg",
            "imgid": 0,
            "split": "val",
            "sentences": [
                {"tokens": ["a", "man"], "raw": "A man with a red helmet.", "sentid": 770337},
                {"tokens": ["a", "man"], "raw": "Man riding a motor bike.", "sentid": 771687},
            ],
            "cocoid": 391895,
        },
        {
            "filepath": "train2014",
            "filename": "COCO_train2014_000000000009.jpg",
            "split": "train",
            "sentences": [{"raw": "Food."}],
            "cocoid": 9,
        },
    ],
    "dataset": "coco",
}

NOCAPS = {
    "nocaps_val_4500_captions.json": {
        "info": {"version": "1.0"},
        "licenses": [],
        "images": [
            {
                "id": 0,
                "width": 732,
                "height": 1024,
                "file_name": "0013ea2087020901.jpg",
                "license": 0,
                "coco_url": "https://s3.amazonaws.com/nocaps/val/0013ea2087020901.jpg",
                "open_images_id": "0013ea2087020901",
                "date_captured": "2018-11-06 11:04:33",
                "domain": "near-domain",
            }
        ],
        "annotations": [
            {"image_id": 0, "id": 0, "caption": "A baby is standing in front of a house."},
            {"image_id": 0, "id": 1, "caption": "A little girl in a white jacket."},
        ],
    },
    "nocaps_test_image_info.json": {"images": [{"id": 4500, "file_name": "a.jpg"}]},
}

TEXTCAPS = {
    "TextCaps_0.1_val.json": {
        "dataset_type": "val",
        "dataset_name": "textcaps",
        "dataset_version": "0.1",
        "data": [
            {
                "image_id": "0054c91397f2fe05",
                "image_name": "0054c91397f2fe05",
                "image_path": "train/0054c91397f2fe05.jpg",
                "set_name": "val",
                "caption_str": text,
                "reference_strs": ["A sign.", "A red sign."],
                "caption_id": i,
            }
            for i, text in enumerate(["A sign.", "A red sign."])
        ],
    },
    "TextCaps_0.1_test.json": {"data": [{"image_id": "ab", "image_name": "ab"}]},
}

COCO35L = {
    "dataset_coco.json": KARPATHY,
    "coco_mt_dev.jsonl": [
        {
            "image_id": f"391895_{i}",
            "caption_tokenized": f"a man {i}",
            "src_lang": "en",
            "trg_lang": language,
            "translation_tokenized": f"{language} {i}",
            "backtranslation_tokenized": "a man",
        }
        for i in range(2)
        for language in ("de", "zh")
    ],
}

XM3600 = {
    "captions.jsonl": [
        {
            "image/key": "4bde5c9c4f2b8e23",
            "image/locale": "de",
            **{
                language: {
                    "caption": [f"{language} A.", f"{language} B."],
                    "caption/tokenized": ["a .", "b ."],
                    "caption/tokenized/lowercase": ["a .", "b ."],
                }
                for language in LANGUAGES
            },
        }
    ]
}

LAYOUTS = {
    "cococap": {"dataset_coco.json": KARPATHY},
    "nocaps": NOCAPS,
    "textcaps": TEXTCAPS,
    "coco35l": COCO35L,
    "coco35l_en": COCO35L,
    "xm3600": XM3600,
    "xm3600_en": XM3600,
}
