/**
 * How long tests wait for what must come, in milliseconds. What comes at all comes far sooner, on a machine that is busy with
 * something else too: only what hangs takes as long.
 */
export const PATIENCE = 60_000
