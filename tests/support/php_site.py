"""The site of a brand as the company's are: PHP with a database, whose every commit brings its migrations along.

The page shows a value out of the table `pages`. Where the database is, the pods are told by their Deployment in every way
there is: the environment (host, name, user), a Secret (password), `envFrom` (port) and a mounted file (the character set).
A migration that lacks one of them cannot reach the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache

from cluster import oci
from cluster.clusters import Cluster
from support import images

PORT = 8080
HEALTH = "/healthz"
MIGRATE = ["php", "/site/migrate.php"]
CHECK = ["php", "/site/check.php"]
SETTINGS = "/etc/site"
SETTINGS_FILE = "database.ini"

SERVE = f"""\
#!/bin/sh
# Warm the framework up first, and only then take requests.
php /site/boot.php && exec php -S 0.0.0.0:{PORT} /site/page.php
"""

DATABASE = f"""\
<?php
function database(): mysqli {{
    $settings = parse_ini_file('{SETTINGS}/{SETTINGS_FILE}');
    $found = new mysqli(
        getenv('DB_HOST'), getenv('DB_USER'), getenv('DB_PASSWORD'), getenv('DB_NAME'), (int) getenv('DB_PORT'));
    $found->set_charset($settings['charset']);
    return $found;
}}
"""

PAGE = f"""\
<?php
// Every request comes here.
if ($_SERVER['REQUEST_URI'] === '{HEALTH}') {{
    echo "ok\\n";
    return;
}}
require '/site/database.php';
try {{
    echo database()->query("SELECT %s FROM pages")->fetch_row()[0];
}} catch (mysqli_sql_exception $error) {{
    http_response_code(500);
    error_log($error->getMessage());
    echo 'The page cannot be shown.';
}}
"""

MIGRATION = """\
<?php
// Carry out every migration of this commit that the database has not seen, each once.
require '/site/database.php';
$database = database();
echo 'Migrating as ' . getenv('DB_USER') . ' with the password ' . getenv('DB_PASSWORD') . "\\n";  // careless, as real ones are
$database->query("INSERT INTO runs (pod) VALUES ('" . gethostname() . "')");
while (!$database->query('SELECT open FROM gate')->fetch_row()[0]) {
    usleep(100000);  // a long migration, whose end the story decides
}
foreach (glob('/site/migrations/*.sql') as $file) {
    $name = basename($file, '.sql');
    if ($database->query("SELECT 1 FROM migrations WHERE name = '$name'")->num_rows > 0) {
        continue;
    }
    $database->query(file_get_contents($file));
    $database->query("INSERT INTO migrations (name) VALUES ('$name')");
    echo "Migrated: $name\\n";
}
"""

SCHEMA = """\
CREATE TABLE pages (headline VARCHAR(200));
INSERT INTO pages VALUES ('Paradiddles');
CREATE TABLE migrations (name VARCHAR(100) PRIMARY KEY);
CREATE TABLE runs (pod VARCHAR(100), began TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE gate (open BOOLEAN);
INSERT INTO gate VALUES (1);
"""
"""The database before the first release. `runs` has a row for every time that a migration began, `gate` can hold one up."""


class Boot(Enum):
    """What happens before the first request is taken."""

    Good = "<?php // nothing to warm up\n"
    Crash = "<?php\n$courses = (new CourseCatalogue())->all();  // the class was renamed yesterday\n"


class Check(Enum):
    """What the commit wants to be true after its release."""

    Good = "<?php\necho 'The front page is there.';\n"
    Bad = '<?php\nfwrite(STDERR, "Error: the front page has no picture.\\n");\nexit(1);\n'


ADD_SUBTITLE = {"0001-add-subtitle": "ALTER TABLE pages ADD COLUMN subtitle VARCHAR(200) DEFAULT 'for beginners'"}
"""Additive: code that does not know the column goes on working."""

RENAME_HEADLINE = {"0001-rename-headline": "ALTER TABLE pages RENAME COLUMN headline TO title"}
"""Destructive: code that reads `headline` is broken by it."""

BROKEN = {"0001-broken": "ALTER TABLE courses ADD COLUMN level INT"}
"""There is no such table."""


@dataclass(frozen=True)
class Site:
    """One commit of the site. shows: what it reads from `pages`, as SQL; migrations: SQL by name."""

    shows: str = "headline"
    migrations: Mapping[str, str] = field(default_factory=dict)
    boot: Boot = Boot.Good
    check: Check = Check.Good

    def files(self) -> dict[str, str]:
        """Its files, by path in the image without the leading slash; the repository has the same."""
        return {
            "site/start.sh": SERVE,
            "site/database.php": DATABASE,
            "site/page.php": PAGE % self.shows,
            "site/migrate.php": MIGRATION,
            "site/boot.php": self.boot.value,
            "site/check.php": self.check.value,
            **{f"site/migrations/{name}.sql": sql for name, sql in self.migrations.items()},
        }


@cache
def _base() -> oci.Image:
    return images.made(images.PHP)


def push_image(cluster: Cluster, repository: str, tag: str, site: Site) -> str:
    """Push the site's image as CI would, without a build, and return it by digest."""
    return push_files(cluster, repository, tag, site.files())


def push_files(cluster: Cluster, repository: str, tag: str, files: Mapping[str, str]) -> str:
    """Push an image with PHP and these files, which starts /site/start.sh, and return it by digest."""
    tar = oci.tar_of({path: content.encode() for path, content in files.items()})
    config = {"Cmd": ["/site/start.sh"], "Env": [images.PATH]}
    reference = f"{cluster.registry}/{repository}:{tag}"
    digest = oci.push(replace(oci.image(tar, config), base=_base()), reference)
    return f"{cluster.registry}/{repository}@{digest}"
