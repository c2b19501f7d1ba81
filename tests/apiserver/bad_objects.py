"""Objects that must be refused, each with the words by which a tired person can tell what to write instead."""

from dataclasses import dataclass
from typing import Final

from apiserver.objects import ABSENT, Changes


@dataclass(frozen=True)
class Bad:
    """A change that makes a valid object bad, and the answer that it must get."""

    what: str
    changes: Changes
    answer: str


def _url(what: str, url: str, answer: str) -> Bad:
    return Bad(f"url {what}", {"spec.source.url": url}, f"spec.source.url: {answer}")


def _image(what: str, repository: str, answer: str) -> Bad:
    return Bad(f"image {what}", {"spec.image.repository": repository}, f"spec.image.repository: {answer}")


def code_build(what: str, project: str, region: str, answer: str) -> Bad:
    """A Brand whose builder is this CodeBuild project."""
    changes = {"spec.build": {"codeBuild": {"project": project, "region": region}}}
    return Bad(what, changes, f"spec.build.codeBuild.{answer}")


def _kit(what: str, field: str, value: object, answer: str) -> Bad:
    changes = {f"spec.build.buildKit.{field}": value}
    return Bad(what, changes, f"spec.build.buildKit.{field}: {answer}")


def _environment(what: str, field: str, value: object, answer: str) -> Bad:
    return Bad(what, {f"spec.environments.0.{field}": value}, f"spec.environments[0].{field}{answer}")


def _hook(what: str, field: str, value: object, answer: str) -> Bad:
    """A preDeploy hook that runs `php`, with one field changed."""
    changes: Changes = {f"{PRE_DEPLOY}.command": ["php"], f"{PRE_DEPLOY}.{field}": value}
    return Bad(f"hook {what}", changes, f"spec.environments[0].hooks.preDeploy.{field}{answer}")


def _cloud_front(what: str, field: str, value: object, answer: str) -> Bad:
    """A distribution whose cache is invalidated, with one field changed."""
    changes: Changes = {f"{CLOUD_FRONT}.distributionId": "E2QWRUHEXAMPLE", f"{CLOUD_FRONT}.{field}": value}
    return Bad(f"cloudFront {what}", changes, f"spec.environments[0].cloudFront.{field}{answer}")


def _window(what: str, field: str, value: object, answer: str) -> Bad:
    """A Deny window of a weekend, with one field changed."""
    changes: Changes = {"spec.environments.0.windows": [WEEKEND | {field: value}]}
    return Bad(f"window {what}", changes, f"spec.environments[0].windows[0].{field}{answer}")


def _ref(what: str, ref: object, answer: str) -> Bad:
    return Bad(f"ref {what}", {"spec.ref": ref}, f"spec.ref: {answer}")


