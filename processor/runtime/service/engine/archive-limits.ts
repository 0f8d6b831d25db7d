/** What an uploaded archive may contain. Its links and devices are refused. */
export const archiveLimits = {
  maxEntries: 100_000,
  maxTotalBytes: 64 * 2 ** 30,
  maxRatio: 200,
  ratioFreeBytes: 64 * 2 ** 20,
} as const;
