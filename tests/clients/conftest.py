"""The scripts are run by the Pythons of the clients; pytest leaves them alone."""

collect_ignore = ["scripts"]
