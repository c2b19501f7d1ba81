"""Every command that a page shows has a home; what is not run there is at least something that could be run."""

import contextlib
import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.session import get_session

from brandrelease.cli.main import _parser
from support.documents import PAGES, ROOT, Command, commands
from support.shell_session import difference
from support.where_commands_run import ELSEWHERE, SENTENCE, program, why_elsewhere

ALL = [command for page in PAGES for command in commands(page)]
ON_THE_STAGE = frozenset({"kubectl", "openssl", "jq", "sed"})
_ASSIGNMENT = re.compile(r"^\w+=")
_OURS = re.compile(r"(?<![\w./-])(?:crds|deploy|tests|docs|operator|charts)/[\w./-]*")
_OF_KUBECTL = re.compile(r"(?:-f |-k |--from-file=(?:\w+=)?)\S+")
"""Where kubectl is given a file; elsewhere, deploy/NAME is a Deployment."""


def of(name: str) -> list[Command]:
    return [command for command in ALL if program(command) == name]


def words(command: Command) -> list[str]:
    """The words of its first line that are no comment."""
    return shlex.split(command.text.replace("\\\n", " ").splitlines()[0], comments=True)


def test_every_command_has_a_home() -> None:
    homeless = [
        f"{command.place}: {command.text}"
        for command in ALL
        if not why_elsewhere(command) and program(command) not in ON_THE_STAGE and not _ASSIGNMENT.search(command.text)
    ]
    assert not homeless, "\n".join([*homeless, SENTENCE])


def test_nothing_is_left_in_the_list_of_what_is_run_elsewhere_that_no_page_shows() -> None:
    assert [pattern for pattern, _ in ELSEWHERE if not any(re.search(pattern, each.text) for each in ALL)] == []


def test_bash_can_read_every_command() -> None:
    """As bodies of functions that nobody calls: one process for all."""
    script = "".join(f"f{number}() {{\n{command.text}\n}}\n" for number, command in enumerate(ALL))
    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=20, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_the_files_of_ours_that_commands_name_are_there() -> None:
    texts = [
        (each, " ".join(_OF_KUBECTL.findall(each.text)) if program(each) == "kubectl" else each.text) for each in ALL
    ]
    named = {(command.place, name) for command, text in texts for name in _OURS.findall(text)}
    assert [(place, name) for place, name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(
        re.findall(r"[\w-]+", " ".join(re.findall(r"(?m)^([a-z][\w -]*):(?!=)", (ROOT / "Makefile").read_text())))
    )
    asked = {(command.place, word) for command in of("make") for word in words(command)[1:] if "=" not in word}
    assert [each for each in sorted(asked) if each[1] not in targets] == []


def test_every_subcommand_of_git_that_is_named_exists() -> None:
    known = subprocess.run(
        ["git", "--list-cmds=main"], capture_output=True, text=True, timeout=10, check=True
    ).stdout.split()
    assert [command.place for command in of("git") if words(command)[1] not in known] == []


def _in_shapes(name: str) -> str:
    return name.replace("-", "").lower()


@pytest.mark.parametrize("command", of("aws"), ids=lambda command: command.place)
def test_aws_has_the_call_and_its_options(command: Command) -> None:
    _, service, action, *options = words(command)
    model = get_session().get_service_model(service)
    operation = next(each for each in model.operation_names if each.lower() == _in_shapes(action))
    shape = model.operation_model(operation).input_shape
    known = {_in_shapes(each) for each in (shape.members if shape else ())} | {"region", "query", "output"}
    # The command line has `--paths` for the one list inside of InvalidationBatch.
    known |= {"paths"} if action == "create-invalidation" else set()
    assert [option for option in options if option.startswith("--") and _in_shapes(option[2:]) not in known] == []


def _calls_of_ours() -> Iterator[Command]:
    yield from of("brandrelease")
    for command in of("kubectl"):
        if words(command)[1] == "brandrelease":
            yield Command(command.page, command.line, command.text.removeprefix("kubectl "))


@pytest.mark.parametrize("command", list(_calls_of_ours()), ids=lambda command: command.place)
def test_our_command_line_takes_it(command: Command) -> None:
    ours = words(command)
    ends = next(
        (at for at, word in enumerate(ours) if word in {"||", "&&", "|", ";", ">"} or word.endswith(";")), len(ours)
    )
    if ours[ends - 1 :] and ends < len(ours) and ours[ends].endswith(";"):
        ours[ends], ends = ours[ends].rstrip(";"), ends + 1
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        try:
            _parser(commands=True).parse_args(ours[1:ends])
        except SystemExit as refused:
            raise AssertionError(told.getvalue()) from refused


# --- of the tools themselves ------------------------------------------------------------------------------------------


def page(tmp_path: Path, text: str) -> list[Command]:
    path = tmp_path / "page.md"
    path.write_text(text)
    return commands(path)


def test_commands_are_found_in_blocks_and_in_the_text(tmp_path: Path) -> None:
    text = """\
Ask by `kubectl get brands`; `kubectl apply` is only a name.

```sh
# not a command
one \\
  --more
{
  two
} | three
cat <<END
four
END
```

- ```console
  $ five
  what it prints
  $ cat > file <<END
  > six
  > END
  ```
"""
    found = [(command.text, command.output) for command in page(tmp_path, text)]
    assert found == [
        ("kubectl get brands", None),
        ("one \\\n  --more", None),
        ("{\n  two\n} | three", None),
        ("cat <<END\nfour\nEND", None),
        ("five", "what it prints"),
        ("cat > file <<END\nsix\nEND", ""),
    ]


def test_a_command_that_nobody_runs_is_told(tmp_path: Path) -> None:
    (found,) = page(tmp_path, "```sh\nterraform apply\n```\n")
    assert why_elsewhere(found) is None
    assert program(found) not in ON_THE_STAGE


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (
            "Release 1 (122019a674dc) is live; it took 37 s.",
            "Release 4 (514b6bac0f77) is live; it took 2 min 3 s.",
            True,
        ),
        ("NAME   AGE\ndrumeo   3d", "NAME AGE\ndrumeo   1m12s", True),
        ("one\n...\nlast", "one\ntwo\nthree\nlast", True),
        ("one\n...\nlast", "one\ntwo\nthree", False),
        ("Building ...", "Building it in a Job", True),
        ("is live", "is blocked", False),
        ("", "something", False),
    ],
)
def test_what_is_printed_is_compared_but_for_what_differs_each_time(shown: str, printed: str, same: bool) -> None:
    assert (difference(shown, printed) == "") is same
