"""Names of a testbench's tests before it runs, and their verdicts after."""

import ast
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["properties", "read_verdicts"]


def properties(bench: str) -> list[str]:
    """The cocotb tests of a testbench, by name, without importing it."""
    tree = ast.parse((Path(__file__).with_name(f"{bench}.py")).read_text())
    return [node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)
            and any("cocotb.test" in ast.unparse(mark) for mark in node.decorator_list)]


def read_verdicts(folder: Path) -> dict[str, str | None]:
    """The verdicts in `results.xml`; the whole log where there is none."""
    path = folder / "results.xml"
    if not path.exists():
        log = (folder / "vvp.log").read_text()
        raise AssertionError(f"the simulator ended early:\n{log}")
    found: dict[str, str | None] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        faults = [*case.iter("failure"), *case.iter("error"), *case.iter("skipped")]
        found[case.get("name", "")] = _reason(faults[0]) if faults else None
    return found


def _reason(fault: ElementTree.Element) -> str:
    kind, message = fault.get("error_type") or fault.get("type"), fault.get("error_msg")
    return f"{kind}: {message or fault.get('message') or fault.text}"
