"""A recorder in a process of its own, to be killed: `python ledger_recorder.py URL EVIDENCE NAME CALLERS`.

Stores a picture and records its part, many at a time and without end; prints the number of each part once it is
recorded. Numbers that are taken already are left out, so that several recorders share the numbers out.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from support.fakes import REJECTED, a_part, a_verdict

from inspector.adapters.ledger import FileEvidence, SqlLedger
from inspector.domain.report import Words, WordsState


def picture(number: int) -> bytes:
    return b"\xff\xd8\xff" + b"%d " % number * 2000


async def main(url: str, root: str, name: str, callers: int) -> None:
    evidence, numbers = FileEvidence(root), count()

    async def record(ledger: SqlLedger) -> None:
        for number in numbers:
            stored = await asyncio.to_thread(evidence.put, picture(number), "image/jpeg")
            words = Words(WordsState.WRITTEN, raw="{}")
            part = a_part(f"t-{number}", result_id=f"{name}-{number}", decision=REJECTED, evidence=stored, words=words)
            if await ledger.record(part, [a_verdict(part)]):
                print(number, flush=True)

    async with SqlLedger(url) as ledger:
        await asyncio.gather(*(record(ledger) for _ in range(callers)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
