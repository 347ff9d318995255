//! What is tried through the front door, by what it is about. One program, because each takes its time
//! to link after every change; each test still runs in a process of its own.

mod audit_api;
mod bad_input;
mod branch_changes;
mod clients;
mod connections;
mod counts;
mod databases_branches;
mod figures;
mod first_branch;
mod gateway;
mod hidden;
mod hostile;
mod lint;
mod park;
mod passwords;
mod people;
mod reference;
mod route_matrix;
mod secrets;
mod set_ends;
mod shapes;
mod sleep;
mod storm;
mod tokens;
mod wake;
