"""What commands ask the running service for, instead of loading the model here."""

from __future__ import annotations

from typing import Any

from inspector.operations.progress import ReportProgress
from inspector.operations.qualification import QualificationRequest
from inspector.operations.service_client import ServiceAddress, camera_path, line_path, service_client
from inspector.settings import Settings


def qualify_by_service(
    settings: Settings, address: ServiceAddress, request: QualificationRequest, progress: ReportProgress
) -> dict[str, Any]:
    """Qualify a line by a job of the service, and return the job's result."""
    body = {"reason": request.reason, "camera": request.camera}
    with service_client(settings, address) as client:
        return client.finished_job(line_path(request.line, "qualifications"), body, progress)


def teach_by_service(
    settings: Settings, address: ServiceAddress, line: str, progress: ReportProgress
) -> dict[str, Any]:
    """Teach a line by a job of the service, and return its report. The service stores the model and no version."""
    with service_client(settings, address) as client:
        return client.finished_job(line_path(line, "teaching"), {}, progress)


def shoot_by_service(settings: Settings, address: ServiceAddress, line: str, camera: str) -> dict[str, Any]:
    """Judge the camera's newest picture by the line's live version, on a replica of the service."""
    with service_client(settings, address) as client:
        return client.post(camera_path(line, camera, "test-shots"), {})
