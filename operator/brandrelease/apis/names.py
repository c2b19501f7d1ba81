"""Names and addresses that people write into a `Brand`: what they must look like, and what to write instead."""

from typing import Annotated, Any

from pydantic import Field

from brandrelease.apis.model import rules


def dns_label(meaning: str) -> dict[str, Any]:
    """A name that can be part of a host name, as namespaces and containers have it."""
    return rules(
        (
            "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            (
                f"must be the name of {meaning}: lower case letters, digits and '-', beginning and ending with a "
                "letter or digit"
            ),
        )
    )


def dns_subdomain(meaning: str) -> dict[str, Any]:
    """A name as most kinds of Kubernetes want it, so that what the operator asks for can exist at all."""
    label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    rule = f"self.matches('^{label}([.]{label})*$')"
    return rules((rule, f"must be the name of {meaning}: lower case letters, digits, '-' and '.'"))


def address(example: str, *, encrypted: bool = True) -> dict[str, Any]:
    """An address without a login. encrypted: http:// is refused by the operator, unless its settings allow it."""
    schemes = "https://" if encrypted else "https:// or http://"
    return rules(
        ("self.matches('^https?://')", f"must begin with {schemes}, for example '{example}'"),
        (
            "!self.matches('^https?://[^/]*@')",
            "must not contain a user or a password; what is secret goes into the Secret that secretName names",
        ),
        (
            "!self.matches('(?s)^https?://.*[^!-~]')",
            "must be English letters, digits and signs without spaces; write other letters as addresses have them, for example '%20' for a space",
        ),
        # Only about addresses that the rules above let through, so that one mistake gets one answer.
        (
            (
                "!self.matches('^https?://[!-~]*$') || self.matches('^https?://[^/]*@')"
                " || self.matches('^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?].*)?$')"
            ),
            f"must name a host, for example '{example}'; the host begins and ends with a letter or digit, and a port has at most five digits",
        ),
    )


OperatorSecretName = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=dns_subdomain("a Secret in the operator's own namespace, for example 'drumeo-monitoring'"),
    ),
]

AwsRegion = Annotated[
    str,
    Field(
        max_length=32,
        json_schema_extra=rules(
            ("self.matches('^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$')", "must be an AWS region, for example 'us-east-2'")
        ),
    ),
]
