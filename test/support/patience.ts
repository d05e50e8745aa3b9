/**
 * How long tests wait for what they expect, in milliseconds. What comes at all comes much sooner, even on a busy machine: only
 * what hangs takes that long.
 */
export const PATIENCE = 60_000
