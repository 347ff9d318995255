//! Who may do what: accesses, operations, the decision. No I/O.
