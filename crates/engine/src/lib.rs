//! What runs branches in a region: managed branch servers.
