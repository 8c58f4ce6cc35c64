"""VQAv2, OK-VQA, A-OKVQA, VizWiz."""


def ten(*answers):
    """Ten annotators' answers, as the files of VQA list them."""
    told = [answers[i % len(answers)] for i in range(10)]
    return [
        {"answer": text, "answer_confidence": "yes", "answer_id": i + 1}
        for i, text in enumerate(told)
    ]


VQAV2 = {
    "v2_OpenEnded_mscoco_val2014_questions.json": {
        "info": {"version": "2.0"},
        "task_type": "Open-Ended",
        "data_type": "mscoco",
        "license": {"name": "Creative Commons Attribution 4.0 International License"},
        "data_subtype": "val2014",
        "questions": [
            {"image_id": 262148, "question": "Where is he looking?", "question_id": 262148000},
            {"image_id": 262148, "question": "Is it day?", "question_id": 262148001},
        ],
    },
    "v2_mscoco_val2014_annotations.json": {
        "annotations": [
            {
                "question_type": "is it",
                "multiple_choice_answer": "yes",
                "answers": ten("yes"),
                "image_id": 262148,
                "answer_type": "yes/no",
                "question_id": 262148001,
            },
            {
                "question_type": "where is the",
                "multiple_choice_answer": "down",
                "answers": ten("down", "at table"),
                "image_id": 262148,
                "answer_type": "other",
                "question_id": 262148000,
            },
        ],
    },
}

VQAV2_TEST = {
    "v2_OpenEnded_mscoco_test-dev2015_questions.json": {
        "questions": [{"image_id": 1, "question": "Is the ball flying?", "question_id": 1000}],
    },
}

OKVQA = {
    "OpenEnded_mscoco_val2014_questions.json": {
        "questions": [
            {"image_id": 297147, "question": "What sport is this?", "question_id": 2971475}
        ],
    },
    "mscoco_val2014_annotations.json": {
        "annotations": [
            {
                "image_id": 297147,
                "answer_type": "other",
                "question_type": "four",
                "question_id": 2971475,
                "answers": [{**a, "raw_answer": "racing"} for a in ten("race")],
                "confidence": 3,
            }
        ],
        "question_types": {"four": "Sports and Recreation"},
    },
}

AOKVQA = {
    "aokvqa_v1p0_val.json": [
        {
            "split": "val",
            "image_id": 461751,
            "question_id": "22jbM6gDxdaMaunuzgrsBB",
            "question": "What is in the motorcyclist's mouth?",
            "choices": ["toothpick", "food", "popsicle stick", "cigarette"],
            "correct_choice_idx": 3,
            "direct_answers": ["cigarette"] * 9 + ["toothpick"],
            "difficult_direct_answer": False,
            "rationales": ["He's smoking.", "It is a cigarette.", "Smoke is seen."],
        }
    ],
    "aokvqa_v1p0_test.json": [
        {
            "split": "test",
            "image_id": 2,
            "question_id": "2EtiD8Mp",
            "question": "Who is it?",
            "choices": ["a", "b", "c", "d"],
            "difficult_direct_answer": True,
        }
    ],
}

VIZWIZ = {
    "Annotations/val.json": [
        {
            "image": "VizWiz_val_00000000.jpg",
            "question": "Ok. There is another picture, can you see it?",
            "answers": [
                {"answer_confidence": "yes", "answer": "unanswerable"},
                {"answer_confidence": "no", "answer": ""},
            ],
            "answer_type": "unanswerable",
            "answerable": 0,
        }
    ],
    "Annotations/test.json": [{"image": "VizWiz_test_00000000.jpg", "question": "What is this?"}],
}

LAYOUTS = {
    "vqav2": VQAV2,
    "okvqa": OKVQA,
    "aokvqa_da": AOKVQA,
    "aokvqa_mc": AOKVQA,
    "vizwiz": VIZWIZ,
}
