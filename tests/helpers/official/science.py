"""ScienceQA, AI2D, TallyQA, CountBenchQA, POPE, MMVP."""

SCIENCE_QA = {
    "problems.json": {
        "5": {
            "question": "Which of these is a solid?",
            "choices": ["water", "rock", "air"],
            "answer": 1,
            "hint": "",
            "image": "image.png",
            "task": "closed choice",
            "grade": "grade2",
            "subject": "natural science",
            "topic": "physics",
            "category": "Matter",
            "skill": "Identify solids",
            "lecture": "Solids hold their shape.",
            "solution": "A rock is a solid.",
            "split": "test",
        },
        "6": {"question": "Without picture?", "image": None, "split": "test"},
        "7": {"question": "In train?", "image": "image.png", "split": "train"},
    }
}

AI2D = {
    "ai2d_test_ids.csv": "0\n17\n",
    "ai2d/questions/0.png.json": {
        "imageName": "0.png",
        "questions": {
            "What does A show?": {
                "abcLabel": True,
                "answerTexts": ["leaf", "root"],
                "correctAnswer": 1,
                "questionId": "0.png-0",
            },
            "What is on top?": {
                "abcLabel": False,
                "answerTexts": ["leaf", "root"],
                "correctAnswer": 0,
                "questionId": "0.png-1",
            },
        },
    },
    "ai2d/annotations/0.png.json": {
        "arrows": {},
        "text": {
            "T0": {
                "id": "T0",
                "rectangle": [[10, 10], [50, 40]],
                "replacementText": "A",
                "value": "root",
            }
        },
    },
    "ai2d/questions/1.png.json": {
        "imageName": "1.png",
        "questions": {
            "Of train?": {
                "abcLabel": False,
                "answerTexts": ["a", "b"],
                "correctAnswer": 0,
                "questionId": "1.png-0",
            }
        },
    },
}

TALLYQA = {
    "test.json": [
        {
            "answer": 1 + simple,
            "data_source": "imported_genome",
            "image": "VG_100K/2410408.jpg",
            "image_id": 92410408,
            "issimple": bool(simple),
            "question": "How many windows are there?",
            "question_id": 30091447 + simple,
        }
        for simple in (0, 1)
    ]
}

COUNTBENCHQA = {
    "CountBench.json": [
        {"image_url": "https://example.org/a.jpg", "text": "nine headsets", "number": 9},
        {"image_url": "https://example.org/b.jpg", "text": "two bulbs", "number": 2},
    ],
    "countbench_paired_questions.json": [
        {"question": "How many headsets are there in the image?"},
        {"question": "How many light bulbs are there in the image?"},
    ],
    "images/1.png": "",
}

POPE = {
    f"output/coco/coco_pope_{part}.json": (
        '{"question_id": 1, "image": "COCO_val2014_000000310196.jpg", '
        '"text": "Is there a snowboard in the image?", "label": "yes"}\n'
        '{"question_id": 2, "image": "COCO_val2014_000000310196.jpg", '
        '"text": "Is there an orange in the image?", "label": "no"}\n'
    )
    for part in ("random", "popular", "adversarial")
}

MMVP = {
    "Questions.csv": (
        "Index,Question,Options,Correct Answer\n"
        "1,Are the butterfly's wings closer to being open or closed?,(a) Open (b) Closed,(a)\n"
        "2,Are the butterfly's wings closer to being open or closed?,(a) Open (b) Closed,(b)\n"
        '3,"Is it big, or small?",(a) Big (b) Small,(b)\n'
    )
}

LAYOUTS = {
    "science_qa": SCIENCE_QA,
    "ai2d": AI2D,
    "tallyqa_simple": TALLYQA,
    "tallyqa_complex": TALLYQA,
    "countbenchqa": COUNTBENCHQA,
    "pope": POPE,
    "mmvp": MMVP,
}
