"""Text that comes in tokens with gaps between: what is spoken after a silence is over."""

import re

import pytest

from segmenter import Segmenter, Silence, sentences

PACES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 1.6, 2.0)  # seconds a token
SILENCES = ((0.4, Silence.SHORT), (2.5, Silence.MEDIUM), (5.0, Silence.LONG))  # as the gateway has them
TEXTS = [
    (
        "en",
        "I will see Dr. Smith at nine. He paid $3.50 at 9 a.m. sharp, e.g. for tea. It is version 1.2.",
    ),
    (
        "en",
        "The result is 3.14 exactly. Mr. J. R. Brown (see p. 5. of the book. Really.) said so. No. 7 won.",
    ),
    ("en", "Steps:\n\n1. Boil water.\n2. Add 0.5 l of milk, i.e. half a litre.\n3. Stir."),
    (
        "en",
        "She earned her Ph.D. in 2012. The U.S. Army left at 5 p.m. on Mon. 4 May. Prices rose 4.25 percent.",
    ),
    ("en", '"Stop!" Mary cried. Then... nothing came. Wait... what was that? It was Acme Inc. of Boston.'),
    (
        "en",
        "Use [the link](https://a.b/c.d) here. It is **very good.** Then go (or not). It is 98.6 degrees.",
    ),
    ("en", "Sec. 5 of the Act, cf. Art. 12, holds. Vol. 3 and fig. 2 show it. Approx. 20 ft. of rope."),
    (
        "de",
        "Wir treffen Hrn. Dr. Meyer am 3. Oktober um 8.30. Das kostet z. B. 3,50 Euro. Er kam am 12. Mai.",
    ),
    ("fr", "M. Dupont est ici. Il habite au n. 3, av. de Lyon. Mme. Roy vient à 8.30 h."),
    ("ru", "Он родился в 1980 г. в Москве. А. С. Пушкин жил на ул. Мира, д. 5. Это т. е. так."),
    ("es", "El Sr. López vive en la Av. 3. Vino a las 3.30 p. m. con la Sra. Ruiz. Dijo que no."),
    ("zh", "价格是3.5元。他说：“好！”然后走了。请看第5.2节。"),
]
TOKENS = {"words": r"\s*\S+|\s+", "marks": r"\s?\w+|[^\w\s]|\s", "letters": r"(?s)."}


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_no_pace_cuts_inside_a_sentence(language: str, text: str, pace: float, tokens: str) -> None:
    ends, at = set(), 0
    for sentence in sentences(text, language):
        at = text.index(sentence, at) + len(sentence)
        ends.add(at)
    segmenter = Segmenter(language)
    given = []
    for token in re.findall(TOKENS[tokens], text):
        given += segmenter.push(token)
        for seconds, silence in SILENCES:
            given += segmenter.rest(silence) if pace >= seconds else []
    for segment in given + segmenter.finish():
        end = segment.char_end
        assert end in ends or text[end - 1] in ",:，：", text[:end]  # the opening is a clause


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Please write to jane.doe@mail.example.org about it.", "doe@mail.example.org"),
        (
            "The page is https://www.example.com/docs/intro.html?x=1&y=2. Read it.",
            "www.example.com/docs/intro",
        ),
        ("Go to www.example.com/a-b_c/d.html now.", "www.example.com/a-b_c/d.html"),
        ("Mail bob@example.co.uk, please.", "bob@example.co.uk"),
        ("It is at docs.python.org/3/library/re.html for you.", "org/3/library/re.html"),
    ],
)
def test_an_address_that_has_begun_waits_for_the_longest_silence(text: str, address: str) -> None:
    start = text.index(address)
    for at in range(start + 1, start + len(address)):
        segmenter = Segmenter()
        given = segmenter.push(text[:at]) + segmenter.rest(Silence.SHORT) + segmenter.rest(Silence.MEDIUM)
        given += segmenter.push(text[at:]) + segmenter.flush()
        assert not any(start < segment.char_end < start + len(address) for segment in given), text[:at]


@pytest.mark.parametrize("pace", PACES)
def test_an_address_in_the_tokens_of_a_language_model_is_never_cut(pace: float) -> None:
    text = "Write to jane.doe@mail.example.org or see example.com/help today."
    segmenter = Segmenter()
    given = []
    for token in re.findall(r"\s?\w+|[.@/]\w+|.", text):
        given += segmenter.push(token)
        for seconds, silence in SILENCES:
            given += segmenter.rest(silence) if pace >= seconds else []
    given += segmenter.flush()
    assert "".join(text[segment.char_start : segment.char_end] for segment in given) == text


@pytest.mark.parametrize(
    ("text", "silence"),
    [
        ("Hello there.", Silence.SHORT),
        ("Is it so?", Silence.SHORT),
        ("你好。", Silence.SHORT),
        ("I will see Dr.", Silence.MEDIUM),
        ("The result is 3.", Silence.MEDIUM),
        ("At 9 a.", Silence.MEDIUM),
        ("He is from the U.S.", Silence.MEDIUM),
        ("I mean e.", Silence.MEDIUM),
        ("Wait...", Silence.MEDIUM),
        ('"Stop!"', Silence.MEDIUM),
        ("It is so (as he said.", Silence.LONG),
        ("See [the link.", Silence.LONG),
        ("Let me look that up", None),
        ("The price is 5", None),
    ],
)
def test_each_kind_of_end_waits_for_its_own_silence(text: str, silence: Silence | None) -> None:
    segmenter = Segmenter()
    assert segmenter.push(text) == []
    spoken = next((kind for kind in Silence if segmenter.rest(kind)), None)
    assert spoken is silence
    assert bool(segmenter.flush()) is (silence is None)
