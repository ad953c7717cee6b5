"""What the engine's incidents are called, and what a person does about each."""

TITLES = {
    "fork": "同号记录不一致",
    "ahead": "本机数据早于对方",
    "cloned": "两台机器同一身份",
    "unauthorised": "越权的记录",
    "revoked": "停用后仍在签发",
    "unreadable": "记录无法读取",
    "altered": "记录在途中被改动",
    "withheld": "收下后没有送到",
    "lost": "部分原件已失",
    "unchecked": "没有收到上级的对账",
}
