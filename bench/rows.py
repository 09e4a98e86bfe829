"""The rows of the report, in groups that are measured together."""
import rows_build
import rows_growth
import rows_ldd
import rows_registry

GROUPS = {**rows_ldd.GROUPS, **rows_build.GROUPS, **rows_registry.GROUPS, **rows_growth.GROUPS}
