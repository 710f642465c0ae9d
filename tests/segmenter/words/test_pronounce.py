"""Respellings: whose word wins, and where none applies."""

from segmenter.words import speakable


def test_words_are_respelled_whole_longest_first_and_in_any_case() -> None:
    words = {"New York": "Noo York", "york": "yawk", "SQL": "sequel"}
    assert (
        speakable("new york, York, yorkshire, sql.", pronounce=words) == "Noo York, yawk, yorkshire, sequel."
    )


def test_a_word_as_it_is_written_wins_over_the_same_in_another_case() -> None:
    assert speakable("US or us", pronounce={"US": "you ess", "us": "uss"}) == "you ess or uss"


def test_tags_and_addresses_are_never_respelled() -> None:
    text = "See https://sql.org/sql or ask sql@sql.org [sql] now, sql"
    said = "See sql dot org slash sql or ask sql at sql dot org [sql] now, sequel"
    assert speakable(text, pronounce={"sql": "sequel", "dot": "x", "org": "y"}) == said


def test_a_word_with_digits_in_it_wins_over_the_reading_of_numbers() -> None:
    words = {"GPT-4": "gee pee tee four", "10:30": "half past ten", "Node.js": "node jay ess"}
    spoken = speakable("GPT-4 at 10:30 and 10:31 on Node.js", pronounce=words)
    assert spoken == "gee pee tee four at half past ten and ten thirty-one on node jay ess"


def test_a_respelling_is_spoken_as_it_is_given() -> None:
    assert (
        speakable("Call ACME & co", pronounce={"acme": "4 **you** [laugh]"})
        == "Call 4 **you** [laugh] and co"
    )


def test_the_words_of_a_number_are_respelled_too() -> None:
    assert speakable("It costs $5.", pronounce={"dollars": "bucks"}) == "It costs five bucks."


def test_words_inside_marks_and_next_to_punctuation_are_words() -> None:
    assert (
        speakable("**SQL**, (SQL) and SQL's", pronounce={"SQL": "sequel"}) == "sequel, (sequel) and sequel's"
    )
