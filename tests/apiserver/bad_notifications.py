"""Endpoints of a Brand's notifications that must be refused, each with the words that say what to write instead."""

from typing import Any, Final

from apiserver.bad_objects import Bad

PLACE: Final = "spec.environments[0].notifications[0]"
SLACK: Final = {"channel": "#releases", "secretName": "slack"}
HOOK: Final = {"url": "https://hooks.example.com/in", "secretName": "hook"}
GITHUB: Final = {"repository": "example-org/drumeo", "secretName": "github"}

ONE_KIND: Final = ": must have exactly one of slack, webhook and gitHub"
HTTPS: Final = "must begin with https://, for example 'https://hooks.example.com/releases'"
NO_LOGIN: Final = "must not contain a user or a password; what is secret goes into the Secret that secretName names"
HOST: Final = "must name a host, for example 'https://hooks.example.com/releases'"
LETTERS: Final = "must be English letters, digits and signs without spaces"
CHANNEL: Final = "must be the id of a channel, for example 'C0123456789', or its name, for example '#releases'"
REPOSITORY: Final = "must be owner and name of the repository without an address, for example 'example-org/drumeo'"
SECRET: Final = "must be the name of a Secret in the operator's own namespace, for example 'drumeo-monitoring'"


def _one(what: str, endpoint: dict[str, Any], answer: str) -> Bad:
    changes = {"spec.environments.0.notifications": [{"name": "one"} | endpoint]}
    return Bad(f"notification {what}", changes, f"{PLACE}{answer}")


def _slack(what: str, field: str, value: object, answer: str) -> Bad:
    return _one(f"slack {what}", {"slack": SLACK | {field: value}}, f".slack.{field}: {answer}")


def _hook(what: str, url: str, answer: str) -> Bad:
    return _one(f"webhook {what}", {"webhook": HOOK | {"url": url}}, f".webhook.url: {answer}")


def _github(what: str, field: str, value: object, answer: str) -> Bad:
    return _one(f"gitHub {what}", {"gitHub": GITHUB | {field: value}}, f".gitHub.{field}: {answer}")


def _many(count: int) -> Bad:
    many = [{"name": f"n{number}", "slack": SLACK} for number in range(count)]
    answer = "spec.environments[0].notifications: Too many: 9: must have at most 8 items"
    return Bad("too many notifications", {"spec.environments.0.notifications": many}, answer)


BAD_NOTIFICATIONS: Final = (
    _one("of no kind", {}, ONE_KIND),
    _one("of two kinds", {"slack": SLACK, "webhook": HOOK}, ONE_KIND),
    _one("of all kinds", {"slack": SLACK, "webhook": HOOK, "gitHub": GITHUB}, ONE_KIND),
    _one("by another name", {"name": "My Slack", "slack": SLACK}, ".name: must be a name such as 'slack'"),
    _one("at another stage", {"slack": SLACK, "stages": ["Broken"]}, '.stages[0]: Unsupported value: "Broken": supported values: "Started"'),
    _one("at a stage twice", {"slack": SLACK, "stages": ["Live", "Live"]}, '.stages[1]: Duplicate value: "Live"'),
    Bad(
        "two notifications of one name",
        {"spec.environments.0.notifications": [{"name": "a", "slack": SLACK}, {"name": "a", "webhook": HOOK}]},
        'spec.environments[0].notifications[1]: Duplicate value: {"name":"a"}',
    ),
    _many(9),
    Bad(
        "gitHub in small letters",
        {"spec.environments.0.notifications": [{"name": "a", "github": GITHUB}]},
        'unknown field "spec.environments[0].notifications[0].github"',
    ),
    Bad(
        "a token in the Brand",
        {"spec.environments.0.notifications": [{"name": "a", "slack": SLACK | {"token": "xoxb-1"}}]},
        'unknown field "spec.environments[0].notifications[0].slack.token"',
    ),
    _one("slack without a Secret", {"slack": {"channel": "#x"}}, ".slack.secretName: Required value"),
    _one("slack without a channel", {"slack": {"secretName": "x"}}, ".slack.channel: Required value"),
    _slack("to an empty channel", "channel", "", CHANNEL),
    _slack("to a channel with a space", "channel", "#my releases", CHANNEL),
    _slack("to a person", "channel", "@ada", CHANNEL),
    _slack("to a link", "channel", "<#C012>", CHANNEL),
    _slack("with a Secret in capitals", "secretName", "Slack", SECRET),
    _slack("with a Secret by its namespace", "secretName", "brandrelease/slack", SECRET),
    _slack("at an address without https", "apiUrl", "slack.com/api", "must begin with https://, for example 'https://slack.com/api'"),
    _hook("without https", "hooks.example.com/in", HTTPS),
    _hook("by another scheme", "ftp://hooks.example.com/in", HTTPS),
    _hook("with a login", "https://ada:secret@hooks.example.com/in", NO_LOGIN),
    _hook("with a user", "https://ada@hooks.example.com/in", NO_LOGIN),
    _hook("with a space", "https://hooks.example.com/a b", LETTERS),
    _hook("with a newline", "https://hooks.example.com/a\n", LETTERS),
    _hook("with letters of another script", "https://hooks.example.com/функция", LETTERS),
    _hook("without a host", "https:///in", HOST),
    _hook("with half a host", "https://-x/in", HOST),
    _hook("with an endless port", "https://hooks.example.com:123456/in", HOST),
    _hook("without end", "https://hooks.example.com/" + "x" * 500, "Too long: may not be more than 512 bytes"),
    _github("as an address", "repository", "https://github.com/example-org/drumeo", REPOSITORY),
    _github("without an owner", "repository", "drumeo", REPOSITORY),
    _github("that leads elsewhere", "repository", "example-org/..", REPOSITORY),
    _github("with a third part", "repository", "a/b/c", REPOSITORY),
    _github("with a query", "repository", "a/b?c", REPOSITORY),
    _github("with a page that is none", "url", "www.drumeo.com", "must begin with https://, for example 'https://www.drumeo.com'"),
)  # fmt: skip
