"""Secrets: what nobody but the owner may read.

The table of values stays public, so that a panel sees what is configured, and a row
filter takes the rows of secrets out of everything that others ask: queries, live
queries, caches. That a secret is set they learn from the view `mod_config`, which
never gives its text. The owner, as whom the gateway connects, sees all: it has to
write the text into the service's environment.

This is a rule for readers, and no encryption: log, snapshots, backups and dumps of
the registry hold secrets in clear, and whoever may read those files reads them.
"""

from examples.qsbridge.mods.tables import registry

__all__: list[str] = []

registry.row_filter("SELECT * FROM mod_config_value WHERE is_secret = FALSE")
