/**
 * The most characters of a path in a file, which is Linux's PATH_MAX. Longer paths are refused before they are joined
 * or normalized, because Node needs quadratic time for paths like `../../…`.
 */
export const longestPath = 4096;
