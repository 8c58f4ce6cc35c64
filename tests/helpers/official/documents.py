"""DocVQA, InfoVQA, ChartQA, OCR-VQA."""

DOCVQA = {
    "val_v1.0_withQT.json": {
        "dataset_name": "SP-DocVQA",
        "dataset_version": "1.0",
        "dataset_split": "val",
        "data": [
            {
                "questionId": 49153,
                "question": "What is the ‘actual’ value per 1000, during the year 1975?",
                "question_types": ["figure/diagram"],
                "image": "documents/pybv0228_81.png",
                "docId": 14465,
                "ucsf_document_id": "pybv0228",
                "ucsf_document_page_no": "81",
                "answers": ["0.28"],
                "data_split": "val",
            }
        ],
    },
    "test_v1.0.json": {
        "data": [
            {"questionId": 57344, "question": "What is it?", "image": "documents/a_1.png"},
        ]
    },
}

INFOVQA = {
    "infographicsVQA_val_v1.0_withQT.json": {
        "dataset_name": "infographicVQA",
        "data": [
            {
                "questionId": 98313,
                "question": "Which social platform has heavy female audience?",
                "image_local_name": "37313.jpeg",
                "image_url": "https://example.org/37313.jpeg",
                "ocr_output_file": "37313.json",
                "answers": ["Pinterest, Facebook", "PINTEREST"],
                "answer_type": ["multi-span"],
                "evidence": ["figure"],
                "data_split": "val",
            }
        ],
    },
}

CHARTQA = {
    "test/test_human.json": [
        {
            "imgname": "41699051005347.png",
            "query": "How many food items are shown in the bar graph?",
            "label": "14",
        }
    ],
    "test/test_augmented.json": [
        {"imgname": "multi_col_1229.png", "query": "What was the share?", "label": "4.3"},
        {"imgname": "multi_col_1229.png", "query": "In what year?", "label": "2019"},
    ],
}

OCRVQA = {
    "dataset.json": {
        "761183272": {
            "title": "Mom's Family Wall Calendar 2016",
            "authorName": "Sandra Boynton",
            "genre": "Calendars",
            "imageURL": "http://ecx.images-amazon.com/images/I/61Y5cOdHJbL.jpg",
            "questions": ["Who is the author of this book?", "Is this a sociopolitical book?"],
            "answers": ["Sandra Boynton", "No"],
            "split": 3,
        },
        "1449468314": {
            "imageURL": "http://ecx.images-amazon.com/images/I/2.gif",
            "questions": ["What is the title?"],
            "answers": ["Calendar"],
            "split": 1,
        },
    }
}

LAYOUTS = {
    "docvqa": DOCVQA,
    "infovqa": INFOVQA,
    "chartqa_human": CHARTQA,
    "chartqa_aug": CHARTQA,
    "ocrvqa": OCRVQA,
}
