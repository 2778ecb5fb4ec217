//! What a guest may deliver.
