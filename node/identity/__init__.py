"""People who log in, and what each of them may do."""

from node.identity.duties import refuse_same_person, require, require_duty, require_inside

__all__ = ["refuse_same_person", "require", "require_duty", "require_inside"]
