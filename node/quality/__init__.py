"""数据质量: what the facts contradict, found by named rules, worked off by the county."""
