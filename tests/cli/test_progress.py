"""Long commands say how far they are, in files too."""

from __future__ import annotations

from rich.console import Console

from inspector.cli.progress import LINE_EVERY_S, progress_bars, progress_lines


def test_without_a_terminal_a_line_comes_from_time_to_time_and_at_the_end() -> None:
    console, now = Console(force_terminal=False), [0.0]
    with console.capture() as captured:
        report = progress_lines(console, lambda: now[0])
        for done in range(1, 101):
            now[0] += LINE_EVERY_S / 40
            report("asking [demo]", done, 100)
    assert captured.get().splitlines() == [f"asking [demo]: {done} of 100" for done in (40, 80, 100)]


def test_on_a_terminal_there_are_bars() -> None:
    console = Console(force_terminal=True, force_interactive=False)
    with console.capture() as captured, progress_bars(console) as report:
        report("asking", 1, 2)
    assert "1/2" in captured.get()
