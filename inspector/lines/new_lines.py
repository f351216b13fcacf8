"""New lines: declared from a template or like another line. A new line judges and stores, and passes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from inspector.config.line_template import declare_line, settings_of, template
from inspector.domain.line_version import VersionOrigin
from inspector.domain.pipeline import Pipeline
from inspector.errors import DeclarationError, Fault, InspectorError
from inspector.lines.line_pictures import NamedPicture, golden_file_name, store_golden_sample
from inspector.lines.states import LineStates, LineView, require_short
from inspector.ports.camera import PictureReader
from inspector.ports.evidence import EvidenceStore
from inspector.ports.lines import DeclaredVersion, StoreVersions


class NewLine(NamedTuple):
    """A line to create: from a template, or like another line, whose golden samples it then shares.

    `settings` replace those of the template or line, each as a whole, and `golden` its golden samples.
    """

    line: str
    settings: Mapping[str, Any]
    author: str
    reason: str = ""
    template: str | None = None
    like: str | None = None
    golden: Sequence[NamedPicture] = ()


@dataclass(frozen=True, slots=True)
class NewLines:
    """Creates lines. Every method raises LedgerError."""

    states: LineStates
    store: StoreVersions
    pictures: PictureReader
    evidence: EvidenceStore

    def create(self, asked: NewLine) -> LineView:
        """Store the first version of a line.

        Raises DeclarationError with every fault at its field, NotFoundError for an unknown line to copy, and
        ConflictError where somebody else created the line meanwhile.
        """
        version = self.declared(asked)
        self.store([version])
        return self.states.view(asked.line)

    def declared(self, asked: NewLine) -> DeclaredVersion:
        """Return the version that `create` would store. Its golden samples are stored; nothing refers to them yet."""
        require_short(asked.reason)
        basis, golden = self._basis(asked)
        if asked.golden:
            brought = {hashlib.sha256(each.data).hexdigest(): each for each in asked.golden}
            names = [golden_file_name(sha256, each.data) for sha256, each in brought.items()]
            basis, golden = {**basis, "golden_samples": names}, tuple(brought)
        pipeline = declare_line(asked.line, basis, asked.settings)
        if any(each.pipeline.line == asked.line for each in self.states.archive.list_pipelines()):
            remedy = "choose another name, or change that line"
            raise DeclarationError([Fault(asked.line, "line", f"a line {asked.line!r} exists already", remedy)])
        self._store_golden(pipeline, asked.golden)
        reason = asked.reason or (f"like {asked.like}" if asked.like else f"from template {asked.template}")
        return DeclaredVersion(pipeline, golden, asked.author, "", None, reason, VersionOrigin.CONSOLE)

    def _store_golden(self, pipeline: Pipeline, brought: Sequence[NamedPicture]) -> None:
        for number, each in enumerate(brought):
            try:
                store_golden_sample(self.pictures, self.evidence, each, pipeline)
            except InspectorError as error:
                fault = Fault(pipeline.line, f"golden[{number}]", str(error), "choose another picture")
                raise DeclarationError([fault]) from error

    def _basis(self, asked: NewLine) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        if (asked.template is None) == (asked.like is None):
            problem, remedy = "a new line begins with a template or another line", "name one of template and like"
            raise DeclarationError([Fault(asked.line, "template", problem, remedy)])
        if asked.like is None:
            return template(asked.template or ""), ()
        version = self.states.version(asked.like)
        return settings_of(version.pipeline), version.golden
