//! The JSON door: routes, shapes, and the one place where an error becomes a status.
