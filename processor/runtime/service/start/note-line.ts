/** Returns a line of the log for people in the form of all others: JSON. */
export const runNoteLine = (message: string): string =>
  `${JSON.stringify({ time: new Date().toISOString(), level: "info", message })}\n`;
