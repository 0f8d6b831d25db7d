/**
 * For every thread: Node 24 sets 512 MiB aside for a thread's machine code, in memory that RLIMIT_DATA counts, so that
 * sixteen threads would use up the limit that a platform sets. Ours need a few.
 */
export const threadLimits = { codeRangeSizeMb: 16 } as const;
