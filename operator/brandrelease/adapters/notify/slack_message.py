"""What a notice looks like in Slack: its text and blocks. What anybody may have written is escaped, so it calls nobody."""

import re
from typing import Any, Final

from brandrelease.apis.notifications import Stage
from brandrelease.core.telling.notice import Notice
from brandrelease.core.telling.notice_words import change_line

Json = dict[str, Any]

SECTION_LIMIT: Final = 3000
"""Characters of a section's text, as Slack counts them: after escaping."""

CHANGES_SHOWN: Final = 10
_CUT_ENTITY: Final = re.compile(r"&[a-z]{0,3}$")
_ENTITY_REST: Final = re.compile(r"^[a-z]{0,3};")

_SIGNS: Final = {
    Stage.Started: ":hourglass_flowing_sand:",
    Stage.Migrating: ":hourglass_flowing_sand:",
    Stage.Deploying: ":hourglass_flowing_sand:",
    Stage.Verifying: ":eyes:",
    Stage.RollingBack: ":rewind:",
    Stage.NeedsSomebody: ":raised_hand:",
    Stage.Live: ":white_check_mark:",
    Stage.RolledBack: ":leftwards_arrow_with_hook:",
    Stage.Failed: ":x:",
    Stage.Superseded: ":fast_forward:",
    Stage.Aborted: ":octagonal_sign:",
}


def message(notice: Notice) -> Json:
    """The message of the release, whole: an update replaces everything."""
    blocks = [_section(f"{_SIGNS[notice.stage]} *{escaped(notice.title)}*")]
    if notice.why:
        blocks.append(_section(escaped(notice.why)))
    if notice.changes:
        blocks.append(_section(_changes(notice)))
    if notice.log:
        blocks.append(_section(_log(notice.log)))
    small = [f"{escaped(name)}: {escaped(value)}" for name, value in notice.facts]
    if notice.look:
        small.append(f"`{escaped(notice.look)}`")
    if small:
        blocks.append({"type": "context", "elements": [_text(_fitting(" · ".join(small)))]})
    return _whole(_spoken(notice), blocks)


def reply(notice: Notice) -> Json:
    """What is said in the thread: short, since the message above it has everything."""
    return _whole(_spoken(notice), [_section(f"{_SIGNS[notice.stage]} {_spoken(notice)}")])


def escaped(text: str) -> str:
    """As Slack wants it; so <!channel>, <@U123> and links are only text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _spoken(notice: Notice) -> str:
    """What a phone shows: enough to know whether to get up."""
    return _fitting(escaped(f"{notice.title}: {notice.why}" if notice.why else notice.title))


def _changes(notice: Notice) -> str:
    shown = notice.changes[:CHANGES_SHOWN]
    left = max(notice.changes_total, len(notice.changes)) - len(shown)
    lines = [f"• {escaped(change_line(change))}" for change in shown]
    if left:
        lines.append(f"and {left} more")
    return "\n".join(lines)


def _log(log: str) -> str:
    """The end of a log has the cause. Three backticks would end the box."""
    text = escaped(log.strip("\n").replace("```", "'''"))
    room = SECTION_LIMIT - 16
    if len(text) > room:
        text = "…" + _ENTITY_REST.sub("", text[-room:])
    return f"```\n{text}\n```"


def _fitting(text: str) -> str:
    return text if len(text) <= SECTION_LIMIT - 64 else _CUT_ENTITY.sub("", text[: SECTION_LIMIT - 65]) + "…"


def _section(text: str) -> Json:
    return {"type": "section", "text": _text(text if text.endswith("```") else _fitting(text))}


def _text(text: str) -> Json:
    """verbatim: Slack makes no links and no mentions of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _whole(text: str, blocks: list[Json]) -> Json:
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
