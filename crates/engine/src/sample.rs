//! A sample schema for trying things out.

use bough_model::{BranchId, DatabaseName};
use bough_mysql_client::quote_ident;

use crate::EngineError;
use crate::managed::ManagedEngine;

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(254) NOT NULL,
  name VARCHAR(200) NOT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  UNIQUE KEY email (email)
)",
    "CREATE TABLE IF NOT EXISTS orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  customer_id BIGINT UNSIGNED NOT NULL,
  total_cents BIGINT UNSIGNED NOT NULL,
  placed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY customer_id (customer_id),
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
)",
    "INSERT IGNORE INTO customers (id, email, name) VALUES (1, 'ada@example.com', 'Ada'), (2, 'grace@example.com', 'Grace')",
    "INSERT IGNORE INTO orders (id, customer_id, total_cents) VALUES (1, 1, 1250), (2, 2, 990)",
];

impl ManagedEngine {
    /// Makes two tables with a few rows, unless they are there.
    ///
    /// # Errors
    /// [`EngineError::Server`] when the server does not run or refuses.
    pub fn load_sample(&self, id: &BranchId, schema: &DatabaseName) -> Result<(), EngineError> {
        let loading = EngineError::server(id, "had the sample loaded");
        let mut conn = self.connect(id)?;
        let mut load = || {
            conn.execute(format!("USE {}", quote_ident(schema.as_str())))?;
            TABLES.iter().try_for_each(|statement| conn.execute(*statement).map(drop))
        };
        load().map_err(loading)
    }
}
