"""The synthetic products: properties that training, the demo and the tests rely on."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from support.paths import ROOT

from inspector.domain.pipeline import Pipeline
from inspector.lab.synthetic import PRODUCTS, Sample, draw, encode, golden

ALL = sorted(PRODUCTS)


def _inside(sample: Sample) -> list[bool]:
    """Tell for each flaw whether its box is the extent of its pixels in the mask; a later flaw may cover some."""
    return [_extent(sample.mask == index) == flaw.box_px for index, flaw in enumerate(sample.flaws, 1)]


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize("product", ALL)
def test_same_seed_gives_the_same_bytes(product: str) -> None:
    assert encode(draw(product, 7)) == encode(draw(product, 7))
    assert encode(draw(product, 7)) != encode(draw(product, 8))


@pytest.mark.parametrize("product", ALL)
def test_a_golden_sample_has_no_flaw(product: str) -> None:
    sample = golden(product, 1)
    assert not sample.ng
    assert sample.main is None
    assert not sample.mask.any()


@pytest.mark.parametrize("product", ALL)
def test_an_ng_part_has_a_flaw_whose_box_encloses_its_pixels(product: str) -> None:
    samples = [draw(product, seed, flaws=1) for seed in range(25)]
    assert all(len(sample.flaws) == 1 and all(_inside(sample)) for sample in samples)
    assert {flaw.defect for sample in samples for flaw in sample.flaws} <= set(PRODUCTS[product].defects)


@pytest.mark.parametrize("product", ALL)
def test_a_flaw_changes_the_picture_where_its_box_is(product: str) -> None:
    for seed, kind in enumerate(PRODUCTS[product].defects):
        bad = draw(product, seed, flaws=1, hard=0.0, only=kind)
        x0, y0, x1, y1 = bad.flaws[0].box_px
        window = (slice(y0, y1), slice(x0, x1))
        plain = bad.pixels[window].astype(int).std((0, 1)).max()
        assert plain > 5, f"seed {seed}: {bad.flaws[0]} is not visible"


def test_every_declared_class_is_drawn() -> None:
    for product, kind in PRODUCTS.items():
        drawn = {flaw.defect for seed in range(20) for flaw in draw(product, seed, flaws=8).flaws}
        assert drawn == set(kind.defects)


def test_half_of_the_frames_are_ng_by_default() -> None:
    verdicts = [draw("board", seed, size=160).ng for seed in range(200)]
    assert 70 < sum(verdicts) < 130
    assert not any(draw("board", seed, ng=False, size=160).ng for seed in range(10))


def test_harder_frames_have_fainter_flaws() -> None:
    def mean_contrast(hard: float) -> float:
        return float(np.mean([draw("cap", seed, ng=True, hard=hard).flaws[0].contrast for seed in range(30)]))

    assert mean_contrast(0.0) > mean_contrast(0.5) > mean_contrast(1.0)


def test_the_main_flaw_is_the_most_visible_one() -> None:
    sample = draw("washer", 3, flaws=2)
    faint, plain = (replace(flaw, contrast=contrast) for flaw, contrast in zip(sample.flaws, (0.1, 1.0), strict=True))
    assert replace(sample, flaws=(faint, plain)).main == plain


@pytest.mark.parametrize("size", [320, 1280])
def test_frames_come_in_other_sizes(size: int) -> None:
    assert draw("washer", 1, size=size).pixels.shape == (size, size, 3)


def test_encoded_frame_is_a_jpeg_of_the_picture() -> None:
    sample = draw("cap", 2)
    decoded = cv2.imdecode(np.frombuffer(encode(sample, 95), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.abs(decoded[..., ::-1].astype(int) - sample.pixels).mean() < 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"product": "gear"}, "gear"), ({"size": 10}, "size"), ({"hard": 2.0}, "hard")],
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        draw(**({"product": "cap", "seed": 1} | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("product", ALL)
def test_the_declared_demo_line_knows_the_product_s_defects(product: str) -> None:
    folder = ROOT / "pipelines"
    declared = Pipeline(**yaml.safe_load((folder / f"{product}.yaml").read_text(encoding="utf-8")))
    assert declared.defects == dict(PRODUCTS[product].defects)


def test_a_missing_star_is_the_other_variants_good_part() -> None:
    lacking = draw("cap", 4, flaws=1, only="missing_star")
    assert [(flaw.defect, flaw.contrast) for flaw in lacking.flaws] == [("missing_print", 0.0)]
    x0, y0, x1, y1 = lacking.flaws[0].box_px
    window = (slice(y0, y1), slice(x0, x1))
    assert _ink(draw("cap", 4, ng=False).pixels[window]) > 10
    assert abs(_ink(lacking.pixels[window])) < 4
    assert abs(_ink(draw("cap", 4, ng=False, variant=1).pixels[window])) < 4


def _ink(pixels: np.ndarray) -> float:
    """Return the mean excess of blue over red: plastic is grey, ink is blue."""
    return float((pixels[..., 2].astype(int) - pixels[..., 0]).mean())


@pytest.mark.parametrize("product", ALL)
def test_only_the_wanted_kind_is_drawn(product: str) -> None:
    wanted = next(iter(PRODUCTS[product].defects))
    assert {flaw.defect for flaw in draw(product, 3, flaws=4, only=wanted).flaws} == {wanted}


def test_a_variant_or_flaw_that_is_not_drawn_is_named() -> None:
    with pytest.raises(ValueError, match="cap has no variant 2; use 0 to 1"):
        draw("cap", 1, variant=2)
    with pytest.raises(ValueError, match="this variant has no flaw 'missing_star'; use one of"):
        draw("cap", 1, variant=1, flaws=1, only="missing_star")
