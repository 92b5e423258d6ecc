"""From a config and data to a resolved config that trains well."""
