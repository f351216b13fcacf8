"""`inspector teach`, with its table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from inspector.cli.options import AsJson, Backbones, LineArgument, ServiceUrl, TokenFile, read_settings
from inspector.cli.output import print_json, print_table, stderr_console
from inspector.cli.progress import json_progress, progress_bars

if TYPE_CHECKING:
    from inspector.numerics.exact_bounds import MeasuredShare
    from inspector.operations.taught_figures import TeachingStep
    from inspector.operations.teach import TaughtResult, TaughtStorage


def teach(
    line: LineArgument,
    backbone: Backbones = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and store nothing.")] = False,
    model_only: Annotated[
        bool, typer.Option("--model-only", help="Store the model and no version; a draft may then name it.")
    ] = False,
    with_json_progress: Annotated[
        bool, typer.Option("--json-progress", help="Write progress to standard error, a JSON document a line.")
    ] = False,
    url: ServiceUrl = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Teach a line with its golden samples and reviewed parts, on this machine.

    Chooses methods on held-back groups and measures on the newest fifth. Stores the model and a new version of the
    line, whose second opinion may only withhold a PASS. The new version needs a qualification. With --url a job of the
    running service teaches, on its machine, and stores the model alone: a draft may then name it.
    """
    if url is not None:
        if backbone or dry_run or model_only:
            raise typer.BadParameter(
                "the service teaches in its own way and stores the model alone; leave out --backbone, --dry-run and "
                "--model-only",
                param_hint="--url",
            )
        _by_service(line, url, token_file, as_json)
        return
    from inspector.bootstrap.evidence import open_evidence
    from inspector.bootstrap.features import open_features
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.teach import teach_line

    store = _storage(dry_run=dry_run, model_only=model_only)
    settings = absolute(read_settings())
    evidence = open_evidence(settings)
    with json_progress(sys.stderr) if with_json_progress else progress_bars(stderr_console) as progress:
        features = open_features(backbone or [], settings)
        result = teach_line(settings.database, evidence, line, features, store=store, report=progress)
    if as_json:
        print_json(result.as_json())
    else:
        print_table(teaching_table(result))
    if result.refused:
        raise typer.Exit(1)


def _by_service(line: str, url: str, token_file: Path | None, as_json: bool) -> None:
    """Start a job in the running service, and print its report."""
    from inspector.bootstrap.from_settings import absolute
    from inspector.operations.service_client import ServiceAddress
    from inspector.operations.service_requests import teach_by_service

    with progress_bars(stderr_console) as progress:
        report = teach_by_service(absolute(read_settings()), ServiceAddress(url, token_file), line, progress)
    if as_json:
        print_json(report)
    else:
        print_table(Group(*_told(report)))
    if report["refused"]:
        raise typer.Exit(1)


def _told(report: Mapping[str, Any]) -> Iterator[Text]:
    """The service's report in sentences."""
    used, measured = report["used"], report["measured"]
    yield Text(f"{report['line']}: {'no model' if report['refused'] else 'a model'} is stored", style="bold")
    yield Text(
        f"taught with {used['ok']} OK and {used['ng']} NG parts of {used['groups']} groups, grouped by "
        f"{report['grouped_by']}"
    )
    yield Text(f"methods: {', '.join(report['members'])}; advice: {report['advice']}")
    shares = (f"{name} {measured[name]['found']} of {measured[name]['parts']}" for name in ("escape", "overkill"))
    yield Text(f"newest fifth: {', '.join(shares)}")
    yield from _refusal(report["refused"])
    yield from _missing(report["missing"])
    if not report["refused"]:
        yield Text("declare it in a draft, or on the line's page Teach:")
        yield Text(f"second_opinion: {json.dumps(report['second_opinion'])}")


def _storage(*, dry_run: bool, model_only: bool) -> TaughtStorage:
    from inspector.operations.teach import TaughtStorage

    if dry_run and model_only:
        raise typer.BadParameter(
            "stores something, but --dry-run stores nothing; leave one out", param_hint="--model-only"
        )
    if dry_run:
        return TaughtStorage.NOTHING
    return TaughtStorage.MODEL if model_only else TaughtStorage.VERSION


def teaching_table(result: TaughtResult) -> Group:
    """The result in sentences, for a terminal of 80 columns."""
    stored = f"version {result.version} is stored" if result.version else "no version is stored"
    return Group(Text(f"{result.line}: {stored}", style="bold"), *map(Text, _sentences(result)), *_warnings(result))


def _sentences(result: TaughtResult) -> Iterator[str]:
    report, used, measured = result.report, result.report.evidence, result.measured
    yield f"taught with {used.ok} OK and {used.ng} NG parts of {used.groups} groups, grouped by {result.grouped_by}"
    yield f"methods: {', '.join(str(member.name) for member in report.model.members)}; advice: {report.advice}"
    yield f"newest fifth: escape {_share(measured.escape)}, overkill {_share(measured.overkill)}"
    if report.ranking.auroc is not None:
        yield f"held-back groups: AUROC {report.ranking.auroc:.3f}"
    if len(result.curve) > 1:
        yield f"learning curve, AUROC on the newest fifth by NG parts: {', '.join(map(_point, result.curve))}"
    moved = ", ".join(f"{count} from {old} to {new}" for (old, new), count in sorted(result.price.moved.items()))
    yield f"stored reviewed parts that would have ended otherwise, of {result.price.parts}: {moved or 'none'}"
    if result.without_picture:
        yield f"{result.without_picture} reviewed part(s) have no stored picture any more"
    if result.challenge:
        yield f"{result.challenge} reviewed part(s) are left out: they or their group belong to the challenge set"
    if result.version:
        yield "keep it in the pipeline file as second_opinion: {by: taught}"


def _warnings(result: TaughtResult) -> Iterator[Text]:
    yield from _refusal(result.refused.text if result.refused else "")
    yield from _missing(result.report.missing)
    for name in result.report.outliers:
        yield Text(f"left out, unlike all other good parts: {name}", style="yellow")


def _refusal(text: str) -> Iterator[Text]:
    if text:
        yield Text(f"refused: {text}", style="red")


def _missing(what: Iterable[str]) -> Iterator[Text]:
    return (Text(f"missing: {each}", style="yellow") for each in what)


def _point(step: TeachingStep) -> str:
    ranking = step.measured.auroc
    return f"{step.ng}: {'unknown' if ranking is None else f'{ranking:.3f}'}"


def _share(share: MeasuredShare) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "unknown (no such part)"
    return f"{share.found} of {share.parts} ({share.low:.1%} … {share.high:.1%})"
