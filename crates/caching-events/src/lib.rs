//! caching-events
