"""What others say, made fit to be shown: without secrets, and without what acts on a terminal."""

from __future__ import annotations

import re
from base64 import b64encode

from huggingface_hub import get_token

from publisher.hub.endpoint import password

LONGEST_SENTENCE = 300  # letters of what others say
SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (re.compile(r"(?i)\bhf_[a-z0-9]{20,}"), "***"),
    (re.compile(r"(https?://)[^\s/@'\"]+@"), r"\1"),
    (re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]+"), r"\1"),  # addresses of storage are signed
)
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")  # of a terminal
BREAK = r"(?:\s|\\(?:[nrt]|(?:x|u00)[0189][0-9a-f]|u20[0-9a-f]{2})(?:\[[\d;]*m)?)"  # of a line, as it is or spelled out
ESCAPED = re.compile(r"(?i)(?:%|\\x|\\u00|&#x)([2-7][0-9a-f]);?|&#(\d{2,3});")  # a letter, in an address, JSON or HTML
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def clean(text: object, longest: int = LONGEST_SENTENCE) -> str:
    r"""What others say on one line: without tokens, signatures, and characters that act on a terminal, and not long.

    Examples
    --------
    >>> clean("no\x1b[31m room\nfor hf_abcdefghijklmnopqrstuvwxyz, see http://me:pw@host/x?signature=1")
    'no room for ***, see http://host/x'
    """
    words = mask(" ".join(CONTROL.sub(" ", SEQUENCE.sub("", str(text)[: 10 * longest])).split()))
    for secret, instead in SECRETS:
        words = secret.sub(instead, words)
    return words if len(words) <= longest else f"{words[:longest]}…"


def mask(text: str) -> str:
    """A text without tokens and passwords, also in capitals, over several lines, escaped, or in base64."""
    decoded = ESCAPED.sub(lambda found: chr(int(found[1], 16) if found[1] else int(found[2])), text)
    bare = re.sub(BREAK, "", decoded).lower()
    for secret in (get_token() or "", password()):
        forms = _forms(secret) if len(secret) > 3 else []
        if any(form in bare for form in forms):
            spellings = (f"{BREAK}*".join(map(_spellings, form)) for form in forms)
            text = re.sub("|".join(spellings), "***", text, flags=re.IGNORECASE)
    return SECRETS[1][0].sub("***", text)


def _forms(secret: str) -> list[str]:
    """A secret, and what depends on it alone in base64 of user:secret, where it begins at any of three places."""
    octets, forms = secret.encode(errors="surrogatepass"), [secret.lower()]
    for before in range(3):
        first, last = -(-before * 4 // 3), (before + len(octets)) * 4 // 3
        forms.append(b64encode(bytes(before) + octets).decode()[first:last].lower())
    return forms


def _spellings(letter: str) -> str:
    hexadecimal, decimal = ("|".join(format(ord(case), form) for case in letter + letter.upper()) for form in "xd")
    return rf"(?:{re.escape(letter)}|(?:%|\\x|\\u00|&#x)(?:{hexadecimal});?|&#(?:{decimal});)"


def without_control(text: str) -> str:
    r"""A line whose characters that act on a terminal are spelled out.

    Examples
    --------
    >>> print(without_control("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode() if found[0] != "\t" else "\t", text)


def one_line(error: BaseException) -> str:
    """The message of an error on one line, or its name."""
    return clean(error) or type(error).__name__
