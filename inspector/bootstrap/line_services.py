"""Builds the services that change lines out of settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from inspector.bootstrap.from_settings import absolute, known_card
from inspector.bootstrap.overrides import card_fingerprints
from inspector.bootstrap.teaching_process import TeachingProcess
from inspector.lines.challenge import ChallengeSets
from inspector.lines.change_effect import ChangeEffects
from inspector.lines.declared_content import DeclarationReader
from inspector.lines.drafts import Drafts
from inspector.lines.golden_samples import GoldenSamples
from inspector.lines.jobs import Jobs
from inspector.lines.pricing import Pricing
from inspector.lines.promotion import Promotions
from inspector.lines.qualification import Qualifications
from inspector.lines.qualification_jobs import QualificationJobs
from inspector.lines.replay_columns import ReplayTables
from inspector.lines.rollback import Rollbacks
from inspector.lines.states import LineStates
from inspector.lines.teaching import Teaching
from inspector.lines.threshold_advice import ThresholdAdvisor
from inspector.lines.tuning import Tuning
from inspector.lines.versions import Versions
from inspector.ports.challenge import ChallengeModel
from inspector.settings import Settings

if TYPE_CHECKING:
    from inspector.adapters.console.services import LineServices
    from inspector.adapters.ledger import FileEvidence, SqlArchive


def line_services(
    settings: Settings, archive: SqlArchive, evidence: FileEvidence, states: LineStates, model: ChallengeModel
) -> LineServices:
    """Build the services over this installation's ledger; `model` judges challenge parts.

    Jobs of an earlier run end as FAILED.
    """
    from inspector.adapters.camera import CameraPictureReader
    from inspector.adapters.console.services import LineServices
    from inspector.adapters.ledger import (
        SqlChallengeStore,
        SqlDraftStore,
        SqlJobStore,
        SqlQualificationStore,
        store_versions,
    )

    database = settings.database
    versions, pricing = Versions(archive), Pricing.over(archive)
    drafts = Drafts(versions, SqlDraftStore(database))
    sets = ChallengeSets(states, SqlChallengeStore(database), evidence, CameraPictureReader(()))
    qualifications = Qualifications(sets, SqlQualificationStore(database))
    effects = ChangeEffects(pricing, qualifications)
    jobs = Jobs(SqlJobStore(database), settings.site)
    jobs.recover()
    return LineServices(
        versions=versions,
        reader=DeclarationReader(known_card(settings)),
        drafts=drafts,
        pricing=pricing,
        promotions=Promotions(drafts, effects),
        rollbacks=Rollbacks(versions, effects, partial(store_versions, database)),
        tuning=Tuning(pricing),
        replay_tables=ReplayTables(pricing),
        thresholds=ThresholdAdvisor(archive, pricing.tables),
        golden=GoldenSamples(sets, archive, partial(store_versions, database)),
        challenge=sets,
        archive=archive,
        qualifications=qualifications,
        qualification_jobs=QualificationJobs(qualifications, jobs, model, partial(card_fingerprints, settings)),
        teaching=Teaching(versions, archive, evidence, jobs, TeachingProcess(absolute(settings)).teach),
        jobs=jobs,
    )
