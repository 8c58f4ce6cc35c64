"""RefCOCO, RefCOCO+, RefCOCOg as MDETR's JSON; COCO and DocLayNet detection."""

SQUARE = [[10, 20, 60, 20, 60, 80, 10, 80]]


def phrases(dataset, split):
    return {
        f"finetune_{dataset}_{split}.json": {
            "info": {},
            "licenses": [],
            "images": [
                {
                    "file_name": "COCO_train2014_000000581857.jpg",
                    "height": 427,
                    "width": 640,
                    "id": 3,
                    "original_id": 581857,
                    "caption": "the lady with the blue shirt",
                    "dataset_name": dataset,
                    "tokens_negative": [[0, 28]],
                }
            ],
            "annotations": [
                {
                    "area": 3000,
                    "iscrowd": 0,
                    "image_id": 3,
                    "category_id": 1,
                    "id": 7,
                    "bbox": [10, 20, 50, 60],
                    "original_id": 1719310,
                    "tokens_positive": [[0, 8]],
                }
            ],
            "categories": [{"id": 1, "name": "person"}],
        },
        "annotations/instances_train2014.json": {
            "images": [],
            "annotations": [
                {
                    "segmentation": SQUARE,
                    "area": 3000.0,
                    "iscrowd": 0,
                    "image_id": 581857,
                    "bbox": [10, 20, 50, 60],
                    "category_id": 1,
                    "id": 1719310,
                },
                {"bbox": [0, 0, 1, 1], "id": 4},
            ],
            "categories": [{"id": 1, "name": "person"}],
        },
    }


COCO = {
    "annotations/instances_val2017.json": {
        "info": {},
        "images": [
            {"file_name": "000000397133.jpg", "height": 427, "width": 640, "id": 397133},
            {"file_name": "000000000139.jpg", "height": 426, "width": 640, "id": 139},
        ],
        "annotations": [
            {
                "segmentation": SQUARE,
                "area": 3000.0,
                "iscrowd": 0,
                "image_id": 397133,
                "bbox": [10, 20, 50, 60],
                "category_id": 44,
                "id": 82445,
            },
            {
                "segmentation": {"counts": [4, 2, 273274], "size": [427, 640]},
                "area": 2,
                "iscrowd": 1,
                "image_id": 397133,
                "bbox": [0, 4, 1, 2],
                "category_id": 1,
                "id": 900100397133,
            },
        ],
        "categories": [
            {"supercategory": "person", "id": 1, "name": "person"},
            {"supercategory": "kitchen", "id": 44, "name": "bottle"},
        ],
    }
}

DOCLAYNET = {
    "COCO/test.json": {
        "categories": [{"id": 9, "name": "Table", "supercategory": "Table"}],
        "images": [
            {
                "id": 0,
                "width": 1025,
                "height": 1025,
                "file_name": "c6effb847ae7e4a80431696984fa90c9.png",
                "collection": "ann_reports_00_04_fancy",
                "doc_category": "financial_reports",
            }
        ],
        "annotations": [
            {
                "id": 0,
                "image_id": 0,
                "category_id": 9,
                "bbox": [72.35, 55.0, 336.5, 10.9],
                "segmentation": [[72.35, 55.0, 72.35, 65.9, 408.8, 65.9, 408.8, 55.0]],
                "area": 3670.0,
                "iscrowd": 0,
                "precedence": 0,
            }
        ],
    }
}

LAYOUTS = {
    "refcoco_val": phrases("refcoco", "val"),
    "refcoco_testa": phrases("refcoco", "testA"),
    "refcoco_testb": phrases("refcoco", "testB"),
    "refcocoplus_val": phrases("refcoco+", "val"),
    "refcocoplus_testa": phrases("refcoco+", "testA"),
    "refcocoplus_testb": phrases("refcoco+", "testB"),
    "refcocog_val": phrases("refcocog", "val"),
    "refcocog_test": phrases("refcocog", "test"),
    "coco_detection": COCO,
    "doclaynet": DOCLAYNET,
}
