/**
 * The interpreter that computes nothing but shapes: running an architecture on it once tells which weights, caches and states
 * it needs, and finds operations that don't fit together before any tensor is read. Pure; throws what is a bug in an
 * architecture.
 */
