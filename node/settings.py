"""What an administrator sets for one node: a TOML file, overruled by environment variables.

`WUJI_DATABASE_URL=…` overrules `database_url`, `WUJI_SYNC__PARENT_URL=…` overrules
`parent_url` in the section `[sync]`.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tiers import Level, RegionCode


def _region(text: str) -> RegionCode:
    return RegionCode(text)


class SyncSettings(BaseModel):
    """How this node speaks with its parent and its children."""

    model_config = ConfigDict(extra="forbid")

    parent_url: str = Field(default="", description="上级节点地址，省级节点留空")
    wait_seconds: float = Field(default=25, ge=0, le=60, description="等待上级新数据的最长时间")
    seal_seconds: float = Field(default=1, gt=0, le=60, description="空闲多久后封装一次")
    request_skew_seconds: int = Field(default=300, ge=10, description="请求签名允许的时钟偏差")
    concurrent_requests: int = Field(default=8, ge=1, description="同时处理的下级请求数")
    report_minutes: float = Field(default=15, gt=0, description="向上报告运行状况的间隔")
    bundle_mib: int = Field(default=256, ge=1, description="网页上可导入的数据包，最大多少 MiB")


class AlertSettings(BaseModel):
    """From where on the network page, the navigation and the metrics call for somebody."""

    model_config = ConfigDict(extra="forbid")

    late_hours: float = Field(default=2, gt=0, description="多久没有消息显示为迟到")
    silent_hours: float = Field(default=48, gt=0, description="多久没有消息算失联")
    stuck_hours: float = Field(default=24, gt=0, description="待上送的记录最多等多久")
    quarantine_open: int = Field(default=100, ge=1, description="待人处理的搁置记录达到几条")
    quarantine_growth: int = Field(default=10, ge=1, description="一天里净增几条搁置记录")
    skew_seconds: float = Field(default=300, gt=0, description="时钟与上级相差多少秒")
    certificate_days: float = Field(default=30, gt=0, description="证书到期前多少天")


class LoginSettings(BaseModel):
    """Passwords and sessions."""

    model_config = ConfigDict(extra="forbid")

    failures_before_lock: int = Field(default=5, ge=1, description="连续输错几次后锁定")
    lock_minutes: int = Field(default=15, ge=1, description="锁定多久")
    session_hours: int = Field(default=12, ge=1, description="登录有效时间")
    idle_minutes: int = Field(default=120, ge=1, description="多久不用自动退出")
    secure_cookie: bool = Field(default=False, description="只在 HTTPS 下发送会话标识")
    cheap_passwords: bool = Field(default=False, description="仅用于演示和测试：降低口令散列强度")


class Settings(BaseSettings):
    """One node."""

    model_config = SettingsConfigDict(
        env_prefix="WUJI_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    region: Annotated[str, AfterValidator(_region)] = Field(description="本节点行政区划代码，12 位")
    name: str = Field(default="", description="页面抬头上的机构名称，留空则用区划名称")
    database_url: str = Field(description="数据库地址：sqlite:///文件 或 postgresql://…")
    secret_file: Path = Field(description="本节点的数据密钥文件，须单独备份")
    host: str = "127.0.0.1"
    port: int = Field(default=8410, ge=1, le=65535)
    archive_folder: Path | None = Field(
        default=None, description="归档文件放在哪个文件夹，留空则归档后不再读"
    )
    divisions_file: Path | None = Field(
        default=None, description="行政区划表，留空用随附的河南省表"
    )
    jobs: bool = Field(default=True, description="是否运行定时任务")
    log_level: str = "info"
    allow_unassigned_prefixes: bool = Field(
        default=False, description="仅用于演示和测试：接受未启用地区前缀的虚构号码而不提示"
    )
    clock_file: Path | None = Field(
        default=None, description="仅用于演示和演练：内含秒数的文件，时钟按它偏移"
    )
    bank_folder: Path | None = Field(
        default=None, description="与银行交换文件的文件夹，留空则由会计在网页上收发"
    )
    sync: SyncSettings = SyncSettings()
    alerts: AlertSettings = AlertSettings()
    login: LoginSettings = LoginSettings()

    @property
    def code(self) -> RegionCode:
        """This node's region, which is also its identity in the network."""
        return RegionCode(self.region)

    @property
    def level(self) -> Level:
        """The tier this node serves."""
        return self.code.level

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then what the file says."""
        return env_settings, init_settings


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Settings from a TOML file (if given) under the environment.

    Relative paths in the file are read from the folder the process runs in.
    """
    values: dict[str, Any] = {}
    if config is not None:
        values = dict(TomlConfigSettingsSource(Settings, toml_file=config)())
    return Settings(**(values | overrides))
