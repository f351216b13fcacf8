"""Addresses of pages, and the filter in the list's address. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from inspector.domain.decision import Reason
from inspector.domain.declared import Disposition
from inspector.domain.frame import NAME_PATTERN
from inspector.ports.archive import PartFilter


def page_address(result_id: str) -> str:
    return f"/part/{quote(result_id, safe='')}"


def read_filter(line: str, disposition: str, reason: str) -> PartFilter:
    """Return the filter in a page's address. Unknown values match everything."""
    return PartFilter(
        line=line if NAME_PATTERN.fullmatch(line) else None,
        disposition=disposition if disposition in set(Disposition) else None,
        reason=reason if reason in set(Reason) else None,
    )


def list_address(wanted: PartFilter) -> str:
    """Return the list's address for this filter, to share or to bookmark."""
    values = {"line": wanted.line, "disposition": wanted.disposition, "reason": wanted.reason}
    query = urlencode({key: value for key, value in values.items() if value})
    return f"/?{query}" if query else "/"