SCHEME: Final = "must begin with https:// or ssh://, for example 'https://git.example.com/drumeo.git'"
SCP: Final = "'ssh://git@git.example.com/drumeo.git' for what git also knows as git@git.example.com:drumeo.git"
PLAIN: Final = "must be a plain address: no spaces, quotes, '?', '#' or other special characters"
HOST: Final = "must name a host and a path, for example 'https://git.example.com/drumeo.git'"
USER: Final = "must name one user that begins with a letter, for example 'ssh://git@git.example.com/drumeo.git'"
INTO_THE_SECRET: Final = "put username and password into a Secret and name it in spec.source.secretName"
REGISTRY: Final = "must be a registry host and a lower case repository, for example 'registry.example.com/sites/drumeo'"
REGISTRY_HOST: Final = "must begin with the registry's host, for example 'registry.example.com/sites/drumeo'"
INSIDE: Final = "must be a path inside the repository such as 'docker/web'"
ENVIRONMENT: Final = "must be the name of an environment, for example 'production': lower case letters, digits and '-'"
NAMESPACE: Final = (
    "must be the name of a namespace, for example 'drumeo-production': lower case letters, digits and '-'"
)
CONTAINER: Final = (
    "must be the name of a container of the Deployment, for example 'app': lower case letters, digits and '-'"
)
FULL_REF: Final = (
    "must be a full ref name or a glob over full ref names, for example 'refs/heads/master' or 'refs/tags/v*'"
)
ONE_BUILDER: Final = "must name exactly one builder: codeBuild: {project: ..., region: ...} (AWS CodeBuild), buildKit: {} (build in the cluster) or external: {} (CI pushes the image)"
ARGUMENT: Final = "names of build arguments must be at most 128 letters, digits and '_' and must not begin with a digit, for example 'APP_VERSION'"
SECRET: Final = "must be the name of a Secret in the build namespace, for example 'drumeo-credentials'"
DEPLOYMENT: Final = "must be the name of a Deployment, for example 'drumeo-production-deployment'"
CHARACTERS: Final = "must be the name of a branch or tag, or a full commit id: English letters, digits and . _ / @"
NOT_GIT: Final = (
    "must not contain '..', '{', '}' or '//', nor be '@' alone; write a branch, a tag, refs/... or a full commit id"
)
ENDS: Final = "must not begin with '/' or end with '/' or '.', and no part of it may begin with '.' or end with '.lock'"
SHORT: Final = "looks like a shortened commit id; write the full id of 40 characters ('git rev-parse' prints it)"
SHARED: Final = [{"name": name, "namespace": "sites", "deployment": "drumeo"} for name in ("production", "staging")]
SHARED_BY_DEFAULT: Final = [
    {"name": "production"},
    {"name": "staging", "namespace": "drumeo-production", "deployment": "drumeo-production-deployment"},
]
OWN_DEPLOYMENT: Final = (
    "two environments must not release to the same Deployment; give each a namespace or a deployment of its own"
)
PRE_DEPLOY: Final = "spec.environments.0.hooks.preDeploy"
CLOUD_FRONT: Final = "spec.environments.0.cloudFront"
DISTRIBUTION: Final = (
    "must be the id of a CloudFront distribution, for example 'E2QWRUHEXAMPLE', not its domain name or ARN"
)
WEEKEND: Final[dict[str, object]] = {"kind": "Deny", "schedule": "0 16 * * 5", "durationSeconds": 230400}
FIVE_FIELDS: Final = "must be five fields with one space between them: minute, hour, day of the month, month, day of the week; for example '0 16 * * 5' for Fridays at 16:00"
FIELD_VALUES: Final = "must be minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or JAN-DEC) and day of the week (0-7 or SUN-SAT); each '*', a value, a range '1-5', a list '1,3' or steps '*/15'"
ZONE: Final = "must be the name of a time zone, for example 'America/Vancouver' or 'UTC'; no offset like '-08:00'"
SLASH: Final = "must begin with '/', for example '/*' or '/images/*'"
AS_IN_ADDRESSES: Final = "must be English letters, digits and signs without spaces; write other letters as addresses have them, for example '%20' for a space"
PROGRAM: Final = (
    "must begin with a program, for example [php, artisan, migrate, --force]; leave the hook out if nothing shall run"
)
APART: Final = "must be program and arguments apart, for example [php, artisan, migrate], or for a shell [sh, -c, "
MODES: Final = 'supported values: "Automatic", "Manual"'

