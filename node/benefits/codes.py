"""Code lists of a pension's life."""

from node.core.titled import TitledEnum


class BenefitState(TitledEnum):
    """Where a pension stands."""

    IN_FORCE = "in_force", "正常发放"
    SUSPENDED = "suspended", "暂停发放"
    ENDED = "ended", "终止发放"


class SuspensionReason(TitledEnum):
    """Why a pension is not paid for the time being."""

    NOT_CERTIFIED = "not_certified", "未通过生存认证"
    IMPRISONED = "imprisoned", "服刑"
    MISSING = "missing", "下落不明"
    DOUBLE_BENEFIT = "double_benefit", "疑似重复领取"
    CARD_DOUBT = "card_doubt", "身份或账户存疑"

    @property
    def pays_back(self) -> bool:
        """Whether the months are paid once it is over (补发); those of a sentence are not."""
        return self is not SuspensionReason.IMPRISONED


class CertificationMethod(TitledEnum):
    """How somebody was found to be alive."""

    FACE_TO_FACE = "face_to_face", "当面核验"
    HOME_VISIT = "home_visit", "入户核验"
    PHOTO = "photo", "照片视频"
    COMPARISON = "comparison", "数据比对"

    @property
    def is_seen(self) -> bool:
        """Whether somebody of ours has seen the person, and not only another office's data."""
        return self is not CertificationMethod.COMPARISON


class EndReason(TitledEnum):
    """Why a pension ended, or the saving for one (the codes of `registry.codes.CloseReason`)."""

    DEATH = "death", "死亡"
    EMIGRATED = "emigrated", "出国（境）定居"
    EMPLOYEES_SCHEME = "employees_scheme", "领取职工基本养老金"
    DUPLICATE = "duplicate", "重复参保"
    OTHER = "other", "其他原因"


class RecoveryCause(TitledEnum):
    """Why more was paid than was due."""

    LATE_DEATH = "late_death", "死亡后多发"
    DOUBLE_BENEFIT = "double_benefit", "重复领取"
    LOWERED = "lowered", "标准下调"
    OTHER = "other", "其他多发"
