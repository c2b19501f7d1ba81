"""What looks like a secret wherever it stands: credentials after their names, keys and tokens of well-known make. Pure.

Whoever logs decides what is in a log, so every pattern takes time in proportion to the text: what repeats has a bound,
or ends the pattern, or cannot run past the place where the next match may begin.
"""

import re
from typing import Final

from brandrelease.core.words import without_passwords

MASK: Final = "***"

_NAME: Final = r"""
    (?:passwor[dt]|passwd|passphrase|secret|token|credential
      |(?:api|app|access|private|auth|encryption|signing)[_-]?key)
    [\w-]{0,32}+(?<!name)(?<!file)(?<!path)
"""
"""The end of a name that is given to secrets; a secretName or a PASSWORD_FILE only says where one is."""

_PROSE: Final = r"(?=[^\s\d]{0,64}\d)"
"""Not words alone: after a colon or a "Bearer" there may be a sentence."""

_NAMED: Final = re.compile(
    rf"""
    {_NAME}
    (?:
        # ["password"]=> string(7) "..."   'password' => '...'   "password":"..."   password="..."   \"password\":\"...\"
        (?:\\{{0,7}}["'])?\]?[ \t]{{0,8}}(?:=>|[:=])[ \t]{{0,8}}(?:\n[ \t]{{0,64}}(?=string\())?(?:string\(\d{{1,9}}\)[ ])?
        (?: "((?:[^"\\\n]|\\.)++) | '((?:[^'\\\n]|\\.)++) | \\{{1,7}}["']((?:[^"'\\\n]|\\(?!["'\\]))++) )
      | # [password] => ..., of print_r, which quotes nothing
        \][ \t]{{0,8}}=>[ \t]{{0,8}}([^\s"'][^\n]*+)
      | # password=...&, PASSWORD=..., 'password' => 5
        (?:\\{{0,7}}["'])?[ \t]{{0,8}}=>?[ \t]{{0,8}}(?![=>])((?:[^\s&"'<>\\]|\\(?!["'\\]))++)
      | # "password": 12345
        \\{{0,7}}["'][ \t]{{0,8}}:[ \t]{{0,8}}(?!null|true|false)([^\s&"'<>,{{}}\[\]\\]++)
      | # password: ...
        :[ \t]{{0,8}}{_PROSE}([^\s&"'<>,]{{6,}}+)
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)

_HEADER: Final = re.compile(
    rf"""
    \bauthorization(?:\\{{0,7}}["'])?\]?[ \t]{{0,8}}(?:=>|[:=])[ \t]{{0,8}}(?:\\{{0,7}}["'])?
    (?:
        (?:bearer|basic|token|negotiate|apikey)[ ]{{1,8}}([^\s"'\\,]++)
      | (?:digest|aws4-hmac-sha256)[ ]([^\n]++)
      | {_PROSE}([^\s"'\\,]{{6,}}+)
    )
    | \b(?:bearer|basic)[ ]{{1,8}}(?=[a-z._~+/-]{{0,256}}[0-9=])([a-z0-9._~+/=-]{{8,}}+)
    """,
    re.IGNORECASE | re.VERBOSE,
)

_TOKEN: Final = re.compile(
    r"""
    (?<![A-Za-z0-9_-])
    ( eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+){0,3}  # JWT, signed or encrypted
    | (?:AKIA|ASIA|ABIA|ACCA|AIDA|AROA|AGPA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])   # AWS
    | gh[pousr]_[A-Za-z0-9]{20,}+ | github_pat_[A-Za-z0-9_]{20,}+
    | gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.-]{16,}+
    | xox[a-z]-[A-Za-z0-9-]{10,}+ | xapp-[A-Za-z0-9-]{10,}+                    # Slack
    | [sr]k_(?:live|test)_[A-Za-z0-9]{10,}+                                   # Stripe
    | AIza[A-Za-z0-9_-]{35}                                                   # Google
    )
    """,
    re.VERBOSE,
)

_KEY_BEGINS: Final = r"-----BEGIN[ ][A-Z0-9 ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----"
_PRIVATE_KEY: Final = re.compile(
    rf"""
    ({_KEY_BEGINS}(?:[^-]|-(?!----))*+-----END[ ][A-Z0-9 ]{{0,64}}-----)
    | {_KEY_BEGINS}((?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{{20,}}+)++)  # one whose end is missing
    """,
    re.VERBOSE,
)


def without_lookalikes(text: str) -> str:
    """The text with everything masked that looks like a secret; what is masked already stays so."""
    for pattern in (_PRIVATE_KEY, _HEADER, _TOKEN, _NAMED):
        text = pattern.sub(_masked, text)
    return without_passwords(text)


def _masked(match: re.Match[str]) -> str:
    """The match with its one group, which is the secret, masked."""
    assert match.lastindex  # noqa: S101 - every alternative has its group
    begin, end = (place - match.start() for place in match.span(match.lastindex))
    return match[0][:begin] + MASK + match[0][end:]