BAD_BRANDS: Final = (
    # Where the source is.
    _url("of a local path", "/srv/git/drumeo.git", SCHEME),
    _url("with file://", "file:///srv/git/drumeo.git", SCHEME),
    _url("with git://", "git://git.example.com/drumeo.git", SCHEME),
    _url("that runs a command", "ext::sh -c whoami", SCHEME),
    _url("in scp form", "git@git.example.com:drumeo.git", SCP),
    _url("that is empty", "", SCHEME),
    _url("that looks like an option", "--upload-pack=/bin/sh", SCHEME),
    _url("in capitals", "HTTPS://git.example.com/drumeo.git", SCHEME),
    _url("with a password", "https://deploy:secret@git.example.com/drumeo.git", f"must not contain a password; {INTO_THE_SECRET}"),
    _url("with a token as user name", "https://ghp_secret@git.example.com/drumeo.git", f"must not contain a user name; {INTO_THE_SECRET}"),
    _url("with a password for ssh", "ssh://git:secret@git.example.com/drumeo.git", f"must not contain a password; {INTO_THE_SECRET}"),
    _url("with a space", "https://git.example.com/drumeo site.git", PLAIN),
    _url("with a newline", "https://git.example.com/drumeo.git\n", PLAIN),
    _url("with a query", "https://git.example.com/drumeo.git?ref=master", PLAIN),
    _url("without a path", "https://git.example.com", HOST),
    _url("without a host", "https:///drumeo.git", HOST),
    _url("whose host is an option", "ssh://-oProxyCommand/drumeo.git", HOST),
    _url("whose host is an option after a user", "ssh://git@-oProxyCommand/drumeo.git", HOST),
    _url("whose user is an option", "ssh://-oProxyCommand@git.example.com/drumeo.git", USER),
    _url("with an empty user", "ssh://@git.example.com/drumeo.git", USER),
    _url("with an endless port", "https://git.example.com:4430000/drumeo.git", HOST),
    _url("with two users", "ssh://git@root@git.example.com/drumeo.git", USER),
    _url("that is too long", "https://git.example.com/" + "a" * 2048, "Too long: may not be more than 2048 bytes"),
    Bad("url absent", {"spec.source.url": ABSENT}, "spec.source.url: Required value"),
    Bad("url a number", {"spec.source.url": 5}, "spec.source.url in body must be of type string"),
    Bad("source absent", {"spec.source": ABSENT}, "spec.source: Required value"),
    Bad("secret of the source with a slash", {"spec.source.secretName": "ns/secret"}, f"spec.source.secretName: {SECRET}"),
    Bad("secret of the source in capitals", {"spec.source.secretName": "Drumeo"}, f"spec.source.secretName: {SECRET}"),
    Bad("secret of the source empty", {"spec.source.secretName": ""}, f"spec.source.secretName: {SECRET}"),
    Bad("secret of the image with two dots", {"spec.image.secretName": "a..b"}, f"spec.image.secretName: {SECRET}"),
    Bad("secret too long", {"spec.image.secretName": "a" * 254}, "spec.image.secretName: Too long: may not be more than 253 bytes"),
    # Where images go.
    _image("with a scheme", "https://registry.example.com/drumeo", "must not begin with a scheme; write 'registry.example.com/drumeo' without https://"),
    _image("with a tag", "registry.example.com/drumeo:latest", "must not contain a tag; the operator chooses the tag of each build"),
    _image("with a port and a tag", "registry.example.com:5000/drumeo:1", "must not contain a tag; the operator chooses the tag of each build"),
    _image("with a digest", "registry.example.com/drumeo@sha256:" + "0" * 64, "must not contain a digest; the operator chooses the digest of each release"),
    _image("without a registry", "drumeo", REGISTRY_HOST),
    _image("that would mean Docker Hub", "sites/drumeo", "for Docker Hub write 'docker.io/...'"),
    _image("in capitals", "registry.example.com/Drumeo", REGISTRY),
    _image("that ends with a slash", "registry.example.com/drumeo/", REGISTRY),
    _image("with a space", "registry.example.com/drumeo site", REGISTRY),
    _image("that is empty", "", REGISTRY_HOST),
    _image("that is too long", "registry.example.com/" + "a" * 255, "Too long: may not be more than 255 bytes"),
    # How it is built.
    Bad("two builders", {"spec.build.external": {}}, f"spec.build: {ONE_BUILDER}"),
    Bad("no builder", {"spec.build": {}}, f"spec.build: {ONE_BUILDER}"),
    Bad("build absent", {"spec.build": ABSENT}, "spec.build: Required value"),
    Bad("codeBuild beside buildKit", {"spec.build.codeBuild": {"project": "drumeo", "region": "us-east-2"}}, f"spec.build: {ONE_BUILDER}"),
    code_build("a project by its ARN", "arn:aws:codebuild:us-east-2:123456789012:project/drumeo", "us-east-2", "project: must be the name of a CodeBuild project, for example 'drumeo', not its ARN"),
    code_build("a project that is an option", "--project", "us-east-2", "project: must be the name of a CodeBuild project"),
    code_build("a project too long", "a" * 151, "us-east-2", "project: Too long: may not be more than 150 bytes"),
    code_build("a region that is none", "drumeo", "Ohio", "region: must be an AWS region, for example 'us-east-2'"),
    code_build("a region with a host in it", "drumeo", "us-east-2.evil.example", "region: must be an AWS region"),
    Bad("codeBuild without a project", {"spec.build": {"codeBuild": {"region": "us-east-2"}}}, "spec.build.codeBuild.project: Required value"),
    Bad("builder a word", {"spec.build.buildKit": "yes"}, 'spec.build.buildKit in body must be of type object: "string"'),
    Bad("a build of no time", {"spec.build.timeoutSeconds": 0}, "spec.build.timeoutSeconds in body should be greater than or equal to 60"),
    Bad("a build of two days", {"spec.build.timeoutSeconds": 172800}, "spec.build.timeoutSeconds in body should be less than or equal to 86400"),
    Bad("a time in words", {"spec.build.timeoutSeconds": "30m"}, 'spec.build.timeoutSeconds in body must be of type integer: "string"'),
    Bad("half a second", {"spec.build.timeoutSeconds": 90.5}, "spec.build.timeoutSeconds in body must be of type integer"),
    _kit("context outside", "context", "../../etc", INSIDE),
    _kit("context that climbs in between", "context", "docker/../../etc", INSIDE),
    _kit("absolute context", "context", "/etc", INSIDE),
    _kit("context with a space", "context", "docker web", INSIDE),
    _kit("empty context", "context", "", INSIDE),
    _kit("context too long", "context", "a" * 513, "Too long: may not be more than 512 bytes"),
    _kit("dockerfile outside", "dockerfile", "../Dockerfile", INSIDE),
    _kit("absolute dockerfile", "dockerfile", "/root/Dockerfile", INSIDE),
    _kit("stage with a space", "target", "my stage", "must be the name of a stage of the Dockerfile, for example 'production'"),
    _kit("argument with a dash", "args", {"APP-VERSION": "1"}, ARGUMENT),
    _kit("argument that begins with a digit", "args", {"1ST": "1"}, ARGUMENT),
    _kit("argument without a name", "args", {"": "1"}, ARGUMENT),
    _kit("argument of two lines", "args", {"NOTE": "one\ntwo"}, "values of build arguments must be a single line"),
    Bad("argument a number", {"spec.build.buildKit.args": {"A": 1}}, 'spec.build.buildKit.args.A in body must be of type string: "integer"'),
    _kit("argument with a name that is too long", "args", {"A" * 129: "1"}, ARGUMENT),
    Bad("an endless number", {"spec.build.timeoutSeconds": 10**20}, "spec.build.timeoutSeconds in body must be of type integer"),
    Bad("a negative time", {"spec.build.timeoutSeconds": -60}, "spec.build.timeoutSeconds in body should be greater than or equal to 60"),
    _kit("too many arguments", "args", {f"A{number}": "" for number in range(65)}, "Too many: 65: must have at most 64 items"),
    Bad("argument too long", {"spec.build.buildKit.args": {"A": "a" * 1025}}, "spec.build.buildKit.args.A: Too long: may not be more than 1024 bytes"),
    _kit("cpu in words", "resources.limits.cpu", "two", "must be an amount of CPU greater than 0, such as '500m' or '2'"),
    _kit("negative memory", "resources.requests.memory", "-1Gi", "must be an amount of memory greater than 0, such as '512Mi' or '2Gi'"),
    _kit("no memory", "resources.requests.memory", "0", "must be an amount of memory greater than 0, such as '512Mi' or '2Gi'"),
    _kit("disk in words", "resources.limits.ephemeral-storage", "much", "must be an amount of disk greater than 0, such as '10Gi'"),
    Bad("a request of memory above the limit that is put", {"spec.build": {"buildKit": {"resources": {"requests": {"memory": "5Gi"}}}}}, "must name limits.memory too, since requests.memory is more than 4Gi"),
    Bad("a request of disk above the limit that is put", {"spec.build": {"buildKit": {"resources": {"requests": {"ephemeral-storage": "21Gi"}, "limits": {"memory": "8Gi"}}}}}, "must name limits.ephemeral-storage too, since requests.ephemeral-storage is more than 20Gi"),
    # The environments.
    Bad("environments absent", {"spec.environments": ABSENT}, "spec.environments: Required value"),
    Bad("no environment", {"spec.environments": []}, "spec.environments in body should have at least 1 items"),
    Bad("environments a map", {"spec.environments": {"production": {}}}, 'unknown field "spec.environments.production"'),
    Bad("33 environments", {"spec.environments": [{"name": f"e{number}"} for number in range(33)]}, "spec.environments: Too many: 33: must have at most 32 items"),
    Bad("an environment twice", {"spec.environments": [{"name": "staging"}, {"name": "staging"}]}, "spec.environments[1]: Duplicate value"),
    Bad("two environments on one Deployment", {"spec.environments": SHARED}, f"spec.environments: {OWN_DEPLOYMENT}"),
    Bad("two environments on one Deployment by default", {"spec.environments": SHARED_BY_DEFAULT}, f"spec.environments: {OWN_DEPLOYMENT}"),
    Bad("an environment without a name", {"spec.environments": [{"namespace": "drumeo"}]}, "spec.environments[0].name: Required value"),
    _environment("environment in capitals", "name", "Production", f": {ENVIRONMENT}"),
    _environment("environment with a dot", "name", "pro.duction", f": {ENVIRONMENT}"),
    _environment("environment too long", "name", "p" * 64, ": Too long: may not be more than 63 bytes"),
    _environment("namespace with an underscore", "namespace", "drumeo_production", f": {NAMESPACE}"),
    _environment("namespace that ends with a dash", "namespace", "drumeo-", f": {NAMESPACE}"),
    _environment("empty namespace", "namespace", "", f": {NAMESPACE}"),
    _environment("deployment with a slash", "deployment", "deployment/drumeo", f": {DEPLOYMENT}"),
    _environment("deployment in capitals", "deployment", "Drumeo", f": {DEPLOYMENT}"),
    _environment("container with a dot", "container", "app.1", f": {CONTAINER}"),
    _environment("allowed ref that is a bare branch", "allowedRefs", ["master"], f"[0]: {FULL_REF}"),
    _environment("allowed ref with a space", "allowedRefs", ["refs/heads/my branch"], f"[0]: {FULL_REF}"),
    _environment("allowed ref empty", "allowedRefs", [""], f"[0]: {FULL_REF}"),
    _environment("allowed ref twice", "allowedRefs", ["refs/heads/a", "refs/heads/a"], "[1]: Duplicate value"),
    _environment("too many allowed refs", "allowedRefs", [f"refs/heads/{number}" for number in range(33)], ": Too many: 33: must have at most 32 items"),
    _environment("allowed refs as text", "allowedRefs", "refs/heads/master", ' in body must be of type array: "string"'),
    _environment("negative soak", "soakSeconds", -1, " in body should be greater than or equal to 0"),
    _environment("endless soak", "soakSeconds", 10**12, " in body should be less than or equal to 86400"),
    _environment("no time to become ready", "progressDeadlineSeconds", 0, " in body should be greater than or equal to 5"),
    _environment("negative restarts", "restartLimit", -1, " in body should be greater than or equal to 0"),
    _environment("no history", "revisionHistoryLimit", 0, " in body should be greater than or equal to 1"),
    _environment("endless history", "revisionHistoryLimit", 51, " in body should be less than or equal to 50"),
    # What runs around a release, and how a bad one is left.
    _hook("of no words", "command", [], f": {PROGRAM}"),
    _hook("whose program is empty", "command", ["", "migrate"], f": {PROGRAM}"),
    _hook("that is one line for a shell", "command", ["php artisan migrate --force"], f": {APART}"),
    _hook("whose program ends with a newline", "command", ["php\n", "artisan"], f": {APART}"),
    _hook("as text", "command", "php artisan migrate", ' in body must be of type array: "string"'),
    Bad("hook without a command", {PRE_DEPLOY: {"timeoutSeconds": 60}}, "spec.environments[0].hooks.preDeploy.command: Required value"),
    _hook("of 65 words", "command", ["php"] * 65, ": Too many: 65: must have at most 64 items"),
    _hook("with a number as argument", "command", ["sleep", 5], '[1] in body must be of type string: "integer"'),
    _hook("with an endless argument", "command", ["php", "a" * 4097], "[1]: Too long: may not be more than 4096 bytes"),
    _hook("of no time", "timeoutSeconds", 0, " in body should be greater than or equal to 1"),
    _hook("of two days", "timeoutSeconds", 172800, " in body should be less than or equal to 86400"),
    _hook("with its time in words", "timeoutSeconds", "10m", ' in body must be of type integer: "string"'),
    Bad("postDeploy of no words", {"spec.environments.0.hooks.postDeploy": {"command": []}}, f"spec.environments[0].hooks.postDeploy.command: {PROGRAM}"),
    Bad("a hook that is a line of text", {PRE_DEPLOY: "php artisan migrate"}, 'hooks.preDeploy in body must be of type object: "string"'),
    Bad("a hook with an image of its own", {PRE_DEPLOY: {"command": ["php"], "image": "evil"}}, 'unknown field "spec.environments[0].hooks.preDeploy.image"'),
    Bad("a misspelt hook", {"spec.environments.0.hooks.predeploy": {"command": ["php"]}}, 'unknown field "spec.environments[0].hooks.predeploy"'),
    _environment("a misspelt mode", "rollback.mode", "Automtic", f': Unsupported value: "Automtic": {MODES}'),
    _environment("a mode in small letters", "rollback.mode", "manual", f': Unsupported value: "manual": {MODES}'),
    _environment("an empty mode", "rollback.mode", "", f': Unsupported value: "": {MODES}'),
    _environment("afterMigration a mode", "rollback.afterMigration", "Manual", ': Unsupported value: "Manual": supported values: "Hold", "Rollback"'),
    _environment(
        "a check of an index that would be the whole server",
        "checks",
        [{"name": "errors", "elasticsearch": {"url": "https://logs.example.com", "index": "..", "query": "level:error"}}],
        '[0].elasticsearch.index: Invalid value: "..": must be the name or pattern of an index, for example \'logs-drumeo-*\'',
    ),
    _environment("rollback a word", "rollback", "Manual", ' in body must be of type object: "string"'),
    # The cache in front.
    *(
        _window(f"with a schedule that is {what}", "schedule", schedule, f": {FIVE_FIELDS}")
        for what, schedule in {
            "a word": "weekly",
            "a nickname": "@weekly",
            "of four fields": "0 16 * *",
            "of six fields": "0 0 16 * * 5",
            "empty": "",
            "of two spaces": "0  16 * * 5",
            "of a tab": "0\t16 * * 5",
            "of spaces around it": " 0 16 * * 5 ",
        }.items()
    ),
    *(
        _window(f"with the schedule {schedule}", "schedule", schedule, f": {FIELD_VALUES}")
        for schedule in (
            "60 16 * * 5", "0 24 * * 5", "0 16 0 * 5", "0 16 32 * 5", "0 16 * 13 5", "0 16 * 0 5", "0 16 * * 8",
            "0 16 * * FRIDAY", "0 16:00 * * 5", "0 16 * * 5#6", "0 16 * * 1-", "0 16 * * ,1", "-1 16 * * 5", "? 16 * * 5",
            "0 16 * * $(id)", "0 16 * * 5\n",
        )
    ),
    _window("with an endless schedule", "schedule", "0 16 * * " + ",".join(["5"] * 60), ": Too long: may not be more than 100 bytes"),
    _window("of another kind", "kind", "deny", ': Unsupported value: "deny": supported values: "Allow", "Deny"'),
    _window("of no time", "durationSeconds", 59, " in body should be greater than or equal to 60"),
    _window("of more than 31 days", "durationSeconds", 31 * 86400 + 1, " in body should be less than or equal to 2678400"),
    _window("with an offset for a zone", "timeZone", "-08:00", f": {ZONE}"),
    _window("with an empty zone", "timeZone", "", f": {ZONE}"),
    _window("with a way out of the zone files", "timeZone", "../../etc/passwd", f": {ZONE}"),
    _window("with the path of a zone file", "timeZone", "/usr/share/zoneinfo/UTC", f": {ZONE}"),
    _window("with an endless zone", "timeZone", "A" * 65, ": Too long: may not be more than 64 bytes"),
    _window("with an empty reason", "reason", "", ": must be one line of text, for example 'Black Friday'"),
    _window("with a reason of two lines", "reason", "Black\nFriday", ": must be one line of text, for example 'Black Friday'"),
    _window("with an endless reason", "reason", "r" * 129, ": Too long: may not be more than 128 bytes"),
    *(
        Bad(f"window without {field}", {"spec.environments.0.windows": [{k: v for k, v in WEEKEND.items() if k != field}]}, f"spec.environments[0].windows[0].{field}: Required value")
        for field in ("kind", "schedule", "durationSeconds")
    ),
    Bad("17 windows", {"spec.environments.0.windows": [WEEKEND] * 17}, "spec.environments[0].windows: Too many: 17: must have at most 16 items"),
    Bad("window with an end", {"spec.environments.0.windows": [WEEKEND | {"end": "0 8 * * 1"}]}, 'unknown field "spec.environments[0].windows[0].end"'),
    _cloud_front("with a domain name", "distributionId", "d111111abcdef8.cloudfront.net", f": {DISTRIBUTION}"),
    _cloud_front("with an ARN", "distributionId", "arn:aws:cloudfront::123456789012:distribution/E2QWRUHEXAMPLE", f": {DISTRIBUTION}"),
    _cloud_front("with an empty id", "distributionId", "", f": {DISTRIBUTION}"),
    _cloud_front("with an endless id", "distributionId", "E" * 65, ": Too long: may not be more than 64 bytes"),
    Bad("cloudFront without an id", {CLOUD_FRONT: {"paths": ["/*"]}}, "spec.environments[0].cloudFront.distributionId: Required value"),
    _cloud_front("without paths", "paths", [], " in body should have at least 1 items"),
    _cloud_front("of 16 paths", "paths", [f"/{number}" for number in range(16)], ": Too many: 16: must have at most 15 items"),
    _cloud_front("with a path twice", "paths", ["/a", "/a"], '[1]: Duplicate value: "/a"'),
    _cloud_front("with a path that begins with a star", "paths", ["*"], f"[0]: {SLASH}"),
    _cloud_front("with an address", "paths", ["https://drumeo.com/*"], f"[0]: {SLASH}"),
    _cloud_front("with an empty path", "paths", [""], f"[0]: {SLASH}"),
    _cloud_front("with a star in the middle", "paths", ["/*/index.html"], "[0]: must have '*' at its end only, for example '/images/*'"),
    _cloud_front("with two stars", "paths", ["/images/**"], "[0]: must have '*' at its end only, for example '/images/*'"),
    _cloud_front("with a space", "paths", ["/a b"], f"[0]: {AS_IN_ADDRESSES}"),
    _cloud_front("with a newline", "paths", ["/a\n"], f"[0]: {AS_IN_ADDRESSES}"),
    _cloud_front("with letters of another script", "paths", ["/функция"], f"[0]: {AS_IN_ADDRESSES}"),
    _cloud_front("with an endless path", "paths", ["/" + "a" * 256], "[0]: Too long: may not be more than 256 bytes"),
    _cloud_front("with one path as text", "paths", "/*", ' in body must be of type array: "string"'),
    Bad("cloudFront with a region", {f"{CLOUD_FRONT}.region": "us-east-1"}, 'unknown field "spec.environments[0].cloudFront.region"'),
    Bad("cloudFront in small letters", {"spec.environments.0.cloudfront": {}}, 'unknown field "spec.environments[0].cloudfront"'),
    # The object as a whole.
    Bad("spec absent", {"spec": ABSENT}, "spec: Required value"),
    Bad("an unknown field", {"spec.environments.0.soakMinutes": 5}, 'unknown field "spec.environments[0].soakMinutes"'),
    Bad("a misspelt builder", {"spec.build.buildkit": {}}, 'unknown field "spec.build.buildkit"'),
    Bad("a name too long for a label", {"metadata.name": "d" * 64}, "metadata.name: Too long: may not be more than 63 bytes"),
    Bad("a name too long for its namespaces", {"metadata.name": "d" * 60}, "spec.environments: the default namespace {brand}-{name} of an environment would be longer than 63 characters; give the environment a namespace, or the Brand a shorter name"),
    Bad("a name with a dot", {"metadata.name": "drumeo.com"}, "spec.environments: the default namespace {brand}-{name} of an environment would contain a '.'; give each environment a namespace, or the Brand a name without '.'"),
)  # fmt: skip

