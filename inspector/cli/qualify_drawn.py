"""`inspector qualify-drawn`."""

from __future__ import annotations

from inspector.cli.options import PIPELINES, AsJson, ModelCardPath, PipelinesFolder, read_settings
from inspector.cli.output import print_json, print_status, stderr_console
from inspector.cli.progress import progress_bars


def qualify_drawn(pipelines: PipelinesFolder = PIPELINES, model: ModelCardPath = None, as_json: AsJson = False) -> None:
    """Qualify the drawn lines for the embedded model, and write the packaged file that the demo uses.

    Run it after the model, its prompts, or a drawn line's pipeline was changed. Some minutes on two cores.
    """
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.drawn_lines import qualify_drawn_lines

    settings = absolute(read_settings(model=model))
    with progress_bars(stderr_console) as progress:
        shipped = qualify_drawn_lines(settings, pipelines, print_status, progress)
    if as_json:
        print_json([each._asdict() for each in shipped])
        return
    for each in shipped:
        escape = each.figures["escape"]
        print_status(
            f"{each.line}: {escape['found']} of {escape['parts']} NG passed, at most {100 * escape['upper']:.2f} %"
        )
