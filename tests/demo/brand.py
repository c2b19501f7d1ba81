"""The brand of the demo: a PHP site behind Apache, in a git repository, as the company's real ones are."""

from typing import Any

BRAND = "drumeo"
NAMESPACE = "drumeo-production"
DEPLOYMENT = "drumeo-production-deployment"
BUILDS = "brandrelease-builds"
PORT = 8080

START = """\
#!/bin/sh
# As the real sites do: warm the framework up first, and only then take requests.
php /var/www/html/bootstrap.php && exec apache2ctl -D FOREGROUND
"""
GOOD_BOOTSTRAP = (
    "<?php\n// Everything that must be there before the first request.\n$courses = ['paradiddles', 'rudiments'];\n"
)
MIGRATION = "<?php\necho 'The database of ' . getenv('SITE') . \" is as this commit wants it.\\n\";\n"
"""What a real site does here is `artisan migrate`; it finds the environment of the site's own container."""

BAD_BOOTSTRAP = "<?php\n$courses = (new CourseCatalogue())->all();  // the class was renamed yesterday\n"


def files(base: str, headline: str, bootstrap: str = GOOD_BOOTSTRAP) -> dict[str, str]:
    """The repository."""
    return {
        "Dockerfile": f'FROM {base}\nCOPY start.sh /start.sh\nCOPY src /var/www/html\nRUN chmod 755 /start.sh && php -l /var/www/html/index.php\nCMD ["/start.sh"]\n',
        "start.sh": START,
        "src/bootstrap.php": bootstrap,
        "src/migrate.php": MIGRATION,
        "src/index.php": f"<?php\nrequire 'bootstrap.php';\necho '{headline}: ' . implode(', ', $courses) . ' (PHP ' . PHP_VERSION . \")\\n\";\n",
    }


def brand(source: str, repository: str, build: dict[str, Any]) -> dict[str, Any]:
    """What the platform team says about it."""
    return {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": "Brand",
        "metadata": {"name": BRAND},
        "spec": {
            "source": {"url": source},
            "image": {"repository": repository},
            "build": build,
            "environments": [
                {
                    "name": "production",
                    "allowedRefs": ["refs/heads/master"],
                    "progressDeadlineSeconds": 60,
                    "soakSeconds": 5,
                    "restartLimit": 1,
                    "hooks": {"preDeploy": {"command": ["php", "/var/www/html/migrate.php"]}},
                    # Every migration leaves the old code working, so a bad release may be rolled back by itself.
                    "rollback": {"afterMigration": "Rollback"},
                }
            ],
        },
    }


def release(requested_at: str) -> dict[str, Any]:
    """What a developer asks for: the head of master, in production."""
    return {
        "apiVersion": "brandrelease.dev/v1alpha1",
        "kind": "BrandRelease",
        "metadata": {
            "name": BRAND,
            "namespace": NAMESPACE,
            "annotations": {"brandrelease.dev/requestedAt": requested_at},
        },
        "spec": {"brand": BRAND, "environment": "production", "ref": "master"},
    }


def site(image: str) -> list[dict[str, Any]]:
    """The Deployment as somebody made it by hand long ago, and its Service."""
    labels = {"app": BRAND}
    container = {
        "name": "app",
        "image": image,
        "ports": [{"containerPort": PORT}],
        "env": [{"name": "SITE", "value": BRAND}],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1},
        # A pod that ends stays until the Service has stopped sending to it.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "2"]}}},
        "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "256Mi"}},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DEPLOYMENT, "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "site", "namespace": NAMESPACE},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": PORT}]},
    }
    return [deployment, service]
