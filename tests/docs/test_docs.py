"""What the pages say is what the product does: examples run, tables equal the code."""

import contextlib
import dataclasses
import io
import os
import re
import shlex
import subprocess
import sys
import warnings

import pydantic
import pytest
from docs_pages import DOCS, PAGES, anchors, blocks, links, matches, missing

from pqhw.explore.search.costs import OperatorCost
from pqhw.explore.sweep.results import Row, SweepResult
from pqhw.flow import results
from pqhw.flow.cache import Cache
from pqhw.report.study import study_markdown
from pqhw.rtl.accelerator import status_signature
from pqhw.spec import ChainSpec, Conv2d, LoadError, engine_spec
from pqhw.spec.devices import DEVICES
from pqhw.spec.fields import Boolean, Choice, Integer, Pair, Ratio, Rows, show
from pqhw.spec.files import load_spec
from pqhw.spec.image import KINDS
from pqhw.spec.overlay.files import OVERLAYS
from pqhw.spec.overlay.job import ProgramError
from pqhw.spec.tables import (Layer, MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding,
                              PQPrecision, Requantize)
from pqhw.study.cost import Cost
from pqhw.study.results import RowResult, Run, StudyResult, load_study_result

NAMES = [page.name for page in PAGES]


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


def page_text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def table_rows(text, heading):
    """The rows of the first table below a heading, cell by cell, without its head."""
    below = text.split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\|\n)+", below, re.M).group().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


# -- Examples ----------------------------------------------------------------------------------


def run_commands(text, folder, cache, status):
    """Run `pqhw …` lines; the last must end with `status`, those before with 0."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    printed = ""
    for line in lines:
        words = shlex.split(line, comments=True)
        changes = {}
        while words and re.fullmatch(r"\w+=\S*", words[0]):
            name, _, value = words.pop(0).partition("=")
            changes[name] = value
        assert words[0] == "pqhw", f"only pqhw is run, not {line}"
        environment = os.environ | {"PQHW_CACHE": str(cache.root), "COLUMNS": "100",
                                    "NO_COLOR": "1", "PYTHONWARNINGS": "error"} | changes
        done = subprocess.run([sys.executable, "-m", "pqhw.cli", *words[1:]], cwd=folder,
                              env=environment, capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL)
        wanted = status if line is lines[-1] else 0
        assert done.returncode == wanted, f"{line}\nended with {done.returncode}:\n" \
            f"{done.stdout}{done.stderr}"
        printed += done.stdout + done.stderr
    return printed


def run_python(block, page, namespace, folder):
    """Run a block where its page's blocks before it have left their names."""
    output = io.StringIO()
    code = compile("\n" * block.line + block.text, page, "exec")
    with contextlib.chdir(folder), contextlib.redirect_stdout(output), \
            warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(code, namespace)
    return output.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_a_page_run_in_order_and_print_what_it_shows(name, tmp_path, cache):
    namespace, printed, left_out = {}, "", []
    for block in blocks(DOCS / name):
        where = f"{name}:{block.line}"
        if "not run" in block.directives:
            assert block.directives["not run"], f"{where}: say why it is not run"
            continue
        if lacking := missing(block):
            left_out.append(f"{where} needs {', '.join(lacking)}")
            printed = None
            continue
        if "file" in block.directives:
            (tmp_path / block.directives["file"]).write_text(block.text, encoding="utf-8")
        if block.language == "toml":
            (tmp_path / "block.toml").write_text(block.text, encoding="utf-8")
            load_spec(tmp_path / "block.toml")
        elif block.language == "python":
            printed = run_python(block, where, namespace, tmp_path)
        elif block.language == "sh":
            printed = run_commands(block.text, tmp_path, cache,
                                   int(block.directives.get("exit", "0")))
        elif "output" in block.directives and printed is not None:
            assert matches(block.text, printed), f"{where}: printed was\n{printed}"
    if left_out:
        pytest.skip("; ".join(left_out))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_pages_and_headings_that_exist(name):
    for link in links(DOCS / name):
        if link.startswith("http"):
            continue
        target, _, anchor = link.partition("#")
        page = DOCS / (target or name)
        assert page.is_file(), f"{name} links to {link}"
        if anchor:
            assert anchor in anchors(page), f"{name} links to {link}"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_reached_from_the_index(name):
    if name != "index.md":
        assert name in {link.partition("#")[0] for link in links(DOCS / "index.md")}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_narrow_enough_and_short_enough(name):
    lines = page_text(name).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
    assert len(lines) <= 240


# -- Tables that repeat the code ---------------------------------------------------------------


def rule_text(rule):
    match rule:
        case Integer(only=(_, *_)):
            return ", ".join(f"`{number}`" for number in rule.only)
        case Integer():
            return f"{rule.low} … {rule.high}"
        case Pair():
            return f"{rule.low} … {rule.high}, or `[y, x]`"
        case Choice():
            return ", ".join(f"`{show(word)}`" for word in rule.words)
        case Boolean():
            return "`true`, `false`"
        case Ratio():
            return '`"auto"` or `"1:2"`'
        case Rows():
            return f"rows of {rule.low} … {rule.high}"


