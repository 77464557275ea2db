"""Bytes to text, strictly: UTF-8, else GB18030, never a replacement character.

Hospital systems in China export GB18030 (its older names are GBK and GB2312). A file that mixes both encodings decodes
as GB18030 without complaint but into wrong characters, so pieces that are UTF-8 on their own are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from evidence_lib.errors import DataError

Encoding = Literal["auto", "utf-8", "gb18030"]
ENCODINGS: tuple[str, ...] = ("auto", "utf-8", "gb18030")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
SAVE_AS = "save it again as UTF-8, or state `encoding: utf-8` or `encoding: gb18030` in the study file"
# No byte of a multi-byte GB18030 character is one of these, so text may be cut at them before it is decoded.
SEPARATORS = re.compile(rb'[,;\t\r\n"]')


def decode_text(content: bytes, *, where: str, encoding: Encoding = "auto") -> tuple[str, str]:
    """The text of a file and the encoding that read it. Raises DataError, with the byte offset, where it is neither."""
    if content.startswith(UTF16_MARKS) or b"\x00" in content:
        raise DataError(
            "this is UTF-16 or not a text file", where=where, expected="UTF-8 or GB18030", mend="save it as CSV UTF-8"
        )
    return _decode(content, SEPARATORS.split(content), where=where, encoding=encoding)


def decode_pieces(pieces: Sequence[bytes], *, where: str, encoding: Encoding = "auto") -> tuple[list[str], str]:
    """The texts of many byte strings of one file, all in one encoding, and that encoding. Raises DataError as above."""
    _, used = _decode(b"\n".join(pieces), pieces, where=where, encoding=encoding)
    return [piece.decode(used) for piece in pieces], used


def decode_cut(piece: bytes, *, encoding: str) -> tuple[str, bool]:
    """A text that may be cut inside its last character, and whether it was: what decodes strictly is kept.

    SAS transport keeps 40 bytes of a label, whatever the encoding. A damaged text gives "" and True.
    """
    for cut in range(4):
        try:
            return piece[: len(piece) - cut].decode(encoding), cut > 0
        except UnicodeDecodeError:
            continue
    return "", True


def _decode(content: bytes, pieces: Sequence[bytes], *, where: str, encoding: Encoding) -> tuple[str, str]:
    if encoding in ("auto", "utf-8"):
        try:
            return content.decode("utf-8-sig"), "utf-8"
        except UnicodeDecodeError as error:
            utf8_offset = error.start
        if encoding == "utf-8":
            raise _undecodable("UTF-8", content, utf8_offset, where)
    # A stated encoding is believed: a few short texts of GB18030 are valid UTF-8 by chance.
    marked = next((piece for piece in pieces if _is_utf8(piece)), None) if encoding == "auto" else None
    if marked is not None:
        offset = content.find(marked)
        raise DataError(
            "two encodings are mixed in one file",
            where=where,
            expected="one encoding throughout",
            found=f"UTF-8 text at byte {offset} (line {_line(content, offset)}), and other text that is not UTF-8",
            mend=SAVE_AS,
        )
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError as error:
        what = "UTF-8 and not GB18030 either" if encoding == "auto" else "GB18030"
        raise _undecodable(what, content, error.start, where) from None
    return text, "gb18030"


def _is_utf8(piece: bytes) -> bool:
    """Whether these bytes are UTF-8 of three bytes a character: by chance that hardly happens in GB18030 text.

    Two-byte characters do not count: many pairs of GB18030 bytes happen to be one (the Latin letters with accents).
    """
    if piece.isascii():
        return False
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(char >= "\u2e80" for char in text)


def _undecodable(what: str, content: bytes, offset: int, where: str) -> DataError:
    return DataError(
        f"the text is not {what}",
        where=where,
        found=f"byte 0x{content[offset]:02X} at byte {offset} (line {_line(content, offset)})",
        mend=SAVE_AS,
    )


def _line(content: bytes, offset: int) -> int:
    return content.count(b"\n", 0, offset) + 1
