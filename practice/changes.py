"""What a member hears who saves on a page that is older than what stands."""


class ChangedMeanwhile(Exception):
    """Another page saved first, so nothing was changed by this one."""
