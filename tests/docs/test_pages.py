"""What the pages link, name and show is there."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chatterpod.cli import main

from tests.kits.runpod_api import KEY, account
from tests.kits.workers import run_job, working

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DEPLOY = (ROOT / "docs/start/deploy.md").read_text()
MONITORING = (ROOT / "docs/how-to/monitoring.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


def test_the_readme_links_every_page() -> None:
    linked = {(ROOT / link).resolve() for link in LINK.findall((ROOT / "README.md").read_text())}
    assert [page.name for page in PAGES[1:] if page not in linked] == []


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return set(re.findall(r"--[\w-]+", capsys.readouterr().out))


def test_every_option_that_the_pages_on_running_it_name_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    known = options_of("deploy", capsys) | options_of("cost", capsys) | {"--check"}
    for name in ("monitoring", "troubleshooting", "cost"):
        named = set(re.findall(r"--[a-z][\w-]+", next((ROOT / "docs").rglob(f"{name}.md")).read_text()))
        assert named
        assert named <= known


def test_deploys_plan_on_the_page_is_what_it_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    image = ("--image", "name/chatterpod:0.1.0", "--data-center", "EU-RO-1")
    with account() as api:
        assert main(["deploy", *image, "--yes", "--api-url", api.url]) == 0
    shown = capsys.readouterr().out.split("done: ")[0].replace("name/", "NAME/")
    assert shown in DEPLOY


def test_the_parts_of_a_workers_report_on_the_page_are_those_that_it_has() -> None:
    command = [sys.executable, "-m", "worker", "--check"]
    env = {"TTS_ENGINE": "tone"}
    said = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    blocks = re.findall(r"^```\w*\n(.*?)^```", DEPLOY, re.DOTALL | re.MULTILINE)
    block = next(block for block in blocks if "versions " in block)
    assert [line.split()[0] for line in block.splitlines()] == [line.split()[0] for line in said.splitlines()]


async def test_the_job_line_on_the_page_has_the_fields_that_a_worker_writes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", MONITORING, re.DOTALL)[0])
    caplog.set_level(logging.INFO)
    with working(tmp_path) as kit:
        await run_job(kit, {"text": "Hello there."})
    written = json.loads(next(record.message for record in caplog.records if "characters" in record.message))
    assert list(shown) == list(written)


def test_each_symptom_has_a_command_and_an_action() -> None:
    rows = MONITORING.split("## You are paged")[1].strip().splitlines()[2:]
    assert len(rows) >= 8
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 3
        assert all(cells)
