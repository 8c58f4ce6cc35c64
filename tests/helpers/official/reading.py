"""TextVQA and ST-VQA."""

TEXTVQA = {
    "TextVQA_0.5.1_val.json": {
        "dataset_type": "val",
        "dataset_name": "textvqa",
        "data": [
            {
                "question": "what is the brand of this camera?",
                "image_id": "003a8ae2ef43b901",
                "image_classes": ["Cassette deck", "Printer"],
                "flickr_original_url": "https://farm2.staticflickr.com/4/1.jpg",
                "image_width": 1024,
                "image_height": 664,
                "answers": ["dakota"] * 7 + ["nous les gosses", "dakota digital", "clos culombu"],
                "question_tokens": ["what", "is"],
                "question_id": 34602,
                "set_name": "val",
            }
        ],
        "dataset_version": "0.5.1",
    },
    "TextVQA_0.5.1_test.json": {
        "data": [{"question": "what?", "image_id": "aa", "question_id": 39602, "set_name": "test"}]
    },
    "train_images/rotation.csv": (
        "ImageID,Subset,OriginalURL,Rotation\n"
        "0000000000000001,train,https://a/b.jpg,\n"
        "003a8ae2ef43b901,train,https://a/c.jpg,90.0\n"
    ),
}

STVQA = {
    "train_task_3.json": {
        "data": [
            {
                "question": "What does the sign say?",
                "answers": ["STOP", "stop now"],
                "question_id": 7,
                "file_path": "coco-text/COCO_train2014_000000209618.jpg",
                "file_name": "COCO_train2014_000000209618.jpg",
                "dataset": "coco-text",
            },
            {
                "question": "What is the price?",
                "answers": ["$5"],
                "question_id": 8,
                "file_path": "iiit-text/im_8.jpg",
                "file_name": "im_8.jpg",
                "dataset": "iiit-text",
            },
        ]
    },
    "test_task_3.json": {
        "data": [
            {"question": "Which?", "question_id": 9, "file_path": "visual-genome/3.jpg"},
        ]
    },
    "val_paths.txt": "coco-text/COCO_train2014_000000209618.jpg\n",
}

LAYOUTS = {"textvqa": TEXTVQA, "stvqa": STVQA}
