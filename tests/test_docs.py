"""The pages that people read: links lead to files, code compiles, names and options exist in both languages."""

import pathlib
import re

import pytest
from typer.main import get_command

import mmkeras as mm
from mmkeras.commands.app import app

ROOT = pathlib.Path(__file__).parents[1]
ENGLISH = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHINESE = [ROOT / "README.zh-CN.md", *sorted((ROOT / "docs" / "zh").glob("*.md"))]
PAGES = [*ENGLISH, *CHINESE, ROOT / "benchmarks" / "README.md", ROOT / "CONTRIBUTING.md"]
LONGEST = 150  # lines of a README


def code(page):
    return re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M)


def without_comments(block):
    return re.sub(r"\s+", "", re.sub(r"#.*", "", block))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    lost = [link for link in links if not (page.parent / link).exists()]
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_compiles_and_its_names_exist(page):
    for block in code(page):
        compile(block, page.name, "exec")
        for path in re.findall(r"\bmm\.([\w.]+)", block):
            value = mm
            for name in path.split("."):
                value = getattr(value, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page):
    commands = get_command(app).commands
    known = {option for command in commands.values() for part in command.params for option in part.opts}
    text = page.read_text("utf-8")
    shown = "".join(re.findall(r"^```\n(.*?)^```$", text, re.S | re.M))
    for line in re.findall(r"^mmkeras .*$", shown, re.M):
        name, options = line.split()[1], re.findall(r"--[\w-]+", line.split("#")[0])
        own = {option for part in commands[name].params for option in part.opts}
        assert own.issuperset(options), line
    if page.name == "command-line.md":
        assert known.issuperset(re.findall(r"`(--[\w-]+)", text))


@pytest.mark.parametrize("english, chinese", list(zip(ENGLISH, CHINESE, strict=True)), ids=lambda page: page.name)
def test_both_languages_show_the_same_code(english, chinese):
    assert english.parent == ROOT or english.name == chinese.name
    assert [without_comments(block) for block in code(english)] == [without_comments(b) for b in code(chinese)]


@pytest.mark.parametrize("page", (ENGLISH[0], CHINESE[0]), ids=lambda page: page.name)
def test_a_readme_is_short(page):
    assert len(page.read_text("utf-8").splitlines()) <= LONGEST
