"""A story whose site has a database, and whose releases change it."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from e2e.story import Object, Story
from support import php_site
from support.account import HOOKS, SECRETS_IN_LOGS
from support.kubectl import eventually
from support.mariadb import Database
from support.php_site import Site

HOOK_SECONDS = 60
HOOK_LABEL = "brandrelease.dev/hook"


@dataclass(kw_only=True)
class DatabaseStory(Story):
    """A brand whose site is PHP with MariaDB, and whose migrations run as its preDeploy hook."""

    database: Database
    rights: tuple[str, ...] = (HOOKS, SECRETS_IN_LOGS)

    # --- given ------------------------------------------------------------------------------------------------------------

    def migrating_brand(self, after_migration: str = "Hold", **hooks: Any) -> None:
        """A Brand that migrates before each release; other hooks change or add to that."""
        pre_deploy = {"command": php_site.MIGRATE, "timeoutSeconds": HOOK_SECONDS}
        self.brand(hooks={"preDeploy": pre_deploy, **hooks}, rollback={"afterMigration": after_migration})

    def a_live_site(self, after_migration: str = "Hold", **hooks: Any) -> str:
        """A site whose first release is live; returns its commit. Its database is as `php_site.SCHEMA` has it."""
        self.database.query(php_site.SCHEMA)
        self.migrating_brand(after_migration, **hooks)
        self.php_deployment()
        self.is_rolled_out()
        self.operator.start()
        commit = self.push_site(Site())
        self.release()
        self.becomes("Live", commit=commit)
        return commit

    def php_deployment(self, replicas: int = 2) -> None:
        """The site's Deployment as somebody made it by hand. It tells the pods of the database in every way there is."""
        database = self.database
        metadata = {"name": "database", "namespace": self.namespace}
        settings = {php_site.SETTINGS_FILE: "charset = utf8mb4\n"}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": database.password}},
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {"DB_PORT": str(database.server.port)},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**metadata, "name": "settings"},
                "data": settings,
            },
        )
        secret = {"secretKeyRef": {"name": "database", "key": "password"}}
        container = {
            "env": [
                {"name": "DB_HOST", "value": database.server.address},
                {"name": "DB_NAME", "value": database.name},
                {"name": "DB_USER", "value": database.user},
                {"name": "DB_PASSWORD", "valueFrom": secret},
            ],
            "envFrom": [{"configMapRef": {"name": "database"}}],
            "volumeMounts": [{"name": "settings", "mountPath": php_site.SETTINGS}],
            # Not the page itself: the stories look at what old code does on a changed database.
            "readinessProbe": {"httpGet": {"path": php_site.HEALTH, "port": php_site.PORT}, "periodSeconds": 1},
            # A pod that ends stays until the Service has stopped sending to it.
            "lifecycle": {"preStop": {"sleep": {"seconds": 2}}},
        }
        image = php_site.push_image(self.cluster, self.image_repository, "by-hand", Site())
        volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
        self.deployment(
            replicas, image=image, container=container, volumes=volumes, terminationGracePeriodSeconds=4, memory="128Mi"
        )

    def migrations_are_held_up(self) -> None:
        """From now on, a migration goes on and on."""
        self.database.query("UPDATE gate SET open = 0")

    # --- when -------------------------------------------------------------------------------------------------------------

    def push_site(self, site: Site, reverts: str = "") -> str:
        """A commit of the site, with its image. reverts: an older commit that it says it undoes, as `git revert` does."""
        trailer = f"\n\nThis reverts commit {reverts}." if reverts else ""
        commit = self.repository.commit(site.files(), f"Show {site.shows}{trailer}")
        php_site.push_image(self.cluster, self.image_repository, commit, site)
        return commit

    def migrations_go_on(self) -> None:
        """The migration that is held up may end."""
        self.database.query("UPDATE gate SET open = 1")

    def a_migration_runs(self, commit: str) -> Object:
        """Wait until the migration of the commit is at work in the database, held up there; the status at that time."""
        before = self.runs
        self.release()
        eventually(lambda: self.runs > before, 60, lambda: f"{self.status}\n{self.operator.last_lines()}")
        return self.becomes("Migrating", commit=commit)

    # --- then -------------------------------------------------------------------------------------------------------------

    @property
    def runs(self) -> int:
        """How often a migration has begun."""
        return int(self.database.value("SELECT COUNT(*) FROM runs"))

    @property
    def migrations(self) -> list[str]:
        """The names of the migrations that the database has seen to the end."""
        return [name for [name] in self.database.query("SELECT name FROM migrations ORDER BY name")]

    def hook_jobs(self, hook: str = "preDeploy") -> list[Object]:
        """The Jobs that ran as this hook, in the namespace of the site."""
        return self.kubectl.list("jobs", self.namespace, f"{HOOK_LABEL}={hook}")

    def page_status(self) -> int:
        """The HTTP status that a visitor gets."""
        try:
            with urllib.request.urlopen(self.address, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code


def hook_of(status: Mapping[str, Any], hook: str = "preDeploy") -> Object:
    """What is written down about a hook of the current release."""
    return dict(status["current"]["hooks"][hook])
