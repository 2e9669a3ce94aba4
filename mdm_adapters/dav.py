"""WebDAV on the wire: request bodies, multistatus answers, hrefs, read with suspicion; pure: nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes, urljoin
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from mdm_adapters.port import Fault, Garbled

DAV = "{DAV:}"
CARDDAV = "{urn:ietf:params:xml:ns:carddav}"
XML_TYPE = "application/xml; charset=utf-8"

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAMES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
_URL_MARKS = "%/:?[]@!$&'()*+,;=\\"
"""No `#`: to whoever writes one in a path it is a letter of a name, and what follows it must not be lost."""
_REFUSED = frozenset({401, 403})
_STATUS = re.compile(r"\s([1-5]\d\d)(?:\s|$)")


@dataclass(frozen=True, slots=True)
class DavResponse:
    """One `response` of a multistatus. href: as written. status: of the whole, if it has one. props: those found.

    refused: the status (401 or 403) with which a property was kept from this login, if one was.
    """

    href: str = field(repr=False)
    status: int | None
    props: Mapping[str, Element] = field(repr=False)
    refused: int | None = None

    def text(self, name: str) -> str | None:
        """The text of a property; None: not there, or empty."""
        found = self.props.get(name)
        return (found.text or "").strip() or None if found is not None else None


@dataclass(frozen=True, slots=True)
class Multistatus:
    """A 207 body (RFC 4918, 14.16) and the token of a sync report (RFC 6578, 6.2)."""

    responses: tuple[DavResponse, ...]
    sync_token: str | None = None


def propfind(*names: str) -> bytes:
    """Ask for properties, named `{DAV:}getetag` and the like."""
    return f"{_HEAD}<D:propfind {_NAMES}><D:prop>{_asked(names)}</D:prop></D:propfind>".encode()


def sync_collection(token: str) -> bytes:
    """Ask for what changed since `token`, the members of this collection only (RFC 6578, 3.2)."""
    return (
        f"{_HEAD}<D:sync-collection {_NAMES}><D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
        f"<D:prop><D:getetag/><D:resourcetype/></D:prop></D:sync-collection>"
    ).encode()


def multiget(hrefs: Iterable[str], *, version: str = "") -> bytes:
    """Ask for whole cards (RFC 6352, 8.7) and how long each is. version: of vCard; empty: the server's choice."""
    listed = "".join(f"<D:href>{escape(href)}</D:href>" for href in hrefs)
    form = f' content-type="text/vcard" version="{version}"' if version else ""
    return (
        f"{_HEAD}<C:addressbook-multiget {_NAMES}><D:prop><D:getetag/><D:getcontentlength/><C:address-data{form}/>"
        f"</D:prop>{listed}</C:addressbook-multiget>"
    ).encode()


def read_multistatus(body: bytes) -> Multistatus:
    """Read a 207 body. Garbled(BAD_BODY): no XML, or XML with a document type; NOT_THE_PROTOCOL: another document, or
    one that answers for something without naming it: nobody could say what is unknown then.
    """
    root = _parsed(body)
    if root is None:
        raise Garbled(Fault.BAD_BODY)
    if root.tag != f"{DAV}multistatus":
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    token = (root.findtext(f"{DAV}sync-token") or "").strip() or None
    return Multistatus(tuple(_answered(root)), token)


def names_condition(body: bytes, condition: str) -> bool:
    """Whether an error body (RFC 4918, 16) names a condition such as `{DAV:}valid-sync-token`."""
    root = _parsed(body)
    return root is not None and root.tag == f"{DAV}error" and root.find(condition) is not None


def segments(path: str) -> str:
    """The one spelling of an absolute path: each segment unescaped, and all escaped again that ever may be.

    RFC 3986 lets `;` and others stand as they are, but a server in Python (Radicale) takes `;` for the end of the path.
    """
    return "/".join(quote(unquote_to_bytes(part), safe="") for part in path.split("/"))


def member_path(href: str, collection: str) -> str | None:
    """The path of a direct member of `collection` (a path in its one spelling, slash at the end).

    None: it is the collection itself. Garbled(NOT_THE_PROTOCOL): neither. `href` is a path of our host already.
    """
    path = segments(href)
    if path.rstrip("/") == collection.rstrip("/"):
        return None
    name = path.removeprefix(collection).removesuffix("/")
    if "?" in href or not path.startswith(collection) or "/" in name or name in ("", ".", ".."):
        raise Garbled(Fault.NOT_THE_PROTOCOL)
    return path


def joined(collection: str, href: str) -> str:
    """An href as an address: a bare name is taken to be in the collection, and letters that no URL has are escaped."""
    return urljoin(collection, escaped(href))


def escaped(address: str) -> str:
    """An address as people or sloppy servers write it, with the letters escaped that no URL may have."""
    return quote(address, safe=_URL_MARKS)


def _asked(names: Iterable[str]) -> str:
    return "".join(f"<{'C' if name.startswith(CARDDAV) else 'D'}:{name.partition('}')[2]}/>" for name in names)


def _parsed(body: bytes) -> Element | None:
    # A document type is refused outright: entities that grow to gigabytes or fetch files need one, DAV needs none.
    try:
        root: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    return root


def _answered(root: Element) -> Iterator[DavResponse]:
    for other in root:
        if other.tag != f"{DAV}response" and any(part.tag.rpartition("}")[2] == "href" for part in other.iter()):
            raise Garbled(Fault.NOT_THE_PROTOCOL)  # an answer under another name: passed over, it would count as absent
    for response in root.iterfind(f"{DAV}response"):
        status = _status(response.findtext(f"{DAV}status"))
        props = _found(response)
        told = (_status(propstat.findtext(f"{DAV}status")) for propstat in response.iterfind(f"{DAV}propstat"))
        refused = next((each for each in (status, *told) if each in _REFUSED), None)
        # One response may name several hrefs that share a status (RFC 4918, 14.24).
        hrefs = ["" if len(href) else (href.text or "").strip() for href in response.iterfind(f"{DAV}href")]
        if not all(hrefs) or not hrefs:
            raise Garbled(Fault.NOT_THE_PROTOCOL)
        for href in hrefs:
            yield DavResponse(href, status, props, refused)


def _found(response: Element) -> Mapping[str, Element]:
    """The properties that were found, without those that were told twice and differently: nobody says which is true."""
    props: dict[str, Element] = {}
    twofold: set[str] = set()
    for propstat in response.iterfind(f"{DAV}propstat"):
        if _status(propstat.findtext(f"{DAV}status")) in (None, 200):
            for prop in propstat.iterfind(f"{DAV}prop/*"):
                if props.setdefault(prop.tag, prop).text != prop.text:
                    twofold.add(prop.tag)
    return {tag: prop for tag, prop in props.items() if tag not in twofold} if twofold else props


def _status(line: str | None) -> int | None:
    found = _STATUS.search(line or "")
    return int(found[1]) if found else None
