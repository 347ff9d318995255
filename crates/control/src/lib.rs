//! The control plane: features, reconciliation, audit.
