"""`palikit calibrate`: scores that say how often an answer like this is right."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["calibrate"]


def calibrate(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Folders of benchmarks that palikit eval wrote."),
    ],
    method: Annotated[
        str, typer.Option(help="logistic, temperature, or (from 100 scores) isotonic.")
    ] = "logistic",
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="PATH", help="The file to write.")
    ] = Path("calibration.json"),
    json: Annotated[bool, typer.Option("--json", help="One line of JSON for each kind.")] = False,
) -> None:
    """Fit scores to what was right in a measured run.

    Commands take the file as --calibration. Let the run be on pictures that you do not report on.
    The error after is that of a fifth of the answers by a curve from the other four.
    """
    from palikit.codecs.calibration import KINDS, Calibration
    from palikit.eval.calibrating import fit, held_out
    from palikit.eval.calibration import expected_calibration_error
    from palikit.eval.files import write_json
    from palikit.eval.sureness import read_sureness

    read = [read_sureness(path) for path in runs]
    curves: dict[str, Any] = {}
    for kind in KINDS:
        said = [score for one in read if one.of == kind for score in one.said]
        right = [share for one in read if one.of == kind for share in one.right]
        if not any(one.of == kind for one in read):
            continue
        curves[kind] = fit(said, right, method)  # type: ignore[arg-type]  # fit checks it
        after = held_out(said, right, method)  # type: ignore[arg-type]
        errors = [expected_calibration_error(scores, right) for scores in (said, after)]
        if json:
            told = {"of": kind, "n": len(said), "before": errors[0], "after": errors[1]}
            print(json_module.dumps({**told, **curves[kind].to_dict()}))
        else:
            print(f"{kind}: {len(said)} scores, calibration error {errors[0]:.3f} before", end=", ")
            print(f"{errors[1]:.3f} after")
    write_json(out, Calibration(**curves).to_dict())
    if not json:
        print(f"calibration: {out}")
