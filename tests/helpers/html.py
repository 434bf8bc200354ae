"""A page as a tree of elements, for tests of what it holds."""

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

_VOID = {"br", "hr", "img", "input", "link", "meta"}


class _TreeBuilder(HTMLParser):
    """Builds the tree; an end tag that closes no open element is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.builder, self.open = ElementTree.TreeBuilder(), []

    def handle_starttag(self, tag, attrs):
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)


def parse_page(html: str) -> Element:
    """Parse a whole page; elements must be closed in the order in which they are nested."""
    parser = _TreeBuilder()
    parser.feed(html)
    assert parser.open == []
    return parser.builder.close()


def text_of(element: Element) -> str:
    """Return the text within an element, with single spaces."""
    return " ".join("".join(element.itertext()).split())


def of_class(root: Element, name: str) -> list[Element]:
    """Return the elements of a class, in the order of the page."""
    return [one for one in root.iter() if name in one.get("class", "").split()]


def by_id(root: Element, name: str) -> Element:
    """Return the one element with an id."""
    (found,) = (one for one in root.iter() if one.get("id") == name)
    return found


def check_links(root: Element, present: set[str]) -> None:
    """Check that a page needs no network and that its links lead somewhere.

    `present` are the files beside the page, as relative paths. A fragment of another
    page is not followed.
    """
    ids = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(ids) == len(set(ids)), "an id is used twice"
    for one in root.iter():
        assert one.tag not in ("link", "iframe", "object", "embed", "base"), one.tag
        for name in ("aria-labelledby", "for"):
            assert one.get(name) is None or one.get(name) in ids, one.attrib
        for name in ("href", "src", "action", "srcset"):
            target = one.get(name)
            if target is None or (one.tag == "img" and target.startswith("data:image/")):
                continue
            path, _, fragment = target.partition("#")
            assert path in present if path else fragment in ids, target
