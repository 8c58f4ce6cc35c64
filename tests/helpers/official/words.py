"""ICDAR 2015, Total-Text, HierText."""

ICDAR15 = {
    "Challenge4_Test_Task4_GT/gt_img_1.txt": (
        "\ufeff377,117,463,117,465,130,378,130,Genaxis Theatre\n"
        "493,115,519,115,519,131,493,131,[06]\n374,155,409,155,409,170,374,170,a,b\n"
        "492,151,551,151,551,170,492,170,###\n"
    ),
    "Challenge4_Test_Task4_GT/gt_img_10.txt": "",
    "Challenge4_Test_Task4_GT/gt_img_2.txt": "1,1,9,1,9,9,1,9,EXIT\n",
}

TOTALTEXT = {
    "Groundtruth/Text/Test/poly_gt_img1.txt": (
        "x: [[115 503 494\n  115]], y: [[322 346 426 404]], ornt: [u'm'], "
        "transcriptions: [u'nauGHTY']\n"
        "x: [[10 20 20]], y: [[1 1 9]], ornt: [u'#'], transcriptions: [u'#']\n"
        "x: [[1 2 2]], y: [[1 1 9]], ornt: [u'h'], transcriptions: [u\"IT'S\"]\n"
    )
}

HIERTEXT = {
    "gt/validation.jsonl": (
        '{"info": {"date": "release"}, "annotations": [{"image_id": "0a1b2c", '
        '"image_width": 1600, "image_height": 1200, "paragraphs": [{"vertices": [[0, 0]], '
        '"legible": true, "lines": [{"vertices": [[0, 0]], "text": "EXIT", "words": ['
        '{"vertices": [[1, 2], [30, 2], [30, 12], [1, 12]], "text": "EXIT", "legible": true, '
        '"handwritten": false, "vertical": false}, '
        '{"vertices": [[40, 2], [60, 2], [60, 12]], "text": "", "legible": false}]}]}]}]}'
    )
}

LAYOUTS = {"icdar15": ICDAR15, "totaltext": TOTALTEXT, "hiertext": HIERTEXT}
