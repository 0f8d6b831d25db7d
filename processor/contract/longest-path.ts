/**
 * The most characters of a path that a file names: PATH_MAX of Linux. Longer ones are refused before they are joined
 * or normalized, for which Node takes time by the square of the length of `../../…`.
 */
export const longestPath = 4096;
