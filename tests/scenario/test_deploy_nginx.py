"""The nginx example, run for real in front of a small server on loopback."""

import datetime as dt
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fixtures.ports import LOOPBACK
from tests.fixtures.presence import absent

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx" / "wuji.conf"
HOST = "zhongmu.example"
MIB = 2**20
FRAME = """
daemon off; user root; pid {folder}/pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/wuji.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running nginx, and clients of its two ports."""

    http: httpx.Client
    https: httpx.Client


class _Node(BaseHTTPRequestHandler):
    """Answers with what it was told, so that the test sees what the proxy passed on."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(str(len(body)).encode())

    def do_GET(self) -> None:
        names = ("Host", "X-Forwarded-For", "X-Forwarded-Proto")
        self._answer("|".join([self.path, *(self.headers[name] for name in names)]).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # its signature
        """Say nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    """The port of the small server."""
    with ThreadingHTTPServer((LOOPBACK, 0), _Node) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(
    upstream: int, tmp_path: Path, loopback_ports: Callable[[int], list[int]]
) -> Iterator[Proxy]:
    """The example as it stands, but for its ports and the paths of its certificate."""
    nginx = which("nginx") or which("/usr/sbin/nginx")
    if nginx is None:
        absent("no nginx: install Debian's nginx-light")
    plain, secure = loopback_ports(2)
    authority = _certificate(tmp_path)
    text = EXAMPLE.read_text()
    for ours, test in {
        "listen 80;": f"listen {LOOPBACK}:{plain};",
        "listen 443 ssl;": f"listen {LOOPBACK}:{secure} ssl;",
        "127.0.0.1:8410": f"{LOOPBACK}:{upstream}",
        "/etc/ssl/wuji": str(tmp_path),
    }.items():
        assert ours in text
        text = text.replace(ours, test)
    (tmp_path / "wuji.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(FRAME.format(folder=tmp_path))
    command = [nginx, "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]

    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr

    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            with (
                _client(f"http://{LOOPBACK}:{plain}", authority) as http,
                _client(f"https://{LOOPBACK}:{secure}", authority) as https,
            ):
                yield Proxy(http, https)
        finally:
            process.terminate()


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    answer = proxy.http.get("/cases")
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{HOST}/cases")


def test_a_node_hears_the_true_address_whatever_the_caller_claims(proxy: Proxy) -> None:
    answer = proxy.https.get("/cases?page=2", headers={"X-Forwarded-For": "8.8.8.8"})
    assert answer.text == f"/cases?page=2|{HOST}|{LOOPBACK}|https"
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_signed_path_reaches_the_node_untouched(proxy: Proxy) -> None:
    path = "/sync/v1/segments?a=%E4%B8%AD%2F%20x"
    assert proxy.https.get(path).text.startswith(f"{path}|")


def test_the_largest_body_passes_and_a_larger_than_any_does_not(proxy: Proxy) -> None:
    assert proxy.https.post("/sync/v1/segments", content=bytes(10 * MIB)).text == str(10 * MIB)
    assert proxy.https.post("/sync/v1/segments", content=bytes(12 * MIB + 1)).status_code == 413


def test_guessing_passwords_is_slowed_and_a_childs_work_is_not(proxy: Proxy) -> None:
    guesses = [proxy.https.post("/login", content=b"x").status_code for _ in range(20)]
    assert guesses[0] == 200
    assert 429 in guesses
    assert proxy.https.post("/sync/v1/pull", content=b"x").status_code == 200


def test_a_pull_may_wait_longer_than_the_node_does() -> None:
    waits = 25  # seconds a node holds a pull open when there is no news
    sync = EXAMPLE.read_text().partition("location /sync/")[2].partition("}")[0]
    patience = int(sync.partition("proxy_read_timeout ")[2].partition("s;")[0])
    assert patience > 2 * waits


def _client(url: str, authority: Path) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Host": HOST},
        verify=_trusting(authority),
        trust_env=False,
        transport=httpx.HTTPTransport(verify=_trusting(authority), retries=8),
    )


def _trusting(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False  # the certificate is of HOST, the socket of 127.0.0.1
    return context


def _certificate(folder: Path) -> Path:
    """A self-signed certificate where the example looks for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365 * 100))
        .sign(key, hashes.SHA256())
    )
    (folder / "node.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "node.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "node.crt"
