"""The arithmetic of the image's size, on files made up for it."""

import random
import zlib
from pathlib import Path

import pytest

from bench.image import BLOCK, Layer, layer_of, pins, table

NOISE = random.Random(0).randbytes(BLOCK)  # noqa: S311 - bytes that do not compress


def test_small_files_are_compressed_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10_000)
    (tmp_path / "b").write_bytes(NOISE[:5_000])
    made = layer_of("small", [tmp_path / "a", tmp_path / "b", tmp_path / "gone"])
    packed = len(zlib.compress(b"x" * 10_000)) + len(zlib.compress(NOISE[:5_000]))
    assert (made.unpacked, made.how) == (15_000, "measured")
    assert made.pulled == pytest.approx(packed)


def test_a_large_one_is_measured_exactly_and_compressed_in_part(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as out:
        for block in range(100):
            out.write(NOISE if block % 4 < 2 else bytes(BLOCK))
    files = [tmp_path / "large"]
    made, whole = layer_of("large", files), layer_of("large", files, whole=True)
    assert made.unpacked == whole.unpacked == 100 * BLOCK
    assert "34% of it compressed" in made.how
    assert made.pulled == pytest.approx(whole.pulled, rel=0.05)
    assert whole.pulled == pytest.approx(50 * BLOCK, rel=0.01)


def test_nothing_weighs_nothing() -> None:
    assert layer_of("none", []) == Layer("none", 0, 0.0, "measured")


def test_the_layers_are_added_up_and_held_against_the_limits() -> None:
    layers = [Layer("base", 150e6, 50e6, "assumed"), Layer("packages", 5e9, 3e9, "measured")]
    lines = table(layers)
    assert lines[-2].split() == ["image", "5.15", "3.05"]
    assert lines[-1].endswith("holds")
    for more in (Layer("w", 3e9, 1e9, ""), Layer("w", 1e9, 2e9, "")):
        assert table([*layers, more])[-1].endswith("MISSED")


def test_the_pins_are_those_of_both_lists_without_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "worker.txt").write_text("# the worker\nalpha==1.0\nbeta==2.0\n")
    (tmp_path / "chatterbox.txt").write_text("gamma==3.0\n")
    (tmp_path / "not-in-image.txt").write_text("^beta==\n")
    assert pins(tmp_path) == {"alpha": "1.0", "gamma": "3.0"}


def test_triton_and_what_tests_need_are_left_out_of_the_image() -> None:
    root = Path(__file__).parents[2] / "requirements"
    tests = [line.split("==")[0] for line in (root / "dev.txt").read_text().splitlines() if "==" in line]
    assert not pins(root).keys() & {"triton", "hibari-tts", "onnxruntime", *tests}
