"""The independent twin of each headline statistic: same name, same signature, another route."""
