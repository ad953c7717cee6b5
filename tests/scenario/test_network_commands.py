"""A province and a city set up, joined, run and proved by the commands of the handbook alone."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from node.cli.fingerprint import agrees
from tests.fixtures.network import (
    HANSI,
    HANSI_VILLAGE,
    Network,
    network_of,
    places_file,
    port_run,
    wuji,
)
from tests.fixtures.zygote import Forked, forked

PROVINCE, CITY, COUNTY = "410000000000", "410100000000", "410122000000"
ANOTHER_VILLAGE = "410122101207"
PASSWORD = "Zheng-Zhou-2025-ok"
PATIENCE = 60.0


@dataclass(frozen=True)
class Site:
    """A node's configuration file and its address."""

    config: Path
    url: str

    def wuji(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return wuji(*arguments, "--config", self.config)

    def does(self, *arguments: str) -> str:
        """What a command says that must succeed."""
        done = self.wuji(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, *arguments: str) -> str:
        """The sentence of a command that must not succeed; never a traceback."""
        done = self.wuji(*arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
        return done.stderr.strip()

    @contextmanager
    def running(self) -> Iterator[None]:
        """`wuji run` until the end of the block."""
        with self.config.with_suffix(".log").open("w+b") as log:
            process = forked("node", "run", "--config", str(self.config), stdout=log, stderr=log)
            try:
                self._wait(process)
                yield
            finally:
                process.terminate()
                process.wait(30)

    def _wait(self, process: Forked) -> None:
        give_up = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, self.config.with_suffix(".log").read_text()
            try:
                answer = httpx.get(f"{self.url}/healthz", timeout=5)
            except httpx.TransportError:
                assert time.monotonic() < give_up
                time.sleep(0.05)
            else:
                assert (answer.status_code, answer.text) == (200, "ok")
                return


def site(folder: Path, code: str, port: int, *, parent: str = "", database: str = "") -> Site:
    """A configuration as `deploy/` has it, with a short list of places."""
    config = folder / f"{code}.toml"
    config.write_text(
        f"""region = "{code}"
database_url = "{database or f"sqlite:///{folder}/{code}.sqlite"}"
secret_file = "{folder}/{code}.secret"
divisions_file = "{places_file(folder)}"
port = {port}
[sync]
parent_url = "{parent}"
wait_seconds = 1
[login]
cheap_passwords = true
""",
        encoding="utf-8",
    )
    return Site(config, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    folder, port = tmp_path_factory.mktemp("sites"), port_run(2)
    province = site(folder, PROVINCE, port)
    return province, site(folder, CITY, port + 1, parent=province.url)


@pytest.fixture(scope="module")
def province(sites: tuple[Site, Site]) -> Iterator[Site]:
    """The province, founded and running."""
    assert "请先运行 wuji init" in sites[0].refuses("run")
    said = sites[0].does("init")
    assert re.search(r"根证书指纹：([0-9a-f]{4} ?){16}", said)
    with sites[0].running():
        yield sites[0]


@pytest.fixture(scope="module")
def city(sites: tuple[Site, Site], province: Site) -> Site:
    """The city, joined by the code the province gave it."""
    _, city = sites
    issued = province.wuji("join-code", CITY)
    code, fingerprint = issued.stdout.strip(), issued.stderr.strip().partition("：")[2]
    assert "指纹" in city.refuses("join", province.url, code, "--fingerprint", "0" * 64)
    assert "加入码不存在" in city.refuses(
        "join", province.url, "aaaa-bbbb-cccc-dddd", "--fingerprint", fingerprint
    )
    assert "已加入" in city.does("join", province.url, code, "--fingerprint", fingerprint)
    return city


def test_a_root_is_founded_once_and_at_the_province_only(province: Site, city: Site) -> None:
    assert "已经加入网络" in province.refuses("init")
    assert "只有省级节点用 init" in city.refuses("init")


def test_an_administrator_is_added_and_must_change_the_first_password(province: Site) -> None:
    said = province.does("user", "add", "admin", "--name", "张三", "--role", "administrator")
    first = re.search(r"初始口令 (\S+)（", said)
    assert first
    again = province.refuses("user", "add", "admin", "--name", "李四", "--role", "administrator")
    assert again == "这个用户名已有人使用"
    with httpx.Client(base_url=province.url) as client:
        entered = client.post(
            "/api/identity/session", json={"login": "admin", "password": first[1]}
        ).json()
        assert entered["must_change_password"]
        assert client.get("/api/identity/users").json()["title"] == "请先修改初始口令"
        changed = client.post(
            "/api/identity/password",
            json={"current": first[1], "password": PASSWORD},
            headers={"X-CSRF-Token": entered["csrf_token"]},
        )
        assert changed.status_code == 200
        assert [each["login"] for each in client.get("/api/identity/users").json()] == ["admin"]


def test_posts_of_another_tier_are_refused_by_name(province: Site) -> None:
    said = province.refuses("user", "add", "shen", "--name", "王五", "--role", "approver")
    assert said == "省级没有这个岗位：approver"


def test_a_join_code_is_for_a_direct_child(province: Site) -> None:
    assert "不是本节点的直接下级" in province.refuses("join-code", COUNTY)
    assert "12 位" in province.refuses("join-code", "4101")


def test_a_node_that_has_joined_does_not_join_again(province: Site, city: Site) -> None:
    assert "已经加入网络" in city.refuses("join", province.url, "aaaa-bbbb-cccc-dddd")


def test_certificates_are_listed_renewed_and_replaced_by_command(
    province: Site, city: Site
) -> None:
    assert re.search(rf"下级  .*（{CITY}）  有效，到 20\d\d", province.does("certificates"))
    listed = city.does("certificates")
    assert "本节点" in listed
    assert re.search(r"根证书指纹：([0-9a-f]{4} ?){16}", listed)
    assert "有效期到" in city.does("renew")
    assert "不用重新加入" in province.does("renew", CITY)
    assert "没有这个直接下级" in province.refuses("renew", "419001000000")
    assert f"wuji replace {CITY}" in province.refuses("join-code", CITY)
    replaced = province.wuji("replace", CITY)
    assert replaced.stdout.count("-") == 3
    assert "旧机器" in replaced.stderr


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("0123 4567 89AB cdef", True),
        ("0123-4567-89ab-cdef", True),
        ("0000 " * 12 + "0123 4567 89ab cdef", True),
        ("89abcdef", False),
        ("", False),
        ("0123456789abcdee", False),
        ("f" * 65, False),
    ],
)
def test_a_fingerprint_is_what_was_read_out_and_not_a_part_of_it(typed: str, *, same: bool) -> None:
    assert agrees("0" * 48 + "0123456789abcdef", typed) is same


def test_sync_once_brings_what_is_there_and_ends(province: Site, city: Site) -> None:
    assert city.does("sync", "--once")
    assert "parent_url" in province.refuses("sync", "--once")


def test_every_node_proves_itself(province: Site, city: Site) -> None:
    for each in (province, city):
        assert "✗" not in each.does("verify")
        findings = json.loads(each.does("verify", "--json"))
        assert all(finding["ok"] for finding in findings)


def test_migrate_and_job_say_what_they_did(province: Site) -> None:
    assert "最新版本" in province.does("migrate")
    assert "identity.sweep" in province.does("job")
    assert province.does("job", "identity.sweep").startswith("done")
    assert province.refuses("job", "nothing") == "没有这个定时任务"


def test_a_parent_that_is_off_is_a_sentence(tmp_path: Path, city: Site) -> None:
    lonely = site(tmp_path, CITY, port_run(1))
    said = lonely.refuses("join", "http://127.0.0.1:9", "aaaa-bbbb-cccc-dddd")
    assert "无法连接上级" in said


@pytest.fixture(scope="module")
def network(founded_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A founded network of which only the township runs."""
    with network_of(founded_network, tmp_path_factory.mktemp("host"), HANSI) as running:
        yield running


def _here(network: Network, code: str) -> Site:
    post = network.world.plan.post(code)  # type: ignore[arg-type]
    return Site(network.world.config(post), post.url)


def test_a_running_township_hosts_a_village_and_learns_of_it(network: Network) -> None:
    township, village = _here(network, HANSI), _here(network, HANSI_VILLAGE)
    assert "只有乡级节点" in village.refuses("host", ANOTHER_VILLAGE)
    assert "只有乡级节点" in township.refuses("host", "410122102201")

    assert ANOTHER_VILLAGE in township.does("host", ANOTHER_VILLAGE)

    with network.store(HANSI) as node:
        assert ANOTHER_VILLAGE in node.hosted
    said = township.does(
        "user", "add", "xin-cun", "--name", "赵六", "--role", "coordinator",
        "--scope", ANOTHER_VILLAGE,
    )  # fmt: skip
    assert "已建立用户 xin-cun" in said


def test_a_bulletin_is_traced_from_the_village_to_the_root(network: Network) -> None:
    village = _here(network, HANSI_VILLAGE)
    bulletin = network.clerk().get("/api/policy/bulletins")[0]["id"]

    said = village.does("trace", "policy.published", bulletin)

    assert "410000000000）down/all" in said
    assert said.count("证书 ") >= 1
    assert "✓ 记录、默克尔路径、段签名、证书链逐项成立" in said
    assert "没有收到过" in village.refuses("trace", "policy.published", "nothing")
    said = village.refuses(
        "erase", "policy.published", bulletin, "--reason", "x", "--by", "li", "--yes"
    )
    assert said == "只有签发的节点可以抹去自己的记录"


def test_one_sync_by_hand_is_enough(network: Network) -> None:
    """The village's node is off: a coordinator's work is sent by the command alone."""
    network.start(HANSI_VILLAGE, offline=True)
    assert network.send_roll(network.roll(3))["accepted"] == 3
    network.stop(HANSI_VILLAGE)

    said = _here(network, HANSI_VILLAGE).does("sync", "--once")

    assert said
    assert len(network.waiting_at(network.clerk())) == 3


@pytest.mark.postgres
def test_a_province_on_postgres_is_founded_run_and_proved(
    postgres_url: str, tmp_path: Path
) -> None:
    province = site(tmp_path, PROVINCE, port_run(1), database=postgres_url)
    assert "根证书指纹" in province.does("init")
    assert "已建立用户" in province.does(
        "user", "add", "zheng", "--name", "郑拟稿", "--role", "policy_officer"
    )
    with province.running():
        assert httpx.get(f"{province.url}/login").status_code == 200
        assert "wuji_" in httpx.get(f"{province.url}/metrics").text
        assert province.does("join-code", CITY).count("-") == 3
        assert "✗" not in province.does("verify")
