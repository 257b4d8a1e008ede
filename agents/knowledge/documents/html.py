"""HTML: what a browser shows of it, with the numbers of its steps and the languages of its code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block, Document, title_of
from agents.knowledge.documents.elements import CODE, END, HEADING, STEP, blocks_of, unstructured
from agents.knowledge.documents.hidden import (
    TINY,
    TRANSPARENT,
    WHITE,
    Colour,
    Hidden,
    colour,
    over,
    why_not_seen,
    without_shapeless,
)
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
_DECLARATION = 200
"""Characters: what hides says so in fewer. Longer declarations are pictures and fonts."""
_COLOURS = 50
"""Rules for one selector that are looked at for their colours."""
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))")
_ZERO = r"(?:0+(?:\.0\d*)?|\.0\d*)%?"
_HIDING = (
    ("not displayed", re.compile(r"(^|;)(display:none|visibility:(hidden|collapse)|content-visibility:hidden)")),
    ("transparent", re.compile(rf"(^|;)(opacity:{_ZERO}(;|$|!)|(-webkit-)?filter:[^;]*opacity\({_ZERO}\))")),
    ("behind the page", re.compile(r"(^|;)(left|top|text-indent|margin-left|margin-top):-\d{3,}")),
    ("no room", re.compile(r"\A(?=.*overflow:hidden)(.*?;)?(max-)?(height|width):0(px|em|%)?(;|$|!)", re.DOTALL)),
    ("no room", re.compile(r"(^|;)(clip:rect\((0|1px)|(-webkit-)?clip-path:(circle|ellipse)\(0[a-z%]*[ )])")),
    ("no room", re.compile(r"(^|;)(-webkit-)?clip-path:inset\(([5-9]\d(\.\d+)?%\)|[^;)]*\b[1-9]\d\d(\.\d+)?%)")),
    ("no room", re.compile(rf"(^|;)(-webkit-)?transform:[^;]*scale(3d|[xy])?\(([\d.]+,)?{_ZERO}[,)]")),
    ("no room", re.compile(rf"(^|;)scale:{_ZERO}([ ;!]|$)")),
)
_UNSET = ("none", "inherit", "initial", "unset", "revert")
_PICTURES = ("url(", "gradient(", "image", "var(")
_WORDS = re.compile(r"[^\s()]+(?:\([^()]*\))?")
_SIZE = re.compile(r"(?:^|;)font(?:-size)?:[^;]*?(?<![\d.])(\d+(?:\.\d+)?|\.\d+)(px|pt|em|rem|%|)(?=[;\s/!]|$)")
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


class _Style(NamedTuple):
    """What one style says that matters here; grounds: at most one, None for one that isn't a plain colour."""

    why: str | None
    colours: tuple[Colour, ...] = ()
    grounds: tuple[Colour | None, ...] = ()


def _drop_hidden(tree: HtmlElement, hidden: Hidden) -> None:
    sheet = _style_sheet(tree)
    for element in list(tree.iter(*_NOT_SHOWN)):
        if element.getparent() is not None:
            element.drop_tree()
    left: list[tuple[HtmlElement, Colour | None]] = [(tree, WHITE)]
    while left:
        element, below = left.pop()
        if not isinstance(element.tag, str):
            continue
        styles = _styles(element, sheet)
        said = next((style.grounds[0] for style in styles if style.grounds), TRANSPARENT)
        ground = over(said, below) if said else None
        why = next((why for style in styles if (why := _why_hidden(style, ground, below))), None)
        if why and element.tag not in ("html", "body"):
            hidden.add(element.text_content(), why)
            element.drop_tree()
        else:
            left.extend((child, ground) for child in reversed(element))


def _styles(element: HtmlElement, sheet: dict[str, list[_Style]]) -> list[_Style]:
    """Those of one element; of two that give it a ground, the first does."""
    names = [f"#{element.get('id', '')}", *(f".{one}" for one in reversed((element.get("class") or "").split()))]
    written = [_style(element.get("style", ""))]
    by_rules = [style for name in [*names, element.tag] for style in reversed(sheet.get(name, ()))]
    return [*written, *by_rules, _attributes(element)]


def _attributes(element: HtmlElement) -> _Style:
    """What HTML itself says, without a style."""
    if "hidden" in element.attrib or (element.tag == "input" and element.get("type", "").lower() == "hidden"):
        return _Style("not displayed")
    letters = element.get("color", "") if element.tag == "font" else ""
    ground = element.get("bgcolor", "")
    found, below = (colour(one) or colour(f"#{one.strip()}") for one in (letters, ground))
    return _Style(None, (found,) if found else (), (below,) if ground else ())


def _why_hidden(style: _Style, ground: Colour | None, below: Colour | None) -> str | None:
    """Of an element on its ground. A rule that says both colours is judged by its own ground, over what is below."""
    if style.grounds:
        ground = over(style.grounds[0], below) if style.grounds[0] else None
    return style.why or next((why for one in style.colours if (why := why_not_seen(one, ground))), None)


def _style(text: str) -> _Style:
    """Of the declarations of a style."""
    declared = list(_declarations(text)) if text else []
    packed = ";".join(f"{name}:{value}" for name, value in declared if len(value) <= _DECLARATION)
    size = _SIZE.search(packed)
    if size and float(size[1]) * _POINTS[size[2]] < TINY:
        return _Style("tiny")
    if why := next((why for why, form in _HIDING if form.search(packed)), None):
        return _Style(why)
    colours = [colour(value.partition("!")[0]) for name, value in declared if name == "color"]
    grounds = [_ground(value) for name, value in declared if name in ("background", "background-color")]
    if any(name == "background-image" and _ground(value) is None for name, value in declared) or None in grounds:
        grounds = [None]
    return _Style(None, tuple(one for one in colours[-_COLOURS:] if one), tuple(grounds[-1:]))


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    """Property and value as a browser reads them, escapes and comments resolved."""
    for declaration in _without_comments(style).lower().split(";"):
        name, _, value = (_ESCAPE.sub(_unescaped, part) for part in declaration.partition(":"))
        if value:
            yield name.strip(), re.sub(r"\s?([:,!()])\s?", r"\1", " ".join(value.split()))


def _unescaped(escape: re.Match[str]) -> str:
    if not escape[1]:
        return escape[2]
    code = int(escape[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"


def _without_comments(css: str) -> str:
    return "".join(piece.partition("/*")[0] for piece in css.split("*/"))


def _ground(value: str) -> Colour | None:
    """The colour in a background; None when that isn't all it shows, or it isn't one that is known by name."""
    value = value.partition("!")[0].strip()
    if len(value) > _DECLARATION or any(one in value for one in _PICTURES):
        return None
    found = [one for word in _WORDS.findall(value) if (one := colour(word))]
    return found[-1] if found else TRANSPARENT if value in _UNSET else None


def _style_sheet(tree: HtmlElement) -> dict[str, list[_Style]]:
    """By selectors of one class, id or tag: what the page's own style sheets say of them."""
    styles: dict[str, list[_Style]] = {}
    for sheet in tree.iter("style"):
        for rule in _RULE.finditer(_without_comments((sheet.text or "")[:200_000])):
            style = _style(rule[2])
            for selector in (one.strip() for one in rule[1].split(",")):
                known = styles.setdefault(selector, []) if _SELECTOR.fullmatch(selector) else None
                if known is not None and style not in known and (style.why or len(known) < _COLOURS):
                    known.append(style)
    return styles


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
