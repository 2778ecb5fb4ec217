//! What the guest is given, and who signs.
