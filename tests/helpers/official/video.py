"""MSRVTT, MSVD, VATEX, ActivityNet."""

FRAMES = range(1, 41)


def frames(name):
    return {f"frames/{name}/{i:06d}.jpg": "" for i in FRAMES}


MSRVTT = {
    "test_videodatainfo.json": {
        "info": {},
        "videos": [
            {
                "category": 14,
                "url": "https://www.youtube.com/watch?v=a",
                "video_id": "video7010",
                "start time": 1.0,
                "end time": 12.0,
                "split": "test",
                "id": 7010,
            }
        ],
        "sentences": [
            {"caption": text, "video_id": "video7010", "sen_id": i}
            for i, text in enumerate(["a girl sings", "someone sings"])
        ],
    },
    **frames("video7010"),
}

MSRVTT_QA = {
    "test_qa.json": [
        {
            "answer": "couch",
            "category_id": 14,
            "id": 158581,
            "question": "what are three people sitting on?",
            "video_id": 7010,
        }
    ]
}

MSVD_QA = {
    "test_qa.json": [
        {"answer": "someone", "id": 35031, "question": "who pours liquid?", "video_id": 1301}
    ],
    "youtube_mapping.txt": "-4wsuPCjDBc_5_15 vid1\nR2DvpPTfl-E_20_25 vid1301\n",
    **frames("R2DvpPTfl-E_20_25"),
}

VATEX = {
    "vatex_public_test_english_v1.1.json": [
        {"videoID": "G9zN5TTuGO4_000179_000189", "enCap": ["A man cooks.", "A cook cooks."]}
    ]
}

ACTIVITYNET = {
    "val_2.json": {
        "v_uqiMw7tQ1Cc": {
            "duration": 40.0,
            "timestamps": [[0, 40.0], [30.0, 55.15]],
            "sentences": ["A weight lifting tutorial is given.", " The coach lifts."],
        }
    },
    **frames("v_uqiMw7tQ1Cc"),
}

ACTIVITYNET_QA = {
    "test_q.json": [
        {
            "question": "does the car need fuel",
            "video_name": "uqiMw7tQ1Cc",
            "question_id": "v_uqiMw7tQ1Cc_1",
        }
    ],
    "test_a.json": [{"answer": "no", "type": 3, "question_id": "v_uqiMw7tQ1Cc_1"}],
}

LAYOUTS = {
    "msrvtt_cap": MSRVTT,
    "msrvtt_qa": MSRVTT_QA,
    "msvd_qa": MSVD_QA,
    "vatex": VATEX,
    "activitynet_cap": ACTIVITYNET,
    "activitynet_qa": ACTIVITYNET_QA,
}
