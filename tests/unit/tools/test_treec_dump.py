"""``treec-dump``: every stage on disk, each readable by tree-opt, and one page that shows them."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.tools.tooling import Run, names

SCHEDULE = "target cpu input=f64\nshare predicates\nlayout packed predicates=table\norder row, tree\nwalk with=scalar\n"
STAGES = [
    "00-import.mlir",
    "01-set-target.mlir",
    "02-share-predicates.mlir",
    "03-plan-kernels.mlir",
    "04-layout.mlir",
    "05-order-loops.mlir",
    "06-walk.mlir",
    "07-lower-kernels.mlir",
]


@pytest.fixture
def dump(treec_dump: Run, model: Path, folder: Path) -> Path:
    (folder / "table.sched").write_text(SCHEDULE)
    ran = treec_dump(model, "--schedule", "table.sched", "-o", "ir")
    assert ran.code == 0, ran.stderr
    return folder / "ir"


def test_everything_is_there(dump: Path) -> None:
    assert names(dump) == {*STAGES, "blobs", "final.ll", "optimized.ll", "model.s", "index.html"}
    assert names(dump.parent) == {"ir", "model.txt", "table.sched"}


def test_each_file_says_what_made_it(dump: Path) -> None:
    assert (
        (dump / "04-layout.mlir")
        .read_text()
        .startswith("// 04-layout: layout packed predicates=table    (table.sched:3)\n")
    )
    assert "every schedule needs" in (dump / "03-plan-kernels.mlir").read_text().splitlines()[0]


def test_tree_opt_goes_on_from_each_file_to_the_same_end(dump: Path, tree_opt: Run, folder: Path) -> None:
    from treec.treeir.blob import STORE

    final = body(dump / STAGES[-1])
    for name in STAGES[:-1]:
        STORE.alive.clear()
        pipeline = re.search(r"^// .* -p '(.*)'$", (dump / name).read_text(), re.MULTILINE)
        assert pipeline is not None
        ran = tree_opt(dump / name, "-p", pipeline[1], "-o", folder / "end.mlir")
        assert ran.code == 0, ran.stderr
        assert body(folder / "end.mlir") == final
    assert tree_opt(dump / STAGES[-1]).stdout.strip() == final


def body(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if not line.startswith("//")).strip()


def test_the_code_is_llvm_ir_and_assembly(dump: Path) -> None:
    from llvmlite import binding

    for name in ("final.ll", "optimized.ll"):
        binding.parse_assembly((dump / name).read_text()).verify()
    assert "treec_predict" in (dump / "model.s").read_text()


class Page(HTMLParser):
    """Tags that are open at the end, links, and whatever would be loaded from elsewhere."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input", "rect", "path"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "href" and value is not None:
                (self.links if tag == "a" else self.loaded).append(value)
            if key == "src" and value is not None:
                self.loaded.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(dump: Path) -> None:
    text = (dump / "index.html").read_text()
    page = Page(text)
    assert page.open == []
    assert page.loaded == []
    assert "http" not in text
    for link in page.links:
        assert f'id="{link[1:]}"' in text or f"id={link[1:]}>" in text if link.startswith("#") else (dump / link).is_file()


def test_the_page_shows_passes_lines_times_and_trees(dump: Path) -> None:
    text = (dump / "index.html").read_text()
    order = [text.index(f'href="#s{number}"') for number in range(len(STAGES))]
    assert order == sorted(order)
    for words in ("share predicates", "table.sched:2", " ms", "by dialect", "<mark>", "age_0", "@0 +"):
        assert words in text
    assert text.count("<svg") == 1 + 2 * 2  # as imported; before and after sharing; before and after the layout


def test_the_page_shows_no_raw_data(dump: Path) -> None:
    text = (dump / "index.html").read_text()
    assert re.search(r"[0-9a-f]{32}", re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)) is None
    assert "threshold = ⟨f64[" in text


def test_a_dump_is_replaced_whole(treec_dump: Run, dump: Path, plain: Path, model: Path) -> None:
    assert treec_dump(model, "--schedule", plain, "-o", dump).code == 0
    assert "02-share-predicates.mlir" not in names(dump)
    assert names(dump.parent) == {"ir", "model.txt", "table.sched"}


def test_a_failed_dump_leaves_the_earlier_one(treec_dump: Run, dump: Path, model: Path) -> None:
    ran = treec_dump(model, "--tree", 99, "-o", dump)
    assert ran.code == 2
    assert "3 trees, 0 to 2" in ran.stderr
    assert set(STAGES) <= names(dump)


@pytest.mark.parametrize("where", ["model.txt", "nosuch/ir", "."])
def test_other_folders_are_left_alone(treec_dump: Run, model: Path, folder: Path, where: str) -> None:
    ran = treec_dump(model, "-o", where)
    assert ran.code == 2
    assert ran.stderr.startswith("treec-dump: error: ")
    assert names(folder) == {"model.txt"}


def test_json(treec_dump: Run, model: Path, plain: Path) -> None:
    said = json.loads(treec_dump(model, "--schedule", plain, "-o", "ir", "--json").stdout)
    assert said["ok"] is True
    assert said["stages"][0]["file"] == "00-import.mlir"
    assert said["stages"][0]["ops"] == {"forest": 7}
