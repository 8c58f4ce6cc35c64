"""GQA, xGQA, NLVR2, MaRVL, VSR; RSVQA."""

from palikit.eval.benchmarks.reasoning import MARVL as MARVL_LANGUAGES
from palikit.eval.benchmarks.reasoning import XGQA as XGQA_LANGUAGES

GQA = {
    "testdev_balanced_questions.json": {
        "201307251": {
            "semantic": [{"operation": "select", "dependencies": [], "argument": "person (0)"}],
            "entailed": [],
            "equivalent": ["201307251"],
            "question": "Is it overcast?",
            "imageId": "n161313",
            "isBalanced": True,
            "groups": {"global": "weather", "local": "01-weather"},
            "answer": "no",
            "semanticStr": "verify: cloudy",
            "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
            "types": {"detailed": "verify", "semantic": "global", "structural": "verify"},
            "fullAnswer": "No, it is clear.",
        }
    }
}

XGQA = {
    f"annotations/zero_shot/testdev_balanced_questions_{language}.json": {
        "201307251": {"question": f"{language}?", "imageId": "n161313", "answer": "no"}
    }
    for language in (*XGQA_LANGUAGES, "en")
}

NLVR2 = {
    "data/test1.json": (
        '{"sentence": "Two bottles.", "identifier": "test1-0-1-0", "label": "True"}\n'
        '{"sentence": "One bottle.", "identifier": "test1-0-1-1", "label": "False"}\n'
    ),
    "data/train.json": (
        '{"sentence": "A cat.", "identifier": "train-10171-0-0", "directory": 60, "label": "False"}'
    ),
}

MARVL = {
    f"marvl-annotations/marvl-{language}.jsonl": [
        {
            "concept": "61-Sayur",
            "language": language,
            "caption": "Gambar kiri.",
            "left_img": "61-2.jpg",
            "right_img": "61-11.jpg",
            "annotator_info": {"annotator_id": "id_01"},
            "chapter": "Agriculture and vegetation",
            "id": f"{language}-0",
            "label": False,
        }
    ]
    for language in MARVL_LANGUAGES
}

VSR = {
    f"splits/{part}/test.jsonl": [
        {
            "image": "000000085637.jpg",
            "image_link": "http://images.cocodataset.org/train2017/000000085637.jpg",
            "caption": f"The cat is in the sink ({part}).",
            "label": 1,
            "relation": "in",
            "subj": "cat",
            "obj": "sink",
            "annotator_id": 13,
            "vote_true_validator_id": [12],
            "vote_false_validator_id": [],
        }
    ]
    for part in ("zeroshot", "random")
}


def rsvqa(start, number):
    """A question in words, one for a number, and one that was taken back."""
    return {
        f"{start}_questions.json": {
            "questions": [
                {
                    "id": 0,
                    "date_added": 1550000000.0,
                    "img_id": 5,
                    "people_id": 0,
                    "type": "presence",
                    "question": "Is there a road?",
                    "answers_ids": [0],
                    "active": True,
                },
                {
                    "id": 1,
                    "img_id": 5,
                    "type": number,
                    "question": "How many roads?",
                    "answers_ids": [1],
                    "active": True,
                },
                {"id": 2, "active": False},
            ]
        },
        f"{start}_answers.json": {
            "answers": [
                {"id": 0, "question_id": 0, "people_id": 0, "answer": "Yes", "active": True},
                {"id": 1, "question_id": 1, "people_id": 0, "answer": "12", "active": True},
                {"id": 2, "active": False},
            ]
        },
    }


LAYOUTS = {
    "gqa": GQA,
    "xgqa": XGQA,
    "nlvr2": NLVR2,
    "marvl": MARVL,
    "vsr_zeroshot": VSR,
    "vsr_random": VSR,
    "rsvqa_lr": rsvqa("LR_split_test", "count"),
    "rsvqa_hr": rsvqa("USGS_split_test", "area"),
    "rsvqa_hr_test2": rsvqa("USGS_split_test_phili", "count"),
}