BAD_RELEASES: Final = (
    _ref("that looks like an option", "--upload-pack=x", "must not begin with '-'; write a branch, a tag, refs/... or a full commit id"),
    _ref("with two dots", "master..staging", NOT_GIT),
    _ref("with a reflog entry", "master@{1}", NOT_GIT),
    _ref("with an open brace", "master@{", NOT_GIT),
    _ref("with two slashes", "feature//x", NOT_GIT),
    _ref("that is @", "@", NOT_GIT),
    _ref("with a space", "my branch", CHARACTERS),
    _ref("with a newline", "master\n", CHARACTERS),
    _ref("with a tilde", "master~1", CHARACTERS),
    _ref("with a caret", "master^", CHARACTERS),
    _ref("with a colon", "master:staging", CHARACTERS),
    _ref("with a question mark", "mas?er", CHARACTERS),
    _ref("with a star", "refs/heads/*", CHARACTERS),
    _ref("with a bracket", "mas[t]er", CHARACTERS),
    _ref("with a backslash", "feature\\x", "'[' or '\\', for example 'master' or 'refs/tags/v1.2'"),
    _ref("with letters of another script", "функция", CHARACTERS),
    _ref("that begins with a slash", "/master", ENDS),
    _ref("that ends with a slash", "refs/heads/", ENDS),
    _ref("that ends with a dot", "master.", ENDS),
    _ref("with a hidden part", "feature/.x", ENDS),
    _ref("that ends with .lock", "master.lock", ENDS),
    _ref("of seven digits of a commit", "0a1b2c3", SHORT),
    _ref("of 39 digits of a commit", "a" * 39, SHORT),
    _ref("that is a date and may be either", "20240101", "or refs/heads/... if it is a branch, refs/tags/... if it is a tag"),
    _ref("of a shortened commit in capitals", "0A1B2C3D", SHORT),
    _ref("that is empty", "", CHARACTERS),
    _ref("that is too long", "a" * 256, "Too long: may not be more than 255 bytes"),
    Bad("ref absent", {"spec.ref": ABSENT}, "spec.ref: Required value"),
    Bad("ref a number", {"spec.ref": 20240101}, 'spec.ref in body must be of type string: "integer"'),
    Bad("brand absent", {"spec.brand": ABSENT}, "spec.brand: Required value"),
    Bad("brand empty", {"spec.brand": ""}, "spec.brand: must be the name of a Brand, for example 'drumeo'; 'kubectl get brands' lists them"),
    Bad("brand in capitals", {"spec.brand": "Drumeo"}, "spec.brand: must be the name of a Brand, for example 'drumeo'"),
    Bad("brand too long", {"spec.brand": "d" * 64}, "spec.brand: Too long: may not be more than 63 bytes"),
    Bad("environment absent", {"spec.environment": ABSENT}, "spec.environment: Required value"),
    Bad("environment with a slash", {"spec.environment": "a/b"}, "spec.environment: must be the name of one of the Brand's environments, for example 'production'"),
    Bad("suspend as text", {"spec.suspend": "yes"}, 'spec.suspend in body must be of type boolean: "string"'),
    Bad("tracking every second", {"spec.trackIntervalSeconds": 1}, "spec.trackIntervalSeconds in body should be greater than or equal to 5"),
    Bad("tracking without a pause", {"spec.trackIntervalSeconds": 0}, "spec.trackIntervalSeconds in body should be greater than or equal to 5"),
    Bad("tracking every two days", {"spec.trackIntervalSeconds": 172800}, "spec.trackIntervalSeconds in body should be less than or equal to 86400"),
    Bad("tracking with a unit", {"spec.trackIntervalSeconds": "60s"}, 'spec.trackIntervalSeconds in body must be of type integer: "string"'),
    Bad("tracking as a switch", {"spec.trackIntervalSeconds": True}, 'spec.trackIntervalSeconds in body must be of type integer: "boolean"'),
    Bad("hooks of one's own", {"spec.hooks": {"preDeploy": {"command": ["sh"]}}}, 'unknown field "spec.hooks"'),
    Bad("an image of one's own", {"spec.image": "evil/image"}, 'unknown field "spec.image"'),
    Bad("another Deployment", {"spec.deployment": "other"}, 'unknown field "spec.deployment"'),
    Bad("spec absent", {"spec": ABSENT}, "spec: Required value"),
    Bad("a name too long for a label", {"metadata.name": "d" * 64}, "metadata.name: Too long: may not be more than 63 bytes"),
)  # fmt: skip
