//! The only door to a MySQL or MariaDB server.