def field_table(cls):
    """A table of a spec file as it must stand in docs/spec.md."""
    lines = ["| field | rule | default | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(cls):
        if "rule" not in field.metadata:
            continue
        if field.default is dataclasses.MISSING:
            default = "required"
        else:
            default = "derived" if field.default is None else f"`{show(field.default)}`"
        lines.append(f"| `{field.name}` | {rule_text(field.metadata['rule'])} | {default} | "
                     f"{field.metadata['doc']} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("cls", [Layer, Conv2d, PQEngine, MACEngine, PQPrecision, MACPrecision,
                                 Requantize, PQFolding, MACFolding])
def test_every_field_stands_in_the_spec_page_as_the_code_declares_it(cls):
    wanted = field_table(cls)
    assert wanted in page_text("spec.md"), f"docs/spec.md must contain\n{wanted}"


def test_devices_stand_in_the_spec_page_as_the_code_declares_them():
    rows = table_rows(page_text("spec.md"), "## Devices")
    assert rows == [[f"`{part.name}`", part.title, f"`{part.family}`", f"{part.luts:,}",
                     f"{part.brams} × {part.bram_bits:,} bits", str(part.dsps),
                     "yes" if part.lutram else "no"] for part in DEVICES.values()]


def test_error_codes_stand_in_the_image_page_as_the_code_declares_them():
    rows = table_rows(page_text("image.md"), "## Error codes")
    assert [(int(row[0]), row[1]) for row in rows] == list(enumerate(LoadError.NAMES))


def test_section_kinds_stand_in_the_image_page_as_the_code_declares_them():
    rows = table_rows(page_text("image.md"), "## Sections")
    assert {row[1]: int(row[0]) for row in rows} == {f"`{kind}`": number
                                                    for kind, number in KINDS.items()}


@pytest.mark.parametrize("page", ["engine-pq.md", "engine-mac.md"])
def test_status_fields_stand_in_the_engine_pages_as_the_code_declares_them(page):
    spec = engine_spec({"layer": {"in_features": 4, "out_features": 4}, "engine": {"kind": "mac"}})
    fields = status_signature(ChainSpec((spec,))).members
    for name in fields:
        assert f"`status__{name}`" in page_text(page), name


@pytest.mark.parametrize("model, heading", [
    (results.Measurement, "## Measurement"), (results.Comparison, "## Comparison"),
    (results.Area, "## Area"), (results.Fmax, "## Fmax"), (results.Seed, "## Seed"),
    (results.LutEquivalents, "## LutEquivalents"), (results.Network, "## Network"),
    (results.Layer, "## Layer"), (results.Bound, "## Bound"),
    (results.Verification, "## Verification"), (results.Provenance, "## Provenance")])
def test_every_field_of_a_result_stands_in_the_results_page_in_its_order(
        model: type[pydantic.BaseModel], heading):
    rows = table_rows(page_text("results.md"), heading)
    assert [row[0] for row in rows] == [f"`{name}`" for name in model.model_fields]


@pytest.mark.parametrize("page, model, heading", [
    ("study.md", StudyResult, "## The result"), ("study.md", RowResult, "### Row"),
    ("study.md", Run, "### Run"), ("study.md", Cost, "### Cost"),
    ("sweep.md", SweepResult, "## The result"), ("sweep.md", Row, "### Row")])
def test_every_field_of_a_result_stands_in_its_page_as_the_code_declares_it(page, model, heading):
    rows = table_rows(page_text(page), heading)
    assert rows == [[f"`{name}`", field.description] for name, field in model.model_fields.items()]


def test_every_column_of_costs_stands_in_the_search_page_as_the_code_declares_it():
    rows = table_rows(page_text("search.md"), "pqhw search imported.toml -o imported")
    wanted = [[f"`{name}`", field.description] for name, field in OperatorCost.model_fields.items()]
    assert rows[:len(wanted)] == wanted and len(rows) == len(wanted) + 1


STUDIES = sorted((DOCS / "study").glob("*.json"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_the_table_of_a_study_is_what_its_result_file_gives(path):
    wanted = f"<!-- study: {path.name} -->\n\n{study_markdown(load_study_result(path))}\n"
    assert wanted in page_text("study.md"), f"docs/study.md must contain\n{wanted}"


def test_every_table_of_a_study_has_its_result_file():
    named = re.findall(r"<!-- study: (.*) -->", page_text("study.md"))
    assert named == [path.name for path in STUDIES] != []


@pytest.mark.parametrize("page", ["engine-pq.md", "engine-mac.md"])
def test_the_place_for_measured_area_is_marked_once(page):
    assert page_text(page).count("<!-- area -->") == 1


def test_overlays_stand_in_their_page_as_the_code_declares_them():
    text = page_text("overlay.md")
    rows = {row[0].strip("`"): row[2:] for row in table_rows(text, "## Hardware")}
    for column, spec in enumerate(OVERLAYS.values()):
        for name, value in spec.to_mapping().items():
            told = f"`{value}`" if isinstance(value, str) else f"{value:,}"
            assert rows[name][column] == told, name
    for error in list(ProgramError)[1:]:
        assert f"| {error.value} | `{error.name.lower()}`: " in text
