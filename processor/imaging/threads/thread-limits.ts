/**
 * The limits of every thread. Node 24 reserves 512 MiB for a thread's machine code, in memory that RLIMIT_DATA counts,
 * so sixteen threads would use up the limit that a platform sets. Our threads need only a few MiB.
 */
export const threadLimits = { codeRangeSizeMb: 16 } as const;
