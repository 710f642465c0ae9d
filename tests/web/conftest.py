import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kits.browsers import Page, chromium, firefox
from tests.kits.listener import Listener
from tests.kits.pods import Pod, running

WITHOUT_MEDIA_SOURCE = "delete globalThis.MediaSource; delete globalThis.ManagedMediaSource;"


@pytest.fixture(scope="session")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A localpod whose worker speaks eight times as fast as one listens."""
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "8"}
    with running(tmp_path_factory.mktemp("pod"), "--idle-timeout", "600", **env) as running_pod:
        running_pod.runsync({"text": "Be there before the tests begin."})
        yield running_pod


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A new folder with a short name, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="web-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def with_media_source(folder: Path) -> Iterator[Page]:
    with chromium(folder / "a") as page:
        yield page


@pytest.fixture(scope="session")
def without_media_source(folder: Path) -> Iterator[Page]:
    with chromium(folder / "b") as page:
        page.before(WITHOUT_MEDIA_SOURCE)
        yield page


@pytest.fixture(scope="session")
def in_firefox(folder: Path) -> Iterator[Page]:
    with firefox(folder / "c") as page:
        yield page


@pytest.fixture(params=["with_media_source", "without_media_source", "in_firefox"])
def any_browser(request: pytest.FixtureRequest) -> Page:
    page = request.getfixturevalue(request.param)
    assert isinstance(page, Page)
    return page


@pytest.fixture
def listener(any_browser: Page, pod: Pod) -> Iterator[Listener]:
    """Localpod's page, in each way of playing."""
    listener = Listener(any_browser, pod)
    listener.open()
    yield listener
    listener.leave()


@pytest.fixture
def chromium_listener(with_media_source: Page, pod: Pod) -> Iterator[Listener]:
    listener = Listener(with_media_source, pod)
    listener.open()
    yield listener
    listener.leave()
