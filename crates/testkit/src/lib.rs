//! For tests only: real servers, fresh stores, actors, waiting for conditions.
