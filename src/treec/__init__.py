"""treec: a schedule-guided, verifying compiler for decision-tree ensembles."""
