"""Certificates of a cluster, made by openssl; they pass the strict verification of Python 3.13."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster.commands import run

DAYS = "30"

# Python 3.13 refuses an authority without critical basicConstraints and keyUsage, and chains without key identifiers.
AUTHORITY_EXTENSIONS = """\
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""
LEAF_EXTENSIONS = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A certificate authority in ``directory`` that signs the certificates of one cluster."""

    directory: Path

    @property
    def pair(self) -> KeyPair:
        """The authority's own certificate and key."""
        return KeyPair(self.directory / "ca.crt", self.directory / "ca.key")

    def create(self) -> None:
        """Make the authority's key and its self-signed certificate."""
        self.directory.mkdir(parents=True, exist_ok=True)
        _new_key(self.pair.key)
        self._sign(self.pair, "/CN=brandrelease-test-cluster", AUTHORITY_EXTENSIONS, ("-signkey", str(self.pair.key)))

    def issue(
        self,
        file_name: str,
        user: str,
        group: str | None = None,
        addresses: Iterable[str] = (),
        days: str = DAYS,
    ) -> KeyPair:
        """Make a certificate for ``user`` in ``group`` that is also valid for the host names and IPs in ``addresses``.

        It ends in ``days`` from now, which may have been in the past.
        """
        pair = KeyPair(self.directory / f"{file_name}.crt", self.directory / f"{file_name}.key")
        _new_key(pair.key)
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        names = [f"IP:{name}" if name.replace(".", "").isdigit() else f"DNS:{name}" for name in addresses]
        extensions = LEAF_EXTENSIONS + (f"subjectAltName = {','.join(names)}\n" if names else "")
        signer = ("-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key), "-CAcreateserial")
        self._sign(pair, subject, extensions, signer, days)
        return pair

    def _sign(self, pair: KeyPair, subject: str, extensions: str, signer: tuple[str, ...], days: str = DAYS) -> None:
        request = pair.certificate.with_suffix(".csr")
        settings = pair.certificate.with_suffix(".cnf")
        settings.write_text(extensions)
        run("openssl", "req", "-new", "-key", pair.key, "-subj", subject, "-out", request)
        run(
            "openssl",
            "x509",
            "-req",
            "-in",
            request,
            "-out",
            pair.certificate,
            "-days",
            days,
            "-sha256",
            "-extfile",
            settings,
            *signer,
        )
        request.unlink()
        settings.unlink()


def signing_key(directory: Path) -> KeyPair:
    """Make the key pair of service account tokens; the first of the pair is a public key, not a certificate."""
    pair = KeyPair(directory / "service-accounts.pub", directory / "service-accounts.key")
    _new_key(pair.key)
    run("openssl", "pkey", "-in", pair.key, "-pubout", "-out", pair.certificate)
    return pair


def _new_key(path: Path) -> None:
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    path.chmod(0o600)
