"""HTML: what a browser shows of it, with the numbers of its steps and the languages of its code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block, Document, title_of
from agents.knowledge.documents.elements import CODE, END, HEADING, STEP, blocks_of, unstructured
from agents.knowledge.documents.hidden import TINY, Hidden, without_shapeless
from agents.knowledge.documents.plain import decoded
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

_NOT_SHOWN = (
    *("script", "style", "template", "noscript", "head", "object", "iframe", "svg", "datalist", "select"),
    *("nav", "footer"),  # the way around a site, on each of its pages
)
# What `unstructured` leaves out, and a runbook has its text in.
_UNFOLDED = {"details": "div", "summary": "p", "figure": "div", "figcaption": "p", "form": "div"}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language-|lang-|highlight-source-|highlight-|brush:\s*|sourceCode\s+)([\w+#-]+)")
_NOT_LANGUAGES = ("default", "none", "plain", "plaintext", "text", "txt", "nohighlight", "literal-block", "notranslate")
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"[.#][\w-]+|[a-z][a-z0-9]*")
_WHITE = r"(white|#fff|#ffffff|#fefefe|rgba?\(255,255,255(,[\d.]+)?\))"
_HIDING = (
    ("not displayed", re.compile(r"(^|;)(display:none|visibility:(hidden|collapse)|content-visibility:hidden)")),
    ("transparent", re.compile(r"(^|;)(opacity:0*(\.0*\d?)?(;|$|!)|color:transparent|color:rgba\([^)]*,0(\.0+)?\))")),
    ("white on white", re.compile(rf"(^|;)color:{_WHITE}(;|$|!)")),
    ("behind the page", re.compile(r"(^|;)(left|top|text-indent|margin-left|margin-top):-\d{3,}")),
    (
        "no room",
        re.compile(r"(^|;)(max-)?(height|width):0(px|em|%)?(;|$|!)(?=.*overflow:hidden)|(^|;)clip:rect\((0|1px)"),
    ),
)
_SIZE = re.compile(r"(?:^|;)font(?:-size)?:[^;]*?(?<![\d.])(\d*\.?\d+)(px|pt|em|rem|%|)(?=[;\s/!]|$)")
_POINTS = {"px": 0.75, "pt": 1.0, "em": 12.0, "rem": 12.0, "%": 0.12, "": 1.0}


def read_html(name: str, content: bytes) -> Document:
    text, notes = decoded(name, content)
    return document_of(name, text, notes)


def document_of(name: str, page: str, notes: list[str], code: tuple[Block, ...] = ()) -> Document:
    """The blocks of a page; notes: said of its text already."""
    page, shapeless = without_shapeless(page)
    tree, broken = _parsed(page)
    title = (tree.findtext(".//title") or "").strip()
    hidden = Hidden()
    _drop_hidden(tree, hidden)
    for element in tree.iter(*_UNFOLDED):
        element.tag = _UNFOLDED[element.tag]
    _mark_headings(tree)
    _mark_steps(tree)
    snippets = _take_out_code(tree)
    from lxml import html  # type: ignore[import-untyped]

    plain = html.tostring(tree, encoding="unicode")
    elements = unstructured().partition_html(text=plain, languages=[""], unique_element_ids=True)
    blocks = blocks_of(elements, snippets)
    first = next((block.text for block in blocks if block.kind == "heading"), None)
    return Document(first or title or title_of(blocks, name), blocks, [*notes, *broken, *shapeless, *hidden.notes()])


def _parsed(page: str) -> tuple[HtmlElement, list[str]]:
    """The tree, and a note when it isn't whole: libxml2 stops at 256 nested tags, where no page has its text, and at a
    text of 10 MB without a tag in it."""
    from lxml import etree, html

    parser = html.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        # By bytes: a page that declares another encoding is in UTF-8 all the same by now.
        tree = html.document_fromstring(page.encode("utf-8", errors="replace"), parser=parser)
    except etree.ParserError as error:
        raise InvalidInput("there is no text in it") from error
    limits = [entry.message for entry in parser.error_log if entry.type_name == "ERR_RESOURCE_LIMIT"]
    if any("depth" in message for message in limits):
        return tree, ["tags nested more than 256 deep: nothing below them was read"]
    return tree, ["a text in it is too long: it was not read to its end"] if limits else []


def _drop_hidden(tree: HtmlElement, hidden: Hidden) -> None:
    rules = list(_hiding_rules(tree))
    for element in list(tree.iter(*_NOT_SHOWN)):
        if element.getparent() is not None:
            element.drop_tree()
    for element in list(tree.iter()):
        if element.getparent() is None or not isinstance(element.tag, str):
            continue
        why = _why_hidden(element) or next((why for selector, why in rules if _selects(selector, element)), None)
        if why and element.tag not in ("html", "body"):
            hidden.add(element.text_content(), why)
            element.drop_tree()


def _why_hidden(element: HtmlElement) -> str | None:
    if "hidden" in element.attrib or (element.tag == "input" and element.get("type", "").lower() == "hidden"):
        return "not displayed"
    if element.tag == "font" and re.fullmatch(_WHITE, element.get("color", "").strip().lower()):
        return "white on white"
    style = element.get("style")
    return _why_hiding(style) if style else None


def _why_hiding(style: str) -> str | None:
    """Of the declarations of a style. White letters on a ground of their own are shown."""
    declared = re.sub(r"\s+", " ", style[:2000].lower())
    packed = re.sub(r"\s*([:;,!()])\s*", r"\1", declared).strip()
    size = _SIZE.search(packed)
    if size and float(size[1]) * _POINTS[size[2]] < TINY:
        return "tiny"
    why = next((why for why, form in _HIDING if form.search(packed)), None)
    return None if why == "white on white" and "background" in packed else why


def _hiding_rules(tree: HtmlElement) -> Iterator[tuple[str, str]]:
    """Selectors of one class, id or tag that the page's own style sheets hide, and why."""
    for sheet in tree.iter("style"):
        plain = re.sub(r"/\*.{0,2000}?\*/", "", (sheet.text or "")[:200_000], flags=re.DOTALL)
        for rule in _RULE.finditer(plain):
            if why := _why_hiding(rule[2]):
                yield from ((one.strip(), why) for one in rule[1].split(",") if _SELECTOR.fullmatch(one.strip()))


