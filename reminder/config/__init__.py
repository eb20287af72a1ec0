"""YAML → domain: the deployment's files, read strictly, with every problem at its `path:line:column`."""
