"""Which image belongs to a commit."""

from typing import Any

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.core.builds.images import build_key, build_order

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def brand(name: str = "drumeo", **changes: Any) -> Brand:
    spec: dict[str, Any] = {
        "source": {"url": "https://git.example.com/drumeo.git"},
        "image": {"repository": "registry.example.com/drumeo"},
        "build": {"buildKit": {}},
        "environments": [{"name": "production"}],
    }
    return Brand.model_validate({"name": name, "uid": "uid", "spec": spec | changes})


def built(**recipe: Any) -> Brand:
    return brand(build={"buildKit": recipe})


SAME = {
    "another environment": brand(environments=[{"name": "staging", "soakSeconds": 7, "allowedRefs": ["refs/heads/x"]}]),
    "another timeout": brand(build={"buildKit": {}, "timeoutSeconds": 61}),
    "more memory for the build": built(resources={"limits": {"memory": "8Gi"}}),
    "other credentials": brand(source={"url": "https://git.example.com/drumeo.git", "secretName": "git"}),
    "defaults written out": built(context=".", dockerfile="Dockerfile", args={}),
}


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_the_key_is_the_same_for_what_does_not_decide_the_image(other: Brand) -> None:
    assert build_key(other, COMMIT) == build_key(brand(), COMMIT)


DIFFERENT = {
    "another source": brand(source={"url": "https://git.example.com/other.git"}),
    "another repository of images": brand(image={"repository": "registry.example.com/other"}),
    "another builder": brand(build={"external": {}}),
    "another context": built(context="web"),
    "another Dockerfile": built(dockerfile="Dockerfile.web"),
    "another target": built(target="production"),
    "an argument": built(args={"VERSION": "1"}),
    "another value of the argument": built(args={"VERSION": "2"}),
    "another name of the argument": built(args={"VERSIO": "N1"}),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT)
def test_the_key_is_another_for_everything_that_decides_the_image(other: Brand) -> None:
    assert build_key(other, COMMIT) != build_key(brand(), COMMIT)


def test_no_two_of_them_have_the_same_key() -> None:
    keys = [build_key(other, COMMIT) for other in [brand(), *DIFFERENT.values()]]
    assert len(set(keys)) == len(keys)
    assert build_key(brand(), COMMIT) != build_key(brand(), COMMIT[::-1])


def test_the_key_does_not_depend_on_the_order_in_which_arguments_are_written() -> None:
    assert build_key(built(args={"A": "1", "B": "2"}), COMMIT) == build_key(built(args={"B": "2", "A": "1"}), COMMIT)
    assert build_order(built(args={"B": "2", "A": "1"}), COMMIT, 1).args == (("A", "1"), ("B", "2"))


def test_our_images_are_tagged_with_commit_and_key_and_those_of_ci_with_the_commit() -> None:
    key = build_key(brand(), COMMIT)
    assert build_order(brand(), COMMIT, 1).tag == f"0123456789ab-{key[:10]}"
    assert build_order(brand(build={"external": {}}), COMMIT, 1).tag == COMMIT


@pytest.mark.parametrize("name", ["d", "drumeo", "a" * 63, "a" * 39 + "-b" + "c" * 22, "a" * 39 + ".bcd"])
@pytest.mark.parametrize("attempt", [1, 99999])
def test_the_name_of_the_build_is_a_name_that_kubernetes_accepts(name: str, attempt: int) -> None:
    job = build_order(brand(name), COMMIT, attempt).name
    assert len(job) <= 63
    assert all(part and part[0].isalnum() and part[-1].isalnum() for part in job.split("."))


def test_each_attempt_has_a_name_of_its_own_and_everybody_who_asks_gets_the_same() -> None:
    names = [build_order(brand(), COMMIT, attempt).name for attempt in (1, 2, 1)]
    assert names[0] == names[2] != names[1]
    assert build_order(SAME["another environment"], COMMIT, 1).name == names[0]


def test_an_order_has_everything_that_the_builder_needs() -> None:
    whole = brand(
        source={"url": "https://git.example.com/drumeo.git", "secretName": "git"},
        image={"repository": "registry.example.com/drumeo", "secretName": "registry"},
        build={
            "timeoutSeconds": 90,
            "buildKit": {"context": "web", "dockerfile": "D", "target": "t", "args": {"A": "1"}},
        },
    )
    order = build_order(whole, COMMIT, 2)
    assert (order.source_secret, order.registry_secret, order.timeout_seconds) == ("git", "registry", 90)
    assert (order.context, order.dockerfile, order.target, order.args) == ("web", "D", "t", (("A", "1"),))
