"""Bytes to text as browsers do it: byte order mark, then what the server or the page declares, then a guess."""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})""")
_LOOKED_AT = 4096  # bytes of the page's start that may declare a character set

# The WHATWG encoding standard reads these labels as supersets of what they name.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "euc_kr": "cp949", "tis-620": "cp874", "iso8859-11": "cp874", "big5": "big5hkscs",
    "utf-16": "utf-8", "utf-16-le": "utf-8", "utf-16-be": "utf-8", "utf-32": "utf-8", "utf-7": "cp1252",
}  # fmt: skip


def decode(data: bytes, charset: str | None = None) -> tuple[str, str | None]:
    """The text of `data`, and a note where characters were lost or guessed. `charset` is what the server named."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), None
    start = data[:_LOOKED_AT]
    for label in (charset, *(m[1].decode("ascii") for m in (_XML.search(start), _DECLARED.search(start)) if m)):
        if label and (codec := _codec(label)):
            return _decoded(data, codec)
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 or _mostly_utf8(data):
            return _decoded(data, "utf-8")
    return _guessed(data)


def _codec(label: str) -> str | None:
    """Python's codec of a character set's label, widened as browsers do; None where there is none for text."""
    try:
        info = codecs.lookup(label.strip().lower())
    except LookupError:
        return None
    if not getattr(info, "_is_text_encoding", True):
        return None
    return _SUPERSETS.get(info.name, info.name)


def _decoded(data: bytes, codec: str) -> tuple[str, str | None]:
    try:
        return data.decode(codec), None
    except UnicodeDecodeError as error:
        if codec != "utf-8" and _is_utf8(data):
            return data.decode("utf-8"), f"declared as {codec}, read as utf-8"
        return data.decode(codec, "replace"), f"not valid {codec} at byte {error.start}"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """Whether what is not valid UTF-8 is rare beside what is beyond ASCII and valid."""
    text = data.decode("utf-8", "replace")
    return 20 * text.count("\ufffd") < len(data) - len(text) + 1


def _guessed(data: bytes) -> tuple[str, str | None]:
    from bs4.dammit import EncodingDetector

    names = EncodingDetector(data, is_html=True).encodings
    codec = next((c for name in names if (c := _codec(str(name))) and c != "utf-8"), "cp1252")
    return data.decode(codec, "replace"), f"no character set declared, read as {codec}"
