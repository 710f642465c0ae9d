"""Captions as files that players read."""

from itertools import pairwise

from chatterpod import srt, vtt

SEGMENTS = [
    {"text": "A first, short one.", "start_ms": 0, "end_ms": 1_000},
    {
        "text": "A long one & much <longer>: " + "word " * 40,
        "start_ms": 3_600_000,
        "end_ms": 3_610_000,
    },
]


def test_vtt_has_its_header_times_and_no_markup_of_the_text() -> None:
    text = vtt(SEGMENTS)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nA first, short one.\n\n01:00:00.000 -->")
    assert "&amp;" in text
    assert "<longer>" not in text


def test_srt_is_numbered_and_has_commas() -> None:
    blocks = srt(SEGMENTS).split("\n\n")
    assert blocks[0] == "1\n00:00:00,000 --> 00:00:01,000\nA first, short one."
    assert [block.split("\n")[0] for block in blocks] == [str(n) for n in range(1, len(blocks) + 1)]


def test_long_segments_become_captions_of_two_lines_whose_times_meet() -> None:
    blocks = [block.split("\n") for block in srt(SEGMENTS[1:]).strip().split("\n\n")]
    assert all(len(block) <= 4 and max(map(len, block[2:])) <= 42 for block in blocks)
    times = [block[1].split(" --> ") for block in blocks]
    assert times[0][0] == "01:00:00,000"
    assert times[-1][1] == "01:00:10,000"
    assert all(a[1] == b[0] for a, b in pairwise(times))


def test_a_dialogue_names_its_speakers_and_a_heading_loses_its_mark() -> None:
    turns = [{"text": "Hi.", "start_ms": 0, "end_ms": 1, "turn": 0, "voice": "ann"}]
    assert "<v ann>Hi." in vtt(turns)
    assert "\nOne\n" in srt([{"text": "# One", "start_ms": 0, "end_ms": 1}])


def test_captions_have_no_markdown_and_no_written_pauses() -> None:
    texts = {
        "Hello [pause:2s] there, [pause: 500 ms]you.": "Hello there, you.",
        "**Bold**, *so* and `code` of snake_case, 2 * 3.": "Bold, so and code of snake_case, 2 * 3.",
        "See [the page](https://x.org/a_b). [laugh]": "See the page. [laugh]",
        "First.\n## Second\n> Third": "First. Second Third",
    }
    for text, shown in texts.items():
        assert vtt([{"text": text, "start_ms": 0, "end_ms": 1}]).splitlines()[3] == shown
    assert vtt([{"text": "|---|---|", "start_ms": 0, "end_ms": 1}]) == "WEBVTT\n"