def _selects(selector: str, element: HtmlElement) -> bool:
    if selector[0] == ".":
        return selector[1:] in (element.get("class") or "").split()
    return bool(element.get("id") == selector[1:] if selector[0] == "#" else element.tag == selector)


def _mark_headings(tree: HtmlElement) -> None:
    for heading in tree.iter(*_HEADINGS):
        heading.text = f"{HEADING}{int(heading.tag[1]) - 1}{END}{heading.text or ''}"
        for link in heading.iter("a"):
            if (link.text or "").strip() in ("¶", "#", "🔗"):
                link.text = ""


def _mark_steps(tree: HtmlElement) -> None:
    """Number the items of ordered lists, 3.2 for the second below the third, and let each begin with its own text."""
    numbers: dict[HtmlElement, str] = {}
    for item in tree.iter("li"):
        above, first = item.getparent(), next(iter(item), None)
        if first is not None and first.tag == "p" and not (item.text or "").strip():
            first.drop_tag()
        if above is None or above.tag != "ol":
            continue
        outer = next((numbers[one] for one in above.iterancestors("li") if one in numbers), "")
        position = _position(item, above)
        numbers[item] = f"{outer}.{position}" if outer else str(position)
        item.text = f"{STEP}{numbers[item]}{END}{item.text or ''}"


def _position(item: HtmlElement, above: HtmlElement) -> int:
    last = above.attrib.get("data-last", "")
    start = above.get("start", "1")
    number = int(last) + 1 if last else int(start) if start.isdecimal() and len(start) < 7 else 1
    given = item.get("value", "")
    number = int(given) if given.isdecimal() and len(given) < 7 else number
    above.set("data-last", str(number))
    return number


def _take_out_code(tree: HtmlElement) -> list[Block]:
    """The pieces of code, in order; a mark stays in the place of each."""
    snippets: list[Block] = []
    for element in list(tree.iter("p", "div")):
        if _is_code(element):
            element.tag = "pre"
    for element in list(tree.iter("pre")):
        for line in element.iter("br"):
            line.tail = f"\n{line.tail or ''}"
        text = element.text_content().strip("\n").rstrip()
        if not text.strip():
            continue
        snippets.append(code_block(text, _language(element)))
        for child in list(element):
            element.remove(child)
        element.text = f"{CODE}{len(snippets) - 1}{END}"
    return snippets


def _is_code(element: HtmlElement) -> bool:
    """Whether a paragraph is nothing but a piece of code, which writers of HTML set so."""
    inner = list(element)
    alone = len(inner) == 1 and inner[0].tag in ("code", "tt", "kbd", "samp")
    return alone and not (element.text or "").strip() and not (inner[0].tail or "").strip()


def _language(element: HtmlElement) -> str | None:
    """What a class of the code, or of the boxes around it, says."""
    around = [*element.iter("code"), element, *list(element.iterancestors("div"))[:2]]
    for one in around:
        if (found := _LANGUAGE.search(one.get("class") or "")) and found[1].lower() not in _NOT_LANGUAGES:
            return found[1]
    return None
