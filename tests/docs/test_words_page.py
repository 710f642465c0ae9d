"""The page of what is spoken says what the cases prove."""

from tests.segmenter.words.classes import PAGE, with_table


def test_the_table_of_classes_is_that_of_the_cases() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run: python -m tests.segmenter.words.classes"
